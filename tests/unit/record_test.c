/* record_test.c - records: the frozen bytes, round trips, and that no changed byte gets through. */
#include "engine/record.h"

#include "engine/checksum.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t store_id[16] = "0123456789abcdef";

/* Encodes into exactly the bytes that it takes, owned by the caller: a sanitizer sees overruns. */
static uint8_t *encode(const struct record *record, const struct slice *parts, size_t part_count,
                       uint64_t seed, uint64_t *size)
{
    uint64_t value_size = 0;
    for (size_t i = 0; i < part_count; i++) {
        value_size += parts[i].size;
    }
    bool has_expiry = record->expiry_ms != EXPIRY_NONE;
    bool is_pieced = record->kind == RECORD_PIECED;
    *size = record_size(record->key.size, value_size, has_expiry, is_pieced);
    uint64_t at = record_head_size(record->key.size, value_size, has_expiry, is_pieced);
    uint8_t *bytes = malloc(*size);
    memset(bytes, 0xee, at);
    memset(bytes + at, 0, *size - at);
    record_encode_head(record, parts, part_count, seed, bytes);
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0) {
            memcpy(bytes + at, parts[i].data, parts[i].size);
        }
        at += parts[i].size;
    }
    return bytes;
}

static struct record simple_record(void)
{
    return (struct record){
        .sequence = 7,
        .keyspace_id = 3,
        .expiry_ms = EXPIRY_NONE,
        .kind = RECORD_VALUE,
        .type = 1,
        .encoding = 2,
        .key = SLICE_LITERAL("key"),
    };
}

static void assert_same(const struct record *a, const struct record *b)
{
    ck_assert_uint_eq(a->sequence, b->sequence);
    ck_assert_uint_eq(a->keyspace_id, b->keyspace_id);
    ck_assert_int_eq(a->expiry_ms, b->expiry_ms);
    ck_assert_uint_eq(a->pieces_id, b->pieces_id);
    ck_assert_uint_eq(a->place, b->place);
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert_uint_eq(a->type, b->type);
    ck_assert_uint_eq(a->encoding, b->encoding);
    ck_assert_int_eq(a->group_more, b->group_more);
    ck_assert(slice_equal(a->key, b->key));
}

/* These bytes are in files out there: when this test fails, the format has changed. */
START_TEST(bytes_are_frozen)
{
    struct record record = simple_record();
    record.expiry_ms = 0x0102030405060708;
    record.group_more = true;
    struct slice value = SLICE_LITERAL("value");
    uint64_t seed = record_seed(store_id, 12);
    ck_assert_uint_eq(seed, 0xe17a9ab19c15b3fau);
    uint64_t size;
    uint8_t *bytes = encode(&record, &value, 1, seed, &size);
    static const uint8_t expected[] = {
        0xe8, 0x85, 0x56, 0x96, 0xc7, 0x5c, 0x13, 0xe8, 0x07, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xb3, 0x2e,
        0x05, 0xcc, 0x1c, 0x55, 0x38, 0x3f, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x01, 0x02, 0x03, 0x08, 0x07, 0x06, 0x05,
        0x04, 0x03, 0x02, 0x01, 0x6b, 0x65, 0x79, 0x76, 0x61, 0x6c, 0x75, 0x65,
    };
    ck_assert_uint_eq(size, sizeof(expected));
    ck_assert_mem_eq(bytes, expected, sizeof(expected));
    free(bytes);
}
END_TEST

START_TEST(sizes)
{
    ck_assert_uint_eq(record_size(0, 0, false, false), 48);
    ck_assert_uint_eq(record_size(1, 0, false, false), 56);
    ck_assert_uint_eq(record_size(1, 7, false, false), 56);
    ck_assert_uint_eq(record_size(1, 8, true, true), 48 + 8 + 16 + 16);
    ck_assert_uint_eq(record_head_size(3, 65536, false, false), 51);
    ck_assert_uint_eq(record_head_size(3, 65537, false, false), 56 + 2 * 8);
    ck_assert_uint_eq(record_size(3, 65537, false, false), 56 + 16 + 65544);
    ck_assert_uint_eq(record_head_size(0, RECORD_VALUE_SIZE_MAX, false, false), 48 + 65536 * 8);
}
END_TEST

