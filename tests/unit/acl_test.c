/* acl_test.c - rules of users: what they mean and how they are told back. What stands in the tables
 * is what redis-server 7.0.15 made of the same words; its order of single commands is by chance. */
#include "server/acl.h"

#include "commands/acl_names.h"
#include "commands/table.h"
#include "server/acl_password.h"
#include "support/test_run.h"
#include "support/word_split.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define HASH_OF_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

static struct acl *acl;

static void set_up(void)
{
    table_init();
    ck_assert_int_eq(acl_create(acl_names(), &acl), STATUS_OK);
}

static void tear_down(void)
{
    acl_destroy(acl);
}

/* Sets rules; the answer as a client would see it, "" for OK. */
static const char *set(const char *user, const char *text)
{
    static char answer[1024];
    struct slice words[WORD_SPLIT_MAX];
    struct acl_user *staged;
    struct buffer why = {0};
    const struct acl_rules rules = {
        .user = slice_of_string(user), .words = words, .count = word_split(text, words)};
    enum status status = acl_stage(acl, &rules, &staged, &why);
    answer[0] = '\0';
    if (status == STATUS_OK) {
        ck_assert_int_eq(acl_commit(acl, staged), STATUS_OK);
    } else {
        ck_assert_int_eq(status, STATUS_INVALID);
        ck_assert_uint_lt(why.size, sizeof(answer));
        memcpy(answer, why.data, why.size);
        answer[why.size] = '\0';
    }
    buffer_deinit(&why);
    return answer;
}

static const char *describe(const char *name)
{
    static char text[4096];
    struct buffer out = {0};
    const struct acl_user *user = acl_find(acl, slice_of_string(name));
    ck_assert_ptr_nonnull(user);
    ck_assert_int_eq(acl_user_describe(user, acl_names(), &out), STATUS_OK);
    ck_assert_uint_lt(out.size, sizeof(text));
    memcpy(text, out.data, out.size);
    text[out.size] = '\0';
    buffer_deinit(&out);
    return text;
}

/* --- rules and their usual form --- */

static const struct {
    const char *rules;
    const char *text;
} accepted[] = {
    {"", "off resetchannels -@all"},
    {"on nopass", "on nopass resetchannels -@all"},
    {"on nopass >a", "on #" HASH_OF_A " resetchannels -@all"},
    {">a >a", "off #" HASH_OF_A " resetchannels -@all"},
    {">a <a", "off resetchannels -@all"},
    {">a nopass", "off nopass resetchannels -@all"},
    {"#" HASH_OF_A " !" HASH_OF_A, "off resetchannels -@all"},
    {"ON AllKeys allCHANNELS AllCommands", "on ~* &* +@all"},
    {"reset", "off sanitize-payload resetchannels -@all"},
    {"on >a ~k (+get) reset on", "on sanitize-payload resetchannels -@all"},
    {"skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all"},
    {"~b ~a ~b", "off ~b ~a resetchannels -@all"},
    {"%R~a %W~b %RW~c %wr~d", "off %R~a %W~b ~c ~d resetchannels -@all"},
    {"%R~a %W~a", "off ~a resetchannels -@all"},
    {"%RW~*", "off ~* resetchannels -@all"},
    {"%RW", "off ~ resetchannels -@all"},
    {"~a allkeys resetkeys ~b", "off ~b resetchannels -@all"},
    {"&a &b", "off resetchannels &a &b -@all"},
    {"&a allchannels", "off &* -@all"},
    {"+get", "off resetchannels -@all +get"},
    {"+GET -get", "off resetchannels -@all"},
    {"+@all -get", "off resetchannels +@all -get"},
    {"+@all -@dangerous +keys", "off resetchannels +@all -@admin -sort_ro -sort -flushdb -flushall "
                                "-migrate -restore -swapdb -info -restore-asking"},
    {"+@string -@write", "off resetchannels -@all +getrange +lcs +substr +get +mget +strlen"},
    {"+@hash", "off resetchannels -@all +@hash"},
    {"+config", "off resetchannels -@all +config"},
    {"+config -config|set", "off resetchannels -@all +config -config|set"},
    {"+config|get", "off resetchannels -@all +config|get"},
    {"+@all -config +config|get", "off resetchannels +@all -config +config|get"},
    {"+memory|doctor +memory", "off resetchannels -@all +memory"},
    {"+select|0 +select|1 +SELECT|0", "off resetchannels -@all +select|0 +select|1"},
    {"+select|0 +select", "off resetchannels -@all +select"},
    {"+select|0 -select", "off resetchannels -@all"},
    {"+hget +zadd", "off resetchannels -@all +hget +zadd"},
    {"(+get ~a)", "off resetchannels -@all (~a resetchannels -@all +get)"},
    {"( +get ~a )", "off resetchannels -@all (~a resetchannels -@all +get)"},
    {"(+get) (&* +set)", "off resetchannels -@all (resetchannels -@all +get) (&* -@all +set)"},
    {"() clearselectors", "off resetchannels -@all"},
};

