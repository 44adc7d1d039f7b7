/*
 * backup_test.c - copies of an open store: whole, of one moment, and each on its own from then on.
 *
 * On the simulated disk every call that a backup makes is one at which the power is cut.
 */
#include "engine/backup.h"

#include "base/log.h"
#include "engine/checkpoint_take.h"
#include "engine/engine.h"
#include "engine/engine_state.h"
#include "engine/manifest.h"
#include "engine/scdb.h"
#include "support/sim_disk.h"
#include "support/test_directory.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE (TEST_DIRECTORY_PATH_SIZE + 32)
#define KEY_COUNT 300

static struct test_directory directory;
static struct error error;
static struct file_system *fs;
static struct engine *engine;
static char backup_path[PATH_SIZE];

/* --- stores ------------------------------------------------------------------------------- */

static struct engine *open_on(struct file_system *where, bool with_threads)
{
    struct engine_options options = {.fs = where,
                                     .database_count = 2,
                                     .segment_size = 4096,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = !with_threads};
    struct engine *opened;
    enum status status = engine_open(&options, &opened, &error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_name(status), error.text);
    return opened;
}

static enum status put(struct engine *in, unsigned database, int number, const char *text)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%d", number);
    struct slice value = slice_of_string(text);
    struct engine_value what = {.parts = &value, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    return engine_put_locked(in, engine_database_locked(in, database), slice_of_string(key), &what);
}

static bool has(struct engine *in, unsigned database, int number, const char *text)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%d", number);
    struct entry entry;
    enum status status =
        engine_find_locked(in, engine_database_locked(in, database), slice_of_string(key), &entry);
    return status == STATUS_OK && slice_equal(entry.value, slice_of_string(text)) &&
           engine_verify_locked(in, &entry, 0, SIZE_MAX) == STATUS_OK;
}

static void put_all(struct engine *in, unsigned database, const char *text)
{
    engine_lock(in);
    for (int i = 0; i < KEY_COUNT; i++) {
        ck_assert_int_eq(put(in, database, i, text), STATUS_OK);
    }
    engine_unlock(in);
}

/* Each of the keys has this value, or (NULL) there is none. */
static void expect_all(struct engine *in, unsigned database, const char *text)
{
    engine_lock(in);
    engine_verify_all_locked(in);
    uint64_t count = engine_count_locked(in, engine_database_locked(in, database));
    ck_assert_uint_eq(count, text == NULL ? 0 : KEY_COUNT);
    for (int i = 0; text != NULL && i < KEY_COUNT; i++) {
        ck_assert_msg(has(in, database, i, text), "key:%d is not %s", i, text);
    }
    engine_unlock(in);
}

static void close_well(struct engine *opened, struct file_system *where)
{
    ck_assert_int_eq(engine_close(opened), STATUS_OK);
    fs_close(where);
}

static struct file_system *open_directory(const char *path)
{
    struct file_system *opened;
    enum status status = file_posix_open_directory(path, &opened, &error);
    ck_assert_msg(status == STATUS_OK, "%s", error.text);
    return opened;
}

static void set_up(void)
{
    test_directory_create(&directory);
    (void)snprintf(backup_path, sizeof(backup_path), "%s/backup", directory.path);
    error.text[0] = '\0';
    fs = open_directory(directory.path);
    engine = open_on(fs, false);
}

static void tear_down(void)
{
    close_well(engine, fs);
    test_directory_destroy(&directory);
}

static void back_up(void)
{
    enum status status = backup_to_path(engine, backup_path, &error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_name(status), error.text);
}

/* --- on the real disk --------------------------------------------------------------------- */

