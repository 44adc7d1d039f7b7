/*
 * fault_between_test.c - a page that was verified leaves memory again, and then the disk fails: who
 * reads it a second time gets an error, and the process lives.
 *
 * The program is linked so that guarded reads reach the function here first (Makefile). It cuts the
 * log behind one of them, which stands for such a disk, the n-th for every n.
 */
#include "engine/fault_guard.h"

#include "base/log.h"
#include "keyspace/batch.h"
#include "keyspace/keyspace.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LOG         "00000000000000000001.log"
#define NEXT_LOG    "00000000000000000003.log" /* of this session */
#define VALUE_SIZE  ((size_t)300000)
#define MIDDLE_SIZE ((size_t)20000) /* which goes to the log's tail in memory */
#define HUGE_PARTS  6               /* more bytes together than a compaction reads at once */
#define PIECE_SHIFT 14
#define PIECE_SIZE  ((uint64_t)1 << PIECE_SHIFT)

static struct test_directory directory;
static struct disk_store store;
static struct engine *engine; /* the store's */
static char *content;
static uint8_t *log_bytes;
static size_t log_size;
static unsigned countdown; /* the guarded read behind which the log is cut; 0: none */

bool __wrap_fault_guard_run(void (*body)(void *context), void *context);
bool __real_fault_guard_run(void (*body)(void *context), void *context);

bool __wrap_fault_guard_run(void (*body)(void *context), void *context)
{
    bool is_readable = __real_fault_guard_run(body, context);
    if (countdown > 0 && --countdown == 0 && test_file_exists(&directory, LOG)) {
        test_file_resize(&directory, LOG, 0);
    }
    return is_readable;
}

/* The disk works again, or for the first time. */
static void mend(void)
{
    countdown = 0;
    if (test_file_exists(&directory, LOG)) { /* else it was compacted */
        test_file_resize(&directory, LOG, log_size);
        test_file_write(&directory, LOG, 0, log_bytes, log_size);
    }
}

static struct engine_keyspace *keyspace(void)
{
    return engine_database_locked(engine, 0);
}

static void put(const char *key, size_t size, size_t times)
{
    struct slice parts[HUGE_PARTS];
    struct engine_value value = {.parts = parts, .part_count = times, .expiry_ms = EXPIRY_NONE};
    for (size_t i = 0; i < times; i++) {
        parts[i] = slice_make(content, size);
    }
    ck_assert_int_eq(engine_put_locked(engine, keyspace(), slice_of_string(key), &value),
                     STATUS_OK);
}

static void put_zeros(const char *key)
{
    char *zeros = calloc(1, VALUE_SIZE);
    struct slice part = slice_make(zeros, VALUE_SIZE);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_ptr_nonnull(zeros);
    ck_assert_int_eq(engine_put_locked(engine, keyspace(), slice_of_string(key), &value),
                     STATUS_OK);
    free(zeros);
}

static enum status patch(const char *key, uint64_t offset, size_t size)
{
    struct entry old;
    enum status status = engine_find_locked(engine, keyspace(), slice_of_string(key), &old);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    struct slice part = slice_make(content + offset, size);
    struct engine_patch change = {.old = status == STATUS_OK ? &old : NULL,
                                  .offset = offset,
                                  .parts = &part,
                                  .part_count = 1,
                                  .expiry_ms = EXPIRY_NONE};
    return engine_patch_locked(engine, keyspace(), slice_of_string(key), &change);
}

/* What the key holds, in one copy or part by part, is what was put there once or several times. */
static void check_bytes(struct slice bytes, size_t offset)
{
    while (bytes.size > 0) {
        size_t in_content = offset % VALUE_SIZE;
        size_t size = bytes.size < VALUE_SIZE - in_content ? bytes.size : VALUE_SIZE - in_content;
        ck_assert_mem_eq(bytes.data, content + in_content, size);
        bytes = slice_part(bytes, size, bytes.size - size);
        offset += size;
    }
}

static enum status find(const char *key, struct entry *out)
{
    engine_part_purge_locked(engine);
    return engine_find_locked(engine, keyspace(), slice_of_string(key), out);
}

/* Reads all of it but the first byte, so that it does not lie in one piece. */
static enum status read_key(const char *key)
{
    struct entry entry;
    struct slice bytes;
    enum status status = find(key, &entry);
    status = status == STATUS_OK ? engine_part_locked(engine, &entry, 1, SIZE_MAX, &bytes) : status;
    if (status == STATUS_OK) {
        check_bytes(bytes, 1);
    }
    return status;
}

struct visiting {
    size_t offset;
};

static void visit(void *context, struct slice part)
{
    struct visiting *visiting = context;
    check_bytes(part, visiting->offset);
    visiting->offset += part.size;
}