/* The order of single commands is that of the table, which others add to: as sets. */
static bool has_same_words(const char *a, const char *b)
{
    struct slice words[2][64];
    size_t counts[2] = {0, 0};
    const char *texts[2] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        for (const char *at = texts[i]; *at != '\0';) {
            size_t size = strcspn(at, " ");
            words[i][counts[i]++] = slice_make(at, size);
            at += size + (at[size] == ' ' ? 1 : 0);
        }
    }
    for (size_t i = 0; i < counts[0]; i++) {
        bool found = false;
        for (size_t k = 0; k < counts[1]; k++) {
            found = found || slice_equal(words[0][i], words[1][k]);
        }
        if (!found) {
            return false;
        }
    }
    return counts[0] == counts[1];
}

START_TEST(rules_are_told_in_their_usual_form)
{
    ck_assert_str_eq(set("u", accepted[_i].rules), "");
    const char *text = describe("u");
    ck_assert_msg(has_same_words(text, accepted[_i].text), "%s: '%s', expected '%s'",
                  accepted[_i].rules, text, accepted[_i].text);
    /* And that makes the same user. */
    char again[4096];
    (void)snprintf(again, sizeof(again), "%s", text);
    ck_assert_str_eq(set("v", again), "");
    ck_assert_str_eq(describe("v"), again);
}
END_TEST

static const struct {
    const char *rules;
    const char *culprit;
    enum acl_error error;
} refused[] = {
    {"nonsense", "nonsense", ACL_ERROR_SYNTAX},
    {"on %", "%", ACL_ERROR_SYNTAX},
    {"%~a", "%~a", ACL_ERROR_SYNTAX},
    {"%RR~a", "%RR~a", ACL_ERROR_SYNTAX},
    {"%X~a", "%X~a", ACL_ERROR_SYNTAX},
    {"~a\tb", "~a\tb", ACL_ERROR_SYNTAX},
    {"&a\nb", "&a\nb", ACL_ERROR_SYNTAX},
    {"~* ~a", "~a", ACL_ERROR_KEYS_AFTER_ALL},
    {"&* &a", "&a", ACL_ERROR_CHANNELS_AFTER_ALL},
    {"<a", "<a", ACL_ERROR_NO_SUCH_PASSWORD},
    {"!" HASH_OF_A, "!" HASH_OF_A, ACL_ERROR_NO_SUCH_PASSWORD},
    {"#abc", "#abc", ACL_ERROR_BAD_HASH},
    {"!abc", "!abc", ACL_ERROR_BAD_HASH},
    {"+nosuch", "+nosuch", ACL_ERROR_UNKNOWN_COMMAND},
    {"-@nosuch", "-@nosuch", ACL_ERROR_UNKNOWN_COMMAND},
    {"+", "+", ACL_ERROR_UNKNOWN_COMMAND},
    {"+config|nosuch", "+config|nosuch", ACL_ERROR_UNKNOWN_COMMAND},
    {"-config|nosuch", "-config|nosuch", ACL_ERROR_UNKNOWN_COMMAND},
    {"-select|0", "-select|0", ACL_ERROR_UNKNOWN_COMMAND},
    {"+get|a|b", "+get|a|b", ACL_ERROR_UNKNOWN_COMMAND},
    {"+config|", "+config|", ACL_ERROR_SYNTAX},
    {"+select|", "+select|", ACL_ERROR_SYNTAX},
    {"+config|get|x", "+config|get|x", ACL_ERROR_FIRST_ARGUMENT},
    {"(on)", "(on)", ACL_ERROR_SYNTAX},
    {"(&* &a)", "(&* &a)", ACL_ERROR_CHANNELS_AFTER_ALL},
    {"(+get +nosuch )", "(+get +nosuch )", ACL_ERROR_UNKNOWN_COMMAND},
    {")", ")", ACL_ERROR_SYNTAX},
};

