/*
 * batch.h - several writes that are all or nothing, also when one in their midst fails.
 *
 * keyspace_group_begin() and _end() make writes one after a crash; what these functions add is that
 * a failure (a full disk, max-keys reached) leaves everything as it was. Room is reserved first,
 * and what was written already is put back. All functions want the execution lock; statuses are
 * those of keyspace.h.
 */
#ifndef SCDB_KEYSPACE_BATCH_H
#define SCDB_KEYSPACE_BATCH_H

#include "base/slice.h"
#include "base/status.h"
#include "keyspace/keyspace.h"

#include <stddef.h>

/* What MSET sets. */
struct batch_strings {
    const struct slice *pairs; /* key, value, key, value ... */
    size_t count;              /* of pairs */
    /* Told of each key at once when it is set, or NULL. Should a later one fail, those before are
     * put back and were told for nothing. */
    void (*on_put)(void *context, struct slice key);
    void *context;
};

/* Sets keys to strings. */
enum status batch_put_strings(struct keyspace *keyspace, unsigned database,
                              const struct batch_strings *strings) MUST_CHECK;

/* Bytes of the room that setting them would reserve now, those that put back what there was among
 * them. */
uint64_t batch_size_of_strings(struct keyspace *keyspace, unsigned database,
                               const struct slice *pairs, size_t count);

/* Bytes of the record of one pair. */
uint64_t batch_size_of_pair(const struct slice *pair);

/* Gives a found key's value to another key and deletes the found one: RENAME, MOVE. The two are not
 * the same. Needs no room for one key more. Those who watch hear of the old name first, as in
 * Redis. */
enum status batch_move(struct keyspace *keyspace, unsigned from_database, const struct value *value,
                       unsigned to_database, struct slice to_key) MUST_CHECK;

#endif
