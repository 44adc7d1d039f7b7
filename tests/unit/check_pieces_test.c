/* check_pieces_test.c - what scdb-check makes of strings in pieces: whole, and with a damaged
 * piece.
 */
#include "base/log.h"
#include "check/report.h"
#include "engine/segment_header.h"
#include "support/check_run.h"
#include "support/disk_store.h"
#include "support/test_file.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIZE       ((size_t)200000)
#define PLACE      ((size_t)150000) /* of a word that stands in one piece only */
#define SEGMENT    "00000000000000000001.log"
#define NEXT       "00000000000000000003.log" /* of the session that comes then */
#define PACKED     "00000000000000000004.pack"
#define VICTIM     "a value that will rot"
#define FAR        ((uint64_t)64 << 20)
#define FAR_FUTURE ((int64_t)4000000000000)

static struct test_directory directory;
static struct test_directory elsewhere;
static char expected[SIZE];
static const struct slice word = SLICE_LITERAL("a word that is looked for");

static void open_store(struct disk_store *store, const char *path)
{
    store->options = disk_store_options((uint64_t)4 << 20);
    disk_store_open(store, path);
}

static void patch_large(struct engine *engine, size_t offset, struct slice part)
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
}

static void patch(struct engine *engine, size_t offset, struct slice part)
{
    patch_large(engine, offset, part);
    memcpy(expected + offset, part.data, part.size);
}

static void put(struct engine *engine, const char *key, const char *text)
{
    const struct slice part = slice_of_string(text);
    const struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(
        engine_put_locked(engine, engine_database_locked(engine, 1), slice_of_string(key), &value),
        STATUS_OK);
}

/* A key in pieces, patched again since, and a small one. */
static void set_up(void)
{
    test_directory_create(&directory);
    test_directory_create(&elsewhere);
    struct test_random random;
    test_random_init(&random, 5);
    test_random_fill(&random, expected, SIZE);
    struct disk_store store;
    open_store(&store, directory.path);
    struct engine *engine = store.engine;
    engine_lock(engine);
    patch(engine, 0, slice_make(expected, SIZE));
    patch(engine, 5000, SLICE_LITERAL("changed"));
    patch(engine, PLACE, word);
    put(engine, "small", "value");
    put(engine, "victim", VICTIM);
    engine_unlock(engine);
    disk_store_close(&store);
}

static void tear_down(void)
{
    test_directory_destroy(&directory);
    test_directory_destroy(&elsewhere);
}

/* Changes a byte of the word where it stands in the file. */
static void damage(const char *name, struct slice text)
{
    size_t size;
    uint8_t *bytes = test_file_read(&directory, name, &size);
    const uint8_t *place = memmem(bytes, size, text.data, text.size);
    ck_assert_ptr_nonnull(place);
    test_file_write(&directory, name, (uint64_t)(place - bytes), "X", 1);
    free(bytes);
}

static void put_two(struct engine *engine)
{
    put(engine, "torn", "value");
    put(engine, "last", "value");
}

/* Whose first record is a header: the string is longer now. In the pieces that it had then comes
 * the next change, and the last one behind them. */
static void grow(struct engine *engine)
{
    patch_large(engine, SIZE + 50000, word);
    patch_large(engine, SIZE + 100, word);
    patch_large(engine, SIZE + 40000, word);
}

/* Two pieces, each in a record that is no group; of the first the value will be torn. */
static void patch_two(struct engine *engine)
{
    patch_large(engine, 5000, word);
    patch(engine, PLACE + 100, word);
}

/* Makes a change behind what is durable, and leaves a copy as of a kill -9 in `killed`, in which
 * its first record is torn there. */
static void tear_behind(const struct test_directory *killed, void (*change)(struct engine *),
                        size_t where)
{
    static const uint8_t zeros[16];
    struct disk_store store;
    open_store(&store, directory.path);
    engine_lock(store.engine);
    change(store.engine);
    engine_unlock(store.engine);
    ck_assert_int_eq(engine_write(store.engine, UINT64_MAX), STATUS_OK);
    test_file_copy_all(&directory, killed);
    disk_store_close(&store);
    test_file_write(killed, NEXT, SEGMENT_HEADER_SIZE + where, zeros, sizeof(zeros));
}

/* A compaction comes upon rot, and keeps the segment beside the copies that it has made. */
static void compact_in_part(void)
{
    struct disk_store store;
    struct compaction_result result;
    damage(SEGMENT, SLICE_LITERAL(VICTIM));
    open_store(&store, directory.path);
    ck_assert_int_eq(engine_compact(store.engine, &result), STATUS_OK);
    disk_store_close(&store);
    ck_assert(test_file_exists(&directory, SEGMENT) && test_file_exists(&directory, PACKED));
}

