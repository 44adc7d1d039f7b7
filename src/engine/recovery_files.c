/* recovery_files.c - see recovery_files.h. */
#include "engine/recovery_files.h"

#include "base/compare.h"
#include "engine/advice.h"
#include "engine/record_scanner.h"
#include "engine/store_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void recovery_files_init(struct recovery_files *files)
{
    *files = (struct recovery_files){0};
}

void recovery_files_deinit(struct recovery_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (files->files[i].segment != NULL) {
            segment_unreference(files->files[i].segment);
        }
    }
    free(files->files);
    free(files->log);
    recovery_files_init(files);
}

struct recovery_file *recovery_files_find(const struct recovery_files *files, uint64_t number)
{
    for (size_t i = 0; i < files->count; i++) {
        if (files->files[i].entry.number == number) {
            return &files->files[i];
        }
    }
    return NULL;
}

void recovery_file_name(const struct recovery_file *file, char *name)
{
    segment_file_name(file->entry.kind, file->entry.number, name);
}

uint64_t recovery_files_end_sequence(const struct recovery_files *files,
                                     const struct manifest *manifest)
{
    uint64_t end = manifest->next_sequence - 1;
    for (size_t i = 0; i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        bool is_of_history = file->state == RECOVERY_PACKED || file->state == RECOVERY_SEALED ||
                             file->state == RECOVERY_OPEN;
        if (is_of_history && !file->set_aside && file->last_sequence > end) {
            end = file->last_sequence;
        }
    }
    return end;
}

/* --- opening one file --------------------------------------------------------------------- */

bool recovery_has_cut_file(struct file_system *fs, const char *name)
{
    char cut[FILE_NAME_SIZE_MAX + 8];
    (void)snprintf(cut, sizeof(cut), "%s" STORE_NAME_CUT_ENDING, name);
    struct file *file;
    if (fs_open(fs, cut, FILE_MODE_READ, &file) != STATUS_OK) {
        return false;
    }
    file_close(file);
    return true;
}

static bool is_end_known(const struct recovery_file *file)
{
    return file->entry.end != 0;
}

static enum status missing(struct engine *engine, struct recovery_file *file, const char *name,
                           struct error *error)
{
    if (file->entry.kind == SEGMENT_LOG && !is_end_known(file) &&
        recovery_has_cut_file(engine->fs, name)) {
        file->state = RECOVERY_GONE;
        return STATUS_OK;
    }
    return error_set(
        error, STATUS_CORRUPT,
        "the store's file %s is missing; put it back from where it went. " ADVICE_DAMAGED, name);
}

/* A log segment of unknown end without a valid header, of which `header` are the bytes that there
 * are: was it ever used? Zeros in their place, with something behind them, are a value that was
 * written ahead (staged.h), or what a power cut has left of records that were not durable: marks
 * tell of those that were (recovery_history.c). */
static enum status look_for_contents(struct recovery_file *file, struct slice header)
{
    struct record_scanner scanner;
    enum status status = record_scanner_init(&scanner, file->segment, 0, file->file_size, false);
    bool is_zero = true;
    if (status == STATUS_OK) {
        status = record_scanner_is_zero(&scanner, 0, &is_zero);
        record_scanner_deinit(&scanner);
    }
    if (status == STATUS_OK) {
        file->state = is_zero ? RECOVERY_UNUSED : RECOVERY_BROKEN;
        file->has_no_header = !is_zero && slice_is_zeros(header);
    }
    return status;
}

/* What is wrong with a file whose header was found to be so, of its first bytes. */
static const char *damage_words(const struct engine *engine, uint64_t number, struct slice bytes,
                                enum status header)
{
    uint8_t store_id[16];
    if (header == STATUS_OK) {
        return "it is shorter than the manifest says";
    }
    bool is_anothers =
        bytes.size == SEGMENT_HEADER_SIZE &&
        segment_header_store_id((const uint8_t *)bytes.data, number, store_id) == STATUS_OK &&
        memcmp(store_id, engine->store_id, sizeof(store_id)) != 0;
    return is_anothers ? "it is a file of another store: put the one back that had the name"
                       : "its header (offset 0) is not valid";
}

