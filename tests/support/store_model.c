/* store_model.c - see store_model.h. */
#include "support/store_model.h"

#include "base/check.h"
#include "engine/checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_SIZE 160

/* --- the model ---------------------------------------------------------------------------- */

/* The index knows expiries in whole seconds, rounded up: what the cycle finds due. */
static bool is_due(const struct store_key *key, int64_t until_ms)
{
    return key->expiry_ms != EXPIRY_NONE && (key->expiry_ms + 999) / 1000 <= until_ms / 1000;
}

static void expire(struct store_model *model, int64_t until_ms)
{
    for (unsigned database = 0; database < STORE_MODEL_DATABASES; database++) {
        for (unsigned i = 0; i < STORE_MODEL_KEYS; i++) {
            struct store_key *key = &model->keys[database][i];
            if (key->state == STORE_PRESENT && is_due(key, until_ms)) {
                key->state = STORE_ABSENT;
            }
        }
    }
}

void store_model_apply(struct store_model *model, const struct store_change *change)
{
    struct store_key kept[STORE_MODEL_KEYS];
    switch (change->kind) {
    case STORE_PUT:
        model->keys[change->database][change->key] = change->value;
        return;
    case STORE_DELETE:
        model->keys[change->database][change->key].state = STORE_ABSENT;
        return;
    case STORE_CLEAR:
        memset(model->keys[change->database], 0, sizeof(kept));
        return;
    case STORE_CLEAR_ALL:
        memset(model, 0, sizeof(*model));
        return;
    case STORE_SWAP:
        memcpy(kept, model->keys[change->database], sizeof(kept));
        memcpy(model->keys[change->database], model->keys[change->other], sizeof(kept));
        memcpy(model->keys[change->other], kept, sizeof(kept));
        return;
    case STORE_EXPIRE:
        expire(model, change->until_ms);
        return;
    }
}

struct slice store_model_key_name(unsigned key, char *into)
{
    /* Some keys are long, one is empty. */
    int size = key == 0
                   ? 0
                   : snprintf(into, 32, key % 5 == 0 ? "key-with-a-longer-name-%03u" : "k%u", key);
    return slice_make(into, (size_t)size);
}

struct store_key store_model_value(struct slice bytes, int64_t expiry_ms, uint8_t type,
                                   uint8_t encoding)
{
    return (struct store_key){.state = STORE_PRESENT,
                              .size = bytes.size,
                              .checksum = checksum_of(bytes.data, bytes.size, 0),
                              .expiry_ms = expiry_ms,
                              .type = type,
                              .encoding = encoding};
}

static bool same_value(const struct store_key *a, const struct store_key *b)
{
    return a->size == b->size && a->checksum == b->checksum && a->expiry_ms == b->expiry_ms &&
           a->type == b->type && a->encoding == b->encoding;
}

static bool key_matches(const struct store_key *expected, const struct store_key *seen,
                        int64_t now_ms, int64_t high_ms)
{
    if (expected->state == STORE_ABSENT || expected->expiry_ms <= now_ms) {
        return seen->state == STORE_ABSENT;
    }
    if (expected->expiry_ms <= high_ms && seen->state == STORE_ABSENT) {
        return true; /* its time had come once, before the clock was set back */
    }
    return seen->state == STORE_PRESENT && same_value(expected, seen);
}

static const char *words_of(const struct store_key *key)
{
    static const char *const words[] = {"absent", "present", "unreadable"};
    return words[key->state];
}

bool store_model_matches(const struct store_model *model, const struct store_model *seen,
                         int64_t now_ms, int64_t high_ms, char *where)
{
    for (unsigned database = 0; database < STORE_MODEL_DATABASES; database++) {
        for (unsigned i = 0; i < STORE_MODEL_KEYS; i++) {
            const struct store_key *expected = &model->keys[database][i];
            const struct store_key *found = &seen->keys[database][i];
            if (!key_matches(expected, found, now_ms, high_ms)) {
                (void)snprintf(where, WHERE_SIZE,
                               "database %u key %u: expected %s (%zu bytes, expiry %" PRId64
                               "), found %s (%zu bytes, expiry %" PRId64 ") at %" PRId64,
                               database, i, words_of(expected), expected->size, expected->expiry_ms,
                               words_of(found), found->size, found->expiry_ms, now_ms);
                return false;
            }
        }
    }
    return true;
}

/* --- the history -------------------------------------------------------------------------- */

void store_history_deinit(struct store_history *history)
{
    free(history->commands);
    memset(history, 0, sizeof(*history));
}

static void apply_command(struct store_model *model, const struct store_command *command)
{
    for (size_t i = 0; i < command->count; i++) {
        store_model_apply(model, &command->changes[i]);
    }
}

void store_history_add(struct store_history *history, const struct store_command *command)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity * 2 + 64;
        history->commands =
            realloc(history->commands, history->capacity * sizeof(*history->commands));
        CHECK(history->commands != NULL);
    }
    history->commands[history->count++] = *command;
    apply_command(&history->now, command);
}

/* The first `count` commands are durable. */
static void fold(struct store_history *history, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        apply_command(&history->base, &history->commands[i]);
    }
    history->count -= count;
    history->written = history->written > count ? history->written - count : 0;
    if (count > 0) {
        memmove(history->commands, history->commands + count,
                history->count * sizeof(*history->commands));
    }
}

