/*
 * keyspace.h - what "a key" means to Redis: databases, typed values, expiry, who watches.
 *
 * Stands between the commands and the engine: no command handler knows how bytes are stored. All
 * functions want the execution lock (engine_lock). Values are verified before they are handed out.
 *
 * Statuses: NOT_FOUND no such (live) key; otherwise the engine's (DISK_FULL, INDEX_FULL,
 * KEY_LIMIT, CORRUPT, IO, WRITES_STOPPED, TOO_LARGE, NO_MEMORY), all of which commands/errors.c
 * words for the client. On failure nothing has changed.
 */
#ifndef SCDB_KEYSPACE_KEYSPACE_H
#define SCDB_KEYSPACE_KEYSPACE_H

#include "base/slice.h"
#include "base/status.h"
#include "engine/engine.h"
#include "keyspace/eviction.h"
#include "keyspace/watch.h"

#include <stdbool.h>
#include <stdint.h>

struct keyspace; /* all databases of a store; opaque */

/* Types as they stand in records and slots; the names that TYPE answers. */
enum value_type {
    TYPE_STRING = 0,
    TYPE_LIST = 1,
    TYPE_SET = 2,
    TYPE_ZSET = 3,
    TYPE_HASH = 4,
    TYPE_STREAM = 5
};

/* What TYPE answers ("string"); a static string. */
const char *value_type_name(enum value_type type);

/* How a string came about, which OBJECT ENCODING and REFCOUNT show. Stands in records: numbers
 * never change. */
enum string_encoding {
    STRING_PLAIN = 0, /* int or embstr or raw, by its bytes */
    STRING_RAW = 1,   /* built by APPEND or SETRANGE: raw even when short */
    STRING_TEXT = 2,  /* built by INCRBYFLOAT: by its size, but int never */
    STRING_COPY = 3   /* made by COPY of a plain one: a small int in it is not a shared one */
};

/* A key's value, borrowed until the lock is released. */
struct value {
    size_t size;
    struct slice bytes; /* all of it and verified, once it was loaded, as short ones are from the
                           start; before, empty */
    int64_t expiry_ms;  /* EXPIRY_NONE = none */
    enum value_type type;
    uint8_t encoding;
    struct entry entry; /* for reading parts, and pinning */
};

/* False of one that was made of nothing, to stand for a key that is not there. */
static inline bool value_is_present(const struct value *value)
{
    return value->entry.sequence != 0;
}

enum status keyspace_create(struct engine *engine, struct keyspace **out) MUST_CHECK;
void keyspace_destroy(struct keyspace *keyspace);
struct engine *keyspace_engine(struct keyspace *keyspace);
struct watch_table *keyspace_watches(struct keyspace *keyspace);
unsigned keyspace_database_count(const struct keyspace *keyspace);

/* INFO's keyspace_hits and keyspace_misses, counted by lookups that read for a command. */
struct keyspace_statistics {
    uint64_t hits;
    uint64_t misses;
};
struct keyspace_statistics *keyspace_statistics(struct keyspace *keyspace);

/* What eviction is to do, and has done. */
struct eviction *keyspace_eviction(struct keyspace *keyspace);

/* Are the accesses from now on, which are those of one command, to be noted for eviction? How is a
 * matter of the policy. */
void keyspace_note_access(struct keyspace *keyspace, bool noted);

/* Milliseconds since 1970 that hold for the command (or EXEC) that runs: taken once, at its start,
 * so that a command sees one moment. What has expired by then is gone, here and in the engine:
 * nothing below looks at the clock again. */
int64_t keyspace_now_ms(const struct keyspace *keyspace);
void keyspace_set_now_ms(struct keyspace *keyspace, int64_t now_ms);

/* What happens to keys where no command can see it. */
enum key_event {
    KEY_ADDED,   /* a write makes a key that was not there */
    KEY_CHANGED, /* it was written or deleted; behind KEY_ADDED */
    KEY_MISSED,  /* a command that reads has not found it */
    KEY_EVICTED  /* it has gone to make room for others; behind KEY_CHANGED */
};

/* Who is told, under the execution lock, in the midst of a read or write: it must do neither. */
struct keyspace_observer {
    bool
        wants_additions; /* else KEY_ADDED is not told: finding out takes a lookup for each write */
    void (*on_key)(void *context, enum key_event event, unsigned database, struct slice key);
    void (*on_cleared)(void *context); /* some or all databases are empty now */
    void *context;
};

/* Borrowed from now on; its fields may change under the lock. NULL: nobody is told. */
void keyspace_observe(struct keyspace *keyspace, const struct keyspace_observer *observer);

/* --- reading --- */

/* Finds the key without reading its value, if that is long: size, type, expiry. Does not count
 * hits: for commands that write. */
enum status keyspace_find(struct keyspace *keyspace, unsigned database, struct slice key,
                          struct value *out) MUST_CHECK;

/* The same for commands that read: counts a hit or a miss. */
enum status keyspace_lookup(struct keyspace *keyspace, unsigned database, struct slice key,
                            struct value *out) MUST_CHECK;

/* The same, but a miss is not told to the observer (OBJECT). */
enum status keyspace_lookup_quietly(struct keyspace *keyspace, unsigned database, struct slice key,
                                    struct value *out) MUST_CHECK;

/* keyspace_part() of what is not loaded. */
enum status keyspace_read_part(struct keyspace *keyspace, const struct value *value, size_t offset,
                               size_t size, struct slice *out) MUST_CHECK;

