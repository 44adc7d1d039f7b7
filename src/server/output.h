/*
 * output.h - sending a connection's replies, in order, as far as they may leave.
 *
 * Replies wait in the session's struct reply. Here stands how much of it was sent, and what each
 * part rests on: the end of a turn's replies gets a mark with their position in the log, and bytes
 * before a mark leave once the store lets replies that rest on the position go. Belongs to the
 * connection's worker.
 */
#ifndef SCDB_SERVER_OUTPUT_H
#define SCDB_SERVER_OUTPUT_H

#include "base/status.h"
#include "resp/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output_mark {
    size_t end; /* reply bytes before this rest on what follows */
    uint64_t position;
    bool has_written; /* some of them tell of writes of the session's own */
};

struct output {
    size_t bytes_sent;         /* of reply->bytes */
    size_t references_sent;    /* whole ones; they are released */
    size_t reference_offset;   /* bytes sent of the next one */
    size_t free_end;           /* reply bytes before this may leave */
    struct output_mark *marks; /* owned, positions and ends rising; NULL while there are none */
    size_t mark_count;
    size_t mark_capacity;
};

enum output_result {
    OUTPUT_SENT,    /* all that may leave has left */
    OUTPUT_BLOCKED, /* the socket takes no more at the moment */
    OUTPUT_CLOSED   /* the other side is gone */
};

/* The end of the connection: releases what was not sent and frees the reply. */
void output_deinit(struct output *output, struct reply *reply);

/*
 * What was written since the last call rests on `position` (0 = on nothing), which some of it has
 * written itself, or all has only read. Where nothing was written, since no reply is wanted (CLIENT
 * REPLY) or it is still to come, that holds what follows: who asks for a reply again learns that
 * all before is as safe. NO_MEMORY: it must never leave.
 */
enum status output_add_mark(struct output *output, const struct reply *reply, uint64_t position,
                            bool has_written) MUST_CHECK;

/* Asks whether what a mark stands for may leave now; *failed: it never will. */
typedef bool output_may_leave(void *context, const struct output_mark *mark, bool *failed);

/* Lets go what may leave. True: nothing is held any more. *failed: the rest never may leave. */
bool output_release_marks(struct output *output, output_may_leave *may_leave, void *context,
                          bool *failed);

/* Sends with at most one system call; adds the bytes to *sent_bytes. When all is sent, the reply
 * is cleared. */
enum output_result output_send(struct output *output, struct reply *reply, int descriptor,
                               uint64_t *sent_bytes);

/* Has everything been sent? */
bool output_is_empty(const struct output *output, const struct reply *reply);

/* Bytes not yet sent, references included. */
size_t output_pending(const struct output *output, const struct reply *reply);

/* The others that the reply still counts among its own. */
size_t output_sent(const struct output *output);

/* Memory that replies take: room in buffers, sent or not, and copies. What is referred to
 * elsewhere, as in files of the store, takes none. */
size_t output_memory(const struct output *output, const struct reply *reply);

#endif
