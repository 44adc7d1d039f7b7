/* scdb_test.c - the library as a program sees it, over a real directory: every function of scdb.h.
 */
#include "engine/scdb.h"

#include "base/clock.h"
#include "support/test_directory.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_directory directory;
static struct scdb *db;

static void open_store(const struct scdb_options *options)
{
    struct scdb_error error = {.text = ""};
    enum scdb_status status = scdb_open(directory.path, options, &db, &error);
    ck_assert_msg(status == SCDB_OK, "%s: %s", scdb_status_text(status), error.text);
}

static void close_store(void)
{
    ck_assert_int_eq(scdb_close(db), SCDB_OK);
    db = NULL;
}

/* An empty store in place of the one that is open: some options are for new ones. */
static void start_anew(const struct scdb_options *options)
{
    close_store();
    test_directory_destroy(&directory);
    test_directory_create(&directory);
    open_store(options);
}

static const struct scdb_options small_segments = {.segment_size = 1 << 20};

/* Values that are larger than a segment take long where every access is watched: smaller ones
 * then, and smaller segments. */
static size_t more_than_a_segment(void)
{
    if (test_scale() >= 1) {
        return 70000000;
    }
    start_anew(&small_segments);
    return 2000000;
}

static void reopen(void)
{
    close_store();
    open_store(NULL);
}

static void set_up(void)
{
    test_directory_create(&directory);
    open_store(NULL);
}

static void tear_down(void)
{
    if (db != NULL) {
        close_store();
    }
    test_directory_destroy(&directory);
}

static void set(const char *key, const char *value)
{
    ck_assert_int_eq(scdb_set(db, scdb_string(key), scdb_string(value), SCDB_NEVER), SCDB_OK);
}

/* NULL: the key must not be there. */
static void expect(const char *key, const char *value)
{
    void *found = NULL;
    size_t size = 99;
    enum scdb_status status = scdb_get(db, scdb_string(key), &found, &size);
    if (value == NULL) {
        ck_assert_int_eq(status, SCDB_NOT_FOUND);
        ck_assert_ptr_null(found);
        ck_assert_uint_eq(size, 99);
        return;
    }
    ck_assert_int_eq(status, SCDB_OK);
    ck_assert_uint_eq(size, strlen(value));
    ck_assert_str_eq(found, value);
    scdb_free(found);
}

static struct scdb_statistics statistics(void)
{
    struct scdb_statistics out;
    scdb_statistics(db, &out);
    return out;
}

static char *large_value(size_t size, char first)
{
    char *value = malloc(size);
    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < size; i++) {
        value[i] = (char)(first + (char)(i % 23));
    }
    return value;
}

/* --- one key --------------------------------------------------------------------------------- */

/* A half of an import must not pass for a store: what is set there goes with the next import. */
START_TEST(unfinished_import)
{
    set("key", "value");
    close_store();
    char path[TEST_DIRECTORY_PATH_SIZE + 20];
    (void)snprintf(path, sizeof(path), "%s/IMPORT.unfinished", directory.path);
    FILE *mark = fopen(path, "w");
    ck_assert_ptr_nonnull(mark);
    ck_assert_int_eq(fclose(mark), 0);
    static const struct scdb_options read_only = {.read_only = true};
    const struct scdb_options *const options[] = {NULL, &read_only};
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        struct scdb_error error = {.text = ""};
        ck_assert_int_eq(scdb_open(directory.path, options[i], &db, &error), SCDB_INVALID);
        ck_assert_msg(strstr(error.text, "remove that file") != NULL, "%s", error.text);
    }
    ck_assert_int_eq(remove(path), 0);
    open_store(NULL);
    expect("key", "value");
}
END_TEST

START_TEST(set_get_delete)
{
    expect("a", NULL);
    set("a", "1");
    set("b", "");
    expect("a", "1");
    expect("b", "");
    set("a", "two");
    expect("a", "two");
    ck_assert_int_eq(scdb_delete(db, scdb_string("a")), SCDB_OK);
    ck_assert_int_eq(scdb_delete(db, scdb_string("a")), SCDB_NOT_FOUND);
    expect("a", NULL);
    expect("b", "");
    ck_assert_uint_eq(statistics().keys, 1);
}
END_TEST

START_TEST(keys_and_values_are_bytes)
{
    static const char key[] = {'\0', '\n', '\xff', '\0'};
    static const char value[] = {'\0', '\0'};
    void *found;
    size_t size;
    ck_assert_int_eq(scdb_set(db, scdb_bytes(key, 4), scdb_bytes(value, 2), SCDB_NEVER), SCDB_OK);
    ck_assert_int_eq(scdb_set(db, scdb_bytes(key, 3), scdb_string("x"), SCDB_NEVER), SCDB_OK);
    ck_assert_int_eq(scdb_set(db, scdb_bytes(NULL, 0), scdb_bytes(NULL, 0), SCDB_NEVER), SCDB_OK);
    reopen();
    ck_assert_int_eq(scdb_get(db, scdb_bytes(key, 4), &found, &size), SCDB_OK);
    ck_assert_uint_eq(size, 2);
    ck_assert_mem_eq(found, value, 2);
    scdb_free(found);
    ck_assert_int_eq(scdb_get(db, scdb_bytes(NULL, 0), &found, NULL), SCDB_OK);
    ck_assert_str_eq(found, "");
    scdb_free(found);
    ck_assert_uint_eq(statistics().keys, 3);
}
END_TEST

