/*
 * index_image.h - tables of an index as bytes, the way a checkpoint keeps them.
 *
 * An image is one table without its empty slots: what lies where in memory is not part of it. So an
 * index that is loaded from images may have other homes and other room than the one that was
 * copied, and the same slots in the same order.
 *
 * Bytes of an image: `count` slots of 12 bytes in the order of their hashes (three u32: the upper
 * 32 bits of the hash; its lower 16 bits, 8 bits of flags and the upper 8 bits of the address; the
 * lower 32 bits of the address), then, when any key of the table expires, `count` u32 seconds
 * (UINT32_MAX: this key does not expire). Little-endian.
 *
 * Threads: those of the index. An image owns its bytes.
 */
#ifndef SCDB_ENGINE_INDEX_IMAGE_H
#define SCDB_ENGINE_INDEX_IMAGE_H

#include "base/buffer.h"
#include "base/status.h"
#include "engine/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_IMAGE_SLOT_SIZE   ((size_t)12)
#define INDEX_IMAGE_SECOND_SIZE ((size_t)4)

/* Behind the last hash. */
#define INDEX_HASH_END ((uint64_t)1 << INDEX_HASH_BITS)

struct index_image {
    uint64_t first; /* the smallest hash that the table may hold */
    unsigned depth; /* the bits of `first` that all its hashes begin with */
    uint32_t count;
    bool expires; /* the seconds are there */
    struct buffer bytes;
};

void index_image_init(struct index_image *image);
void index_image_deinit(struct index_image *image);

/* The hash behind the table's last; INDEX_HASH_END for the last table. */
uint64_t index_image_end(const struct index_image *image);

/* How many bytes an image of so many slots has. */
static inline size_t index_image_size(uint32_t count, bool expires)
{
    return (size_t)count * (INDEX_IMAGE_SLOT_SIZE + (expires ? INDEX_IMAGE_SECOND_SIZE : 0));
}

/*
 * Copies the table that begins at `hash`: 0, or the end of an image that was made before, below
 * INDEX_HASH_END. Where the table there has become one with one that was copied, only its part from
 * `hash` on, as a table of its own. NO_MEMORY: the image is not to be used.
 */
enum status index_copy_table(const struct index *index, uint64_t hash,
                             struct index_image *out) MUST_CHECK;

/* --- loading ------------------------------------------------------------------------------ */

/* Tells where the record of a slot lies now: changes the address, or returns false when it is gone,
 * and the slot with it. */
struct index_translator {
    bool (*translate)(void *context, struct record_address *address);
    void *context;
};

/* An index that is being made from images. */
struct index_loader {
    struct index *index;         /* borrowed; empty until index_loader_finish() */
    struct index_table **tables; /* owned, as are the tables */
    size_t count;
    size_t capacity;
    uint64_t next; /* the first hash of the next image */
};

/* `index` is empty and stays so until the end. */
void index_loader_init(struct index_loader *loader, struct index *index);
void index_loader_deinit(struct index_loader *loader);

/*
 * Adds the next image, which must begin where the last one ended. CORRUPT: it does not, or it is no
 * image of a table. INDEX_FULL, NO_MEMORY. After a failure only index_loader_deinit() is allowed.
 */
enum status index_loader_add(struct index_loader *loader, const struct index_image *image,
                             const struct index_translator *translator) MUST_CHECK;

/* The index gets all that was added. CORRUPT: the last image is missing. NO_MEMORY, INDEX_FULL. On
 * failure the index is empty as before. */
enum status index_loader_finish(struct index_loader *loader) MUST_CHECK;

#endif