START_TEST(a_backup_keeps_its_moment)
{
    struct compaction_result result;
    put_all(engine, 0, "first");
    put_all(engine, 1, "other");
    back_up();
    put_all(engine, 0, "second");
    engine_lock(engine);
    ck_assert_int_eq(engine_clear_locked(engine, 1), STATUS_OK);
    engine_unlock(engine);
    ck_assert_int_eq(engine_compact(engine, &result), STATUS_OK);
    ck_assert_uint_gt(result.segments_removed, 0);

    struct file_system *copy_fs = open_directory(backup_path);
    struct engine *copy = open_on(copy_fs, false);
    expect_all(copy, 0, "first");
    expect_all(copy, 1, "other");
    expect_all(engine, 0, "second");
    expect_all(engine, 1, NULL);

    /* Each goes its own way, and is opened again. */
    put_all(copy, 0, "third");
    ck_assert_int_eq(engine_compact(copy, &result), STATUS_OK);
    put_all(engine, 1, "fourth");
    ck_assert_int_eq(engine_compact(engine, &result), STATUS_OK);
    close_well(copy, copy_fs);
    close_well(engine, fs);
    fs = open_directory(directory.path);
    engine = open_on(fs, false);
    copy_fs = open_directory(backup_path);
    copy = open_on(copy_fs, false);
    expect_all(copy, 0, "third");
    expect_all(copy, 1, "other");
    expect_all(engine, 0, "second");
    expect_all(engine, 1, "fourth");
    close_well(copy, copy_fs);
}
END_TEST

START_TEST(a_backup_of_a_backup)
{
    put_all(engine, 0, "first");
    back_up();
    struct file_system *copy_fs = open_directory(backup_path);
    struct engine *copy = open_on(copy_fs, false);
    char second_path[PATH_SIZE];
    (void)snprintf(second_path, sizeof(second_path), "%s/second/", directory.path);
    ck_assert_int_eq(backup_to_path(copy, second_path, &error), STATUS_OK);
    put_all(copy, 0, "second");
    close_well(copy, copy_fs);
    copy_fs = open_directory(second_path);
    copy = open_on(copy_fs, false);
    expect_all(copy, 0, "first");
    close_well(copy, copy_fs);
}
END_TEST

static bool has_checkpoint(const char *path)
{
    bool found = false;
    DIR *listing = opendir(path);
    ck_assert_ptr_nonnull(listing);
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        found = found || strstr(entry->d_name, ".index") != NULL;
    }
    (void)closedir(listing);
    return found;
}

/* It is linked, it serves the copy, and the original may go on to another. */
START_TEST(a_backup_has_the_checkpoint)
{
    put_all(engine, 0, "first");
    close_well(engine, fs);
    fs = open_directory(directory.path);
    engine = open_on(fs, false);
    ck_assert(has_checkpoint(directory.path));
    put_all(engine, 1, "other");
    back_up();
    ck_assert(has_checkpoint(backup_path));
    put_all(engine, 0, "second");
    close_well(engine, fs); /* takes another one, and removes the first */
    fs = open_directory(directory.path);
    engine = open_on(fs, false);
    struct file_system *copy_fs = open_directory(backup_path);
    struct engine *copy = open_on(copy_fs, false);
    expect_all(copy, 0, "first");
    expect_all(copy, 1, "other");
    struct engine_statistics statistics;
    engine_lock(copy);
    engine_statistics_locked(copy, &statistics);
    engine_unlock(copy);
    ck_assert_uint_lt(statistics.recovered_records, 2 * KEY_COUNT); /* the rest is in it */
    close_well(copy, copy_fs);
    expect_all(engine, 0, "second");
}
END_TEST

START_TEST(an_empty_store_is_backed_up)
{
    back_up();
    struct file_system *copy_fs = open_directory(backup_path);
    struct engine *copy = open_on(copy_fs, false);
    expect_all(copy, 0, NULL);
    close_well(copy, copy_fs);
}
END_TEST

/* The largest number among the segments in a directory. */
static unsigned long long last_number(const char *path)
{
    unsigned long long last = 0;
    DIR *listing = opendir(path);
    ck_assert_ptr_nonnull(listing);
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        unsigned long long number = strtoull(entry->d_name, NULL, 10);
        last = number > last ? number : last;
    }
    (void)closedir(listing);
    return last;
}

