/* checkpoint_test.c - what opens with a checkpoint is what opens without one. */
#include "engine/engine.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/checkpoint.h"
#include "engine/checksum.h"
#include "engine/record.h"
#include "support/sim_search.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_SIZE 65536
#define DATABASES    2

static struct sim_store store;

static void set_up(void)
{
    const struct engine_options options = sim_store_options(SEGMENT_SIZE);
    log_set_level(LOG_NOTHING_LEVEL);
    store.clock_ms = 1000000;
    sim_store_begin(&store, &options);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

static void open_store(void)
{
    sim_store_open(&store);
}

static void verify(void)
{
    sim_store_verify(&store);
}

static void close_store(void)
{
    verify();
    sim_store_close(&store);
}

static void kill_and_open(void)
{
    sim_store_kill_and_open(&store);
    verify();
}

static void compact(void)
{
    sim_store_compact(&store);
}

/* --- commands -------------------------------------------------------------------------------- */

static void write_all(void)
{
    engine_lock(store.engine);
    struct engine_statistics statistics;
    engine_statistics_locked(store.engine, &statistics);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, statistics.appended_position), STATUS_OK);
}

static void put_in(unsigned database, unsigned number, unsigned version, int64_t expiry_ms)
{
    char key[32];
    char text[64];
    (void)snprintf(key, sizeof(key), "key:%u", number);
    (void)snprintf(text, sizeof(text), "value %u of %u", version, number);
    struct slice value = slice_of_string(text);
    struct engine_value v = {.parts = &value, .part_count = 1, .expiry_ms = expiry_ms};
    engine_lock(store.engine);
    ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, database),
                                       slice_of_string(key), &v),
                     STATUS_OK);
    engine_unlock(store.engine);
}

static void put(unsigned number, unsigned version)
{
    put_in(0, number, version, EXPIRY_NONE);
}

static enum status find(unsigned number)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%u", number);
    struct entry entry;
    engine_lock(store.engine);
    enum status status = engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                            slice_of_string(key), &entry);
    engine_unlock(store.engine);
    return status;
}

static void delete (unsigned number)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%u", number);
    engine_lock(store.engine);
    ck_assert_int_eq(engine_delete_locked(store.engine, engine_database_locked(store.engine, 0),
                                          slice_of_string(key)),
                     STATUS_OK);
    engine_unlock(store.engine);
}

/* --- comparing ------------------------------------------------------------------------------- */

static void add_entry(void *context, const struct entry *entry)
{
    uint64_t *sum = context;
    ck_assert_int_eq(engine_verify_locked(store.engine, entry, 0, SIZE_MAX), STATUS_OK);
    uint64_t hash = checksum_of(entry->key.data, entry->key.size, (uint64_t)entry->expiry_ms);
    *sum += checksum_of(entry->value.data, entry->value.size, hash) ^ entry->sequence;
}

/* A number that two stores have in common only if all their keys are the same. */
static uint64_t contents(void)
{
    uint64_t sums = 0;
    engine_lock(store.engine);
    for (unsigned i = 0; i < DATABASES; i++) {
        struct engine_keyspace *keyspace = engine_database_locked(store.engine, i);
        struct entry_visitor visitor = {.visit = add_entry, .context = &sums};
        uint64_t cursor = 0;
        do {
            engine_scan_locked(store.engine, keyspace, &cursor, 1000, &visitor);
        } while (cursor != 0);
        sums = sums * 31 + engine_count_locked(store.engine, keyspace);
    }
    engine_unlock(store.engine);
    return sums;
}

static char checkpoint_name[FILE_NAME_SIZE_MAX];

static void note_checkpoint(void *context, const char *name)
{
    if (strstr(name, ".index") != NULL) {
        (void)snprintf(checkpoint_name, sizeof(checkpoint_name), "%s", name);
        (*(unsigned *)context)++;
    }
}

/* How many there are; the name of one is kept. */
static unsigned count_checkpoints(void)
{
    unsigned count = 0;
    ck_assert_int_eq(fs_list(store.fs, note_checkpoint, &count), STATUS_OK);
    return count;
}

