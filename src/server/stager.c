/* stager.c - see stager.h. */
#include "server/stager.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/engine.h"
#include "server/server_state.h"
#include "server/worker.h"

#include <stdlib.h>

/* What unpacked values may take together; alone, one may be larger. */
#define SCRATCH_BYTES_MAX ((size_t)256 << 20)

void stager_init(struct stager *stager)
{
    errands_init(&stager->errands, "stager");
    atomic_init(&stager->scratch_bytes, 0);
}

static void destroy(struct staging *staging)
{
    atomic_fetch_sub(&staging->server->stager.scratch_bytes, staging->foreseen.scratch_size);
    buffer_deinit(&staging->scratch);
    buffer_deinit(&staging->input);
    free(staging);
}

/* --- given back --------------------------------------------------------------------------- */

static bool try_enqueue(struct staging *staging)
{
    return errands_add(&staging->server->stager.errands, &staging->errand) == STATUS_OK;
}

/* It is over: the thread gives up what was staged, and frees what there is to free. */
static void release(struct staging *staging)
{
    staging->is_over = true;
    if (!try_enqueue(staging)) {
        destroy(staging); /* the store is closed, or will be: it drops what was staged */
    }
}

/* On the session's worker, or with NULL when it has gone: the input is back. */
static void give_back(void *context, struct session *session)
{
    struct staging *staging = context;
    staging->is_back = true;
    if (session == NULL) {
        release(staging);
        return;
    }
    struct connection *connection = session->connection;
    CHECK(connection->staging == NULL && connection->input.size == 0);
    buffer_deinit(&connection->input);
    connection->input = staging->input;
    connection->input_start = staging->input_start;
    connection->staging = staging;
    staging->input = (struct buffer){0};
    session->blocked = BLOCK_NONE;
    worker_list_add(connection->worker, LIST_RESUME, connection);
}

/* --- the thread --------------------------------------------------------------------------- */

/* Finds the value; false: there is none to be had. */
static bool unpack(struct staging *staging)
{
    const struct foreseen *foreseen = &staging->foreseen;
    struct unpacked *unpacked = &staging->unpacked;
    if (foreseen->unpack == NULL) {
        return true;
    }
    unpacked->status = foreseen->unpack(foreseen->argument, &staging->scratch, &unpacked->value);
    staging->is_unpacked = unpacked->status != STATUS_NO_MEMORY;
    staging->foreseen.plan.values[0].value = unpacked->value;
    return unpacked->status == STATUS_OK;
}

static void stage(struct staging *staging)
{
    struct engine *engine = staging->server->engine;
    const struct staged_plan *plan = &staging->foreseen.plan;
    if (!unpack(staging)) {
        return; /* the command will say why */
    }
    enum status status = staged_write(engine, plan, &staging->staged);
    if (status != STATUS_OK) {
        staging->staged = NULL;
        LOG_VERBOSE("a value of %zu bytes can't be written ahead of its command: %s",
                    plan->values[0].value.size, status_words(status));
    }
}

static void dispose(struct staging *staging)
{
    if (staging->staged != NULL) {
        staged_drop(staging->server->engine, staging->staged);
    }
    destroy(staging);
}

static void run(void *context, bool is_ending)
{
    struct staging *staging = context;
    if (staging->is_over) {
        dispose(staging);
        return;
    }
    if (!is_ending) {
        stage(staging);
    }
    server_post(staging->server, staging->session, give_back, staging);
}

/* --- the worker --------------------------------------------------------------------------- */

/* Who would exceed the bound unpacks when it is executed, one at a time. */
static bool may_take_scratch(const struct stager *stager, size_t size)
{
    size_t taken = atomic_load(&stager->scratch_bytes);
    return size == 0 || taken == 0 ||
           (taken < SCRATCH_BYTES_MAX && size <= SCRATCH_BYTES_MAX - taken);
}