START_TEST(file_numbers_part)
{
    put_all(engine, 0, "first");
    back_up();
    unsigned long long shared = last_number(backup_path);
    struct file_system *copy_fs = open_directory(backup_path);
    struct engine *copy = open_on(copy_fs, false);
    put_all(copy, 0, "second");
    put_all(engine, 0, "second");
    ck_assert_uint_gt(last_number(directory.path), shared);
    ck_assert_uint_lt(last_number(directory.path), shared + 1000);
    ck_assert_uint_gt(last_number(backup_path), shared + ((uint64_t)1 << 40) - 1000);
    close_well(copy, copy_fs);
}
END_TEST

START_TEST(a_directory_that_is_not_empty_is_refused)
{
    put_all(engine, 0, "first");
    back_up();
    ck_assert_int_eq(backup_to_path(engine, backup_path, &error), STATUS_EXISTS);
    ck_assert_ptr_nonnull(strstr(error.text, "not an empty directory"));
    ck_assert_int_eq(backup_to_path(engine, directory.path, &error), STATUS_EXISTS);
    ck_assert_int_eq(backup_to_path(engine, "", &error), STATUS_INVALID);
    ck_assert_int_eq(backup_to_path(engine, "/nowhere/at/all", &error), STATUS_IO);

    char name[PATH_SIZE];
    (void)snprintf(name, sizeof(name), "%s/empty", directory.path);
    ck_assert_int_eq(mkdir(name, 0700), 0);
    char link_name[PATH_SIZE];
    (void)snprintf(link_name, sizeof(link_name), "%s/link", directory.path);
    ck_assert_int_eq(symlink(name, link_name), 0);
    ck_assert_int_eq(backup_to_path(engine, link_name, &error), STATUS_EXISTS);
    ck_assert_int_eq(backup_to_path(engine, name, &error), STATUS_OK);
    (void)snprintf(name, sizeof(name), "%s/third", directory.path);
    char partial[PATH_SIZE + 16];
    (void)snprintf(partial, sizeof(partial), "%s.partial/x", name);
    partial[strlen(partial) - 2] = '\0';
    ck_assert_int_eq(mkdir(partial, 0700), 0);
    char inside[PATH_SIZE + 32];
    (void)snprintf(inside, sizeof(inside), "%s/x", partial);
    ck_assert_int_eq(mkdir(inside, 0700), 0);
    ck_assert_int_eq(backup_to_path(engine, name, &error), STATUS_EXISTS);
    ck_assert_ptr_nonnull(strstr(error.text, "interrupted"));
    expect_all(engine, 0, "first");
}
END_TEST

static void expect_name_is_refused(const char *where, const char *name)
{
    char path[2 * PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", where, name);
    error.text[0] = '\0';
    ck_assert_msg(backup_to_path(engine, path, &error) == STATUS_INVALID, "%s: %s", path,
                  error.text);
    ck_assert_msg(strstr(error.text, "choose another name") != NULL, "%s", error.text);
}

/* A directory of such a name would keep the store from making its file. */
START_TEST(names_of_the_stores_own_files_are_refused)
{
    static const char *const names[] = {
        "MANIFEST",
        "MANIFEST.tmp",
        "LOCK",
        "RESERVE",
        "IMPORT.unfinished",
        "00000000000000000099.log",
        "00000000000000000099.pack",
        "00000000000000000099.index",
        "00000000000000000099.log.cut",
        "MANIFEST.tmp.partial",
        "00000000000000000099.log.partial",
        "MANIFEST.tmp/",
    };
    put_all(engine, 0, "first");
    char link[PATH_SIZE];
    char around[2 * PATH_SIZE];
    (void)snprintf(link, sizeof(link), "%s/link", directory.path);
    ck_assert_int_eq(symlink(directory.path, link), 0);
    fs_close(open_directory(backup_path));
    (void)snprintf(around, sizeof(around), "%s/..", backup_path);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        expect_name_is_refused(directory.path, names[i]);
        expect_name_is_refused(link, names[i]);
        expect_name_is_refused(around, names[i]);
    }
    ck_assert_int_eq(chdir(directory.path), 0);
    ck_assert_int_eq(backup_to_path(engine, "MANIFEST.tmp", &error), STATUS_INVALID);
    ck_assert_int_eq(backup_to_path(engine, "99.log", &error), STATUS_OK);
    ck_assert_int_eq(backup_to_path(engine, "backup/MANIFEST.tmp", &error), STATUS_OK);
    ck_assert_int_eq(chdir("/"), 0);

    close_well(engine, fs);
    fs = open_directory(directory.path);
    engine = open_on(fs, false);
    expect_all(engine, 0, "first");
}
END_TEST

