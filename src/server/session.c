/* session.c - see session.h. */
#include "server/session.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
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

static void find_addresses(struct session *session, int descriptor)
{
    struct sockaddr_storage local = {0};
    struct sockaddr_storage remote = {0};
    socklen_t size = sizeof(local);
    (void)getsockname(descriptor, (struct sockaddr *)&local, &size);
    session->is_unix_socket = local.ss_family == AF_UNIX;
    if (session->is_unix_socket) {
        format_path(&local, session->local_address, sizeof(session->local_address));
        memcpy(session->address, session->local_address, sizeof(session->address));
        return;
    }
    size = sizeof(remote);
    (void)getpeername(descriptor, (struct sockaddr *)&remote, &size);
    format_address(&local, session->local_address, sizeof(session->local_address));
    format_address(&remote, session->address, sizeof(session->address));
}

void session_init(struct session *session, struct server *server, uint64_t id, int descriptor)
{
    *session = (struct session){.id = id, .server = server, .descriptor = descriptor};
    session->subscriber.session = session;
    find_addresses(session, descriptor);
    reply_init(&session->reply);
    session->created_ms = clock_monotonic_ms();
    session->last_interaction_ms = session->created_ms;
}

void session_deinit(struct session *session)
{
    reply_deinit(&session->reply);
    buffer_deinit(&session->name);
    buffer_deinit(&session->library_name);
    buffer_deinit(&session->library_version);
}
