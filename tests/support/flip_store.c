/* flip_store.c - see flip_store.h. */
#include "support/flip_store.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "support/sim_disk.h"
#include "support/test_directory.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT_SIZE 8192
#define FAR_MS       ((int64_t)86400 * 365 * 1000)
#define PATH_SIZE    (TEST_DIRECTORY_PATH_SIZE + FILE_NAME_SIZE_MAX + 2)

const char *const flip_verdict_names[FLIP_VERDICTS] = {
    [FLIP_HARMLESS] = "harmless",
    [FLIP_UNREADABLE] = "unreadable key",
    [FLIP_REFUSED] = "refused to open",
    [FLIP_WRONG_VALUE] = "WRONG VALUE SERVED",
    [FLIP_GONE] = "KEY SILENTLY GONE",
    [FLIP_REVIVED] = "DEAD KEY BACK",
    [FLIP_MUTE] = "REFUSED WITHOUT SAYING WHERE",
};

/* --- what is written ---------------------------------------------------------------------- */

/* The history runs twice: against the engine, and for the values alone (engine == NULL). */
struct writer {
    struct engine *engine;
    struct flip_store *store;
    uint32_t next_seed;
};

static struct slice key_of(unsigned key, char *text)
{
    int size = snprintf(text, 16, "key:%u", key);
    return slice_make(text, (size_t)size);
}

static void fill_value(const struct flip_value *value, uint8_t *into)
{
    uint32_t state = value->seed;
    for (size_t i = 0; i < value->size; i++) {
        state = state * 1664525u + 1013904223u;
        into[i] = (uint8_t)(state >> 24);
    }
}

static void put_until(struct writer *writer, unsigned database, unsigned key, size_t size,
                      int64_t expiry_ms)
{
    struct flip_value value = {.is_there = true, .seed = ++writer->next_seed, .size = size};
    if (writer->engine != NULL) {
        char text[16];
        uint8_t *bytes = malloc(size + 1);
        CHECK(bytes != NULL);
        fill_value(&value, bytes);
        struct slice part = slice_make(bytes, size);
        struct engine_value put = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
        CHECK(engine_put_locked(writer->engine, engine_database_locked(writer->engine, database),
                                key_of(key, text), &put) == STATUS_OK);
        free(bytes);
    }
    writer->store->values[database][key] = value;
}

static void put(struct writer *writer, unsigned database, unsigned key, size_t size)
{
    put_until(writer, database, key, size, EXPIRY_NONE);
}

static void delete_key(struct writer *writer, unsigned database, unsigned key)
{
    if (writer->engine != NULL) {
        char text[16];
        CHECK(engine_delete_locked(writer->engine, engine_database_locked(writer->engine, database),
                                   key_of(key, text)) == STATUS_OK);
    }
    writer->store->values[database][key].is_there = false;
}

/* A key whose time has come before anybody looks. */
static void put_expired(struct writer *writer, unsigned database, unsigned key)
{
    put_until(writer, database, key, 20, clock_unix_ms() + 1);
    writer->store->values[database][key].is_there = false;
}

static void clear(struct writer *writer, unsigned database)
{
    if (writer->engine != NULL) {
        CHECK(engine_clear_locked(writer->engine, database) == STATUS_OK);
    }
    memset(writer->store->values[database], 0, sizeof(writer->store->values[database]));
}

static void swap(struct writer *writer, unsigned a, unsigned b)
{
    if (writer->engine != NULL) {
        CHECK(engine_swap_locked(writer->engine, a, b) == STATUS_OK);
    }
    for (unsigned key = 0; key < FLIP_KEYS; key++) {
        struct flip_value value = writer->store->values[a][key];
        writer->store->values[a][key] = writer->store->values[b][key];
        writer->store->values[b][key] = value;
    }
}

static void begin_group(struct writer *writer)
{
    if (writer->engine != NULL) {
        engine_group_begin_locked(writer->engine);
    }
}

static void end_group(struct writer *writer)
{
    if (writer->engine != NULL) {
        engine_group_end_locked(writer->engine);
    }
}

/* What the packed segment will be made of. */
static void write_old(struct writer *writer)
{
    for (unsigned key = 0; key < FLIP_KEYS; key++) {
        put(writer, key % 3, key, 10 + (size_t)key * 17);
        put(writer, 3, key, 30);
    }
    for (unsigned key = 0; key < 12; key++) {
        put(writer, key % 3, key, (size_t)key * 23);
    }
    delete_key(writer, 0, 3);
    delete_key(writer, 1, 4);
    put_expired(writer, 0, 1);
    clear(writer, 3);
    put(writer, 2, 20, FLIP_VALUE_MAX);
}

