/*
 * pace.h - how fast a worker looks for requests when many clients send a few at a time.
 *
 * A worker that is faster than its clients finds one or two requests whenever it looks, and pays
 * for each look, for falling asleep and (the clients do) for being woken. When requests come from
 * many clients so densely that some more arrive in a moment, and nearly all clients are busy with
 * something other than waiting for this worker, it sleeps for that moment, and then serves them
 * together. Few clients, clients that ask now and then, or clients that wait for the worker, are
 * never let wait.
 *
 * Belongs to its worker; no lock.
 */
#ifndef SCDB_SERVER_PACE_H
#define SCDB_SERVER_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero to begin with. */
struct pace {
    int64_t ms;            /* the millisecond at hand, monotonic */
    size_t clients;        /* that were read from in it */
    size_t clients_before; /* in the one before */
    size_t reads;          /* from clients in it */
    size_t reads_before;   /* in the one before */
    size_t turn_reads;
    size_t turn_requests;
};

/* The calling thread sleeps no longer than it says. */
void pace_begin_thread(void);

/* A client was read from; `is_first`: for the first time in this millisecond. */
void pace_note_read(struct pace *pace, bool is_first);

/* All that were ready have been read from: a turn with so many requests. */
void pace_end_reads(struct pace *pace, size_t requests, int64_t now_ms);

/* Would more requests be there in a moment, without anybody's waiting for nothing? Tells by the
 * turn that was the last, and begins the next one. */
bool pace_begin_turn(struct pace *pace);

/* Sleeps for the moment. */
void pace_rest(void);

#endif