START_TEST(empty_key_and_value)
{
    struct record record = simple_record();
    record.key = slice_make(NULL, 0);
    record.kind = RECORD_TOMBSTONE;
    uint64_t size;
    uint8_t *bytes = encode(&record, NULL, 0, 5, &size);
    struct record decoded;
    uint64_t decoded_size;
    ck_assert_uint_eq(size, RECORD_HEADER_SIZE);
    ck_assert_int_eq(record_decode(bytes, size, 5, &decoded, &decoded_size), STATUS_OK);
    ck_assert_uint_eq(decoded_size, size);
    assert_same(&record, &decoded);
    ck_assert_uint_eq(decoded.value.size, 0);
    ck_assert_int_eq(record_verify_value(bytes, 0, SIZE_MAX, 5), STATUS_OK);
    ck_assert_int_eq(record_verify_head(bytes, &decoded, 6), STATUS_CORRUPT);
    ck_assert_int_eq(record_verify_value(bytes, 0, SIZE_MAX, 6), STATUS_CORRUPT);
    ck_assert_int_eq(record_verify_short_value(bytes, &decoded, 5), STATUS_OK);
    ck_assert_int_eq(record_verify_short_value(bytes, &decoded, 6), STATUS_CORRUPT);
    free(bytes);
}
END_TEST

/* Do the parts that record_peek finds pass? */
static bool passes_when_peeked(const uint8_t *bytes, uint64_t available, uint64_t seed)
{
    struct record record;
    uint64_t size;
    return record_peek(bytes, available, &record, &size) == STATUS_OK &&
           record_verify_head(bytes, &record, seed) == STATUS_OK &&
           record_verify_short_value(bytes, &record, seed) == STATUS_OK;
}

