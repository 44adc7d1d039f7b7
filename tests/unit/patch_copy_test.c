/* patch_copy_test.c - strings in pieces get other names: what is written, and what a failure
 * leaves. */
#include "base/log.h"
#include "engine/pieces.h"
#include "keyspace/batch.h"
#include "support/keyspace_store.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIZE       ((size_t)400000)
#define HOLE       ((size_t)200000) /* from here on ... */
#define HOLE_END   ((size_t)300000) /* ... to here there is nothing */
#define PIECE_SIZE ((uint64_t)1 << PIECES_SHIFT_DEFAULT)
#define FAR        ((size_t)500 << 20)

static struct keyspace_store store;
static struct engine *engine; /* the store's, as is the next */
static struct keyspace *keyspace;
static char *content;

static void note_opened(void)
{
    engine = store.store.engine;
    keyspace = store.keyspace;
}

static void set_up(void)
{
    const struct engine_options options = sim_store_options((uint64_t)1 << 20);
    keyspace_store_begin(&store, &options);
    note_opened();
    content = calloc(1, SIZE);
    ck_assert_ptr_nonnull(content);
    struct test_random random;
    test_random_init(&random, 7);
    test_random_fill(&random, content, HOLE);
    test_random_fill(&random, content + HOLE_END, SIZE - HOLE_END);
}

static void tear_down(void)
{
    keyspace_store_end(&store);
    free(content);
}

static void kill_and_open(void)
{
    keyspace_store_kill_and_open(&store);
    note_opened();
}

static struct value find(unsigned database, const char *key)
{
    struct value value = {0};
    enum status status = keyspace_find(keyspace, database, slice_of_string(key), &value);
    ck_assert(status == STATUS_OK || status == STATUS_NOT_FOUND);
    return value;
}

static void patch(const char *key, size_t offset, size_t size)
{
    struct value old = find(0, key);
    const struct string_patch change = {
        .old = &old, .offset = offset, .bytes = slice_make(content + offset % SIZE, size)};
    old.expiry_ms = value_is_present(&old) ? old.expiry_ms : EXPIRY_NONE;
    ck_assert_int_eq(keyspace_patch_string(keyspace, 0, slice_of_string(key), &change), STATUS_OK);
}

static void put_string(const char *key)
{
    patch(key, 0, HOLE);
    patch(key, HOLE_END, SIZE - HOLE_END);
}

static bool is_string(unsigned database, const char *key)
{
    struct value value = find(database, key);
    struct slice bytes;
    return value_is_present(&value) &&
           keyspace_part(keyspace, &value, 0, SIZE_MAX, &bytes) == STATUS_OK &&
           slice_equal(bytes, slice_make(content, SIZE));
}

static bool is_absent(unsigned database, const char *key)
{
    struct value value = find(database, key);
    return !value_is_present(&value);
}

static struct engine_statistics statistics(void)
{
    struct engine_statistics out;
    engine_statistics_locked(engine, &out);
    return out;
}

static void put_text(const char *key, const char *text)
{
    struct slice part = slice_of_string(text);
    const struct string_content value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(keyspace_put_string(keyspace, 0, slice_of_string(key), &value), STATUS_OK);
}

/* 500 MiB of zeros, and a byte. */
START_TEST(what_is_nearly_empty_stays_so)
{
    patch("far", FAR, 1);
    uint64_t before = statistics().appended_position;
    struct value value = find(0, "far");
    ck_assert_int_eq(keyspace_store_copy(keyspace, &value, 1, SLICE_LITERAL("copy")), STATUS_OK);
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 0, SLICE_LITERAL("moved")), STATUS_OK);
    struct slice pairs[] = {SLICE_LITERAL("moved"), SLICE_LITERAL("1"), SLICE_LITERAL("other"),
                            SLICE_LITERAL("2")};
    const struct batch_strings strings = {.pairs = pairs, .count = 2};
    ck_assert_int_eq(batch_put_strings(keyspace, 0, &strings), STATUS_OK);
    ck_assert_uint_lt(statistics().appended_position - before, 3 * PIECE_SIZE);
    ck_assert_uint_lt(statistics().file_bytes, (uint64_t)8 << 20);
    value = find(1, "copy");
    ck_assert_uint_eq(value.size, FAR + 1);
    struct slice last;
    ck_assert_int_eq(keyspace_part(keyspace, &value, FAR - 1, 2, &last), STATUS_OK);
    ck_assert(slice_equal(last, slice_make((char[]){'\0', content[FAR % SIZE]}, 2)));
}
END_TEST

START_TEST(a_copy_is_a_string_of_its_own)
{
    put_string("k");
    put_text("copy", "replaced");
    struct value value = find(0, "k");
    value.expiry_ms = store.store.clock_ms + 100000;
    ck_assert_int_eq(keyspace_store_copy(keyspace, &value, 0, SLICE_LITERAL("copy")), STATUS_OK);
    ck_assert_int_eq(find(0, "copy").expiry_ms, store.store.clock_ms + 100000);
    ck_assert_int_eq(find(0, "k").expiry_ms, EXPIRY_NONE);
    patch("copy", 5, 1000); /* as it is */
    content[70000] ^= 1;
    patch("k", 70000, 1);
    ck_assert(is_string(0, "k") && !is_string(0, "copy"));
    content[70000] ^= 1;
    ck_assert(is_string(0, "copy") && !is_string(0, "k"));
    ck_assert_int_eq(keyspace_delete(keyspace, 0, SLICE_LITERAL("k")), STATUS_OK);
    ck_assert(is_string(0, "copy"));
    kill_and_open();
    ck_assert(is_string(0, "copy"));
    keyspace_store_leave(&store);
    sim_store_compact(&store.store);
    keyspace_store_enter(&store);
    note_opened();
    ck_assert(is_string(0, "copy"));
    kill_and_open();
    ck_assert(is_string(0, "copy"));
}
END_TEST

