/*
 * manifest.h - which files are the store, and what is true of all of them.
 *
 * The file MANIFEST is replaced atomically (MANIFEST.tmp written, synced, renamed, directory
 * synced) and ends with a checksum. A file that it does not list is never read; one that it lists
 * and that is missing is an error that names it.
 *
 * A struct manifest owns its arrays. Not thread-safe: the engine's owner of the moment calls.
 */
#ifndef SCDB_ENGINE_MANIFEST_H
#define SCDB_ENGINE_MANIFEST_H

#include "base/status.h"
#include "engine/file.h"
#include "engine/segment_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_ID_SIZE           16
#define STORE_SECRET_SIZE       192 /* XXH3's own secret size; hashes keys in the index */
#define MANIFEST_NAME           "MANIFEST"
#define MANIFEST_TEMPORARY_NAME "MANIFEST.tmp"

/* One file of the store. */
struct manifest_file {
    uint64_t number;
    enum segment_kind kind;
    uint64_t
        end; /* offset behind the last record; 0 while unknown (a log segment not yet closed) */
    uint64_t first_sequence; /* smallest in the file; 0 while unknown */
    uint64_t last_sequence;  /* greatest in the file; 0 while unknown */
};

/* A place in the log. */
struct manifest_position {
    uint64_t file;
    uint64_t offset;
    uint64_t sequence; /* of the last record before it */
};

struct manifest {
    uint8_t store_id[STORE_ID_SIZE];
    uint8_t secret[STORE_SECRET_SIZE];
    uint32_t format_version; /* of the store: FORMAT_VERSION_PLAIN or FORMAT_VERSION_PIECES */
    uint64_t generation;     /* grows by one with each replacement */
    uint64_t segment_size;
    uint64_t next_file_number;
    uint64_t next_keyspace_id;
    uint64_t next_sequence; /* greater than every sequence number seen when this was written */
    struct manifest_position durable; /* the log is durable up to here: covers like a sync mark */
    uint64_t checkpoint_file;         /* 0: none */

    /* map database -> keyspace id, true at sequence number map_sequence */
    uint64_t map_sequence;
    uint64_t *map; /* owned */
    size_t map_count;

    struct manifest_file *files; /* owned; in the order of their numbers */
    size_t file_count;
    size_t file_capacity;
};

void manifest_init(struct manifest *manifest);
void manifest_deinit(struct manifest *manifest);

/* Deep copy into an initialized, empty `to`. */
enum status manifest_copy(const struct manifest *from, struct manifest *to) MUST_CHECK;

/* Adds a file, keeping the order; EXISTS when the number is listed. */
enum status manifest_add(struct manifest *manifest, const struct manifest_file *file) MUST_CHECK;

/* Takes a file off the list; does nothing when it is not there. */
void manifest_drop(struct manifest *manifest, uint64_t number);

/* The entry of a file, borrowed until the list changes; NULL when it is not listed. */
struct manifest_file *manifest_find(const struct manifest *manifest, uint64_t number);

/* Reads MANIFEST. NOT_FOUND: the directory has none (a new store). CORRUPT, NEWER_FORMAT: `error`
 * says where and what to do. On success the caller owns `out` (manifest_deinit). */
enum status manifest_read(struct file_system *fs, struct manifest *out,
                          struct error *error) MUST_CHECK;

/* The same from the file `name`: for looking into MANIFEST_TEMPORARY_NAME when there is no other.
 */
enum status manifest_read_file(struct file_system *fs, const char *name, struct manifest *out,
                               struct error *error) MUST_CHECK;

/* Where a manifest names its store: for guesses at it when nothing is whole. */
#define MANIFEST_STORE_ID_OFFSET 32

/* Bytes of the file that manifest_write() makes. */
uint64_t manifest_size(const struct manifest *manifest);

/*
 * Replaces MANIFEST durably, with generation + 1. On failure the struct is unchanged, and the file
 * is the old one or, once the new one was to get its name, perhaps the new one; never a mixture. So
 * a file that either of the two lists may be removed only after a later replacement that succeeded
 * without it (doubtful.h). `may_be_new`, set in any case, tells whether MANIFEST may be the new
 * one. False: it has failed before anything could have come of it (MANIFEST_TEMPORARY_NAME could
 * not be made, say, or the system does not allow the rename), so what only the new one lists may be
 * removed.
 */
enum status manifest_replace(struct file_system *fs, struct manifest *manifest,
                             bool *may_be_new) MUST_CHECK;

/* The same, for who keeps all files whatever happens. */
static inline MUST_CHECK enum status manifest_write(struct file_system *fs,
                                                    struct manifest *manifest)
{
    bool may_be_new;
    return manifest_replace(fs, manifest, &may_be_new);
}

#endif