START_TEST(another_file_system_is_refused)
{
    struct stat here;
    struct stat there;
    if (stat("/dev/shm", &there) != 0 || stat(directory.path, &here) != 0 ||
        here.st_dev == there.st_dev) {
        printf("backup_test: skipped: /dev/shm is no other file system\n");
        return;
    }
    put_all(engine, 0, "first");
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "/dev/shm/scdb-backup-test-%ld", (long)getpid());
    ck_assert_int_eq(backup_to_path(engine, path, &error), STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(error.text, "another file system"));
    ck_assert(file_posix_is_vacant(path));
    ck_assert_int_ne(stat(path, &there), 0); /* nothing is left */
    back_up();
}
END_TEST

START_TEST(the_library_backs_up)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/library", directory.path);
    struct scdb_error why;
    struct scdb *db;
    ck_assert_int_eq(scdb_open(path, NULL, &db, &why), SCDB_OK);
    ck_assert_int_eq(scdb_set(db, scdb_string("a"), scdb_string("1"), SCDB_NEVER), SCDB_OK);
    ck_assert_int_eq(scdb_backup(db, backup_path, &why), SCDB_OK);
    ck_assert_int_eq(scdb_backup(db, backup_path, &why), SCDB_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "not an empty directory"));
    ck_assert_int_eq(scdb_set(db, scdb_string("a"), scdb_string("2"), SCDB_NEVER), SCDB_OK);
    ck_assert_int_eq(scdb_close(db), SCDB_OK);

    void *value;
    struct scdb_options options = {.read_only = true};
    ck_assert_int_eq(scdb_open(backup_path, &options, &db, &why), SCDB_OK);
    ck_assert_int_eq(scdb_get(db, scdb_string("a"), &value, NULL), SCDB_OK);
    ck_assert_str_eq(value, "1");
    scdb_free(value);
    /* Whatever the name: no directory is made to find that out. */
    ck_assert_int_eq(scdb_backup(db, path, &why), SCDB_READ_ONLY);
    (void)snprintf(path, sizeof(path), "%s/none/new", directory.path);
    ck_assert_int_eq(scdb_backup(db, path, &why), SCDB_READ_ONLY);
    ck_assert_ptr_nonnull(strstr(why.text, "copy its directory instead"));
    ck_assert_int_eq(scdb_close(db), SCDB_OK);
}
END_TEST

/* --- beside writers and compactions ------------------------------------------------------- */

/* A writer that counts: key i has the round in which it was written last, and all keys are written
 * in turn. So of one moment no two of them are further apart than one round, and the later keys are
 * never ahead. */
struct writer {
    struct engine *engine;
    atomic_bool stop;
};

static void *write_rounds(void *context)
{
    struct writer *writer = context;
    for (int round = 1; !atomic_load(&writer->stop); round++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%d", round);
        for (int i = 0; i < KEY_COUNT; i++) {
            engine_lock(writer->engine);
            ck_assert_int_eq(put(writer->engine, 0, i, text), STATUS_OK);
            engine_unlock(writer->engine);
        }
        ck_assert_int_eq(engine_write(writer->engine, UINT64_MAX), STATUS_OK);
    }
    return NULL;
}

