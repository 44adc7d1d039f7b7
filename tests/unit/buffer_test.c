/* buffer_test.c - growing, exact reservations, consuming, and sizes that can't be. */
#include "base/buffer.h"

#include "support/test_run.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>

START_TEST(appends)
{
    struct buffer buffer = {0};
    ck_assert_int_eq(buffer_append(&buffer, NULL, 0), STATUS_OK);
    ck_assert_ptr_null(buffer.data);
    for (int i = 0; i < 10000; i++) {
        char byte = (char)i;
        ck_assert_int_eq(buffer_append(&buffer, &byte, 1), STATUS_OK);
    }
    ck_assert_uint_eq(buffer.size, 10000);
    ck_assert_uint_lt(buffer.capacity, 20000);
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(buffer.data[i], (char)i);
    }
    struct slice slice = buffer_slice(&buffer);
    ck_assert_ptr_eq(slice.data, buffer.data);
    ck_assert_uint_eq(slice.size, 10000);
    buffer_deinit(&buffer);
    ck_assert_ptr_null(buffer.data);
    ck_assert_uint_eq(buffer.capacity, 0);
}
END_TEST

START_TEST(reserves)
{
    struct buffer buffer;
    buffer_init(&buffer);
    ck_assert_int_eq(buffer_reserve_exact(&buffer, 1001), STATUS_OK);
    ck_assert_uint_eq(buffer.capacity, 1001);
    ck_assert_int_eq(buffer_append(&buffer, "0123456789", 10), STATUS_OK);
    ck_assert_int_eq(buffer_reserve_exact(&buffer, 991), STATUS_OK);
    ck_assert_uint_eq(buffer.capacity, 1001);
    ck_assert_int_eq(buffer_reserve(&buffer, 992), STATUS_OK);
    ck_assert_uint_ge(buffer.capacity, 1501);
    ck_assert_uint_eq(buffer.size, 10);
    ck_assert_mem_eq(buffer.data, "0123456789", 10);
    buffer_deinit(&buffer);
}
END_TEST

START_TEST(refuses_what_no_memory_holds)
{
    struct buffer buffer = {0};
    ck_assert_int_eq(buffer_append(&buffer, "abc", 3), STATUS_OK);
    struct buffer before = buffer;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX / 2, SIZE_MAX / 2 - 2};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ck_assert_int_eq(buffer_reserve(&buffer, sizes[i]), STATUS_NO_MEMORY);
        ck_assert_int_eq(buffer_reserve_exact(&buffer, sizes[i]), STATUS_NO_MEMORY);
        ck_assert_mem_eq(&buffer, &before, sizeof(buffer));
    }
    buffer_deinit(&buffer);
}
END_TEST

START_TEST(consumes)
{
    struct buffer buffer = {0};
    buffer_consume(&buffer, 0);
    ck_assert_int_eq(buffer_append(&buffer, "abcdef", 6), STATUS_OK);
    buffer_consume(&buffer, 0);
    ck_assert_uint_eq(buffer.size, 6);
    buffer_consume(&buffer, 4);
    ck_assert(slice_equal(buffer_slice(&buffer), SLICE_LITERAL("ef")));
    buffer_consume(&buffer, 2);
    ck_assert_uint_eq(buffer.size, 0);
    buffer_deinit(&buffer);
}
END_TEST

START_TEST(consuming_too_much_aborts)
{
    struct buffer buffer = {0};
    buffer_consume(&buffer, 1);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, appends);
    tcase_add_test(core, reserves);
    tcase_add_test(core, refuses_what_no_memory_holds);
    tcase_add_test(core, consumes);
    tcase_add_test_raise_signal(core, consuming_too_much_aborts, SIGABRT);
    return test_run("buffer", core);
}
