/* patch_test.c - strings in pieces, by name: what a patch writes, what dies with a header, what
 * outlives a crash. (Random ones are tests/crash's.) */
#include "base/log.h"
#include "engine/manifest.h"
#include "engine/pieces.h"
#include "engine/segment_header.h"
#include "support/sim_search.h"
#include "support/sim_store.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE       ((size_t)300000)
#define ROOM       ((size_t)500000)
#define PIECE_SIZE ((uint64_t)1 << PIECES_SHIFT_DEFAULT)

static struct sim_store store;
static struct test_random random_numbers;
static char *expected; /* what the key should hold */
static size_t expected_size;

static void set_up(void)
{
    const struct engine_options options = sim_store_options((uint64_t)1 << 20);
    sim_store_begin(&store, &options);
    test_random_init(&random_numbers, 7);
    expected = calloc(1, ROOM);
    ck_assert_ptr_nonnull(expected);
    expected_size = 0;
}

static void tear_down(void)
{
    sim_store_end(&store);
    free(expected);
}

static struct engine_keyspace *keyspace(void)
{
    return engine_database_locked(store.engine, 0);
}

static uint64_t live_bytes(void)
{
    return sim_store_statistics(&store).live_bytes;
}

static uint64_t appended(void)
{
    return sim_store_statistics(&store).appended_position;
}

static enum status try_patch(uint64_t offset, struct slice part, int64_t expiry_ms)
{
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    struct entry old;
    bool is_found =
        engine_find_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &old) == STATUS_OK;
    struct engine_patch patch = {.old = is_found ? &old : NULL,
                                 .offset = offset,
                                 .parts = &part,
                                 .part_count = part.size > 0 ? 1 : 0,
                                 .expiry_ms = expiry_ms};
    enum status status = engine_patch_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &patch);
    engine_unlock(store.engine);
    return status;
}

/* Changes [offset, offset + size) to bytes by chance, in the store and in what is expected. */
static void patch(size_t offset, size_t size)
{
    ck_assert_uint_le(offset + size, ROOM);
    test_random_fill(&random_numbers, expected + offset, size);
    expected_size = offset + size > expected_size ? offset + size : expected_size;
    ck_assert_int_eq(try_patch(offset, slice_make(expected + offset, size), EXPIRY_NONE),
                     STATUS_OK);
}

static void put_large(void)
{
    test_random_fill(&random_numbers, expected, SIZE);
    expected_size = SIZE;
    ck_assert_int_eq(sim_store_put(&store, "k", slice_make(expected, SIZE), EXPIRY_NONE),
                     STATUS_OK);
}

/* A part of the value, cut where it ends, is what it should be. */
static bool is_expected_part(const struct entry *entry, size_t offset, size_t size)
{
    struct slice part;
    size_t left = offset < expected_size ? expected_size - offset : 0;
    size_t wanted = size < left ? size : left;
    return engine_part_locked(store.engine, entry, offset, size, &part) == STATUS_OK &&
           part.size == wanted && memcmp(part.data, expected + offset, wanted) == 0;
}

static bool is_expected(void)
{
    struct entry entry;
    engine_rest_begin_locked(store.engine);
    bool is_right =
        engine_find_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &entry) == STATUS_OK &&
        entry.size == expected_size && is_expected_part(&entry, 0, SIZE_MAX);
    for (int i = 0; is_right && i < 200; i++) {
        size_t offset = (size_t)test_random_below(&random_numbers, expected_size + 10);
        size_t size = (size_t)test_random_below(&random_numbers, 40000);
        is_right = is_expected_part(&entry, offset, size);
    }
    return is_right;
}

/* Asserts with the lock released: without a process for each test the store is closed then. */
static void assert_expected(void)
{
    engine_lock(store.engine);
    bool is_right = is_expected();
    engine_unlock(store.engine);
    ck_assert(is_right);
    sim_store_verify(&store);
}

static void kill_and_open(void)
{
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    sim_store_kill_and_open(&store);
}

/* --- what is written ---------------------------------------------------------------------- */

START_TEST(a_patch_writes_what_it_touches)
{
    put_large();
    patch(100000, 50);
    assert_expected();
    uint64_t before = appended();
    patch(200000, 1); /* in the midst of a piece */
    ck_assert_uint_le(appended() - before, PIECE_SIZE + 200);
    before = appended();
    patch(PIECE_SIZE * 3 - 1, 2); /* in two */
    ck_assert_uint_le(appended() - before, 2 * PIECE_SIZE + 300);
    before = appended();
    patch(SIZE, 100); /* behind the end */
    ck_assert_uint_le(appended() - before, PIECE_SIZE + 400);
    assert_expected();
}
END_TEST

