/* glob_test.c - patterns as redis-server 7.0.15 matches them (its KEYS gave the expectations). */
#include "base/glob.h"

#include "support/test_run.h"

#include <check.h>

struct row {
    struct slice pattern;
    struct slice text;
    bool matches;
};

#define ROW(pattern, text, matches)                                                                \
    {                                                                                              \
        SLICE_LITERAL(pattern), SLICE_LITERAL(text), matches                                       \
    }

static const struct row rows[] = {
    ROW("", "", true),
    ROW("", "a", false),
    ROW("a", "", false),
    ROW("*", "", false), /* Redis's: only an empty pattern matches an empty text */
    ROW("*", "a", true),
    ROW("**", "abc", true),
    ROW("abc", "abc", true),
    ROW("abc", "abd", false),
    ROW("abc", "ab", false),
    ROW("ab", "abc", false),
    ROW("a*", "a", true),
    ROW("a**", "a", true),
    ROW("a*c", "abbbc", true),
    ROW("a*c", "abbbd", false),
    ROW("*b*", "aba", true),
    ROW("*a*a*a", "aaa", true),
    ROW("*a*a*a*a", "aaa", false),
    ROW("a*?", "a", false),
    ROW("a*?", "ab", true),
    ROW("?", "a", true),
    ROW("?", "", false),
    ROW("??", "a", false),
    ROW("a\0b", "a\0b", true),
    ROW("a?b", "a\0b", true),
    ROW("[abc]", "b", true),
    ROW("[abc]", "d", false),
    ROW("[^abc]", "d", true),
    ROW("[^abc]", "a", false),
    ROW("[a-c]x", "bx", true),
    ROW("[c-a]x", "bx", true),
    ROW("[a-c]", "d", false),
    ROW("[a-]", "-", false), /* a range up to the bracket, and no end */
    ROW("[a-]", "a", true),
    ROW("[]", "a", false),
    ROW("[^]", "a", true),
    ROW("[", "[", false),
    ROW("[a", "a", true), /* a class that isn't closed ends with the pattern */
    ROW("[a", "ab", false),
    ROW("[\\]]", "]", true),
    ROW("[\\-a]", "-", true),
    ROW("[^\\^]", "^", false),
    ROW("[a-\xff]", "b", false), /* bytes are signed */
    ROW("[\x80-\xff]", "\xc3", true),
    ROW("\\*", "*", true),
    ROW("\\*", "a", false),
    ROW("\\a", "a", true),
    ROW("\\", "\\", true),
    ROW("a\\", "a\\", true),
    ROW("\\[a]", "[a]", true),
};

START_TEST(matches_as_redis)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(glob_match(rows[i].pattern, rows[i].text, false) == rows[i].matches,
                      "pattern '%s', text '%s': expected %d", rows[i].pattern.data,
                      rows[i].text.data, (int)rows[i].matches);
    }
}
END_TEST

START_TEST(ignores_case_when_asked)
{
    ck_assert(glob_match(SLICE_LITERAL("MAX*"), SLICE_LITERAL("maxclients"), true));
    ck_assert(!glob_match(SLICE_LITERAL("MAX*"), SLICE_LITERAL("maxclients"), false));
    ck_assert(glob_match(SLICE_LITERAL("[A-C]"), SLICE_LITERAL("b"), true));
    ck_assert(glob_match(SLICE_LITERAL("[b]"), SLICE_LITERAL("B"), true));
}
END_TEST

/* With recursion for each star, this takes longer than the universe will last. */
START_TEST(many_stars_take_no_time)
{
    char pattern[256];
    char text[4096];
    for (size_t i = 0; i + 1 < sizeof(pattern); i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[sizeof(pattern) - 1] = 'b';
    memset(text, 'a', sizeof(text));
    ck_assert(
        !glob_match(slice_make(pattern, sizeof(pattern)), slice_make(text, sizeof(text)), false));
}
END_TEST

/* redis-server matches 1000 and not 1001. */
START_TEST(too_many_stars_match_nothing)
{
    char pattern[2 * 1001];
    char text[2000];
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < sizeof(pattern); i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = '?';
    }
    struct slice whole = slice_make(text, sizeof(text));
    ck_assert(glob_match(slice_make(pattern, 2 * 1000), whole, false));
    ck_assert(!glob_match(slice_make(pattern, 2 * 1001), whole, false));
    memset(pattern, '*', sizeof(pattern));
    ck_assert(glob_match(slice_make(pattern, sizeof(pattern)), whole, false));
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, matches_as_redis);
    tcase_add_test(core, ignores_case_when_asked);
    tcase_add_test(core, many_stars_take_no_time);
    tcase_add_test(core, too_many_stars_match_nothing);
    return test_run("glob", core);
}
