/* peer.c - see peer.h. */
#include "commands/peer.h"

#include "base/clock.h"
#include "base/mutex.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often a thread that waits looks whether the server ends. */
#define LOOK_EVERY_MS 50

#define LINE_SIZE_MAX 65536

static struct {
    pthread_once_t once;
    struct mutex mutex;
    struct condition ended;
    unsigned running;
    _Atomic bool is_stopped;
} peers = {.once = PTHREAD_ONCE_INIT};

static void init(void)
{
    mutex_init(&peers.mutex);
    condition_init(&peers.ended);
}

/* A batch under way. */
struct exchange {
    struct peer_batch batch;
    int descriptor; /* -1: none */
    size_t sent;
    size_t answered;
    struct buffer received;
    int64_t deadline_ms; /* monotonic */
};

static void note_progress(struct exchange *exchange)
{
    exchange->deadline_ms = clock_monotonic_ms() + exchange->batch.timeout_ms;
}

/* Waits for one of the events; false: the time is over, or the server ends. */
static bool wait_for(const struct exchange *exchange, short events, short *ready)
{
    struct pollfd entry = {.fd = exchange->descriptor, .events = events};
    for (;;) {
        int64_t left_ms = exchange->deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0 || atomic_load(&peers.is_stopped)) {
            return false;
        }
        int count = poll(&entry, 1, (int)(left_ms < LOOK_EVERY_MS ? left_ms : LOOK_EVERY_MS));
        if (count > 0) {
            *ready = entry.revents;
            return true;
        }
        if (count < 0 && errno != EINTR) {
            return false;
        }
    }
}

static bool connect_to(struct exchange *exchange, const struct addrinfo *address)
{
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return false;
    }
    exchange->descriptor = descriptor;
    short ready;
    int failure = 0;
    socklen_t size = sizeof(failure);
    bool done = connect(descriptor, address->ai_addr, address->ai_addrlen) == 0;
    if (!done && errno == EINPROGRESS && wait_for(exchange, POLLOUT, &ready)) {
        done = getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
    }
    if (!done) {
        (void)close(descriptor);
        exchange->descriptor = -1;
    }
    return done;
}

static bool reach(struct exchange *exchange)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *addresses;
    note_progress(exchange);
    if (getaddrinfo(exchange->batch.host, exchange->batch.port, &hints, &addresses) != 0) {
        return false;
    }
    bool done = false;
    for (struct addrinfo *at = addresses; at != NULL && !done; at = at->ai_next) {
        done = connect_to(exchange, at);
    }
    freeaddrinfo(addresses);
    return done;
}

static bool is_temporary(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* False: the connection is broken. */
static bool send_more(struct exchange *exchange)
{
    const struct buffer *request = &exchange->batch.request;
    ssize_t count = send(exchange->descriptor, request->data + exchange->sent,
                         request->size - exchange->sent, MSG_NOSIGNAL);
    if (count < 0) {
        return is_temporary();
    }
    exchange->sent += (size_t)count;
    note_progress(exchange);
    return true;
}

/* Tells all replies that have come whole. */
static void take_lines(struct exchange *exchange)
{
    struct buffer *received = &exchange->received;
    size_t taken = 0;
    while (exchange->answered < exchange->batch.reply_count && taken < received->size) {
        char *begin = received->data + taken;
        char *end = memchr(begin, '\n', received->size - taken);
        if (end == NULL) {
            break;
        }
        size_t size = (size_t)(end - begin);
        taken += size + 1;
        size -= size > 0 && begin[size - 1] == '\r' ? 1 : 0;
        exchange->batch.on_reply(exchange->batch.context, exchange->answered++,
                                 slice_make(begin, size));
    }
    buffer_consume(received, taken);
}

/* False: the connection is broken, or what comes can't be a reply. */
static bool receive_more(struct exchange *exchange)
{
    char bytes[4096];
    ssize_t count = recv(exchange->descriptor, bytes, sizeof(bytes), 0);
    if (count < 0) {
        return is_temporary();
    }
    if (count == 0 || exchange->received.size > LINE_SIZE_MAX ||
        buffer_append(&exchange->received, bytes, (size_t)count) != STATUS_OK) {
        return false;
    }
    take_lines(exchange);
    note_progress(exchange);
    return true;
}

/* Replies are read while commands are still being sent: else both sides might wait for each other.
 */
static enum peer_end talk(struct exchange *exchange)
{
    note_progress(exchange);
    while (exchange->answered < exchange->batch.reply_count) {
        bool is_sending = exchange->sent < exchange->batch.request.size;
        short ready;
        bool works = wait_for(exchange, (short)(POLLIN | (is_sending ? POLLOUT : 0)), &ready);
        if (works && (ready & (POLLIN | POLLERR | POLLHUP)) != 0) {
            works = receive_more(exchange);
        }
        if (works && (ready & POLLOUT) != 0) {
            works = send_more(exchange);
        }
        if (!works) {
            return is_sending ? PEER_NOT_WRITTEN : PEER_NOT_READ;
        }
    }
    return PEER_DONE;
}

static void *run(void *argument)
{
    struct exchange *exchange = argument;
    void (*on_end)(void *context, enum peer_end end) = exchange->batch.on_end;
    void *context = exchange->batch.context;
    enum peer_end end = reach(exchange) ? talk(exchange) : PEER_NOT_REACHED;
    if (exchange->descriptor >= 0) {
        (void)close(exchange->descriptor);
    }
    buffer_deinit(&exchange->received);
    peer_batch_deinit(&exchange->batch);
    free(exchange);
    on_end(context, end);
    mutex_lock(&peers.mutex);
    peers.running--;
    condition_wake_all(&peers.ended);
    mutex_unlock(&peers.mutex);
    return NULL;
}

static enum status start(struct exchange *exchange)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (atomic_load(&peers.is_stopped)) {
        return STATUS_CLOSED;
    }
    if (pthread_attr_init(&attributes) != 0) {
        return STATUS_NO_MEMORY;
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, run, exchange) == 0;
    (void)pthread_attr_destroy(&attributes);
    return started ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status peer_send(struct peer_batch *batch)
{
    pthread_once(&peers.once, init);
    struct exchange *exchange = malloc(sizeof(*exchange));
    if (exchange == NULL) {
        return STATUS_NO_MEMORY;
    }
    *exchange = (struct exchange){.batch = *batch, .descriptor = -1};
    mutex_lock(&peers.mutex);
    enum status status = start(exchange);
    peers.running += status == STATUS_OK ? 1 : 0;
    mutex_unlock(&peers.mutex);
    if (status != STATUS_OK) {
        free(exchange);
        return status;
    }
    *batch = (struct peer_batch){0};
    return STATUS_OK;
}

void peer_batch_deinit(struct peer_batch *batch)
{
    free(batch->host);
    free(batch->port);
    buffer_deinit(&batch->request);
}

void peer_stop(void)
{
    pthread_once(&peers.once, init);
    mutex_lock(&peers.mutex);
    atomic_store(&peers.is_stopped, true);
    while (peers.running > 0) {
        condition_wait(&peers.ended, &peers.mutex, -1);
    }
    mutex_unlock(&peers.mutex);
}
