/* thread_writer.c - see thread_writer.h. */
#include "support/thread_writer.h"

#include "base/check.h"
#include "engine/engine_state.h"
#include "engine/staged.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNTER     SLICE_LITERAL("n")
#define SEVERAL     4 /* keys that one change puts */
#define PATCH_MAX   400
#define POLL_US     100
#define EXPIRY_MAX  3000
#define LARGE_LEAST 60000 /* more than a segment of the tests */

struct thread_value {
    struct thread_value *next;
    size_t size;
    char bytes[];
};

/* How often each kind of change is made, of 100 times. */
enum change_kind { STAGE, PUT, DELETE, PATCH, CLEAR, PUT_SEVERAL, ONLY_COUNT };
static const struct {
    enum change_kind kind;
    unsigned below;
} frequencies[] = {{STAGE, 8},  {PUT, 50},         {DELETE, 65},     {PATCH, 85},
                   {CLEAR, 87}, {PUT_SEVERAL, 93}, {ONLY_COUNT, 100}};

/* --- values ------------------------------------------------------------------------------- */

/* All zeros. */
static struct thread_value *make_value(struct thread_writer *writer, size_t size)
{
    struct thread_value *value = calloc(1, sizeof(*value) + size);
    CHECK(value != NULL);
    value->size = size;
    value->next = writer->values;
    writer->values = value;
    return value;
}

static struct thread_value *make_random_value(struct thread_writer *writer)
{
    struct test_random *random = &writer->random;
    size_t size = 1 + (size_t)test_random_below(random, 300);
    if (test_random_one_in(random, 30)) {
        size = LARGE_LEAST + (size_t)test_random_below(random, 20000);
    } else if (test_random_one_in(random, 5)) {
        size = 1 + (size_t)test_random_below(random, 6000);
    }
    struct thread_value *value = make_value(writer, size);
    test_random_fill(random, value->bytes, size);
    return value;
}

static struct slice key_of(unsigned key, char text[16])
{
    (void)snprintf(text, 16, "key%u", key);
    return slice_of_string(text);
}

static struct engine_keyspace *keyspace_of(const struct thread_writer *writer)
{
    return engine_database_locked(writer->engine, writer->database);
}

/* --- changes ------------------------------------------------------------------------------ */

static enum status put(struct thread_writer *writer, struct thread_state *state, unsigned key,
                       const struct thread_value *bytes, int64_t expiry_ms)
{
    char text[16];
    struct slice part = slice_make(bytes->bytes, bytes->size);
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
    state->values[key] = bytes;
    state->expiries_ms[key] = expiry_ms;
    return engine_put_locked(writer->engine, keyspace_of(writer), key_of(key, text), &value);
}

static enum status put_count(const struct thread_writer *writer, uint64_t count)
{
    struct slice part = slice_make((const char *)&count, sizeof(count));
    struct engine_value value = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    return engine_put_locked(writer->engine, keyspace_of(writer), COUNTER, &value);
}

static enum status put_random(struct thread_writer *writer, struct thread_state *state,
                              unsigned key)
{
    int64_t expiry_ms = EXPIRY_NONE;
    if (test_random_one_in(&writer->random, 6)) {
        expiry_ms = atomic_load(&writer->clock->now_ms) + 1 +
                    (int64_t)test_random_below(&writer->random, EXPIRY_MAX);
    }
    return put(writer, state, key, make_random_value(writer), expiry_ms);
}

static enum status put_several(struct thread_writer *writer, struct thread_state *state,
                               unsigned first)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && i < SEVERAL; i++) {
        unsigned key = (first + i) % THREAD_WRITER_KEYS;
        status = put(writer, state, key, make_random_value(writer), EXPIRY_NONE);
    }
    return status;
}

