/* compaction_test.c - what a compaction must not do: revive, grow, need the room that is gone. */
#include "engine/engine.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/compaction.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_SIZE 65536

static struct sim_store store;

static void set_up_with(uint64_t segment_size)
{
    const struct engine_options options = sim_store_options(segment_size);
    log_set_level(LOG_NOTHING_LEVEL);
    store.clock_ms = 1000000;
    sim_store_begin(&store, &options);
}

static void set_up(void)
{
    set_up_with(SEGMENT_SIZE);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void open_store(void)
{
    sim_store_open(&store);
}

static void reopen(void)
{
    sim_store_close(&store);
    sim_store_open(&store);
}

static enum status try_put(const char *key, struct slice value, int64_t expiry_ms)
{
    return sim_store_put(&store, key, value, expiry_ms);
}

static enum status find(const char *key)
{
    return sim_store_find(&store, key);
}

static enum status del(const char *key)
{
    return sim_store_delete(&store, key);
}

static void compact(void)
{
    sim_store_compact(&store);
}

static void put(const char *key, const char *value)
{
    ck_assert_int_eq(try_put(key, slice_of_string(value), EXPIRY_NONE), STATUS_OK);
}

/* --- nothing dead comes back ----------------------------------------------------------------- */

static char pack_name[FILE_NAME_SIZE_MAX];

static void note_pack(void *context, const char *name)
{
    (void)context;
    if (strstr(name, ".pack") != NULL) {
        (void)snprintf(pack_name, sizeof(pack_name), "%s", name);
    }
}

/* A disk may fail to read what it reads again later. A key that was deleted meanwhile stays so,
 * although its record was not seen to die. */
START_TEST(deleted_while_unreadable)
{
    const uint64_t in_first_record = 128 + 20;
    put("a", "1");
    put("b", "2");
    put("a", "3");
    compact();
    ck_assert_int_eq(fs_list(store.fs, note_pack, NULL), STATUS_OK);
    ck_assert_int_eq(sim_disk_flip(store.disk, pack_name, in_first_record, 1), STATUS_OK);
    const char *key = find("a") == STATUS_CORRUPT ? "a" : "b";
    ck_assert_int_eq(find(key), STATUS_CORRUPT);
    ck_assert_int_eq(del(key), STATUS_OK);
    ck_assert_int_eq(sim_disk_flip(store.disk, pack_name, in_first_record, 1), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        compact();
        reopen();
        ck_assert_int_eq(find(key), STATUS_NOT_FOUND);
    }
}
END_TEST

/* An expired record is the tombstone of the older ones of its key: when one of those lies in a file
 * that has to stay, because something in it is damaged, it goes on to hide that. A tombstone too.
 */
START_TEST(hidden_in_a_damaged_file)
{
    const uint64_t in_first_value = 128 + 60;
    put("x", "0123456789012345678901234567890123456789");
    put("a", "1");
    put("b", "1");
    put("c", "1");
    put("c", "2");
    compact(); /* x, a and b, c are in a packed file, in this order */
    ck_assert_int_eq(fs_list(store.fs, note_pack, NULL), STATUS_OK);
    ck_assert_int_eq(sim_disk_flip(store.disk, pack_name, in_first_value, 1), STATUS_OK);
    ck_assert_int_eq(try_put("a", SLICE_LITERAL("2"), store.clock_ms + 1000), STATUS_OK);
    ck_assert_int_eq(del("b"), STATUS_OK);
    store.clock_ms += 5000;
    for (int i = 0; i < 3; i++) {
        engine_tick(store.engine);
        compact();
        reopen();
        ck_assert_int_eq(find("a"), STATUS_NOT_FOUND);
        ck_assert_int_eq(find("b"), STATUS_NOT_FOUND);
        ck_assert_int_eq(find("c"), STATUS_OK);
    }
}
END_TEST

/* --- damage that is found while a compaction runs --------------------------------------------- */

static void remove_checkpoint(void *context, const char *name)
{
    (void)context;
    if (strstr(name, ".index") != NULL) {
        ck_assert_int_eq(fs_remove(store.fs, name), STATUS_OK);
    }
}

/* Once the compaction's output is written, its first victim can't be read for a moment, in which
 * the key there is deleted. */
static void delete_unreadable(void *context, enum sim_call call, const char *name)
{
    const uint64_t in_first_record = 128 + 20;
    bool *is_done = context;
    if (call == SIM_SYNC && strstr(name, ".pack") != NULL && !*is_done) {
        *is_done = true;
        ck_assert_int_eq(sim_disk_flip(store.disk, pack_name, in_first_record, 1), STATUS_OK);
        ck_assert_int_eq(find("live"), STATUS_CORRUPT);
        ck_assert_int_eq(del("live"), STATUS_OK);
        ck_assert_int_eq(sim_disk_flip(store.disk, pack_name, in_first_record, 1), STATUS_OK);
    }
}

/* The tombstone of "dead" goes, since the file with what it hides has been copied and goes too. So
 * that must go, whatever is found in it by then. */
START_TEST(found_damaged_after_it_was_copied)
{
    put("live", "1");
    put("dead", "1");
    put("other", "1");
    put("other", "2");
    compact(); /* live, dead, other are in a packed file, in this order */
    ck_assert_int_eq(fs_list(store.fs, note_pack, NULL), STATUS_OK);
    ck_assert_int_eq(del("dead"), STATUS_OK);
    bool is_done = false;
    sim_disk_set_hook(store.disk, delete_unreadable, &is_done);
    compact();
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert(is_done);
    ck_assert_int_eq(engine_close(store.engine), STATUS_OK);
    ck_assert_int_eq(fs_list(store.fs, remove_checkpoint, NULL), STATUS_OK);
    open_store(); /* reads all of the files */
    ck_assert_int_eq(find("dead"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("live"), STATUS_NOT_FOUND);
    ck_assert_int_eq(find("other"), STATUS_OK);
}
END_TEST

/* --- what an expiry mark covers -------------------------------------------------------------- */

/* The mark for a key that expired is still owed when the clock is set back, and a key is written
 * that expires, by the new time, before the first did. The mark must not cover it. */
START_TEST(written_before_an_owed_expiry_mark)
{
    const int64_t early_ms = store.clock_ms;
    ck_assert_int_eq(try_put("old", SLICE_LITERAL("1"), early_ms + 50000), STATUS_OK);
    store.clock_ms = early_ms + 60000;
    ck_assert_int_eq(find("old"), STATUS_NOT_FOUND);
    store.clock_ms = early_ms;
    ck_assert_int_eq(try_put("new", SLICE_LITERAL("2"), early_ms + 40000), STATUS_OK);
    engine_tick(store.engine);
    ck_assert_int_eq(find("new"), STATUS_OK);
    reopen();
    ck_assert_int_eq(find("new"), STATUS_OK);
    ck_assert_int_eq(find("old"), STATUS_NOT_FOUND);
}
END_TEST

/* A key that was found expired, just before the end, is not there again when the clock is set back
 * before the next start. */
START_TEST(closed_with_an_owed_expiry_mark)
{
    const int64_t early_ms = store.clock_ms;
    ck_assert_int_eq(try_put("old", SLICE_LITERAL("1"), early_ms + 50000), STATUS_OK);
    store.clock_ms = early_ms + 60000;
    ck_assert_int_eq(del("old"), STATUS_NOT_FOUND);
    store.clock_ms = early_ms;
    reopen();
    ck_assert_int_eq(find("old"), STATUS_NOT_FOUND);
}
END_TEST

/* --- a store at rest ------------------------------------------------------------------------- */

START_TEST(again_and_again_at_rest)
{
    for (int i = 0; i < 200; i++) {
        char key[24];
        (void)snprintf(key, sizeof(key), "k%d", i);
        put(key, "some value");
        ck_assert_int_eq(i % 3 != 0 ? STATUS_OK : del(key), STATUS_OK);
    }
    compact();
    compact();
    engine_tick(store.engine);
    uint64_t used = sim_disk_used_bytes(store.disk);
    uint64_t changes = sim_disk_changing_calls(store.disk);
    for (int i = 0; i < 20; i++) {
        compact();
        engine_tick(store.engine);
    }
    ck_assert_uint_eq(sim_disk_used_bytes(store.disk), used);
    ck_assert_uint_eq(sim_disk_changing_calls(store.disk), changes);
}
END_TEST

/* Of a large one nothing but its key is kept in memory: here there is nothing at all. */
START_TEST(a_large_value_with_an_empty_key)
{
    static const char bytes[2 << 20];
    tear_down();
    set_up_with(2 * sizeof(bytes));
    put("dead", "value");
    ck_assert_int_eq(try_put("", slice_make(bytes, sizeof(bytes)), EXPIRY_NONE), STATUS_OK);
    ck_assert_int_eq(del("dead"), STATUS_OK);
    compact();
    ck_assert_int_eq(find(""), STATUS_OK);
    reopen();
    ck_assert_int_eq(find(""), STATUS_OK);
}
END_TEST

/* --- the limit of open files ----------------------------------------------------------------- */

static void fill_half_dead(void)
{
    static const char bytes[1000];
    char key[24];
    for (int i = 0; i < 400; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i < 200 ? i : i / 2 * 2 % 200);
        ck_assert_int_eq(try_put(key, slice_make(bytes, sizeof(bytes)), EXPIRY_NONE), STATUS_OK);
    }
    engine_tick(store.engine);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_lock(store.engine);
    ck_assert_int_eq(appender_roll_locked(store.engine), STATUS_OK);
    engine_unlock(store.engine);
    ck_assert_int_eq(log_stock_ensure(store.engine), STATUS_OK); /* or else it does that first */
}

static enum status compact_failing(enum sim_call call, uint64_t n, enum status failure)
{
    struct compaction_result result;
    sim_disk_fail(store.disk, call, n, 1, failure);
    compaction_begin_pass(store.engine);
    enum status status = compaction_run(store.engine, COMPACTION_PASS, &result);
    sim_disk_fail(store.disk, call, 0, 0, failure);
    return status;
}

/* The last descriptor went to the packed segment. */
START_TEST(what_can_not_be_listed_is_gone)
{
    fill_half_dead();
    uint64_t used = sim_disk_used_bytes(store.disk);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(compact_failing(SIM_CREATE, 2, STATUS_IO), STATUS_IO);
        pack_name[0] = '\0';
        ck_assert_int_eq(fs_list(store.fs, note_pack, NULL), STATUS_OK);
        ck_assert_str_eq(pack_name, "");
        ck_assert_uint_le(sim_disk_used_bytes(store.disk), used + 4096);
    }
    compact();
    ck_assert_uint_lt(sim_disk_used_bytes(store.disk), used);
    reopen();
    ck_assert_int_eq(find("k0"), STATUS_OK);
}
END_TEST

