/* recovery_settle_test.c - slots that can't be read, and keys that share 48 bits of hash. */
#include "engine/recovery_settle.h"

#include "base/log.h"
#include "engine/lookup.h"
#include "support/sim_disk.h"
#include "support/test_run.h"

#include <check.h>

static struct sim_disk *disk;
static struct file_system *fs;
static struct engine *engine;
static struct recovery_table table;

static void set_up(void)
{
    struct error error = {""};
    disk = sim_disk_create(1);
    fs = sim_disk_mount(disk);
    struct engine_options options = {
        .fs = fs, .database_count = 1, .without_threads = true, .random_seed = 1};
    ck_assert_int_eq(engine_open(&options, &engine, &error), STATUS_OK);
    recovery_table_init(&table);
}

static void tear_down(void)
{
    recovery_table_deinit(&table);
    enum status status = engine_close(engine);
    (void)status; /* it is not a store that anybody would open */
    fs_close(fs);
    sim_disk_destroy(disk);
}

/* Returns where the record lies. */
static struct index_entry put(const char *key)
{
    struct slice part = slice_of_string("value");
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    struct engine_keyspace *keyspace = engine_database_locked(engine, 0);
    ck_assert_int_eq(engine_put_locked(engine, keyspace, slice_of_string(key), &value), STATUS_OK);
    struct lookup_key wanted = {.hash = lookup_hash(engine, slice_of_string(key)),
                                .key = slice_of_string(key)};
    struct index_entry slot;
    struct lookup lookup;
    ck_assert(lookup_key_locked(engine, keyspace, &wanted, &slot, &lookup));
    return slot;
}

static void spoil(struct index_entry slot)
{
    struct segment *segment = segment_table_find(&engine->segments, slot.address);
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(segment->kind, segment->number, name);
    uint64_t offset = segment_offset_of(&engine->segments, segment, slot.address);
    ck_assert_int_eq(sim_disk_flip(disk, name, offset + 12, 0xff), STATUS_OK);
}

/* The newest record of some key with the hash of `slot`: what lies at `record`. */
static void offer(struct index_entry slot, struct index_entry record, uint64_t number, bool is_dead)
{
    struct recovery_entry entry = {.hash = slot.hash.bits << (64 - INDEX_HASH_BITS) | number,
                                   .check = number,
                                   .sequence = 1000 + number,
                                   .expiry_ms = EXPIRY_NONE,
                                   .address = record.address.units & (((uint64_t)1 << 40) - 1),
                                   .is_dead = is_dead,
                                   .is_used = 1,
                                   .keyspace_low = (uint32_t)engine_database_locked(engine, 0)->id,
                                   .units = 4};
    ck_assert_int_eq(recovery_table_offer(&table, &entry), STATUS_OK);
}

struct seen {
    uint64_t addresses[8];
    size_t count;
};

static bool see(void *context, struct record_address address)
{
    struct seen *seen = context;
    ck_assert_uint_lt(seen->count, 8);
    seen->addresses[seen->count++] = address.units;
    return false;
}

static struct seen slots_of(struct index_entry slot)
{
    struct seen seen = {.count = 0};
    struct index_entry unused;
    (void)index_find(engine_database_locked(engine, 0)->index, slot.hash, see, &seen, &unused);
    return seen;
}

static bool has(const struct seen *seen, struct index_entry record)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->addresses[i] == record.address.units) {
            return true;
        }
    }
    return false;
}

static void settle(void)
{
    struct recovery_settlement settlement = {.engine = engine, .table = &table, .now_ms = 1};
    ck_assert_int_eq(recovery_settle_on_checkpoint(&settlement), STATUS_OK);
}

/* _i: which of the two keys is dead, in bits. */
START_TEST(one_slot_that_cannot_be_read_is_given_up_once)
{
    bool first_is_dead = (_i & 1) != 0;
    bool second_is_dead = (_i & 2) != 0;
    struct index_entry slot = put("k");
    struct index_entry first = put("a");
    struct index_entry second = put("b");
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    spoil(slot);
    offer(slot, first, 1, first_is_dead);
    offer(slot, second, 2, second_is_dead);
    settle();
    struct seen seen = slots_of(slot);
    ck_assert_uint_eq(seen.count, (size_t)!first_is_dead + (size_t)!second_is_dead);
    ck_assert(has(&seen, first) == !first_is_dead);
    ck_assert(has(&seen, second) == !second_is_dead);
}
END_TEST

/* The slot's record may be of either key, and is newer than what the log has of one of them. */
START_TEST(a_slot_that_may_be_newer_stays)
{
    struct index_entry old = put("a");
    struct index_entry slot = put("k");
    struct index_entry fresh = put("b");
    ck_assert_int_eq(engine_sync(engine), STATUS_OK);
    spoil(slot);
    offer(slot, old, 1, false);
    offer(slot, fresh, 2, false);
    settle();
    struct seen seen = slots_of(slot);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert(has(&seen, slot));
    ck_assert(has(&seen, fresh));
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("recovery_settle");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, one_slot_that_cannot_be_read_is_given_up_once, 0, 4);
    tcase_add_test(tests, a_slot_that_may_be_newer_stays);
    return test_run("recovery_settle", tests);
}
