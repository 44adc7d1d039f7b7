/*
 * doubtful_test.c - what was made to be listed by a manifest that could not be put in place does
 * not pile up, and goes when that is possible.
 */
#include "engine/doubtful.h"

#include "base/log.h"
#include "engine/checkpoint_take.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

#define SEGMENT_SIZE 65536
#define TIMES        5
#define FOREVER      1000

static struct sim_store store;

static void set_up(void)
{
    const struct engine_options options = sim_store_options(SEGMENT_SIZE);
    sim_store_begin(&store, &options);
    sim_store_fill(&store, 3000);
    for (int i = 0; i < 3000; i += 2) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        ck_assert_int_eq(sim_store_put(&store, key, SLICE_LITERAL("other"), EXPIRY_NONE),
                         STATUS_OK);
    }
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    engine_tick(store.engine); /* segments are sealed and made ready */
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void count_name(void *context, const char *name)
{
    (void)name;
    (*(size_t *)context)++;
}

static size_t file_count(void)
{
    size_t count = 0;
    ck_assert_int_eq(fs_list(store.fs, count_name, &count), STATUS_OK);
    return count;
}

static enum status compact(void)
{
    struct compaction_result result;
    return engine_compact(store.engine, &result);
}

static enum status take_checkpoint(void)
{
    return checkpoint_take(store.engine, false);
}

static enum status (*const makers[])(void) = {compact, take_checkpoint};

/* The manifest may be the new one: so one file stays, and there is no second before it is known. */
START_TEST(one_file_at_most_is_in_doubt)
{
    size_t files = file_count();
    sim_disk_fail(store.disk, SIM_RENAME, 1, FOREVER, STATUS_IO);
    ck_assert_int_eq(makers[_i](), STATUS_IO);
    files += 2; /* the one in doubt and MANIFEST.tmp */
    uint64_t used = sim_disk_used_bytes(store.disk);
    for (int i = 0; i < TIMES; i++) {
        ck_assert_int_eq(makers[i % 2](), STATUS_IO);
        ck_assert_uint_le(file_count(), files);
        ck_assert_uint_le(sim_disk_used_bytes(store.disk), used + 4096);
    }
    ck_assert_uint_eq(store.engine->doubtful.count, 1);
    sim_store_kill_and_open(&store); /* the next start finds and removes it, too */
    ck_assert_uint_le(file_count(), files - 1);
}
END_TEST

START_TEST(what_was_in_doubt_goes_with_the_next_manifest)
{
    char name[FILE_NAME_SIZE_MAX];
    struct file *file;
    sim_disk_fail(store.disk, SIM_RENAME, 1, 1, STATUS_IO);
    ck_assert_int_eq(makers[_i](), STATUS_IO);
    ck_assert_uint_eq(store.engine->doubtful.count, 1);
    (void)snprintf(name, sizeof(name), "%s", store.engine->doubtful.names[0]);
    ck_assert_int_eq(fs_open(store.fs, name, FILE_MODE_READ, &file), STATUS_OK);
    file_close(file);
    ck_assert_int_eq(makers[_i](), STATUS_OK);
    ck_assert_uint_eq(store.engine->doubtful.count, 0);
    ck_assert_int_eq(fs_open(store.fs, name, FILE_MODE_READ, &file), STATUS_NOT_FOUND);
    sim_store_kill_and_open(&store);
    ck_assert_int_eq(sim_store_find(&store, "k0"), STATUS_OK);
}
END_TEST

/* As with a MANIFEST that nobody may replace: nothing has changed, so nothing need stay. */
START_TEST(a_rename_that_is_refused_leaves_no_doubt)
{
    size_t files = file_count();
    sim_disk_fail(store.disk, SIM_RENAME, 1, FOREVER, STATUS_REFUSED);
    for (int i = 0; i < TIMES; i++) {
        ck_assert_int_eq(makers[_i](), STATUS_REFUSED);
        ck_assert_uint_eq(store.engine->doubtful.count, 0);
        ck_assert_uint_le(file_count(), files + 1); /* MANIFEST.tmp */
    }
    sim_disk_fail(store.disk, SIM_RENAME, 0, 0, STATUS_REFUSED);
    ck_assert_int_eq(makers[_i](), STATUS_OK);
}
END_TEST

/* Segments that were to be listed are of no length then, and go in the same way. */
START_TEST(segments_made_ready_go_as_well)
{
    for (unsigned i = 0; i < 2 * DOUBTFUL_MAX; i++) {
        struct log_batch batch = {.count = 1};
        mutex_lock(&store.engine->lock);
        struct log_facts facts = log_files_facts_locked(store.engine);
        mutex_unlock(&store.engine->lock);
        sim_disk_fail(store.disk, SIM_RENAME, 1, 1, STATUS_IO);
        mutex_lock(&store.engine->manifest_mutex);
        ck_assert_int_eq(
            log_files_make_several(store.engine, &facts, store.engine->segment_size, &batch),
            STATUS_IO);
        mutex_unlock(&store.engine->manifest_mutex);
        ck_assert_uint_eq(store.engine->doubtful.count, i < DOUBTFUL_MAX ? i + 1 : DOUBTFUL_MAX);
    }
    size_t files = file_count();
    ck_assert_int_eq(doubtful_settle(store.engine), STATUS_OK);
    ck_assert_uint_eq(store.engine->doubtful.count, 0);
    ck_assert_uint_eq(file_count(), files - DOUBTFUL_MAX - 1); /* and MANIFEST.tmp */
    sim_store_kill_and_open(&store);
    ck_assert_uint_lt(file_count(), files - 2 * DOUBTFUL_MAX);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("doubtful");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, one_file_at_most_is_in_doubt, 0, 2);
    tcase_add_loop_test(tests, what_was_in_doubt_goes_with_the_next_manifest, 0, 2);
    tcase_add_loop_test(tests, a_rename_that_is_refused_leaves_no_doubt, 0, 2);
    tcase_add_test(tests, segments_made_ready_go_as_well);
    return test_run("doubtful", tests);
}