static int run_check(const char *name, char *said, size_t said_size)
{
    return check_run(name, directory.path, elsewhere.path, said, said_size);
}

/* What stands in the store that repair has made. */
static void assert_repaired(bool has_large)
{
    char fresh[TEST_FILE_PATH_SIZE];
    struct disk_store store;
    open_store(&store, test_file_path(&elsewhere, "new", fresh));
    struct engine *engine = store.engine;
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
    disk_store_close(&store);
}

START_TEST(a_sound_store_is_read_whole)
{
    static char said[100000];
    ck_assert_msg(run_check("verify", said, sizeof(said)) == CHECK_EXIT_SOUND, "%s", said);
    ck_assert_msg(run_check("stat", said, sizeof(said)) == CHECK_EXIT_SOUND, "%s", said);
    ck_assert_msg(strstr(said, "format_version:2\n") != NULL, "%s", said);
    ck_assert_msg(strstr(said, "db1:keys=3,") != NULL, "%s", said);
    const char *bytes = strstr(said, "db1:keys=3,expires=0,bytes=");
    ck_assert_ptr_nonnull(bytes);
    uint64_t live = strtoull(strchr(bytes + 12, ',') + strlen(",bytes="), NULL, 10);
    ck_assert_msg(live > SIZE && live < SIZE + 5000, "%llu", (unsigned long long)live);
    ck_assert_msg(run_check("repair", said, sizeof(said)) == CHECK_EXIT_SOUND, "%s", said);
    assert_repaired(true);
}
END_TEST

START_TEST(a_damaged_piece_is_named)
{
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    static char said[1000000];
    damage(SEGMENT, word);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        ck_assert_int_eq(run_check(commands[i], said, sizeof(said)), CHECK_EXIT_DAMAGED);
        const char *line = strstr(said, "damaged: " SEGMENT " offset ");
        ck_assert_msg(line != NULL, "%s: %.2000s", commands[i], said);
        ck_assert_msg(strstr(line, ": piece 9 of the value of key \"large\" (") != NULL,
                      "%s: %.2000s", commands[i], said);
        ck_assert_ptr_null(strstr(line + 1, "damaged: "));
    }
    ck_assert_msg(strstr(said, "the values of 1 could not be read") != NULL, "%s", said);
    assert_repaired(false);
}
END_TEST

/* _i: which of the two is damaged. Of the piece nothing is said, as of a plain value's copy. */
START_TEST(a_readable_copy_of_a_piece_counts)
{
    static const char *const commands[] = {"stat", "dump", "repair"};
    static char said[1000000];
    compact_in_part();
    damage(_i == 0 ? SEGMENT : PACKED, word);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        ck_assert_int_eq(run_check(commands[i], said, sizeof(said)), CHECK_EXIT_DAMAGED);
        ck_assert_msg(strstr(said, "the value of key \"victim\"") != NULL, "%.2000s", said);
        ck_assert_msg(strstr(said, "of key \"large\"") == NULL, "%.2000s", said);
    }
    ck_assert_msg(strstr(said, "the values of 1 could not be read") != NULL, "%s", said);
    assert_repaired(true);
}
END_TEST

/* Pieces may have been there, but none that was acknowledged as durable. _i: or a header, of which
 * only later pieces are left; or there is one, whose value is not whole. */
START_TEST(a_torn_place_is_a_doubt_and_no_damage)
{
    static void (*const changes[])(struct engine *) = {put_two, grow, patch_two};
    static const size_t places[] = {0, 0, 1000};
    static const char *const commands[] = {"verify", "stat", "dump", "repair"};
    static char said[1000000];
    struct test_directory killed = {.path = ""};
    test_directory_create(&killed);
    tear_behind(&killed, changes[_i], places[_i]);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int code = check_run(commands[i], killed.path, elsewhere.path, said, sizeof(said));
        ck_assert_msg(code == CHECK_EXIT_SOUND, "%s: %d: %.2000s", commands[i], code, said);
    }
    ck_assert_msg(strstr(said, "note: the value of key \"large\"") != NULL, "%s", said);
    assert_repaired(true);
    test_directory_destroy(&killed);
}
END_TEST

/* To compactions it was dead. */
START_TEST(an_older_value_in_pieces_may_not_be_whole)
{
    static char said[100000];
    struct disk_store store;
    open_store(&store, directory.path);
    engine_lock(store.engine);
    put(store.engine, "large", "a value that is one record");
    engine_unlock(store.engine);
    disk_store_close(&store);
    damage(NEXT, SLICE_LITERAL("a value that is one record"));
    ck_assert_int_eq(check_run_older(directory.path, elsewhere.path, said, sizeof(said)),
                     CHECK_EXIT_DAMAGED);
    ck_assert_msg(strstr(said,
                         "the older value of key \"large\" (keyspace 2) that is taken lies in "
                         "pieces") != NULL,
                  "%s", said);
    assert_repaired(true);
}
END_TEST

