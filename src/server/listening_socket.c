/* listening_socket.c - see listening_socket.h. */
#include "server/listening_socket.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- its number --- */

/* Where listening sockets go when the system allows more descriptors than that: above the
 * connections of a server of the default `maxclients`. */
#define DESCRIPTOR_MAX 16384
#define SOCKETS_MAX    64 /* so many find room up there */

/*
 * The same socket under a number above those of connections; where that can't be had, as it is.
 * Linux closes the descriptors of a killed process from the highest down (it releases them in the
 * opposite order of the one in which it drops them). From below its connections, a socket still
 * listens when they are cut off: who connects again at once is let in, and cut off a second time.
 * Some clients (node-redis 5) take such a connection for a good one and wait on it for ever.
 */
static int move_up(int descriptor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < (rlim_t)2 * SOCKETS_MAX) {
        return descriptor;
    }
    int end = limit.rlim_cur < DESCRIPTOR_MAX ? (int)limit.rlim_cur : DESCRIPTOR_MAX;
    int above = fcntl(descriptor, F_DUPFD_CLOEXEC, end - SOCKETS_MAX);
    if (above < 0) {
        return descriptor;
    }
    (void)close(descriptor);
    return above;
}

/* --- TCP --- */

#define NOT_LISTENING "Not listening on %s port %s: %s."

/* A TCP socket that is bound to the address; -1 with errno, also where another one listens. */
static int bind_to(const struct addrinfo *address)
{
    int yes = 1;
    int descriptor =
        socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0) {
        return -1;
    }
    bool done = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0;
    if (address->ai_family == AF_INET6) {
        done = done && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) == 0;
    }
    done = done && bind(descriptor, address->ai_addr, address->ai_addrlen) == 0;
    if (!done) {
        int saved = errno;
        (void)close(descriptor);
        errno = saved;
        return -1;
    }
    return move_up(descriptor);
}

/* Has the kernel no such protocol, as where IPv6 is switched off? */
static bool is_no_protocol(int reason)
{
    return reason == EAFNOSUPPORT || reason == EPROTONOSUPPORT || reason == ENOPROTOOPT ||
           reason == EPFNOSUPPORT || reason == ESOCKTNOSUPPORT;
}

static const char *advice_for(int reason)
{
    if (reason == EADDRINUSE) {
        return "is another server running there? Choose another 'port' or 'bind'";
    }
    if (reason == EACCES) {
        return "low ports are for root, or take CAP_NET_BIND_SERVICE; choose another 'port'";
    }
    return reason == EADDRNOTAVAIL
               ? "this machine has no such address; correct 'bind', or put a '-' "
                 "before one that may be missing"
               : "check 'bind' and 'port'";
}

enum status listening_socket_tcp(const struct config *config, struct slice address, int *out,
                                 struct error *error)
{
    bool optional = address.data[0] == '-';
    char host[256];
    (void)snprintf(host, sizeof(host), "%.*s", (int)address.size - optional,
                   address.data + optional);
    bool all_v4 = strcmp(host, "*") == 0;
    bool all_v6 = strcmp(host, "::*") == 0;
    bool is_v6 = strchr(host, ':') != NULL; /* a name stands for its IPv4 address, as in Redis */
    char port[8];
    (void)snprintf(port, sizeof(port), "%d", (int)config_number(config, CONFIG_PORT));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    hints.ai_family = is_v6 ? AF_INET6 : AF_INET;
    struct addrinfo *found = NULL;
    *out = -1;
    int failure = getaddrinfo(all_v4 || all_v6 ? NULL : host, port, &hints, &found);
    if (failure != 0 && optional) {
        LOG_WARNING(NOT_LISTENING, host, port, gai_strerror(failure));
        return STATUS_OK;
    }
    if (failure != 0) {
        return error_set(error, STATUS_IO, "can't listen on '%s': %s; correct 'bind'", host,
                         gai_strerror(failure));
    }
    int descriptor = bind_to(found);
    int saved = errno;
    freeaddrinfo(found);
    if (descriptor < 0 && (is_no_protocol(saved) || (optional && saved == EADDRNOTAVAIL))) {
        LOG_WARNING(NOT_LISTENING, host, port, strerror(saved));
    } else if (descriptor < 0) {
        return error_set(error, STATUS_IO, "can't listen on %s port %s: %s; %s", host, port,
                         strerror(saved), advice_for(saved));
    }
    *out = descriptor;
    return STATUS_OK;
}

enum status listening_socket_begin(const struct config *config, int descriptor, struct error *error)
{
    if (listen(descriptor, (int)config_number(config, CONFIG_TCP_BACKLOG)) == 0) {
        return STATUS_OK;
    }
    int saved = errno;
    return error_set(error, STATUS_IO, "can't listen on port %d: %s; %s",
                     (int)config_number(config, CONFIG_PORT), strerror(saved), advice_for(saved));
}

/* --- Unix sockets --- */

/* Removes a socket that no server listens on any more, or an empty file, which is how programs
 * reserve a name for a server that they start. A socket in use stays, and so does anything else. */
static void make_way(const struct sockaddr_un *address)
{
    struct stat found;
    if (lstat(address->sun_path, &found) != 0) {
        return;
    }
    if (S_ISREG(found.st_mode) && found.st_size == 0) {
        (void)unlink(address->sun_path);
        return;
    }
    if (!S_ISSOCK(found.st_mode)) {
        return;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return;
    }
    if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED) {
        (void)unlink(address->sun_path);
    }
    (void)close(probe);
}

/* 0, or errno. */
static int open_at(const struct sockaddr_un *address, mode_t mode, int backlog, int *out)
{
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return errno;
    }
    bool is_bound = bind(descriptor, (const struct sockaddr *)address, sizeof(*address)) == 0;
    if (is_bound && (mode == 0 || chmod(address->sun_path, mode) == 0) &&
        listen(descriptor, backlog) == 0) {
        *out = move_up(descriptor);
        return 0;
    }
    int saved = errno;
    if (is_bound) {
        (void)unlink(address->sun_path);
    }
    (void)close(descriptor);
    return saved;
}

static const char in_the_way[] = "Another server listens there, or it is a file of another kind: "
                                 "stop the one, remove the other, "
                                 "or let 'unixsocket' name another path.";

enum status listening_socket_unix(const struct config *config, int *out, struct error *error)
{
    struct slice path = config_text(config, CONFIG_UNIXSOCKET);
    mode_t mode = (mode_t)config_number(config, CONFIG_UNIXSOCKETPERM);
    int backlog = (int)config_number(config, CONFIG_TCP_BACKLOG);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path.size >= sizeof(address.sun_path)) {
        return error_set(error, STATUS_INVALID,
                         "'unixsocket' is longer than %zu bytes, which the system does not allow; "
                         "choose a shorter path",
                         sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path.data, path.size);
    make_way(&address);
    int failure = open_at(&address, mode, backlog, out);
    return failure == 0
               ? STATUS_OK
               : error_set(error, STATUS_IO, "can't listen on the Unix socket '%s': %s. %s",
                           address.sun_path, strerror(failure),
                           failure == EADDRINUSE
                               ? in_the_way
                               : "Check the directory in 'unixsocket' and its permissions.");
}
