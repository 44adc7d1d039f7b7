/* mailbox.c - see mailbox.h. */
#include "server/mailbox.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum status mailbox_init(struct mailbox *mailbox)
{
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) {
        return STATUS_IO;
    }
    *mailbox = (struct mailbox){.descriptor = descriptor};
    mutex_init(&mailbox->mutex);
    return STATUS_OK;
}

void mailbox_deinit(struct mailbox *mailbox)
{
    struct message *message = mailbox_take(mailbox);
    while (message != NULL) {
        struct message *next = message->next;
        free(message);
        message = next;
    }
    (void)close(mailbox->descriptor);
    mutex_deinit(&mailbox->mutex);
}

enum status mailbox_post(struct mailbox *mailbox, const struct message *message)
{
    struct message *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    *copy = *message;
    copy->next = NULL;
    mutex_lock(&mailbox->mutex);
    bool was_empty = mailbox->first == NULL;
    if (was_empty) {
        mailbox->first = copy;
    } else {
        mailbox->last->next = copy;
    }
    mailbox->last = copy;
    mutex_unlock(&mailbox->mutex);
    /* Messages that were there already have woken the owner. */
    if (was_empty) {
        mailbox_wake(mailbox);
    }
    return STATUS_OK;
}

void mailbox_wake(struct mailbox *mailbox)
{
    /* Fails only when the counter is full, and then the owner is awake. */
    uint64_t one = 1;
    ssize_t written = write(mailbox->descriptor, &one, sizeof(one));
    (void)written;
}

void mailbox_clear_wakes(struct mailbox *mailbox)
{
    uint64_t count;
    ssize_t size = read(mailbox->descriptor, &count, sizeof(count));
    (void)size;
}

struct message *mailbox_take(struct mailbox *mailbox)
{
    mutex_lock(&mailbox->mutex);
    struct message *first = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = NULL;
    mutex_unlock(&mailbox->mutex);
    return first;
}
