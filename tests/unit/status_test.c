/* status_test.c - names and words of statuses, and error texts. */
#include "base/status.h"

#include "support/test_run.h"

#include <check.h>
#include <string.h>

START_TEST(every_status_has_a_name_and_words)
{
    for (int status = 0; status < STATUS_COUNT; status++) {
        ck_assert_uint_gt(strlen(status_name((enum status)status)), 0);
        ck_assert_uint_gt(strlen(status_words((enum status)status)), 0);
    }
    ck_assert_str_eq(status_name(STATUS_DISK_FULL), "DISK_FULL");
    ck_assert_str_eq(status_words(STATUS_OK), "no error");
}
END_TEST

START_TEST(unknown_statuses)
{
    ck_assert_str_eq(status_name((enum status)STATUS_COUNT), "UNKNOWN");
    ck_assert_str_eq(status_words((enum status) - 1), "unknown status");
}
END_TEST

START_TEST(error_texts)
{
    struct error error;
    ck_assert_int_eq(error_set(&error, STATUS_IO, "%s at %d", "log", 7), STATUS_IO);
    ck_assert_str_eq(error.text, "log at 7");
    ck_assert_int_eq(error_set(NULL, STATUS_CORRUPT, "%d", 1), STATUS_CORRUPT);

    char lengthy[2 * sizeof(error.text)];
    memset(lengthy, 'x', sizeof(lengthy) - 1);
    lengthy[sizeof(lengthy) - 1] = '\0';
    ck_assert_int_eq(error_set(&error, STATUS_IO, "%s", lengthy), STATUS_IO);
    ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, every_status_has_a_name_and_words);
    tcase_add_test(core, unknown_statuses);
    tcase_add_test(core, error_texts);
    return test_run("status", core);
}
