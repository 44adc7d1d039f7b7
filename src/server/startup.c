/* startup.c - see startup.h. */
#include "server/startup.h"

#include "base/log.h"
#include "base/version.h"
#include "engine/engine.h"
#include "server/config.h"
#include "server/daemon.h"
#include "server/memory_return.h"
#include "server/process_title.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* With `daemonize` stderr is gone: the log has it, too. */
static void report(const struct config *config, const struct error *error)
{
    LOG_WARNING("scdb can't go on: %s", error->text);
    if (config_text(config, CONFIG_LOGFILE).size > 0) {
        (void)fprintf(stderr, "scdb-server: %s\n", error->text);
    }
}

int startup_main(int argc, char **argv,
                 enum status (*run)(struct config *config, int *exit_status, struct error *error))
{
    struct config *config;
    struct error error = {.text = ""};
    daemon_open_standard_streams();
    process_title_init(argc, argv);
    memory_return_begin();
    if (config_create(&config) != STATUS_OK) {
        (void)fprintf(stderr, "scdb-server: out of memory\n");
        return 1;
    }
    int result = 1;
    int exit_status = 0;
    switch (config_load_command_line(config, argc, argv, &error)) {
    case CONFIG_START_EXIT:
        result = 0;
        break;
    case CONFIG_START_FAILED:
        (void)fprintf(stderr, "scdb-server: %s\n", error.text);
        break;
    case CONFIG_START_RUN:
        if (run(config, &exit_status, &error) == STATUS_OK) {
            LOG_WARNING("scdb has stopped and is ready to exit, bye bye...");
            result = exit_status;
        } else {
            report(config, &error);
        }
        break;
    }
    config_destroy(config);
    return result;
}

static void ignore_signal(int number)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    (void)sigaction(number, &action, NULL);
}

/* Not where somebody watches over the process that it has started: for that, this one would have
 * ended. Nor for an import, whose outcome is waited for. */
static bool wants_background(const struct config *config)
{
    enum supervised mode = (enum supervised)config_number(config, CONFIG_SUPERVISED);
    return config_bool(config, CONFIG_DAEMONIZE) && config_import_directory(config) == NULL &&
           daemon_supervisor(mode) == SUPERVISED_NO;
}

enum status startup_prepare(struct config *config, char directory[STARTUP_PATH_MAX],
                            struct error *error)
{
    ignore_signal(SIGHUP);
    ignore_signal(SIGPIPE);
    ignore_signal(SIGXFSZ); /* a file that may not grow is an error, as a full disk is */
    enum status status = daemon_enter_directory(config_text(config, CONFIG_DIR).data,
                                                !config_bool(config, CONFIG_READ_ONLY), directory,
                                                STARTUP_PATH_MAX, error);
    status = status == STATUS_OK ? config_note_directory(config, directory, error) : status;
    if (status == STATUS_OK) {
        log_set_level((enum log_level)config_number(config, CONFIG_LOGLEVEL));
        status = log_open(config_text(config, CONFIG_LOGFILE).data, error);
    }
    if (status == STATUS_OK && wants_background(config)) {
        status = daemon_detach(error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    LOG_NOTICE("scdb %s is starting, store in %s", SCDB_VERSION, directory);
    if (config_file_path(config)[0] == '\0') {
        LOG_NOTICE("There is no configuration file that CONFIG REWRITE could write: defaults, the "
                   "command line, and what came from the standard input or a pipe apply.");
    }
    config_log_ignored(config);
    return STATUS_OK;
}

enum status startup_open_directory(const struct config *config, const char *directory,
                                   struct file_system **out, struct error *error)
{
    return config_bool(config, CONFIG_READ_ONLY)
               ? file_posix_open_directory_read_only(directory, out, error)
               : file_posix_open_directory(directory, out, error);
}

struct engine_options startup_store_options(const struct config *config, struct file_system *fs)
{
    return (struct engine_options){
        .fs = fs,
        .database_count = (unsigned)config_number(config, CONFIG_DATABASES),
        .segment_size = (uint64_t)config_number(config, CONFIG_SEGMENT_SIZE),
        .index_memory_limit = (uint64_t)config_number(config, CONFIG_INDEX_MEMORY_LIMIT),
        .max_keys = (uint64_t)config_number(config, CONFIG_MAX_KEYS),
        .sync_policy = (enum sync_policy)config_number(config, CONFIG_APPENDFSYNC),
    };
}

/* Whoever starts scdb where redis-server ran finds no keys: says where they still are. */
static void log_files_of_redis(void)
{
    static const char *const names[] = {"dump.rdb", "appendonlydir", "appendonly.aof"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (access(names[i], F_OK) == 0) {
            LOG_WARNING("WARNING: the store has no keys, and '%s' in its directory is a file of "
                        "redis-server, which scdb does not read and leaves as it is. To bring its "
                        "strings over, start redis-server on a copy of it, at another port, and "
                        "have it send them with MIGRATE.",
                        names[i]);
        }
    }
}

static void log_store(struct engine *engine)
{
    struct engine_statistics found;
    engine_lock(engine);
    engine_statistics_locked(engine, &found);
    engine_unlock(engine);
    LOG_NOTICE("The store is open: %" PRIu64 " keys, %" PRIu64 " segments, %" PRIu64
               " MiB of files; %" PRIu64 " records read in %" PRIu64 " ms.",
               found.keys, found.segment_count, found.disk_bytes >> 20, found.recovered_records,
               found.recovery_ms);
    if (found.keys == 0) {
        log_files_of_redis();
    }
}

static void log_replicas(const struct config *config)
{
    if (config_wants_replicas(config)) {
        LOG_WARNING("WARNING: min-replicas-to-write is %" PRId64
                    ", and scdb has no replicas: every "
                    "write is refused, until CONFIG SET min-replicas-to-write 0.",
                    config_number(config, CONFIG_MIN_REPLICAS_TO_WRITE));
    }
}

void startup_begin(const struct config *config, struct engine *engine)
{
    log_store(engine);
    log_replicas(config);
    /* As in Redis, only once it has its port. */
    LOG_NOTICE("Running as PID: %d", (int)getpid());
    if (config_text(config, CONFIG_PIDFILE).size > 0) {
        daemon_write_pid_file(config_text(config, CONFIG_PIDFILE).data);
    }
}

void startup_end(const struct config *config)
{
    if (config_text(config, CONFIG_PIDFILE).size > 0) {
        daemon_remove_pid_file(config_text(config, CONFIG_PIDFILE).data);
    }
}
