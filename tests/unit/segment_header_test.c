/* segment_header_test.c - the first bytes of a segment: frozen, and every flipped bit noticed. */
#include "engine/segment_header.h"

#include "engine/checksum.h"
#include "engine/file.h"
#include "engine/record.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

static const uint8_t store_id[16] = "0123456789abcdef";

static const struct segment_header header = {
    .kind = SEGMENT_PACKED,
    .file_number = 12,
    .capacity = 1 << 20,
    .first_sequence = 100,
    .previous_file = 11,
    .previous_end = 4096,
    .previous_sequence = 99,
    .judged_sequence = 77,
    .created_ms = 1700000000000,
};

START_TEST(round_trip)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, store_id, bytes);
    struct segment_header decoded;
    ck_assert_int_eq(segment_header_decode(bytes, store_id, 12, &decoded), STATUS_OK);
    ck_assert_int_eq(decoded.kind, header.kind);
    ck_assert_uint_eq(decoded.file_number, header.file_number);
    ck_assert_uint_eq(decoded.capacity, header.capacity);
    ck_assert_uint_eq(decoded.first_sequence, header.first_sequence);
    ck_assert_uint_eq(decoded.previous_file, header.previous_file);
    ck_assert_uint_eq(decoded.previous_end, header.previous_end);
    ck_assert_uint_eq(decoded.previous_sequence, header.previous_sequence);
    ck_assert_uint_eq(decoded.judged_sequence, header.judged_sequence);
    ck_assert_int_eq(decoded.created_ms, header.created_ms);
}
END_TEST

/* These bytes are in files out there: when this test fails, the format has changed. */
START_TEST(bytes_are_frozen)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, store_id, bytes);
    ck_assert_mem_eq(bytes,
                     "scdbseg\n\1\0\0\0\2\0\0\0"
                     "0123456789abcdef"
                     "\14\0\0\0\0\0\0\0",
                     40);
    ck_assert_uint_eq(bytes[42], 0x10);
    ck_assert_uint_eq(bytes[48], 100);
    ck_assert_uint_eq(bytes[56], 11);
    ck_assert_uint_eq(bytes[65], 0x10);
    ck_assert_uint_eq(bytes[72], 99);
    ck_assert_uint_eq(bytes[80], 77);
    ck_assert_uint_eq(checksum_of(bytes, SEGMENT_HEADER_SIZE, 0), 16713532418147818854u);
}
END_TEST

START_TEST(no_flipped_bit_passes)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, store_id, bytes);
    struct segment_header decoded;
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        ck_assert_int_eq(segment_header_decode(bytes, store_id, 12, &decoded), STATUS_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}
END_TEST

START_TEST(strangers_are_refused)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, store_id, bytes);
    struct segment_header decoded;
    static const uint8_t other[16] = "another store id";
    ck_assert_int_eq(segment_header_decode(bytes, other, 12, &decoded), STATUS_CORRUPT);
    ck_assert_int_eq(segment_header_decode(bytes, store_id, 13, &decoded), STATUS_CORRUPT);
    memset(bytes, 0, sizeof(bytes));
    ck_assert_int_eq(segment_header_decode(bytes, store_id, 12, &decoded), STATUS_CORRUPT);
}
END_TEST

static void seal(uint8_t *bytes)
{
    uint64_t sum = checksum_of(bytes, 120, record_seed(store_id, 12));
    memcpy(bytes + 120, &sum, sizeof(sum));
}

START_TEST(newer_format_is_told_from_damage)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, store_id, bytes);
    struct segment_header decoded;
    bytes[8] = FORMAT_VERSION + 1;
    ck_assert_int_eq(segment_header_decode(bytes, store_id, 12, &decoded), STATUS_CORRUPT);
    bytes[12] = 200; /* a kind of segment that we don't know */
    seal(bytes);
    ck_assert_int_eq(segment_header_decode(bytes, store_id, 12, &decoded), STATUS_NEWER_FORMAT);
    bytes[8] = FORMAT_VERSION;
    seal(bytes);
    ck_assert_int_eq(segment_header_decode(bytes, store_id, 12, &decoded), STATUS_CORRUPT);
}
END_TEST

/* Who does not know the store asks the header; what is not whole tells nothing. */
START_TEST(tells_the_store)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    uint8_t found[16] = {0};
    segment_header_encode(&header, store_id, bytes);
    ck_assert_int_eq(segment_header_store_id(bytes, 12, found), STATUS_OK);
    ck_assert_mem_eq(found, store_id, sizeof(found));
    ck_assert_int_eq(segment_header_store_id(bytes, 13, found), STATUS_CORRUPT);
    bytes[SEGMENT_HEADER_STORE_ID_OFFSET] ^= 1;
    ck_assert_int_eq(segment_header_store_id(bytes, 12, found), STATUS_CORRUPT);
    ck_assert_mem_eq(found, store_id, sizeof(found));
}
END_TEST

START_TEST(names)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(SEGMENT_LOG, 12, name);
    ck_assert_str_eq(name, "00000000000000000012.log");
    segment_file_name(SEGMENT_PACKED, UINT64_MAX, name);
    ck_assert_str_eq(name, "18446744073709551615.pack");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("segment_header");
    tcase_add_test(tests, round_trip);
    tcase_add_test(tests, bytes_are_frozen);
    tcase_add_test(tests, no_flipped_bit_passes);
    tcase_add_test(tests, strangers_are_refused);
    tcase_add_test(tests, newer_format_is_told_from_damage);
    tcase_add_test(tests, tells_the_store);
    tcase_add_test(tests, names);
    return test_run("segment_header", tests);
}