static enum status walk_key(const char *key)
{
    struct entry entry;
    struct visiting visiting = {.offset = 1};
    const struct part_visitor visitor = {.visit = visit, .context = &visiting};
    enum status status = find(key, &entry);
    status = status == STATUS_OK ? engine_each_part_locked(engine, &entry, 1, SIZE_MAX, &visitor)
                                 : status;
    ck_assert(status != STATUS_OK || visiting.offset == entry.size);
    return status;
}

/* All that the tests damage lies in the first log segment, which was written in an earlier session,
 * so that it is read through a mapping. */
static void set_up(void)
{
    struct test_random random;
    test_directory_create(&directory);
    content = malloc(VALUE_SIZE);
    ck_assert_ptr_nonnull(content);
    test_random_init(&random, 1);
    test_random_fill(&random, content, VALUE_SIZE);
    store.options = disk_store_options(4 << 20);
    store.options.piece_shift = PIECE_SHIFT;
    disk_store_open(&store, directory.path);
    engine = store.engine;
    engine_lock(engine);
    put("whole", VALUE_SIZE, 1);
    put("middle", MIDDLE_SIZE, 1);
    put("huge", VALUE_SIZE, HUGE_PARTS);
    ck_assert_int_eq(patch("pieces", 0, VALUE_SIZE), STATUS_OK);
    put("dead", 5000, 1);
    put_zeros("zeros");
    engine_unlock(engine);
    disk_store_close(&store);
    log_bytes = test_file_read(&directory, LOG, &log_size);
    disk_store_open(&store, directory.path);
    engine = store.engine;
    engine_lock(engine);
    put("elsewhere", 10, 1);
}

static void tear_down(void)
{
    engine_unlock(engine);
    disk_store_close(&store);
    test_directory_destroy(&directory);
    free(log_bytes);
    free(content);
}

/* What is damaged is the key's concern only, and found in the log. */
static void check_rest(void)
{
    ck_assert_int_eq(read_key("elsewhere"), STATUS_OK);
    struct engine_statistics statistics;
    engine_statistics_locked(engine, &statistics);
    ck_assert_uint_gt(statistics.corrupt_records, 0);
    ck_assert(!statistics.writes_stopped);
}

/* Does it with the disk failing behind the first guarded read, the second and so on, until it is
 * over before. */
static void sweep(enum status (*work)(void))
{
    bool is_over = false;
    unsigned failures = 0;
    for (unsigned n = 1; !is_over; n++) {
        countdown = n;
        enum status status = work();
        is_over = countdown > 0;
        ck_assert_msg(status == STATUS_IO || status == STATUS_OK, "%u: %s", n,
                      status_words(status));
        ck_assert(!is_over || status == STATUS_OK);
        if (status != STATUS_OK) {
            failures++;
            check_rest();
        }
        mend();
        ck_assert_int_eq(read_key("pieces"), STATUS_OK);
        ck_assert_int_eq(read_key("whole"), STATUS_OK);
        ck_assert_int_eq(read_key("middle"), STATUS_OK);
    }
    ck_assert_uint_gt(failures, 1);
}

static enum status read_pieces(void)
{
    return read_key("pieces");
}

START_TEST(a_value_is_put_together)
{
    sweep(read_pieces);
}
END_TEST

/* What was not verified with its key is not looked at in place, however little it is. */
static enum status read_little(void)
{
    struct entry entry;
    struct slice bytes;
    enum status status = find("whole", &entry);
    status =
        status == STATUS_OK ? engine_part_locked(engine, &entry, 100000, 1000, &bytes) : status;
    if (status == STATUS_OK) {
        check_bytes(bytes, 100000);
    }
    return status;
}

START_TEST(a_little_of_a_value_is_read)
{
    sweep(read_little);
}
END_TEST

static enum status walk_huge(void)
{
    return walk_key("huge");
}

START_TEST(a_value_is_shown_part_by_part)
{
    sweep(walk_huge);
}
END_TEST

/* A value gets another key from where it lies; what fails leaves the log as it was. */
static enum status put_copy_of(const char *key)
{
    struct entry old;
    enum status status = find(key, &old);
    status = status == STATUS_OK ? engine_verify_locked(engine, &old, 0, SIZE_MAX) : status;
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_value value = {
        .parts = &old.value, .part_count = 1, .source = &old, .expiry_ms = EXPIRY_NONE};
    uint64_t before = engine_payload_position_locked(engine);
    status = engine_put_locked(engine, keyspace(), SLICE_LITERAL("copy"), &value);
    ck_assert(status == STATUS_OK || engine_payload_position_locked(engine) == before);
    return status;
}

static enum status put_copy(const char *key)
{
    enum status status = put_copy_of(key);
    return status == STATUS_OK ? read_key("copy") : status;
}

static enum status copy_middle(void)
{
    return put_copy("middle");
}

START_TEST(a_value_is_copied_to_the_tail)
{
    sweep(copy_middle);
}
END_TEST

static enum status copy_whole(void)
{
    return put_copy("whole");
}

START_TEST(a_value_is_copied_to_the_file)
{
    sweep(copy_whole);
}
END_TEST

