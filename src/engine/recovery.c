/* recovery.c - see recovery.h. Single-threaded: the manifest's lock is not taken here. */
#include "engine/recovery.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/advice.h"
#include "engine/log_files.h"
#include "engine/mutant.h"
#include "engine/recovery_end.h"
#include "engine/recovery_files.h"
#include "engine/recovery_history.h"
#include "engine/recovery_load.h"
#include "engine/recovery_read_only.h"
#include "engine/recovery_room.h"
#include "engine/recovery_threads.h"
#include "engine/segment_header.h"
#include "engine/store_name.h"

#include <stdio.h>
#include <stdlib.h>

#define RECORD_SIZE_MIN RECORD_HEADER_SIZE

/* --- a new store -------------------------------------------------------------------------- */

static void fill_random(const struct engine *engine, uint8_t *into, size_t size)
{
    uint64_t state = engine->options.random_seed;
    if (state == 0) {
        random_fill(into, size);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        into[i] = (uint8_t)random_next(&state);
    }
}

static enum status init_manifest(struct engine *engine)
{
    struct manifest *manifest = &engine->manifest;
    uint8_t random[STORE_ID_SIZE + STORE_SECRET_SIZE];
    fill_random(engine, random, sizeof(random));
    memcpy(manifest->store_id, random, STORE_ID_SIZE);
    memcpy(manifest->secret, random + STORE_ID_SIZE, STORE_SECRET_SIZE);
    manifest->segment_size = engine->options.segment_size;
    manifest->next_file_number = 1;
    manifest->next_sequence = 1;
    manifest->next_keyspace_id = 1;
    manifest->map_count = engine->options.database_count;
    manifest->map = calloc(manifest->map_count, sizeof(*manifest->map));
    if (manifest->map == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < manifest->map_count; i++) {
        manifest->map[i] = manifest->next_keyspace_id++;
    }
    return manifest_write(engine->fs, manifest);
}

struct remains {
    size_t segments;
    size_t checkpoints;
};

static void note_file(void *context, const char *name)
{
    struct remains *remains = context;
    uint64_t number;
    if (store_name_is_segment(name, &number)) {
        remains->segments++;
    } else if (store_name_is_numbered(name, &number)) {
        remains->checkpoints++;
    }
}

/* A directory without a manifest is a new store, unless somebody lost the manifest of an old. A
 * checkpoint alone says so as well: the names of a backup that a power cut has interrupted may be
 * lost but for that one. */
static enum status check_vacant(const struct remains *remains, struct error *error)
{
    if (remains->segments > 0) {
        return error_set(error, STATUS_CORRUPT,
                         "the directory holds %zu segment files, but the file %s is missing; "
                         "put it back, or choose another directory. " ADVICE_DAMAGED,
                         remains->segments, MANIFEST_NAME);
    }
    if (remains->checkpoints > 0) {
        return error_set(error, STATUS_CORRUPT,
                         "the directory holds a checkpoint (*.index), but no segments, and the "
                         "file %s is missing, as in a backup that was interrupted; restore the "
                         "rest, remove the checkpoint if nothing is to be restored, or choose "
                         "another directory",
                         MANIFEST_NAME);
    }
    return STATUS_OK;
}

/* The directory has no manifest. */
static enum status create_store(struct engine *engine, struct error *error)
{
    struct remains remains = {0};
    enum status status = fs_list(engine->fs, note_file, &remains);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't list the directory: %s", status_words(status));
    }
    status = check_vacant(&remains, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (engine->fs->read_only) {
        return error_set(error, STATUS_NOT_FOUND,
                         "the directory holds no store (no file %s), and opened read-only none is "
                         "made; check its name",
                         MANIFEST_NAME);
    }
    status = init_manifest(engine);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't create the store: %s", status_words(status));
    }
    return STATUS_OK;
}

/* --- the manifest of the new session ------------------------------------------------------ */

/* What lies in the log's place of the last record that stays; zeros when nothing does. */
static struct manifest_position last_place(const struct recovery_files *files)
{
    struct manifest_position place = {0};
    for (size_t i = 0; i < files->log_count; i++) {
        const struct recovery_file *file = files->log[i];
        if (!file->set_aside && file->state != RECOVERY_UNUSED) {
            place = (struct manifest_position){
                .file = file->entry.number, .offset = file->end, .sequence = file->last_sequence};
        }
    }
    return place;
}

/* A number greater than every sequence number seen, also than those in what was set aside: there
 * they are dense too, and no record is smaller than its header. */