static enum status remove_key(struct thread_writer *writer, struct thread_state *state,
                              unsigned key)
{
    char text[16];
    state->values[key] = NULL;
    enum status status =
        engine_delete_locked(writer->engine, keyspace_of(writer), key_of(key, text));
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Overwrites a part of the value, or adds to it. */
static enum status patch(struct thread_writer *writer, struct thread_state *state, unsigned key)
{
    const struct thread_value *old = state->values[key];
    size_t old_size = old != NULL ? old->size : 0;
    size_t offset = (size_t)test_random_below(&writer->random, old_size + PATCH_MAX);
    size_t size = 1 + (size_t)test_random_below(&writer->random, PATCH_MAX);
    size_t end = offset + size;
    struct thread_value *fresh = make_value(writer, end > old_size ? end : old_size);
    if (old != NULL) {
        memcpy(fresh->bytes, old->bytes, old_size);
    }
    test_random_fill(&writer->random, fresh->bytes + offset, size);
    char text[16];
    struct entry entry;
    struct slice name = key_of(key, text);
    struct engine_keyspace *keyspace = keyspace_of(writer);
    enum status found = engine_find_locked(writer->engine, keyspace, name, &entry);
    CHECK(found == (old != NULL ? STATUS_OK : STATUS_NOT_FOUND) || found == STATUS_IO);
    const struct entry *known = found == STATUS_OK ? &entry : NULL;
    if (found == STATUS_IO || !engine_may_patch_locked(writer->engine, known, fresh->size)) {
        return put(writer, state, key, fresh, EXPIRY_NONE);
    }
    struct slice part = slice_make(fresh->bytes + offset, size);
    struct engine_patch change = {
        .old = known, .offset = offset, .parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    state->values[key] = fresh;
    state->expiries_ms[key] = EXPIRY_NONE;
    return engine_patch_locked(writer->engine, keyspace, name, &change);
}

static enum status change_locked(struct thread_writer *writer, struct thread_state *state,
                                 enum change_kind kind, const struct thread_value *ahead)
{
    unsigned key = (unsigned)test_random_below(&writer->random, THREAD_WRITER_KEYS);
    bool may_go = state->values[key] != NULL && state->expiries_ms[key] != EXPIRY_NONE;
    switch (kind) {
    case STAGE:
        return put(writer, state, key, ahead, EXPIRY_NONE);
    case PUT:
        return put_random(writer, state, key);
    case DELETE:
        return remove_key(writer, state, key);
    case PATCH: /* whether one is still there that expires, the clock's hand decides */
        return may_go ? put_random(writer, state, key) : patch(writer, state, key);
    case CLEAR:
        memset(state, 0, sizeof(*state));
        return engine_clear_locked(writer->engine, writer->database);
    case PUT_SEVERAL:
        return put_several(writer, state, key);
    case ONLY_COUNT:
        break;
    }
    return STATUS_OK;
}

/* --- the thread --------------------------------------------------------------------------- */

/* Writes a value ahead of its put; NULL: that can't be had now. */
static struct staged *stage(struct thread_writer *writer, const struct thread_value *value)
{
    struct staged_plan plan = {
        .values = {{.value = slice_make(value->bytes, value->size), .key_size = 4}}, .count = 1};
    struct staged *staged = NULL;
    return staged_write(writer->engine, &plan, &staged) == STATUS_OK ? staged : NULL;
}

/* One group. *position becomes what it rests on. */
static enum status change(struct thread_writer *writer, enum change_kind kind, uint64_t *position)
{
    struct engine *engine = writer->engine;
    size_t count = atomic_load(&writer->state_count);
    struct thread_state state = writer->states[count - 1];
    const struct thread_value *ahead = kind == STAGE ? make_random_value(writer) : NULL;
    struct staged *staged = kind == STAGE ? stage(writer, ahead) : NULL;
    engine_lock(engine);
    engine_rest_begin_locked(engine);
    if (staged != NULL) {
        staged_offer_locked(engine, staged);
    }
    engine_group_begin_locked(engine);
    enum status status = change_locked(writer, &state, kind, ahead);
    if (status == STATUS_OK) {
        status = put_count(writer, writer->first + count);
    }
    if (status == STATUS_OK) { /* before others can see it written */
        writer->states[count] = state;
        atomic_store(&writer->state_count, count + 1);
    }
    engine_group_end_locked(engine);
    staged_offer_locked(engine, NULL);
    *position = engine_rest_end_locked(engine);
    engine_unlock(engine);
    if (staged != NULL) {
        staged_drop(engine, staged);
    }
    return status;
}

/* As a client that waits for its reply does. */
static enum status acknowledge(struct thread_writer *writer, uint64_t position)
{
    struct engine *engine = writer->engine;
    uint64_t last = writer->first + atomic_load(&writer->state_count) - 1;
    bool has_failed = false;
    enum status status = engine_write(engine, position);
    if (status != STATUS_OK) {
        return status;
    }
    atomic_store(&writer->written, last);
    if (engine->options.sync_policy == SYNC_ALWAYS) {
        while (!engine_may_reply(engine, position, &has_failed) && !has_failed) {
            usleep(POLL_US);
        }
        if (!has_failed) {
            thread_writer_note_durable(writer, last);
        }
    }
    return has_failed ? STATUS_WRITES_STOPPED : STATUS_OK;
}

static void *work(void *argument)
{
    struct thread_writer *writer = argument;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && atomic_load(&writer->state_count) <= THREAD_WRITER_CHANGES) {
        unsigned chance = (unsigned)test_random_below(&writer->random, 100);
        size_t i = 0;
        while (chance >= frequencies[i].below) {
            i++;
        }
        uint64_t position;
        status = change(writer, frequencies[i].kind, &position);
        if (status == STATUS_OK) {
            status = acknowledge(writer, position);
        }
        if (test_random_one_in(&writer->random, 20)) {
            usleep((useconds_t)test_random_below(&writer->random, 400));
        }
    }
    atomic_store(&writer->has_ended, true);
    return NULL;
}

/* --- from one life to the next ------------------------------------------------------------ */

void thread_writer_init(struct thread_writer *writer, unsigned database, struct thread_clock *clock)
{
    memset(writer, 0, sizeof(*writer));
    writer->database = database;
    writer->clock = clock;
    atomic_store(&writer->state_count, 1);
}

void thread_writer_deinit(struct thread_writer *writer)
{
    while (writer->values != NULL) {
        struct thread_value *value = writer->values;
        writer->values = value->next;
        free(value);
    }
}

void thread_writer_begin(struct thread_writer *writer, struct engine *engine, uint64_t seed)
{
    writer->engine = engine;
    test_random_init(&writer->random, seed);
    atomic_store(&writer->has_ended, false);
    CHECK(pthread_create(&writer->thread, NULL, work, writer) == 0);
}

void thread_writer_end(struct thread_writer *writer)
{
    CHECK(pthread_join(writer->thread, NULL) == 0);
}

void thread_writer_note_durable(struct thread_writer *writer, uint64_t change)
{
    uint64_t before = atomic_load(&writer->durable);
    while (before < change && !atomic_compare_exchange_weak(&writer->durable, &before, change)) {
    }
}

void thread_writer_lose(struct thread_writer *writer)
{
    atomic_store(&writer->written, atomic_load(&writer->durable));
}

/* --- comparing ---------------------------------------------------------------------------- */

static bool read_count(const struct thread_writer *writer, uint64_t *count)
{
    struct entry entry;
    struct slice part;
    *count = 0;
    enum status status = engine_find_locked(writer->engine, keyspace_of(writer), COUNTER, &entry);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND;
    }
    if (engine_part_locked(writer->engine, &entry, 0, SIZE_MAX, &part) != STATUS_OK ||
        part.size != sizeof(*count)) {
        return false;
    }
    memcpy(count, part.data, sizeof(*count));
    return true;
}