/* What was reserved for the log reads as zeros. So, of a value of zeros of which a part could not
 * be copied, nothing would tell that its record is not whole. */
START_TEST(a_copy_that_fails_leaves_nothing_in_the_file)
{
    bool is_over = false;
    unsigned failures = 0;
    for (unsigned n = 1; !is_over; n++) {
        size_t size_before;
        size_t size;
        uint8_t *before = test_file_read(&directory, NEXT_LOG, &size_before);
        countdown = n;
        is_over = put_copy_of("zeros") == STATUS_OK;
        mend();
        uint8_t *after = test_file_read(&directory, NEXT_LOG, &size);
        ck_assert_uint_ge(size, size_before);
        failures += !is_over;
        ck_assert(is_over || memcmp(before, after, size_before) == 0);
        for (size_t i = size_before; !is_over && i < size; i++) {
            ck_assert_uint_eq(after[i], 0);
        }
        free(before);
        free(after);
    }
    ck_assert_uint_gt(failures, 1);
}
END_TEST

/* The key is there under one of its names, whatever fails. */
static enum status rename_there_and_back(const char *key)
{
    struct keyspace *databases;
    ck_assert_int_eq(keyspace_create(engine, &databases), STATUS_OK);
    const struct slice names[] = {slice_of_string(key), SLICE_LITERAL("renamed")};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 2; i++) {
        struct value value;
        status = keyspace_find(databases, 0, names[i], &value);
        status = status == STATUS_OK ? batch_move(databases, 0, &value, 0, names[1 - i]) : status;
        engine_part_purge_locked(engine);
    }
    keyspace_destroy(databases);
    return status;
}

/* Under its new name it lies in the log of this session, which does not fail. */
static enum status rename_whole(void)
{
    return rename_there_and_back("whole");
}

START_TEST(a_value_is_renamed)
{
    sweep(rename_whole);
}
END_TEST

/* The first piece and the last are kept in part. */
static enum status patch_pieces(void)
{
    return patch("pieces", PIECE_SIZE / 2, VALUE_SIZE - PIECE_SIZE);
}

START_TEST(pieces_are_changed)
{
    sweep(patch_pieces);
}
END_TEST

static enum status patch_whole(void)
{
    return patch("whole", PIECE_SIZE / 2, 10);
}

START_TEST(a_value_is_taken_to_pieces)
{
    sweep(patch_whole);
}
END_TEST

static enum status copy_pieces(void)
{
    struct entry old;
    enum status status = engine_find_locked(engine, keyspace(), SLICE_LITERAL("pieces"), &old);
    struct engine_patch copy = {.old = &old, .expiry_ms = EXPIRY_NONE};
    return status == STATUS_OK
               ? engine_copy_locked(engine, keyspace(), SLICE_LITERAL("copy"), &copy)
               : status;
}

START_TEST(pieces_are_copied)
{
    sweep(copy_pieces);
}
END_TEST

/* What fails behind a value that was verified is the victim's damage like any other: the compaction
 * ends well without it, and the next one leaves it alone. So each round has a store of its own. */
START_TEST(large_values_are_compacted)
{
    bool is_over = false;
    unsigned failures = 0;
    for (unsigned n = 1; !is_over; n++) {
        struct compaction_result result;
        ck_assert_int_eq(engine_delete_locked(engine, keyspace(), SLICE_LITERAL("dead")),
                         STATUS_OK);
        engine_unlock(engine);
        countdown = n;
        ck_assert_int_eq(engine_compact(engine, &result), STATUS_OK);
        is_over = countdown > 0;
        bool is_kept = test_file_exists(&directory, LOG);
        mend();
        ck_assert_int_eq(engine_compact(engine, &result), STATUS_OK);
        ck_assert(test_file_exists(&directory, LOG) == is_kept);
        engine_lock(engine);
        failures += is_kept;
        ck_assert(!is_over || !is_kept);
        ck_assert_int_eq(read_key("pieces"), STATUS_OK);
        ck_assert_int_eq(read_key("huge"), STATUS_OK);
        tear_down();
        set_up();
    }
    ck_assert_uint_gt(failures, 0);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("fault between");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_value_is_put_together);
    tcase_add_test(tests, a_value_is_shown_part_by_part);
    tcase_add_test(tests, a_value_is_copied_to_the_tail);
    tcase_add_test(tests, a_value_is_copied_to_the_file);
    tcase_add_test(tests, a_copy_that_fails_leaves_nothing_in_the_file);
    tcase_add_test(tests, a_little_of_a_value_is_read);
    tcase_add_test(tests, a_value_is_renamed);
    tcase_add_test(tests, pieces_are_changed);
    tcase_add_test(tests, a_value_is_taken_to_pieces);
    tcase_add_test(tests, pieces_are_copied);
    tcase_add_test(tests, large_values_are_compacted);
    return test_run("fault between", tests);
}