/* The manifest on the disk may be the one that lists the packed segment and not the victims. */
START_TEST(what_may_be_listed_stays)
{
    const enum sim_call calls[] = {SIM_RENAME, SIM_SYNC_DIRECTORY};
    const enum sim_loss losses[] = {SIM_LOSS_NONE, SIM_LOSS_ALL};
    fill_half_dead();
    ck_assert_int_eq(compact_failing(calls[_i / 2], _i / 2 == 0 ? 1 : 2, STATUS_IO), STATUS_IO);
    pack_name[0] = '\0';
    ck_assert_int_eq(fs_list(store.fs, note_pack, NULL), STATUS_OK);
    ck_assert_str_ne(pack_name, "");
    sim_disk_crash_now(store.disk);
    enum status status = engine_close(store.engine);
    (void)status; /* of a disk that is gone */
    store.engine = NULL;
    sim_disk_restart_losing(store.disk, losses[_i % 2], losses[_i % 2]);
    open_store();
    ck_assert_int_eq(find("k0"), STATUS_OK);
    ck_assert_int_eq(find("k199"), STATUS_OK);
}
END_TEST

static bool is_sealed;
static bool is_done;

/* As when the thread that makes segments ready meets the error, a moment before the compaction asks
 * for the same. */
static void lose_names(void *context, enum sim_call call, const char *name)
{
    (void)context;
    is_sealed = is_sealed || (call == SIM_SYNC && strstr(name, ".pack") != NULL);
    if (is_sealed && !is_done && call == SIM_WRITE && strcmp(name, "MANIFEST.tmp") == 0) {
        is_done = true;
        sim_disk_fail(store.disk, SIM_SYNC_DIRECTORY, 1, 1, STATUS_IO);
        ck_assert_int_eq(fs_sync_directory(store.fs), STATUS_IO);
    }
}

