/* mark_test.c - the values of marks: frozen bytes, and refusal of everything else. */
#include "engine/mark.h"

#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(sync_mark)
{
    struct mark_sync mark = {.file = 0x0102, .offset = 0x0304, .sequence = 0x0506};
    uint8_t bytes[MARK_SYNC_SIZE];
    mark_encode_sync(&mark, bytes);
    static const uint8_t expected[MARK_SYNC_SIZE] = {2, 1, 0, 0, 0, 0, 0, 0, 4, 3, 0, 0,
                                                     0, 0, 0, 0, 6, 5, 0, 0, 0, 0, 0, 0};
    ck_assert_mem_eq(bytes, expected, sizeof(expected));
    struct mark_sync decoded;
    ck_assert_int_eq(mark_decode_sync(slice_make(bytes, sizeof(bytes)), &decoded), STATUS_OK);
    ck_assert_uint_eq(decoded.file, mark.file);
    ck_assert_uint_eq(decoded.offset, mark.offset);
    ck_assert_uint_eq(decoded.sequence, mark.sequence);
    for (size_t size = 0; size < MARK_SYNC_SIZE; size++) {
        ck_assert_int_eq(mark_decode_sync(slice_make(bytes, size), &decoded), STATUS_CORRUPT);
    }
}
END_TEST

START_TEST(expiry_mark)
{
    uint8_t bytes[MARK_EXPIRY_SIZE + 1] = {0};
    mark_encode_expiry(-2, bytes);
    static const uint8_t expected[MARK_EXPIRY_SIZE] = {0xfe, 255, 255, 255, 255, 255, 255, 255};
    ck_assert_mem_eq(bytes, expected, sizeof(expected));
    int64_t until_ms = 0;
    ck_assert_int_eq(mark_decode_expiry(slice_make(bytes, MARK_EXPIRY_SIZE), &until_ms), STATUS_OK);
    ck_assert_int_eq(until_ms, -2);
    ck_assert_int_eq(mark_decode_expiry(slice_make(bytes, 7), &until_ms), STATUS_CORRUPT);
    ck_assert_int_eq(mark_decode_expiry(slice_make(bytes, 9), &until_ms), STATUS_CORRUPT);
    ck_assert_int_eq(mark_decode_expiry(slice_make(NULL, 0), &until_ms), STATUS_CORRUPT);
}
END_TEST

START_TEST(keyspace_map)
{
    static const uint64_t ids[] = {5, 0, 0x1234};
    /* One byte off an even address, as in a record whose key has an odd size. */
    uint8_t bytes[1 + 16 + 3 * 8 + 8];
    size_t size = mark_keyspace_map_size(3);
    ck_assert_uint_eq(size, 40);
    mark_encode_keyspace_map(0x1235, ids, 3, bytes + 1);
    struct mark_keyspace_map map;
    ck_assert_int_eq(mark_decode_keyspace_map(slice_make(bytes + 1, size), &map), STATUS_OK);
    ck_assert_uint_eq(map.next_keyspace_id, 0x1235);
    ck_assert_uint_eq(map.count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(mark_keyspace_id(&map, i), ids[i]);
    }
    uint64_t *copied = mark_copy_keyspace_ids(&map);
    ck_assert_ptr_nonnull(copied);
    ck_assert_int_eq(memcmp(copied, ids, 3 * sizeof(ids[0])), 0);
    free(copied);
    for (size_t other = 0; other < size + 8; other++) {
        if (other != size) {
            struct slice value = slice_make(bytes + 1, other);
            ck_assert_int_eq(mark_decode_keyspace_map(value, &map), STATUS_CORRUPT);
        }
    }
}
END_TEST

START_TEST(keyspace_map_refuses_nonsense)
{
    static const uint64_t ids[] = {5};
    uint8_t bytes[24];
    struct mark_keyspace_map map;
    mark_encode_keyspace_map(6, ids, 1, bytes);
    bytes[0] = 5; /* an id that was never given */
    ck_assert_int_eq(mark_decode_keyspace_map(slice_make(bytes, 24), &map), STATUS_CORRUPT);
    bytes[0] = 6;
    memset(bytes + 8, 0xff, 8); /* a count whose size overflows */
    ck_assert_int_eq(mark_decode_keyspace_map(slice_make(bytes, 24), &map), STATUS_CORRUPT);
    memset(bytes + 8, 0, 8);
    bytes[8 + 7] = 0x20; /* 2^61 ids are 2^64 bytes: 0 when it wraps */
    ck_assert_int_eq(mark_decode_keyspace_map(slice_make(bytes, 16), &map), STATUS_CORRUPT);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("mark");
    tcase_add_test(tests, sync_mark);
    tcase_add_test(tests, expiry_mark);
    tcase_add_test(tests, keyspace_map);
    tcase_add_test(tests, keyspace_map_refuses_nonsense);
    return test_run("mark", tests);
}