START_TEST(values_of_all_sizes)
{
    const size_t largest = more_than_a_segment();
    const size_t sizes[] = {1, 100, 16383, 16384, 65535, 65536, 1000000, largest};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            char *value = large_value(sizes[i], (char)('a' + i));
            struct scdb_bytes key = scdb_bytes(&sizes[i], sizeof(sizes[i]));
            if (round == 0) {
                ck_assert_int_eq(scdb_set(db, key, scdb_bytes(value, sizes[i]), SCDB_NEVER),
                                 SCDB_OK);
            }
            void *found;
            size_t size;
            ck_assert_int_eq(scdb_get(db, key, &found, &size), SCDB_OK);
            ck_assert_uint_eq(size, sizes[i]);
            ck_assert_int_eq(memcmp(found, value, size), 0);
            scdb_free(found);
            free(value);
        }
        reopen();
    }
}
END_TEST

START_TEST(sizes_beyond_the_limits)
{
    /* Sizes are looked at before bytes are. */
    struct scdb_bytes endless = scdb_bytes("", (size_t)5 << 30);
    ck_assert_int_eq(scdb_set(db, endless, scdb_string(""), SCDB_NEVER), SCDB_TOO_LARGE);
    ck_assert_int_eq(scdb_set(db, scdb_string("k"), endless, SCDB_NEVER), SCDB_TOO_LARGE);
    expect("k", NULL);
}
END_TEST

START_TEST(keys_expire)
{
    int64_t expiry_ms = 0;
    int64_t later_ms = scdb_after(1000000);
    set("stays", "1");
    ck_assert_int_eq(scdb_set(db, scdb_string("goes"), scdb_string("2"), later_ms), SCDB_OK);
    ck_assert_int_eq(scdb_set(db, scdb_string("past"), scdb_string("3"), 1), SCDB_OK);
    ck_assert_int_eq(scdb_expiry(db, scdb_string("goes"), &expiry_ms), SCDB_OK);
    ck_assert_int_eq(expiry_ms, later_ms);
    ck_assert_int_eq(scdb_expiry(db, scdb_string("stays"), &expiry_ms), SCDB_OK);
    ck_assert_int_eq(expiry_ms, SCDB_NEVER);
    expiry_ms = 5;
    ck_assert_int_eq(scdb_expiry(db, scdb_string("past"), &expiry_ms), SCDB_NOT_FOUND);
    ck_assert_int_eq(expiry_ms, 5);
    expect("past", NULL);
    expect("goes", "2");
    int64_t soon_ms = scdb_after(20);
    ck_assert_int_eq(scdb_set(db, scdb_string("goes"), scdb_string("3"), soon_ms), SCDB_OK);
    while (clock_unix_ms() <= soon_ms) {
        usleep(10000);
    }
    expect("goes", NULL);
    reopen();
    expect("goes", NULL);
    expect("stays", "1");
}
END_TEST

START_TEST(times_saturate)
{
    ck_assert_int_eq(scdb_after(INT64_MAX), SCDB_NEVER - 1);
    int64_t now_ms = clock_unix_ms();
    ck_assert_int_ge(scdb_after(1000), now_ms + 1000);
    ck_assert_int_le(scdb_after(-1000), now_ms);
}
END_TEST

START_TEST(expired_keys_leave_by_themselves)
{
    for (int i = 0; i < 26; i++) {
        char key = (char)('a' + i);
        ck_assert_int_eq(scdb_set(db, scdb_bytes(&key, 1), scdb_string("v"), scdb_after(200)),
                         SCDB_OK);
    }
    int64_t deadline_ms = clock_monotonic_ms() + 60000;
    while (statistics().keys > 0 && clock_monotonic_ms() < deadline_ms) {
        usleep(20000);
    }
    ck_assert_uint_eq(statistics().keys, 0);
    ck_assert_uint_eq(statistics().expired_keys, 26);
}
END_TEST

/* --- views ----------------------------------------------------------------------------------- */