/* The victims' copies may have lost their name, and a manifest that lists them its own. */
START_TEST(nothing_is_removed_when_another_has_lost_names)
{
    struct compaction_result result = {0};
    fill_half_dead();
    is_sealed = false;
    is_done = false;
    sim_disk_set_hook(store.disk, lose_names, NULL);
    ck_assert_int_eq(engine_compact(store.engine, &result), STATUS_IO);
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert(is_done);
    ck_assert_uint_eq(result.segments_removed, 0);
    sim_store_die(&store, SIM_POWER_CUT);
    open_store();
    ck_assert_int_eq(find("k0"), STATUS_OK);
    ck_assert_int_eq(find("k199"), STATUS_OK);
}
END_TEST

/* --- others' memory -------------------------------------------------------------------------- */

/* Clients read the victims until their copies are published: what they have in memory stays. */
START_TEST(what_was_in_memory_stays)
{
    static const char bytes[8000];
    tear_down();
    set_up_with((uint64_t)4 << 20);
    for (int i = 0; i < 1000; i++) {
        char key[24];
        (void)snprintf(key, sizeof(key), "k%d", i % 700);
        ck_assert_int_eq(try_put(key, slice_make(bytes, sizeof(bytes)), EXPIRY_NONE), STATUS_OK);
    }
    compact();
    ck_assert_uint_eq(sim_disk_dropped_bytes(store.disk), 0);
    for (int i = 0; i < 350; i++) {
        char key[24];
        (void)snprintf(key, sizeof(key), "k%d", i * 2);
        ck_assert_int_eq(del(key), STATUS_OK);
    }
    sim_disk_set_cold(store.disk, true);
    compact();
    ck_assert_uint_gt(sim_disk_dropped_bytes(store.disk), (uint64_t)2 << 20);
}
END_TEST

