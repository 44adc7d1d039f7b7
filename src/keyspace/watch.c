/* watch.c - see watch.h. A chained hash table over (database, key); each watch also hangs in the
 * list of its watcher. */
#include "keyspace/watch.h"

#include "base/check.h"
#include "engine/checksum.h"

#include <stdint.h>
#include <stdlib.h>

#define BUCKETS_MIN 64

struct watch {
    struct watch *next_in_bucket;
    struct watch *next_of_watcher;
    struct watcher *watcher;
    uint64_t hash;
    size_t key_size;
    unsigned database;
    bool present;
    char key[];
};

struct watch_table {
    struct watch **buckets; /* owned */
    size_t bucket_count;    /* a power of two */
    size_t count;
    uint64_t seed;
};

enum status watch_table_create(uint64_t seed, struct watch_table **out)
{
    struct watch_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return STATUS_NO_MEMORY;
    }
    table->buckets = calloc(BUCKETS_MIN, sizeof(*table->buckets));
    if (table->buckets == NULL) {
        free(table);
        return STATUS_NO_MEMORY;
    }
    table->bucket_count = BUCKETS_MIN;
    table->seed = seed;
    *out = table;
    return STATUS_OK;
}

void watch_table_destroy(struct watch_table *table)
{
    if (table == NULL) {
        return;
    }
    CHECK(table->count == 0);
    free(table->buckets);
    free(table);
}

static uint64_t hash_of(const struct watch_table *table, unsigned database, struct slice key)
{
    return checksum_of(key.data, key.size, table->seed + database);
}

static struct watch **bucket_of(const struct watch_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static struct slice key_of(const struct watch *watch)
{
    return slice_make(watch->key, watch->key_size);
}

static bool is_for(const struct watch *watch, uint64_t hash, unsigned database, struct slice key)
{
    return watch->hash == hash && watch->database == database && slice_equal(key_of(watch), key);
}

/* Doubles the buckets when the chains get long. Failing is no harm: chains stay long. */
static void grow(struct watch_table *table)
{
    size_t wanted = table->bucket_count * 2;
    struct watch **fresh = calloc(wanted, sizeof(*fresh));
    if (fresh == NULL) {
        return;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct watch *watch = table->buckets[i];
        while (watch != NULL) {
            struct watch *next = watch->next_in_bucket;
            struct watch **bucket = &fresh[watch->hash & (wanted - 1)];
            watch->next_in_bucket = *bucket;
            *bucket = watch;
            watch = next;
        }
    }
    free(table->buckets);
    table->buckets = fresh;
    table->bucket_count = wanted;
}

static bool is_watched_by(const struct watch_table *table, const struct watcher *watcher,
                          uint64_t hash, unsigned database, struct slice key)
{
    for (struct watch *watch = *bucket_of(table, hash); watch != NULL;
         watch = watch->next_in_bucket) {
        if (watch->watcher == watcher && is_for(watch, hash, database, key)) {
            return true;
        }
    }
    return false;
}

enum status watch_add(struct watch_table *table, struct watcher *watcher, unsigned database,
                      struct slice key, bool present)
{
    uint64_t hash = hash_of(table, database, key);
    if (is_watched_by(table, watcher, hash, database, key)) {
        return STATUS_OK;
    }
    struct watch *watch = malloc(sizeof(*watch) + key.size);
    if (watch == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    struct watch **bucket = bucket_of(table, hash);
    *watch = (struct watch){.next_in_bucket = *bucket,
                            .next_of_watcher = watcher->watches,
                            .watcher = watcher,
                            .hash = hash,
                            .key_size = key.size,
                            .database = database,
                            .present = present};
    if (key.size > 0) {
        memcpy(watch->key, key.data, key.size);
    }
    *bucket = watch;
    watcher->watches = watch;
    watcher->count++;
    table->count++;
    return STATUS_OK;
}

static void unlink_from_bucket(struct watch_table *table, struct watch *watch)
{
    struct watch **link = bucket_of(table, watch->hash);
    while (*link != watch) {
        CHECK(*link != NULL);
        link = &(*link)->next_in_bucket;
    }
    *link = watch->next_in_bucket;
}

void watch_forget_all(struct watch_table *table, struct watcher *watcher)
{
    struct watch *watch = watcher->watches;
    while (watch != NULL) {
        struct watch *next = watch->next_of_watcher;
        unlink_from_bucket(table, watch);
        free(watch);
        table->count--;
        watch = next;
    }
    *watcher = (struct watcher){0};
}

size_t watch_memory(const struct watcher *watcher)
{
    return watcher->count * sizeof(struct watch);
}

void watch_each(const struct watcher *watcher,
                void (*visit)(void *context, unsigned database, struct slice key, bool present),
                void *context)
{
    for (struct watch *watch = watcher->watches; watch != NULL; watch = watch->next_of_watcher) {
        visit(context, watch->database, key_of(watch), watch->present);
    }
}

void watch_touch(struct watch_table *table, unsigned database, struct slice key)
{
    if (table->count == 0) {
        return;
    }
    uint64_t hash = hash_of(table, database, key);
    for (struct watch *watch = *bucket_of(table, hash); watch != NULL;
         watch = watch->next_in_bucket) {
        if (is_for(watch, hash, database, key)) {
            watch->watcher->dirty = true;
        }
    }
}

void watch_touch_database(struct watch_table *table, unsigned database,
                          bool (*is_changed)(void *context, struct slice key), void *context)
{
    if (table->count == 0) {
        return;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct watch *watch = table->buckets[i]; watch != NULL;
             watch = watch->next_in_bucket) {
            if (watch->database == database && !watch->watcher->dirty &&
                (is_changed == NULL || is_changed(context, key_of(watch)))) {
                watch->watcher->dirty = true;
            }
        }
    }
}

size_t watch_table_count(const struct watch_table *table)
{
    return table->count;
}
