/*
 * resurrection_test.c - nothing dead comes back: the hard cases, by name.
 *
 * Where an old file has to stay while newer ones are compacted, a damaged record in it makes it
 * stay (a compaction leaves such a file alone). Each test makes sure that the dead bytes still lie
 * on the disk when the store is opened: else it would prove nothing. A lost checkpoint means that
 * all of the files are read.
 */
#include "engine/engine.h"

#include "base/check.h"
#include "base/log.h"
#include "support/sim_search.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_SIZE 16384
#define HOUR_MS      3600000
#define ROTTEN       "this value will rot"

static struct sim_store store;

static void set_up(void)
{
    const struct engine_options options = sim_store_options(SEGMENT_SIZE);
    log_set_level(LOG_NOTHING_LEVEL);
    store.clock_ms = 100 * (int64_t)HOUR_MS;
    sim_store_begin(&store, &options);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void open_store(void)
{
    sim_store_open(&store);
    sim_store_verify(&store);
}

static void close_store(void)
{
    sim_store_close(&store);
}

static void reopen_after_kill(void)
{
    sim_store_kill_and_open(&store);
    sim_store_verify(&store);
}

static void remove_key(const char *key)
{
    ck_assert_int_eq(sim_store_delete(&store, key), STATUS_OK);
}

static void compact(void)
{
    sim_store_compact(&store);
}

/* --- what lies on the disk ------------------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t size = strlen(name);
    size_t suffix_size = strlen(suffix);
    return size >= suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

static bool is_on_disk(const char *text)
{
    struct sim_place place;
    return sim_search(&store, "", slice_of_string(text), &place);
}

static unsigned count_files(const char *suffix)
{
    return sim_search_count(&store, suffix);
}

/* Changes the byte at `distance` from where the text begins. */
static void flip(const char *text, int distance)
{
    sim_search_flip(&store, "", slice_of_string(text), (uint64_t)distance);
}

static void remember_checkpoint(void *context, const char *name)
{
    if (has_suffix(name, ".index")) {
        (void)snprintf(context, FILE_NAME_SIZE_MAX, "%s", name);
    }
}

static void lose_checkpoint(void)
{
    char name[FILE_NAME_SIZE_MAX] = "";
    ck_assert_int_eq(fs_list(store.fs, remember_checkpoint, name), STATUS_OK);
    if (name[0] != '\0') {
        ck_assert_int_eq(fs_remove(store.fs, name), STATUS_OK);
        ck_assert_int_eq(fs_sync_directory(store.fs), STATUS_OK);
    }
}

/* --- ends and new beginnings ----------------------------------------------------------------- */

static void die(void)
{
    sim_disk_crash_now(store.disk);
    struct engine *dead = store.engine;
    store.engine = NULL;
    enum status status = engine_close(dead);
    (void)status; /* of a disk that is gone */
}

/* The power goes, and takes all that was not durable; what it finds then tells how it went. */
static void cut_power(enum sim_loss bytes, enum sim_loss names)
{
    die();
    sim_disk_restart_losing(store.disk, bytes, names);
}

static void reopen_after_power_cut(void)
{
    cut_power(SIM_LOSS_ALL, SIM_LOSS_ALL);
    lose_checkpoint();
    open_store();
}

static void reopen(void)
{
    close_store();
    lose_checkpoint();
    open_store();
}

/* --- commands -------------------------------------------------------------------------------- */

static void sync_store(void)
{
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
}

static void put_in(unsigned database, const char *key, const char *value, int64_t expiry_ms)
{
    struct slice part = slice_of_string(value);
    struct engine_value v = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
    engine_lock(store.engine);
    ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, database),
                                       slice_of_string(key), &v),
                     STATUS_OK);
    uint64_t position = engine_rest_end_locked(store.engine);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, position), STATUS_OK);
}

static void put(const char *key, const char *value)
{
    put_in(0, key, value, EXPIRY_NONE);
}

static void clear(void)
{
    engine_lock(store.engine);
    ck_assert_int_eq(engine_clear_locked(store.engine, 0), STATUS_OK);
    uint64_t position = engine_rest_end_locked(store.engine);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, position), STATUS_OK);
}

