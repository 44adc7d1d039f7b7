/*
 * v1_hash.h - the two hashes by which the ancestor's engines place a key in a column.
 *
 * The layout carries no checksum, so that a key stands in the column that its hash gives is the
 * only thing in a file that tells a whole key from a damaged one. Pure functions, any thread.
 */
#ifndef SCDB_IMPORT_V1_HASH_H
#define SCDB_IMPORT_V1_HASH_H

#include "base/slice.h"

#include <stdint.h>

enum v1_hash {
    V1_HASH_RUST, /* scdb and py_scdb: XXH3 as it was in xxHash 0.7.2, which no library has now */
    V1_HASH_GO,   /* go-scdb: XXH64 */
    V1_HASH_COUNT,
    V1_HASH_UNKNOWN = V1_HASH_COUNT
};

/* The hash of a key; `hash` is one of the two. */
uint64_t v1_hash_of(enum v1_hash hash, struct slice key);

#endif
