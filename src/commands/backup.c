/*
 * backup.c - BACKUP: a copy of the store as it is at one moment, made of links.
 *
 * Only the client that asked for it waits; the work is done on the background thread.
 */
#include "engine/backup.h"
#include "commands/background.h"
#include "commands/errors.h"
#include "commands/tables.h"
#include "commands/waiting.h"
#include "server/server.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What one backup needs: the waiting's context. */
struct backup {
    struct error error;
    char path[]; /* relative to `dir`, where the process is */
};

static void reply_made(const struct waiting *waiting, struct reply *reply)
{
    const struct backup *backup = waiting->context;
    if (waiting->status != STATUS_OK) {
        reply_error_format(reply, "ERR %s", backup->error.text);
        return;
    }
    reply_ok(reply);
}

static void make_for_client(void *context)
{
    struct waiting *waiting = context;
    struct backup *backup = waiting->context;
    waiting->status = backup_to_path(server_engine(waiting->server), backup->path, &backup->error);
    waiting_end(waiting);
}

static struct backup *backup_create(struct slice path)
{
    struct backup *backup = malloc(sizeof(*backup) + path.size + 1);
    if (backup != NULL) {
        backup->error.text[0] = '\0';
        memcpy(backup->path, path.data, path.size);
        backup->path[path.size] = '\0';
    }
    return backup;
}

static void backup(struct call *call)
{
    struct slice path = call->arguments[1];
    if (path.size == 0 || path.size >= PATH_MAX || memchr(path.data, '\0', path.size) != NULL) {
        reply_error(call->reply,
                    "ERR the name of the backup's directory is empty, too long, or has "
                    "a zero byte in it");
        return;
    }
    struct backup *made = backup_create(path);
    if (made == NULL) {
        errors_reply_status(call, STATUS_NO_MEMORY);
        return;
    }
    struct waiting *waiting = waiting_begin(call, reply_made);
    if (waiting == NULL) {
        free(made);
        return;
    }
    waiting->context = made;
    enum status status = background_run(make_for_client, waiting);
    if (status != STATUS_OK) {
        waiting_cancel(waiting, call, status);
    }
}

const struct command backup_commands[] = {
    {.name = "backup",
     .handler = backup,
     .arity = 2,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING | COMMAND_NO_MULTI,
     .group = "server",
     .since = "7.2.0",
     .summary = "Makes a consistent copy of the store in a new directory, without copying data",
     .complexity = "O(N) where N is the number of the store's files, and of bytes not yet synced",
     .syntax = "directory:string"},
    {0},
};