/* --- tests ----------------------------------------------------------------------------------- */

START_TEST(opening_reads_no_record)
{
    const unsigned count = 30000;
    for (unsigned i = 0; i < count; i++) {
        put_in(i % DATABASES, i, 1,
               i % 3 == 0 ? store.clock_ms + 1 + (int64_t)i * 100 : EXPIRY_NONE);
        if (i % 1000 == 0) {
            write_all();
        }
    }
    uint64_t before = contents();
    close_store();
    open_store();
    struct engine_statistics statistics = sim_store_statistics(&store);
    ck_assert_uint_eq(statistics.recovered_records, 0);
    ck_assert_uint_eq(statistics.recovered_keys, count);
    ck_assert_uint_eq(statistics.checkpoint_behind_bytes, 0);
    ck_assert_uint_eq(contents(), before);
    ck_assert_uint_eq(count_checkpoints(), 1);
    /* And it goes on from there. */
    put(1, 2);
    delete (2);
    before = contents();
    close_store();
    open_store();
    ck_assert_uint_eq(sim_store_statistics(&store).recovered_records, 0);
    ck_assert_uint_eq(contents(), before);
    ck_assert_uint_eq(count_checkpoints(), 1);
}
END_TEST

START_TEST(nothing_new_nothing_written)
{
    put(1, 1);
    close_store();
    ck_assert_uint_eq(count_checkpoints(), 1);
    char name[FILE_NAME_SIZE_MAX];
    (void)snprintf(name, sizeof(name), "%s", checkpoint_name);
    open_store();
    close_store();
    ck_assert_uint_eq(count_checkpoints(), 1);
    ck_assert_str_eq(checkpoint_name, name);
    open_store();
}
END_TEST