START_TEST(wrong_rules_change_nothing)
{
    char expected[512];
    ck_assert_str_eq(set("u", "on ~old +get"), "");
    char before[4096];
    (void)snprintf(before, sizeof(before), "%s", describe("u"));
    char rules[512];
    (void)snprintf(rules, sizeof(rules), "resetkeys >new off %s", refused[_i].rules);
    (void)snprintf(expected, sizeof(expected), "Error in ACL SETUSER modifier '%s': %s",
                   refused[_i].culprit, acl_error_text(refused[_i].error));
    ck_assert_str_eq(set("u", rules), expected);
    ck_assert_str_eq(describe("u"), before);
}
END_TEST

START_TEST(a_parenthesis_must_be_closed)
{
    ck_assert_str_eq(set("u", "+set (+get ~a"),
                     "Unmatched parenthesis in acl selector starting at '(+get'.");
    ck_assert_str_eq(set("u", "("), "Unmatched parenthesis in acl selector starting at '('.");
    ck_assert_ptr_null(acl_find(acl, SLICE_LITERAL("u")));
}
END_TEST

/* --- what is allowed --- */

static const struct acl_selector *own_selector(const char *user)
{
    return &acl_find(acl, slice_of_string(user))->selectors[0];
}

static bool allows(const char *user, const char *name, const char *first)
{
    struct slice argument = slice_of_string(first == NULL ? "" : first);
    size_t command = acl_commands_find(acl_names(), slice_of_string(name));
    ck_assert_uint_ne(command, ACL_NO_COMMAND);
    return acl_selector_allows_command(own_selector(user), command,
                                       first == NULL ? NULL : &argument);
}

START_TEST(commands)
{
    ck_assert_str_eq(set("u", "+get +config -config|set +select|0 +@transaction"), "");
    ck_assert(allows("u", "get", "key"));
    ck_assert(!allows("u", "set", "key"));
    ck_assert(allows("u", "config|get", "x"));
    ck_assert(!allows("u", "config|set", "x"));
    ck_assert(allows("u", "select", "0"));
    ck_assert(!allows("u", "select", "1"));
    ck_assert(!allows("u", "select", NULL));
    ck_assert(allows("u", "multi", NULL));
    ck_assert_str_eq(set("u", "+@all -@write"), "");
    ck_assert(allows("u", "config|set", "x"));
    ck_assert(!allows("u", "set", "key"));
    ck_assert(!allows("u", "hset", "key")); /* once it comes */
}
END_TEST