static void look_at_overwritten(size_t value_size)
{
    char *value = large_value(value_size, 'a');
    struct scdb_view view;
    ck_assert_int_eq(scdb_set(db, scdb_string("k"), scdb_bytes(value, value_size), SCDB_NEVER),
                     SCDB_OK);
    ck_assert_int_eq(scdb_borrow(db, scdb_string("k"), &view), SCDB_OK);
    set("k", "another");
    ck_assert_int_eq(scdb_compact(db, NULL), SCDB_OK);
    ck_assert_int_eq(scdb_delete(db, scdb_string("k")), SCDB_OK);
    ck_assert_int_eq(scdb_clear(db), SCDB_OK);
    ck_assert_int_eq(scdb_compact(db, NULL), SCDB_OK);
    ck_assert_uint_eq(view.value.size, value_size);
    ck_assert_int_eq(view.expiry_ms, SCDB_NEVER);
    ck_assert_int_eq(memcmp(view.value.data, value, value_size), 0);
    scdb_release(&view);
    scdb_release(&view);
    free(value);
}

START_TEST(views_outlive_their_key)
{
    look_at_overwritten(10);
    look_at_overwritten(50000);
    look_at_overwritten(3000000);
}
END_TEST

START_TEST(borrowing_nothing)
{
    struct scdb_view view;
    memset(&view, 0x77, sizeof(view));
    struct scdb_view before = view;
    ck_assert_int_eq(scdb_borrow(db, scdb_string("k"), &view), SCDB_NOT_FOUND);
    ck_assert_mem_eq(&view, &before, sizeof(view));
    struct scdb_view empty = {.value = {NULL, 0}};
    scdb_release(&empty);
}
END_TEST

/* --- batches --------------------------------------------------------------------------------- */

static struct scdb_batch *new_batch(void)
{
    struct scdb_batch *batch;
    ck_assert_int_eq(scdb_batch_create(&batch), SCDB_OK);
    return batch;
}

static void batch_set(struct scdb_batch *batch, const char *key, const char *value)
{
    ck_assert_int_eq(scdb_batch_set(batch, scdb_string(key), scdb_string(value), SCDB_NEVER),
                     SCDB_OK);
}

START_TEST(batch_takes_effect_in_order)
{
    struct scdb_batch *batch = new_batch();
    set("gone", "1");
    set("kept", "1");
    batch_set(batch, "a", "1");
    batch_set(batch, "a", "2");
    batch_set(batch, "b", "3");
    ck_assert_int_eq(scdb_batch_delete(batch, scdb_string("b")), SCDB_OK);
    ck_assert_int_eq(scdb_batch_delete(batch, scdb_string("gone")), SCDB_OK);
    ck_assert_int_eq(scdb_batch_delete(batch, scdb_string("never there")), SCDB_OK);
    ck_assert_int_eq(scdb_batch_delete(batch, scdb_string("c")), SCDB_OK);
    batch_set(batch, "c", "4");
    expect("a", NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_OK);
        expect("a", "2");
        expect("b", NULL);
        expect("c", "4");
        expect("gone", NULL);
        expect("kept", "1");
        reopen();
    }
    scdb_batch_clear(batch);
    ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_OK);
    batch_set(batch, "d", "5");
    ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_OK);
    expect("d", "5");
    expect("a", "2");
    scdb_batch_destroy(batch);
    scdb_batch_destroy(NULL);
}
END_TEST

START_TEST(batch_of_large_values)
{
    const size_t large = more_than_a_segment() * 2 / 5; /* three are more than a segment */
    struct scdb_batch *batch = new_batch();
    char *value = large_value(large, 'a');
    for (int i = 0; i < 4; i++) {
        char key = (char)('a' + i);
        ck_assert_int_eq(
            scdb_batch_set(batch, scdb_bytes(&key, 1), scdb_bytes(value, large), SCDB_NEVER),
            SCDB_OK);
    }
    ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_OK);
    reopen();
    for (int i = 0; i < 4; i++) {
        char key = (char)('a' + i);
        struct scdb_view view;
        ck_assert_int_eq(scdb_borrow(db, scdb_bytes(&key, 1), &view), SCDB_OK);
        ck_assert_uint_eq(view.value.size, large);
        ck_assert_int_eq(memcmp(view.value.data, value, large), 0);
        scdb_release(&view);
    }
    ck_assert_int_eq(scdb_batch_set(batch, scdb_string("k"),
                                    scdb_bytes(value, (size_t)1100 * 1000 * 1000), SCDB_NEVER),
                     SCDB_TOO_LARGE);
    free(value);
    scdb_batch_destroy(batch);
}
END_TEST

/* Room to put it back is reserved beforehand: that must not be more than a disk can be asked for.
 */
START_TEST(batch_that_replaces_too_much_changes_nothing)
{
    enum { LARGE = 32 << 20, TIMES = (1 << 30) / LARGE };
    char *value = calloc(1, LARGE);
    struct scdb_batch *batch = new_batch();
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(scdb_set(db, scdb_string("k"), scdb_bytes(value, LARGE), SCDB_NEVER), SCDB_OK);
    uint64_t used = statistics().disk_bytes;
    for (int i = 0; i < TIMES; i++) {
        batch_set(batch, "k", "small");
    }
    ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_TOO_LARGE);
    ck_assert_uint_eq(statistics().disk_bytes, used);
    ck_assert_uint_gt(statistics().live_bytes, LARGE);
    scdb_batch_clear(batch);
    batch_set(batch, "k", "small");
    ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_OK);
    expect("k", "small");
    scdb_batch_destroy(batch);
    free(value);
}
END_TEST