START_TEST(an_expiry_writes_a_header)
{
    put_large();
    patch(0, 1);
    uint64_t before = appended();
    ck_assert_int_eq(try_patch(0, slice_make(NULL, 0), store.clock_ms + 1000000), STATUS_OK);
    ck_assert_uint_le(appended() - before, 300);
    assert_expected();
    ck_assert_int_eq(try_patch(0, slice_make(NULL, 0), EXPIRY_NONE), STATUS_OK);
    assert_expected();
}
END_TEST

START_TEST(a_bit_far_out_writes_one_piece)
{
    const struct slice bit = SLICE_LITERAL("\x01");
    ck_assert_int_eq(try_patch((uint64_t)1 << 29, bit, EXPIRY_NONE), STATUS_OK);
    ck_assert_uint_le(appended(), PIECE_SIZE + 1000);
    ck_assert_uint_le(sim_store_statistics(&store).index_bytes, 20000);
    struct entry entry;
    struct slice part;
    engine_lock(store.engine);
    ck_assert_int_eq(engine_find_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &entry),
                     STATUS_OK);
    ck_assert_uint_eq(entry.size, ((uint64_t)1 << 29) + 1);
    ck_assert_int_eq(
        engine_part_locked(store.engine, &entry, ((uint64_t)1 << 29) - 1, SIZE_MAX, &part),
        STATUS_OK);
    ck_assert_uint_eq(part.size, 2);
    ck_assert_int_eq(part.data[0], 0);
    ck_assert_int_eq(part.data[1], 1);
    engine_unlock(store.engine);
    sim_store_verify(&store);
}
END_TEST

/* A gap behind the old end, which lies in a piece that was written, and new pieces. */
START_TEST(gaps_are_zeros)
{
    put_large();
    patch(0, 1);
    patch(SIZE + 3 * PIECE_SIZE, 10);
    assert_expected();
    patch(SIZE + 10, 10);
    assert_expected();
    kill_and_open();
    assert_expected();
}
END_TEST

/* Many pieces at one go, also some that are replaced wholly. */
START_TEST(a_long_patch_is_one_change)
{
    put_large();
    patch(0, 1);
    patch(5000, 150000);
    assert_expected();
    patch(250000, 200000);
    assert_expected();
    kill_and_open();
    assert_expected();
}
END_TEST

START_TEST(what_is_too_large_changes_nothing)
{
    const struct slice bit = SLICE_LITERAL("\x01");
    put_large();
    patch(0, 1);
    ck_assert_int_eq(try_patch(RECORD_VALUE_SIZE_MAX, bit, EXPIRY_NONE), STATUS_TOO_LARGE);
    engine_lock(store.engine);
    engine_set_index_memory_limit_locked(store.engine, 1);
    engine_unlock(store.engine);
    ck_assert_int_eq(try_patch((uint64_t)1 << 30, bit, EXPIRY_NONE), STATUS_INDEX_FULL);
    assert_expected();
    patch(17, 1); /* what needs no memory goes on */
    assert_expected();
}
END_TEST

/* --- what dies ---------------------------------------------------------------------------- */

START_TEST(pieces_die_with_their_header)
{
    const struct slice small = SLICE_LITERAL("small");
    put_large();
    patch(0, 1);
    ck_assert_uint_gt(live_bytes(), SIZE);
    if (_i == 0) {
        ck_assert_int_eq(sim_store_put(&store, "k", small, EXPIRY_NONE), STATUS_OK);
    } else if (_i == 1) {
        ck_assert_int_eq(sim_store_delete(&store, "k"), STATUS_OK);
    } else if (_i == 2) {
        engine_lock(store.engine);
        ck_assert_int_eq(engine_clear_locked(store.engine, 0), STATUS_OK);
        engine_unlock(store.engine);
    } else {
        ck_assert_int_eq(try_patch(0, slice_make(NULL, 0), store.clock_ms + 1000), STATUS_OK);
        store.clock_ms += 5000;
        engine_tick(store.engine);
    }
    ck_assert_uint_lt(live_bytes(), 100);
    sim_store_verify(&store);
    kill_and_open();
    ck_assert_uint_lt(live_bytes(), 100);
    ck_assert_int_eq(sim_store_find(&store, "k"), _i == 0 ? STATUS_OK : STATUS_NOT_FOUND);
    sim_store_compact(&store);
    kill_and_open();
    ck_assert_uint_lt(sim_store_statistics(&store).file_bytes, 1000);
    ck_assert_int_eq(sim_store_find(&store, "k"), _i == 0 ? STATUS_OK : STATUS_NOT_FOUND);
    sim_store_verify(&store);
}
END_TEST