static void *compact_always(void *context)
{
    struct writer *writer = context;
    while (!atomic_load(&writer->stop)) {
        struct compaction_result result;
        ck_assert_int_eq(engine_compact(writer->engine, &result), STATUS_OK);
    }
    return NULL;
}

static int value_of(struct engine *in, int number)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%d", number);
    struct entry entry;
    ck_assert_int_eq(
        engine_find_locked(in, engine_database_locked(in, 0), slice_of_string(key), &entry),
        STATUS_OK);
    char text[32] = "";
    ck_assert_uint_lt(entry.value.size, sizeof(text));
    memcpy(text, entry.value.data, entry.value.size);
    return atoi(text);
}

static void expect_one_moment(const char *path)
{
    struct file_system *copy_fs = open_directory(path);
    struct engine *copy = open_on(copy_fs, false);
    engine_lock(copy);
    engine_verify_all_locked(copy);
    int first = value_of(copy, 0);
    int before = first;
    for (int i = 1; i < KEY_COUNT; i++) {
        int value = value_of(copy, i);
        ck_assert_msg(value == before || (before == first && value == first - 1),
                      "key:%d has %d, key:0 has %d and the one before %d", i, value, first, before);
        before = value;
    }
    engine_unlock(copy);
    close_well(copy, copy_fs);
}

START_TEST(backups_beside_writers_and_compactions)
{
    put_all(engine, 0, "0");
    close_well(engine, fs);
    fs = open_directory(directory.path);
    engine = open_on(fs, true);
    struct writer writer = {.engine = engine};
    pthread_t threads[2];
    ck_assert_int_eq(pthread_create(&threads[0], NULL, write_rounds, &writer), 0);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, compact_always, &writer), 0);
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && i < 20; i++) {
        (void)snprintf(backup_path, sizeof(backup_path), "%s/backup-%d", directory.path, i);
        status = backup_to_path(engine, backup_path, &error);
    }
    atomic_store(&writer.stop, true);
    ck_assert_int_eq(pthread_join(threads[0], NULL), 0);
    ck_assert_int_eq(pthread_join(threads[1], NULL), 0);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_name(status), error.text);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(backup_path, sizeof(backup_path), "%s/backup-%d", directory.path, i);
        expect_one_moment(backup_path);
    }
}
END_TEST

/* --- on the simulated disk ---------------------------------------------------------------- */

static void count_name(void *context, const char *name)
{
    (void)name;
    (*(unsigned *)context)++;
}

/* A store with a checkpoint, with records that are durable, and with others that are not. */
static struct engine *fill(struct file_system *mount)
{
    struct engine *in = open_on(mount, false);
    put_all(in, 0, "zeroth");
    ck_assert_int_eq(engine_close(in), STATUS_OK);
    in = open_on(mount, false);
    put_all(in, 0, "first");
    ck_assert_int_eq(engine_sync(in), STATUS_OK);
    engine_tick(in);
    put_all(in, 1, "other");
    return in;
}

/* What a backup that was interrupted has left: nothing, or no store, or all. True: all. */
static bool look_at_backup(struct sim_disk *disk)
{
    struct file_system *to = sim_disk_mount_directory(disk, "backup");
    unsigned count = 0;
    bool is_whole = false;
    ck_assert_int_eq(fs_list(to, count_name, &count), STATUS_OK);
    if (count > 0) {
        struct engine_options options = {
            .fs = to, .database_count = 2, .segment_size = 4096, .without_threads = true};
        struct engine *copy;
        enum status status = engine_open(&options, &copy, &error);
        is_whole = status == STATUS_OK;
        if (is_whole) {
            expect_all(copy, 0, "first");
            expect_all(copy, 1, "other");
            put_all(copy, 0, "second");
            ck_assert_int_eq(engine_close(copy), STATUS_OK);
        } else {
            ck_assert_msg(status == STATUS_CORRUPT && strstr(error.text, "MANIFEST") != NULL,
                          "%s: %s", status_name(status), error.text);
        }
    }
    fs_close(to);
    return is_whole;
}

