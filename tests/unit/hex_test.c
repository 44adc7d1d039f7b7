/* hex_test.c - bytes as hexadecimal digits. */
#include "base/hex.h"

#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

START_TEST(each_byte_is_what_printf_makes_of_it)
{
    for (unsigned i = 0; i < 256; i++) {
        const uint8_t bytes[2] = {(uint8_t)i, (uint8_t)(255 - i)};
        char digits[6] = "?????";
        char expected[6];
        (void)snprintf(expected, sizeof(expected), "%02x%02x", bytes[0], bytes[1]);
        hex_encode(bytes, sizeof(bytes), digits);
        ck_assert_str_eq(digits, expected);
        ck_assert_int_eq(digits[5], '\0');
    }
}
END_TEST

START_TEST(of_nothing_there_is_an_empty_text)
{
    char digits[2] = "?";
    hex_encode(NULL, 0, digits);
    ck_assert_str_eq(digits, "");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("hex");
    tcase_add_test(tests, each_byte_is_what_printf_makes_of_it);
    tcase_add_test(tests, of_nothing_there_is_an_empty_text);
    return test_run("hex", tests);
}
