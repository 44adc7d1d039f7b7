/*
 * checkpoint.h - the file that holds a copy of the index, and what of the log it knows.
 *
 * A checkpoint is a header, the images of all tables of all keyspaces (index_image.h), and the
 * facts that belong to them: which files there were, how far each is contained in the images, and
 * how many bytes in each are alive. docs/file-format.md section 8 describes every byte.
 *
 * The tables are copied one after the other while writing goes on, so they show different moments:
 * each holds all that had been appended up to `start`, and may hold what came after, up to `end`.
 * Who reads all records behind the covered end of each file as well, newest sequence number first,
 * has the index of the moment of the last record, exactly.
 *
 * This header encodes and decodes; checkpoint_take.h makes one, recovery_checkpoint.h loads it.
 * Pure functions of bytes, any thread. Decoded facts own their arrays.
 */
#ifndef SCDB_ENGINE_CHECKPOINT_H
#define SCDB_ENGINE_CHECKPOINT_H

#include "base/buffer.h"
#include "base/status.h"
#include "engine/index_image.h"
#include "engine/manifest.h"
#include "engine/staircase.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKPOINT_HEADER_SIZE       256
#define CHECKPOINT_BLOCK_HEADER_SIZE 48

/* Room for "00000000000000000012.index" in FILE_NAME_SIZE_MAX bytes. */
void checkpoint_file_name(uint64_t file_number, char *name);

/* --- the header --------------------------------------------------------------------------- */

struct checkpoint_header {
    uint64_t file_number;
    struct manifest_position start; /* all of the log up to here is in the tables */
    struct manifest_position end;   /* nothing of the log behind this is */
    int64_t created_ms;
    uint64_t facts_offset; /* where the facts begin: behind the last block */
    uint64_t facts_size;
    uint64_t block_count;
    uint64_t key_count;
    unsigned address_shift; /* units of one handle, as a power of two (segment.h) */
    bool knows_pieces;      /* the facts end with strings in pieces: checkpoint_pieces.h */
};

void checkpoint_header_encode(const struct checkpoint_header *header, const uint8_t *store_id,
                              uint8_t *into);

/* CORRUPT: these are not the bytes of this store's file with this number. NEWER_FORMAT. */
enum status checkpoint_header_decode(const uint8_t *bytes, const uint8_t *store_id,
                                     uint64_t file_number,
                                     struct checkpoint_header *out) MUST_CHECK;

/* --- blocks: the image of one table each ---------------------------------------------------- */

struct checkpoint_block {
    uint64_t ordinal; /* 0, 1, ... in the order of the file */
    uint64_t keyspace_id;
};

/* Appends the block to `out`. `seed`: of the file (record_seed). NO_MEMORY. */
enum status checkpoint_block_append(const struct checkpoint_block *block,
                                    const struct index_image *image, uint64_t seed,
                                    struct buffer *out) MUST_CHECK;

/* The size of the body behind a block's header; CORRUPT: it says what can't be. */
enum status checkpoint_block_body_size(const uint8_t *header, size_t *out) MUST_CHECK;

/* Verifies a block whose body lies in the image's bytes already, and fills in the rest. CORRUPT. */
enum status checkpoint_block_decode(const uint8_t *header, uint64_t seed,
                                    struct checkpoint_block *block,
                                    struct index_image *image) MUST_CHECK;

/* --- the facts ---------------------------------------------------------------------------- */

/* Live bytes of one keyspace in one file. */
struct checkpoint_live {
    uint64_t keyspace_id;
    uint64_t bytes;
};

struct checkpoint_file {
    uint64_t number;
    uint64_t covered_end; /* records before this are in the tables; 0 = none of them for sure */
    uint32_t handle;      /* its addresses: handles [handle, handle + handle_count) */
    uint32_t handle_count;
    bool damaged; /* struct segment has it */
    uint32_t live_count;
    size_t first_live; /* in the facts' lives */
};

struct checkpoint_facts {
    struct staircase marks;        /* owned: expiry marks up to the end */
    struct checkpoint_file *files; /* owned; encoded and decoded in the order of their numbers */
    size_t file_count;
    size_t file_capacity;
    struct checkpoint_live *lives; /* owned */
    size_t live_count;
    size_t live_capacity;
    struct buffer strings; /* owned: the bytes of strings in pieces, checkpoint_pieces.h */
};

void checkpoint_facts_init(struct checkpoint_facts *facts);
void checkpoint_facts_deinit(struct checkpoint_facts *facts);

/* Adds a file, then live bytes of the file that was added last. NO_MEMORY: nothing has changed. */
enum status checkpoint_facts_add_file(struct checkpoint_facts *facts,
                                      const struct checkpoint_file *file) MUST_CHECK;
enum status checkpoint_facts_add_live(struct checkpoint_facts *facts, uint64_t keyspace_id,
                                      uint64_t bytes) MUST_CHECK;

/* Puts the files into the order of their numbers. */
void checkpoint_facts_sort(struct checkpoint_facts *facts);

/* The file with this number, NULL when there is none; the files are in order. */
const struct checkpoint_file *checkpoint_facts_find(const struct checkpoint_facts *facts,
                                                    uint64_t number);

/* Appends the facts' bytes to `out`. NO_MEMORY. */
enum status checkpoint_facts_append(const struct checkpoint_facts *facts, uint64_t seed,
                                    struct buffer *out) MUST_CHECK;

/* Fills facts that are initialized and empty. CORRUPT, NO_MEMORY: only deinit is allowed then. */
enum status checkpoint_facts_decode(const uint8_t *bytes, size_t size, uint64_t seed,
                                    struct checkpoint_facts *out) MUST_CHECK;

#endif