/* A batch over what is there already, which some limit refuses at its end. */
static void write_refused_batch(enum scdb_status expected)
{
    struct scdb_batch *batch = new_batch();
    char *value = large_value(100000, 'a');
    batch_set(batch, "overwritten", "new");
    ck_assert_int_eq(scdb_batch_set(batch, scdb_string("large"), scdb_bytes(value, 50), SCDB_NEVER),
                     SCDB_OK);
    ck_assert_int_eq(scdb_batch_delete(batch, scdb_string("deleted")), SCDB_OK);
    ck_assert_int_eq(scdb_batch_set(batch, scdb_string("timed"), scdb_string("new"), 77), SCDB_OK);
    batch_set(batch, "overwritten", "newer");
    batch_set(batch, "deleted", "back");
    for (int i = 0; i < 20000; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "fresh %d", i);
        batch_set(batch, key, "x");
    }
    uint64_t keys = statistics().keys;
    ck_assert_int_eq(scdb_batch_write(db, batch), expected);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(statistics().keys, keys);
        expect("overwritten", "old");
        expect("deleted", "old");
        expect("timed", "old");
        expect("fresh 0", NULL);
        expect("fresh 19999", NULL);
        int64_t expiry_ms;
        ck_assert_int_eq(scdb_expiry(db, scdb_string("timed"), &expiry_ms), SCDB_OK);
        ck_assert_int_eq(expiry_ms, 5000000000000);
        void *found;
        size_t size;
        ck_assert_int_eq(scdb_get(db, scdb_string("large"), &found, &size), SCDB_OK);
        ck_assert_uint_eq(size, 100000);
        ck_assert_int_eq(memcmp(found, value, size), 0);
        scdb_free(found);
        reopen();
    }
    free(value);
    scdb_batch_destroy(batch);
}

static void fill_for_refused_batch(const struct scdb_options *options)
{
    char *value = large_value(100000, 'a');
    close_store();
    open_store(options);
    set("overwritten", "old");
    set("deleted", "old");
    ck_assert_int_eq(scdb_set(db, scdb_string("large"), scdb_bytes(value, 100000), SCDB_NEVER),
                     SCDB_OK);
    ck_assert_int_eq(scdb_set(db, scdb_string("timed"), scdb_string("old"), 5000000000000),
                     SCDB_OK);
    free(value);
}

START_TEST(batch_beyond_max_keys_changes_nothing)
{
    struct scdb_options options = {.max_keys = 10000};
    fill_for_refused_batch(&options);
    write_refused_batch(SCDB_KEY_LIMIT);
}
END_TEST

START_TEST(batch_beyond_index_memory_changes_nothing)
{
    struct scdb_options options = {.index_memory_limit = 100000, .segment_size = 1 << 20};
    fill_for_refused_batch(&options);
    write_refused_batch(SCDB_INDEX_FULL);
}
END_TEST

/* --- scanning -------------------------------------------------------------------------------- */

struct scanned {
    unsigned char seen[4000];
    unsigned total;
    bool changing;
};

static void on_key(void *context, const struct scdb_key *key)
{
    struct scanned *scanned = context;
    unsigned number;
    char text[16] = "";
    memcpy(text, key->key.data, key->key.size);
    ck_assert_int_eq(sscanf(text, "key %u", &number), 1);
    ck_assert_uint_lt(number, sizeof(scanned->seen));
    ck_assert_uint_eq(key->value_size, number % 7);
    ck_assert_int_eq(key->expiry_ms, number % 2 ? SCDB_NEVER : 5000000000000);
    scanned->seen[number]++;
    scanned->total++;
    if (scanned->changing && number >= 2000) {
        ck_assert_int_eq(scdb_delete(db, key->key), SCDB_OK); /* a callback may use the store */
    }
}

static void set_numbered(unsigned number)
{
    char key[16];
    (void)snprintf(key, sizeof(key), "key %u", number);
    ck_assert_int_eq(scdb_set(db, scdb_string(key), scdb_bytes("valuevalue", number % 7),
                              number % 2 ? SCDB_NEVER : 5000000000000),
                     SCDB_OK);
}

START_TEST(scan_visits_each_key_once)
{
    for (unsigned i = 0; i < 4000; i++) {
        set_numbered(i);
    }
    struct scanned scanned = {.changing = false};
    uint64_t cursor = 0;
    do {
        ck_assert_int_eq(scdb_scan(db, &cursor, 100, on_key, &scanned), SCDB_OK);
    } while (cursor != 0);
    ck_assert_uint_eq(scanned.total, 4000);
    struct scanned again = {.changing = true};
    do {
        ck_assert_int_eq(scdb_scan(db, &cursor, 7, on_key, &again), SCDB_OK);
    } while (cursor != 0);
    for (unsigned i = 0; i < 4000; i++) {
        ck_assert_uint_eq(scanned.seen[i], 1);
        ck_assert_uint_eq(again.seen[i], 1);
    }
    ck_assert_uint_eq(statistics().keys, 2000);
}
END_TEST

