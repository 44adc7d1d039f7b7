/* v1_source.c - see v1_source.h. */
#include "import/v1_source.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "engine/fault_guard.h"
#include "import/v1_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)64 * 1024)

void v1_source_close(struct v1_source *source)
{
    v1_file_deinit(&source->file);
    if (source->mapping != NULL) {
        file_unmap(source->handle, source->mapping, source->size);
    }
    if (source->handle != NULL) {
        file_close(source->handle);
    }
    if (source->fs != NULL) {
        fs_close(source->fs);
    }
    free(source->path);
    *source = (struct v1_source){0};
}

static enum status open_directory(const char *directory, struct v1_source *source,
                                  struct error *error)
{
    size_t path_size = strlen(directory) + sizeof("/" V1_FILE_NAME);
    source->path = malloc(path_size);
    if (source->path == NULL) {
        (void)error_set(error, STATUS_NO_MEMORY, "out of memory");
        return STATUS_NO_MEMORY;
    }
    (void)snprintf(source->path, path_size, "%s/%s", directory, V1_FILE_NAME);
    enum status status = file_posix_open_directory_read_only(directory, &source->fs, error);
    if (status == STATUS_NOT_FOUND) {
        (void)error_set(error, STATUS_INVALID,
                        "there is no directory '%s' to import: name the one that holds %s",
                        directory, V1_FILE_NAME);
        return STATUS_INVALID;
    }
    return status;
}

static enum status open_file(struct v1_source *source, struct error *error)
{
    enum status status = fs_open(source->fs, V1_FILE_NAME, FILE_MODE_READ, &source->handle);
    if (status == STATUS_NOT_FOUND) {
        return error_set(error, STATUS_INVALID,
                         "there is no '%s' to import: name the directory that holds %s",
                         source->path, V1_FILE_NAME);
    }
    if (status == STATUS_OK) {
        status = file_size(source->handle, &source->size);
    }
    if (status == STATUS_OK && source->size == 0) {
        return error_set(error, STATUS_CORRUPT, "%s is empty: there is nothing to import",
                         source->path);
    }
    if (status == STATUS_OK) {
        status = file_map(source->handle, source->size, &source->mapping);
    }
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(error, status, "can't read %s: %s", source->path, status_words(status));
}

struct scan {
    struct v1_file *file;
    struct error reason;
    enum status status;
};

static void log_progress(void *context, enum v1_stage stage, uint64_t done, uint64_t total)
{
    struct log_limit *limit = context;
    if (!log_limit_try(limit, LOG_LIMIT_PROGRESS_MS, clock_monotonic_ms())) {
        return;
    }
    uint64_t percent = done * 100 / total;
    switch (stage) {
    case V1_READING:
        LOG_NOTICE("Read the index of %" PRIu64 " of %" PRIu64 " MiB (%" PRIu64 "%%).", done >> 20,
                   total >> 20, percent);
        break;
    case V1_SORTING:
        LOG_NOTICE("Sorting the index: at least %" PRIu64 "%% is done.", percent);
        break;
    case V1_CHECKING:
        LOG_NOTICE("Checked the places of %" PRIu64 " of %" PRIu64 " entries (%" PRIu64 "%%).",
                   done, total, percent);
        break;
    case V1_COMPARING:
        LOG_NOTICE("Compared %" PRIu64 " of %" PRIu64 " entries (%" PRIu64 "%%).", done, total,
                   percent);
        break;
    }
}

static void scan_body(void *context)
{
    struct scan *scan = context;
    scan->status = v1_file_scan(scan->file, &scan->reason);
}

/* A page that the disk can't deliver ends the scan; what it had gathered is freed on closing. */
static enum status scan_file(struct v1_source *source, struct error *error)
{
    struct scan scan = {.file = &source->file, .reason = {.text = ""}};
    struct log_limit limit;
    log_limit_begin(&limit, clock_monotonic_ms());
    source->file.progress.on_told = log_progress;
    source->file.progress.context = &limit;
    fault_guard_install();
    bool is_whole = fault_guard_run(scan_body, &scan);
    source->file.progress.on_told = NULL; /* its context ends here */
    if (!is_whole) {
        return error_set(error, STATUS_IO,
                         "the disk can't read all of %s: copy what it gives to a sound disk "
                         "(ddrescue), and import that",
                         source->path);
    }
    if (scan.status == STATUS_OK) {
        return STATUS_OK;
    }
    enum status status = scan.status == STATUS_NOT_FOUND ? STATUS_INVALID : scan.status;
    return error_set(error, status, "%s can't be imported: %s", source->path, scan.reason.text);
}

enum status v1_source_open(const char *directory, struct v1_source *out, struct error *error)
{
    struct v1_source source = {0};
    enum status status = open_directory(directory, &source, error);
    if (status == STATUS_OK) {
        status = open_file(&source, error);
    }
    if (status == STATUS_OK) {
        LOG_NOTICE("Reading the index of %s (%" PRIu64 " MiB).", source.path, source.size >> 20);
        v1_file_init(&source.file, slice_make(source.mapping, source.size));
        status = scan_file(&source, error);
    }
    if (status != STATUS_OK) {
        v1_source_close(&source);
        return status;
    }
    *out = source;
    return STATUS_OK;
}

bool v1_source_is_readable(const struct v1_source *source, uint64_t offset, uint64_t size)
{
    char chunk[CHUNK_SIZE];
    while (size > 0) {
        size_t part = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);
        size_t got;
        if (file_read(source->handle, offset, chunk, part, &got) != STATUS_OK || got < part) {
            return false;
        }
        offset += part;
        size -= part;
    }
    return true;
}

bool v1_source_has_changed(const struct v1_source *source)
{
    uint64_t size;
    return file_size(source->handle, &size) != STATUS_OK || size != source->size;
}