static void swap(void)
{
    engine_lock(store.engine);
    ck_assert_int_eq(engine_swap_locked(store.engine, 0, 1), STATUS_OK);
    uint64_t position = engine_rest_end_locked(store.engine);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, position), STATUS_OK);
}

static bool holds_in(unsigned database, const char *key, const char *value)
{
    struct entry entry;
    engine_lock(store.engine);
    enum status status = engine_find_locked(
        store.engine, engine_database_locked(store.engine, database), slice_of_string(key), &entry);
    bool is_it = status == STATUS_OK && slice_equal(entry.value, slice_of_string(value));
    engine_unlock(store.engine);
    ck_assert(status == STATUS_OK || status == STATUS_NOT_FOUND);
    return is_it;
}

static bool holds(const char *key, const char *value)
{
    return holds_in(0, key, value);
}

static bool is_absent(const char *key)
{
    struct entry entry;
    engine_lock(store.engine);
    enum status status = engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                            slice_of_string(key), &entry);
    engine_unlock(store.engine);
    return status == STATUS_NOT_FOUND;
}

/* The log goes on in another file. */
static void fill_segment(const char *key)
{
    static char filling[SEGMENT_SIZE / 2];
    memset(filling, 'f', sizeof(filling) - 1);
    for (int i = 0; i < 3; i++) {
        put(key, filling);
    }
    sync_store();
}

/* An old file with a value of k that no compaction will touch. */
static void make_old_file(void)
{
    put("k", "the dead value of k");
    put_in(1, "rotten", ROTTEN, EXPIRY_NONE);
    fill_segment("filling");
    flip(ROTTEN, 4);
}

/* --- the cases ------------------------------------------------------------------------------- */

START_TEST(overwritten_deleted_and_the_newer_files_compacted)
{
    make_old_file();
    put("k", "a newer value");
    fill_segment("filling");
    remove_key("k");
    fill_segment("filling");
    for (int i = 0; i < 3; i++) {
        compact();
        reopen_after_power_cut();
        ck_assert(is_on_disk("the dead value of k"));
        ck_assert(is_absent("k"));
    }
    ck_assert(!is_on_disk("a newer value"));
}
END_TEST

START_TEST(a_tombstone_compacted_before_what_it_guards)
{
    make_old_file();
    remove_key("k");
    fill_segment("filling");
    compact();
    compact();
    reopen();
    ck_assert(is_on_disk("the dead value of k") && is_absent("k"));
    /* The old file is well again, and goes; then the tombstone may go, too. */
    close_store();
    flip("value will rot", -1);
    lose_checkpoint();
    open_store();
    compact();
    reopen_after_power_cut();
    ck_assert(is_absent("k"));
}
END_TEST

START_TEST(expired_in_a_newer_version_with_an_older_one_that_never_expires)
{
    make_old_file();
    put_in(0, "k", "expires soon", store.clock_ms + 1000);
    fill_segment("filling");
    store.clock_ms += 5000;
    ck_assert(is_absent("k"));
    engine_tick(store.engine);
    sync_store();
    compact();
    reopen_after_power_cut();
    ck_assert(is_on_disk("the dead value of k") && is_absent("k"));
    store.clock_ms -= HOUR_MS;
    compact();
    reopen_after_power_cut();
    ck_assert(is_on_disk("the dead value of k") && is_absent("k"));
}
END_TEST

/* As above, but nobody looked at the key between its end and the compaction. */
START_TEST(expired_unseen_with_an_older_version_that_never_expires)
{
    make_old_file();
    put_in(0, "k", "expires soon", store.clock_ms + 1000);
    fill_segment("filling");
    store.clock_ms += 5000;
    compact();
    reopen_after_power_cut();
    ck_assert(is_on_disk("the dead value of k") && is_absent("k"));
    compact();
    reopen_after_power_cut();
    ck_assert(is_on_disk("the dead value of k") && is_absent("k"));
}
END_TEST

