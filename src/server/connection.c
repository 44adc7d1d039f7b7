/* connection.c - see connection.h. */
#include "server/connection.h"

#include "base/check.h"
#include "base/log.h"
#include "server/acl.h"
#include "server/stager.h"
#include "server/statistics.h"
#include "server/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for a read when nothing is known of what will come. */
#define INPUT_READ_SIZE  ((size_t)16 << 10)
#define INPUT_LARGE_SIZE ((size_t)256 << 10) /* grows no further while there is room in it */
/* A turn of the others must not wait for one client's bytes. */
#define INPUT_READ_SIZE_MAX ((size_t)512 << 10)
/* What a client may send while nothing of it is executed. */
#define INPUT_WAITING_MAX ((size_t)1 << 20)

bool connection_is_stranger(const struct connection *connection)
{
    return !connection->session.authenticated &&
           acl_asks_for_login(connection->worker->server->acl);
}

struct connection *connection_create(struct worker *worker, uint64_t id, int descriptor)
{
    struct connection *connection = malloc(sizeof(*connection));
    if (connection == NULL) {
        (void)close(descriptor);
        return NULL;
    }
    *connection = (struct connection){.worker = worker};
    if (session_init(&connection->session, worker->server, id, descriptor) != STATUS_OK) {
        free(connection);
        (void)close(descriptor);
        return NULL;
    }
    connection->session.connection = connection;
    connection->session.worker = worker->index;
    parser_init(&connection->parser);
    return connection;
}

static void stop_writing(struct connection *connection)
{
    if (connection->write_event != NULL) {
        event_free(connection->write_event);
        connection->write_event = NULL;
    }
}

static void stop_reading(struct connection *connection)
{
    if (connection->reading) {
        CHECK(event_del(&connection->read_event) == 0);
        connection->reading = false;
    }
}

int connection_release_socket(struct connection *connection)
{
    int descriptor = connection->session.descriptor;
    stop_reading(connection);
    stop_writing(connection);
    connection->session.descriptor = -1;
    return descriptor;
}

void connection_destroy(struct connection *connection)
{
    int descriptor = connection_release_socket(connection);
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    stager_forget(connection);
    output_deinit(&connection->output, &connection->session.reply);
    buffer_deinit(&connection->input);
    parser_deinit(&connection->parser);
    session_deinit(&connection->session);
    free(connection);
}

bool connection_is_ready(const struct connection *connection)
{
    const struct session *session = &connection->session;
    return session->blocked == BLOCK_NONE && !session->close_after_reply &&
           !connection->output_stalled && !connection->closing && connection->slowed_until_us == 0;
}

/* --- input ---------------------------------------------------------------------------------- */

struct slice connection_input(const struct connection *connection)
{
    return slice_part(buffer_slice(&connection->input), connection->input_start,
                      connection->input.size - connection->input_start);
}

/* What was executed goes when it is the larger part: so each byte is moved about once, however
 * small the steps are in which a large input is executed. */
static void compact_input(struct connection *connection)
{
    struct buffer *input = &connection->input;
    if (connection->input_start == input->size) {
        buffer_deinit(input);
        connection->input_start = 0;
    } else if (connection->input_start >= input->size / 2) {
        buffer_consume(input, connection->input_start);
        connection->input_start = 0;
    }
}

long connection_read_input(struct connection *connection)
{
    struct buffer *input = &connection->input;
    size_t missing = connection_is_ready(connection) ? parser_missing(&connection->parser) : 0;
    size_t room = input->capacity - input->size;
    size_t wanted = INPUT_READ_SIZE;
    enum status status = STATUS_OK;
    if (missing > INPUT_READ_SIZE) {
        /* The room for a large value is asked for at once, and only what belongs to it is read. */
        wanted = missing;
        status = buffer_reserve_exact(input, wanted);
    } else if (missing > 0 && missing <= room && input->size >= INPUT_LARGE_SIZE) {
        wanted = room; /* that was asked for then; not more, for the sake of its end */
    } else {
        status = buffer_reserve(input, wanted);
    }
    if (status != STATUS_OK) {
        errno = ENOMEM;
        return -1;
    }
    size_t size = wanted < INPUT_READ_SIZE_MAX ? wanted : INPUT_READ_SIZE_MAX;
    ssize_t got = read(connection->session.descriptor, input->data + input->size, size);
    if (got > 0) {
        input->size += (size_t)got;
    }
    return (long)got;
}

/* As in Redis, the size is that of what is not taken apart yet. */
static void publish_input_size(struct connection *connection)
{
    size_t size = connection_input(connection).size;
    size_t understood = parser_understood(&connection->parser);
    atomic_store_explicit(&connection->session.query_buffer_size,
                          understood < size ? size - understood : 0, memory_order_relaxed);
    atomic_store_explicit(&connection->session.query_buffer_capacity, connection->input.capacity,
                          memory_order_relaxed);
}

struct buffer connection_take_input(struct connection *connection)
{
    struct buffer input = connection->input;
    connection->input = (struct buffer){0};
    connection->input_start = 0;
    publish_input_size(connection);
    return input;
}

/* If a large value has begun, its room is asked for at once, and counts as the client's. */
static enum status keep_fragment(struct connection *connection, struct slice fragment)
{
    struct buffer *input = &connection->input;
    size_t missing = parser_missing(&connection->parser);
    enum status status = STATUS_OK;
    if (missing > INPUT_READ_SIZE) {
        status = buffer_reserve_exact(input, fragment.size + missing);
    }
    return status == STATUS_OK ? buffer_append(input, fragment.data, fragment.size) : status;
}

