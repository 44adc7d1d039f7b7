/* main.c - reads the configuration, opens the store, hands the server its commands, runs it. */
#include "base/log.h"
#include "commands/background.h"
#include "commands/dispatch.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/server.h"
#include "server/startup.h"

#include <stdio.h>

static struct engine_options store_options(const struct config *config, struct server *server,
                                           struct file_system *fs)
{
    return (struct engine_options){
        .fs = fs,
        .database_count = (unsigned)config_number(config, CONFIG_DATABASES),
        .segment_size = (uint64_t)config_number(config, CONFIG_SEGMENT_SIZE),
        .index_memory_limit = (uint64_t)config_number(config, CONFIG_INDEX_MEMORY_LIMIT),
        .max_keys = (uint64_t)config_number(config, CONFIG_MAX_KEYS),
        .sync_policy = (enum sync_policy)config_number(config, CONFIG_APPENDFSYNC),
        .on_durable = server_on_durable,
        .hook_context = server,
    };
}

/* Serves the open store until the end. */
static enum status serve(struct config *config, struct server *server, struct engine *engine,
                         struct error *error)
{
    struct keyspace *keyspace;
    if (keyspace_create(engine, &keyspace) != STATUS_OK) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    engine_set_compaction_interval(engine,
                                   (uint64_t)config_number(config, CONFIG_COMPACTION_INTERVAL));
    enum status status = server_run(server, keyspace, error);
    background_stop();
    keyspace_destroy(keyspace);
    return status;
}

static enum status open_and_serve(struct config *config, struct server *server,
                                  struct file_system *fs, struct error *error)
{
    struct engine_options options = store_options(config, server, fs);
    struct engine *engine;
    enum status status = engine_open(&options, &engine, error);
    if (status != STATUS_OK) {
        return status;
    }
    startup_begin(config, engine);
    status = serve(config, server, engine, error);
    enum status closed = engine_close(engine);
    startup_end(config);
    if (closed != STATUS_OK) {
        (void)error_set(error, closed, "closing the store: %s", status_words(closed));
    }
    return status == STATUS_OK ? closed : status;
}

static enum status run(struct config *config, struct error *error)
{
    struct server *server;
    struct file_system *fs;
    char directory[STARTUP_PATH_MAX];
    enum status status = startup_prepare(config, directory, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (server_create(config, dispatch_executor(), &server) != STATUS_OK) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory");
    }
    status = server_listen(server, error);
    if (status == STATUS_OK) {
        status = config_bool(config, CONFIG_READ_ONLY)
                     ? file_posix_open_directory_read_only(directory, &fs, error)
                     : file_posix_open_directory(directory, &fs, error);
    }
    if (status == STATUS_OK) {
        status = open_and_serve(config, server, fs, error);
        fs_close(fs);
    }
    server_destroy(server);
    return status;
}

int main(int argc, char **argv)
{
    return startup_main(argc, argv, run);
}