START_TEST(the_clock_set_back_by_an_hour_across_a_restart)
{
    put_in(0, "k", "was there", store.clock_ms + 1000);
    put_in(0, "later", "still there", store.clock_ms + 2 * (int64_t)HOUR_MS);
    sync_store();
    store.clock_ms += 2000;
    ck_assert(is_absent("k"));
    engine_tick(store.engine);
    sync_store();
    store.clock_ms -= HOUR_MS;
    ck_assert(is_absent("k"));
    reopen_after_power_cut();
    ck_assert(is_on_disk("was there") && is_absent("k") && holds("later", "still there"));
    /* And a clean stop leaves no mark owed, though the cycle did not run. */
    put_in(0, "m", "also there", store.clock_ms + 1000);
    store.clock_ms += 2000;
    ck_assert(is_absent("m"));
    close_store();
    store.clock_ms -= HOUR_MS;
    lose_checkpoint();
    open_store();
    ck_assert(is_on_disk("also there") && is_absent("m") && is_absent("k"));
}
END_TEST

START_TEST(flushdb_then_a_crash)
{
    put("k", "before the flush");
    put_in(1, "k", "elsewhere", EXPIRY_NONE);
    sync_store();
    clear();
    reopen_after_kill();
    ck_assert(is_on_disk("before the flush") && is_absent("k") && holds_in(1, "k", "elsewhere"));
    put("k", "after the flush");
    sync_store();
    reopen_after_power_cut();
    ck_assert(holds("k", "after the flush"));
    clear();
    sync_store();
    reopen_after_power_cut();
    ck_assert(is_on_disk("after the flush") && is_absent("k") && holds_in(1, "k", "elsewhere"));
}
END_TEST

START_TEST(swapdb_then_a_crash)
{
    put("k", "of zero");
    put_in(1, "k", "of one", EXPIRY_NONE);
    sync_store();
    swap();
    reopen_after_kill();
    ck_assert(holds("k", "of one") && holds_in(1, "k", "of zero"));
    remove_key("k");
    sync_store();
    fill_segment("filling");
    compact();
    reopen_after_power_cut();
    ck_assert(is_absent("k") && holds_in(1, "k", "of zero"));
    swap();
    sync_store();
    reopen_after_power_cut();
    ck_assert(holds("k", "of zero") && !holds_in(1, "k", "of one"));
}
END_TEST

START_TEST(a_flushed_keyspace_whose_record_was_compacted_away)
{
    make_old_file();
    clear();
    fill_segment("filling");
    for (int i = 0; i < 3; i++) {
        put("new", "of the new keyspace");
        fill_segment("filling");
        compact();
        reopen_after_power_cut();
        ck_assert(is_on_disk("the dead value of k") && is_absent("k"));
        ck_assert(holds("new", "of the new keyspace"));
    }
}
END_TEST

START_TEST(a_removed_file_that_reappears)
{
    put("k", "the dead value of k");
    remove_key("k");
    sync_store();
    unsigned before = count_files(".log");
    compact();
    ck_assert(!is_on_disk("the dead value of k"));
    ck_assert_uint_eq(count_files(".log"), before); /* one went, and one was made */
    /* All that was done to names since the last sync of the directory never happened. */
    cut_power(SIM_LOSS_NONE, SIM_LOSS_ALL);
    ck_assert(is_on_disk("the dead value of k"));
    lose_checkpoint();
    open_store();
    ck_assert(is_absent("k"));
    ck_assert(!is_on_disk("the dead value of k")); /* belongs to nobody: removed */
    put("k", "alive");
    sync_store();
    reopen_after_power_cut();
    ck_assert(holds("k", "alive"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("resurrection");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, overwritten_deleted_and_the_newer_files_compacted);
    tcase_add_test(tests, a_tombstone_compacted_before_what_it_guards);
    tcase_add_test(tests, expired_in_a_newer_version_with_an_older_one_that_never_expires);
    tcase_add_test(tests, expired_unseen_with_an_older_version_that_never_expires);
    tcase_add_test(tests, the_clock_set_back_by_an_hour_across_a_restart);
    tcase_add_test(tests, flushdb_then_a_crash);
    tcase_add_test(tests, swapdb_then_a_crash);
    tcase_add_test(tests, a_flushed_keyspace_whose_record_was_compacted_away);
    tcase_add_test(tests, a_removed_file_that_reappears);
    return test_run("resurrection", tests);
}
