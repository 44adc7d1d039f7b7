/*
 * set_aside_test.c - a log segment that is set aside, on a disk that loses its new name.
 *
 * The log has two segments, and the last record of the first one is torn: so the second is renamed
 * to *.cut. The sync of the directory that should make this durable fails, and so does the opening.
 * The next one, for which all syncs succeed, must not take the name that it finds for durable.
 * (Which names are lost is left to chance: the cases differ in nothing else.)
 */
#include "base/log.h"
#include "engine/engine_state.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_SIZE 4096
#define VALUE_SIZE   500
#define CASES        8

static struct sim_store store;
static char first[FILE_NAME_SIZE_MAX];
static char second[FILE_NAME_SIZE_MAX];
static char cut[FILE_NAME_SIZE_MAX + 8]; /* what the second one is called then */

static const struct segment *active(void)
{
    return store.engine->appender.active;
}

static void put(const char *key)
{
    char bytes[VALUE_SIZE];
    memset(bytes, 'x', sizeof(bytes));
    ck_assert_int_eq(sim_store_put(&store, key, slice_make(bytes, sizeof(bytes)), EXPIRY_NONE),
                     STATUS_OK);
}

/* The process is dead, and the end of the first segment torn. */
static void write_log(int durable_count)
{
    const struct engine_options options = sim_store_options(SEGMENT_SIZE);
    sim_store_begin(&store, &options);
    sim_store_fill(&store, durable_count);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    uint64_t number = active()->number;
    uint64_t end = 0;
    while (active()->number == number) {
        end = active()->end;
        put("torn");
    }
    segment_file_name(SEGMENT_LOG, number, first);
    segment_file_name(SEGMENT_LOG, active()->number, second);
    (void)snprintf(cut, sizeof(cut), "%s.cut", second);
    sim_store_die(&store, SIM_KILL);
    ck_assert_int_eq(sim_disk_flip(store.disk, first, end - 100, 1), STATUS_OK);
}

/* The first sync of the directory is for the copy of the first segment's end. */
static void open_and_fail(void)
{
    struct error error;
    sim_disk_fail(store.disk, SIM_SYNC_DIRECTORY, 2, 1, STATUS_IO);
    ck_assert_int_eq(engine_open(&store.options, &store.engine, &error), STATUS_IO);
    store.engine = NULL;
}

START_TEST(a_new_name_that_was_lost_is_given_again)
{
    for (int i = 1; i <= CASES; i++) {
        write_log(i);
        open_and_fail();
        sim_store_open(&store);
        ck_assert(sim_store_has_file(&store, cut) && !sim_store_has_file(&store, second));
        sim_store_die(&store, SIM_POWER_CUT);
        ck_assert(sim_store_has_file(&store, cut) && !sim_store_has_file(&store, second));
        sim_store_open(&store);
        ck_assert_int_eq(sim_store_find(&store, "k0"), STATUS_OK);
        sim_store_end(&store);
    }
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("set_aside");
    tcase_add_test(tests, a_new_name_that_was_lost_is_given_again);
    return test_run("set_aside", tests);
}