/* Every single flipped bit is noticed by the head or the value, wherever a check covers it. */
START_TEST(no_flipped_bit_passes)
{
    struct record record = simple_record();
    record.kind = RECORD_PIECED;
    record.expiry_ms = 1234567890123;
    record.pieces_id = 4;
    record.place = 128;
    struct slice parts[] = {SLICE_LITERAL("first part, "), SLICE_LITERAL("second part")};
    uint64_t size;
    uint8_t *bytes = encode(&record, parts, 2, 99, &size);
    struct record decoded;
    uint64_t decoded_size;
    ck_assert_int_eq(record_decode(bytes, size, 99, &decoded, &decoded_size), STATUS_OK);
    assert_same(&record, &decoded);
    uint64_t used = (uint64_t)((const uint8_t *)decoded.value.data - bytes) + decoded.value.size;
    for (uint64_t bit = 0; bit < used * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        ck_assert_int_eq(record_decode_whole(bytes, size, 99, &decoded), STATUS_CORRUPT);
        ck_assert(!passes_when_peeked(bytes, size, 99));
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    ck_assert_int_eq(record_decode_whole(bytes, size, 99, &decoded), STATUS_OK);
    assert_same(&record, &decoded);
    ck_assert(passes_when_peeked(bytes, size, 99));
    free(bytes);
}
END_TEST

START_TEST(truncated_is_corrupt)
{
    struct record record = simple_record();
    struct slice value = SLICE_LITERAL("some value");
    uint64_t size;
    uint8_t *bytes = encode(&record, &value, 1, 99, &size);
    for (uint64_t available = 0; available < size; available++) {
        uint8_t *part = malloc(available + 1); /* no byte more than is available, but one */
        memcpy(part, bytes, available);
        struct record decoded;
        uint64_t decoded_size;
        ck_assert_int_eq(record_decode(part, available, 99, &decoded, &decoded_size),
                         STATUS_CORRUPT);
        free(part);
    }
    free(bytes);
}
END_TEST

/* Seals a header whose fields have been changed by hand, as a faulty or newer program would. */
static void seal(uint8_t *bytes, uint64_t key_end, uint64_t seed)
{
    uint64_t sum = checksum_of(bytes + 8, (size_t)(key_end - 8), seed);
    memcpy(bytes, &sum, sizeof(sum));
}

START_TEST(unknown_kinds_and_flags_are_corrupt)
{
    struct record record = simple_record();
    struct slice value = SLICE_LITERAL("v");
    uint64_t size;
    uint8_t *bytes = encode(&record, &value, 1, 1, &size);
    struct record decoded;
    uint64_t decoded_size;
    static const uint8_t kinds[] = {0, 7, 255};
    for (size_t i = 0; i < sizeof(kinds); i++) {
        bytes[44] = kinds[i];
        seal(bytes, 51, 1);
        ck_assert_int_eq(record_decode(bytes, size, 1, &decoded, &decoded_size), STATUS_CORRUPT);
    }
    bytes[44] = RECORD_VALUE;
    for (unsigned flag = 4; flag < 256; flag *= 2) {
        bytes[47] = (uint8_t)flag;
        seal(bytes, 51, 1);
        ck_assert_int_eq(record_decode(bytes, size, 1, &decoded, &decoded_size), STATUS_CORRUPT);
    }
    bytes[47] = 0;
    seal(bytes, 51, 1);
    ck_assert_int_eq(record_decode(bytes, size, 1, &decoded, &decoded_size), STATUS_OK);
    free(bytes);
}
END_TEST

START_TEST(impossible_sizes_are_corrupt)
{
    uint8_t bytes[64] = {0};
    bytes[44] = RECORD_VALUE;
    struct record decoded;
    uint64_t size;
    memset(bytes + 32, 0xff, 8); /* value size */
    ck_assert_int_eq(record_peek(bytes, UINT64_MAX, &decoded, &size), STATUS_CORRUPT);
    memset(bytes + 32, 0, 8);
    memset(bytes + 40, 0xff, 4); /* key size */
    ck_assert_int_eq(record_peek(bytes, UINT64_MAX, &decoded, &size), STATUS_CORRUPT);
    memset(bytes + 40, 0, 4);
    bytes[47] = RECORD_FLAG_EXPIRY;
    memset(bytes + 48, 0xff, 7);
    bytes[55] = 0x7f; /* an expiry of "never" is never written */
    ck_assert_int_eq(record_peek(bytes, 64, &decoded, &size), STATUS_CORRUPT);
}
END_TEST

START_TEST(group_can_be_ended_later)
{
    struct record record = simple_record();
    record.group_more = true;
    record.expiry_ms = 17;
    struct slice value = SLICE_LITERAL("v");
    uint64_t size;
    uint8_t *bytes = encode(&record, &value, 1, 1, &size);
    record_end_group(bytes, 1);
    struct record decoded;
    uint64_t decoded_size;
    ck_assert_int_eq(record_decode(bytes, size, 1, &decoded, &decoded_size), STATUS_OK);
    record.group_more = false;
    assert_same(&record, &decoded);
    ck_assert_int_eq(record_verify_value(bytes, 0, SIZE_MAX, 1), STATUS_OK);
    free(bytes);
}
END_TEST

START_TEST(large_values_are_verified_by_block)
{
    enum { BLOCK = RECORD_VALUE_BLOCK_SIZE, SIZE = 3 * BLOCK + 100 };
    char *data = malloc(SIZE);
    struct test_random random;
    test_random_init(&random, 1);
    test_random_fill(&random, data, SIZE);
    struct record record = simple_record();
    struct slice value = slice_make(data, SIZE);
    uint64_t size;
    uint8_t *bytes = encode(&record, &value, 1, 1, &size);
    ck_assert_int_eq(record_verify_value(bytes, 0, SIZE_MAX, 1), STATUS_OK);

    uint64_t head = record_head_size(3, SIZE, false, false);
    bytes[head + BLOCK + 5] ^= 1; /* in the second block */
    ck_assert_int_eq(record_verify_value(bytes, 0, SIZE_MAX, 1), STATUS_CORRUPT);
    ck_assert_int_eq(record_verify_value(bytes, 0, BLOCK, 1), STATUS_OK);
    ck_assert_int_eq(record_verify_value(bytes, 0, BLOCK + 1, 1), STATUS_CORRUPT);
    ck_assert_int_eq(record_verify_value(bytes, BLOCK - 1, 1, 1), STATUS_OK);
    ck_assert_int_eq(record_verify_value(bytes, 2 * BLOCK - 1, 1, 1), STATUS_CORRUPT);
    ck_assert_int_eq(record_verify_value(bytes, 2 * BLOCK, SIZE_MAX, 1), STATUS_OK);
    ck_assert_int_eq(record_verify_value(bytes, SIZE + 10, SIZE_MAX, 1), STATUS_OK);
    bytes[head + BLOCK + 5] ^= 1;
    bytes[head - 1] ^= 1; /* in the array: nothing of the value can be trusted */
    ck_assert_int_eq(record_verify_value(bytes, 0, 1, 1), STATUS_CORRUPT);
    free(bytes);
    free(data);
}
END_TEST

/* However a value is cut into parts, the record is the same. */
START_TEST(parts_make_no_difference)
{
    struct test_random random;
    test_random_init(&random, test_seed("record_test parts_make_no_difference"));
    for (int round = 0; round < 60; round++) {
        size_t value_size = (size_t)test_random_below(&random, round % 2 == 0 ? 600 : 300000);
        char *data = malloc(value_size + 1);
        test_random_fill(&random, data, value_size);
        struct record record = simple_record();
        struct slice whole = slice_make(data, value_size);
        uint64_t size;
        uint8_t *expected = encode(&record, &whole, 1, 42, &size);

        struct slice parts[20];
        size_t used = 0;
        for (size_t i = 0; i < 20; i++) {
            size_t left = value_size - used;
            size_t part = i == 19 ? left : (size_t)test_random_below(&random, left / 2 + 1);
            part = test_random_one_in(&random, 4) && i < 19 ? 0 : part;
            parts[i] = slice_make(part == 0 ? NULL : data + used, part);
            used += part;
        }
        uint64_t parts_size;
        uint8_t *bytes = encode(&record, parts, 20, 42, &parts_size);
        ck_assert_uint_eq(size, parts_size);
        ck_assert_mem_eq(bytes, expected, size);
        ck_assert_int_eq(record_verify_value(bytes, 0, SIZE_MAX, 42), STATUS_OK);
        free(bytes);
        free(expected);
        free(data);
    }
}
END_TEST

START_TEST(seeds_tell_stores_and_files_apart)
{
    uint8_t other[16] = {0};
    ck_assert_uint_ne(record_seed(store_id, 1), record_seed(store_id, 2));
    ck_assert_uint_ne(record_seed(store_id, 1), record_seed(other, 1));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("record");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, bytes_are_frozen);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, empty_key_and_value);
    tcase_add_test(tests, no_flipped_bit_passes);
    tcase_add_test(tests, truncated_is_corrupt);
    tcase_add_test(tests, unknown_kinds_and_flags_are_corrupt);
    tcase_add_test(tests, impossible_sizes_are_corrupt);
    tcase_add_test(tests, group_can_be_ended_later);
    tcase_add_test(tests, large_values_are_verified_by_block);
    tcase_add_test(tests, parts_make_no_difference);
    tcase_add_test(tests, seeds_tell_stores_and_files_apart);
    return test_run("record", tests);
}
