/*
 * stager.h - large values are written to the log ahead of their commands, by a thread.
 *
 * A worker that comes to a request with a large value (SET of megabytes) does not execute it: it
 * lends the connection's input to the stager's thread, which has the engine write the value
 * (engine/staged.h), and goes on with other clients. Of the connection nothing is read or executed
 * until its input is back; then the request is parsed once more, at the same place in memory, and
 * executed. So neither the execution lock nor the worker is held for as long as it takes to
 * checksum and write the value.
 *
 * The thread (errands.h) writes one after the other. It also frees the memory that their requests
 * have taken, which takes milliseconds. Where the value has to be unpacked first (RESTORE), it does
 * that, too, and the command finds what came of it.
 *
 * Threads: the session's worker, with the execution lock where a name ends in _locked and without
 * it where it doesn't.
 */
#ifndef SCDB_SERVER_STAGER_H
#define SCDB_SERVER_STAGER_H

#include "base/buffer.h"
#include "engine/staged.h"
#include "server/errands.h"
#include "server/foreseen.h"
#include "server/server.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct connection;
struct part;
struct worker;

/* A request whose value is staged. It belongs to its connection, but while the thread has it. */
struct staging {
    struct errand errand;
    struct server *server;
    struct session_handle session;
    struct buffer input; /* owned; the connection's, while it is lent or to be freed */
    size_t input_start;
    struct foreseen foreseen;  /* its slices lie in the connection's input */
    const char *request_begin; /* there, until it is lent */
    struct buffer scratch;     /* owned: for a value that is unpacked */
    struct unpacked unpacked;
    bool is_unpacked;
    struct staged *staged; /* the engine's; NULL: there is nothing (yet) */
    bool is_back;          /* the thread has done what it could */
    bool is_over;          /* the request was executed, or the client is gone */
};

struct stager {
    struct errands errands;       /* each of them a staging */
    _Atomic size_t scratch_bytes; /* all that unpacking takes, and is to take */
};

void stager_init(struct stager *stager);

/*
 * The request of this index in the part is about to be executed. True: its value is worth staging,
 * and it is not executed now: the session is blocked, and stager_lend() has to follow once the rest
 * of the part is in the connection's input.
 */
bool stager_claim_locked(struct worker *worker, const struct part *part, size_t index);

/* Has a request of the connection been claimed, and not been lent? */
bool stager_has_claim(const struct connection *connection);

/* The input of a connection whose request was claimed goes to the thread. */
void stager_lend(struct worker *worker, struct connection *connection);

/* Around the execution of a connection's first request: what was staged for it is offered to the
 * engine, and was used or not. */
void stager_offer_locked(struct server *server, const struct connection *connection);
void stager_withdraw_locked(struct server *server, struct connection *connection, bool is_executed);

/* What unpacking this argument of the request that is executed has brought; NULL: it was not done
 * ahead. Borrowed until the request was executed. */
const struct unpacked *stager_unpacked(const struct session *session, struct slice argument);

/* Is there something that stager_release() should be called for? */
bool stager_is_over(const struct connection *connection);

/* Gives up what was staged for the connection, if anything was; and its input, if `with_input`. */
void stager_release(struct connection *connection, bool with_input);

/* The connection closes: the same, and an input that is lent is freed at once, unless the thread
 * has it in hand. */
void stager_forget(struct connection *connection);

#endif
