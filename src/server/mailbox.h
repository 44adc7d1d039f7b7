/*
 * mailbox.h - messages from any thread to one.
 *
 * The owner waits on an eventfd together with its sockets; posting wakes it. Messages come out in
 * the order in which they went in. The mutex is held for a few instructions and is innermost:
 * whoever holds it takes no other lock.
 */
#ifndef SCDB_SERVER_MAILBOX_H
#define SCDB_SERVER_MAILBOX_H

#include "base/mutex.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

enum message_kind {
    MESSAGE_ACCEPTED, /* a new socket: descriptor, is_unix_socket */
    MESSAGE_TASK,     /* task(context, session) */
    MESSAGE_CLOSE,    /* the session is to be closed */
    MESSAGE_RETRY,    /* a pause has ended or changed: postponed commands may run */
    MESSAGE_ROOM      /* an inbox that the session waits for has room: fast_publishers.h */
};

struct message {
    struct message *next;
    enum message_kind kind;
    uint64_t session_id;
    int descriptor;
    bool is_unix_socket;
    void (*task)(void *context, struct session *session);
    void *context;
};

struct mailbox {
    struct mutex mutex;
    struct message *first GUARDED_BY(mutex);
    struct message *last GUARDED_BY(mutex);
    int descriptor; /* the eventfd */
};

/* IO: no eventfd; nothing to deinit. */
enum status mailbox_init(struct mailbox *mailbox) MUST_CHECK;

/* Frees the messages that are left, unread. */
void mailbox_deinit(struct mailbox *mailbox);

/* Posts a copy of the message. NO_MEMORY: it was not posted. Any thread. */
enum status mailbox_post(struct mailbox *mailbox, const struct message *message) MUST_CHECK;

/* Wakes the owner without a message. Any thread. */
void mailbox_wake(struct mailbox *mailbox);

/* The owner, when the eventfd is readable: takes the wake-ups off it. */
void mailbox_clear_wakes(struct mailbox *mailbox);

/* All messages, oldest first; the caller frees each with free(). NULL = none. */
struct message *mailbox_take(struct mailbox *mailbox);

#endif
