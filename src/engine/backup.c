/* backup.c - see backup.h; docs/durability.md has the rules of ordering. */
#include "engine/backup.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/checkpoint.h"
#include "engine/engine_state.h"
#include "engine/mutant.h"
#include "engine/store_name.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define PARTIAL ".partial"

/* The copy's file numbers go on this far behind the original's, and by chance up to twice as far:
 * two copies of one store part, too. */
#define NUMBER_GAP ((uint64_t)1 << 40)

/* --- the moment --------------------------------------------------------------------------- */

/* Rule 11 of docs/durability.md, between the store and its copy. */
static uint64_t number_gap_locked(struct engine *engine)
{
    uint64_t chance = 0;
    bool is_repeatable = engine->options.random_seed != 0;
    if (is_repeatable || getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance)) {
        chance = random_next(&engine->random_state);
    }
    return NUMBER_GAP + chance % NUMBER_GAP;
}

/* Where the segments end that are full, but that the manifest has not been told of yet. */
static void note_ends_locked(struct engine *engine, const struct manifest *copy)
{
    size_t handle = 0;
    const struct segment *segment;
    while ((segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        struct manifest_file *entry = segment->sealed ? NULL : manifest_find(copy, segment->number);
        if (entry != NULL && segment->closed && segment->end > 0) {
            entry->end = segment->end;
            entry->first_sequence = segment->first_sequence;
            entry->last_sequence = segment->last_sequence;
        }
    }
}

/* What is left without an end has never been used. */
static void drop_unused(struct manifest *copy)
{
    for (size_t i = copy->file_count; i > 0; i--) {
        if (copy->files[i - 1].end == 0) {
            manifest_drop(copy, copy->files[i - 1].number);
        }
    }
}

/* So often it is looked whether both locks can be had. */
#define LOCKS_PAUSE_US 200

/* Makes what the roll wants: a segment in stock, and an end of the log between groups. */
static enum status prepare_roll(struct engine *engine)
{
    enum status status = log_stock_ensure(engine);
    mutex_lock(&engine->lock);
    CHECK(engine->appender.group_depth == 0);
    if (status == STATUS_OK && engine->appender.group_open) {
        status = appender_close_group_locked(engine);
    }
    mutex_unlock(&engine->lock);
    return status;
}

static bool may_roll_locked(const struct engine *engine)
{
    const struct appender *appender = &engine->appender;
    return !appender->group_open && (appender->active->end == 0 || engine->stock.count > 0);
}

/*
 * Takes the execution lock and the manifest's mutex, when the roll needs no further mutex. Who has
 * the latter waits for the disk, so nobody may wait for it under the lock; and since the lock is
 * the outer one, it is only tried.
 */
static enum status take_both(struct engine *engine) NO_THREAD_SAFETY_ANALYSIS
{
    for (;;) {
        enum status status = prepare_roll(engine);
        if (status != STATUS_OK) {
            return status;
        }
        mutex_lock(&engine->manifest_mutex);
        if (mutex_try_lock(&engine->lock)) {
            if (may_roll_locked(engine)) {
                return STATUS_OK;
            }
            mutex_unlock(&engine->lock);
        }
        mutex_unlock(&engine->manifest_mutex);
        clock_sleep_us(LOCKS_PAUSE_US);
    }
}

/*
 * The manifest of the copy. Under the lock nothing is appended and no manifest replaced, so it
 * lists exactly what a recovery would find if the process ended now, with the whole log written.
 * Compactions make their reasons durable before they replace the manifest (rule 5), so what they
 * have left out is not missing here.
 */
static enum status take_manifest(struct engine *engine,
                                 struct manifest *copy) NO_THREAD_SAFETY_ANALYSIS
{
    enum status status = take_both(engine);
    if (status != STATUS_OK) {
        return status;
    }
    status = appender_roll_locked(engine);
    if (status == STATUS_OK) {
        status = manifest_copy(&engine->manifest, copy);
    }
    mutex_unlock(&engine->manifest_mutex);
    if (status == STATUS_OK) {
        note_ends_locked(engine, copy);
        drop_unused(copy);
        copy->durable = engine->appender.place;
        copy->next_sequence = engine->appender.next_sequence;
        copy->next_file_number += number_gap_locked(engine);
    }
    mutex_unlock(&engine->lock);
    return status;
}

/* --- the copy ----------------------------------------------------------------------------- */

static void segment_name(const struct manifest_file *file, char *name)
{
    segment_file_name(file->kind, file->number, name);
}

/* Is what now has the segment's name in `fs` the segment? CORRUPT: not, or it is cut off. */
static enum status look_at(const struct engine *engine, struct file_system *fs,
                           const struct manifest_file *entry, const char *name)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    struct segment_header header;
    size_t got = 0;
    uint64_t size = 0;
    struct file *file;
    enum status status = fs_open(fs, name, FILE_MODE_READ, &file);
    if (status != STATUS_OK) {
        return status;
    }
    status = file_size(file, &size);
    if (status == STATUS_OK) {
        status = file_read(file, 0, bytes, sizeof(bytes), &got);
    }
    file_close(file);
    if (status == STATUS_OK && (size < entry->end || got < sizeof(bytes))) {
        return STATUS_CORRUPT;
    }
    return status == STATUS_OK
               ? segment_header_decode(bytes, engine->store_id, entry->number, &header)
               : status;
}

