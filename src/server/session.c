/* session.c - see session.h. */
#include "server/session.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static void format_address(const struct sockaddr_storage *address, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
        (void)snprintf(out, size, "%s:%u", host, ntohs(v4.sin_port));
    } else if (address->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof(v6));
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
        (void)snprintf(out, size, "[%s]:%u", host, ntohs(v6.sin6_port));
    } else {
        (void)snprintf(out, size, "?:0");
    }
}

/* As Redis shows a client on a Unix socket: the path of the listener, port 0, on both sides. */
static void format_path(const struct sockaddr_storage *address, char *out, size_t size)
{
    struct sockaddr_un local;
    memcpy(&local, address, sizeof(local));
    (void)snprintf(out, size, "%.*s:0", (int)size - 3, local.sun_path);
}

/* What the kernel says of a socket, by getsockname() or getpeername(). */
static void write_address(const struct sockaddr_storage *address, char out[SESSION_ADDRESS_SIZE])
{
    if (address->ss_family == AF_UNIX) {
        format_path(address, out, SESSION_ADDRESS_SIZE);
    } else {
        format_address(address, out, SESSION_ADDRESS_SIZE);
    }
}

static struct sockaddr_storage local_address_of(int descriptor)
{
    struct sockaddr_storage local = {0};
    socklen_t size = sizeof(local);
    (void)getsockname(descriptor, (struct sockaddr *)&local, &size);
    return local;
}

const char *session_local_address(const struct session *session, char out[SESSION_ADDRESS_SIZE])
{
    struct sockaddr_storage local = local_address_of(session->descriptor);
    write_address(&local, out);
    return out;
}

static bool is_local(const struct session *session)
{
    return session->is_unix_socket || strncmp(session->address, "127.0.0.1:", 10) == 0 ||
           strncmp(session->address, "[::1]:", 6) == 0;
}

bool session_is_permitted(const struct session *session, enum permission permission)
{
    return permission == PERMISSION_YES || (permission == PERMISSION_LOCAL && is_local(session));
}

/* Both sides of a Unix socket go by the path of the listener. */
static enum status find_address(struct session *session)
{
    char text[SESSION_ADDRESS_SIZE];
    struct sockaddr_storage remote = local_address_of(session->descriptor);
    session->is_unix_socket = remote.ss_family == AF_UNIX;
    if (!session->is_unix_socket) {
        socklen_t size = sizeof(remote);
        remote = (struct sockaddr_storage){0};
        (void)getpeername(session->descriptor, (struct sockaddr *)&remote, &size);
    }
    write_address(&remote, text);
    session->address = strdup(text);
    return session->address == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status session_init(struct session *session, struct server *server, uint64_t id,
                         int descriptor)
{
    *session = (struct session){.id = id, .server = server, .descriptor = descriptor};
    session->subscriber.session = session;
    enum status status = find_address(session);
    if (status != STATUS_OK) {
        return status;
    }
    reply_init(&session->reply);
    session->created_ms = clock_monotonic_ms();
    session->last_interaction_ms = session->created_ms;
    return STATUS_OK;
}

void session_bound_reply(struct session *session)
{
    const size_t *bounds = session->reply_bounds;
    session->reply.size_max = bounds == NULL ? SIZE_MAX : bounds[session_class(session)];
}

struct session_labels *session_open_labels(struct session *session)
{
    if (session->labels == NULL) {
        session->labels = calloc(1, sizeof(*session->labels));
    }
    return session->labels;
}

struct slice session_name(const struct session *session)
{
    return session->labels == NULL ? SLICE_LITERAL("") : buffer_slice(&session->labels->name);
}

void session_deinit(struct session *session)
{
    reply_deinit(&session->reply);
    if (session->labels != NULL) {
        buffer_deinit(&session->labels->name);
        buffer_deinit(&session->labels->library_name);
        buffer_deinit(&session->labels->library_version);
        free(session->labels);
    }
    free(session->address);
}
