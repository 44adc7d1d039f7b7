/*
 * checkpoint_read.h - the parts of a checkpoint out of its file, each verified: for who loads it
 * (recovery_checkpoint.h), and for who looks whether it is whole (scdb-check).
 *
 * CORRUPT: a part is shorter than it should be, fails its checksum, or says what can't be. Other
 * failures are those of file_read(), and NO_MEMORY. One thread at a time for each reader.
 */
#ifndef SCDB_ENGINE_CHECKPOINT_READ_H
#define SCDB_ENGINE_CHECKPOINT_READ_H

#include "engine/checkpoint.h"
#include "engine/file.h"

/* The header of the file with this number, and whether the file ends with its facts. NEWER_FORMAT
 * too. */
enum status checkpoint_read_header(struct file *file, const uint8_t *store_id, uint64_t number,
                                   struct checkpoint_header *out) MUST_CHECK;

/* `out` is initialized and empty; after a failure only deinit is allowed. `seed`: of the file
 * (record_seed). */
enum status checkpoint_read_facts(struct file *file, const struct checkpoint_header *header,
                                  uint64_t seed, struct checkpoint_facts *out) MUST_CHECK;

/* The blocks, one after the other. */
struct checkpoint_block_reader {
    struct file *file;                      /* borrowed, as is the header */
    const struct checkpoint_header *header; /* which has been read */
    uint64_t seed;
    uint64_t offset;               /* behind the blocks that were read: after a failure, that of the
                                      one which is not valid */
    uint64_t ordinal;              /* of the next block */
    struct checkpoint_block block; /* the last that was read */
    struct index_image image;      /* owned: its table */
};

void checkpoint_block_reader_init(struct checkpoint_block_reader *reader, struct file *file,
                                  const struct checkpoint_header *header, uint64_t seed);
void checkpoint_block_reader_deinit(struct checkpoint_block_reader *reader);

/* NOT_FOUND: there is no further block, and the facts follow. After any failure only deinit is
 * allowed. */
enum status checkpoint_block_reader_next(struct checkpoint_block_reader *reader) MUST_CHECK;

#endif