/* NULL, or what is wrong with the key. One that has expired may be there as long as the clock,
 * which was set back, says so; whoever saw it gone sees it gone from then on. */
static const char *compare_key(const struct thread_writer *writer, struct thread_state *state,
                               unsigned key)
{
    char text[16];
    struct entry entry;
    struct slice part;
    const struct thread_value *value = state->values[key];
    int64_t expiry_ms = state->expiries_ms[key];
    enum status status =
        engine_find_locked(writer->engine, keyspace_of(writer), key_of(key, text), &entry);
    if (status == STATUS_NOT_FOUND) {
        bool may_be_gone = value == NULL || expiry_ms <= atomic_load(&writer->clock->latest_ms);
        state->values[key] = NULL;
        return may_be_gone ? NULL : "is gone";
    }
    if (status == STATUS_OK &&
        (value == NULL || expiry_ms <= atomic_load(&writer->clock->now_ms))) {
        return "is there";
    }
    if (status == STATUS_OK) {
        status = engine_part_locked(writer->engine, &entry, 0, SIZE_MAX, &part);
    }
    if (status != STATUS_OK) {
        return status_words(status);
    }
    bool is_same = part.size == value->size && memcmp(part.data, value->bytes, part.size) == 0;
    return is_same ? NULL : "differs";
}

bool thread_writer_agrees_locked(struct thread_writer *writer, struct engine *engine,
                                 uint64_t required, char words[THREAD_WRITER_TEXT])
{
    uint64_t count;
    size_t states = atomic_load(&writer->state_count);
    writer->engine = engine;
    if (!read_count(writer, &count) || count < required || count < writer->first ||
        count - writer->first >= states) {
        (void)snprintf(words, THREAD_WRITER_TEXT,
                       "database %u is after change %" PRIu64 ", and %" PRIu64 " to %" PRIu64
                       " may be",
                       writer->database, count, required, writer->first + states - 1);
        return false;
    }
    struct thread_state state = writer->states[count - writer->first];
    for (unsigned key = 0; key < THREAD_WRITER_KEYS; key++) {
        const char *wrong = compare_key(writer, &state, key);
        if (wrong != NULL) {
            (void)snprintf(words, THREAD_WRITER_TEXT,
                           "database %u, after change %" PRIu64 ": key%u %s", writer->database,
                           count, key, wrong);
            return false;
        }
    }
    engine_part_purge_locked(engine);
    writer->first = count;
    writer->states[0] = state;
    atomic_store(&writer->state_count, 1);
    atomic_store(&writer->written, count);
    atomic_store(&writer->durable, count);
    return true;
}
