/*
 * thread_writer.h - a thread that changes a database of its own, and knows what must be in it.
 *
 * Each of its changes is one group, and counts the key "n" up: so what a crash leaves of the
 * database says itself after which change it is, and all of the database has to be as it was then.
 *
 * A writer belongs to the thread that begins and ends it; meanwhile others may read the atomic
 * fields. What can only be a fault of the test aborts (CHECK); what differs is told in words.
 */
#ifndef SCDB_TESTS_SUPPORT_THREAD_WRITER_H
#define SCDB_TESTS_SUPPORT_THREAD_WRITER_H

#include "engine/engine.h"
#include "support/test_random.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREAD_WRITER_KEYS    8
#define THREAD_WRITER_CHANGES 300 /* in one life */
#define THREAD_WRITER_TEXT    160

/* The time that the engine is told. It may be set back. */
struct thread_clock {
    _Atomic int64_t now_ms;
    _Atomic int64_t latest_ms; /* that it ever was */
};

struct thread_value; /* bytes that a key had */

struct thread_state {
    const struct thread_value *values[THREAD_WRITER_KEYS]; /* NULL: absent */
    int64_t expiries_ms[THREAD_WRITER_KEYS];
};

struct thread_writer {
    unsigned database;
    struct engine *engine;
    struct thread_clock *clock;
    struct test_random random;
    pthread_t thread;
    struct thread_value *values; /* owned: all that there were */

    /* What was there after change number `first`, and after each of those that followed. */
    uint64_t first;
    struct thread_state states[THREAD_WRITER_CHANGES + 1];
    _Atomic size_t state_count;

    /* The last change that was acknowledged, and the last known to be durable. */
    _Atomic uint64_t written;
    _Atomic uint64_t durable;
    atomic_bool has_ended;
};

/* For a database that is empty. */
void thread_writer_init(struct thread_writer *writer, unsigned database,
                        struct thread_clock *clock);
void thread_writer_deinit(struct thread_writer *writer);

/* It makes its changes until there are enough, or the store refuses one. */
void thread_writer_begin(struct thread_writer *writer, struct engine *engine, uint64_t seed);
void thread_writer_end(struct thread_writer *writer);

/* All up to here is durable, because of a sync that began when that was written. */
void thread_writer_note_durable(struct thread_writer *writer, uint64_t change);

/* The power was cut: what was only written may be gone. */
void thread_writer_lose(struct thread_writer *writer);

/*
 * Compares the database with the state that its "n" names, which must not be one before change
 * `required`; the writer goes on from there. False: `words` says what is wrong. Lock held.
 */
bool thread_writer_agrees_locked(struct thread_writer *writer, struct engine *engine,
                                 uint64_t required, char words[THREAD_WRITER_TEXT]);

#endif
