/* tail_test.c - the chunks of the tail: where bytes are found, when they go; and segment tables. */
#include "engine/tail.h"

#include "engine/segment.h"
#include "support/test_directory.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define CAPACITY ((uint64_t)1 << 20)

static struct test_directory directory;
static struct file_system *fs;
static struct tail tail;
static struct segment *first;
static struct segment *second;

static struct segment *make_segment(uint64_t number, uint64_t capacity)
{
    struct segment *segment;
    struct segment_plan plan = {
        .kind = SEGMENT_LOG, .number = number, .capacity = capacity, .reserve = 4096};
    ck_assert_int_eq(segment_create(fs, &plan, &segment), STATUS_OK);
    return segment;
}

static void set_up(void)
{
    test_directory_create(&directory);
    ck_assert_int_eq(file_posix_open_directory(directory.path, &fs, NULL), STATUS_OK);
    tail_init(&tail);
    first = make_segment(1, CAPACITY);
    second = make_segment(2, CAPACITY);
}

static void tear_down(void)
{
    tail_deinit(&tail);
    ck_assert_uint_eq(atomic_load(&first->references), 1);
    ck_assert_uint_eq(atomic_load(&second->references), 1);
    segment_unreference(first);
    segment_unreference(second);
    fs_close(fs);
    test_directory_destroy(&directory);
}

static uint8_t *append(struct segment *segment, uint64_t offset, size_t size, int byte)
{
    ck_assert_int_eq(tail_prepare(&tail, segment, offset, size), STATUS_OK);
    uint8_t *bytes = tail_extend(&tail, segment, offset, size);
    memset(bytes, byte, size);
    return bytes;
}

START_TEST(bytes_stay_where_they_are)
{
    uint64_t available;
    ck_assert_ptr_null(tail_find(&tail, first, 0, &available));
    uint8_t *a = append(first, 0, 100, 'a');
    uint8_t *b = append(first, 100, 50, 'b');
    ck_assert_ptr_eq(b, a + 100);
    ck_assert_uint_eq(first->tail_from, 0);
    ck_assert_ptr_eq(tail_find(&tail, first, 100, &available), b);
    ck_assert_uint_eq(available, 50);
    ck_assert_ptr_eq(tail_find(&tail, first, 7, &available), a + 7);
    ck_assert_uint_eq(available, 143);
    ck_assert_ptr_null(tail_find(&tail, first, 150, &available));
    ck_assert_ptr_null(tail_find(&tail, second, 0, &available));
}
END_TEST

START_TEST(what_is_set_aside_is_for_the_next_bytes_after_it)
{
    size_t size = 2 * TAIL_CHUNK_SIZE;
    ck_assert_int_eq(tail_set_aside(&tail, size), STATUS_OK);
    const uint8_t *kept = tail.set_aside->data;
    uint8_t *a = append(first, 0, TAIL_CHUNK_SIZE, 'a');
    ck_assert_ptr_ne(a, kept);
    tail_bring_back(&tail);
    ck_assert_ptr_eq(append(first, TAIL_CHUNK_SIZE, size, 'b'), kept);
    ck_assert_int_eq(tail_set_aside(&tail, 1), STATUS_OK);
    tail_bring_back(&tail);
    tail_bring_back(&tail); /* there is nothing any more */
    ck_assert_uint_eq(tail.spare_count, 1);
    ck_assert_int_eq(tail_set_aside(&tail, size), STATUS_OK);
    tail_give_up(&tail); /* memory of an unusual size is not kept */
    tail_give_up(&tail);
    ck_assert_uint_eq(tail.spare_count, 1);
}
END_TEST

START_TEST(a_new_chunk_where_one_is_full)
{
    uint64_t available;
    size_t size = TAIL_CHUNK_SIZE - 10;
    uint8_t *a = append(first, 0, size, 'a');
    uint8_t *b = append(first, size, 11, 'b');
    ck_assert_ptr_eq(tail_find(&tail, first, 0, &available), a);
    ck_assert_uint_eq(available, size);
    ck_assert_ptr_eq(tail_find(&tail, first, size, &available), b);
    ck_assert_uint_eq(available, 11);
    tail_retire(&tail, size - 1); /* not all of the first is written */
    ck_assert_ptr_eq(tail_find(&tail, first, 0, &available), a);
    tail_retire(&tail, size);
    ck_assert_ptr_null(tail_find(&tail, first, 0, &available));
    ck_assert_uint_eq(first->tail_from, size);
    tail_retire(&tail, size + 11); /* the last one stays, more will come */
    ck_assert_ptr_eq(tail_find(&tail, first, size, &available), b);
}
END_TEST

