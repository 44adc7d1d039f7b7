/* client_filter_test.c - which connections CLIENT KILL means. */
#include "commands/client_filter.h"

#include "base/check.h"
#include "server/acl_users.h"
#include "support/test_run.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct acl_users users; /* those that there are: the default one */

/* Parses the words of a text, separated by single blanks; they stay valid as long as the text. */
static enum client_filter_error parse(const char *text, struct client_filter *filter,
                                      struct slice *culprit)
{
    struct slice words[16];
    size_t count = 0;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        words[count++] = slice_make(text, size);
        text += size;
        text += *text == ' ' ? 1 : 0;
    }
    *culprit = (struct slice){0};
    return client_filter_parse(words, count, &users, filter, culprit);
}

static bool is_meant(const char *text, const struct session *session, const struct session *me)
{
    struct client_filter filter;
    struct slice culprit;
    ck_assert_int_eq(parse(text, &filter, &culprit), FILTER_OK);
    return client_filter_matches(&filter, session, me);
}

START_TEST(reads_filters)
{
    struct client_filter filter;
    struct slice culprit;
    ck_assert_int_eq(parse("ID 12 TYPE Replica addr 1.2.3.4:5 LADDR /s:0 SkipMe no USER default",
                           &filter, &culprit),
                     FILTER_OK);
    ck_assert_uint_eq(filter.id, 12);
    ck_assert(filter.has_kind);
    ck_assert_int_eq(filter.kind, CLIENT_KIND_REPLICA);
    ck_assert(slice_equal(filter.address, SLICE_LITERAL("1.2.3.4:5")));
    ck_assert(slice_equal(filter.local_address, SLICE_LITERAL("/s:0")));
    ck_assert(!filter.skip_me);

    ck_assert_int_eq(parse("ID 9223372036854775807", &filter, &culprit), FILTER_OK);
    ck_assert(filter.skip_me);
    ck_assert(!filter.has_kind && !filter.has_address && !filter.has_local_address);
}
END_TEST

static const struct {
    const char *text;
    enum client_filter_error error;
    const char *culprit;
} wrong[] = {
    {"ID", FILTER_SYNTAX, ""},
    {"ID 3 SKIPME", FILTER_SYNTAX, ""},
    {"NAME x", FILTER_SYNTAX, "x"},
    {"MAXAGE 5", FILTER_SYNTAX, "5"},
    {"SKIPME maybe", FILTER_SYNTAX, "maybe"},
    {"ID 0", FILTER_ID, "0"},
    {"ID -1", FILTER_ID, "-1"},
    {"ID 9223372036854775808", FILTER_ID, "9223372036854775808"},
    {"ID 1x", FILTER_ID, "1x"},
    {"TYPE other", FILTER_KIND, "other"},
    {"USER Default", FILTER_USER, "Default"},
    {"USER nobody ID x", FILTER_USER, "nobody"}, /* the first that is wrong counts */
};

START_TEST(refuses)
{
    struct client_filter filter;
    struct slice culprit;
    ck_assert_int_eq(parse(wrong[_i].text, &filter, &culprit), wrong[_i].error);
    ck_assert(slice_equal(culprit, slice_of_string(wrong[_i].culprit)));
}
END_TEST

/* A socket with an address of this machine, and that as text. */
static int bound_socket(char *text, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof(address);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(descriptor >= 0 && bind(descriptor, (struct sockaddr *)&address, address_size) == 0);
    CHECK(getsockname(descriptor, (struct sockaddr *)&address, &address_size) == 0);
    (void)snprintf(text, size, "127.0.0.1:%u", ntohs(address.sin_port));
    return descriptor;
}

START_TEST(means)
{
    char here[64];
    int descriptor = bound_socket(here, sizeof(here));
    struct session me = {.id = 1,
                         .user = users.items[0],
                         .address = (char[]){"1.2.3.4:5"},
                         .descriptor = descriptor};
    struct session other = {.id = 2,
                            .user = users.items[0],
                            .address = (char[]){"1.2.3.4:6"},
                            .descriptor = descriptor};
    char text[128];

    ck_assert(!is_meant("SKIPME yes", &me, &me));
    ck_assert(is_meant("SKIPME no", &me, &me));
    ck_assert(is_meant("SKIPME yes", &other, &me));
    ck_assert(is_meant("ID 2", &other, &me));
    ck_assert(!is_meant("ID 1", &me, &me));
    ck_assert(!is_meant("ID 3", &other, &me));
    ck_assert(is_meant("TYPE normal", &other, &me));
    ck_assert(!is_meant("TYPE pubsub", &other, &me));
    ck_assert(is_meant("ADDR 1.2.3.4:6", &other, &me));
    ck_assert(!is_meant("ADDR 1.2.3.4:60", &other, &me));
    (void)snprintf(text, sizeof(text), "LADDR %s ID 2 USER default", here);
    ck_assert(is_meant(text, &other, &me));
    (void)snprintf(text, sizeof(text), "LADDR %s ID 2 ADDR 1.2.3.4:5", here);
    ck_assert(!is_meant(text, &other, &me));
    ck_assert(!is_meant("LADDR 127.0.0.1:1", &other, &me));
    (void)close(descriptor);
}
END_TEST

START_TEST(means_users)
{
    struct acl_user *somebody;
    ck_assert_int_eq(acl_user_create(SLICE_LITERAL("somebody"), false, &somebody), STATUS_OK);
    struct session theirs = {.id = 1, .user = somebody};
    struct session ours = {.id = 2, .user = users.items[0]};
    ck_assert(is_meant("USER default", &ours, NULL));
    ck_assert(!is_meant("USER default", &theirs, NULL));
    ck_assert(!is_meant("USER default SKIPME yes", &ours, &ours));
    acl_user_destroy(somebody);
}
END_TEST

/* An address that is there but empty means nobody, not everybody. */
START_TEST(empty_address_means_nobody)
{
    struct session session = {.id = 1, .address = (char[]){"1.2.3.4:5"}};
    struct slice arguments[] = {SLICE_LITERAL("ADDR"), {.data = NULL, .size = 0}};
    struct client_filter filter;
    struct slice culprit;
    ck_assert_int_eq(client_filter_parse(arguments, 2, &users, &filter, &culprit), FILTER_OK);
    ck_assert(!client_filter_matches(&filter, &session, NULL));
}
END_TEST

int main(void)
{
    static const struct acl_commands commands;
    const struct acl_terms terms = {.commands = &commands};
    struct acl_user *user;
    CHECK(acl_users_create_default(&terms, &user) == STATUS_OK);
    CHECK(acl_users_add(&users, user) == STATUS_OK);
    TCase *tcase = tcase_create("client_filter");
    tcase_add_test(tcase, reads_filters);
    tcase_add_loop_test(tcase, refuses, 0, sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_test(tcase, means);
    tcase_add_test(tcase, means_users);
    tcase_add_test(tcase, empty_address_means_nobody);
    return test_run("client_filter", tcase);
}
