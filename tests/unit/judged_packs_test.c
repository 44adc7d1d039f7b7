/*
 * judged_packs_test.c - rule 17 of docs/durability.md: a packed segment holds nothing that is newer
 * than the sequence number it names. While a compaction has the log synced, others go on writing,
 * and the segment in use may be closed and is durable by the end of the sync: it waits for the next
 * compaction.
 */
#include "base/log.h"
#include "engine/compaction.h"
#include "engine/engine_state.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

#define SEGMENT_SIZE 16384

static struct sim_store store;
static bool has_written; /* during the sync */

static void put(const char *key, size_t size)
{
    static const char bytes[SEGMENT_SIZE];
    ck_assert_int_eq(sim_store_put(&store, key, slice_make(bytes, size), EXPIRY_NONE), STATUS_OK);
}

/* There is no room for it in the segment in use; what it takes the place of lies there. */
static void on_call(void *context, enum sim_call call, const char *name)
{
    (void)context;
    (void)name;
    if (call == SIM_SYNC && !has_written) {
        has_written = true;
        put("a", 12000);
    }
}

static size_t compact(void)
{
    struct compaction_result result;
    ck_assert_int_eq(compaction_run(store.engine, COMPACTION_ALL, &result), STATUS_OK);
    return result.segments_removed;
}

/* Returns how many packed segments there are. */
static unsigned expect_judged_packs(void)
{
    unsigned count = 0;
    size_t handle = 0;
    const struct segment *segment;
    engine_lock(store.engine);
    while ((segment = segment_table_next(&store.engine->segments, &handle)) != NULL) {
        if (segment->kind == SEGMENT_PACKED) {
            ck_assert_uint_le(segment->last_sequence, segment->judged_sequence);
            count++;
        }
    }
    engine_unlock(store.engine);
    return count;
}

START_TEST(what_is_closed_during_the_sync_waits)
{
    const struct engine_options options = sim_store_options(SEGMENT_SIZE);
    sim_store_begin(&store, &options);
    put("a", 4000);
    put("b", 4000);
    sim_disk_set_hook(store.disk, on_call, NULL);
    size_t removed = compact();
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert(has_written);
    ck_assert_uint_eq(expect_judged_packs(), 0);
    ck_assert_uint_eq(removed, 0);
    ck_assert_uint_gt(compact(), 0);
    ck_assert_uint_gt(expect_judged_packs(), 0);
    ck_assert_int_eq(sim_store_find(&store, "a"), STATUS_OK);
    ck_assert_int_eq(sim_store_find(&store, "b"), STATUS_OK);
    sim_store_end(&store);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("judged_packs");
    tcase_add_test(tests, what_is_closed_during_the_sync_waits);
    return test_run("judged_packs", tests);
}