static uint64_t next_sequence(const struct manifest *manifest, const struct recovery_files *files)
{
    uint64_t next = manifest->next_sequence;
    for (size_t i = 0; i < files->count && !MUTANT(SEQUENCES_USED_TWICE); i++) {
        const struct recovery_file *file = &files->files[i];
        uint64_t last = file->last_sequence;
        if (file->set_aside || file->state == RECOVERY_UNUSED) {
            last = file->header.first_sequence + file->file_size / RECORD_SIZE_MIN;
        } else if (file->state == RECOVERY_OPEN) {
            last += (file->file_size - file->end) / RECORD_SIZE_MIN;
        }
        if (last >= next) {
            next = last + 1;
        }
    }
    return next;
}

static void update_manifest(struct engine *engine, const struct recovery_files *files,
                            const struct manifest_position *place)
{
    struct manifest *manifest = &engine->manifest;
    manifest->next_sequence = next_sequence(manifest, files);
    manifest->durable = *place;
    if (!MUTANT(PIECES_UNANNOUNCED)) {
        manifest->format_version = FORMAT_VERSION_PIECES; /* rule 15 of docs/durability.md */
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        if (file->set_aside || file->state == RECOVERY_UNUSED || file->state == RECOVERY_GONE) {
            manifest_drop(manifest, file->entry.number);
        } else if (file->state == RECOVERY_OPEN) {
            struct manifest_file *entry = manifest_find(manifest, file->entry.number);
            entry->end = file->end;
            entry->first_sequence = file->header.first_sequence;
            entry->last_sequence = file->last_sequence;
        }
    }
}

static void skip_number(void *context, const char *name)
{
    uint64_t *next = context;
    uint64_t number;
    if (store_name_is_numbered(name, &number) && number >= *next && number < UINT64_MAX) {
        *next = number + 1;
    }
}

/* Rule 11: a crash may have left files that the manifest never came to list, and their numbers are
 * used up. */
static enum status skip_used_numbers(struct engine *engine) NO_THREAD_SAFETY_ANALYSIS
{
    return MUTANT(NUMBERS_USED_TWICE)
               ? STATUS_OK
               : fs_list(engine->fs, skip_number, &engine->manifest.next_file_number);
}

/* The new session's first segment; with it the manifest is replaced. */
static enum status start_log(struct engine *engine, const struct recovery_files *files,
                             const struct manifest_position *place) NO_THREAD_SAFETY_ANALYSIS
{
    struct appender *appender = &engine->appender;
    appender->next_sequence = engine->manifest.next_sequence;
    appender->place = *place;
    appender->written_place = *place;
    engine->durable_place = *place;
    struct log_facts facts = log_files_facts_locked(engine);
    struct segment *segment;
    enum status status = log_files_make(engine, &facts, engine->segment_size, &segment);
    if (status == STATUS_DISK_FULL) {
        /* Beside a small one there may be room for the manifest, and for a reserve again. */
        (void)recovery_room_make(engine, files);
        appender->room_is_kept = true;
        status = log_files_make(engine, &facts, engine->segment_size, &segment);
        appender->room_is_kept = false;
    }
    if (status == STATUS_OK) {
        appender_start_locked(engine, segment);
    }
    return status;
}

/* --- files that belong to nobody ---------------------------------------------------------- */

#define ORPHAN_BATCH 64

struct orphans {
    const struct engine *engine;
    char names[ORPHAN_BATCH][FILE_NAME_SIZE_MAX];
    size_t count;
};

static void collect_orphan(void *context, const char *name)
{
    struct orphans *orphans = context;
    const struct manifest *manifest = &orphans->engine->manifest;
    uint64_t number;
    bool is_numbered = store_name_is_numbered(name, &number);
    bool is_listed = is_numbered && (manifest_find(manifest, number) != NULL ||
                                     manifest->checkpoint_file == number);
    bool is_ours = is_numbered || strcmp(name, MANIFEST_TEMPORARY_NAME) == 0;
    if (is_ours && !is_listed && orphans->count < ORPHAN_BATCH) {
        (void)snprintf(orphans->names[orphans->count++], FILE_NAME_SIZE_MAX, "%s", name);
    }
}

/* Rule 7: the manifest that does not list them is durable, so nobody will miss them. */
static void remove_orphans(struct engine *engine)
{
    struct orphans *orphans = calloc(1, sizeof(*orphans));
    bool go_on = orphans != NULL;
    while (go_on) {
        orphans->engine = engine;
        orphans->count = 0;
        enum status status = fs_list(engine->fs, collect_orphan, orphans);
        go_on = status == STATUS_OK && orphans->count > 0;
        for (size_t i = 0; go_on && i < orphans->count; i++) {
            status = fs_remove(engine->fs, orphans->names[i]);
            LOG_NOTICE("removed %s, which the manifest does not list%s%s", orphans->names[i],
                       status == STATUS_OK ? "" : ": ",
                       status == STATUS_OK ? "" : status_words(status));
            go_on = status == STATUS_OK;
        }
    }
    free(orphans);
}

