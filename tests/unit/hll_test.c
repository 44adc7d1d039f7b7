/* hll_test.c - HyperLogLogs: the encodings against plain registers, damage, estimates. */
#include "commands/hll.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SPARSE_SIZE_MAX 3000
#define ROUNDS          200

START_TEST(hashes_as_published)
{
    /* What a second implementation, in Python, gives. */
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {
        {"", 0xd8dfea6585bc9732ULL},
        {"a", 0x53d2470a9b43b1a7ULL},
        {"abcdefgh", 0xf3a65df559914567ULL},
        {"abcdefghijk", 0xf85070a21c57729ULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_uint_eq(hll_hash(slice_of_string(rows[i].text), 0xadc83b19ULL), rows[i].hash);
    }
}
END_TEST

START_TEST(dense_registers_do_not_touch)
{
    struct test_random random;
    test_random_init(&random, test_seed("hll_test"));
    uint8_t *packed = calloc(1, HLL_DENSE_BYTES); /* on the heap: a sanitizer sees overruns */
    uint8_t registers[HLL_REGISTER_COUNT] = {0};
    ck_assert_ptr_nonnull(packed);
    for (int i = 0; i < 100000; i++) {
        unsigned index = (unsigned)test_random_below(&random, HLL_REGISTER_COUNT);
        registers[index] = (uint8_t)test_random_below(&random, HLL_VALUES);
        hll_dense_set(packed, index, registers[index]);
    }
    for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
        ck_assert_uint_eq(hll_dense_get(packed, i), registers[i]);
    }
    uint8_t merged[HLL_REGISTER_COUNT] = {0};
    hll_dense_merge(packed, merged);
    ck_assert_mem_eq(merged, registers, sizeof(merged));
    free(packed);
}
END_TEST

/* The string's registers are these. */
static void expect_registers(const struct hll *hll, const uint8_t registers[HLL_REGISTER_COUNT])
{
    uint8_t found[HLL_REGISTER_COUNT] = {0};
    struct slice string = buffer_slice(&hll->bytes);
    ck_assert(hll_is_one(string) && hll_merge(string, found));
    ck_assert_mem_eq(found, registers, HLL_REGISTER_COUNT);
    uint64_t count;
    ck_assert(hll_count(string, &count));
    ck_assert_uint_eq(count, hll_count_registers(registers));
}

/* Registers close to each other, and values of which many are equal: runs are split and joined. */
START_TEST(agrees_with_plain_registers)
{
    struct test_random random;
    test_random_init(&random, test_seed("hll_test"));
    for (int round = 0; round < (int)(ROUNDS * test_scale()); round++) {
        struct hll hll;
        uint8_t registers[HLL_REGISTER_COUNT] = {0};
        unsigned spread = 1U << (1 + test_random_below(&random, 14));
        unsigned base = (unsigned)test_random_below(&random, HLL_REGISTER_COUNT - spread + 1);
        unsigned highest = 1 + (unsigned)test_random_below(&random, HLL_RANK_MAX);
        ck_assert_int_eq(hll_init_empty(&hll, SPARSE_SIZE_MAX), STATUS_OK);
        for (int i = 0; i < 2000; i++) {
            struct hll_place place = {.index = base + (unsigned)test_random_below(&random, spread),
                                      .rank = 1 + (unsigned)test_random_below(&random, highest)};
            bool changes = place.rank > registers[place.index];
            ck_assert_int_eq(hll_raise(&hll, place), changes ? HLL_CHANGED : HLL_UNCHANGED);
            registers[place.index] = changes ? (uint8_t)place.rank : registers[place.index];
        }
        expect_registers(&hll, registers);
        ck_assert_int_ne(hll_make_dense(&hll), HLL_CORRUPT);
        expect_registers(&hll, registers);
        hll_deinit(&hll);
    }
}
END_TEST

START_TEST(sparse_becomes_dense)
{
    struct hll hll;
    ck_assert_int_eq(hll_init_empty(&hll, 22), STATUS_OK);
    ck_assert_uint_eq(hll.bytes.size, 18);
    ck_assert_int_eq(hll_raise(&hll, (struct hll_place){.index = 5000, .rank = 3}), HLL_CHANGED);
    ck_assert_uint_eq(hll.bytes.size, 21); /* XZERO VAL XZERO */
    ck_assert_int_eq(hll_encoding_of(buffer_slice(&hll.bytes)), HLL_SPARSE);
    ck_assert_int_eq(hll_raise(&hll, (struct hll_place){.index = 9, .rank = 1}), HLL_CHANGED);
    ck_assert_int_eq(hll_encoding_of(buffer_slice(&hll.bytes)), HLL_DENSE);
    hll_deinit(&hll);
    ck_assert_int_eq(hll_init_empty(&hll, SPARSE_SIZE_MAX), STATUS_OK);
    ck_assert_int_eq(hll_raise(&hll, (struct hll_place){.index = 9, .rank = 33}), HLL_CHANGED);
    ck_assert_int_eq(hll_encoding_of(buffer_slice(&hll.bytes)), HLL_DENSE);
    hll_deinit(&hll);
}
END_TEST