/* What somebody has done to a file that the server has open shows when it is linked by its name: a
 * copy of such a one would be no backup, and not even start. */
static enum status link_segment(struct engine *engine, struct file_system *to,
                                const struct manifest_file *entry, struct error *error)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_name(entry, name);
    enum status status = fs_link(engine->fs, name, to);
    bool is_gone =
        status == STATUS_NOT_FOUND && look_at(engine, engine->fs, entry, name) == STATUS_NOT_FOUND;
    if (status == STATUS_OK) {
        status = look_at(engine, to, entry, name);
    }
    if (!is_gone && status != STATUS_CORRUPT) {
        return status;
    }
    (void)error_set(error, STATUS_CORRUPT,
                    "can't make the backup: the store's file %s %s. Another program has done that, "
                    "or the disk: put the file back, or bring the keys that can still be read to "
                    "another server (MIGRATE) before this one is stopped",
                    name, is_gone ? "is missing" : "is cut off, or another has come in its place");
    LOG_WARNING("%s", error->text);
    return STATUS_CORRUPT;
}

/* Rule 14: the names of the files are durable before the manifest that lists them. */
static enum status link_files(struct engine *engine, struct file_system *to, struct manifest *copy,
                              struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < copy->file_count; i++) {
        status = link_segment(engine, to, &copy->files[i], error);
    }
    if (status == STATUS_OK && copy->checkpoint_file != 0) {
        char name[FILE_NAME_SIZE_MAX];
        checkpoint_file_name(copy->checkpoint_file, name);
        status = fs_link(engine->fs, name, to);
    }
    if (status == STATUS_OK && !MUTANT(BACKUP_NAMES_UNSYNCED)) {
        status = fs_sync_directory(to);
    }
    return status == STATUS_OK ? manifest_write(to, copy) : status;
}

/* False: it is still there, perhaps. */
static bool remove_link(struct file_system *to, const char *name)
{
    enum status status = fs_remove(to, name);
    return status == STATUS_OK || status == STATUS_NOT_FOUND;
}

/* The manifest first: without it the rest is no store. Where a sync of the directory has failed no
 * order can be had any more: a manifest that stays then lists files which are not there, and a
 * store like that is refused, too. */
static void remove_links(struct file_system *to, const struct manifest *copy)
{
    char name[FILE_NAME_SIZE_MAX];
    checkpoint_file_name(copy->checkpoint_file, name);
    enum status status = fs_remove(to, MANIFEST_NAME);
    if (status == STATUS_OK && !atomic_load(&to->names_lost)) {
        status = fs_sync_directory(to);
    }
    bool goes_on = (status == STATUS_OK || status == STATUS_NOT_FOUND) &&
                   remove_link(to, MANIFEST_TEMPORARY_NAME) && remove_link(to, name);
    for (size_t i = 0; goes_on && i < copy->file_count; i++) {
        segment_name(&copy->files[i], name);
        goes_on = remove_link(to, name);
    }
}

/* Rule 14: from the moment to the last link no file of the store goes. */
static enum status copy_store(struct engine *engine, struct file_system *to, struct manifest *copy,
                              struct error *error)
{
    if (!MUTANT(BACKUP_HOLDS_NOBODY)) {
        mutex_lock(&engine->removal_mutex);
    }
    enum status status = take_manifest(engine, copy);
    if (status == STATUS_OK && !MUTANT(BACKUP_LOG_UNSYNCED)) {
        status = engine_sync(engine);
    }
    if (status == STATUS_OK) {
        status = link_files(engine, to, copy, error);
    }
    if (!MUTANT(BACKUP_HOLDS_NOBODY)) {
        mutex_unlock(&engine->removal_mutex);
    }
    return status;
}

/* --- all together ------------------------------------------------------------------------- */

static void count_name(void *context, const char *name)
{
    (void)name;
    (*(size_t *)context)++;
}

static enum status check_store(const struct engine *engine, struct error *error)
{
    if (engine_is_read_only(engine)) {
        return error_set(error, STATUS_READ_ONLY,
                         "the store was opened read-only, and nobody changes it: copy its "
                         "directory instead");
    }
    return STATUS_OK;
}

