/* store.c - see store.h. */
#include "check/store.h"

#include "base/compare.h"
#include "check/identity.h"
#include "engine/record.h"
#include "engine/recovery_files.h"
#include "engine/recovery_unlisted.h"
#include "engine/store_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what lies in the directory ----------------------------------------------------------- */

static bool has_ending(const char *name, const char *ending)
{
    size_t size = strlen(name);
    size_t ending_size = strlen(ending);
    return size >= ending_size && strcmp(name + size - ending_size, ending) == 0;
}

struct listing {
    struct check_store *store;
    enum status status;
    char name[FILE_NAME_SIZE_MAX]; /* of the file that it is about */
};

enum status check_store_refused(enum status status, const char *name, struct error *error)
{
    if (status == STATUS_NOT_A_FILE) {
        return error_set(error, status,
                         "can't open file '%s': something else has that name, so whether the file "
                         "is sound is not known: move it out of the directory, and put the file "
                         "back if it is anywhere; without it, it counts as lost",
                         name);
    }
    return error_set(error, status,
                     "the system does not let this process open file '%s', so whether it is sound "
                     "is not known: run this as the user who owns the store's files, and with a "
                     "limit of open files (ulimit -n) above their number; none may be a symbolic "
                     "link",
                     name);
}

/* Room for the files is made as they are seen: the manifest may be lost. */
static enum status add_file(struct check_store *store, const struct manifest_file *entry)
{
    struct check_file *files =
        realloc(store->files, (store->file_count + 1) * sizeof(*store->files));
    if (files == NULL) {
        return STATUS_NO_MEMORY;
    }
    store->files = files;
    struct check_file *file = &files[store->file_count++];
    *file = (struct check_file){.number = entry->number, .kind = entry->kind, .entry = *entry};
    segment_file_name(entry->kind, entry->number, file->name);
    return STATUS_OK;
}

/* Whether it is newer than the manifest is known when the end of the log is. */
static enum status note_pack(struct check_store *store, uint64_t judged_sequence)
{
    uint64_t *sequences =
        realloc(store->pack_sequences, (store->pack_count + 1) * sizeof(*sequences));
    if (sequences == NULL) {
        return STATUS_NO_MEMORY;
    }
    store->pack_sequences = sequences;
    sequences[store->pack_count++] = judged_sequence;
    return STATUS_OK;
}

/* A segment that the manifest does not list. */
static enum status note_unlisted(struct check_store *store, const char *name)
{
    struct recovery_unlisted found;
    enum status status = recovery_unlisted_look(store->fs, &store->manifest, name, &found);
    if (status == STATUS_IO) {
        store->mute_segments++;
        return STATUS_OK;
    }
    if (status == STATUS_OK && found.judged_sequence != 0) {
        return note_pack(store, found.judged_sequence);
    }
    if (status == STATUS_OK) {
        store->newer_segments += found.is_newer_log ? 1 : 0;
        store->other_segments += found.is_newer_log ? 0 : 1;
    }
    return status;
}

static enum status note_segment(struct check_store *store, const char *name, uint64_t number)
{
    if (store->source == CHECK_FROM_DIRECTORY) {
        struct manifest_file entry = {
            .number = number, .kind = has_ending(name, ".log") ? SEGMENT_LOG : SEGMENT_PACKED};
        return add_file(store, &entry);
    }
    return manifest_find(&store->manifest, number) == NULL ? note_unlisted(store, name) : STATUS_OK;
}

/* May what was set aside hold data? */
static bool is_full(struct file_system *fs, const char *name)
{
    struct file *file;
    uint64_t size = 0;
    if (fs_open(fs, name, FILE_MODE_READ, &file) != STATUS_OK) {
        return true;
    }
    enum status status = file_size(file, &size);
    file_close(file);
    return status != STATUS_OK || size > 0;
}

static void on_name(void *context, const char *name)
{
    struct listing *listing = context;
    struct check_store *store = listing->store;
    uint64_t number;
    if (listing->status != STATUS_OK) {
        return;
    }
    if (strcmp(name, MANIFEST_NAME) == 0) {
        store->has_manifest = true;
    } else if (strcmp(name, STORE_NAME_IMPORT_MARK) == 0) {
        store->has_import_mark = true;
    } else if (store_name_is_cut(name)) {
        store->cut_files++;
        store->full_cut_files += is_full(store->fs, name) ? 1 : 0;
    } else if (store_name_is_segment(name, &number)) {
        (void)snprintf(listing->name, sizeof(listing->name), "%s", name);
        listing->status = note_segment(store, name, number);
    } else if (store_name_is_numbered(name, &number)) {
        store->checkpoints++;
    }
}

