/*
 * lookup.h - from a slot or a key to the bytes of a record.
 *
 * Reads through a mapping run under a fault guard, so that a page that the disk can't deliver is
 * STATUS_IO for that read. What fails its checksum is counted, and logged once with file and
 * offset.
 *
 * All functions want the execution lock.
 */
#ifndef SCDB_ENGINE_LOOKUP_H
#define SCDB_ENGINE_LOOKUP_H

#include "base/slice.h"
#include "base/status.h"
#include "engine/engine.h"
#include "engine/index.h"
#include "engine/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* A value up to this is verified together with header and key: it costs one checksum of bytes that
 * are near already. */
#define LOOKUP_VALUE_AT_ONCE 1024

/* A record as a slot found it. When status is not OK only the place is known. */
struct lookup {
    enum status status; /* OK, CORRUPT, IO */
    struct segment *segment;
    uint64_t offset;
    const uint8_t *bytes;
    uint64_t size;          /* in the segment; 0 when status is not OK */
    bool is_value_verified; /* false: it is damaged, or was not looked at */
    struct record record;
};

/* Reads and verifies header and key of the record at `address`, which a slot holds. */
void lookup_address_locked(struct engine *engine, struct record_address address,
                           struct lookup *out);

/* The hash under which a key stands in every index of this store. */
struct index_hash lookup_hash(const struct engine *engine, struct slice key);

/* What a key is found by: lookup_hash(key), which its callers need too, and the key itself. */
struct lookup_key {
    struct index_hash hash;
    struct slice key;
    bool with_value; /* a short value is verified, too */
};

/*
 * Finds the slot of a key, expired or not. False: the key is not there. True: `slot` is its slot
 * and `out` its record; a record that can't be read counts as the key's when the hash matches.
 */
bool lookup_key_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                       const struct lookup_key *wanted, struct index_entry *slot,
                       struct lookup *out);

/* Counts a record that could not be read, and logs it unless it was logged before. */
void lookup_report_locked(struct engine *engine, const struct segment *segment, uint64_t offset,
                          enum status status);

/* The position behind the record, 0 when it was durable when the store was opened. */
uint64_t lookup_position(const struct segment *segment, uint64_t offset, uint64_t size);

/* The entry that the layers above see. CORRUPT: the pieces of its string are not known. */
enum status lookup_to_entry(const struct engine *engine, const struct lookup *lookup,
                            struct entry *out) MUST_CHECK;

#endif