static enum status check_target(struct file_system *to, struct error *error)
{
    size_t count = 0;
    enum status status = fs_list(to, count_name, &count);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't list the backup's directory: %s",
                         status_words(status));
    }
    if (count > 0) {
        return error_set(error, STATUS_EXISTS,
                         "the backup's directory is not empty; choose another, or remove it");
    }
    return STATUS_OK;
}

/* `copy` becomes what was made, or what a failure may have left. */
static enum status make(struct engine *engine, struct file_system *to, struct manifest *copy,
                        struct error *error)
{
    enum status status = check_target(to, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = copy_store(engine, to, copy, error);
    if (status != STATUS_OK) {
        remove_links(to, copy);
    }
    if (status == STATUS_INVALID) {
        return error_set(error, status,
                         "the backup's directory is on another file system than the store, where "
                         "its files can't be linked; back up to one beside the store, and copy "
                         "that");
    }
    return status == STATUS_OK || status == STATUS_CORRUPT
               ? status
               : error_set(error, status, "can't make the backup: %s; the log says more",
                           status_words(status));
}

enum status backup_run(struct engine *engine, struct file_system *to, struct error *error)
{
    struct manifest copy;
    manifest_init(&copy);
    enum status status = check_store(engine, error);
    if (status == STATUS_OK) {
        status = make(engine, to, &copy, error);
    }
    manifest_deinit(&copy);
    return status;
}

/* --- on the real disk --------------------------------------------------------------------- */

/* "b/" -> "b" and "b.partial". */
static enum status name_directories(const char *path, char *whole, char *partial,
                                    struct error *error)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (size == 0 || size + sizeof(PARTIAL) > PATH_MAX) {
        return error_set(error, STATUS_INVALID, "the name of the backup's directory is %s",
                         size == 0 ? "empty" : "too long");
    }
    (void)snprintf(whole, PATH_MAX, "%.*s", (int)size, path);
    (void)snprintf(partial, PATH_MAX, "%.*s" PARTIAL, (int)size, path);
    return STATUS_OK;
}

/* A directory of such a name would be in the store's way: it can't be removed like a file. */
static enum status check_name(struct engine *engine, const char *whole, struct error *error)
{
    char bare[PATH_MAX];
    size_t size = strlen(whole);
    size_t ending_size = sizeof(PARTIAL) - 1;
    bool is_partial = size > ending_size && strcmp(whole + size - ending_size, PARTIAL) == 0;
    (void)snprintf(bare, sizeof(bare), "%.*s", (int)(is_partial ? size - ending_size : size),
                   whole);
    const char *name = file_posix_name_within(engine->fs, bare);
    if (name == NULL || !store_name_is_ours(name)) {
        return STATUS_OK;
    }
    return error_set(
        error, STATUS_INVALID,
        "in the store's own directory '%s' is the name of a file that the store has or "
        "may come to make; choose another name, or a place outside that directory",
        name);
}

static enum status make_partial(const char *whole, const char *partial, struct file_system **out,
                                struct error *error)
{
    if (!file_posix_is_vacant(whole)) {
        (void)error_set(error, STATUS_EXISTS,
                        "'%s' exists already, and is not an empty directory that could be replaced "
                        "(a link can't, nor what a file system is mounted on); choose another "
                        "name, or remove it",
                        whole);
        return STATUS_EXISTS;
    }
    if (!file_posix_is_vacant(partial)) {
        (void)error_set(error, STATUS_EXISTS,
                        "'%s' exists already, perhaps from a backup that was interrupted; remove "
                        "it, or choose another name",
                        partial);
        return STATUS_EXISTS;
    }
    return file_posix_make_directory(partial, out, error);
}

/* Makes it in `to`, which is called `partial`, and gives it its name; or removes it again. */
static enum status make_and_name(struct engine *engine, struct file_system *to, const char *partial,
                                 const char *whole, struct error *error)
{
    struct manifest copy;
    manifest_init(&copy);
    enum status status = make(engine, to, &copy, error);
    if (status == STATUS_OK) {
        status = file_posix_rename_directory(to, partial, whole, error);
        if (status != STATUS_OK) {
            remove_links(to, &copy);
        }
    }
    if (status != STATUS_OK) {
        file_posix_remove_directory(partial);
    }
    manifest_deinit(&copy);
    return status;
}

enum status backup_to_path(struct engine *engine, const char *path, struct error *error)
{
    char whole[PATH_MAX];
    char partial[PATH_MAX];
    struct file_system *to;
    enum status status = check_store(engine, error);
    if (status == STATUS_OK) {
        status = name_directories(path, whole, partial, error);
    }
    if (status == STATUS_OK) {
        status = check_name(engine, whole, error);
    }
    if (status == STATUS_OK) {
        status = make_partial(whole, partial, &to, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = make_and_name(engine, to, partial, whole, error);
    fs_close(to);
    if (status == STATUS_OK) {
        LOG_NOTICE("a backup of the store is in %s", whole);
    }
    return status;
}