START_TEST(a_name_is_changed_within_a_database_and_beyond)
{
    put_string("k");
    struct value value = find(0, "k");
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 0, SLICE_LITERAL("l")), STATUS_OK);
    ck_assert(is_string(0, "l") && is_absent(0, "k"));
    kill_and_open();
    value = find(0, "l");
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 1, SLICE_LITERAL("l")), STATUS_OK);
    kill_and_open();
    ck_assert(is_string(1, "l") && is_absent(0, "l"));
}
END_TEST

/* What a batch that fails has overwritten comes back from pieces that are dead by then. */
START_TEST(a_string_comes_back_when_a_batch_fails)
{
    put_string("k");
    engine_set_max_keys_locked(engine, 1);
    struct slice pairs[] = {SLICE_LITERAL("k"), SLICE_LITERAL("1"),   SLICE_LITERAL("k"),
                            SLICE_LITERAL("2"), SLICE_LITERAL("new"), SLICE_LITERAL("3")};
    const struct batch_strings strings = {.pairs = pairs, .count = 3};
    ck_assert_int_eq(batch_put_strings(keyspace, 0, &strings), STATUS_KEY_LIMIT);
    ck_assert(is_string(0, "k"));
    kill_and_open();
    ck_assert(is_string(0, "k"));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
}
END_TEST

/* On a disk without room for it nothing is written and nothing has gone. */
START_TEST(a_refused_copy_takes_no_room)
{
    put_string("k");
    sim_disk_set_capacity(store.store.disk, sim_disk_used_bytes(store.store.disk) + 100000);
    struct value value = find(0, "k");
    enum status status = STATUS_OK;
    for (int i = 0; i < 10 && status == STATUS_OK; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        status = keyspace_store_copy(keyspace, &value, 1, slice_of_string(key));
    }
    ck_assert_int_eq(status, STATUS_DISK_FULL);
    uint64_t before = statistics().appended_position;
    ck_assert_int_eq(keyspace_store_copy(keyspace, &value, 1, SLICE_LITERAL("l")),
                     STATUS_DISK_FULL);
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 0, SLICE_LITERAL("l")), STATUS_DISK_FULL);
    ck_assert_uint_eq(statistics().appended_position, before);
    ck_assert(is_string(0, "k") && is_absent(0, "l") && is_absent(1, "l"));
}
END_TEST

/* A batch that wants a segment of its own has room reserved for all that it puts back: however
 * little the disk has beyond that, it is refused before its first write, or undone whole. */
START_TEST(a_batch_is_undone_on_a_full_disk)
{
    put_string("k");
    engine_set_max_keys_locked(engine, 1);
    struct slice key = SLICE_LITERAL("k");
    struct slice text = SLICE_LITERAL("1");
    struct slice refused = SLICE_LITERAL("new");
    struct slice pairs[] = {key, text, key, text, key, text, key, text, refused, text};
    const struct batch_strings strings = {.pairs = pairs, .count = 5};
    enum status status = STATUS_DISK_FULL;
    for (uint64_t room = 0; status == STATUS_DISK_FULL; room += PIECE_SIZE) {
        sim_disk_set_capacity(store.store.disk, sim_disk_used_bytes(store.store.disk) + room);
        status = batch_put_strings(keyspace, 0, &strings);
        ck_assert(is_string(0, "k"));
        ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
    }
    ck_assert_int_eq(status, STATUS_KEY_LIMIT);
    kill_and_open();
    ck_assert(is_string(0, "k"));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
}
END_TEST

/* The segment of its own that was made for both records takes the copy: no other is made for it. */
START_TEST(a_name_is_changed_where_there_is_room_for_one_copy)
{
    const struct engine_options options = sim_store_options((uint64_t)256 << 10);
    keyspace_store_end(&store);
    keyspace_store_begin(&store, &options);
    note_opened();
    put_string("k");
    sim_disk_set_capacity(store.store.disk, sim_disk_used_bytes(store.store.disk) + SIZE);
    struct value value = find(0, "k");
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 0, SLICE_LITERAL("l")), STATUS_OK);
    ck_assert(is_string(0, "l") && is_absent(0, "k"));
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("patch_copy");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_nearly_empty_stays_so);
    tcase_add_test(tests, a_copy_is_a_string_of_its_own);
    tcase_add_test(tests, a_name_is_changed_within_a_database_and_beyond);
    tcase_add_test(tests, a_string_comes_back_when_a_batch_fails);
    tcase_add_test(tests, a_refused_copy_takes_no_room);
    tcase_add_test(tests, a_batch_is_undone_on_a_full_disk);
    tcase_add_test(tests, a_name_is_changed_where_there_is_room_for_one_copy);
    return test_run("patch_copy", tests);
}
