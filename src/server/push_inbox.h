/*
 * push_inbox.h - pushes that wait for a worker to hand them to its connections.
 *
 * Others put them in, in the order of execution, and the owner takes them out, receiver by
 * receiver. What is in it is weighed, and stays in the balance until the owner has sent it on, or
 * has tried to where sockets are full: when it is too much, those who go on to put pushes in have
 * to wait (fast_publishers.h). So a receiver that reads finds its messages in its socket, and not
 * in memory.
 *
 * Functions in _locked want the execution lock; the others are for the owner, with or without it.
 */
#ifndef SCDB_SERVER_PUSH_INBOX_H
#define SCDB_SERVER_PUSH_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct push;

/* The same push to some sessions of one worker. */
struct delivery {
    struct delivery *next;
    struct push *push;
    uint64_t *sessions; /* owned: their ids */
    size_t count;
    size_t capacity;
    size_t done; /* of them */
};

struct push_inbox {
    /* Under the execution lock. */
    struct delivery *first;
    struct delivery *last;
    size_t put_weight; /* of all that ever was put in; may go round, as the others */
    bool is_behind;    /* the owner does not get to the end of it: full whatever it weighs */
    uint64_t *waiters; /* owned: ids of sessions that wait for room */
    size_t waiter_count;
    size_t waiter_capacity;

    /* The owner's. */
    size_t taken_weight;
    size_t sent_weight;

    _Atomic size_t gone_weight; /* what has left the balance; written by the owner */
    _Atomic bool is_filled;     /* there is something in it; changed under the lock */
    _Atomic bool is_awaited;    /* there are waiters; changed under the lock */
};

void push_inbox_deinit(struct push_inbox *inbox);

static inline bool push_inbox_is_empty(const struct push_inbox *inbox)
{
    return !atomic_load_explicit(&inbox->is_filled, memory_order_relaxed);
}

/* False: no memory. */
bool push_inbox_put_locked(struct push_inbox *inbox, uint64_t session_id, struct push *push);

/* Has the owner so much to send that no more should be put in? */
bool push_inbox_is_full_locked(const struct push_inbox *inbox);

/* The session is to be told when there is room (fast_publishers.h). False: no memory. */
bool push_inbox_await_locked(struct push_inbox *inbox, uint64_t session_id);

/* --- for the owner --- */

/* The oldest, with receivers to go; NULL: none. */
static inline const struct delivery *push_inbox_first_locked(const struct push_inbox *inbox)
{
    return inbox->first;
}

/* The next `count` receivers of the oldest have it. */
void push_inbox_advance_locked(struct push_inbox *inbox, size_t count);

/* Is there room for those who wait? */
bool push_inbox_has_room_locked(const struct push_inbox *inbox);

/* The weight of what was taken out and not sent. */
static inline size_t push_inbox_unsent(const struct push_inbox *inbox)
{
    return inbox->taken_weight - inbox->sent_weight;
}

/* Is it so much that it should be sent before more is taken out? */
bool push_inbox_is_much(size_t weight);

/* All that was taken out has been sent, as far as sockets take it. With `is_gone` that leaves the
 * balance, else it stays there until this is called again. */
void push_inbox_note_sent(struct push_inbox *inbox, bool is_gone);

/* Has all that was sent left the balance? */
static inline bool push_inbox_is_settled(const struct push_inbox *inbox)
{
    return inbox->sent_weight == atomic_load_explicit(&inbox->gone_weight, memory_order_relaxed);
}

#endif