/* --- all together ------------------------------------------------------------------------- */

struct work {
    struct engine *engine;
    struct recovery_files *files;
    struct error *error;
    enum status load_status;
    enum status durable_status;
};

static void load(void *argument)
{
    struct work *work = argument;
    work->load_status = recovery_load(work->engine, work->files, work->error);
}

static void make_durable(void *argument)
{
    struct work *work = argument;
    work->durable_status = recovery_end_make_durable(work->engine, work->files);
}

#define IN_KIB(bytes) ((unsigned long long)(bytes) / 1024 + 1)

/* Nothing is served without the room for a log; and what is set aside may be all there is of it. */
static enum status cant_write(struct engine *engine, const struct recovery_files *files,
                              enum status status, struct error *error)
{
    if (status != STATUS_DISK_FULL) {
        return error_set(error, status, "can't write to the directory: %s", status_words(status));
    }
    char rest[128] = "";
    uint64_t rest_bytes = recovery_end_rest_bytes(files);
    if (rest_bytes > 0) {
        (void)snprintf(rest, sizeof(rest),
                       ", and %llu KiB for setting aside what follows its end, from an unfinished "
                       "write",
                       IN_KIB(rest_bytes));
    }
    uint64_t log_bytes = log_files_least_reserve(engine) + 2 * manifest_size(&engine->manifest) +
                         4 * FILE_PAGE_SIZE; /* as file systems give room in blocks */
    return error_set(error, status,
                     "can't write to the directory: %s; a start needs %llu KiB of room for the "
                     "log%s; make room and start again (until then keep the files *.cut, which "
                     "belong to the store), or serve the store as it is with "
                     "'read-only yes'",
                     status_words(status), IN_KIB(log_bytes), rest);
}

/* Making durable is waiting for the disk, most of it: so it is done beside. */
static enum status load_and_make_durable(struct engine *engine, struct recovery_files *files,
                                         struct error *error)
{
    struct work work = {.engine = engine, .files = files, .error = error};
    if (engine->fs->read_only) {
        load(&work);
    } else if (recovery_threads_pay(engine, recovery_end_replayed_bytes(files))) {
        recovery_threads_run(load, &work, make_durable, &work);
    } else {
        load(&work);
        if (work.load_status == STATUS_OK) {
            make_durable(&work);
        }
    }
    if (work.load_status != STATUS_OK || work.durable_status == STATUS_OK) {
        return work.load_status;
    }
    return cant_write(engine, files, work.durable_status, error);
}

static enum status recover(struct engine *engine, struct recovery_files *files, struct error *error)
{
    enum status status = recovery_files_open(engine, files, error);
    if (status == STATUS_OK) {
        status = recovery_find_history(engine, files, error);
    }
    if (status == STATUS_OK && !engine->options.repair) { /* which has cut what was durable */
        uint64_t end = recovery_files_end_sequence(files, &engine->manifest);
        status = recovery_unlisted_heed(&files->witness, end, error);
    }
    if (status == STATUS_OK) {
        status = load_and_make_durable(engine, files, error);
    }
    if (status == STATUS_OK && engine->fs->read_only) {
        return recovery_leave_as_it_is(files);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = recovery_end_settle(engine, files);
    if (status == STATUS_OK) {
        struct manifest_position place = last_place(files);
        update_manifest(engine, files, &place);
        status = skip_used_numbers(engine);
        if (status == STATUS_OK) {
            status = start_log(engine, files, &place);
        }
    }
    if (status != STATUS_OK) {
        return cant_write(engine, files, status, error);
    }
    remove_orphans(engine);
    return STATUS_OK;
}

enum status recovery_run(struct engine *engine, struct error *error)
{
    int64_t started_ms = clock_monotonic_ms();
    enum status status = manifest_read(engine->fs, &engine->manifest, error);
    if (status == STATUS_NOT_FOUND) {
        status = create_store(engine, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(engine->store_id, engine->manifest.store_id, sizeof(engine->store_id));
    memcpy(engine->secret, engine->manifest.secret, sizeof(engine->secret));
    engine->segment_size = engine->manifest.segment_size;
    segment_table_init(&engine->segments, engine->segment_size);
    struct recovery_files files;
    recovery_files_init(&files);
    status = recover(engine, &files, error);
    recovery_files_deinit(&files);
    engine->recovery_ms = (uint64_t)(clock_monotonic_ms() - started_ms);
    return status;
}