/* --- a full disk ----------------------------------------------------------------------------- */

static void fill_disk(size_t *count)
{
    static const char bytes[3000];
    char key[24];
    enum status status = STATUS_OK;
    sim_disk_set_capacity(store.disk,
                          sim_disk_used_bytes(store.disk) + (uint64_t)10 * SEGMENT_SIZE);
    for (*count = 0; status == STATUS_OK; (*count)++) {
        engine_tick(store.engine);
        (void)snprintf(key, sizeof(key), "k%zu", *count);
        status = try_put(key, slice_make(bytes, sizeof(bytes)), EXPIRY_NONE);
    }
    ck_assert_int_eq(status, STATUS_DISK_FULL);
    /* And somebody else takes what is left. */
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk));
}

static void expect_room(void)
{
    static const char bytes[3000];
    ck_assert_int_eq(try_put("more", slice_make(bytes, sizeof(bytes)), EXPIRY_NONE), STATUS_OK);
}

/* Nothing needs to be copied, so no room is needed to get room. */
START_TEST(full_and_cleared)
{
    size_t count;
    fill_disk(&count);
    engine_lock(store.engine);
    ck_assert_int_eq(engine_clear_all_locked(store.engine), STATUS_OK);
    engine_unlock(store.engine);
    compact();
    expect_room();
}
END_TEST