/* As a batch does that must be undone. */
START_TEST(what_went_can_be_read_until_the_lock_is_released)
{
    const struct slice small = SLICE_LITERAL("small");
    struct engine_value value = {.parts = &small, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    struct entry old;
    struct slice part;
    put_large();
    patch(0, 1);
    engine_lock(store.engine);
    ck_assert_int_eq(engine_find_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &old),
                     STATUS_OK);
    ck_assert_int_eq(engine_put_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &value),
                     STATUS_OK);
    ck_assert_int_eq(engine_part_locked(store.engine, &old, 0, SIZE_MAX, &part), STATUS_OK);
    ck_assert_uint_eq(part.size, SIZE);
    ck_assert_int_eq(memcmp(part.data, expected, SIZE), 0);
    value.parts = &part;
    ck_assert_int_eq(engine_put_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &value),
                     STATUS_OK);
    engine_unlock(store.engine);
    assert_expected();
}
END_TEST

/* --- what stays --------------------------------------------------------------------------- */

START_TEST(it_outlives_crashes_compactions_and_checkpoints)
{
    put_large();
    for (int i = 0; i < 30; i++) {
        patch((size_t)test_random_below(&random_numbers, SIZE), 1000);
        if (i % 3 == 0) {
            engine_checkpoint(store.engine);
        }
        if (i % 4 == 1) {
            sim_store_compact(&store);
        }
        if (i % 5 == 0) {
            kill_and_open();
        }
        if (i % 7 == 0) {
            sim_store_close(&store);
            sim_store_open(&store);
        }
        assert_expected();
    }
}
END_TEST

START_TEST(it_goes_along_when_databases_are_exchanged)
{
    put_large();
    patch(0, 1);
    engine_lock(store.engine);
    ck_assert_int_eq(engine_swap_locked(store.engine, 0, 1), STATUS_OK);
    engine_unlock(store.engine);
    ck_assert_int_eq(sim_store_find(&store, "k"), STATUS_NOT_FOUND);
    kill_and_open();
    engine_lock(store.engine);
    ck_assert_int_eq(engine_swap_locked(store.engine, 0, 1), STATUS_OK);
    engine_unlock(store.engine);
    assert_expected();
}
END_TEST

/* --- the manifest ------------------------------------------------------------------------- */

static uint32_t format_version(void)
{
    struct manifest manifest;
    struct error error;
    ck_assert_int_eq(manifest_read(store.fs, &manifest, &error), STATUS_OK);
    uint32_t version = manifest.format_version;
    manifest_deinit(&manifest);
    return version;
}

/* As a program left it that knew no pieces. */
static void set_format_version(uint32_t version)
{
    struct manifest manifest;
    struct error error;
    ck_assert_int_eq(manifest_read(store.fs, &manifest, &error), STATUS_OK);
    manifest.format_version = version;
    ck_assert_int_eq(manifest_write(store.fs, &manifest), STATUS_OK);
    manifest_deinit(&manifest);
}

static void count_syncs(void *context, enum sim_call call, const char *name)
{
    (void)name;
    *(unsigned *)context += call == SIM_SYNC ? 1 : 0;
}

/* Before there are any: whoever has opened the store, so that no command has to. */
START_TEST(opening_announces_pieces)
{
    put_large();
    sim_store_close(&store);
    set_format_version(FORMAT_VERSION_PLAIN);
    sim_store_open(&store);
    ck_assert_uint_eq(format_version(), FORMAT_VERSION_PIECES);
    unsigned syncs = 0;
    sim_disk_set_hook(store.disk, count_syncs, &syncs);
    patch(0, 1);
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert_uint_eq(syncs, 0);
    assert_expected();
}
END_TEST

/* --- found in a review -------------------------------------------------------------------- */

static char filler[3000000];

static void put_filler(const char *key, size_t size)
{
    ck_assert_int_eq(sim_store_put(&store, key, slice_make(filler, size), EXPIRY_NONE), STATUS_OK);
}

/* What the key holds, if it is there, is what it should be. */
static void assert_gone_or_expected(void)
{
    enum status status = sim_store_find(&store, "k");
    if (status == STATUS_OK) {
        assert_expected();
    } else {
        ck_assert_int_eq(status, STATUS_NOT_FOUND);
    }
}

