/* push_inbox.c - see push_inbox.h. */
#include "server/push_inbox.h"

#include "server/push.h"

#include <stdlib.h>

#define SESSIONS_MIN 4

/* A push weighs its size and this, for each receiver. */
#define RECEIVER_WEIGHT 32
/* But of more receivers than these only a few count: so many get their messages some at a time, and
 * not each with a system call of its own. */
#define RECEIVERS_MAX  32
#define RECEIVERS_MORE 64
/* What may be on its way. */
#define WEIGHT_MAX ((size_t)2 << 20)

/* --- deliveries --- */

static void free_delivery(struct delivery *delivery)
{
    push_release(delivery->push);
    free(delivery->sessions);
    free(delivery);
}

static struct delivery *add_delivery(struct push_inbox *inbox, struct push *push)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    if (delivery == NULL) {
        return NULL;
    }
    delivery->push = push;
    push->references++;
    *(inbox->last == NULL ? &inbox->first : &inbox->last->next) = delivery;
    inbox->last = delivery;
    return delivery;
}

/* Makes room for one id more. */
static bool reserve_id(uint64_t **ids, size_t count, size_t *capacity)
{
    if (count < *capacity) {
        return true;
    }
    size_t more = *capacity == 0 ? SESSIONS_MIN : *capacity * 2;
    uint64_t *moved = realloc(*ids, more * sizeof(*moved));
    if (moved == NULL) {
        return false;
    }
    *ids = moved;
    *capacity = more;
    return true;
}

/* What a push to so many receivers weighs. */
static size_t weigh(const struct push *push, size_t count)
{
    size_t counted = (count < RECEIVERS_MAX ? count : RECEIVERS_MAX) + count / RECEIVERS_MORE;
    return (push->size + RECEIVER_WEIGHT) * counted;
}

/* Takes the oldest out; all that it holds is done, or never will be. */
static void drop_first(struct push_inbox *inbox)
{
    struct delivery *delivery = inbox->first;
    inbox->first = delivery->next;
    inbox->last = inbox->first == NULL ? NULL : inbox->last;
    free_delivery(delivery);
}

/* --- the inbox --- */

void push_inbox_deinit(struct push_inbox *inbox)
{
    while (inbox->first != NULL) {
        drop_first(inbox);
    }
    free(inbox->waiters);
    *inbox = (struct push_inbox){0};
}

bool push_inbox_put_locked(struct push_inbox *inbox, uint64_t session_id, struct push *push)
{
    struct delivery *delivery = inbox->last;
    if (delivery == NULL || delivery->push != push) {
        delivery = add_delivery(inbox, push);
    }
    if (delivery == NULL) {
        return false;
    }
    if (!reserve_id(&delivery->sessions, delivery->count, &delivery->capacity)) {
        return false;
    }
    inbox->put_weight += weigh(push, delivery->count + 1) - weigh(push, delivery->count);
    delivery->sessions[delivery->count++] = session_id;
    if (!atomic_load_explicit(&inbox->is_filled, memory_order_relaxed)) {
        atomic_store(&inbox->is_filled, true);
    }
    return true;
}

static size_t find_weight(const struct push_inbox *inbox)
{
    return inbox->put_weight - atomic_load(&inbox->gone_weight);
}

bool push_inbox_is_full_locked(const struct push_inbox *inbox)
{
    return inbox->is_behind || find_weight(inbox) >= WEIGHT_MAX;
}

bool push_inbox_has_room_locked(const struct push_inbox *inbox)
{
    return !inbox->is_behind && find_weight(inbox) < WEIGHT_MAX / 2;
}

bool push_inbox_await_locked(struct push_inbox *inbox, uint64_t session_id)
{
    if (!reserve_id(&inbox->waiters, inbox->waiter_count, &inbox->waiter_capacity)) {
        return false;
    }
    inbox->waiters[inbox->waiter_count++] = session_id;
    atomic_store(&inbox->is_awaited, true);
    return true;
}

/* --- for the owner --- */

void push_inbox_advance_locked(struct push_inbox *inbox, size_t count)
{
    struct delivery *delivery = inbox->first;
    size_t before = weigh(delivery->push, delivery->done);
    delivery->done += count;
    inbox->taken_weight += weigh(delivery->push, delivery->done) - before;
    if (delivery->done == delivery->count) {
        drop_first(inbox);
    }
    if (inbox->first == NULL) {
        atomic_store(&inbox->is_filled, false);
    }
}

bool push_inbox_is_much(size_t weight)
{
    return weight >= WEIGHT_MAX / 2;
}

void push_inbox_note_sent(struct push_inbox *inbox, bool is_gone)
{
    inbox->sent_weight = inbox->taken_weight;
    if (is_gone) {
        atomic_store(&inbox->gone_weight, inbox->sent_weight);
    }
}