bool stager_claim_locked(struct worker *worker, const struct part *part, size_t index)
{
    struct server *server = worker->server;
    struct connection *connection = part->connection;
    struct session *session = &connection->session;
    const struct request *requests = worker->requests + part->first_request;
    const struct request_words words = request_words(worker, &requests[index]);
    struct foreseen foreseen;
    /* What lies in the worker's arena is small, and does not stay there. */
    if (connection->staging != NULL || connection->input.size == 0 ||
        !server->executor->foresee_value(server, session, &words, &foreseen) ||
        !may_take_scratch(&server->stager, foreseen.scratch_size)) {
        return false;
    }
    struct staging *staging = malloc(sizeof(*staging));
    if (staging == NULL) {
        return false;
    }
    size_t begin = index == 0 ? 0 : requests[index - 1].end;
    *staging = (struct staging){
        .errand = {.run = run, .context = staging},
        .server = server,
        .session = {.id = session->id, .worker = session->worker},
        .foreseen = foreseen,
        .request_begin = part->source.data + begin,
    };
    atomic_fetch_add(&server->stager.scratch_bytes, foreseen.scratch_size);
    connection->staging = staging;
    session->blocked = BLOCK_STAGING;
    return true;
}

bool stager_has_claim(const struct connection *connection)
{
    return connection->session.blocked == BLOCK_STAGING && connection->staging != NULL &&
           !connection->staging->is_back;
}

/* The request has moved, and is the first of the input now. */
static void follow_input(const struct staging *staging, struct slice input, struct slice *part)
{
    size_t offset = (size_t)(part->data - staging->request_begin);
    CHECK(offset + part->size <= input.size);
    *part = slice_part(input, offset, part->size);
}

void stager_lend(struct worker *worker, struct connection *connection)
{
    struct staging *staging = connection->staging;
    CHECK(staging != NULL && !staging->is_back);
    const struct slice input = connection_input(connection);
    struct staged_plan *plan = &staging->foreseen.plan;
    if (staging->foreseen.unpack != NULL) {
        follow_input(staging, input, &staging->foreseen.argument);
    } else {
        for (size_t i = 0; i < plan->count; i++) {
            follow_input(staging, input, &plan->values[i].value);
        }
    }
    staging->input = connection->input;
    staging->input_start = connection->input_start;
    connection->input = (struct buffer){0};
    connection->input_start = 0;
    connection->staging = NULL;
    if (!try_enqueue(staging)) {
        server_post(worker->server, staging->session, give_back, staging);
    }
}

void stager_offer_locked(struct server *server, const struct connection *connection)
{
    if (connection->staging != NULL) {
        staged_offer_locked(server->engine, connection->staging->staged);
    }
}

void stager_withdraw_locked(struct server *server, struct connection *connection, bool is_executed)
{
    if (connection->staging != NULL) {
        staged_offer_locked(server->engine, NULL);
        connection->staging->is_over = is_executed;
    }
}

const struct unpacked *stager_unpacked(const struct session *session, struct slice argument)
{
    const struct staging *staging =
        session->connection != NULL ? session->connection->staging : NULL;
    bool is_it = staging != NULL && staging->is_unpacked &&
                 staging->foreseen.argument.data == argument.data &&
                 staging->foreseen.argument.size == argument.size;
    return is_it ? &staging->unpacked : NULL;
}

bool stager_is_over(const struct connection *connection)
{
    return connection->staging != NULL && connection->staging->is_over;
}

void stager_release(struct connection *connection, bool with_input)
{
    struct staging *staging = connection->staging;
    if (staging == NULL) {
        return;
    }
    connection->staging = NULL;
    if (with_input) {
        staging->input = connection_take_input(connection);
    }
    release(staging);
}

/* Is the errand to stage a value for the session with the id *wanted? */
static bool is_lent_by(const struct errand *errand, const void *wanted)
{
    const struct staging *staging = errand->context;
    const uint64_t *id = wanted;
    return staging->session.id == *id && !staging->is_over;
}

void stager_forget(struct connection *connection)
{
    stager_release(connection, false);
    if (connection->session.blocked == BLOCK_STAGING) {
        const struct errand *lent = errands_withdraw(&connection->worker->server->stager.errands,
                                                     is_lent_by, &connection->session.id);
        if (lent != NULL) {
            destroy(lent->context);
        }
    }
}