START_TEST(scan_of_nothing)
{
    uint64_t cursor = 0;
    ck_assert_int_eq(scdb_scan(db, &cursor, 10, on_key, NULL), SCDB_OK);
    ck_assert_uint_eq(cursor, 0);
    cursor = UINT64_MAX;
    ck_assert_int_eq(scdb_scan(db, &cursor, 10, on_key, NULL), SCDB_OK);
    ck_assert_uint_eq(cursor, 0);
}
END_TEST

/* --- the whole store ------------------------------------------------------------------------- */

START_TEST(clear_empties)
{
    for (unsigned i = 0; i < 1000; i++) {
        set_numbered(i);
    }
    ck_assert_int_eq(scdb_clear(db), SCDB_OK);
    ck_assert_uint_eq(statistics().keys, 0);
    expect("key 5", NULL);
    set("key 5", "again");
    reopen();
    expect("key 5", "again");
    ck_assert_uint_eq(statistics().keys, 1);
}
END_TEST

/* Sets four keys, again and again, so that nearly all of what is written is garbage. */
static void overwrite(unsigned times)
{
    char *value = large_value(100000, 'a');
    for (unsigned i = 0; i < times; i++) {
        char key = (char)('a' + i % 4);
        ck_assert_int_eq(scdb_set(db, scdb_bytes(&key, 1), scdb_bytes(value, 100000), SCDB_NEVER),
                         SCDB_OK);
    }
    free(value);
}

START_TEST(compact_reclaims)
{
    overwrite(400);
    struct scdb_statistics before = statistics();
    ck_assert_uint_gt(before.record_bytes, 40000000);
    ck_assert_uint_lt(before.live_bytes, 500000);
    struct scdb_compaction result;
    ck_assert_int_eq(scdb_compact(db, &result), SCDB_OK);
    ck_assert_uint_gt(result.reclaimed_bytes, 30000000);
    ck_assert_uint_gt(result.files_removed, 0);
    ck_assert_uint_lt(statistics().record_bytes, before.record_bytes / 2);
    ck_assert_uint_gt(statistics().compactions, 0);
    reopen();
    ck_assert_uint_eq(statistics().keys, 4);
    struct scdb_view view;
    ck_assert_int_eq(scdb_borrow(db, scdb_string("c"), &view), SCDB_OK);
    ck_assert_uint_eq(view.value.size, 100000);
    scdb_release(&view);
}
END_TEST

/* Row `_i`: each of the two options by itself. */
START_TEST(compaction_comes_by_itself_where_options_say_so)
{
    const struct scdb_options rows[] = {
        {.segment_size = 1 << 20, .compaction_percentage = 40},
        {.segment_size = 1 << 20, .compaction_interval_s = 1},
    };
    start_anew(&rows[_i]);
    overwrite(100);
    int64_t deadline_ms = clock_monotonic_ms() + 60000;
    struct scdb_statistics found;
    do {
        usleep(20000);
        found = statistics();
    } while ((found.compactions == 0 || found.record_bytes > 4000000) &&
             clock_monotonic_ms() < deadline_ms);
    ck_assert_uint_gt(found.compactions, 0);
    ck_assert_uint_le(found.record_bytes, 4000000);
    ck_assert_uint_eq(statistics().keys, 4);
}
END_TEST

START_TEST(compaction_waits_to_be_asked_by_default)
{
    start_anew(&small_segments);
    overwrite(100);
    usleep(300000);
    ck_assert_uint_gt(statistics().record_bytes, 9000000);
    ck_assert_uint_eq(statistics().compactions, 0);
}
END_TEST

START_TEST(a_backup_is_a_store_as_it_was)
{
    struct scdb_error error = {.text = ""};
    struct test_directory other = {.path = ""};
    char path[sizeof(other.path) + 8];
    test_directory_create(&other);
    (void)snprintf(path, sizeof(path), "%s/copy", other.path);
    set("a", "1");
    ck_assert_int_eq(scdb_set(db, scdb_string("b"), scdb_string("2"), scdb_after(1000000)),
                     SCDB_OK);
    enum scdb_status status = scdb_backup(db, path, &error);
    ck_assert_msg(status == SCDB_OK, "%s", error.text);
    set("a", "changed");
    ck_assert_int_eq(scdb_delete(db, scdb_string("b")), SCDB_OK);

    ck_assert_int_eq(scdb_backup(db, path, &error), SCDB_INVALID); /* it is not empty */
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert_int_eq(scdb_backup(db, path, NULL), SCDB_INVALID);

    struct scdb *original = db;
    ck_assert_int_eq(scdb_open(path, NULL, &db, &error), SCDB_OK);
    expect("a", "1");
    expect("b", "2");
    ck_assert_uint_eq(statistics().keys, 2);
    set("c", "3");
    close_store();
    db = original;
    expect("a", "changed");
    expect("b", NULL);
    expect("c", NULL);
    test_directory_destroy(&other);
}
END_TEST

