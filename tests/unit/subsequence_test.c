/* subsequence_test.c - the longest common subsequence against its definition. */
#include "commands/subsequence.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* By the definition, exponential: for short strings. */
static size_t longest(struct slice a, struct slice b)
{
    if (a.size == 0 || b.size == 0) {
        return 0;
    }
    struct slice a_rest = slice_part(a, 1, a.size - 1);
    struct slice b_rest = slice_part(b, 1, b.size - 1);
    if (a.data[0] == b.data[0]) {
        return 1 + longest(a_rest, b_rest);
    }
    size_t without_a = longest(a_rest, b);
    size_t without_b = longest(a, b_rest);
    return without_a > without_b ? without_a : without_b;
}

struct visited {
    struct slice a;
    struct slice b;
    size_t a_end; /* runs end before this */
    size_t b_end;
    size_t total;
};

static void check_run(void *context, const struct subsequence_match *match)
{
    struct visited *visited = context;
    size_t size = match->a_last - match->a_first + 1;
    ck_assert_uint_eq(match->b_last - match->b_first + 1, size);
    ck_assert_uint_lt(match->a_last, visited->a_end);
    ck_assert_uint_lt(match->b_last, visited->b_end);
    ck_assert_mem_eq(visited->a.data + match->a_first, visited->b.data + match->b_first, size);
    visited->a_end = match->a_first;
    visited->b_end = match->b_first;
    visited->total += size;
}

static void check_pair(struct slice a, struct slice b)
{
    struct subsequence subsequence;
    ck_assert_int_eq(subsequence_init(&subsequence, a, b), STATUS_OK);
    ck_assert_uint_eq(subsequence_length(&subsequence), longest(a, b));
    struct visited visited = {.a = a, .b = b, .a_end = a.size, .b_end = b.size};
    subsequence_each(&subsequence, check_run, &visited);
    ck_assert_uint_eq(visited.total, subsequence_length(&subsequence));
    subsequence_deinit(&subsequence);
}

START_TEST(agrees_with_the_definition)
{
    struct test_random random;
    test_random_init(&random, test_seed("subsequence_test"));
    for (int round = 0; round < 3000; round++) {
        char bytes[2][9];
        struct slice strings[2];
        uint64_t letters = 1 + test_random_below(&random, 4);
        for (size_t i = 0; i < 2; i++) {
            strings[i] = slice_make(bytes[i], test_random_below(&random, sizeof(bytes[i]) + 1));
            for (size_t j = 0; j < sizeof(bytes[i]); j++) {
                bytes[i][j] = (char)('a' + test_random_below(&random, letters));
            }
        }
        check_pair(strings[0], strings[1]);
    }
}
END_TEST

START_TEST(of_empty_strings)
{
    check_pair(slice_make(NULL, 0), slice_make(NULL, 0));
    check_pair(slice_make("a", 1), slice_make(NULL, 0));
    check_pair(slice_make(NULL, 0), slice_make("a", 1));
}
END_TEST

START_TEST(memory_does_not_overflow)
{
    ck_assert_uint_eq(subsequence_memory(0, 0), 4);
    ck_assert_uint_eq(subsequence_memory(9, 99), 4000);
    ck_assert_uint_eq(subsequence_memory(SUBSEQUENCE_SIZE_MAX, SUBSEQUENCE_SIZE_MAX), UINT64_MAX);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, agrees_with_the_definition);
    tcase_add_test(core, of_empty_strings);
    tcase_add_test(core, memory_does_not_overflow);
    return test_run("subsequence", core);
}
