/* main.c - reads the configuration, opens the store, hands the server its commands, runs it. */
#include "commands/dispatch.h"
#include "commands/rename.h"
#include "commands/waiting.h"
#include "engine/engine.h"
#include "import/v1_import.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/server.h"
#include "server/startup.h"

#include <stdio.h>

/* Serves the open store until the end. */
static enum status serve(struct server *server, struct engine *engine, struct error *error)
{
    struct keyspace *keyspace;
    if (keyspace_create(engine, &keyspace) != STATUS_OK) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    enum status status = server_run(server, keyspace, error);
    waiting_stop();
    keyspace_destroy(keyspace);
    return status;
}

static enum status open_and_serve(struct config *config, struct server *server,
                                  struct file_system *fs, struct error *error)
{
    struct engine_options options = startup_store_options(config, fs);
    options.on_durable = server_on_durable;
    options.on_expired_locked = notify_on_expired_locked;
    options.hook_context = server;
    struct engine *engine;
    enum status status = engine_open(&options, &engine, error);
    if (status != STATUS_OK) {
        return status;
    }
    startup_begin(config, engine);
    status = serve(server, engine, error);
    enum status closed = engine_close(engine);
    startup_end(config);
    if (closed != STATUS_OK) {
        (void)error_set(error, closed, "closing the store: %s", status_words(closed));
    }
    return status == STATUS_OK ? closed : status;
}

/* Closes `fs`, and so frees the store, before the connections end: then another may be started. */
static enum status listen_and_serve(struct config *config, const char *directory,
                                    struct file_system *fs, struct error *error)
{
    struct server *server;
    if (server_create(config, dispatch_executor(), &server) != STATUS_OK) {
        fs_close(fs);
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    enum status status = rename_commands(config, error);
    status = status == STATUS_OK ? v1_import_check(fs, directory, error) : status;
    status = status == STATUS_OK ? server_listen(server, error) : status;
    status = status == STATUS_OK ? open_and_serve(config, server, fs, error) : status;
    fs_close(fs);
    server_destroy(server);
    return status;
}

/* Closes `fs`, too. */
static enum status import(const struct config *config, struct file_system *fs, int *exit_status,
                          struct error *error)
{
    struct engine_options options = startup_store_options(config, fs);
    struct v1_import_result result = {0};
    enum status status = v1_import(config_import_directory(config), &options, &result, error);
    fs_close(fs);
    *exit_status = result.problems > 0 ? STARTUP_EXIT_INCOMPLETE : 0;
    return status;
}

static enum status run(struct config *config, int *exit_status, struct error *error)
{
    struct file_system *fs;
    char directory[STARTUP_PATH_MAX];
    enum status status = startup_prepare(config, directory, error);
    if (status == STATUS_OK) {
        status = startup_open_directory(config, directory, &fs, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return config_import_directory(config) != NULL ? import(config, fs, exit_status, error)
                                                   : listen_and_serve(config, directory, fs, error);
}

int main(int argc, char **argv)
{
    return startup_main(argc, argv, run);
}
