/*
 * watch.h - who watches which key (WATCH), a table under the execution lock.
 *
 * Whoever changes a key flags the watchers of it; a flagged watcher's EXEC does nothing. A key that
 * expires changes without anybody's doing: so a watch remembers whether the key was there when it
 * began, and EXEC compares (watch_each). All functions want the execution lock.
 */
#ifndef SCDB_KEYSPACE_WATCH_H
#define SCDB_KEYSPACE_WATCH_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch_table; /* opaque */
struct watch;       /* one (watcher, database, key) */

/* One of these lives in each session; all zero = watches nothing. Must not move while it watches.
 */
struct watcher {
    struct watch *watches; /* owned by the table */
    size_t count;
    bool dirty; /* a watched key has changed */
};

/* `seed` is random: it keeps clients from choosing keys that collide. */
enum status watch_table_create(uint64_t seed, struct watch_table **out) MUST_CHECK;

/* Nobody watches any more (CHECKed). */
void watch_table_destroy(struct watch_table *table);

/* Starts to watch; a key already watched is not added twice. `present`: the key is there now.
 * NO_MEMORY: nothing has changed. */
enum status watch_add(struct watch_table *table, struct watcher *watcher, unsigned database,
                      struct slice key, bool present) MUST_CHECK;

/* Stops watching everything and clears `dirty`. */
void watch_forget_all(struct watch_table *table, struct watcher *watcher);

/* Calls for each key watched; `present` as given to watch_add. */
void watch_each(const struct watcher *watcher,
                void (*visit)(void *context, unsigned database, struct slice key, bool present),
                void *context);

/* The key has changed: flags those who watch it. Costs one comparison when no key is watched. */
void watch_touch(struct watch_table *table, unsigned database, struct slice key);

/* The database was emptied, or exchanged: flags all watchers of keys of it for which
 * `is_changed` says so (NULL: all). */
void watch_touch_database(struct watch_table *table, unsigned database,
                          bool (*is_changed)(void *context, struct slice key), void *context);

/* Bytes that its watches take, without the names of the keys. */
size_t watch_memory(const struct watcher *watcher);

/* How many (watcher, database, key) there are. */
size_t watch_table_count(const struct watch_table *table);

#endif