START_TEST(sync_makes_durable)
{
    close_store();
    struct scdb_options options = {.sync = SCDB_SYNC_NO};
    open_store(&options);
    ck_assert_int_eq(scdb_sync(db), SCDB_OK);
    uint64_t before = statistics().undurable_bytes;
    set("a", "1");
    ck_assert_uint_gt(statistics().undurable_bytes, before);
    ck_assert_int_eq(scdb_sync(db), SCDB_OK);
    ck_assert_uint_le(statistics().undurable_bytes, 200); /* a sync mark may lie behind */
    ck_assert_uint_gt(statistics().syncs, 0);
}
END_TEST

START_TEST(always_means_durable_on_return)
{
    close_store();
    struct scdb_options options = {.sync = SCDB_SYNC_ALWAYS};
    open_store(&options);
    for (unsigned i = 0; i < 20; i++) {
        set_numbered(i);
        ck_assert_uint_le(statistics().undurable_bytes, 200);
    }
}
END_TEST

START_TEST(max_keys_limits_new_keys)
{
    close_store();
    struct scdb_options options = {.max_keys = 2};
    open_store(&options);
    set("a", "1");
    set("b", "2");
    ck_assert_int_eq(scdb_set(db, scdb_string("c"), scdb_string("3"), SCDB_NEVER), SCDB_KEY_LIMIT);
    set("a", "4");
    ck_assert_int_eq(scdb_delete(db, scdb_string("b")), SCDB_OK);
    set("c", "3");
}
END_TEST

/* --- opening --------------------------------------------------------------------------------- */

static enum scdb_status open_again(const struct scdb_options *options, struct scdb_error *error)
{
    struct scdb *other = NULL;
    enum scdb_status status = scdb_open(directory.path, options, &other, error);
    ck_assert(status == SCDB_OK || other == NULL);
    ck_assert_int_eq(scdb_close(other), SCDB_OK);
    return status;
}

START_TEST(one_process_at_a_time)
{
    struct scdb_error error = {.text = ""};
    char holder[32];
    (void)snprintf(holder, sizeof(holder), "%d", (int)getpid());
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        enum scdb_status status = open_again(NULL, &error);
        _exit(status == SCDB_LOCKED && strstr(error.text, holder) != NULL ? 0 : 1);
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_int_eq(result, 0);
    set("a", "1");
}
END_TEST

START_TEST(read_only_changes_nothing)
{
    const struct scdb_options read_only = {.read_only = true};
    struct scdb_error error = {.text = ""};
    struct scdb_batch *batch = new_batch();
    struct scdb *second;
    char path[sizeof(directory.path) + 8];
    (void)snprintf(path, sizeof(path), "%s/copy", directory.path);
    batch_set(batch, "b", "2");
    set("a", "1");
    close_store();
    open_store(&read_only);
    ck_assert_int_eq(scdb_open(directory.path, &read_only, &second, &error), SCDB_OK);
    expect("a", "1");
    ck_assert_int_eq(scdb_set(db, scdb_string("a"), scdb_string("2"), SCDB_NEVER), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_delete(db, scdb_string("a")), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_clear(db), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_compact(db, NULL), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_backup(db, path, &error), SCDB_READ_ONLY);
    ck_assert_int_eq(scdb_sync(db), SCDB_OK);
    ck_assert_int_eq(open_again(NULL, &error), SCDB_LOCKED);
    expect("a", "1");
    expect("b", NULL);
    ck_assert_int_eq(scdb_close(second), SCDB_OK);
    scdb_batch_destroy(batch);
    reopen();
    expect("a", "1");
}
END_TEST

START_TEST(a_store_that_is_not_there_is_not_made_to_be_read)
{
    const struct scdb_options read_only = {.read_only = true};
    struct scdb_error error = {.text = ""};
    struct scdb *none = NULL;
    char path[sizeof(directory.path) + 8];
    (void)snprintf(path, sizeof(path), "%s/none", directory.path);
    ck_assert_int_eq(scdb_open(path, &read_only, &none, &error), SCDB_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert_ptr_null(none);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* Of a child that goes on, as a worker that was forked does. */
START_TEST(a_child_does_not_keep_the_lock_of_a_closed_store)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char byte;
        (void)close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    (void)close(ends[0]);
    reopen();
    (void)close(ends[1]);
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_int_eq(result, 0);
}
END_TEST

/* What a program prints that has closed its standard streams ends up in no file of the store. */
START_TEST(standard_streams_stay_closed)
{
    int kept[3];
    bool are_closed = true;
    close_store();
    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        (void)close(i);
    }
    open_store(NULL);
    set("a", "1");
    for (int i = 0; i < 3; i++) {
        are_closed = are_closed && fcntl(i, F_GETFD) < 0;
    }
    close_store();
    for (int i = 0; i < 3; i++) {
        (void)dup2(kept[i], i);
        (void)close(kept[i]);
    }
    ck_assert(are_closed);
    open_store(NULL);
    expect("a", "1");
}
END_TEST

