/* command_shell.c - see command_shell.h. */
#include "support/command_shell.h"

#include "base/check.h"
#include "commands/acl_names.h"
#include "commands/dispatch.h"
#include "commands/table.h"
#include "engine/engine.h"
#include "engine/prefetch.h"
#include "keyspace/keyspace.h"
#include "server/acl.h"
#include "server/server_settings.h"
#include "server/server_state.h"
#include "server/server_users.h"
#include "server/statistics.h"
#include "support/sim_disk.h"
#include "support/word_split.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define START_MS 1700000000000

static int64_t now_ms = START_MS;

int64_t __wrap_clock_unix_ms(void);

/* What clock_unix_ms() is there. */
int64_t __wrap_clock_unix_ms(void)
{
    return now_ms;
}

void command_shell_pass_ms(int64_t milliseconds)
{
    now_ms += milliseconds;
}

struct command_shell {
    struct server server;
    struct session sessions[SHELL_SESSIONS];
    struct sim_disk *disk;
    struct file_system *fs;
    enum execution execution; /* of the last command */
};

static void open_store(struct command_shell *shell, uint64_t seed)
{
    shell->disk = sim_disk_create(seed);
    shell->fs = sim_disk_mount(shell->disk);
    struct engine_options options = {.fs = shell->fs,
                                     .database_count = 16,
                                     .segment_size = (uint64_t)1 << 20,
                                     .sync_policy = SYNC_NO,
                                     .without_threads = true};
    CHECK(engine_open(&options, &shell->server.engine, NULL) == STATUS_OK);
    CHECK(keyspace_create(shell->server.engine, &shell->server.keyspace) == STATUS_OK);
}

struct command_shell *command_shell_create(uint64_t seed)
{
    struct command_shell *shell = calloc(1, sizeof(*shell));
    CHECK(shell != NULL);
    latency_init(&shell->server.latency);
    /* FLUSHALL does not wait: there is no worker to wake the client. */
    struct error error;
    struct slice save = SLICE_LITERAL("save \"\"\n");
    CHECK(config_create(&shell->server.config) == STATUS_OK);
    CHECK(config_load_text(shell->server.config, "the shell", save, &error) == STATUS_OK);
    CHECK(statistics_create(&shell->server.statistics) == STATUS_OK);
    shell->server.executor = dispatch_executor();
    CHECK(acl_create(acl_names(), &shell->server.acl) == STATUS_OK);
    CHECK(server_users_init(&shell->server) == STATUS_OK);
    server_settings_init(&shell->server);
    open_store(shell, seed);
    for (size_t i = 0; i < SHELL_SESSIONS; i++) {
        shell->sessions[i].id = i + 1;
        shell->sessions[i].server = &shell->server;
        shell->sessions[i].descriptor = -1;
        shell->sessions[i].address = strdup("?:0");
        CHECK(shell->sessions[i].address != NULL);
        server_users_begin_locked(&shell->server, &shell->sessions[i]);
        reply_init(&shell->sessions[i].reply);
    }
    return shell;
}

void command_shell_destroy(struct command_shell *shell)
{
    engine_lock(shell->server.engine);
    for (size_t i = 0; i < SHELL_SESSIONS; i++) {
        dispatch_session_closed(&shell->server, &shell->sessions[i]);
        session_deinit(&shell->sessions[i]);
    }
    engine_verify_all_locked(shell->server.engine);
    engine_unlock(shell->server.engine);
    keyspace_destroy(shell->server.keyspace);
    CHECK(engine_close(shell->server.engine) == STATUS_OK);
    fs_close(shell->fs);
    sim_disk_destroy(shell->disk);
    slowlog_clear(&shell->server.slowlog);
    latency_deinit(&shell->server.latency);
    acl_destroy(shell->server.acl);
    statistics_destroy(shell->server.statistics);
    config_destroy(shell->server.config);
    free(shell);
}

struct server *command_shell_server(struct command_shell *shell)
{
    return &shell->server;
}

struct session *command_shell_session(struct command_shell *shell, size_t session)
{
    CHECK(session < SHELL_SESSIONS);
    return &shell->sessions[session];
}

/* Puts the bytes of references where they belong, and a NUL behind all. */
static struct slice flatten(struct reply *reply)
{
    struct buffer flat;
    buffer_init(&flat);
    size_t done = 0;
    for (size_t i = 0; i < reply->reference_count; i++) {
        const struct reply_reference *reference = &reply->references[i];
        CHECK(buffer_append(&flat, reply->bytes.data + done, reference->position - done) ==
              STATUS_OK);
        CHECK(buffer_append(&flat, reference->slice.data, reference->slice.size) == STATUS_OK);
        done = reference->position;
    }
    if (reply->bytes.size > done) { /* a reply of nothing may have no bytes to point at */
        CHECK(buffer_append(&flat, reply->bytes.data + done, reply->bytes.size - done) ==
              STATUS_OK);
    }
    CHECK(buffer_append(&flat, "", 1) == STATUS_OK);
    int protocol = reply->protocol;
    reply_deinit(reply);
    reply_init(reply);
    reply->protocol = protocol;
    reply->bytes = flat;
    return slice_make(flat.data, flat.size - 1);
}

struct slice command_shell_run(struct command_shell *shell, size_t session,
                               const struct slice *arguments, size_t argument_count)
{
    struct session *caller = command_shell_session(shell, session);
    CHECK(argument_count > 0);
    reply_clear(&caller->reply);
    engine_lock(shell->server.engine);
    struct prefetch_group keys = {.count = 0};
    struct request_words request = {table_find(arguments[0]), arguments, argument_count};
    dispatch_foresee(&shell->server, caller, &request, &keys);
    prefetch_index_locked(shell->server.engine, &keys);
    prefetch_records_locked(shell->server.engine, &keys);
    shell->execution = dispatch_execute(&shell->server, caller, &request);
    statistics_end_hold_locked(shell->server.statistics);
    engine_unlock(shell->server.engine);
    CHECK(!caller->reply.failed);
    return flatten(&caller->reply);
}

struct slice command_shell_say(struct command_shell *shell, size_t session, const char *line,
                               enum execution *execution)
{
    struct slice words[WORD_SPLIT_MAX];
    size_t count = word_split(line, words);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(words[i], SLICE_LITERAL("''"))) {
            words[i].size = 0;
        }
    }
    struct slice reply = command_shell_run(shell, session, words, count);
    if (execution != NULL) {
        *execution = shell->execution;
    }
    return reply;
}

void command_shell_expect(const struct shell_row *rows, size_t count)
{
    struct command_shell *shell = command_shell_create(1);
    for (size_t i = 0; i < count; i++) {
        const char *expected = rows[i].reply;
        struct slice reply = command_shell_say(shell, 0, rows[i].command, NULL);
        ck_assert_msg(expected == NULL || slice_equal(reply, slice_of_string(expected)),
                      "row %zu, %s: got '%s', expected '%s'", i, rows[i].command, reply.data,
                      expected);
    }
    command_shell_destroy(shell);
}
