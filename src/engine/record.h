/*
 * record.h - how one record lies in a segment.
 *
 * Records follow each other in a segment, each padded to 8 bytes, little-endian, immutable once
 * published. Layout (docs/file-format.md describes it to the byte):
 *
 *     fixed header (48 bytes)
 *     expiry, int64 Unix ms             if RECORD_FLAG_EXPIRY
 *     id of the pieces, place           if kind is RECORD_PIECED (two uint64)
 *     key
 *     zeros up to 8 bytes, then one uint64 checksum for each value block of 64 KiB
 *                                       if the value is longer than one block
 *     value
 *     zeros up to a multiple of 8
 *
 * Checksums are XXH3-64 with a seed made of the store's id and the file's number, so that neither
 * a stale block nor bytes that a client stored can pass for a record. The header checksum covers
 * all from the sequence number to the end of the key (and, through value_checksum, the array of
 * block checksums and thereby the value).
 *
 * Pure functions, any thread. Decoding trusts nothing: every size is checked against the bytes
 * that are there before it is used.
 */
#ifndef SCDB_ENGINE_RECORD_H
#define SCDB_ENGINE_RECORD_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RECORD_HEADER_SIZE      48
#define RECORD_ALIGNMENT        8
#define RECORD_VALUE_BLOCK_SIZE 65536
#define RECORD_KEY_SIZE_MAX     ((uint64_t)512 * 1024 * 1024)
#define RECORD_VALUE_SIZE_MAX   ((uint64_t)4 * 1024 * 1024 * 1024 - 1)

/* "Never": a record without an expiry. Greater than every time, so comparisons need no case. */
#define EXPIRY_NONE INT64_MAX

enum record_kind {
    RECORD_VALUE = 1,
    RECORD_PIECED = 2,      /* a string that lies in pieces, or a piece of one: pieces.h */
    RECORD_TOMBSTONE = 3,   /* key deleted */
    RECORD_SYNC_MARK = 4,   /* value: struct sync mark, see mark.h */
    RECORD_EXPIRY_MARK = 5, /* value: records older than this with expiry up to T are dead */
    RECORD_KEYSPACE_MAP = 6 /* value: the whole new map database -> keyspace id */
};

enum record_flag {
    RECORD_FLAG_EXPIRY = 1 << 0,
    RECORD_FLAG_GROUP_MORE = 1 << 1 /* the record after this one belongs to the same group */
};

/* A record taken apart, or about to be put together. Slices borrow. */
struct record {
    uint64_t sequence;
    uint64_t keyspace_id;
    int64_t expiry_ms; /* EXPIRY_NONE: no expiry */
    uint64_t pieces_id;
    uint64_t place;
    enum record_kind kind;
    uint8_t type;     /* value type, the keyspace layer's; 0 = string */
    uint8_t encoding; /* opaque to the engine, the keyspace layer's */
    bool group_more;
    struct slice key;
    struct slice value;
};

/* The seed of all checksums in file `file_number` of the store `store_id`. */
uint64_t record_seed(const uint8_t store_id[16], uint64_t file_number);

/* Bytes that the record takes in a segment, padding included. */
uint64_t record_size(size_t key_size, uint64_t value_size, bool has_expiry, bool is_pieced);

/* Bytes from the record's start to its value's: what record_encode_head writes. */
uint64_t record_head_size(size_t key_size, uint64_t value_size, bool has_expiry, bool is_pieced);

/* What a record takes whose head and value take `size` bytes. */
static inline uint64_t record_padded_size(uint64_t size)
{
    return (size + (RECORD_ALIGNMENT - 1)) & ~(uint64_t)(RECORD_ALIGNMENT - 1);
}

/* Makes what pads a record of `size` bytes at `into` zero, before the record is written over the
 * rest of its last word. */
static inline void record_pad(uint8_t *into, uint64_t size)
{
    memset(into + size - RECORD_ALIGNMENT, 0, RECORD_ALIGNMENT);
}

/*
 * Encodes the head of `record` (all before the value) into `into`, record_head_size() bytes. The
 * value is given in parts (record->value is not looked at), which are read for their checksums; the
 * caller writes them behind the head, then zeros up to record_size().
 */
void record_encode_head(const struct record *record, const struct slice *value_parts,
                        size_t value_part_count, uint64_t seed, uint8_t *into);

/*
 * The same in two steps, for a value that is written before all of its record is known: first the
 * array of its blocks' checksums (nothing for a short one), which stands right in front of the
 * value; then what stands before the array, record_head_size() less record_array_size() bytes.
 * record_encode_array returns the value's checksum, which the second step wants.
 */
uint64_t record_array_size(uint64_t value_size);
uint64_t record_encode_array(const struct slice *value_parts, size_t value_part_count,
                             uint64_t seed, uint8_t *array);

/* What is known of a value that is not at hand. */
struct record_value {
    uint64_t size;
    uint64_t checksum;
};

void record_encode_front(const struct record *record, const struct record_value *value,
                         uint64_t seed, uint8_t *into);

/* Clears RECORD_FLAG_GROUP_MORE of an encoded, not yet published record, and renews its checksum.
 */
void record_end_group(uint8_t *encoded, uint64_t seed);

/*
 * Takes the record at `bytes` apart; `available` bytes may be read. Verifies the header checksum
 * (header and key), not the value: see record_verify_value. CORRUPT: there is no valid record
 * here, `out` untouched. *size becomes the bytes up to the next record.
 */
enum status record_decode(const uint8_t *bytes, uint64_t available, uint64_t seed,
                          struct record *out, uint64_t *size) MUST_CHECK;

/*
 * As record_decode, but verifies nothing and reads only the header: for the hot path, which
 * compares the key and then verifies once. CORRUPT when sizes do not fit into `available`.
 */
enum status record_peek(const uint8_t *bytes, uint64_t available, struct record *out,
                        uint64_t *size) MUST_CHECK;

/* Verifies header and key of the record at `bytes`; `record` is what record_peek made of it. */
enum status record_verify_head(const uint8_t *bytes, const struct record *record,
                               uint64_t seed) MUST_CHECK;

/* Verifies all of a value of at most RECORD_VALUE_BLOCK_SIZE bytes, likewise. */
enum status record_verify_short_value(const uint8_t *bytes, const struct record *record,
                                      uint64_t seed) MUST_CHECK;

/*
 * Verifies the part [offset, offset + size) of the value (whole blocks of it) of the record at
 * `bytes`, whose head is verified. CORRUPT when it does not match.
 */
enum status record_verify_value(const uint8_t *bytes, uint64_t offset, uint64_t size,
                                uint64_t seed) MUST_CHECK;

/* Both: takes the record at `bytes` apart, and verifies its head and all of its value. */
enum status record_decode_whole(const uint8_t *bytes, uint64_t available, uint64_t seed,
                                struct record *out) MUST_CHECK;

#endif