static void write_new(struct writer *writer)
{
    begin_group(writer);
    for (unsigned key = 0; key < 6; key++) {
        put(writer, 3, key, 40);
    }
    delete_key(writer, 0, 6);
    end_group(writer);
    swap(writer, 1, 3);
    put_until(writer, 0, 7, 25, clock_unix_ms() + FAR_MS);
    put_expired(writer, 2, 2);
    put(writer, 2, 23, 0);
    delete_key(writer, 3, 7);
    put(writer, 0, 0, 2000);
}

/* The end, which nothing follows: the last bytes of the log. */
static void write_last(struct writer *writer)
{
    put(writer, 0, 9, 33);
    delete_key(writer, 3, 10);
    begin_group(writer);
    put(writer, 1, 14, 50);
    put(writer, 2, 14, 60);
    end_group(writer);
}

/* --- who writes it ------------------------------------------------------------------------ */

static void run(struct writer *writer, void (*write)(struct writer *))
{
    if (writer->engine != NULL) {
        engine_lock(writer->engine);
    }
    write(writer);
    if (writer->engine != NULL) {
        engine_unlock(writer->engine);
        CHECK(engine_write(writer->engine, UINT64_MAX) == STATUS_OK);
    }
}

static bool is_all_durable(struct engine *engine)
{
    struct engine_statistics statistics;
    engine_lock(engine);
    engine_statistics_locked(engine, &statistics);
    engine_unlock(engine);
    return statistics.durable_position >= statistics.payload_position;
}

/* Ends by itself: with a clean stop, or with kill -9. */
__attribute__((noreturn)) static void live(const char *path, enum flip_end end)
{
    struct flip_store unused = {.file_count = 0};
    struct writer writer = {.store = &unused};
    struct error error;
    struct compaction_result result;
    struct engine_options options = {.database_count = FLIP_DATABASES,
                                     .segment_size = SEGMENT_SIZE,
                                     .sync_policy = SYNC_EVERYSEC};
    CHECK(file_posix_open_directory(path, &options.fs, &error) == STATUS_OK);
    CHECK(engine_open(&options, &writer.engine, &error) == STATUS_OK);
    run(&writer, write_old);
    CHECK(engine_compact(writer.engine, &result) == STATUS_OK && result.copied_bytes > 0);
    run(&writer, write_new);
    CHECK(engine_sync(writer.engine) == STATUS_OK);
    run(&writer, write_last);
    if (end == FLIP_CLEAN_STOP) {
        CHECK(engine_close(writer.engine) == STATUS_OK);
        _exit(0);
    }
    int64_t written_ms = clock_monotonic_ms();
    /* On a slow machine the sync may come later. */
    while (clock_monotonic_ms() < written_ms + FLIP_IDLE_MS || !is_all_durable(writer.engine)) {
        (void)usleep(10000);
    }
    (void)raise(SIGKILL);
    abort();
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct flip_file *)a)->name, ((const struct flip_file *)b)->name);
}

static void read_file(const char *directory, struct flip_file *file)
{
    char path[PATH_SIZE];
    struct stat about;
    (void)snprintf(path, sizeof(path), "%s/%s", directory, file->name);
    FILE *in = fopen(path, "rb");
    CHECK(in != NULL && fstat(fileno(in), &about) == 0);
    file->size = (size_t)about.st_size;
    file->bytes = malloc(file->size + 1);
    CHECK(file->bytes != NULL && fread(file->bytes, 1, file->size, in) == file->size);
    (void)fclose(in);
}

static void read_files(const char *path, struct flip_store *store)
{
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            CHECK(store->file_count < FLIP_FILES_MAX && strlen(entry->d_name) < FILE_NAME_SIZE_MAX);
            struct flip_file *file = &store->files[store->file_count++];
            memcpy(file->name, entry->d_name, strlen(entry->d_name) + 1);
            read_file(path, file);
        }
    }
    (void)closedir(directory);
    qsort(store->files, store->file_count, sizeof(store->files[0]), compare_names);
}

