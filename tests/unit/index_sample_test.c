/* index_sample_test.c - samples of the index: each slot in its turn, and clocks. */
#include "engine/index.h"
#include "engine/record.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 50000 /* several tables */

static struct index_budget budget;
static struct index *map; /* the index under test */

static void set_up(void)
{
    budget = (struct index_budget){0};
    ck_assert_int_eq(index_create(&budget, &map), STATUS_OK);
}

static void tear_down(void)
{
    index_verify(map);
    index_destroy(map);
}

static struct index_hash hash_of(uint64_t number)
{
    struct test_random random;
    test_random_init(&random, number);
    return index_hash_of(test_random_next(&random));
}

/* Key `number` stands at the address number + 1. */
static void insert(uint64_t number, int64_t expiry_ms)
{
    struct index_entry entry = {
        .hash = hash_of(number), .address = {.units = number + 1}, .expiry_ms = expiry_ms};
    if (index_insert(map, &entry) != STATUS_OK) {
        ck_abort_msg("an insert failed");
    }
}

static void insert_range(uint64_t from, uint64_t to, int64_t expiry_ms)
{
    for (uint64_t i = from; i < to; i++) {
        insert(i, expiry_ms);
    }
}

static uint8_t clock_of(uint64_t number)
{
    struct index_entry out[1];
    uint64_t cursor = hash_of(number).bits;
    struct index_sampling one = {.count = 1};
    ck_assert_uint_eq(index_sample(map, &cursor, &one, out), 1);
    ck_assert_uint_eq(out[0].address.units, number + 1);
    return out[0].clock;
}

/* Takes samples until `expected` slots have been told, each of them once. */
static void expect_round(uint64_t *cursor, const struct index_sampling *sampling, size_t expected)
{
    static uint8_t seen[KEYS + 1];
    struct index_entry out[64];
    memset(seen, 0, sizeof(seen));
    for (size_t told = 0; told < expected;) {
        size_t count = index_sample(map, cursor, sampling, out);
        ck_assert_uint_gt(count, 0);
        for (size_t i = 0; i < count && told < expected; i++, told++) {
            uint64_t number = out[i].address.units;
            ck_assert_msg(seen[number] == 0, "slot %llu twice", (unsigned long long)number);
            seen[number] = 1;
            ck_assert(!sampling->expiring_only || out[i].expiry_ms != EXPIRY_NONE);
        }
    }
}

START_TEST(each_slot_has_its_turn)
{
    uint64_t cursor = 0;
    struct index_sampling sampling = {.count = 7};
    insert_range(0, KEYS, EXPIRY_NONE);
    expect_round(&cursor, &sampling, KEYS);
    expect_round(&cursor, &sampling, KEYS);
    sampling.count = 64;
    expect_round(&cursor, &sampling, KEYS);
}
END_TEST

START_TEST(a_few_are_told_once)
{
    struct index_entry out[64];
    struct index_sampling sampling = {.count = 5};
    uint64_t cursor = hash_of(1).bits + 1;
    ck_assert_uint_eq(index_sample(map, &cursor, &sampling, out), 0);
    insert_range(0, 3, EXPIRY_NONE);
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(index_sample(map, &cursor, &sampling, out), 3);
        uint64_t sum = out[0].address.units + out[1].address.units + out[2].address.units;
        ck_assert_uint_eq(sum, 1 + 2 + 3);
        ck_assert_uint_ne(out[0].address.units, out[1].address.units);
        ck_assert_uint_ne(out[1].address.units, out[2].address.units);
    }
}
END_TEST

START_TEST(only_those_that_expire)
{
    uint64_t cursor = 0;
    struct index_entry out[64];
    struct index_sampling sampling = {.count = 5, .expiring_only = true};
    insert_range(0, KEYS - 100, EXPIRY_NONE);
    ck_assert_uint_eq(index_sample(map, &cursor, &sampling, out), 0);
    insert_range(KEYS - 100, KEYS, 5000);
    expect_round(&cursor, &sampling, 100);
    expect_round(&cursor, &sampling, 100);
    for (uint64_t i = KEYS - 100; i < KEYS - 1; i++) {
        struct record_address address = {.units = i + 1};
        ck_assert(index_remove(map, hash_of(i), address));
    }
    ck_assert_uint_eq(index_sample(map, &cursor, &sampling, out), 1);
    ck_assert_uint_eq(out[0].address.units, KEYS);
}
END_TEST

/* Two keys of one hash must not hold the cursor up. */
START_TEST(equal_hashes_are_passed)
{
    uint64_t cursor = 0;
    struct index_entry out[1];
    struct index_sampling one = {.count = 1};
    for (uint64_t address = 1; address <= 3; address++) {
        struct index_entry entry = {
            .hash = {.bits = 77}, .address = {.units = address}, .expiry_ms = EXPIRY_NONE};
        ck_assert_int_eq(index_insert(map, &entry), STATUS_OK);
    }
    insert(100, EXPIRY_NONE);
    bool met = false;
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(index_sample(map, &cursor, &one, out), 1);
        met |= out[0].address.units == 101;
    }
    ck_assert(met);
}
END_TEST

START_TEST(clocks_stay_with_their_slots)
{
    for (uint64_t i = 0; i < 1000; i++) {
        insert(i, i % 3 == 0 ? 5000 : EXPIRY_NONE);
        index_set_clock(map, hash_of(i), (struct record_address){.units = i + 1}, (uint8_t)(i % 4));
    }
    insert_range(1000, KEYS, EXPIRY_NONE);
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert_uint_eq(clock_of(i), i % 4);
        index_set_clock(map, hash_of(i), (struct record_address){.units = i + 1}, 0);
        ck_assert_uint_eq(clock_of(i), 0);
    }
    index_verify(map);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_set_timeout(core, 60);
    tcase_add_test(core, each_slot_has_its_turn);
    tcase_add_test(core, a_few_are_told_once);
    tcase_add_test(core, only_those_that_expire);
    tcase_add_test(core, equal_hashes_are_passed);
    tcase_add_test(core, clocks_stay_with_their_slots);
    return test_run("index_sample", core);
}
