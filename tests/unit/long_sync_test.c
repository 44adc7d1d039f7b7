/* long_sync_test.c - a crash in the midst of a sync of many segments leaves no part of a group. */
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "engine/log_stock.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

#define KEY_COUNT 40 /* each has a segment of its own */
#define SYNCS     33 /* more than a pass notes at a time */

static struct sim_store store;
static unsigned syncs_left;

/* Before one of the syncs, what the maintenance and stock threads may do at any time: seal
 * what is durable, and write the manifest. Then the power goes. */
static void on_call(void *context, enum sim_call call, const char *name)
{
    (void)context;
    (void)name;
    if (call != SIM_SYNC || --syncs_left > 0) {
        return;
    }
    log_files_seal(store.engine);
    ck_assert_int_eq(log_stock_ensure(store.engine), STATUS_OK);
    sim_disk_crash_now(store.disk);
}

static const char *key_number(int i)
{
    static char key[16];
    (void)snprintf(key, sizeof(key), "g%d", i);
    return key;
}

static void put_group(void)
{
    static const char bytes[3000] = "x";
    struct slice part = slice_make(bytes, sizeof(bytes));
    const struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    struct engine *engine = store.engine;
    engine_lock(engine);
    engine_rest_begin_locked(engine);
    engine_group_begin_locked(engine);
    for (int i = 0; i < KEY_COUNT; i++) {
        ck_assert_int_eq(engine_put_locked(engine, engine_database_locked(engine, 0),
                                           slice_of_string(key_number(i)), &value),
                         STATUS_OK);
    }
    engine_group_end_locked(engine);
    uint64_t position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    ck_assert_int_eq(engine_write(engine, position), STATUS_OK);
}

static int count_keys(void)
{
    int count = 0;
    for (int i = 0; i < KEY_COUNT; i++) {
        count += sim_store_find(&store, key_number(i)) == STATUS_OK;
    }
    return count;
}

/* Row `_i`: after so many other writes, so that the disk has other chances. */
START_TEST(a_group_over_many_segments_is_all_there_or_not_at_all)
{
    const struct engine_options options = sim_store_options(4096);
    sim_store_begin(&store, &options);
    sim_store_fill(&store, _i);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    put_group();
    syncs_left = SYNCS;
    sim_disk_set_hook(store.disk, on_call, NULL);
    ck_assert_int_ne(engine_sync(store.engine), STATUS_OK);
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert_int_ne(engine_close(store.engine), STATUS_OK);
    store.engine = NULL;
    sim_disk_restart_losing(store.disk, SIM_LOSS_ALL, SIM_LOSS_ALL);
    sim_store_open(&store);
    int found = count_keys();
    ck_assert_msg(found == 0 || found == KEY_COUNT, "%d of %d keys are there", found, KEY_COUNT);
    sim_store_end(&store);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("long_sync");
    tcase_add_loop_test(tests, a_group_over_many_segments_is_all_there_or_not_at_all, 0, 30);
    return test_run("long_sync", tests);
}