START_TEST(made_when_opening_would_read_much)
{
    ck_assert_uint_eq(count_checkpoints(), 0);
    engine_tick(store.engine);
    ck_assert_uint_eq(count_checkpoints(), 0);
    static char large[100000];
    struct slice value = slice_make(large, sizeof(large));
    struct engine_value v = {.parts = &value, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    for (unsigned i = 0; i < 3000; i++) {
        engine_lock(store.engine);
        ck_assert_int_eq(engine_put_locked(store.engine, engine_database_locked(store.engine, 0),
                                           slice_of_string("large"), &v),
                         STATUS_OK);
        engine_unlock(store.engine);
        write_all();
        if (i % 200 == 0) {
            compact();
        }
    }
    engine_tick(store.engine);
    ck_assert_uint_eq(count_checkpoints(), 1);
    ck_assert_uint_eq(sim_store_statistics(&store).checkpoints, 1);
    ck_assert_uint_eq(sim_store_statistics(&store).checkpoint_behind_bytes, 0);
}
END_TEST

/* Whatever is done while the tables are written. */
struct meanwhile {
    unsigned number;
    bool is_done;
};

static void meddle(void *context, enum sim_call call, const char *name)
{
    struct meanwhile *meanwhile = context;
    if (call != SIM_WRITE || strstr(name, ".index") == NULL) {
        return;
    }
    meanwhile->is_done = true;
    for (unsigned i = 0; i < 40; i++) {
        unsigned number = (meanwhile->number * 7919) % 20000;
        meanwhile->number++;
        switch (meanwhile->number % 3) {
        case 0:
            put_in(number % DATABASES, number, 2, store.clock_ms + 500000);
            break;
        case 1:
            put_in(number % DATABASES, 20000 + number, 1, EXPIRY_NONE);
            break;
        default:
            if (number % DATABASES == 0 && find(number) == STATUS_OK) {
                delete (number);
            }
            break;
        }
    }
    write_all();
}

START_TEST(written_in_the_midst)
{
    for (unsigned i = 0; i < 20000; i++) {
        put_in(i % DATABASES, i, 1, EXPIRY_NONE);
    }
    write_all();
    struct meanwhile meanwhile = {0};
    for (unsigned round = 0; round < 3; round++) {
        sim_disk_set_hook(store.disk, meddle, &meanwhile);
        engine_checkpoint(store.engine);
        sim_disk_set_hook(store.disk, NULL, NULL);
        verify();
        uint64_t before = contents();
        kill_and_open();
        ck_assert_uint_eq(contents(), before);
        ck_assert_uint_gt(sim_store_statistics(&store).recovered_keys, 10000);
        ck_assert_uint_lt(sim_store_statistics(&store).recovered_records, 10000);
    }
    ck_assert(meanwhile.is_done);
}
END_TEST

/* Most keys go once the first of the tables is written: tables that were copied become one with
 * others that were not. */
static void delete_most(void *context, enum sim_call call, const char *name)
{
    bool *is_done = context;
    if (!*is_done && call == SIM_WRITE && strstr(name, ".index") != NULL) {
        *is_done = true;
        for (unsigned i = 0; i < 40000; i++) {
            if (i % 20 != 0) {
                delete (i);
            }
        }
        write_all();
    }
}

START_TEST(merged_in_the_midst)
{
    for (unsigned i = 0; i < 40000; i++) {
        put_in(0, i, 1, i % 7 == 0 ? store.clock_ms + 500000 : EXPIRY_NONE);
        if (i % 1000 == 0) {
            write_all();
        }
    }
    write_all();
    bool is_done = false;
    sim_disk_set_hook(store.disk, delete_most, &is_done);
    engine_checkpoint(store.engine);
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert(is_done);
    verify();
    uint64_t before = contents();
    kill_and_open();
    ck_assert_uint_eq(contents(), before);
    /* The checkpoint was used: no put was read again. */
    ck_assert_uint_gt(sim_store_statistics(&store).recovered_keys, 2000);
    ck_assert_uint_lt(sim_store_statistics(&store).recovered_records, 39000);
}
END_TEST

struct flush {
    unsigned database;
    bool is_done;
};

static void swap_and_flush(void *context, enum sim_call call, const char *name)
{
    struct flush *flush = context;
    if (!flush->is_done && call == SIM_WRITE && strstr(name, ".index") != NULL) {
        flush->is_done = true;
        engine_lock(store.engine);
        ck_assert_int_eq(engine_swap_locked(store.engine, 0, 1), STATUS_OK);
        ck_assert_int_eq(engine_clear_locked(store.engine, flush->database), STATUS_OK);
        engine_unlock(store.engine);
        put(5, 5);
        write_all();
    }
}

/* One is flushed that is not copied yet, or the one of which a part is. */
START_TEST(flushed_and_swapped_in_the_midst)
{
    struct flush flush = {.database = (unsigned)_i};
    for (unsigned i = 0; i < 20000; i++) {
        put_in(i % DATABASES, i, 1, EXPIRY_NONE);
    }
    write_all();
    sim_disk_set_hook(store.disk, swap_and_flush, &flush);
    engine_checkpoint(store.engine);
    sim_disk_set_hook(store.disk, NULL, NULL);
    ck_assert(flush.is_done);
    uint64_t before = contents();
    kill_and_open();
    ck_assert_uint_eq(contents(), before);
    struct engine_statistics opened = sim_store_statistics(&store);
    ck_assert_uint_eq(opened.keys, _i == 0 ? 10001 : 10000); /* key 5 is new there, or is not */
    ck_assert_uint_eq(opened.recovered_keys, 10000);         /* the checkpoint was used, */
    ck_assert_uint_le(opened.recovered_records, 10); /* and no put read that was before it */
}
END_TEST

/* The map that was in force is no longer read in the log. */
START_TEST(flushed_before)
{
    put(1, 1);
    put_in(1, 2, 1, EXPIRY_NONE);
    engine_lock(store.engine);
    ck_assert_int_eq(engine_clear_locked(store.engine, 0), STATUS_OK);
    ck_assert_int_eq(engine_swap_locked(store.engine, 0, 1), STATUS_OK);
    engine_unlock(store.engine);
    put(3, 1);
    write_all();
    uint64_t before = contents();
    engine_checkpoint(store.engine);
    kill_and_open();
    ck_assert_uint_eq(contents(), before);
    ck_assert_int_eq(find(1), STATUS_NOT_FOUND);
    ck_assert_int_eq(find(2), STATUS_OK);
    ck_assert_int_eq(find(3), STATUS_OK);
}
END_TEST

/* A compaction removes files that slots of the checkpoint point into. */
START_TEST(victims_are_gone)
{
    for (unsigned i = 0; i < 8000; i++) {
        put(i, 1);
    }
    write_all();
    engine_checkpoint(store.engine);
    for (unsigned i = 0; i < 8000; i += 2) {
        put(i, 2);
    }
    for (unsigned i = 1; i < 8000; i += 50) {
        delete (i);
    }
    write_all();
    compact();
    for (unsigned i = 0; i < 8000; i += 5) {
        put(i, 3);
    }
    write_all();
    compact();
    uint64_t before = contents();
    kill_and_open();
    ck_assert_uint_eq(contents(), before);
    close_store();
    open_store();
    ck_assert_uint_eq(contents(), before);
    ck_assert_uint_eq(sim_store_statistics(&store).recovered_records, 0);
}
END_TEST

/* A mark declares a key dead that has not been removed yet; the checkpoint still has it. */
START_TEST(marked_and_the_clock_set_back)
{
    put_in(0, 1, 1, 1000500);
    put_in(0, 2, 1, 1000900);
    put_in(0, 3, 1, 2000000);
    store.clock_ms = 1000950;
    ck_assert_int_eq(find(2), STATUS_NOT_FOUND);
    engine_tick(store.engine); /* appends the mark; key 1 falls due with its second only */
    write_all();
    engine_checkpoint(store.engine);
    store.clock_ms = 1000000;
    kill_and_open();
    ck_assert_int_eq(find(1), STATUS_NOT_FOUND);
    ck_assert_int_eq(find(2), STATUS_NOT_FOUND);
    ck_assert_int_eq(find(3), STATUS_OK);
    /* The mark goes from one checkpoint to the next. */
    put(4, 1);
    write_all();
    engine_checkpoint(store.engine);
    kill_and_open();
    ck_assert_int_eq(find(1), STATUS_NOT_FOUND);
    ck_assert_int_eq(find(3), STATUS_OK);
}
END_TEST

/* --- what is wrong with it is found ----------------------------------------------------------- */

static void fill_a_little(void)
{
    for (unsigned i = 0; i < 12; i++) {
        put_in(i % DATABASES, i, 1, i % 4 == 0 ? store.clock_ms + 100000 : EXPIRY_NONE);
    }
    put(2, 2);
    delete (4);
    write_all();
}

START_TEST(any_byte_flipped)
{
    fill_a_little();
    uint64_t before = contents();
    close_store();
    ck_assert_uint_eq(count_checkpoints(), 1);
    uint64_t offset = 0;
    while (sim_disk_flip(store.disk, checkpoint_name, offset, (uint8_t)(1u << offset % 8)) ==
           STATUS_OK) {
        open_store();
        ck_assert_uint_eq(sim_store_statistics(&store).recovered_keys, 0);
        ck_assert_uint_gt(sim_store_statistics(&store).recovered_records, 0);
        ck_assert_uint_eq(contents(), before);
        close_store();
        ck_assert_uint_eq(count_checkpoints(), 1);
        offset++;
    }
    ck_assert_uint_gt(offset, 500);
    open_store();
}
END_TEST

static void truncate_checkpoint(uint64_t size)
{
    struct file *file;
    ck_assert_int_eq(fs_open(store.fs, checkpoint_name, FILE_MODE_WRITE, &file), STATUS_OK);
    ck_assert_int_eq(file_truncate(file, size), STATUS_OK);
    file_close(file);
}

START_TEST(torn_or_missing)
{
    fill_a_little();
    uint64_t before = contents();
    close_store();
    for (uint64_t size = 0; size < 700; size += 7) {
        ck_assert_uint_eq(count_checkpoints(), 1);
        truncate_checkpoint(size);
        open_store();
        ck_assert_uint_eq(contents(), before);
        close_store();
    }
    ck_assert_uint_eq(count_checkpoints(), 1);
    ck_assert_int_eq(fs_remove(store.fs, checkpoint_name), STATUS_OK);
    open_store();
    ck_assert_uint_eq(contents(), before);
}
END_TEST

/* The checkpoint that was in force before, under the name of the newer one. */
START_TEST(an_older_one_in_its_place)
{
    fill_a_little();
    close_store();
    ck_assert_uint_eq(count_checkpoints(), 1);
    struct file *file;
    static uint8_t bytes[65536];
    size_t size = 0;
    ck_assert_int_eq(fs_open(store.fs, checkpoint_name, FILE_MODE_READ, &file), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, bytes, sizeof(bytes), &size), STATUS_OK);
    file_close(file);
    open_store();
    delete (2);
    uint64_t before = contents();
    close_store();
    ck_assert_uint_eq(count_checkpoints(), 1);
    truncate_checkpoint(0);
    ck_assert_int_eq(fs_open(store.fs, checkpoint_name, FILE_MODE_WRITE, &file), STATUS_OK);
    struct slice part = slice_make(bytes, size);
    ck_assert_int_eq(file_write(file, 0, &part, 1), STATUS_OK);
    file_close(file);
    open_store();
    ck_assert_uint_eq(contents(), before);
    ck_assert_int_eq(find(2), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(without_room_for_it)
{
    fill_a_little();
    uint64_t before = contents();
    for (unsigned call = SIM_CREATE; call <= SIM_SYNC_DIRECTORY; call++) {
        sim_disk_fail(store.disk, (enum sim_call)call, 1, 1, STATUS_DISK_FULL);
        engine_checkpoint(store.engine);
        sim_disk_fail(store.disk, (enum sim_call)call, 0, 0, STATUS_DISK_FULL);
        verify();
        ck_assert_uint_eq(contents(), before);
        if (call != SIM_SYNC) { /* that may have been the log's */
            kill_and_open();
            ck_assert_uint_eq(contents(), before);
        }
    }
}
END_TEST

static void count_checkpoint(void *context, const char *name)
{
    *(size_t *)context += strstr(name, ".index") != NULL ? 1 : 0;
}

/* The last descriptor went to the checkpoint, and none is left for the manifest. */
START_TEST(what_can_not_be_listed_is_gone)
{
    fill_a_little();
    engine_checkpoint(store.engine);
    uint64_t before = contents();
    for (unsigned i = 0; i < 3; i++) {
        size_t count = 0;
        put(1, 100 + i);
        before = contents();
        sim_disk_fail(store.disk, SIM_CREATE, 2, 1, STATUS_IO);
        engine_checkpoint(store.engine);
        sim_disk_fail(store.disk, SIM_CREATE, 0, 0, STATUS_IO);
        ck_assert_int_eq(fs_list(store.fs, count_checkpoint, &count), STATUS_OK);
        ck_assert_uint_eq(count, 1);
    }
    write_all();
    kill_and_open();
    ck_assert_uint_eq(contents(), before);
}
END_TEST

/* Appends an empty table: of the lower or upper half of all hashes. */
static void append_half(struct buffer *out, uint64_t ordinal, uint64_t keyspace_id, uint64_t seed)
{
    struct checkpoint_block block = {.ordinal = ordinal, .keyspace_id = keyspace_id};
    struct index_image image;
    index_image_init(&image);
    image.depth = 1;
    image.first = ordinal % 2 * (INDEX_HASH_END / 2);
    ck_assert_int_eq(checkpoint_block_append(&block, &image, seed, out), STATUS_OK);
    index_image_deinit(&image);
}

/* Rightly sealed, and yet nothing that this program would write: the blocks of a keyspace come
 * twice, or one of a database lacks some. */
START_TEST(a_keyspace_that_comes_twice_or_is_not_whole)
{
    uint64_t blocks = _i == 0 ? 6 : 1;
    static uint8_t bytes[65536];
    fill_a_little();
    uint64_t before = contents();
    close_store();
    ck_assert_uint_eq(count_checkpoints(), 1);
    struct file *file;
    size_t size;
    ck_assert_int_eq(fs_open(store.fs, checkpoint_name, FILE_MODE_WRITE, &file), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, bytes, sizeof(bytes), &size), STATUS_OK);
    const uint8_t *store_id = bytes + 16;
    uint64_t number = strtoull(checkpoint_name, NULL, 10);
    uint64_t seed = record_seed(store_id, number);
    struct checkpoint_header header;
    ck_assert_int_eq(checkpoint_header_decode(bytes, store_id, number, &header), STATUS_OK);
    struct buffer forged;
    buffer_init(&forged);
    ck_assert_int_eq(buffer_append(&forged, bytes, CHECKPOINT_HEADER_SIZE), STATUS_OK);
    for (uint64_t i = 0; i < blocks; i++) {
        append_half(&forged, i, i / 2 == 1 ? 2 : 1, seed);
    }
    ck_assert_int_eq(buffer_append(&forged, bytes + header.facts_offset, header.facts_size),
                     STATUS_OK);
    header.block_count = blocks;
    header.facts_offset = forged.size - header.facts_size;
    checkpoint_header_encode(&header, store_id, (uint8_t *)forged.data);
    struct slice part = buffer_slice(&forged);
    ck_assert_int_eq(file_truncate(file, 0), STATUS_OK);
    ck_assert_int_eq(file_write(file, 0, &part, 1), STATUS_OK);
    file_close(file);
    buffer_deinit(&forged);
    open_store();
    ck_assert_uint_eq(sim_store_statistics(&store).recovered_keys, 0);
    ck_assert_uint_eq(contents(), before);
}
END_TEST

/* The checkpoint's slot points at a record that has rotted since; but a newer one, in the same
 * segment behind what the checkpoint covers, is sound. */
START_TEST(what_was_overwritten_rots)
{
    put(777, 1);
    write_all();
    engine_checkpoint(store.engine);
    put(777, 2);
    for (unsigned i = 1000; i < 4000; i++) {
        put(i, 1);
        if (i % 100 == 0) {
            ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
            engine_tick(store.engine); /* seals, and names the ends in the manifest */
        }
    }
    sim_search_flip(&store, ".log", SLICE_LITERAL("key:777value 1"), 0);
    kill_and_open();
    ck_assert_uint_gt(sim_store_statistics(&store).recovered_keys, 0); /* with the checkpoint */
    ck_assert_int_eq(find(777), STATUS_OK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("checkpoint");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, opening_reads_no_record);
    tcase_add_test(tests, nothing_new_nothing_written);
    tcase_add_test(tests, made_when_opening_would_read_much);
    tcase_add_test(tests, written_in_the_midst);
    tcase_add_test(tests, merged_in_the_midst);
    tcase_add_loop_test(tests, flushed_and_swapped_in_the_midst, 0, DATABASES);
    tcase_add_test(tests, flushed_before);
    tcase_add_test(tests, victims_are_gone);
    tcase_add_test(tests, marked_and_the_clock_set_back);
    tcase_add_test(tests, any_byte_flipped);
    tcase_add_loop_test(tests, a_keyspace_that_comes_twice_or_is_not_whole, 0, 2);
    tcase_add_test(tests, what_was_overwritten_rots);
    tcase_add_test(tests, torn_or_missing);
    tcase_add_test(tests, an_older_one_in_its_place);
    tcase_add_test(tests, without_room_for_it);
    tcase_add_test(tests, what_can_not_be_listed_is_gone);
    return test_run("checkpoint", tests);
}