static enum status read_header(struct engine *engine, struct recovery_file *file, const char *name,
                               struct error *error)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    size_t size = 0;
    enum status status = file_read(file->segment->file, 0, bytes, sizeof(bytes), &size);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't read %s: %s", name, status_words(status));
    }
    status = size < sizeof(bytes) ? STATUS_CORRUPT
                                  : segment_header_decode(bytes, engine->store_id,
                                                          file->entry.number, &file->header);
    if (status == STATUS_NEWER_FORMAT) {
        return error_set(error, status, "%s was written by a newer version of scdb; use that one",
                         name);
    }
    if (status == STATUS_OK && file->header.kind != file->entry.kind) {
        status = STATUS_CORRUPT;
    }
    bool may_be_torn = file->entry.kind == SEGMENT_LOG && !is_end_known(file);
    if (status != STATUS_OK && may_be_torn) {
        status = look_for_contents(file, slice_make(bytes, size));
        return status == STATUS_OK
                   ? status
                   : error_set(error, status, "can't read %s: %s", name, status_words(status));
    }
    if (status != STATUS_OK || file->file_size < file->entry.end) {
        return error_set(error, STATUS_CORRUPT, "%s is damaged: %s. " ADVICE_DAMAGED, name,
                         damage_words(engine, file->entry.number, slice_make(bytes, size), status));
    }
    if (file->entry.kind == SEGMENT_PACKED) {
        file->state = RECOVERY_PACKED;
    } else {
        file->state = is_end_known(file) ? RECOVERY_SEALED : RECOVERY_OPEN;
    }
    return STATUS_OK;
}

static enum status open_file(struct engine *engine, struct recovery_file *file, struct error *error)
{
    char name[FILE_NAME_SIZE_MAX];
    recovery_file_name(file, name);
    enum status status =
        segment_open(engine->fs, file->entry.kind, file->entry.number, 0, &file->segment);
    if (status == STATUS_NOT_FOUND) {
        return missing(engine, file, name, error);
    }
    if (status == STATUS_OK) {
        status = file_size(file->segment->file, &file->file_size);
    }
    if (status != STATUS_OK) {
        return error_set(error, status, "can't open %s: %s", name, status_words(status));
    }
    file->segment->seed = record_seed(engine->store_id, file->entry.number);
    status = read_header(engine, file, name, error);
    if (status == STATUS_OK && is_end_known(file)) {
        file->end = file->entry.end;
        file->last_sequence = file->entry.last_sequence;
    }
    return status;
}

/* --- all of them -------------------------------------------------------------------------- */

static int compare_in_log(const void *a, const void *b)
{
    const struct recovery_file *const *left = a;
    const struct recovery_file *const *right = b;
    return compare_numbers((*left)->header.first_sequence, (*right)->header.first_sequence);
}

/* File numbers don't tell the order of the log: a segment made for one large record may overtake
 * one that was made ready before it. First sequence numbers do. */
static void order_log(struct recovery_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct recovery_file *file = &files->files[i];
        if (file->state == RECOVERY_SEALED || file->state == RECOVERY_OPEN) {
            files->log[files->log_count++] = file;
        }
    }
    if (files->log_count > 0) {
        qsort(files->log, files->log_count, sizeof(struct recovery_file *), compare_in_log);
    }
}

enum status recovery_files_open(struct engine *engine, struct recovery_files *files,
                                struct error *error)
{
    const struct manifest *manifest = &engine->manifest;
    size_t count = manifest->file_count;
    enum status looked =
        recovery_unlisted_look_at_all(engine->fs, manifest, &files->witness, error);
    if (looked != STATUS_OK) {
        return looked;
    }
    files->next_number = manifest->next_file_number;
    files->files = calloc(count + 1, sizeof(*files->files));
    files->log = calloc(count + 1, sizeof(struct recovery_file *));
    if (files->files == NULL || files->log == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory while opening %zu files", count);
    }
    for (size_t i = 0; i < count; i++) {
        files->files[i].entry = manifest->files[i];
        files->count = i + 1;
        enum status status = open_file(engine, &files->files[i], error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    order_log(files);
    return STATUS_OK;
}
