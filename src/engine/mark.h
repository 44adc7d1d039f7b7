/*
 * mark.h - what stands in the value of a sync mark, an expiry mark and a keyspace map.
 *
 * Pure functions, any thread. Decoding trusts nothing: a value of the wrong size or with impossible
 * contents is CORRUPT, `out` untouched. Encoders write exactly the size given beside them. The
 * layouts are in docs/file-format.md.
 */
#ifndef SCDB_ENGINE_MARK_H
#define SCDB_ENGINE_MARK_H

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define MARK_SYNC_SIZE           24
#define MARK_EXPIRY_SIZE         8
#define MARK_KEYSPACE_MAP_ID_MAX 1048576 /* databases in one map; guards sizes made from it */

/* RECORD_SYNC_MARK: the log was durable up to `offset` of log file `file`, and with it everything
 * with a sequence number up to `sequence`. */
struct mark_sync {
    uint64_t file;
    uint64_t offset;
    uint64_t sequence; /* of the last record before the place */
};

void mark_encode_sync(const struct mark_sync *mark, uint8_t *into);
enum status mark_decode_sync(struct slice value, struct mark_sync *out) MUST_CHECK;

/* RECORD_EXPIRY_MARK: every record with a smaller sequence number and an expiry at or before
 * `until_ms` (Unix time) is dead for good, whatever the clock says later. */
void mark_encode_expiry(int64_t until_ms, uint8_t *into);
enum status mark_decode_expiry(struct slice value, int64_t *until_ms) MUST_CHECK;

/* RECORD_KEYSPACE_MAP: the whole map database -> keyspace id from here on. */
struct mark_keyspace_map {
    uint64_t next_keyspace_id;
    size_t count;       /* databases */
    const uint8_t *ids; /* borrowed from the decoded value, encoded: mark_keyspace_id reads them */
};

static inline size_t mark_keyspace_map_size(size_t count)
{
    return 16 + count * sizeof(uint64_t);
}

/* mark_keyspace_map_size(count) bytes; `count` is at most MARK_KEYSPACE_MAP_ID_MAX. */
void mark_encode_keyspace_map(uint64_t next_keyspace_id, const uint64_t *ids, size_t count,
                              uint8_t *into);

/* CORRUPT also when an id is not below next_keyspace_id. */
enum status mark_decode_keyspace_map(struct slice value, struct mark_keyspace_map *out) MUST_CHECK;

/* The keyspace id of `database`, which is below map->count. */
uint64_t mark_keyspace_id(const struct mark_keyspace_map *map, size_t database);

/* All of them, an owned array; NULL without memory. */
uint64_t *mark_copy_keyspace_ids(const struct mark_keyspace_map *map);

#endif