static size_t count_up_to(const struct store_history *history, uint64_t position)
{
    size_t count = 0;
    while (count < history->count && history->commands[count].position <= position) {
        count++;
    }
    return count;
}

void store_history_note(struct store_history *history, uint64_t written, uint64_t durable)
{
    history->written = count_up_to(history, written);
    fold(history, count_up_to(history, durable));
}

void store_history_note_closed(struct store_history *history)
{
    fold(history, history->count);
}

static bool is_same_key(const struct store_key *a, const struct store_key *b)
{
    return a->state == b->state && a->size == b->size && a->checksum == b->checksum &&
           a->expiry_ms == b->expiry_ms && a->type == b->type && a->encoding == b->encoding;
}

static bool is_same_model(const struct store_model *a, const struct store_model *b)
{
    for (unsigned database = 0; database < STORE_MODEL_DATABASES; database++) {
        for (unsigned key = 0; key < STORE_MODEL_KEYS; key++) {
            if (!is_same_key(&a->keys[database][key], &b->keys[database][key])) {
                return false;
            }
        }
    }
    return true;
}

bool store_history_find(const struct store_history *history, const struct store_sighting *sighting,
                        struct store_model *match, bool *ambiguous, char *where)
{
    *ambiguous = false;
    bool found = false;
    struct store_model state = history->base;
    size_t count = history->count + (sighting->last != NULL ? 1 : 0);
    for (size_t i = 0; i <= count; i++) {
        if (i > 0) {
            apply_command(&state, i <= history->count ? &history->commands[i - 1] : sighting->last);
        }
        if (i >= sighting->required && store_model_matches(&state, sighting->seen, sighting->now_ms,
                                                           sighting->high_ms, where)) {
            *ambiguous |= found && !is_same_model(match, &state);
            *match = state;
            found = true;
        }
    }
    return found;
}

bool store_history_settle(struct store_history *history, const struct store_sighting *sighting,
                          bool *ambiguous, char *where)
{
    struct store_model match;
    bool found = store_history_find(history, sighting, &match, ambiguous, where);
    if (found) {
        history->base = match;
        history->now = match;
        history->count = 0;
        history->written = 0;
    }
    return found;
}

/* --- reading a store ---------------------------------------------------------------------- */

static void append_part(void *context, struct slice part)
{
    char **next = context;
    memcpy(*next, part.data, part.size);
    *next += part.size;
}

static struct store_key read_key(struct engine *engine, struct engine_keyspace *keyspace,
                                 unsigned key)
{
    char name[32];
    struct entry entry;
    enum status status =
        engine_find_locked(engine, keyspace, store_model_key_name(key, name), &entry);
    char *value = NULL;
    char *end = NULL;
    if (status == STATUS_OK) {
        const struct part_visitor visitor = {.visit = append_part, .context = &end};
        value = malloc((size_t)entry.size + 1); /* not the engine's, which a test may let fail */
        CHECK(value != NULL);
        end = value;
        status = engine_each_part_locked(engine, &entry, 0, SIZE_MAX, &visitor);
    }
    struct store_key read = {.state = status == STATUS_NOT_FOUND ? STORE_ABSENT : STORE_UNREADABLE};
    if (status == STATUS_OK) {
        CHECK((uint64_t)(end - value) == entry.size);
        read = store_model_value(slice_make(value, (size_t)entry.size), entry.expiry_ms, entry.type,
                                 entry.encoding);
    }
    free(value);
    return read;
}

static unsigned key_of_name(struct slice name)
{
    char other[32];
    unsigned key = 0;
    while (key < STORE_MODEL_KEYS && !slice_equal(store_model_key_name(key, other), name)) {
        key++;
    }
    CHECK(key < STORE_MODEL_KEYS); /* a key that nobody ever wrote */
    return key;
}

static void count_visit(void *context, const struct entry *entry)
{
    unsigned *visits = context;
    visits[key_of_name(entry->key)]++;
}

static void cross_check_scan(struct engine *engine, struct engine_keyspace *keyspace,
                             const struct store_key *keys)
{
    unsigned visits[STORE_MODEL_KEYS] = {0};
    struct entry_visitor visitor = {.visit = count_visit, .context = visits};
    uint64_t cursor = 0;
    do {
        engine_scan_locked(engine, keyspace, &cursor, 5, &visitor);
    } while (cursor != 0);
    for (unsigned key = 0; key < STORE_MODEL_KEYS; key++) {
        CHECK(visits[key] == (keys[key].state == STORE_PRESENT ? 1 : 0) ||
              keys[key].state == STORE_UNREADABLE);
    }
}

void store_model_read(struct engine *engine, struct store_model *seen, bool cross_check)
{
    engine_lock(engine);
    for (unsigned database = 0; database < STORE_MODEL_DATABASES; database++) {
        struct engine_keyspace *keyspace = engine_database_locked(engine, database);
        for (unsigned key = 0; key < STORE_MODEL_KEYS; key++) {
            seen->keys[database][key] = read_key(engine, keyspace, key);
        }
        if (cross_check) {
            cross_check_scan(engine, keyspace, seen->keys[database]);
        }
    }
    engine_unlock(engine);
}
