/*
 * waiting.h - a client that waits for something slow (SAVE, COMPACT) while all others are
 * served.
 *
 * The command's handler calls waiting_begin and hands the struct waiting to whoever does the slow
 * thing; who calls waiting_end when it is done. Then finish() runs on the client's worker under the
 * execution lock and writes the reply, if the client is still there and still waits, and the struct
 * waiting is freed.
 */
#ifndef SCDB_COMMANDS_WAITING_H
#define SCDB_COMMANDS_WAITING_H

#include "base/status.h"
#include "server/command.h"
#include "server/server.h"

#include <stdbool.h>
#include <stdint.h>

struct waiting {
    struct server *server;
    const struct command *command;
    struct session_handle handle;
    enum status status; /* how the slow thing ended */
    uint64_t number;    /* what it has to tell, the command's own */
    void *context;      /* owned, freed at the end: the command's own, NULL at first */
    void (*finish)(const struct waiting *waiting, struct reply *reply);
};

/* Lets the client of `call` wait. Lock held. NULL: memory ran out, the error is written, nobody
 * waits. */
struct waiting *waiting_begin(struct call *call,
                              void (*finish)(const struct waiting *waiting, struct reply *reply));

/* The slow thing could not even be started: the client gets `status` at once, and the struct
 * waiting is freed. Lock held. */
void waiting_cancel(struct waiting *waiting, struct call *call, enum status status);

/* The slow thing is done (status and number are set). Any thread, lock not held. */
void waiting_end(struct waiting *waiting);

/* Writes the error for a status; for finish(). */
void waiting_reply_status(const struct waiting *waiting, struct reply *reply, enum status status);

/* Ends the threads that do slow things: background.h finishes its work, peer.h breaks off. For the
 * end of the server: when no command runs any more, and before the engine is closed. */
void waiting_stop(void);

#endif