/* How a backup ends before its time. */
enum end {
    END_POWER_CUT,
    END_KILL,
    END_ONE_NAME_LOST, /* a power cut again: a manifest whose files are not all there is met so */
    END_ONE_NAME_KEPT  /* and so a file that has lost all others */
};

/* ThreadSanitizer learns nothing from one thread. */
#if defined(__SANITIZE_THREAD__)
#define END_LAST END_POWER_CUT
#else
#define END_LAST END_ONE_NAME_KEPT
#endif

static void restart(struct sim_disk *disk, enum end end)
{
    if (end == END_ONE_NAME_LOST || end == END_ONE_NAME_KEPT) {
        sim_disk_restart_losing(disk, SIM_LOSS_NONE,
                                end == END_ONE_NAME_LOST ? SIM_LOSS_ONE : SIM_LOSS_ALL_BUT_ONE);
    } else {
        sim_disk_restart(disk, end == END_KILL ? SIM_KILL : SIM_POWER_CUT);
    }
}

/* One backup during which the power is cut, or the process killed, at the call `step`. False: it
 * came to its end before. */
static bool crash_at(uint64_t seed, uint64_t step, enum end end, unsigned *whole)
{
    struct sim_disk *disk = sim_disk_create(seed);
    struct file_system *mount = sim_disk_mount(disk);
    struct engine *in = fill(mount);
    struct file_system *to = sim_disk_mount_directory(disk, "backup");
    sim_disk_crash_after(disk, step);
    enum status status = backup_run(in, to, &error);
    bool crashed = sim_disk_crashed(disk);
    ck_assert_msg(crashed || status == STATUS_OK, "%s", error.text);
    (void)engine_close(in);
    fs_close(mount);
    fs_close(to);
    restart(disk, end);

    bool is_whole = look_at_backup(disk);
    *whole += is_whole;
    ck_assert(is_whole || status != STATUS_OK); /* what was reported is there */
    mount = sim_disk_mount(disk);
    in = open_on(mount, false);
    expect_all(in, 0, "first");
    close_well(in, mount);
    sim_disk_destroy(disk);
    return crashed;
}

/* Crashes at each call that changes the disk; returns how many they were. */
static unsigned crash_everywhere(struct test_random *random, enum end end, unsigned *whole)
{
    unsigned crashes = 0;
    while (crash_at(test_random_next(random), crashes + 1, end, whole)) {
        crashes++;
    }
    return crashes;
}

START_TEST(crashes_leave_all_or_no_store)
{
    const unsigned name_rounds = test_scale() < 1 ? 1 : 8; /* chance says which name it is */
    const unsigned rounds[] = {[END_POWER_CUT] = 1,
                               [END_KILL] = 1,
                               [END_ONE_NAME_LOST] = name_rounds,
                               [END_ONE_NAME_KEPT] = name_rounds};
    struct test_random random;
    test_random_init(&random, test_seed("backup_test"));
    unsigned whole = 0;
    unsigned crashes = 0;
    for (enum end end = 0; end <= END_LAST; end++) {
        for (unsigned round = 0; round < rounds[end]; round++) {
            crashes += crash_everywhere(&random, end, &whole);
        }
    }
    printf("backup_test: %u crashes, %u whole backups\n", crashes, whole);
    ck_assert_uint_gt(crashes, 40);
    ck_assert_uint_gt(whole, END_LAST); /* each has a run without a crash */
    ck_assert_uint_lt(whole, crashes / 2);
}
END_TEST

struct waiting_backup {
    struct engine *engine;
    struct file_system *to;
    atomic_bool has_begun;
    enum status status;
};

static void *run_backup(void *context)
{
    struct waiting_backup *backup = context;
    atomic_store(&backup->has_begun, true);
    backup->status = backup_run(backup->engine, backup->to, &error);
    return NULL;
}

