/* bitfield_number_test.c - integers of any width against arithmetic with more bits. */
#include "commands/bitfield_number.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 20000

__extension__ typedef __int128 wide;

static struct bitfield_type random_type(struct test_random *random)
{
    bool is_signed = test_random_one_in(random, 2);
    return (struct bitfield_type){.is_signed = is_signed,
                                  .bits =
                                      1 + (unsigned)test_random_below(random, is_signed ? 64 : 63)};
}

static wide lowest(struct bitfield_type type)
{
    return type.is_signed ? -((wide)1 << (type.bits - 1)) : 0;
}

static wide highest(struct bitfield_type type)
{
    return ((wide)1 << (type.is_signed ? type.bits - 1 : type.bits)) - 1;
}

/* The number of the type that is equal to `number`, but for a multiple of 2^bits. */
static int64_t wrapped(struct bitfield_type type, wide number)
{
    wide modulus = (wide)1 << type.bits;
    wide rest = ((number - lowest(type)) % modulus + modulus) % modulus;
    return (int64_t)(rest + lowest(type));
}

/* Numbers near the ends of ranges, or any. */
static int64_t random_number(struct test_random *random, struct bitfield_type type)
{
    int64_t near = (int64_t)test_random_below(random, 5) - 2;
    switch (test_random_below(random, 4)) {
    case 0:
        return (int64_t)((uint64_t)(int64_t)highest(type) + (uint64_t)near);
    case 1:
        return (int64_t)((uint64_t)(int64_t)lowest(type) + (uint64_t)near);
    case 2:
        return near;
    default:
        return (int64_t)test_random_next(random);
    }
}

START_TEST(stores_what_it_loads)
{
    struct test_random random;
    test_random_init(&random, test_seed("bitfield_number_test"));
    for (int round = 0; round < (int)(ROUNDS * test_scale()); round++) {
        struct bitfield_type type = random_type(&random);
        unsigned shift = (unsigned)test_random_below(&random, 8);
        uint8_t bytes[BITFIELD_BYTES];
        uint8_t before[BITFIELD_BYTES];
        test_random_fill(&random, bytes, sizeof(bytes));
        memcpy(before, bytes, sizeof(bytes));
        int64_t number = random_number(&random, type);
        int64_t old = bitfield_load(bytes, shift, type);
        bitfield_store(bytes, shift, type, number);
        ck_assert_int_eq(bitfield_load(bytes, shift, type), wrapped(type, number));
        bitfield_store(bytes, shift, type, old); /* so that all is as before, but for what leaked */
        ck_assert_mem_eq(bytes, before, sizeof(bytes));
    }
}
END_TEST

START_TEST(adds)
{
    struct test_random random;
    test_random_init(&random, test_seed("bitfield_number_test"));
    for (int round = 0; round < (int)(ROUNDS * test_scale()); round++) {
        struct bitfield_type type = random_type(&random);
        int64_t number = wrapped(type, random_number(&random, type));
        int64_t increment = random_number(&random, type);
        wide sum = (wide)number + increment;
        bool fits = sum >= lowest(type) && sum <= highest(type);
        int64_t result = 42;
        ck_assert(bitfield_add(type, BITFIELD_WRAP, number, increment, &result));
        ck_assert_int_eq(result, wrapped(type, sum));
        ck_assert(bitfield_add(type, BITFIELD_SATURATE, number, increment, &result));
        wide saturated = sum > highest(type)  ? highest(type)
                         : sum < lowest(type) ? lowest(type)
                                              : sum;
        ck_assert_int_eq(result, (int64_t)saturated);
        result = 42;
        ck_assert_int_eq(bitfield_add(type, BITFIELD_FAIL, number, increment, &result), fits);
        ck_assert_int_eq(result, fits ? (int64_t)sum : 42);
    }
}
END_TEST

/* What redis-server 7.0.15 answers to BITFIELD k OVERFLOW SAT SET type 0 number GET type 0. */
START_TEST(sets_numbers_out_of_range)
{
    static const struct {
        bool is_signed;
        unsigned bits;
        int64_t number;
        int64_t result;
    } rows[] = {
        {true, 8, 128, 127},        {true, 8, -129, -128},
        {true, 8, INT64_MAX, 127},  {true, 8, INT64_MIN, 127},
        {true, 8, -INT64_MAX, 127}, {false, 8, 256, 255},
        {false, 8, -1, 255},        {false, 8, INT64_MIN, 255},
        {false, 63, -1, INT64_MAX}, {true, 64, INT64_MIN, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bitfield_type type = {.is_signed = rows[i].is_signed, .bits = rows[i].bits};
        int64_t result = 42;
        ck_assert(bitfield_add(type, BITFIELD_SATURATE, rows[i].number, 0, &result));
        ck_assert_msg(result == rows[i].result, "row %zu: %lld", i, (long long)result);
    }
}
END_TEST

int main(void)
{
    TCase *test_case = tcase_create("bitfield_number");
    tcase_add_test(test_case, stores_what_it_loads);
    tcase_add_test(test_case, adds);
    tcase_add_test(test_case, sets_numbers_out_of_range);
    return test_run("bitfield_number", test_case);
}