START_TEST(keys)
{
    ck_assert_str_eq(set("u", "~a* %R~r* %W~w*"), "");
    const struct acl_selector *selector = own_selector("u");
    static const struct {
        const char *key;
        uint32_t access;
        bool allowed;
    } rows[] = {
        {"a1", ACL_READ | ACL_WRITE, true},
        {"r1", ACL_READ, true},
        {"r1", ACL_WRITE, false},
        {"r1", ACL_READ | ACL_WRITE, false},
        {"w1", ACL_WRITE, true},
        {"w1", ACL_READ, false},
        {"r1", 0, true},
        {"x", 0, false},
        {"A1", ACL_READ, false},
        {"", 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(acl_selector_allows_key(selector, slice_of_string(rows[i].key),
                                              rows[i].access) == rows[i].allowed,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(channels)
{
    ck_assert_str_eq(set("u", "&news:* &one (&two)"), "");
    const struct acl_user *user = acl_find(acl, SLICE_LITERAL("u"));
    ck_assert(acl_user_allows_channel(user, SLICE_LITERAL("news:1"), false));
    ck_assert(acl_user_allows_channel(user, SLICE_LITERAL("two"), false));
    ck_assert(!acl_user_allows_channel(user, SLICE_LITERAL("three"), false));
    ck_assert(acl_user_allows_channel(user, SLICE_LITERAL("news:*"), true));
    ck_assert(!acl_user_allows_channel(user, SLICE_LITERAL("news:1"), true));
}
END_TEST

START_TEST(one_selector_has_to_allow_everything)
{
    ck_assert(acl_default_user(acl)->is_unrestricted);
    ck_assert_str_eq(set("u", "+@all ~*"), "");
    ck_assert(!acl_find(acl, SLICE_LITERAL("u"))->is_unrestricted);
    ck_assert_str_eq(set("u", "(&* +@all)"), "");
    ck_assert(!acl_find(acl, SLICE_LITERAL("u"))->is_unrestricted);
    ck_assert_str_eq(set("u", "&*"), "");
    ck_assert(acl_find(acl, SLICE_LITERAL("u"))->is_unrestricted);
    ck_assert_str_eq(set("u", "-get"), "");
    ck_assert(!acl_find(acl, SLICE_LITERAL("u"))->is_unrestricted);
    ck_assert_str_eq(set("u", "(+@all ~* &*)"), "");
    ck_assert(acl_find(acl, SLICE_LITERAL("u"))->is_unrestricted);
}
END_TEST

/* --- passwords --- */

START_TEST(passwords)
{
    char hash[ACL_HASH_SIZE + 1];
    acl_password_hash(SLICE_LITERAL("a"), hash);
    ck_assert_str_eq(hash, HASH_OF_A);
    acl_password_hash((struct slice){0}, hash);
    ck_assert_str_eq(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

    ck_assert_str_eq(set("u", ">a >b"), "");
    const struct acl_user *user = acl_find(acl, SLICE_LITERAL("u"));
    ck_assert(!acl_user_accepts(user, SLICE_LITERAL("a"))); /* it is off */
    ck_assert_str_eq(set("u", "on"), "");
    ck_assert(acl_user_accepts(user, SLICE_LITERAL("a")));
    ck_assert(acl_user_accepts(user, SLICE_LITERAL("b")));
    ck_assert(!acl_user_accepts(user, SLICE_LITERAL("c")));
    ck_assert(!acl_user_accepts(user, SLICE_LITERAL("")));
    ck_assert(!acl_user_accepts(user, SLICE_LITERAL(HASH_OF_A)));
    ck_assert_str_eq(set("u", "nopass"), "");
    ck_assert(acl_user_accepts(user, SLICE_LITERAL("c")));
}
END_TEST

START_TEST(default_user)
{
    ck_assert(!acl_asks_for_login(acl));
    ck_assert_int_eq(acl_set_default_password(acl, SLICE_LITERAL("a")), STATUS_OK);
    ck_assert(acl_asks_for_login(acl) && acl_has_password(acl));
    ck_assert_str_eq(describe("default"), "on #" HASH_OF_A " ~* &* +@all");
    ck_assert_int_eq(acl_set_default_password(acl, SLICE_LITERAL("")), STATUS_OK);
    ck_assert(!acl_asks_for_login(acl) && !acl_has_password(acl));
    ck_assert_str_eq(set("default", "off"), "");
    ck_assert(acl_asks_for_login(acl) && !acl_has_password(acl));
}
END_TEST

/* --- files --- */

static const char user_file[] = "user zoe on nopass\n"
                                "\n"
                                "  user amy on >a ~k* +get (+set ~x)  \r\n";

START_TEST(a_file_is_read)
{
    struct acl_users users = {0};
    struct buffer why = {0};
    struct buffer text = {0};
    const struct acl_text file = {"users.acl", SLICE_LITERAL(user_file)};
    ck_assert_int_eq(acl_users_parse(&file, acl_terms(acl), &users, &why), STATUS_OK);
    ck_assert_str_eq(set("old", "on"), "");
    const struct acl_user *the_default = acl_default_user(acl);
    ck_assert_int_eq(acl_exchange(acl, &users), STATUS_OK);
    ck_assert_ptr_eq(acl_default_user(acl), the_default); /* sessions point to it */
    ck_assert_uint_eq(users.count, 1);                    /* "old" */
    acl_users_clear(&users);
    ck_assert_int_eq(acl_users_describe(acl_users(acl), acl_names(), &text), STATUS_OK);
    static const char expected[] =
        "user amy on #" HASH_OF_A " ~k* resetchannels -@all +get (~x resetchannels -@all +set)\n"
        "user default on nopass ~* &* +@all\n"
        "user zoe on nopass resetchannels -@all\n";
    ck_assert(slice_equal(buffer_slice(&text), SLICE_LITERAL(expected)));
    buffer_deinit(&text);
    buffer_deinit(&why);
}
END_TEST

#define UNCHANGED                                                                                  \
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"

static const struct {
    const char *text;
    const char *why;
} wrong_files[] = {
    {"user a on\nuser a off", "WARNING: Duplicate user 'a' found on line 2. " UNCHANGED},
    {"# comment", "f:1 should start with user keyword followed by the username. " UNCHANGED},
    {"user", "f:1 should start with user keyword followed by the username. " UNCHANGED},
    {"USER a", "f:1 should start with user keyword followed by the username. " UNCHANGED},
    {"user a\tb on", "'f:1: username 'a\tb' contains invalid characters. " UNCHANGED},
    {"user a x y", "f:1: Syntax error. " UNCHANGED},
    {"\nuser a +x -y", "f:2: Error in applying operation '+x': Unknown command or category name in "
                       "ACL. f:2: Error in applying operation '-y': Unknown command or category "
                       "name in ACL. " UNCHANGED},
    {"user a (+get", "f:1: Unmatched parenthesis in selector definition." UNCHANGED},
};

START_TEST(a_wrong_file_is_refused)
{
    struct acl_users users = {0};
    struct buffer why = {0};
    const struct acl_text file = {"f", slice_of_string(wrong_files[_i].text)};
    ck_assert_int_eq(acl_users_parse(&file, acl_terms(acl), &users, &why), STATUS_INVALID);
    ck_assert_msg(slice_equal(buffer_slice(&why), slice_of_string(wrong_files[_i].why)), "'%.*s'",
                  (int)why.size, why.data);
    acl_users_clear(&users);
    buffer_deinit(&why);
}
END_TEST

/* --- the log --- */

static void note(struct acl_log *log, const char *object, int64_t time_ms)
{
    const struct acl_event event = {.reason = ACL_REASON_KEY,
                                    .object = slice_of_string(object),
                                    .user = SLICE_LITERAL("u"),
                                    .time_ms = time_ms};
    acl_log_add(log, &event, 12);
}

START_TEST(log_entries)
{
    struct acl_log log = {0};
    note(&log, "a", 1000);
    note(&log, "b", 1000);
    note(&log, "a", 61000);
    ck_assert_uint_eq(log.count, 2);
    ck_assert_uint_eq(log.newest->count, 2); /* moved to the front */
    ck_assert(slice_equal(log.newest->event.object, SLICE_LITERAL("a")));
    note(&log, "b", 61001); /* more than a minute later */
    ck_assert_uint_eq(log.count, 3);
    for (char name[2] = "c"; name[0] < 'c' + 10; name[0]++) {
        note(&log, name, 61001);
    }
    ck_assert_uint_eq(log.count, 12);
    note(&log, "b", 61001); /* ten lie before it */
    ck_assert_uint_eq(log.newest->count, 1);
    ck_assert_uint_eq(log.count, 12);
    acl_log_clear(&log);
    ck_assert_uint_eq(log.count, 0);
    ck_assert_ptr_null(log.newest);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("acl");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, rules_are_told_in_their_usual_form, 0,
                        sizeof(accepted) / sizeof(accepted[0]));
    tcase_add_loop_test(tcase, wrong_rules_change_nothing, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tcase, a_parenthesis_must_be_closed);
    tcase_add_test(tcase, commands);
    tcase_add_test(tcase, keys);
    tcase_add_test(tcase, channels);
    tcase_add_test(tcase, one_selector_has_to_allow_everything);
    tcase_add_test(tcase, passwords);
    tcase_add_test(tcase, default_user);
    tcase_add_test(tcase, a_file_is_read);
    tcase_add_loop_test(tcase, a_wrong_file_is_refused, 0,
                        sizeof(wrong_files) / sizeof(wrong_files[0]));
    tcase_add_test(tcase, log_entries);
    return test_run("acl", tcase);
}
