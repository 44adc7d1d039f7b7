/* monitors.c - see monitors.h. */
#include "server/monitors.h"

#include "base/buffer.h"
#include "base/log.h"
#include "server/config.h"
#include "server/server_state.h"

#include <stdlib.h>

struct monitor {
    struct session *session;
    struct monitor *next;
    struct buffer lines; /* that its worker has not taken yet */
    bool is_posted;      /* the worker has been asked to take them */
};

enum status monitors_add(struct server *server, struct session *session)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    if (monitor == NULL) {
        return STATUS_NO_MEMORY;
    }
    monitor->session = session;
    monitor->next = server->monitors;
    server->monitors = monitor;
    session->monitor = monitor;
    return STATUS_OK;
}

void monitors_remove(struct server *server, struct session *session)
{
    struct monitor **place = &server->monitors;
    while (*place != NULL && (*place)->session != session) {
        place = &(*place)->next;
    }
    struct monitor *monitor = *place;
    if (monitor != NULL) {
        *place = monitor->next;
        buffer_deinit(&monitor->lines);
        free(monitor);
    }
    session->monitor = NULL;
}

/* On the session's worker. */
static void take_lines(void *context, struct session *session)
{
    (void)context;
    if (session == NULL || session->monitor == NULL) {
        return;
    }
    struct monitor *monitor = session->monitor;
    monitor->is_posted = false;
    reply_raw(&session->reply, buffer_slice(&monitor->lines));
    buffer_deinit(&monitor->lines);
}

static void feed(struct server *server, struct monitor *monitor, struct slice line)
{
    struct session *session = monitor->session;
    /* To Redis a line is a reply, and no message. */
    if (session->close_asap || session->close_after_reply || session_drops_replies(session)) {
        return;
    }
    size_t waiting = monitor->lines.size + atomic_load(&session->output_size);
    bool is_slow =
        waiting > (size_t)config_number(server->config, CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE);
    if (is_slow || buffer_append(&monitor->lines, line.data, line.size) != STATUS_OK) {
        LOG_WARNING("Closing client %s: %zu bytes wait for it, which MONITORs and does not read.",
                    session->address, waiting);
        atomic_fetch_add(&server->statistics->output_limit_disconnections, 1);
        server_kill_locked(server, session);
        return;
    }
    if (!monitor->is_posted) {
        monitor->is_posted = true;
        struct session_handle handle = {.id = session->id, .worker = session->worker};
        server_post(server, handle, take_lines, NULL);
    }
}

void monitors_feed(struct server *server, struct slice line)
{
    for (struct monitor *monitor = server->monitors; monitor != NULL; monitor = monitor->next) {
        feed(server, monitor, line);
    }
}