/* A compaction leaves out pieces of what has expired, so the mark of it is durable before: else,
 * with the clock set back after a crash, a header in another file would be alive without them. */
START_TEST(expired_pieces_are_not_zeros_later)
{
    put_large();
    patch(0, 1);
    put_filler("f", SIZE);
    put_filler("f", SIZE);
    put_filler("g", 1000);
    ck_assert_int_eq(try_patch(0, slice_make(NULL, 0), store.clock_ms + 1000), STATUS_OK);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_set_active_expiry(store.engine, false);
    engine_set_compaction_percentage(store.engine, 1);
    store.clock_ms += 2000;
    ck_assert_int_eq(sim_store_find(&store, "k"), STATUS_NOT_FOUND);
    for (int i = 0; i < 5; i++) {
        engine_tick(store.engine);
    }
    store.clock_ms -= 2000;
    kill_and_open();
    assert_gone_or_expected();
}
END_TEST

/* The clock was ahead when another key was seen to have expired, and the mark of that is owed: what
 * is changed now lives on behind it, as what is written whole does. */
START_TEST(a_change_while_an_expiry_mark_is_owed)
{
    int64_t start_ms = store.clock_ms;
    put_large();
    patch(0, 1);
    ck_assert_int_eq(try_patch(0, slice_make(NULL, 0), start_ms + 1000), STATUS_OK);
    ck_assert_int_eq(sim_store_put(&store, "other", SLICE_LITERAL("o"), start_ms + 2000),
                     STATUS_OK);
    store.clock_ms = start_ms + 3000;
    ck_assert_int_eq(sim_store_find(&store, "other"), STATUS_NOT_FOUND);
    store.clock_ms = start_ms;
    test_random_fill(&random_numbers, expected + 7, 5);
    ck_assert_int_eq(try_patch(7, slice_make(expected + 7, 5), start_ms + 1000), STATUS_OK);
    engine_tick(store.engine);
    assert_expected();
    kill_and_open();
    assert_expected();
}
END_TEST

/* A record of another key rots in the file with the first handle, while the header's file, which
 * the checkpoint knows, is gone. */
START_TEST(rot_elsewhere_takes_no_pieces)
{
    ck_assert_int_eq(sim_store_put(&store, "rotten", SLICE_LITERAL("old one"), EXPIRY_NONE),
                     STATUS_OK);
    patch(0, SIZE); /* in pieces at once */
    put_filler("a0", SIZE);
    put_filler("a1", SIZE);
    put_filler("h2", SIZE); /* the second segment has the header alone, and garbage */
    ck_assert_int_eq(try_patch(0, slice_make(NULL, 0), store.clock_ms + 100000000), STATUS_OK);
    for (int i = 0; i < 4; i++) {
        put_filler("h2", SIZE);
    }
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_checkpoint(store.engine);
    engine_set_compaction_percentage(store.engine, 10);
    for (int i = 0; i < 5; i++) {
        engine_tick(store.engine);
    }
    ck_assert_int_eq(sim_store_put(&store, "rotten", SLICE_LITERAL("new one"), EXPIRY_NONE),
                     STATUS_OK);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    sim_search_flip(&store, ".log", SLICE_LITERAL("rottenold one"), 0);
    kill_and_open();
    assert_expected();
}
END_TEST

/* The patch reads the old header once more: by then it may not be readable. */
START_TEST(a_header_that_rots_meanwhile_keeps_its_pieces)
{
    patch(0, SIZE);
    for (int i = 0; i < 4; i++) {
        put_filler("f", SIZE); /* the header is in a file, not in memory */
    }
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    struct entry old;
    ck_assert_int_eq(engine_find_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &old),
                     STATUS_OK);
    sim_search_flip(&store, ".log", slice_make(old.record, RECORD_HEADER_SIZE), 0);
    struct slice part = SLICE_LITERAL("y");
    expected[SIZE] = 'y';
    expected_size = SIZE + 1;
    struct engine_patch change = {
        .old = &old, .offset = SIZE, .parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    enum status status = engine_patch_locked(store.engine, keyspace(), SLICE_LITERAL("k"), &change);
    engine_unlock(store.engine);
    ck_assert_int_eq(status, STATUS_OK);
    assert_expected();
    sim_store_compact(&store);
    assert_expected();
}
END_TEST

