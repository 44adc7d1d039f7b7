/* keyspace.c - see keyspace.h. */
#include "keyspace/keyspace.h"

#include "base/clock.h"
#include "base/random.h"
#include "keyspace/keyspace_state.h"

#include <stdlib.h>

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [TYPE_STRING] = "string", [TYPE_LIST] = "list", [TYPE_SET] = "set",
        [TYPE_ZSET] = "zset",     [TYPE_HASH] = "hash", [TYPE_STREAM] = "stream",
    };
    return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

enum status keyspace_create(struct engine *engine, struct keyspace **out)
{
    struct keyspace *keyspace = calloc(1, sizeof(*keyspace));
    if (keyspace == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = watch_table_create(random_seed(), &keyspace->watches);
    if (status != STATUS_OK) {
        free(keyspace);
        return status;
    }
    keyspace->engine = engine;
    keyspace->now_ms = clock_unix_ms();
    eviction_init(&keyspace->eviction);
    *out = keyspace;
    return STATUS_OK;
}

void keyspace_destroy(struct keyspace *keyspace)
{
    if (keyspace == NULL) {
        return;
    }
    watch_table_destroy(keyspace->watches);
    free(keyspace);
}

struct engine *keyspace_engine(struct keyspace *keyspace)
{
    return keyspace->engine;
}

struct watch_table *keyspace_watches(struct keyspace *keyspace)
{
    return keyspace->watches;
}

unsigned keyspace_database_count(const struct keyspace *keyspace)
{
    return engine_database_count(keyspace->engine);
}

struct keyspace_statistics *keyspace_statistics(struct keyspace *keyspace)
{
    return &keyspace->statistics;
}

struct eviction *keyspace_eviction(struct keyspace *keyspace)
{
    return &keyspace->eviction;
}

void keyspace_note_access(struct keyspace *keyspace, bool noted)
{
    const struct eviction *eviction = &keyspace->eviction;
    enum engine_access access = noted ? eviction_access(eviction->policy) : ACCESS_NOT_NOTED;
    engine_note_access_locked(keyspace->engine, access, eviction->frequency_factor);
}

int64_t keyspace_now_ms(const struct keyspace *keyspace)
{
    return keyspace->now_ms;
}

void keyspace_set_now_ms(struct keyspace *keyspace, int64_t now_ms)
{
    keyspace->now_ms = now_ms;
    engine_set_moment_locked(keyspace->engine, now_ms);
}

void keyspace_observe(struct keyspace *keyspace, const struct keyspace_observer *observer)
{
    keyspace->observer = observer;
}

/* --- reading --- */

enum status keyspace_find(struct keyspace *keyspace, unsigned database, struct slice key,
                          struct value *out)
{
    const struct entry *entry = &out->entry;
    enum status status = engine_find_locked(
        keyspace->engine, keyspace_of_database(keyspace, database), key, &out->entry);
    if (status != STATUS_OK) {
        return status;
    }
    out->size = (size_t)entry->size;
    bool is_loaded = entry->is_verified && entry_is_whole(entry);
    out->bytes = is_loaded ? entry->value : slice_make(NULL, 0);
    out->expiry_ms = entry->expiry_ms;
    out->type = (enum value_type)entry->type;
    out->encoding = entry->encoding;
    return STATUS_OK;
}

enum status keyspace_lookup_quietly(struct keyspace *keyspace, unsigned database, struct slice key,
                                    struct value *out)
{
    enum status status = keyspace_find(keyspace, database, key, out);
    if (status == STATUS_NOT_FOUND) {
        keyspace->statistics.misses++;
    } else {
        keyspace->statistics.hits++;
    }
    return status;
}

enum status keyspace_lookup(struct keyspace *keyspace, unsigned database, struct slice key,
                            struct value *out)
{
    enum status status = keyspace_lookup_quietly(keyspace, database, key, out);
    if (status == STATUS_NOT_FOUND) {
        keyspace_tell(keyspace, KEY_MISSED, database, key);
    }
    return status;
}

enum status keyspace_read_part(struct keyspace *keyspace, const struct value *value, size_t offset,
                               size_t size, struct slice *out)
{
    return engine_part_locked(keyspace->engine, &value->entry, offset, size, out);
}

enum status keyspace_copy_part(struct keyspace *keyspace, const struct value *value, size_t offset,
                               size_t size, char *into)
{
    return engine_part_copy_locked(keyspace->engine, &value->entry, offset, size, into);
}

enum status keyspace_each_part(struct keyspace *keyspace, const struct value *value, size_t offset,
                               size_t size, const struct part_visitor *visitor)
{
    return engine_each_part_locked(keyspace->engine, &value->entry, offset, size, visitor);
}

/* --- whole databases --- */

struct databases {
    struct keyspace *keyspace;
    unsigned first;
    unsigned second;
};

static bool is_present(struct keyspace *keyspace, unsigned database, struct slice key)
{
    struct value value;
    return keyspace_find(keyspace, database, key, &value) != STATUS_NOT_FOUND;
}

/* An absent key does not change when its database is emptied, or exchanged for one where it is
 * absent too. */
static bool is_present_in_one(void *context, struct slice key)
{
    const struct databases *databases = context;
    return is_present(databases->keyspace, databases->first, key) ||
           is_present(databases->keyspace, databases->second, key);
}

static void touch_present(struct keyspace *keyspace, unsigned database)
{
    struct databases databases = {.keyspace = keyspace, .first = database, .second = database};
    watch_touch_database(keyspace->watches, database, is_present_in_one, &databases);
}

static enum status tell_cleared(const struct keyspace *keyspace, enum status status)
{
    if (status == STATUS_OK && keyspace->observer != NULL) {
        keyspace->observer->on_cleared(keyspace->observer->context);
    }
    return status;
}

enum status keyspace_clear(struct keyspace *keyspace, unsigned database)
{
    touch_present(keyspace, database);
    return tell_cleared(keyspace, engine_clear_locked(keyspace->engine, database));
}

enum status keyspace_clear_all(struct keyspace *keyspace)
{
    for (unsigned i = 0; i < keyspace_database_count(keyspace); i++) {
        touch_present(keyspace, i);
    }
    return tell_cleared(keyspace, engine_clear_all_locked(keyspace->engine));
}

enum status keyspace_swap(struct keyspace *keyspace, unsigned a, unsigned b)
{
    enum status status = engine_swap_locked(keyspace->engine, a, b);
    if (status == STATUS_OK && a != b) {
        struct databases databases = {.keyspace = keyspace, .first = a, .second = b};
        watch_touch_database(keyspace->watches, a, is_present_in_one, &databases);
        watch_touch_database(keyspace->watches, b, is_present_in_one, &databases);
    }
    return status;
}

/* --- watching --- */

enum status keyspace_watch(struct keyspace *keyspace, struct watcher *watcher, unsigned database,
                           struct slice key)
{
    return watch_add(keyspace->watches, watcher, database, key,
                     is_present(keyspace, database, key));
}

struct comparison {
    struct keyspace *keyspace;
    bool is_unchanged;
};

/* Writes flag the watcher, so what is found otherwise than it was can only have expired. */
static void compare_presence(void *context, unsigned database, struct slice key, bool present)
{
    struct comparison *comparison = context;
    if (present && !is_present(comparison->keyspace, database, key)) {
        comparison->is_unchanged = false;
    }
}

bool keyspace_is_unchanged(struct keyspace *keyspace, const struct watcher *watcher)
{
    struct comparison comparison = {.keyspace = keyspace, .is_unchanged = !watcher->dirty};
    if (comparison.is_unchanged) {
        watch_each(watcher, compare_presence, &comparison);
    }
    if (!comparison.is_unchanged) {
        engine_rest_on_all_locked(keyspace->engine); /* whatever it was */
    }
    return comparison.is_unchanged;
}

/* --- groups --- */

void keyspace_group_begin(struct keyspace *keyspace)
{
    engine_group_begin_locked(keyspace->engine);
}

void keyspace_group_end(struct keyspace *keyspace)
{
    engine_group_end_locked(keyspace->engine);
}

/* --- counting and walking --- */

uint64_t keyspace_count(struct keyspace *keyspace, unsigned database)
{
    return engine_count_locked(keyspace->engine, keyspace_of_database(keyspace, database));
}

uint64_t keyspace_expiring_count(struct keyspace *keyspace, unsigned database)
{
    return engine_expiring_count_locked(keyspace->engine, keyspace_of_database(keyspace, database));
}

int64_t keyspace_average_ttl_ms(struct keyspace *keyspace, unsigned database)
{
    return engine_average_ttl_locked(keyspace->engine, keyspace_of_database(keyspace, database));
}

void keyspace_scan(struct keyspace *keyspace, unsigned database, uint64_t *cursor, size_t count,
                   const struct entry_visitor *visitor)
{
    engine_scan_locked(keyspace->engine, keyspace_of_database(keyspace, database), cursor, count,
                       visitor);
}

enum status keyspace_random(struct keyspace *keyspace, unsigned database, struct entry *out)
{
    return engine_random_locked(keyspace->engine, keyspace_of_database(keyspace, database), out);
}
