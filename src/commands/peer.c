/* peer.c - see peer.h. */
#include "commands/peer.h"

#include "base/clock.h"
#include "base/mutex.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often a thread that waits looks whether the server ends. */
#define LOOK_EVERY_MS 50

/* For how long a connection is kept for another batch, and how many are; Redis's figures. */
#define IDLE_MS       10000
#define IDLE_MAX      64

#define LINE_SIZE_MAX 65536

/* A connection with its thread, and the batch that is under way on it. */
struct peer {
    char *host; /* owned, as is `port`: of the first batch */
    char *port;
    struct buffer login; /* what the first batch has logged in with: nobody else gets it */
    int descriptor;      /* -1: none */
    struct condition handed;
    bool is_idle; /* under the mutex: it stands in the list and has no batch */
    struct peer *next_idle;

    struct peer_batch batch;
    size_t sent;
    size_t answered;
    struct buffer received;
    int64_t deadline_ms; /* monotonic */
};

static struct {
    pthread_once_t once;
    struct mutex mutex;
    struct condition ended;
    unsigned running;
    struct peer *idle;
    size_t idle_count;
    _Atomic bool is_stopped;
} peers = {.once = PTHREAD_ONCE_INIT};

static void init(void)
{
    mutex_init(&peers.mutex);
    condition_init(&peers.ended);
}

static void note_progress(struct peer *peer)
{
    peer->deadline_ms = clock_monotonic_ms() + peer->batch.timeout_ms;
}