/* Deletes every `step`-th key. What deletes needs room, too: when it is used up, compacting makes
 * some, and it can go on. */
static void delete_some(size_t count, size_t step)
{
    for (size_t i = 0; i + 1 < count; i += step) {
        char key[24];
        (void)snprintf(key, sizeof(key), "k%zu", i);
        enum status status = del(key);
        if (status == STATUS_DISK_FULL) {
            compact();
            engine_tick(store.engine);
            status = del(key);
        }
        ck_assert_msg(status == STATUS_OK, "%zu of %zu: %s", i, count, status_name(status));
    }
}

START_TEST(full_and_deleted)
{
    size_t count;
    fill_disk(&count);
    delete_some(count, 1);
    compact();
    expect_room();
}
END_TEST

/* Half of each segment is dead. */
START_TEST(full_and_half_deleted)
{
    size_t count;
    fill_disk(&count);
    delete_some(count, 2);
    compact();
    expect_room();
    ck_assert_int_eq(find("k1"), STATUS_OK);
}
END_TEST

/* The reserve was used up, and there is less room than it had: the log finds some, too. */
START_TEST(what_deletes_comes_before_the_reserve)
{
    size_t count;
    uint64_t room;
    fill_disk(&count);
    ck_assert(reserve_release(store.engine));
    sim_disk_set_capacity(store.disk, sim_disk_used_bytes(store.disk) + (uint64_t)32 * 1024);
    reserve_refill(store.engine);
    ck_assert_uint_gt(store.engine->reserve.size, 0);
    ck_assert_int_eq(fs_free_space(store.fs, &room), STATUS_OK);
    ck_assert_uint_ge(room, 2 * log_files_least_reserve(store.engine));
    engine_lock(store.engine);
    ck_assert_int_eq(appender_roll_locked(store.engine), STATUS_OK);
    engine_unlock(store.engine);
    ck_assert_int_eq(del("k1"), STATUS_OK);
}
END_TEST

/* A store can be opened on a full disk, and room be made in it. */
START_TEST(full_and_opened)
{
    size_t count;
    fill_disk(&count);
    for (int i = 0; i < 3; i++) {
        sim_disk_crash_now(store.disk);
        enum status status = engine_close(store.engine);
        (void)status; /* it may have had nothing left to do */
        sim_disk_restart(store.disk, SIM_KILL);
        open_store();
        engine_tick(store.engine);
    }
    engine_lock(store.engine);
    ck_assert_int_eq(engine_clear_all_locked(store.engine), STATUS_OK);
    engine_unlock(store.engine);
    compact();
    expect_room();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("compaction");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, deleted_while_unreadable);
    tcase_add_test(tests, hidden_in_a_damaged_file);
    tcase_add_test(tests, found_damaged_after_it_was_copied);
    tcase_add_test(tests, written_before_an_owed_expiry_mark);
    tcase_add_test(tests, closed_with_an_owed_expiry_mark);
    tcase_add_test(tests, again_and_again_at_rest);
    tcase_add_test(tests, a_large_value_with_an_empty_key);
    tcase_add_test(tests, what_can_not_be_listed_is_gone);
    tcase_add_loop_test(tests, what_may_be_listed_stays, 0, 4);
    tcase_add_test(tests, nothing_is_removed_when_another_has_lost_names);
    tcase_add_test(tests, what_was_in_memory_stays);
    tcase_add_test(tests, full_and_cleared);
    tcase_add_test(tests, full_and_deleted);
    tcase_add_test(tests, full_and_half_deleted);
    tcase_add_test(tests, what_deletes_comes_before_the_reserve);
    tcase_add_test(tests, full_and_opened);
    return test_run("compaction", tests);
}