/* [offset, offset+size) of a found value, cut at its end, verified: where there is no need to load
 * all of something large (GETRANGE, GETBIT). Borrowed until the command is over. */
MUST_CHECK static inline enum status keyspace_part(struct keyspace *keyspace,
                                                   const struct value *value, size_t offset,
                                                   size_t size, struct slice *out)
{
    size_t loaded = value->bytes.size;
    if (loaded == 0) {
        return keyspace_read_part(keyspace, value, offset, size, out);
    }
    size_t from = offset < loaded ? offset : loaded;
    *out = slice_make(value->bytes.data + from, size < loaded - from ? size : loaded - from);
    return STATUS_OK;
}

/* The same bytes into memory of the caller's; on a failure some have been copied. */
enum status keyspace_copy_part(struct keyspace *keyspace, const struct value *value, size_t offset,
                               size_t size, char *into) MUST_CHECK;

/* The same bytes, shown one part of them after the other, each during its visit; on a failure some
 * have been shown. */
enum status keyspace_each_part(struct keyspace *keyspace, const struct value *value, size_t offset,
                               size_t size, const struct part_visitor *visitor) MUST_CHECK;

/* --- writing: each but one also tells the watchers of the key --- */

/* What a key is set to. */
struct string_content {
    const struct slice *parts; /* borrowed: bytes that were verified, or a client's */
    size_t part_count;
    int64_t expiry_ms; /* EXPIRY_NONE = none */
    enum string_encoding encoding;
    bool is_anew; /* as if what had the name before were deleted first, which observers see */
};

/* Sets the key to a string. An expiry that has passed already leaves the key absent. */
enum status keyspace_put_string(struct keyspace *keyspace, unsigned database, struct slice key,
                                const struct string_content *content) MUST_CHECK;

/* The same for a string that Redis does not count as changed (it only became raw, or grew by zeros
 * while every operation failed): who watches the key is not told. */
enum status keyspace_put_string_quietly(struct keyspace *keyspace, unsigned database,
                                        struct slice key,
                                        const struct string_content *content) MUST_CHECK;

/* A change of a part of a string. */
struct string_patch {
    const struct value *old; /* found before; or none, see value_is_present() */
    size_t offset;           /* of `bytes` in the string; a gap before it becomes zeros */
    struct slice bytes;      /* borrowed */
    bool is_change;          /* false: as keyspace_put_string_quietly() */
};

/* Will a string that gets this size be changed where it lies? Else it has to be written whole, with
 * keyspace_put_string(). */
bool keyspace_may_patch(struct keyspace *keyspace, const struct value *old, size_t size);

/* Changes it there; the expiry stays, the encoding becomes STRING_RAW. `old` must not be read any
 * more. */
enum status keyspace_patch_string(struct keyspace *keyspace, unsigned database, struct slice key,
                                  const struct string_patch *patch) MUST_CHECK;

/* Gives a found key another expiry, value unchanged (EXPIRY_NONE: none). One that has passed
 * already deletes the key. */
enum status keyspace_set_expiry(struct keyspace *keyspace, unsigned database,
                                const struct value *value, int64_t expiry_ms) MUST_CHECK;

enum status keyspace_delete(struct keyspace *keyspace, unsigned database,
                            struct slice key) MUST_CHECK;

/* The same for one that goes to make room (eviction.h), which the observer is told. */
enum status keyspace_evict(struct keyspace *keyspace, unsigned database,
                           struct slice key) MUST_CHECK;

/* Writes the found value under another name (RENAME, COPY, MOVE): type, encoding and expiry as they
 * stand in `value`. */
enum status keyspace_store_copy(struct keyspace *keyspace, const struct value *value,
                                unsigned database, struct slice key) MUST_CHECK;

/* Empties one or all databases, exchanges two. (Who watches a key of an emptied database is told
 * before: when emptying then fails, that was for nothing, which is no harm.) */

enum status keyspace_clear(struct keyspace *keyspace, unsigned database) MUST_CHECK;
enum status keyspace_clear_all(struct keyspace *keyspace) MUST_CHECK;
enum status keyspace_swap(struct keyspace *keyspace, unsigned a, unsigned b) MUST_CHECK;

/* Starts to watch a key for the session, and tells at EXEC whether all that it watches is as it
 * was: nothing written since (watcher->dirty), nothing expired. */
enum status keyspace_watch(struct keyspace *keyspace, struct watcher *watcher, unsigned database,
                           struct slice key) MUST_CHECK;
bool keyspace_is_unchanged(struct keyspace *keyspace, const struct watcher *watcher);

/* What is written between the two is all or nothing after a crash (MSET, RENAME, EXEC). Nest. */
void keyspace_group_begin(struct keyspace *keyspace);
void keyspace_group_end(struct keyspace *keyspace);

/* --- counting and walking --- */

uint64_t keyspace_count(struct keyspace *keyspace, unsigned database);
uint64_t keyspace_expiring_count(struct keyspace *keyspace, unsigned database);
int64_t keyspace_average_ttl_ms(struct keyspace *keyspace, unsigned database);

/* At least `count` keys from *cursor on; see index_scan for what a cursor promises. */
void keyspace_scan(struct keyspace *keyspace, unsigned database, uint64_t *cursor, size_t count,
                   const struct entry_visitor *visitor);
enum status keyspace_random(struct keyspace *keyspace, unsigned database,
                            struct entry *out) MUST_CHECK;

#endif