/* Nobody knows then of a segment that is gone, with newer pieces perhaps. */
START_TEST(without_a_manifest_any_piece_may_be_lost)
{
    static const char *const commands[] = {"stat", "dump", "repair"};
    static char said[1000000];
    test_file_remove(&directory, "MANIFEST");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        ck_assert_int_eq(run_check(commands[i], said, sizeof(said)), CHECK_EXIT_DAMAGED);
        ck_assert_msg(strstr(said, "damaged: the value of key \"large\" (keyspace 2) lies in "
                                   "pieces; newer ones may be lost with a segment") != NULL,
                      "%s: %.2000s", commands[i], said);
        ck_assert_msg(strstr(said, "where a segment is gone, which it would have named, keys are "
                                   "missing, or have older values") != NULL,
                      "%s: %.2000s", commands[i], said);
    }
    assert_repaired(true);
}
END_TEST

/* A key whose value is zeros but for a word in its midst and one at its end. */
static void put_sparse(void)
{
    struct disk_store store;
    open_store(&store, directory.path);
    engine_lock(store.engine);
    struct engine_keyspace *keyspace = engine_database_locked(store.engine, 1);
    struct entry old;
    struct engine_patch change = {
        .offset = FAR, .parts = &word, .part_count = 1, .expiry_ms = FAR_FUTURE, .encoding = 3};
    ck_assert_int_eq(engine_patch_locked(store.engine, keyspace, SLICE_LITERAL("sparse"), &change),
                     STATUS_OK);
    ck_assert_int_eq(engine_find_locked(store.engine, keyspace, SLICE_LITERAL("sparse"), &old),
                     STATUS_OK);
    change.old = &old;
    change.offset = FAR / 2;
    ck_assert_int_eq(engine_patch_locked(store.engine, keyspace, SLICE_LITERAL("sparse"), &change),
                     STATUS_OK);
    engine_unlock(store.engine);
    disk_store_close(&store);
}

static void assert_word_at(struct engine *engine, const struct entry *entry, uint64_t offset)
{
    struct slice part;
    ck_assert_int_eq(engine_part_locked(engine, entry, offset - 1, word.size + 1, &part),
                     STATUS_OK);
    ck_assert_uint_eq(part.size, word.size + 1);
    ck_assert_int_eq(part.data[0], 0);
    ck_assert_int_eq(memcmp(part.data + 1, word.data, word.size), 0);
}

/* What takes next to no room in the damaged store must find room beside it, whatever its size. */
START_TEST(zeros_that_were_never_written_are_not_written_by_a_repair)
{
    static char said[100000];
    char fresh[TEST_FILE_PATH_SIZE];
    struct disk_store store;
    struct entry entry;
    put_sparse();
    ck_assert_msg(run_check("repair", said, sizeof(said)) == CHECK_EXIT_SOUND, "%s", said);
    ck_assert_msg(strstr(said, "4 keys are in the new store") != NULL, "%s", said);
    assert_repaired(true);
    open_store(&store, test_file_path(&elsewhere, "new", fresh));
    disk_store_verify(&store);
    ck_assert_uint_lt(disk_store_statistics(&store).live_bytes, SIZE + 100000);
    ck_assert_uint_lt(disk_store_statistics(&store).disk_bytes, FAR / 4);
    engine_lock(store.engine);
    ck_assert_int_eq(engine_find_locked(store.engine, engine_database_locked(store.engine, 1),
                                        SLICE_LITERAL("sparse"), &entry),
                     STATUS_OK);
    ck_assert_uint_eq(entry.size, FAR + word.size);
    ck_assert_int_eq(entry.encoding, 3);
    ck_assert_int_eq(entry.expiry_ms, FAR_FUTURE);
    assert_word_at(store.engine, &entry, FAR / 2);
    assert_word_at(store.engine, &entry, FAR);
    engine_unlock(store.engine);
    disk_store_close(&store);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("check_pieces");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_sound_store_is_read_whole);
    tcase_add_test(tests, a_damaged_piece_is_named);
    tcase_add_loop_test(tests, a_readable_copy_of_a_piece_counts, 0, 2);
    tcase_add_loop_test(tests, a_torn_place_is_a_doubt_and_no_damage, 0, 3);
    tcase_add_test(tests, an_older_value_in_pieces_may_not_be_whole);
    tcase_add_test(tests, without_a_manifest_any_piece_may_be_lost);
    tcase_add_test(tests, zeros_that_were_never_written_are_not_written_by_a_repair);
    return test_run("check_pieces", tests);
}