START_TEST(counts_are_cached)
{
    struct hll hll;
    uint64_t count = 42;
    ck_assert_int_eq(hll_init_empty(&hll, SPARSE_SIZE_MAX), STATUS_OK);
    ck_assert(hll_cached_count(buffer_slice(&hll.bytes), &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(hll_add(&hll, SLICE_LITERAL("a")), HLL_CHANGED);
    ck_assert(!hll_cached_count(buffer_slice(&hll.bytes), &count));
    hll_set_cached_count(&hll, 0x0123456789abcdefULL);
    ck_assert(hll_cached_count(buffer_slice(&hll.bytes), &count));
    ck_assert_uint_eq(count, 0x0123456789abcdefULL);
    ck_assert_int_eq(hll_add(&hll, SLICE_LITERAL("a")), HLL_UNCHANGED);
    ck_assert(hll_cached_count(buffer_slice(&hll.bytes), &count));
    hll_forget_cached_count(&hll);
    ck_assert(!hll_cached_count(buffer_slice(&hll.bytes), &count));
    hll_deinit(&hll);
}
END_TEST

START_TEST(estimates_are_close)
{
    struct test_random random;
    test_random_init(&random, test_seed("hll_test"));
    struct hll hll;
    ck_assert_int_eq(hll_init_empty(&hll, SPARSE_SIZE_MAX), STATUS_OK);
    uint64_t salt = test_random_next(&random);
    uint64_t checked = 100;
    for (uint64_t i = 1; i <= 100000; i++) {
        uint64_t element = i ^ salt;
        ck_assert_int_ne(hll_add(&hll, slice_make(&element, sizeof(element))), HLL_CORRUPT);
        if (i == checked) {
            uint64_t count;
            ck_assert(hll_count(buffer_slice(&hll.bytes), &count));
            /* The standard error is 0.8 %; six of them happen once in 500 million runs. */
            ck_assert_msg(count > i - i / 20 && count < i + i / 20, "%llu elements: %llu",
                          (unsigned long long)i, (unsigned long long)count);
            checked *= 10;
        }
    }
    hll_deinit(&hll);
}
END_TEST

START_TEST(other_strings_are_refused)
{
    char bytes[HLL_HEADER_BYTES + HLL_DENSE_BYTES + 1] = "HYLL";
    ck_assert(!hll_is_one(slice_make(NULL, 0)));
    ck_assert(!hll_is_one(slice_make(bytes, HLL_HEADER_BYTES - 1)));
    ck_assert(!hll_is_one(slice_make(bytes, HLL_HEADER_BYTES))); /* dense, and too short */
    ck_assert(hll_is_one(slice_make(bytes, HLL_HEADER_BYTES + HLL_DENSE_BYTES)));
    ck_assert(!hll_is_one(slice_make(bytes, sizeof(bytes))));
    bytes[4] = 1;
    ck_assert(hll_is_one(slice_make(bytes, HLL_HEADER_BYTES)));
    bytes[4] = 2;
    ck_assert(!hll_is_one(slice_make(bytes, HLL_HEADER_BYTES)));
    bytes[4] = 1;
    bytes[3] = 'l';
    ck_assert(!hll_is_one(slice_make(bytes, HLL_HEADER_BYTES)));
}
END_TEST

/* Bytes changed at random: everything either works or says that it can't. */
START_TEST(damage_is_met)
{
    struct test_random random;
    test_random_init(&random, test_seed("hll_test"));
    for (int round = 0; round < (int)(10 * ROUNDS * test_scale()); round++) {
        struct hll hll;
        ck_assert_int_eq(hll_init_empty(&hll, SPARSE_SIZE_MAX), STATUS_OK);
        for (uint64_t i = test_random_below(&random, 50); i > 0; i--) {
            uint64_t element = test_random_next(&random);
            (void)hll_add(&hll, slice_make(&element, sizeof(element)));
        }
        for (uint64_t i = test_random_below(&random, 4); i > 0; i--) {
            size_t body = hll.bytes.size - HLL_HEADER_BYTES;
            hll.bytes.data[HLL_HEADER_BYTES + test_random_below(&random, body)] =
                (char)test_random_next(&random);
        }
        hll.bytes.size -= test_random_below(&random, 3);
        for (int i = 0; i < 50; i++) {
            uint64_t element = test_random_next(&random);
            (void)hll_add(&hll, slice_make(&element, sizeof(element)));
            uint64_t count;
            (void)hll_count(buffer_slice(&hll.bytes), &count);
        }
        (void)hll_make_dense(&hll);
        hll_deinit(&hll);
    }
}
END_TEST

/* Registers that no elements make; the numbers are redis-server's. */
START_TEST(estimates_of_nonsense)
{
    struct hll_histogram histogram = {{0}};
    histogram.counts[0] = HLL_REGISTER_COUNT;
    ck_assert_uint_eq(hll_estimate(&histogram), 0);
    histogram.counts[0] = 0;
    histogram.counts[HLL_RANK_MAX] = HLL_REGISTER_COUNT;
    ck_assert_uint_eq(hll_estimate(&histogram), 1ULL << 63);
    histogram.counts[HLL_RANK_MAX] = 0;
    histogram.counts[HLL_VALUES - 1] = HLL_REGISTER_COUNT;
    ck_assert_uint_eq(hll_estimate(&histogram), 1ULL << 63);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, hashes_as_published);
    tcase_add_test(core, dense_registers_do_not_touch);
    tcase_add_test(core, agrees_with_plain_registers);
    tcase_add_test(core, sparse_becomes_dense);
    tcase_add_test(core, counts_are_cached);
    tcase_add_test(core, estimates_are_close);
    tcase_add_test(core, other_strings_are_refused);
    tcase_add_test(core, damage_is_met);
    tcase_add_test(core, estimates_of_nonsense);
    return test_run("hll", core);
}