/* Blocked once the store is open, as by a program that waits for its signals. */
START_TEST(signals_are_the_programs)
{
    sigset_t blocked;
    sigset_t before;
    const struct timespec wait = {.tv_sec = 60};
    ck_assert_int_eq(sigemptyset(&blocked), 0);
    ck_assert_int_eq(sigaddset(&blocked, SIGUSR1), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0); /* would end the process on another thread */
    ck_assert_int_eq(sigtimedwait(&blocked, NULL, &wait), SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}
END_TEST

START_TEST(bad_options_are_refused)
{
    static const struct scdb_options bad[] = {
        {.segment_size = 1},         {.segment_size = (uint64_t)2 << 30},
        {.sync = (enum scdb_sync)9}, {.compaction_percentage = 91},
        {.reserved = {0, 0, 1}},
    };
    close_store();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct scdb_error error = {.text = ""};
        ck_assert_int_eq(open_again(&bad[i], &error), SCDB_INVALID);
        ck_assert_str_ne(error.text, "");
        ck_assert_int_eq(open_again(&bad[i], NULL), SCDB_INVALID);
    }
    struct scdb *other;
    struct scdb_error error = {.text = ""};
    ck_assert_int_ne(scdb_open("/proc/nowhere/else", NULL, &other, &error), SCDB_OK);
    ck_assert_ptr_nonnull(strstr(error.text, "/proc/nowhere/else"));
}
END_TEST

START_TEST(writes_survive_kill)
{
    close_store();
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        open_store(NULL);
        struct scdb_batch *batch = new_batch();
        for (unsigned i = 0; i < 1000; i++) {
            set_numbered(i);
        }
        batch_set(batch, "batched", "1");
        batch_set(batch, "too", "2");
        if (scdb_batch_write(db, batch) == SCDB_OK) {
            (void)raise(SIGKILL);
        }
        _exit(1);
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
    open_store(NULL);
    ck_assert_uint_eq(statistics().keys, 1002);
    expect("batched", "1");
    expect("too", "2");
    expect("key 998", "valu");
}
END_TEST

/* --- damage ---------------------------------------------------------------------------------- */

static char logged[4096];

static void keep_log(enum scdb_log_level level, const char *text)
{
    ck_assert_int_ge(level, SCDB_LOG_DEBUG);
    size_t used = strlen(logged);
    (void)snprintf(logged + used, sizeof(logged) - used, "%s\n", text);
}

/* Changes one byte of `what` in the store's segments. */
static void damage(const char *what)
{
    static char content[4 << 20];
    DIR *listing = opendir(directory.path);
    ck_assert_ptr_nonnull(listing);
    int damaged = 0;
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        int file = openat(dirfd(listing), entry->d_name, O_RDWR);
        ssize_t size = file < 0 ? -1 : read(file, content, sizeof(content));
        char *found = size <= 0 ? NULL : memmem(content, (size_t)size, what, strlen(what));
        if (found != NULL) {
            ck_assert_int_eq(pwrite(file, "~", 1, found - content + 1), 1);
            damaged++;
        }
        if (file >= 0) {
            (void)close(file);
        }
    }
    (void)closedir(listing);
    ck_assert_int_eq(damaged, 1);
}

START_TEST(damage_is_found_and_named)
{
    set("good", "one value");
    set("bad", "another value");
    set("worse", "the third value");
    reopen(); /* what was just written is still in memory */
    scdb_set_log(keep_log);
    damage("another value");
    damage("the third value");
    void *value = NULL;
    ck_assert_int_eq(scdb_get(db, scdb_string("bad"), &value, NULL), SCDB_CORRUPT);
    ck_assert_ptr_null(value);
    ck_assert_ptr_nonnull(strstr(logged, ".log"));
    expect("good", "one value");
    ck_assert_uint_gt(statistics().corrupt_records, 0);
    struct scdb_batch *batch = new_batch();
    batch_set(batch, "good", "changed");
    batch_set(batch, "bad", "changed");
    ck_assert_int_eq(scdb_batch_write(db, batch), SCDB_CORRUPT);
    scdb_batch_destroy(batch);
    expect("good", "one value");
    set("bad", "well again");
    ck_assert_int_eq(scdb_delete(db, scdb_string("worse")), SCDB_OK);
    reopen();
    expect("bad", "well again");
    expect("worse", NULL);
    scdb_set_log(NULL);
}
END_TEST

/* --- threads --------------------------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 3000, COUNTERS = 10 };

struct worker {
    unsigned number;
    uint64_t seed;
    bool well;
};

/* Each thread counts up in keys of its own and, by batches that write one value to all, in shared
 * ones: those must always be equal. */
