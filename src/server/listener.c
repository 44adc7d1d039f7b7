/* listener.c - see listener.h. */
#include "server/listener.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "server/acl.h"
#include "server/listening_socket.h"
#include "server/server_state.h"
#include "server/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_EVENT 256

static const char too_many_clients[] = "-ERR max number of clients reached\r\n";
static const char protected_mode[] =
    "-DENIED Redis is running in protected mode: scdb serves nobody but clients on its own machine "
    "while protected-mode is on and no password is set for the default user. Connect through the "
    "loopback interface; or set a password with 'requirepass'; or, where a firewall keeps "
    "strangers out, send 'CONFIG SET protected-mode no' from there, and write 'protected-mode no' "
    "into the configuration file (CONFIG REWRITE does).\r\n";

/* --- opening -------------------------------------------------------------------------------- */

/* Takes the descriptor: closed when there is no memory. */
static enum status add(struct listeners *listeners, int descriptor, bool is_unix_socket,
                       struct error *error)
{
    struct listener *listener = malloc(sizeof(*listener));
    if (listener == NULL) {
        (void)close(descriptor);
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    *listener = (struct listener){
        .server = listeners->server, .descriptor = descriptor, .is_unix_socket = is_unix_socket};
    mutex_lock(&listeners->mutex);
    listener->next = listeners->first;
    listeners->first = listener;
    mutex_unlock(&listeners->mutex);
    return STATUS_OK;
}

/* Takes one address of `bind`, unless it is absent and may be. */
static enum status open_address(struct listeners *listeners, struct slice address,
                                struct error *error)
{
    int descriptor;
    size_t dash = address.data[0] == '-' ? 1 : 0;
    struct slice host = slice_part(address, dash, address.size - dash);
    enum status status =
        listening_socket_tcp(listeners->server->config, address, &descriptor, error);
    if (status != STATUS_OK || descriptor < 0) {
        return status;
    }
    status = add(listeners, descriptor, false, error);
    if (status == STATUS_OK &&
        (buffer_append(&listeners->addresses, " ", listeners->addresses.size > 0) != STATUS_OK ||
         buffer_append(&listeners->addresses, host.data, host.size) != STATUS_OK)) {
        status = error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    return status;
}

static enum status open_tcp(struct listeners *listeners, struct error *error)
{
    const struct config *config = listeners->server->config;
    listeners->addresses.size = 0;
    if (config_number(config, CONFIG_PORT) == 0) {
        return STATUS_OK;
    }
    struct slice rest = config_text(config, CONFIG_BIND);
    for (struct slice word = slice_next_word(&rest); word.size > 0; word = slice_next_word(&rest)) {
        enum status status = open_address(listeners, word, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status open_unix(struct listeners *listeners, struct error *error)
{
    const struct config *config = listeners->server->config;
    struct slice path = config_text(config, CONFIG_UNIXSOCKET);
    int descriptor;
    if (path.size == 0) {
        return STATUS_OK;
    }
    enum status status = listening_socket_unix(config, &descriptor, error);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(path.size < sizeof(listeners->unix_path)); /* or it could not have been opened */
    memcpy(listeners->unix_path, path.data, path.size);
    return add(listeners, descriptor, true, error);
}

/* From now on clients of TCP connect. */
static enum status begin_tcp(struct listeners *listeners, struct error *error)
{
    enum status status = STATUS_OK;
    mutex_lock(&listeners->mutex);
    for (struct listener *listener = listeners->first; status == STATUS_OK && listener != NULL;
         listener = listener->next) {
        if (!listener->is_unix_socket && !listener->is_retired) {
            status = listening_socket_begin(listeners->server->config, listener->descriptor, error);
        }
    }
    mutex_unlock(&listeners->mutex);
    return status;
}

void listeners_init(struct listeners *listeners, struct server *server)
{
    *listeners = (struct listeners){.server = server, .next_session_id = 1};
    mutex_init(&listeners->mutex);
}

void listeners_deinit(struct listeners *listeners)
{
    CHECK(listeners->first == NULL);
    buffer_deinit(&listeners->opened);
    buffer_deinit(&listeners->addresses);
    mutex_deinit(&listeners->mutex);
}

/* "PORT ADDRESS ..." as the configuration has it. */
static enum status describe(const struct config *config, struct buffer *text)
{
    char port[16];
    struct slice addresses = config_text(config, CONFIG_BIND);
    int size = snprintf(port, sizeof(port), "%d ", (int)config_number(config, CONFIG_PORT));
    enum status status = buffer_append(text, port, (size_t)size);
    return status == STATUS_OK ? buffer_append(text, addresses.data, addresses.size) : status;
}

/* A server that no client could reach is a mistake in the configuration. */
static enum status expect_one(struct listeners *listeners, struct error *error)
{
    mutex_lock(&listeners->mutex);
    bool has_any = listeners->first != NULL;
    mutex_unlock(&listeners->mutex);
    if (has_any) {
        return STATUS_OK;
    }
    LOG_WARNING("Configured to not listen anywhere, exiting."); /* in Redis's words, too */
    return error_set(error, STATUS_INVALID,
                     "no client could connect: set 'port' and 'bind' to addresses that this "
                     "machine has, or 'unixsocket'");
}

enum status listeners_open(struct listeners *listeners, struct error *error)
{
    enum status status = open_tcp(listeners, error);
    if (status == STATUS_IO) {
        /* In Redis's words: there are programs that try another port then. */
        LOG_WARNING("Failed listening on port %d (TCP), aborting.",
                    (int)config_number(listeners->server->config, CONFIG_PORT));
    }
    if (status == STATUS_OK) {
        status = open_unix(listeners, error);
    }
    if (status == STATUS_OK) {
        status = expect_one(listeners, error);
    }
    if (status == STATUS_OK &&
        describe(listeners->server->config, &listeners->opened) != STATUS_OK) {
        status = error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    if (status != STATUS_OK) {
        listeners_close(listeners);
    }
    return status;
}

void listeners_log_addresses(const struct listeners *listeners)
{
    const struct config *config = listeners->server->config;
    struct slice addresses = buffer_slice(&listeners->addresses);
    int port = (int)config_number(config, CONFIG_PORT);
    if (addresses.size > 0) {
        LOG_NOTICE("Listening on port %d of: %.*s.", port, (int)addresses.size, addresses.data);
        return;
    }
    bool is_empty = config_text(config, CONFIG_BIND).size == 0;
    LOG_NOTICE("Listening on no TCP port: %s.", port == 0  ? "'port' is 0"
                                                : is_empty ? "'bind' is empty"
                                                           : "there is no address of 'bind'");
}

static void free_listener(struct listener *listener)
{
    if (listener->event != NULL) {
        event_free(listener->event);
    }
    (void)close(listener->descriptor);
    free(listener);
}

void listeners_close(struct listeners *listeners)
{
    mutex_lock(&listeners->mutex);
    while (listeners->first != NULL) {
        struct listener *listener = listeners->first;
        listeners->first = listener->next;
        free_listener(listener);
    }
    listeners->is_closed = true;
    mutex_unlock(&listeners->mutex);
    if (listeners->pause_event != NULL) {
        event_free(listeners->pause_event);
        listeners->pause_event = NULL;
    }
    if (listeners->unix_path[0] != '\0') {
        (void)unlink(listeners->unix_path);
        listeners->unix_path[0] = '\0';
    }
}

/* --- other addresses ------------------------------------------------------------------------ */

/* A socket that is shut down refuses clients at once, and its address can be bound again, while the
 * main thread may still be looking at it. */
static void retire_tcp(struct listeners *listeners)
{
    mutex_lock(&listeners->mutex);
    for (struct listener *listener = listeners->first; listener != NULL;
         listener = listener->next) {
        if (!listener->is_unix_socket && !listener->is_retired) {
            (void)shutdown(listener->descriptor, SHUT_RDWR);
            listener->is_retired = true;
        }
    }
    mutex_unlock(&listeners->mutex);
}

static bool is_closed(struct listeners *listeners)
{
    mutex_lock(&listeners->mutex);
    bool closed = listeners->is_closed;
    mutex_unlock(&listeners->mutex);
    return closed;
}

enum status listeners_reopen_locked(struct listeners *listeners, struct error *error)
{
    struct buffer wanted = {0};
    if (describe(listeners->server->config, &wanted) != STATUS_OK) {
        buffer_deinit(&wanted);
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    enum status status = STATUS_OK;
    if (is_closed(listeners) || /* the server is about to end */
        slice_equal(buffer_slice(&wanted), buffer_slice(&listeners->opened))) {
        goto done;
    }
    retire_tcp(listeners);
    listeners->opened.size = 0;
    status = open_tcp(listeners, error);
    status = status == STATUS_OK ? begin_tcp(listeners, error) : status;
    if (status == STATUS_OK) {
        struct buffer former = listeners->opened;
        listeners->opened = wanted;
        wanted = former;
    } else {
        retire_tcp(listeners);
    }
    mailbox_wake(&listeners->server->mailbox);

done:
    buffer_deinit(&wanted);
    return status;
}

/* --- accepting ------------------------------------------------------------------------------ */

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof(v6));
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127);
}

static const char *find_refusal(const struct server *server, const struct listener *listener,
                                const struct sockaddr_storage *address)
{
    if (atomic_load(&server->connection_count) >= atomic_load(&server->client_limit)) {
        return too_many_clients;
    }
    bool closed =
        config_bool(server->config, CONFIG_PROTECTED_MODE) && !acl_has_password(server->acl);
    return closed && !listener->is_unix_socket && !is_loopback(address) ? protected_mode : NULL;
}

static void set_socket_options(const struct server *server, int descriptor)
{
    int yes = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    int idle_s = (int)config_number(server->config, CONFIG_TCP_KEEPALIVE);
    if (idle_s > 0) {
        int interval_s = idle_s / 3 > 0 ? idle_s / 3 : 1;
        int probes = 3;
        (void)setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    }
}

static void admit(const struct listener *listener, int descriptor,
                  const struct sockaddr_storage *address)
{
    struct server *server = listener->server;
    const char *refusal = find_refusal(server, listener, address);
    if (refusal != NULL) {
        ssize_t sent = send(descriptor, refusal, strlen(refusal), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent; /* As far as it is told: it is closed anyway. */
        (void)close(descriptor);
        atomic_fetch_add(&server->statistics->connections_rejected, 1);
        return;
    }
    if (!listener->is_unix_socket) {
        set_socket_options(server, descriptor);
    }
    struct listeners *listeners = &server->listeners;
    struct worker *worker = server->workers[listeners->next_worker++ % server->worker_count];
    struct message message = {.kind = MESSAGE_ACCEPTED,
                              .session_id = listeners->next_session_id++,
                              .descriptor = descriptor};
    atomic_fetch_add(&server->connection_count, 1);
    atomic_fetch_add(&server->statistics->connections_received, 1);
    if (worker_post(worker, &message) != STATUS_OK) {
        (void)close(descriptor);
        atomic_fetch_sub(&server->connection_count, 1);
    }
}

/* Out of descriptors or memory: the clients that wait would wake us again and again. */
static void rest(struct listeners *listeners, int reason)
{
    struct timeval wait = {.tv_sec = 0, .tv_usec = 100000};
    if (log_limit_try(&listeners->complaints, LOG_LIMIT_TROUBLE_MS, clock_monotonic_ms())) {
        LOG_WARNING(
            "Accepting a client failed: %s. Clients wait until others go. Raise the limit of "
            "open files or lower maxclients.",
            strerror(reason));
    }
    mutex_lock(&listeners->mutex);
    for (struct listener *listener = listeners->first; listener != NULL;
         listener = listener->next) {
        if (listener->event != NULL) {
            (void)event_del(listener->event);
        }
    }
    mutex_unlock(&listeners->mutex);
    CHECK(event_add(listeners->pause_event, &wait) == 0);
}

static void on_rested(evutil_socket_t descriptor, short what, void *context)
{
    struct listeners *listeners = context;
    (void)descriptor;
    (void)what;
    mutex_lock(&listeners->mutex);
    for (struct listener *listener = listeners->first; listener != NULL;
         listener = listener->next) {
        if (listener->event != NULL) {
            CHECK(event_add(listener->event, NULL) == 0);
        }
    }
    mutex_unlock(&listeners->mutex);
}

static bool is_shortage(int reason)
{
    return reason == EMFILE || reason == ENFILE || reason == ENOBUFS || reason == ENOMEM;
}

static void on_acceptable(evutil_socket_t socket_descriptor, short what, void *context)
{
    const struct listener *listener = context;
    (void)what;
    for (size_t i = 0; i < ACCEPTS_PER_EVENT; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int descriptor = accept4(socket_descriptor, (struct sockaddr *)&address, &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            admit(listener, descriptor, &address);
        } else if (is_shortage(errno)) {
            rest(&listener->server->listeners, errno);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINVAL) {
            return; /* no client is left, or the listener is retired */
        }
    }
}

static bool watch(struct listener *listener, struct event_base *base)
{
    listener->event =
        event_new(base, listener->descriptor, EV_READ | EV_PERSIST, on_acceptable, listener);
    return listener->event != NULL && event_add(listener->event, NULL) == 0;
}

static bool settle(struct listeners *listeners)
{
    bool done = true;
    mutex_lock(&listeners->mutex);
    struct listener **link = &listeners->first;
    while (*link != NULL) {
        struct listener *listener = *link;
        if (listener->is_retired) {
            *link = listener->next;
            free_listener(listener);
            continue;
        }
        done = (listener->event != NULL || watch(listener, listeners->base)) && done;
        link = &listener->next;
    }
    mutex_unlock(&listeners->mutex);
    return done;
}

void listeners_settle(struct listeners *listeners)
{
    if (!settle(listeners)) {
        LOG_WARNING("Out of memory: some of the addresses in 'bind' accept no clients.");
    }
}

enum status listeners_start(struct listeners *listeners, struct event_base *base,
                            struct error *error)
{
    listeners->base = base;
    listeners->pause_event = event_new(base, -1, 0, on_rested, listeners);
    enum status status = begin_tcp(listeners, error);
    if (status == STATUS_OK && (listeners->pause_event == NULL || !settle(listeners))) {
        status = error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    return status;
}