enum status connection_keep_rest(struct connection *connection, struct slice source, size_t done,
                                 bool whole_requests)
{
    struct buffer *input = &connection->input;
    enum status status = STATUS_OK;
    bool had_input = input->capacity > 0;
    if (whole_requests) {
        parser_deinit(&connection->parser);
    }
    if (input->size > 0) {
        connection->input_start += done;
        compact_input(connection);
    } else if (source.size > done) {
        status = keep_fragment(connection, slice_part(source, done, source.size - done));
    }
    if (had_input || input->capacity > 0) {
        publish_input_size(connection);
    }
    return status;
}

/* The system may watch no more sockets (fs.epoll.max_user_watches), or have no memory for it. */
static void start_reading(struct connection *connection)
{
    if (connection->reading) {
        return;
    }
    if (event_add(&connection->read_event, NULL) == 0) {
        connection->reading = true;
        return;
    }
    LOG_WARNING("Closing client %s: the system does not watch its socket (%s).",
                connection->session.address, strerror(errno));
    worker_close_later(connection->worker, connection);
}

/* Whole requests that can't be executed yet: how much of them is read. Beyond that the client has
 * to wait, but one that writes all of a pipeline before it reads gets rid of its requests. */
static size_t find_input_limit(const struct connection *connection)
{
    const struct config *config = connection->worker->server->config;
    size_t limit =
        (size_t)config_number(config, CONFIG_CLIENT_QUERY_BUFFER_LIMIT) - INPUT_READ_SIZE;
    size_t small_limit = limit < INPUT_WAITING_MAX ? limit : INPUT_WAITING_MAX;
    if (connection->output_stalled) {
        return connection_is_stranger(connection) ? small_limit : limit;
    }
    bool waits = connection->session.blocked != BLOCK_NONE || connection->slowed_until_us != 0;
    return waits ? small_limit : SIZE_MAX;
}

void connection_update_reading(struct connection *connection)
{
    bool has_room = connection->input.size - connection->input_start < find_input_limit(connection);
    bool is_over =
        connection->ended || connection->closing || connection->session.close_after_reply;
    bool is_lent = connection->session.blocked == BLOCK_STAGING;
    if (has_room && !is_over && !is_lent) {
        start_reading(connection);
    } else {
        stop_reading(connection);
    }
}

/* --- output --------------------------------------------------------------------------------- */

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    struct connection *connection = context;
    (void)descriptor;
    (void)what;
    stop_writing(connection);
    worker_list_add(connection->worker, LIST_SETTLE, connection);
}

/* False: no memory to wait for the socket with. */
static bool start_writing(struct connection *connection)
{
    connection->write_event = event_new(connection->worker->base, connection->session.descriptor,
                                        EV_WRITE, on_writable, connection);
    return connection->write_event != NULL && event_add(connection->write_event, NULL) == 0;
}

static void lend_buffer_back(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct reply *reply = &connection->session.reply;
    if (reply->bytes.data == NULL) {
        return;
    }
    if (worker->spare_buffer_count < WORKER_SPARE_BUFFERS &&
        reply->bytes.capacity <= WORKER_SPARE_BYTES - worker->spare_bytes) {
        worker->spare_bytes += reply->bytes.capacity;
        worker->spare_buffers[worker->spare_buffer_count++] = reply->bytes;
        reply->bytes = (struct buffer){0};
    } else {
        buffer_deinit(&reply->bytes);
    }
    free(reply->references);
    reply->references = NULL;
    reply->reference_capacity = 0;
}

void connection_publish_output(struct connection *connection)
{
    const struct reply *reply = &connection->session.reply;
    atomic_store_explicit(&connection->session.output_size,
                          output_pending(&connection->output, reply), memory_order_relaxed);
    atomic_store_explicit(&connection->session.output_capacity,
                          output_memory(&connection->output, reply), memory_order_relaxed);
}

bool connection_has_requests(const struct connection *connection)
{
    const struct session *session = &connection->session;
    unsigned lists = 1U << LIST_RESUME | 1U << LIST_SLOWED;
    bool is_worked_for = session->blocked == BLOCK_STAGING || session->blocked == BLOCK_WAITING ||
                         session->blocked == BLOCK_FOR_ROOM;
    return ((connection->lists & lists) != 0 || connection->in_turn || is_worked_for) &&
           !session_waits_by_choice(session);
}

/* What a client had sent before it went is executed all the same. */
static bool send_nothing(struct connection *connection)
{
    connection->gone = true;
    connection->ended = true;
    output_deinit(&connection->output, &connection->session.reply);
    connection_publish_output(connection);
    return connection_has_requests(connection);
}

bool connection_send(struct connection *connection)
{
    struct reply *reply = &connection->session.reply;
    if (connection->gone) {
        return send_nothing(connection);
    }
    if (connection->write_event != NULL) {
        connection_publish_output(connection);
        return true;
    }
    bool had_bytes = !output_is_empty(&connection->output, reply);
    uint64_t sent = 0;
    enum output_result result =
        output_send(&connection->output, reply, connection->session.descriptor, &sent);
    if (sent > 0) {
        connection->active_ms = connection->worker->now_ms;
        struct statistics *statistics = connection->worker->server->statistics;
        atomic_fetch_add_explicit(&statistics->net_output_bytes, sent, memory_order_relaxed);
        atomic_fetch_add_explicit(&statistics->writes_processed, 1, memory_order_relaxed);
    }
    if (result == OUTPUT_CLOSED) {
        return send_nothing(connection);
    }
    if (output_is_empty(&connection->output, reply)) {
        lend_buffer_back(connection);
    }
    if (had_bytes) {
        connection_publish_output(connection);
    }
    return result == OUTPUT_SENT || start_writing(connection);
}