static enum status list_directory(struct check_store *store, struct error *error)
{
    struct listing listing = {.store = store, .status = STATUS_OK};
    enum status status = fs_list(store->fs, on_name, &listing);
    if (status == STATUS_OK && check_store_is_refusal(listing.status)) {
        return check_store_refused(listing.status, listing.name, error);
    }
    if (status == STATUS_OK && listing.status == STATUS_NEWER_FORMAT) {
        return recovery_unlisted_refuse_format(listing.name, error);
    }
    status = status == STATUS_OK ? listing.status : status;
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(error, status, "can't list the directory: %s", status_words(status));
}

/* --- the manifest ------------------------------------------------------------------------- */

static enum status read_manifest(struct check_store *store, struct error *error)
{
    struct error newer;
    enum status status = manifest_read(store->fs, &store->manifest, &store->manifest_error);
    if (status == STATUS_OK) {
        store->manifest_error.text[0] = '\0';
        store->source = CHECK_FROM_MANIFEST;
        return STATUS_OK;
    }
    if (check_store_is_refusal(status)) {
        return check_store_refused(status, MANIFEST_NAME, error);
    }
    if (status == STATUS_NEWER_FORMAT || status == STATUS_NO_MEMORY) {
        return error_set(error, status, "%s", store->manifest_error.text);
    }
    status = manifest_read_file(store->fs, MANIFEST_TEMPORARY_NAME, &store->manifest, &newer);
    if (check_store_is_refusal(status)) {
        return check_store_refused(status, MANIFEST_TEMPORARY_NAME, error);
    }
    if (status == STATUS_NO_MEMORY) {
        return error_set(error, status, "%s", newer.text);
    }
    store->source = status == STATUS_OK ? CHECK_FROM_TEMPORARY : CHECK_FROM_DIRECTORY;
    return STATUS_OK;
}

static enum status list_manifest(struct check_store *store)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < store->manifest.file_count; i++) {
        status = add_file(store, &store->manifest.files[i]);
    }
    return status;
}

/* --- one file ----------------------------------------------------------------------------- */

static void open_file(struct check_store *store, struct check_file *file)
{
    file->header_status = STATUS_CORRUPT;
    file->open_status = fs_open(store->fs, file->name, FILE_MODE_READ, &file->file);
    if (file->open_status != STATUS_OK) {
        file->file = NULL;
        file->has_cut_file = file->open_status == STATUS_NOT_FOUND &&
                             check_file_is_open_log(file) &&
                             recovery_has_cut_file(store->fs, file->name);
        file->is_set_aside = file->has_cut_file; /* unless history_survey finds that it can't be */
        return;
    }
    file->open_status = file_size(file->file, &file->size);
    if (file->open_status != STATUS_OK) {
        file_close(file->file);
        file->file = NULL;
        return;
    }
    uint64_t end = file->entry.end;
    file->limit = end != 0 && end < file->size ? end : file->size;
}

static enum status read_header(const struct check_store *store, struct check_file *file,
                               struct error *error)
{
    file->seed = record_seed(store->store_id, file->number);
    if (file->file == NULL) {
        return STATUS_OK;
    }
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    size_t size = 0;
    enum status status = file_read(file->file, 0, bytes, sizeof(bytes), &size);
    if (status == STATUS_OK && size == sizeof(bytes)) {
        status = segment_header_decode(bytes, store->store_id, file->number, &file->header);
    } else if (status == STATUS_OK) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK && file->header.kind != file->kind) {
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_NEWER_FORMAT) {
        return error_set(error, status, "%s was written by a newer version of scdb; use that one",
                         file->name);
    }
    file->header_status = status;
    return STATUS_OK;
}

const uint8_t *check_file_map(struct check_file *file)
{
    if (file->mapping == NULL && file->size > 0 &&
        file_map(file->file, file->size, &file->mapping) != STATUS_OK) {
        file->mapping = NULL;
    }
    return file->mapping;
}

/* --- all together ------------------------------------------------------------------------- */

static int compare_number(const void *a, const void *b)
{
    const struct check_file *left = a;
    const struct check_file *right = b;
    return compare_numbers(left->number, right->number);
}

/* With no manifest, what has another store's header is not ours. */
static void drop_foreign_files(struct check_store *store)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        if (file->file != NULL && check_identity_is_foreign(store, file)) {
            file_close(file->file);
            store->other_segments++;
        } else {
            store->files[kept++] = *file;
        }
    }
    store->file_count = kept;
}

