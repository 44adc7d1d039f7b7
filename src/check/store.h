/*
 * store.h - the files of a store as they lie there, whole or not.
 *
 * Where the engine refuses, this goes on: without a manifest the segments are those in the
 * directory, and the store's id is taken from their headers; where a header is damaged, the file's
 * name and the id are enough to tell records (their checksums are seeded with both).
 *
 * One thread. A struct check_store owns all that it points to; nothing on the disk is changed.
 */
#ifndef SCDB_CHECK_STORE_H
#define SCDB_CHECK_STORE_H

#include "base/status.h"
#include "engine/file.h"
#include "engine/manifest.h"
#include "engine/segment_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which files belong to the store, and who says so. */
enum check_source {
    CHECK_FROM_MANIFEST,
    CHECK_FROM_TEMPORARY, /* MANIFEST is not readable, MANIFEST.tmp is whole */
    CHECK_FROM_DIRECTORY  /* neither is: all segments in the directory */
};

struct check_file {
    char name[FILE_NAME_SIZE_MAX];
    uint64_t number;
    enum segment_kind kind;
    struct manifest_file entry; /* end 0 when no manifest tells */
    struct file *file;          /* owned; NULL: missing, or it can't be opened */
    enum status open_status;
    bool has_cut_file; /* missing: something of that name was set aside */
    bool is_set_aside; /* and that by a start that was interrupted, as it follows the log's end */
    uint64_t size;     /* of the file */
    uint64_t limit;    /* records lie before it: the end that the manifest knows, or the file's */
    uint64_t seed;
    enum status header_status; /* OK: `header` is valid */
    struct segment_header header;
    uint64_t due_sequence;   /* of its first record, as the log leads to it (history_survey) */
    uint64_t begin_sequence; /* log, no valid header: of the record at its beginning; 0: unknown */
    const uint8_t *mapping;  /* owned; NULL until a value needs it */
    uint64_t first_unit;     /* of the file in the tool's own address space, in units of 8 bytes */
};

struct check_store {
    struct file_system *fs; /* borrowed */
    enum check_source source;
    struct manifest manifest;    /* all 0 with CHECK_FROM_DIRECTORY */
    struct error manifest_error; /* why MANIFEST can't be read; "" when it can */
    bool has_manifest;           /* is there a file of that name? */
    uint8_t store_id[STORE_ID_SIZE];
    struct check_file *files; /* owned; in the order of their numbers */
    size_t file_count;
    size_t other_segments; /* in the directory, and not of this store, or older than the manifest */
    size_t newer_segments; /* in the directory, and of a later time than the manifest */
    uint64_t *pack_sequences; /* owned: of packed segments in the directory that are one of these
                                 two, their judged_sequence; newer_packs.h knows which */
    size_t pack_count;
    size_t mute_segments; /* in the directory, and the disk does not tell which of the two */
    size_t checkpoints;   /* in the directory, whoever's */
    size_t cut_files;
    size_t full_cut_files; /* of these, those that may hold data */
    bool has_import_mark;  /* an import has not come to its end */
    uint64_t size;         /* of all files, to be read */
};

/*
 * Opens all that there is. NOT_FOUND: no store here. CORRUPT: there are segments, but nothing tells
 * which store's they are. REFUSED, NOT_A_FILE: a file may be sound, but can't be opened as it is.
 * NEWER_FORMAT, IO, NO_MEMORY. After a failure nothing is left to close.
 */
enum status check_store_open(struct file_system *fs, struct check_store *out,
                             struct error *error) MUST_CHECK;
void check_store_close(struct check_store *store);

/* Does a file with this number belong to it, be it there or missing? */
bool check_store_has_file(const struct check_store *store, uint64_t number);

/* A file that may be sound must not pass for one that is lost. */
static inline bool check_store_is_refusal(enum status status)
{
    return status == STATUS_REFUSED || status == STATUS_NOT_A_FILE;
}

/* Says so of a file, and what to do. Returns `status`. */
enum status check_store_refused(enum status status, const char *name,
                                struct error *error) MUST_CHECK;

/* Is this a log segment of which the manifest does not know where it ends? */
static inline bool check_file_is_open_log(const struct check_file *file)
{
    return file->kind == SEGMENT_LOG && file->entry.end == 0;
}

/* Is it there, and as long as the manifest says? */
static inline bool check_file_is_whole(const struct check_file *file)
{
    return file->file != NULL && file->size >= file->entry.end;
}

/* The whole file, mapped at the first call. NULL: it can't be. */
const uint8_t *check_file_map(struct check_file *file);

/* Bytes that hold records or may hold some. */
static inline uint64_t check_file_record_bytes(const struct check_file *file)
{
    return file->limit > SEGMENT_HEADER_SIZE ? file->limit - SEGMENT_HEADER_SIZE : 0;
}

#endif