static bool work_once(const struct worker *worker, struct test_random *random, unsigned step)
{
    char key[32];
    char value[32];
    (void)snprintf(key, sizeof(key), "own %u %u", worker->number, step % 100);
    (void)snprintf(value, sizeof(value), "%u", step);
    void *found;
    if (scdb_set(db, scdb_string(key), scdb_string(value), SCDB_NEVER) != SCDB_OK ||
        scdb_get(db, scdb_string(key), &found, NULL) != SCDB_OK) {
        return false;
    }
    bool same = strcmp(found, value) == 0;
    scdb_free(found);
    if (test_random_one_in(random, 10)) {
        struct scdb_batch *batch = NULL;
        bool written = scdb_batch_create(&batch) == SCDB_OK;
        for (int i = 0; written && i < COUNTERS; i++) {
            char shared = (char)i;
            written = scdb_batch_set(batch, scdb_bytes(&shared, 1), scdb_string(value),
                                     SCDB_NEVER) == SCDB_OK;
        }
        written = written && scdb_batch_write(db, batch) == SCDB_OK;
        scdb_batch_destroy(batch);
        return same && written;
    }
    return same;
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct test_random random;
    test_random_init(&random, worker->seed + worker->number);
    worker->well = true;
    for (unsigned step = 0; worker->well && step < STEPS; step++) {
        worker->well = work_once(worker, &random, step);
    }
    return NULL;
}

static void compact_meanwhile(void)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(scdb_compact(db, NULL), SCDB_OK);
    }
}

START_TEST(threads_share_a_store)
{
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    uint64_t seed = test_seed("scdb_test");
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.number = i, .seed = seed};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    compact_meanwhile();
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(workers[i].well);
    }
    reopen();
    ck_assert_uint_eq(statistics().keys, THREADS * 100 + COUNTERS);
    void *first;
    ck_assert_int_eq(scdb_get(db, scdb_bytes("", 1), &first, NULL), SCDB_OK);
    for (int i = 1; i < COUNTERS; i++) {
        char key = (char)i;
        void *other;
        ck_assert_int_eq(scdb_get(db, scdb_bytes(&key, 1), &other, NULL), SCDB_OK);
        ck_assert_str_eq(other, first);
        scdb_free(other);
    }
    scdb_free(first);
}
END_TEST

START_TEST(statuses_have_words)
{
    for (int i = SCDB_OK; i <= SCDB_READ_ONLY; i++) {
        ck_assert_str_ne(scdb_status_text((enum scdb_status)i), "");
        ck_assert_str_ne(scdb_status_text((enum scdb_status)i), "unknown status");
    }
    ck_assert_str_eq(scdb_status_text((enum scdb_status)99), "unknown status");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("scdb");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, unfinished_import);
    tcase_add_test(tests, set_get_delete);
    tcase_add_test(tests, keys_and_values_are_bytes);
    tcase_add_test(tests, values_of_all_sizes);
    tcase_add_test(tests, sizes_beyond_the_limits);
    tcase_add_test(tests, keys_expire);
    tcase_add_test(tests, times_saturate);
    tcase_add_test(tests, expired_keys_leave_by_themselves);
    tcase_add_test(tests, views_outlive_their_key);
    tcase_add_test(tests, borrowing_nothing);
    tcase_add_test(tests, batch_takes_effect_in_order);
    tcase_add_test(tests, batch_of_large_values);
    tcase_add_test(tests, batch_that_replaces_too_much_changes_nothing);
    tcase_add_test(tests, batch_beyond_max_keys_changes_nothing);
    tcase_add_test(tests, batch_beyond_index_memory_changes_nothing);
    tcase_add_test(tests, scan_visits_each_key_once);
    tcase_add_test(tests, scan_of_nothing);
    tcase_add_test(tests, clear_empties);
    tcase_add_test(tests, compact_reclaims);
    tcase_add_loop_test(tests, compaction_comes_by_itself_where_options_say_so, 0, 2);
    tcase_add_test(tests, compaction_waits_to_be_asked_by_default);
    tcase_add_test(tests, a_backup_is_a_store_as_it_was);
    tcase_add_test(tests, sync_makes_durable);
    tcase_add_test(tests, always_means_durable_on_return);
    tcase_add_test(tests, max_keys_limits_new_keys);
    tcase_add_test(tests, one_process_at_a_time);
    tcase_add_test(tests, read_only_changes_nothing);
    tcase_add_test(tests, a_store_that_is_not_there_is_not_made_to_be_read);
    tcase_add_test(tests, a_child_does_not_keep_the_lock_of_a_closed_store);
    tcase_add_test(tests, standard_streams_stay_closed);
    tcase_add_test(tests, signals_are_the_programs);
    tcase_add_test(tests, bad_options_are_refused);
    tcase_add_test(tests, writes_survive_kill);
    tcase_add_test(tests, damage_is_found_and_named);
    tcase_add_test(tests, threads_share_a_store);
    tcase_add_test(tests, statuses_have_words);
    return test_run("scdb", tests);
}
