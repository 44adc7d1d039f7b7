/* save_points_test.c - when a save is due. */
#include "commands/save_points.h"

#include "support/test_run.h"

#include <check.h>

static bool is_due(const char *points, uint64_t changes, int64_t passed_ms)
{
    return save_points_are_due(slice_of_string(points), changes, passed_ms);
}

START_TEST(a_point_wants_both)
{
    ck_assert(is_due("60 10", 10, 60000));
    ck_assert(is_due("60 10", UINT64_MAX, INT64_MAX));
    ck_assert(!is_due("60 10", 9, 60000));
    ck_assert(!is_due("60 10", 10, 59999));
    ck_assert(!is_due("60 10", 10, -1));
}
END_TEST

START_TEST(any_point_does)
{
    ck_assert(is_due("3600 1 300 100", 1, 3600000));
    ck_assert(is_due("3600 1 300 100", 100, 300000));
    ck_assert(!is_due("3600 1 300 100", 99, 300000));
}
END_TEST

START_TEST(nothing_changed_is_nothing_to_save)
{
    ck_assert(!is_due("1 0", 0, 60000));
    ck_assert(is_due("1 0", 1, 60000));
    ck_assert(!is_due("", 1000000, INT64_MAX));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("save points");
    tcase_add_test(tests, a_point_wants_both);
    tcase_add_test(tests, any_point_does);
    tcase_add_test(tests, nothing_changed_is_nothing_to_save);
    return test_run("save points", tests);
}