/* Somebody who writes the manifest, until he is told to end. */
struct manifest_holder {
    struct engine *engine;
    atomic_bool has_begun;
    atomic_bool may_end;
};

static void *hold_manifest(void *context)
{
    struct manifest_holder *holder = context;
    mutex_lock(&holder->engine->manifest_mutex);
    atomic_store(&holder->has_begun, true);
    while (!atomic_load(&holder->may_end)) {
        usleep(100);
    }
    mutex_unlock(&holder->engine->manifest_mutex);
    return NULL;
}

static void wait_until(const atomic_bool *flag)
{
    while (!atomic_load(flag)) {
        usleep(100);
    }
}

/* Who holds the manifest's mutex waits for the disk. Here nobody waits for that but the backup: a
 * test that hangs has found otherwise. */
START_TEST(others_go_on_while_the_manifest_is_written)
{
    struct sim_disk *disk = sim_disk_create(1);
    struct file_system *mount = sim_disk_mount(disk);
    struct engine *in = fill(mount);
    struct waiting_backup backup = {.engine = in, .to = sim_disk_mount_directory(disk, "backup")};
    struct manifest_holder holder = {.engine = in};
    pthread_t threads[2];
    ck_assert_int_eq(log_stock_ensure(in), STATUS_OK); /* the backup needs no manifest for that */
    ck_assert_int_eq(pthread_create(&threads[0], NULL, hold_manifest, &holder), 0);
    wait_until(&holder.has_begun);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, run_backup, &backup), 0);
    wait_until(&backup.has_begun);
    for (int i = 0; i < 100; i++) {
        usleep(100);
        engine_lock(in);
        ck_assert(has(in, 0, i, "first"));
        engine_unlock(in);
    }
    atomic_store(&holder.may_end, true);
    ck_assert_int_eq(pthread_join(threads[0], NULL), 0);
    ck_assert_int_eq(pthread_join(threads[1], NULL), 0);
    ck_assert_int_eq(backup.status, STATUS_OK);
    fs_close(backup.to);
    close_well(in, mount);
    sim_disk_destroy(disk);
}
END_TEST

/* Each kind of call fails once, at each place: an error, nothing left, and the store goes on,
 * unless it was its own directory that could not be synced. */
START_TEST(failures_leave_nothing)
{
    static const enum sim_call calls[] = {SIM_LINK, SIM_SYNC_DIRECTORY, SIM_CREATE, SIM_RENAME};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        bool has_failed = true;
        for (uint64_t n = 1; has_failed; n++) {
            struct sim_disk *disk = sim_disk_create(n);
            struct file_system *mount = sim_disk_mount(disk);
            struct engine *in = fill(mount);
            struct file_system *to = sim_disk_mount_directory(disk, "backup");
            sim_disk_fail(disk, calls[i], n, 1, STATUS_DISK_FULL);
            enum status status = backup_run(in, to, &error);
            ck_assert_msg(status != STATUS_CORRUPT, "%s", error.text); /* that would be for good */
            has_failed = status != STATUS_OK;
            sim_disk_fail(disk, calls[i], 0, 0, STATUS_DISK_FULL);
            unsigned count = 0;
            ck_assert_int_eq(fs_list(to, count_name, &count), STATUS_OK);
            ck_assert_msg(!has_failed || count == 0, "%u files are left after failure %llu of %s",
                          count, (unsigned long long)n, sim_call_name(calls[i]));
            if (atomic_load(&mount->names_lost)) { /* of the store's own directory: for good */
                ck_assert_int_eq(engine_sync(in), STATUS_WRITES_STOPPED);
                ck_assert_int_eq(engine_close(in), STATUS_WRITES_STOPPED);
                fs_close(mount);
            } else {
                put_all(in, 0, "second");
                expect_all(in, 0, "second");
                close_well(in, mount);
            }
            fs_close(to);
            sim_disk_destroy(disk);
        }
    }
}
END_TEST