START_TEST(a_closed_segment_leaves_nothing)
{
    uint64_t available;
    (void)append(first, 0, 100, 'a');
    first->closed = true;
    second->base_position = 100;
    (void)append(second, 0, 100, 'b');
    tail_retire(&tail, 100);
    ck_assert_ptr_null(tail_find(&tail, first, 0, &available));
    ck_assert_uint_eq(first->tail_from, UINT64_MAX);
    ck_assert_uint_eq(atomic_load(&first->references), 1);
    second->closed = true;
    tail_retire(&tail, 200);
    ck_assert_ptr_null(tail.first);
    ck_assert_ptr_null(tail.last);
}
END_TEST

START_TEST(what_was_written_through_is_in_the_file)
{
    uint64_t available;
    (void)append(first, 0, 100, 'a');
    ck_assert_int_eq(tail_prepare_pass(&tail), STATUS_OK);
    tail_pass(&tail, first, 100, 5000);
    ck_assert_int_eq(tail_prepare_pass(&tail), STATUS_OK);
    tail_pass(&tail, first, 5100, 100);
    uint8_t *b = append(first, 5200, 8, 'b');
    ck_assert_ptr_null(tail_find(&tail, first, 100, &available));
    ck_assert_ptr_null(tail_find(&tail, first, 5199, &available));
    ck_assert_ptr_eq(tail_find(&tail, first, 5200, &available), b);
    tail_retire(&tail, 5200);
    ck_assert_uint_eq(first->tail_from, 5200);
}
END_TEST

START_TEST(handles_are_used_again_when_nobody_looks)
{
    struct segment_table table;
    segment_table_init(&table, CAPACITY);
    struct segment *small = make_segment(3, CAPACITY);
    struct segment *large = make_segment(4, 3 * CAPACITY + 8);
    ck_assert_int_eq(segment_table_add(&table, small), STATUS_OK);
    ck_assert_int_eq(segment_table_add(&table, large), STATUS_OK);
    ck_assert_uint_eq(large->handle_count, 4);
    for (uint64_t offset = 128; offset < large->capacity; offset += CAPACITY - 8) {
        struct record_address address = segment_address_of(&table, large, offset);
        ck_assert_ptr_eq(segment_table_find(&table, address), large);
        ck_assert_uint_eq(segment_offset_of(&table, large, address), offset);
    }
    uint32_t handle = small->handle;
    segment_reference(small); /* a pin */
    segment_table_retire(&table, small);
    ck_assert_uint_eq(table.segment_count, 1);
    ck_assert_ptr_null(segment_table_take_unused(&table));
    struct segment *other = make_segment(5, CAPACITY);
    ck_assert_int_eq(segment_table_add(&table, other), STATUS_OK);
    ck_assert_uint_ne(other->handle, handle);
    segment_unreference(small);
    ck_assert_ptr_eq(segment_table_take_unused(&table), small);
    ck_assert_ptr_null(segment_table_take_unused(&table));
    segment_unreference(small);
    struct segment *third = make_segment(6, CAPACITY);
    ck_assert_int_eq(segment_table_add(&table, third), STATUS_OK);
    ck_assert_uint_eq(third->handle, handle);
    size_t seen = 0;
    size_t next = 0;
    while (segment_table_next(&table, &next) != NULL) {
        seen++;
    }
    ck_assert_uint_eq(seen, 3);
    segment_table_deinit(&table);
}
END_TEST

START_TEST(live_bytes_are_counted_by_keyspace)
{
    for (uint64_t id = 1; id <= 9; id++) {
        ck_assert_int_eq(segment_live_prepare(first, id), STATUS_OK);
        segment_live_change(first, id, (int64_t)id * 8, false);
    }
    ck_assert_uint_eq(first->live_bytes, 360);
    segment_live_change(first, 9, -72, false);
    segment_live_drop(first, 8);
    segment_live_drop(first, 8);
    ck_assert_uint_eq(first->live_bytes, 360 - 72 - 64);
    first->end = SEGMENT_HEADER_SIZE + 500;
    ck_assert_uint_eq(segment_dead_bytes(first), 500 - first->live_bytes);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("tail and segments");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, bytes_stay_where_they_are);
    tcase_add_test(tests, a_new_chunk_where_one_is_full);
    tcase_add_test(tests, what_is_set_aside_is_for_the_next_bytes_after_it);
    tcase_add_test(tests, a_closed_segment_leaves_nothing);
    tcase_add_test(tests, what_was_written_through_is_in_the_file);
    tcase_add_test(tests, handles_are_used_again_when_nobody_looks);
    tcase_add_test(tests, live_bytes_are_counted_by_keyspace);
    return test_run("tail and segments", tests);
}