/* In place, with more records than a segment holds: they get one of their own. */
START_TEST(a_patch_may_be_longer_than_a_segment)
{
    free(expected);
    expected = calloc(1, sizeof(filler));
    ck_assert_ptr_nonnull(expected);
    expected_size = sizeof(filler);
    test_random_fill(&random_numbers, expected, expected_size);
    ck_assert_int_eq(try_patch(200000, SLICE_LITERAL("x"), EXPIRY_NONE), STATUS_OK);
    ck_assert_int_eq(try_patch(0, slice_make(expected, expected_size), EXPIRY_NONE), STATUS_OK);
    assert_expected();
    kill_and_open();
    assert_expected();
    ck_assert_int_eq(try_patch(5, slice_make(expected + 5, 3), EXPIRY_NONE), STATUS_OK);
    sim_store_compact(&store);
    assert_expected();
    kill_and_open();
    assert_expected();
}
END_TEST

static bool has_expired;

static void expire_meanwhile(void *context, enum sim_call call, const char *name)
{
    (void)context;
    if (!has_expired && strstr(name, ".index") != NULL && call == SIM_WRITE) {
        has_expired = true;
        store.clock_ms += 5000;
        ck_assert_int_eq(sim_store_find(&store, "k"), STATUS_NOT_FOUND);
    }
}

/* Between the copy of its slot and that of its array. */
START_TEST(what_expires_while_a_checkpoint_is_made_is_gone)
{
    put_large();
    patch(0, 1);
    ck_assert_int_eq(try_patch(0, slice_make(NULL, 0), store.clock_ms + 1000), STATUS_OK);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    has_expired = false;
    sim_disk_set_hook(store.disk, expire_meanwhile, NULL);
    engine_checkpoint(store.engine);
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert(has_expired);
    store.clock_ms -= _i == 1 ? 5000 : 0;
    kill_and_open();
    sim_store_verify(&store);
    ck_assert_int_eq(sim_store_find(&store, "k"), STATUS_NOT_FOUND);
    sim_store_verify(&store);
}
END_TEST

/* What a put of the same size would not take room for, either. */
START_TEST(a_refused_patch_takes_no_room)
{
    memset(filler, 7, sizeof(filler));
    put_filler("k", sizeof(filler));
    for (int i = 0; i < 3; i++) {
        engine_tick(store.engine);
    }
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk) + 2500000);
    put_filler("s1", 200000);
    ck_assert_int_eq(try_patch(0, SLICE_LITERAL("x"), EXPIRY_NONE), STATUS_DISK_FULL);
    put_filler("s2", 200000);
}
END_TEST

/* A refusal that comes last of all must not leave pieces behind, either. */
START_TEST(a_refused_key_writes_no_piece)
{
    put_filler("other", 10);
    engine_lock(store.engine);
    engine_set_max_keys_locked(store.engine, 1);
    engine_unlock(store.engine);
    uint64_t before = appended();
    ck_assert_int_eq(try_patch(SIZE, SLICE_LITERAL("x"), EXPIRY_NONE), STATUS_KEY_LIMIT);
    ck_assert_uint_eq(appended(), before);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("patch");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_patch_writes_what_it_touches);
    tcase_add_test(tests, an_expiry_writes_a_header);
    tcase_add_test(tests, a_bit_far_out_writes_one_piece);
    tcase_add_test(tests, gaps_are_zeros);
    tcase_add_test(tests, a_long_patch_is_one_change);
    tcase_add_test(tests, what_is_too_large_changes_nothing);
    tcase_add_loop_test(tests, pieces_die_with_their_header, 0, 4);
    tcase_add_test(tests, what_went_can_be_read_until_the_lock_is_released);
    tcase_add_test(tests, it_outlives_crashes_compactions_and_checkpoints);
    tcase_add_test(tests, it_goes_along_when_databases_are_exchanged);
    tcase_add_test(tests, opening_announces_pieces);
    tcase_add_test(tests, expired_pieces_are_not_zeros_later);
    tcase_add_test(tests, a_change_while_an_expiry_mark_is_owed);
    tcase_add_test(tests, rot_elsewhere_takes_no_pieces);
    tcase_add_test(tests, a_header_that_rots_meanwhile_keeps_its_pieces);
    tcase_add_test(tests, a_patch_may_be_longer_than_a_segment);
    tcase_add_loop_test(tests, what_expires_while_a_checkpoint_is_made_is_gone, 0, 2);
    tcase_add_test(tests, a_refused_patch_takes_no_room);
    tcase_add_test(tests, a_refused_key_writes_no_piece);
    tcase_set_timeout(tests, 60);
    return test_run("patch", tests);
}