/* --- who removes files meanwhile ---------------------------------------------------------- */

/* One thread stands for two: where it can have what holds back those who remove files, they could
 * have gone on at that moment. */
struct remover {
    struct engine *engine;
    bool takes_checkpoint; /* which removes the one before; else a compaction removes its victims */
    bool is_at_work;
    unsigned links;
    unsigned moments; /* at which files could go */
    unsigned removals;
};

static bool may_remove(struct remover *remover)
{
    bool is_free = mutex_try_lock(&remover->engine->removal_mutex);
    if (is_free) {
        mutex_unlock(&remover->engine->removal_mutex);
    }
    return is_free;
}

static void remove_files(struct remover *remover)
{
    remover->is_at_work = true;
    if (remover->takes_checkpoint) {
        ck_assert_int_eq(checkpoint_take(remover->engine, false), STATUS_OK);
    } else {
        struct compaction_result result;
        ck_assert_int_eq(engine_compact(remover->engine, &result), STATUS_OK);
    }
    remover->is_at_work = false;
}

/* What the manifest may have listed goes only where no backup can be linking it. */
static void check_removal(struct remover *remover, const struct sim_step *step)
{
    if (step->call == SIM_REMOVE && strcmp(step->name, MANIFEST_TEMPORARY_NAME) != 0) {
        remover->removals++;
        ck_assert_msg(!may_remove(remover), "%s goes, whoever links it", step->name);
    }
}

/* Before each call of a backup that changes the disk. */
static void remove_meanwhile(void *context, const struct sim_step *step)
{
    struct remover *remover = context;
    if (remover->is_at_work) {
        check_removal(remover, step);
        return;
    }
    remover->moments += may_remove(remover) ? 1 : 0;
    if (step->call == SIM_LINK && remover->links++ == 0 && remover->moments > 0) {
        remove_files(remover);
    }
}

/* Rule 14 of docs/durability.md: from the moment of a backup to its last link no file goes. */
START_TEST(no_file_goes_while_a_backup_links)
{
    struct sim_disk *disk = sim_disk_create(1);
    struct file_system *mount = sim_disk_mount(disk);
    struct engine *in = fill(mount);
    struct file_system *to = sim_disk_mount_directory(disk, "backup");
    struct remover remover = {.engine = in, .takes_checkpoint = _i == 1};
    sim_disk_set_witness(disk, remove_meanwhile, &remover);
    enum status status = backup_run(in, to, &error);
    ck_assert_msg(status == STATUS_OK, "%s: %s", status_name(status), error.text);
    ck_assert_uint_gt(remover.links, 2);
    ck_assert_uint_eq(remover.moments, 0);
    remove_files(&remover); /* there was something to remove */
    ck_assert_uint_gt(remover.removals, 0);
    sim_disk_set_witness(disk, NULL, NULL);
    fs_close(to);
    ck_assert(look_at_backup(disk));
    close_well(in, mount);
    sim_disk_destroy(disk);
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("backup");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, a_backup_keeps_its_moment);
    tcase_add_test(tests, a_backup_of_a_backup);
    tcase_add_test(tests, a_backup_has_the_checkpoint);
    tcase_add_test(tests, an_empty_store_is_backed_up);
    tcase_add_test(tests, file_numbers_part);
    tcase_add_test(tests, a_directory_that_is_not_empty_is_refused);
    tcase_add_test(tests, names_of_the_stores_own_files_are_refused);
    tcase_add_test(tests, another_file_system_is_refused);
    tcase_add_test(tests, the_library_backs_up);
    tcase_add_test(tests, backups_beside_writers_and_compactions);
    tcase_add_test(tests, crashes_leave_all_or_no_store);
    tcase_add_test(tests, others_go_on_while_the_manifest_is_written);
    tcase_add_test(tests, failures_leave_nothing);
    tcase_add_loop_test(tests, no_file_goes_while_a_backup_links, 0, 2);
    return test_run("backup", tests);
}
