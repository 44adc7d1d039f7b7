/* crc64_test.c - the checksum of dumps against one bit at a time. */
#include "base/crc64.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>

#define SIZE_MAX_TESTED 100
#define ROUNDS          2000

/* By the definition, with the polynomial as it is published: bits enter lowest first, the register
 * shifts to the left, and is read in reverse. */
static uint64_t by_definition(const unsigned char *data, size_t size)
{
    const uint64_t polynomial = 0xad93d23594c935a9ULL;
    uint64_t shifted = 0;
    for (size_t i = 0; i < 8 * size; i++) {
        uint64_t bit = (uint64_t)(data[i / 8] >> i % 8 & 1) ^ shifted >> 63;
        shifted = shifted << 1 ^ (bit != 0 ? polynomial : 0);
    }
    uint64_t crc = 0;
    for (int i = 0; i < 64; i++) {
        crc |= (shifted >> i & 1) << (63 - i);
    }
    return crc;
}

START_TEST(known_values)
{
    ck_assert_uint_eq(crc64(0, SLICE_LITERAL("123456789")), 0xe9c6d914c4b8d9caULL);
    ck_assert_uint_eq(crc64(0, slice_make(NULL, 0)), 0);
}
END_TEST

START_TEST(agrees_with_the_definition)
{
    struct test_random random;
    test_random_init(&random, test_seed("crc64_test"));
    for (int round = 0; round < (int)(ROUNDS * test_scale()); round++) {
        unsigned char bytes[SIZE_MAX_TESTED];
        test_random_fill(&random, bytes, sizeof(bytes));
        size_t size = test_random_below(&random, sizeof(bytes) + 1);
        uint64_t expected = by_definition(bytes, size);
        ck_assert_uint_eq(crc64(0, slice_make(bytes, size)), expected);
        size_t first = test_random_below(&random, size + 1);
        uint64_t crc = crc64(0, slice_make(bytes, first));
        ck_assert_uint_eq(crc64(crc, slice_make(bytes + first, size - first)), expected);
    }
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, known_values);
    tcase_add_test(core, agrees_with_the_definition);
    return test_run("crc64", core);
}
