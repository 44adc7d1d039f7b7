/*
 * v1_writer.h - makes files as the ancestor's engines do, in memory and of any page size, for tests
 * of the reader (import/v1_file.h). One thread. CHECKs that memory suffices.
 */
#ifndef SCDB_TESTS_SUPPORT_V1_WRITER_H
#define SCDB_TESTS_SUPPORT_V1_WRITER_H

#include "base/buffer.h"
#include "import/v1_hash.h"

#include <stdbool.h>
#include <stdint.h>

struct v1_writer {
    struct buffer file; /* owned; the whole file at any time */
    enum v1_hash hash;
    uint32_t columns;
    uint32_t blocks;
};

struct v1_shape {
    enum v1_hash hash;
    uint32_t block_size;
    uint64_t max_keys;
    uint16_t redundant_blocks;
};

void v1_writer_init(struct v1_writer *writer, const struct v1_shape *shape);
void v1_writer_deinit(struct v1_writer *writer);

/* Appends an entry that no slot leads to; returns its offset. */
uint64_t v1_writer_append(struct v1_writer *writer, struct slice key, struct slice value,
                          uint64_t expiry_s);

/* False: the key's column is full; nothing has changed. */
bool v1_writer_set(struct v1_writer *writer, struct slice key, struct slice value,
                   uint64_t expiry_s);

/* Marks the key's entry, if there is one. */
void v1_writer_delete(struct v1_writer *writer, struct slice key);

/* Where the slot of a key stands in the file; 0: it has none. */
uint64_t v1_writer_find_slot(const struct v1_writer *writer, struct slice key);

void v1_writer_put_slot(struct v1_writer *writer, uint64_t slot_offset, uint64_t target);
uint64_t v1_writer_slot(const struct v1_writer *writer, uint64_t slot_offset);

#endif
