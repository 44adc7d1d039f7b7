/* check_pieces_test.c - what scdb-check makes of strings in pieces: whole, and with a damaged
 * piece.
 */
#include "base/check.h"
#include "base/log.h"
#include "check/report.h"
#include "engine/engine.h"
#include "engine/file_posix.h"
#include "support/check_run.h"
#include "support/test_directory.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE (TEST_DIRECTORY_PATH_SIZE + 128)
#define SIZE      ((size_t)200000)
#define PLACE     ((size_t)150000) /* of a word that stands in one piece only */
#define SEGMENT   "00000000000000000001.log"

static struct test_directory directory;
static struct test_directory elsewhere;
static char expected[SIZE];
static const struct slice word = SLICE_LITERAL("a word that is looked for");

static struct engine *open_store(const char *path, struct file_system **fs)
{
    struct error error = {""};
    struct engine *engine;
    ck_assert_int_eq(file_posix_open_directory(path, fs, &error), STATUS_OK);
    struct engine_options options = {.fs = *fs,
                                     .database_count = 2,
                                     .segment_size = (uint64_t)4 << 20,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = true};
    enum status status = engine_open(&options, &engine, &error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_name(status), error.text);
    return engine;
}

static void close_store(struct engine *engine, struct file_system *fs)
{
    ck_assert_int_eq(engine_close(engine), STATUS_OK);
    fs_close(fs);
}

static void patch(struct engine *engine, size_t offset, struct slice part)
{
    struct engine_keyspace *keyspace = engine_database_locked(engine, 1);
    struct entry old;
    bool found = engine_find_locked(engine, keyspace, SLICE_LITERAL("large"), &old) == STATUS_OK;
    struct engine_patch change = {.old = found ? &old : NULL,
                                  .offset = offset,
                                  .parts = &part,
                                  .part_count = 1,
                                  .expiry_ms = EXPIRY_NONE,
                                  .encoding = 3};
    ck_assert_int_eq(engine_patch_locked(engine, keyspace, SLICE_LITERAL("large"), &change),
                     STATUS_OK);
    memcpy(expected + offset, part.data, part.size);
}

/* A key in pieces, patched again since, and a small one. */
static void set_up(void)
{
    test_directory_create(&directory);
    test_directory_create(&elsewhere);
    struct test_random random;
    test_random_init(&random, 5);
    test_random_fill(&random, expected, SIZE);
    struct file_system *fs;
    struct engine *engine = open_store(directory.path, &fs);
    engine_lock(engine);
    patch(engine, 0, slice_make(expected, SIZE));
    patch(engine, 5000, SLICE_LITERAL("changed"));
    patch(engine, PLACE, word);
    const struct slice small = SLICE_LITERAL("value");
    struct engine_value value = {.parts = &small, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_put_locked(engine, engine_database_locked(engine, 1),
                                       SLICE_LITERAL("small"), &value),
                     STATUS_OK);
    engine_unlock(engine);
    close_store(engine, fs);
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
    test_directory_destroy(&elsewhere);
}

/* Changes a byte of the word where it stands in the segment. */
static void damage(void)
{
    char path[PATH_SIZE];
    struct stat about;
    (void)snprintf(path, sizeof(path), "%s/%s", directory.path, SEGMENT);
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(fstat(descriptor, &about), 0);
    size_t size = (size_t)about.st_size;
    char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(pread(descriptor, bytes, size, 0), (ssize_t)size);
    const char *place = memmem(bytes, size, word.data, word.size);
    ck_assert_ptr_nonnull(place);
    ck_assert_int_eq(pwrite(descriptor, "X", 1, place - bytes), 1);
    free(bytes);
    ck_assert_int_eq(close(descriptor), 0);
}

static int run_check(const char *name, char *said, size_t said_size)
{
    return check_run(name, directory.path, elsewhere.path, said, said_size);
}

/* What stands in the store that repair has made. */
static void assert_repaired(bool has_large)
{
    char fresh[PATH_SIZE];
    (void)snprintf(fresh, sizeof(fresh), "%s/new", elsewhere.path);
    struct file_system *fs;
    struct engine *engine = open_store(fresh, &fs);
    struct entry entry;
    struct slice value;
    engine_lock(engine);
    struct engine_keyspace *keyspace = engine_database_locked(engine, 1);
    ck_assert_int_eq(engine_find_locked(engine, keyspace, SLICE_LITERAL("small"), &entry),
                     STATUS_OK);
    enum status status = engine_find_locked(engine, keyspace, SLICE_LITERAL("large"), &entry);
    ck_assert_int_eq(status, has_large ? STATUS_OK : STATUS_NOT_FOUND);
    if (has_large) {
        ck_assert_int_eq(engine_part_locked(engine, &entry, 0, SIZE_MAX, &value), STATUS_OK);
        ck_assert_uint_eq(value.size, SIZE);
        ck_assert_int_eq(memcmp(value.data, expected, SIZE), 0);
        ck_assert_int_eq(entry.encoding, 3);
    }
    engine_unlock(engine);
    close_store(engine, fs);
}

START_TEST(a_sound_store_is_read_whole)
{
    static char said[100000];
    ck_assert_msg(run_check("verify", said, sizeof(said)) == CHECK_EXIT_SOUND, "%s", said);
    ck_assert_msg(run_check("stat", said, sizeof(said)) == CHECK_EXIT_SOUND, "%s", said);
    ck_assert_msg(strstr(said, "format_version:2\n") != NULL, "%s", said);
    ck_assert_msg(strstr(said, "db1:keys=2,") != NULL, "%s", said);
    const char *bytes = strstr(said, "db1:keys=2,expires=0,bytes=");
    ck_assert_ptr_nonnull(bytes);
    uint64_t live = strtoull(strchr(bytes + 12, ',') + strlen(",bytes="), NULL, 10);
    ck_assert_msg(live > SIZE && live < SIZE + 5000, "%llu", (unsigned long long)live);
    ck_assert_msg(run_check("repair", said, sizeof(said)) == CHECK_EXIT_SOUND, "%s", said);
    assert_repaired(true);
}
END_TEST

START_TEST(a_damaged_piece_is_named)
{
    static char said[100000];
    damage();
    ck_assert_int_eq(run_check("verify", said, sizeof(said)), CHECK_EXIT_DAMAGED);
    ck_assert_msg(strstr(said, SEGMENT " offset ") != NULL, "%s", said);
    ck_assert_int_eq(run_check("repair", said, sizeof(said)), CHECK_EXIT_DAMAGED);
    ck_assert_msg(strstr(said, "piece 9 of the value of key") != NULL, "%s", said);
    assert_repaired(false);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("check_pieces");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_sound_store_is_read_whole);
    tcase_add_test(tests, a_damaged_piece_is_named);
    return test_run("check_pieces", tests);
}