static enum status read_headers(struct check_store *store, struct error *error)
{
    uint64_t unit = 1;
    for (size_t i = 0; i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        enum status status = read_header(store, file, error);
        if (status != STATUS_OK) {
            return status;
        }
        file->first_unit = unit;
        unit += file->size / RECORD_ALIGNMENT + 1;
        store->size += check_file_record_bytes(file);
    }
    return STATUS_OK;
}

static enum status list_all(struct check_store *store, struct error *error)
{
    enum status status = read_manifest(store, error);
    if (status == STATUS_OK) {
        status = list_directory(store, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = list_manifest(store);
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(error, status, "can't list the files: %s", status_words(status));
}

/* Was a first start interrupted before it had a manifest? The server makes a new store then. */
static bool is_barely_begun(const struct check_store *store)
{
    return store->source == CHECK_FROM_TEMPORARY && !store->has_manifest &&
           store->manifest.file_count == 0 && store->checkpoints == 0 &&
           store->full_cut_files == 0 &&
           store->newer_segments + store->mute_segments + store->other_segments +
                   store->pack_count ==
               0;
}

/* There is neither a manifest nor a segment. */
static enum status no_store(const struct check_store *store, struct error *error)
{
    char checkpoints[128] = "";
    char cut_files[128] = "";
    if (store->checkpoints > 0) {
        (void)snprintf(checkpoints, sizeof(checkpoints),
                       "%zu checkpoints of the index (*.index), which hold no keys and no values",
                       store->checkpoints);
    }
    if (store->full_cut_files > 0) {
        (void)snprintf(cut_files, sizeof(cut_files), "%zu *.cut files, which are not looked into",
                       store->full_cut_files);
    }
    if (store->checkpoints + store->full_cut_files > 0) {
        return error_set(error, STATUS_NOT_FOUND,
                         "there is no file %s and no segment in this directory, only %s%s%s: it "
                         "was a store, or a backup that was interrupted. Put the other files back, "
                         "or restore a backup",
                         MANIFEST_NAME, checkpoints,
                         store->checkpoints > 0 && store->full_cut_files > 0 ? ", and " : "",
                         cut_files);
    }
    if (store->source == CHECK_FROM_TEMPORARY) {
        return error_set(error, STATUS_NOT_FOUND,
                         "there is no store in this directory, but a file " MANIFEST_TEMPORARY_NAME
                         " without any segment: a first start was interrupted, and the next one "
                         "makes a new store");
    }
    return error_set(error, STATUS_NOT_FOUND,
                     "there is no store in this directory, neither a file %s nor segments; name "
                     "the one that is a server's 'dir'",
                     MANIFEST_NAME);
}

static enum status open_files(struct check_store *store, struct error *error)
{
    for (size_t i = 0; i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        open_file(store, file);
        if (check_store_is_refusal(file->open_status)) {
            return check_store_refused(file->open_status, file->name, error);
        }
    }
    return STATUS_OK;
}

static enum status open_all(struct check_store *store, struct error *error)
{
    enum status status = list_all(store, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_vacant =
        store->source == CHECK_FROM_DIRECTORY && store->file_count == 0 && !store->has_manifest;
    if (is_vacant || is_barely_begun(store)) {
        return no_store(store, error);
    }
    if (store->file_count > 0) {
        qsort(store->files, store->file_count, sizeof(*store->files), compare_number);
    }
    status = open_files(store, error);
    if (status == STATUS_OK) {
        status = check_identity_find(store, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (store->source == CHECK_FROM_DIRECTORY) {
        drop_foreign_files(store);
    }
    return read_headers(store, error);
}

enum status check_store_open(struct file_system *fs, struct check_store *out, struct error *error)
{
    struct check_store store = {.fs = fs};
    manifest_init(&store.manifest);
    enum status status = open_all(&store, error);
    if (status != STATUS_OK) {
        check_store_close(&store);
        return status;
    }
    *out = store;
    return STATUS_OK;
}

bool check_store_has_file(const struct check_store *store, uint64_t number)
{
    size_t i = 0;
    while (i < store->file_count && store->files[i].number != number) {
        i++;
    }
    return i < store->file_count;
}

void check_store_close(struct check_store *store)
{
    for (size_t i = 0; i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        if (file->mapping != NULL) {
            file_unmap(file->file, file->mapping, file->size);
        }
        if (file->file != NULL) {
            file_close(file->file);
        }
    }
    free(store->files);
    free(store->pack_sequences);
    manifest_deinit(&store->manifest);
    *store = (struct check_store){0};
}