/* Waits for one of the events; false: the time is over, or the server ends. */
static bool wait_for(const struct peer *peer, short events, short *ready)
{
    struct pollfd entry = {.fd = peer->descriptor, .events = events};
    for (;;) {
        int64_t left_ms = peer->deadline_ms - clock_monotonic_ms();
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

static void hang_up(struct peer *peer)
{
    if (peer->descriptor >= 0) {
        (void)close(peer->descriptor);
        peer->descriptor = -1;
    }
}

/* The connection has begun: does it come about? */
static bool is_accepted(const struct peer *peer)
{
    short ready;
    int failure = 0;
    socklen_t size = sizeof(failure);
    return wait_for(peer, POLLOUT, &ready) &&
           getsockopt(peer->descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
}

/* Redis takes a connection that has only begun for one that is there, and so finds out by writing
 * that it is refused, or that nobody answers. */
static enum peer_end connect_to(struct peer *peer, const struct addrinfo *address)
{
    peer->descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (peer->descriptor < 0) {
        return PEER_NOT_REACHED;
    }
    enum peer_end end = PEER_DONE;
    if (connect(peer->descriptor, address->ai_addr, address->ai_addrlen) != 0) {
        bool has_begun = errno == EINPROGRESS;
        end = !has_begun ? PEER_NOT_REACHED : is_accepted(peer) ? PEER_DONE : PEER_NOT_WRITTEN;
    }
    if (end == PEER_DONE) {
        /* Else the end of a long batch would wait until what is before it is acknowledged. */
        int yes = 1;
        (void)setsockopt(peer->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    } else {
        hang_up(peer);
    }
    return end;
}

static enum peer_end reach(struct peer *peer)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *addresses;
    note_progress(peer);
    if (getaddrinfo(peer->host, peer->port, &hints, &addresses) != 0) {
        return PEER_NOT_REACHED;
    }
    enum peer_end end = PEER_NOT_REACHED;
    for (struct addrinfo *at = addresses; at != NULL && end != PEER_DONE; at = at->ai_next) {
        enum peer_end tried = connect_to(peer, at);
        end = tried == PEER_NOT_REACHED ? end : tried;
    }
    freeaddrinfo(addresses);
    return end;
}

static bool is_temporary(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* False: the connection is broken. */
static bool send_more(struct peer *peer)
{
    const struct buffer *request = &peer->batch.request;
    ssize_t count = send(peer->descriptor, request->data + peer->sent, request->size - peer->sent,
                         MSG_NOSIGNAL);
    if (count < 0) {
        return is_temporary();
    }
    peer->sent += (size_t)count;
    note_progress(peer);
    return true;
}

/* Tells all replies that have come whole. */
static void take_lines(struct peer *peer)
{
    struct buffer *received = &peer->received;
    size_t taken = 0;
    while (peer->answered < peer->batch.reply_count && taken < received->size) {
        char *begin = received->data + taken;
        char *end = memchr(begin, '\n', received->size - taken);
        if (end == NULL) {
            break;
        }
        size_t size = (size_t)(end - begin);
        taken += size + 1;
        size -= size > 0 && begin[size - 1] == '\r' ? 1 : 0;
        peer->batch.on_reply(peer->batch.context, peer->answered++, slice_make(begin, size));
    }
    buffer_consume(received, taken);
}

/* False: the connection is broken, or what comes can't be a reply. */
static bool receive_more(struct peer *peer)
{
    char bytes[4096];
    ssize_t count = recv(peer->descriptor, bytes, sizeof(bytes), 0);
    if (count < 0) {
        return is_temporary();
    }
    if (count == 0 || peer->received.size > LINE_SIZE_MAX ||
        buffer_append(&peer->received, bytes, (size_t)count) != STATUS_OK) {
        return false;
    }
    take_lines(peer);
    note_progress(peer);
    return true;
}

/* Replies are read while commands are still being sent: else both sides might wait for each other.
 */
static enum peer_end talk(struct peer *peer)
{
    note_progress(peer);
    while (peer->answered < peer->batch.reply_count) {
        bool is_sending = peer->sent < peer->batch.request.size;
        short ready;
        bool works = wait_for(peer, (short)(POLLIN | (is_sending ? POLLOUT : 0)), &ready);
        if (works && (ready & (POLLIN | POLLERR | POLLHUP)) != 0) {
            works = receive_more(peer);
        }
        if (works && (ready & POLLOUT) != 0) {
            works = send_more(peer);
        }
        if (!works) {
            return is_sending ? PEER_NOT_WRITTEN : PEER_NOT_READ;
        }
    }
    return PEER_DONE;
}

/* Is the connection as it was left: open, and nothing has come since? */
static bool is_usable(const struct peer *peer)
{
    char byte;
    return peer->descriptor >= 0 && recv(peer->descriptor, &byte, 1, MSG_PEEK) < 0 &&
           is_temporary();
}

/* What was kept may break just now, as when the other server is started anew. Then the batch is
 * sent once more, over a new connection. */
static enum peer_end carry_out(struct peer *peer)
{
    bool was_kept = is_usable(peer);
    if (was_kept) {
        enum peer_end end = talk(peer);
        bool is_over = clock_monotonic_ms() >= peer->deadline_ms || atomic_load(&peers.is_stopped);
        if (end == PEER_DONE || is_over || peer->answered > 0) {
            return end;
        }
        peer->sent = 0;
        buffer_consume(&peer->received, peer->received.size);
    }
    hang_up(peer);
    enum peer_end end = reach(peer);
    return end == PEER_DONE ? talk(peer) : end;
}

/* --- connections that are kept --- */

static bool may_take(const struct peer *peer, const struct peer_batch *batch)
{
    struct slice login = slice_make(batch->request.data, batch->login_size);
    return strcmp(peer->host, batch->host) == 0 && strcmp(peer->port, batch->port) == 0 &&
           slice_equal(buffer_slice(&peer->login), login);
}

static void remove_idle_locked(struct peer **at)
{
    struct peer *peer = *at;
    *at = peer->next_idle;
    peer->is_idle = false;
    peers.idle_count--;
}

/* NULL: there is none for the batch. */
static struct peer *take_idle_locked(const struct peer_batch *batch)
{
    for (struct peer **at = &peers.idle; *at != NULL; at = &(*at)->next_idle) {
        if (may_take(*at, batch)) {
            struct peer *peer = *at;
            remove_idle_locked(at);
            return peer;
        }
    }
    return NULL;
}

/* Ready for another batch, which may come at once; false: it is not kept. */
static bool offer(struct peer *peer)
{
    mutex_lock(&peers.mutex);
    bool is_kept = peers.idle_count < IDLE_MAX && !atomic_load(&peers.is_stopped);
    if (is_kept) {
        peer->is_idle = true;
        peer->next_idle = peers.idle;
        peers.idle = peer;
        peers.idle_count++;
    }
    mutex_unlock(&peers.mutex);
    return is_kept;
}

/* False: none has come, and the peer is out of the list. */
static bool wait_for_batch(struct peer *peer)
{
    int64_t until_ms = clock_monotonic_ms() + IDLE_MS;
    mutex_lock(&peers.mutex);
    int64_t left_ms = IDLE_MS;
    while (peer->is_idle && left_ms > 0 && !atomic_load(&peers.is_stopped)) {
        condition_wait(&peer->handed, &peers.mutex, (long)left_ms);
        left_ms = until_ms - clock_monotonic_ms();
    }
    bool has_come = !peer->is_idle;
    struct peer **at = &peers.idle;
    while (!has_come && *at != peer) {
        at = &(*at)->next_idle;
    }
    if (!has_come) {
        remove_idle_locked(at);
    }
    mutex_unlock(&peers.mutex);
    return has_come;
}

static void destroy(struct peer *peer)
{
    hang_up(peer);
    free(peer->host);
    free(peer->port);
    buffer_deinit(&peer->login);
    buffer_deinit(&peer->received);
    condition_deinit(&peer->handed);
    free(peer);
}

static void *run(void *argument)
{
    struct peer *peer = argument;
    bool is_kept;
    do {
        enum peer_end end = carry_out(peer);
        void (*on_end)(void *context, enum peer_end end) = peer->batch.on_end;
        void *context = peer->batch.context;
        bool is_clean = end == PEER_DONE && peer->received.size == 0;
        peer_batch_deinit(&peer->batch);
        /* Before the end is told: who hears of it may send the next batch at once. */
        is_kept = is_clean && offer(peer);
        on_end(context, end);
    } while (is_kept && wait_for_batch(peer));
    destroy(peer);
    mutex_lock(&peers.mutex);
    peers.running--;
    condition_wake_all(&peers.ended);
    mutex_unlock(&peers.mutex);
    return NULL;
}

static enum status start(struct peer *peer)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) {
        return STATUS_NO_MEMORY;
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool started = pthread_create(&thread, &attributes, run, peer) == 0;
    (void)pthread_attr_destroy(&attributes);
    return started ? STATUS_OK : STATUS_NO_MEMORY;
}

/* Moves the batch to the peer, which has none. */
static void hand_over(struct peer *peer, struct peer_batch *batch)
{
    peer->batch = *batch;
    peer->sent = 0;
    peer->answered = 0;
    *batch = (struct peer_batch){0};
}

static enum status begin_locked(struct peer_batch *batch)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL) {
        return STATUS_NO_MEMORY;
    }
    condition_init(&peer->handed);
    peer->descriptor = -1;
    peer->host = strdup(batch->host);
    peer->port = strdup(batch->port);
    enum status status = buffer_append(&peer->login, batch->request.data, batch->login_size);
    if (peer->host == NULL || peer->port == NULL || status != STATUS_OK) {
        destroy(peer);
        return STATUS_NO_MEMORY;
    }
    struct peer_batch sent = *batch;
    hand_over(peer, batch);
    status = start(peer);
    if (status == STATUS_OK) {
        peers.running++;
        return STATUS_OK;
    }
    *batch = sent;
    destroy(peer);
    return status;
}

enum status peer_send(struct peer_batch *batch)
{
    pthread_once(&peers.once, init);
    mutex_lock(&peers.mutex);
    enum status status = atomic_load(&peers.is_stopped) ? STATUS_CLOSED : STATUS_OK;
    struct peer *peer = status == STATUS_OK ? take_idle_locked(batch) : NULL;
    if (peer != NULL) {
        hand_over(peer, batch);
        condition_wake_one(&peer->handed);
    } else if (status == STATUS_OK) {
        status = begin_locked(batch);
    }
    mutex_unlock(&peers.mutex);
    return status;
}

size_t peer_idle_count(void)
{
    pthread_once(&peers.once, init);
    mutex_lock(&peers.mutex);
    size_t count = peers.idle_count;
    mutex_unlock(&peers.mutex);
    return count;
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
    for (struct peer *peer = peers.idle; peer != NULL; peer = peer->next_idle) {
        condition_wake_one(&peer->handed);
    }
    while (peers.running > 0) {
        condition_wait(&peers.ended, &peers.mutex, -1);
    }
    mutex_unlock(&peers.mutex);
}