void flip_store_make(struct flip_store *store, enum flip_end end)
{
    *store = (struct flip_store){.file_count = 0};
    struct test_directory directory = {""};
    test_directory_create(&directory);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        live(directory.path, end);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(end == FLIP_CLEAN_STOP ? WIFEXITED(status) && WEXITSTATUS(status) == 0
                                 : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    read_files(directory.path, store);
    test_directory_destroy(&directory);
    struct writer writer = {.store = store};
    run(&writer, write_old);
    run(&writer, write_new);
    run(&writer, write_last);
}

void flip_store_destroy(struct flip_store *store)
{
    for (size_t i = 0; i < store->file_count; i++) {
        free(store->files[i].bytes);
    }
    *store = (struct flip_store){.file_count = 0};
}

/* --- what is found ------------------------------------------------------------------------ */

static void load_files(const struct flip_store *store, struct file_system *fs, size_t flipped,
                       size_t offset, uint8_t mask)
{
    for (size_t i = 0; i < store->file_count; i++) {
        const struct flip_file *from = &store->files[i];
        struct file *file;
        CHECK(fs_open(fs, from->name, FILE_MODE_CREATE, &file) == STATUS_OK);
        if (from->size > 0) {
            from->bytes[i == flipped ? offset : 0] ^= i == flipped ? mask : 0;
            struct slice part = slice_make(from->bytes, from->size);
            CHECK(file_write(file, 0, &part, 1) == STATUS_OK);
            from->bytes[i == flipped ? offset : 0] ^= i == flipped ? mask : 0;
        }
        CHECK(file_sync(file) == STATUS_OK);
        file_close(file);
    }
    CHECK(fs_sync_directory(fs) == STATUS_OK);
}

static enum flip_verdict look_at_key(struct engine *engine, unsigned database, unsigned key,
                                     const struct flip_value *value)
{
    char text[16];
    struct entry entry;
    enum status status = engine_find_locked(engine, engine_database_locked(engine, database),
                                            key_of(key, text), &entry);
    if (status == STATUS_NOT_FOUND) {
        return value->is_there ? FLIP_GONE : FLIP_HARMLESS;
    }
    if (status == STATUS_OK) {
        status = engine_verify_locked(engine, &entry, 0, SIZE_MAX);
    }
    if (status != STATUS_OK) {
        return FLIP_UNREADABLE;
    }
    static uint8_t expected[FLIP_VALUE_MAX];
    fill_value(value, expected);
    bool is_right = entry.value.size == value->size &&
                    (value->size == 0 || memcmp(entry.value.data, expected, value->size) == 0);
    if (!value->is_there) {
        return FLIP_REVIVED;
    }
    return is_right ? FLIP_HARMLESS : FLIP_WRONG_VALUE;
}

static enum flip_verdict look_at_keys(const struct flip_store *store, struct engine *engine,
                                      const char *when, char *words)
{
    enum flip_verdict worst = FLIP_HARMLESS;
    engine_lock(engine);
    for (unsigned database = 0; database < FLIP_DATABASES; database++) {
        for (unsigned key = 0; key < FLIP_KEYS; key++) {
            enum flip_verdict verdict =
                look_at_key(engine, database, key, &store->values[database][key]);
            if (verdict > worst) {
                worst = verdict;
                (void)snprintf(words, FLIP_KEPT_WORDS, "database %u, key:%u, %s", database, key,
                               when);
            }
        }
    }
    engine_unlock(engine);
    return worst;
}

/* Who repairs the store must be sent to the right file. */
static bool says_where(const char *text, const char *name)
{
    return strstr(text, name) != NULL && strstr(text, "offset") != NULL;
}

/* `name`: the file that has the flip. */
static enum flip_verdict open_and_look(const struct flip_store *store, struct file_system *fs,
                                       const char *name, const char *when, char *words)
{
    struct engine *engine;
    struct error error = {""};
    struct compaction_result result;
    struct engine_options options = {.fs = fs,
                                     .database_count = FLIP_DATABASES,
                                     .segment_size = SEGMENT_SIZE,
                                     .sync_policy = SYNC_EVERYSEC,
                                     .without_threads = true};
    if (engine_open(&options, &engine, &error) != STATUS_OK) {
        (void)snprintf(words, FLIP_KEPT_WORDS, "%s: %s", when, error.text);
        return says_where(error.text, name) ? FLIP_REFUSED : FLIP_MUTE;
    }
    enum flip_verdict before = look_at_keys(store, engine, when, words);
    enum status status = engine_compact(engine, &result);
    (void)status; /* it leaves damaged files alone; what counts is what is there afterwards */
    char later[64];
    (void)snprintf(later, sizeof(later), "%s and a compaction", when);
    enum flip_verdict after = look_at_keys(store, engine, later, words);
    (void)engine_close(engine);
    return before > after ? before : after;
}

enum flip_verdict flip_store_look(const struct flip_store *store, size_t file, size_t offset,
                                  uint8_t mask, char *words)
{
    words[0] = '\0';
    const char *name = store->files[file].name;
    struct sim_disk *disk = sim_disk_create(1);
    struct file_system *fs = sim_disk_mount(disk);
    load_files(store, fs, file, offset, mask);
    enum flip_verdict verdict = open_and_look(store, fs, name, "after the flip", words);
    if (verdict < FLIP_REFUSED) {
        enum flip_verdict again = open_and_look(store, fs, name, "at the next start", words);
        verdict = again > verdict ? again : verdict;
    }
    fs_close(fs);
    sim_disk_destroy(disk);
    return verdict;
}
