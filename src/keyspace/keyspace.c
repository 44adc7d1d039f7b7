/* keyspace.c - see keyspace.h. */
#include "keyspace/keyspace.h"

#include "base/check.h"
#include "base/clock.h"

#include <stdlib.h>
#include <sys/random.h>

struct keyspace {
    struct engine *engine; /* borrowed */
    struct watch_table *watches;
    struct keyspace_statistics statistics;
    const struct keyspace_observer *observer; /* borrowed, or NULL */
    struct eviction eviction;
    int64_t now_ms;
};

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [TYPE_STRING] = "string", [TYPE_LIST] = "list", [TYPE_SET] = "set",
        [TYPE_ZSET] = "zset",     [TYPE_HASH] = "hash", [TYPE_STREAM] = "stream",
    };
    return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

static uint64_t random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        seed = (uint64_t)clock_unix_us(); /* only early in the boot of some machines */
    }
    return seed;
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

static void tell(const struct keyspace *keyspace, enum key_event event, unsigned database,
                 struct slice key)
{
    if (keyspace->observer != NULL) {
        keyspace->observer->on_key(keyspace->observer->context, event, database, key);
    }
}

static struct engine_keyspace *database_of(struct keyspace *keyspace, unsigned database)
{
    return engine_database_locked(keyspace->engine, database);
}

/* --- reading --- */

enum status keyspace_find(struct keyspace *keyspace, unsigned database, struct slice key,
                          struct value *out)
{
    const struct entry *entry = &out->entry;
    enum status status =
        engine_find_locked(keyspace->engine, database_of(keyspace, database), key, &out->entry);
    if (status != STATUS_OK) {
        return status;
    }
    out->bytes = entry->value;
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
        tell(keyspace, KEY_MISSED, database, key);
    }
    return status;
}

enum status keyspace_read(struct keyspace *keyspace, unsigned database, struct slice key,
                          struct value *out)
{
    struct value value;
    enum status status = keyspace_lookup(keyspace, database, key, &value);
    if (status != STATUS_OK) {
        return status;
    }
    status = engine_verify_locked(keyspace->engine, &value.entry, 0, SIZE_MAX);
    if (status == STATUS_OK) {
        *out = value;
    }
    return status;
}

enum status keyspace_verify(struct keyspace *keyspace, const struct value *value, size_t offset,
                            size_t size)
{
    return engine_verify_locked(keyspace->engine, &value->entry, offset, size);
}

/* --- writing --- */

static void tell_changed(const struct keyspace *keyspace, unsigned database, struct slice key)
{
    watch_touch(keyspace->watches, database, key);
    tell(keyspace, KEY_CHANGED, database, key);
}

