/*
 * keyspace_state.h - what a keyspace is made of: for the files of this folder that make it up.
 */
#ifndef SCDB_KEYSPACE_KEYSPACE_STATE_H
#define SCDB_KEYSPACE_KEYSPACE_STATE_H

#include "keyspace/keyspace.h"

struct keyspace {
    struct engine *engine; /* borrowed */
    struct watch_table *watches;
    struct keyspace_statistics statistics;
    const struct keyspace_observer *observer; /* borrowed, or NULL */
    struct eviction eviction;
    int64_t now_ms;
};

/* Tells the observer, if there is one. */
static inline void keyspace_tell(const struct keyspace *keyspace, enum key_event event,
                                 unsigned database, struct slice key)
{
    if (keyspace->observer != NULL) {
        keyspace->observer->on_key(keyspace->observer->context, event, database, key);
    }
}

/* Tells those who watch the key, and the observer. */
static inline void keyspace_tell_changed(const struct keyspace *keyspace, unsigned database,
                                         struct slice key)
{
    watch_touch(keyspace->watches, database, key);
    keyspace_tell(keyspace, KEY_CHANGED, database, key);
}

/* keyspace_store_copy(), and nobody is told that the key was changed. */
enum status keyspace_store_copy_quietly(struct keyspace *keyspace, const struct value *value,
                                        unsigned database, struct slice key) MUST_CHECK;

static inline struct engine_keyspace *keyspace_of_database(struct keyspace *keyspace,
                                                           unsigned database)
{
    return engine_database_locked(keyspace->engine, database);
}

#endif