/* What a write that sets an expiry in the past amounts to: the key is gone. */
static enum status delete_if_present(struct keyspace *keyspace, unsigned database, struct slice key)
{
    enum status status = keyspace_delete(keyspace, database, key);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Is the key absent? Asked before a write, and only where somebody is told: false also means that
 * nobody is. What has expired is taken away by this, and so told before the write. */
static bool is_seen_absent(struct keyspace *keyspace, unsigned database, struct slice key)
{
    struct value value;
    return keyspace->observer != NULL && keyspace->observer->wants_additions &&
           keyspace_find(keyspace, database, key, &value) == STATUS_NOT_FOUND;
}

/* Who watches the key is not told here. */
static enum status put_quietly(struct keyspace *keyspace, unsigned database, struct slice key,
                               const struct engine_value *value)
{
    bool is_new = is_seen_absent(keyspace, database, key);
    enum status status =
        engine_put_locked(keyspace->engine, database_of(keyspace, database), key, value);
    if (status == STATUS_OK && is_new) {
        tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

static enum status put(struct keyspace *keyspace, unsigned database, struct slice key,
                       const struct engine_value *value)
{
    if (value->expiry_ms <= keyspace->now_ms) {
        return delete_if_present(keyspace, database, key);
    }
    enum status status = put_quietly(keyspace, database, key, value);
    if (status == STATUS_OK) {
        tell_changed(keyspace, database, key);
    }
    return status;
}

/* The same for a value that Redis would set behind a deletion of what had the name before: to it,
 * the key is new in any case. */
static enum status put_anew(struct keyspace *keyspace, unsigned database, struct slice key,
                            const struct engine_value *value)
{
    bool is_replacement = !is_seen_absent(keyspace, database, key);
    enum status status = put(keyspace, database, key, value);
    if (status == STATUS_OK && is_replacement && keyspace->observer != NULL &&
        keyspace->observer->wants_additions) {
        tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

static struct engine_value engine_string(const struct string_content *content)
{
    return (struct engine_value){.parts = content->parts,
                                 .part_count = content->part_count,
                                 .expiry_ms = content->expiry_ms,
                                 .type = TYPE_STRING,
                                 .encoding = (uint8_t)content->encoding};
}

enum status keyspace_put_string(struct keyspace *keyspace, unsigned database, struct slice key,
                                const struct string_content *content)
{
    struct engine_value value = engine_string(content);
    return content->is_anew ? put_anew(keyspace, database, key, &value)
                            : put(keyspace, database, key, &value);
}

enum status keyspace_put_string_quietly(struct keyspace *keyspace, unsigned database,
                                        struct slice key, const struct string_content *content)
{
    struct engine_value value = engine_string(content);
    return put_quietly(keyspace, database, key, &value);
}

/* Writes a found value as it is; verified first, or damage would get a fresh, right checksum. */
static enum status rewrite(struct keyspace *keyspace, const struct value *value, unsigned database,
                           struct slice key, int64_t expiry_ms)
{
    enum status status = keyspace_verify(keyspace, value, 0, SIZE_MAX);
    if (status != STATUS_OK) {
        return status;
    }
    return put(keyspace, database, key,
               &(struct engine_value){.parts = &value->bytes,
                                      .part_count = 1,
                                      .expiry_ms = expiry_ms,
                                      .type = (uint8_t)value->type,
                                      .encoding = value->encoding});
}

enum status keyspace_set_expiry(struct keyspace *keyspace, unsigned database,
                                const struct value *value, int64_t expiry_ms)
{
    return rewrite(keyspace, value, database, value->entry.key, expiry_ms);
}

enum status keyspace_store_copy(struct keyspace *keyspace, const struct value *value,
                                unsigned database, struct slice key)
{
    bool is_replacement = !is_seen_absent(keyspace, database, key);
    enum status status = rewrite(keyspace, value, database, key, value->expiry_ms);
    if (status == STATUS_OK && is_replacement && keyspace->observer != NULL &&
        keyspace->observer->wants_additions) {
        /* What had the name before is gone, and this is a new key, as Redis sees it. */
        tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

enum status keyspace_delete(struct keyspace *keyspace, unsigned database, struct slice key)
{
    (void)is_seen_absent(keyspace, database, key);
    enum status status =
        engine_delete_locked(keyspace->engine, database_of(keyspace, database), key);
    if (status == STATUS_OK) {
        tell_changed(keyspace, database, key);
    }
    return status;
}

enum status keyspace_evict(struct keyspace *keyspace, unsigned database, struct slice key)
{
    enum status status = keyspace_delete(keyspace, database, key);
    if (status == STATUS_OK) {
        tell(keyspace, KEY_EVICTED, database, key);
    }
    return status;
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
    return engine_count_locked(keyspace->engine, database_of(keyspace, database));
}

uint64_t keyspace_expiring_count(struct keyspace *keyspace, unsigned database)
{
    return engine_expiring_count_locked(keyspace->engine, database_of(keyspace, database));
}

int64_t keyspace_average_ttl_ms(struct keyspace *keyspace, unsigned database)
{
    return engine_average_ttl_locked(keyspace->engine, database_of(keyspace, database));
}

void keyspace_scan(struct keyspace *keyspace, unsigned database, uint64_t *cursor, size_t count,
                   const struct entry_visitor *visitor)
{
    engine_scan_locked(keyspace->engine, database_of(keyspace, database), cursor, count, visitor);
}

enum status keyspace_random(struct keyspace *keyspace, unsigned database, struct entry *out)
{
    return engine_random_locked(keyspace->engine, database_of(keyspace, database), out);
}
