/*
 * debug.c - DEBUG: what Redis's tests and those who look for faults ask for, as far as it can be
 * true here. Only where enable-debug-command allows it.
 *
 * Its subcommands are no commands of their own, neither in Redis nor here: COMMAND knows only
 * DEBUG, and a wrong number of arguments is answered as an unknown subcommand.
 */
#include "base/log.h"
#include "base/number.h"
#include "commands/debug_digest.h"
#include "commands/debug_protocol.h"
#include "commands/errors.h"
#include "commands/lookup.h"
#include "commands/object.h"
#include "commands/tables.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- SLEEP, SET-ACTIVE-EXPIRE, LOG, ERROR --- */

/* Everybody waits, which is what it is for: the execution lock is held. */
static void debug_sleep(struct call *call)
{
    char text[64] = "";
    struct slice seconds = call->arguments[2];
    memcpy(text, seconds.data, seconds.size < sizeof(text) ? seconds.size : sizeof(text) - 1);
    double number = strtod(text, NULL);
    if (number > 0 && number < INT32_MAX) {
        struct timespec left = {.tv_sec = (time_t)number};
        left.tv_nsec = (long)((number - (double)left.tv_sec) * 1e9);
        while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        }
    }
    reply_ok(call->reply);
}

/* As atoi() would: what is no number is 0. */
static void debug_set_active_expire(struct call *call)
{
    int64_t number = 0;
    bool active = number_parse(call->arguments[2], &number) && number != 0;
    engine_set_active_expiry(server_engine(call->server), active);
    reply_ok(call->reply);
}

static void debug_pause_cron(struct call *call)
{
    int64_t number = 0;
    bool is_paused = number_parse(call->arguments[2], &number) && number != 0;
    server_set_ticking(call->server, !is_paused);
    reply_ok(call->reply);
}

static void debug_log(struct call *call)
{
    struct slice text = call->arguments[2];
    LOG_WARNING("DEBUG LOG: %.*s", slice_print_size_of(text, 1024), text.data);
    reply_ok(call->reply);
}

static void debug_error(struct call *call)
{
    struct slice text = call->arguments[2];
    reply_error_format(call->reply, "%.*s", slice_print_size(text), text.data);
}

/* --- OBJECT, POPULATE --- */

/* There is no clock of the last use: it reads 0, as OBJECT IDLETIME does. */
static void debug_object(struct call *call)
{
    struct value value;
    enum lookup found = lookup_to_write(call, call->arguments[2], &value);
    if (found == LOOKUP_ABSENT) {
        errors_reply(call, ERROR_NO_SUCH_KEY);
    }
    if (found != LOOKUP_FOUND || !lookup_load(call, &value)) {
        return;
    }
    bool has_expiry = value.expiry_ms != EXPIRY_NONE;
    size_t size = record_size(call->arguments[2].size, value.size, has_expiry, false);
    char text[256];
    (void)snprintf(text, sizeof(text),
                   "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:0 "
                   "lru_seconds_idle:0",
                   (const void *)value.bytes.data, object_encoding(&value), size);
    reply_simple(call->reply, text);
}

struct population {
    int64_t count;
    struct slice prefix;
    int64_t size; /* of each value; 0 = as long as it happens to be */
};

static bool parse_population(const struct call *call, struct population *out)
{
    *out = (struct population){.prefix = SLICE_LITERAL("key")};
    bool is_right = number_parse(call->arguments[2], &out->count) && out->count >= 0;
    if (call->argument_count > 3) {
        out->prefix = call->arguments[3];
    }
    if (call->argument_count > 4) {
        is_right = is_right && number_parse(call->arguments[4], &out->size) && out->size >= 0;
    }
    return is_right;
}

/* Sets PREFIX:n to "value:n", cut or filled up with zeros to its size, unless the key is there. */
static enum status add_key(struct call *call, const struct population *population, int64_t number,
                           char *filled)
{
    char key[512];
    char text[32];
    struct value existing;
    int key_size = snprintf(key, sizeof(key), "%.*s:%lld", (int)population->prefix.size,
                            population->prefix.data, (long long)number);
    int text_size = snprintf(text, sizeof(text), "value:%lld", (long long)number);
    struct slice name = slice_make(key, (size_t)key_size);
    enum status status = keyspace_find(call->keyspace, call->session->database, name, &existing);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    struct slice value = slice_make(text, (size_t)text_size);
    if (population->size > 0) {
        size_t size = (size_t)population->size;
        memcpy(filled, text, value.size < size ? value.size : size);
        value = slice_make(filled, size);
    }
    return keyspace_put_string(
        call->keyspace, call->session->database, name,
        &(struct string_content){.parts = &value, .part_count = 1, .expiry_ms = EXPIRY_NONE});
}

#define PREFIX_SIZE_MAX 256

static void debug_populate(struct call *call)
{
    struct population population;
    if (!parse_population(call, &population)) {
        errors_reply(call, ERROR_OUT_OF_RANGE_POSITIVE);
        return;
    }
    if (population.prefix.size > PREFIX_SIZE_MAX) {
        reply_error(call->reply, "ERR the prefix is longer than 256 bytes");
        return;
    }
    enum status status = STATUS_NO_MEMORY;
    char *filled = calloc(1, (size_t)population.size + 1);
    if (filled != NULL) {
        status = STATUS_OK;
        for (int64_t i = 0; i < population.count && status == STATUS_OK; i++) {
            status = add_key(call, &population, i, filled);
        }
        free(filled);
    }
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    reply_ok(call->reply);
}

/* --- the rest --- */

/* CONFIG REWRITE with every directive, to see that all of them can be read back. */
static void debug_config_rewrite(struct call *call)
{
    struct error error = {{0}};
    enum status status = config_rewrite_all_locked(server_config(call->server), &error);
    if (status == STATUS_OK) {
        reply_ok(call->reply);
    } else if (status == STATUS_INVALID) {
        reply_error_format(call->reply, "ERR CONFIG-REWRITE-FORCE-ALL failed: %s", error.text);
    } else {
        errors_reply_status(call, status);
    }
}

/* Tests of Redis want to see a data set that was read back from its file. */
static void debug_reload(struct call *call)
{
    reply_error(call->reply,
                "ERR the store can't be read again while the server runs: restart the server, "
                "which opens it from its files");
}

static void debug_protocol_type(struct call *call)
{
    debug_protocol_reply(call->reply, call->arguments[2]);
}

static void debug_help(struct call *call)
{
    static const char *const lines[] = {
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CONFIG-REWRITE-FORCE-ALL",
        "    Like CONFIG REWRITE, but also write what has its default.",
        "DIGEST",
        "    Answer with 40 digits that stand for all keys with their values, as Redis has them.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    The same for the value of each of these keys.",
        "ERROR <string>",
        "    Answer with this error.",
        "LOG <message>",
        "    Write the message into the server's log.",
        "OBJECT <key>",
        "    Tell how the key's value is kept.",
        "PAUSE-CRON <0|1>",
        "    Stop or go on with what is done ten times a second: rates, eviction to a new limit,",
        "    the end at a signal.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Set so many keys, PREFIX:0 and so on, that are not there yet.",
        "PROTOCOL <type>",
        "    Answer with an example of a type of the protocol.",
        "RELOAD, LOADAOF",
        "    Refused: the store is read from its files when the server starts.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Stop or go on to remove expired keys that nobody asks for.",
        "SLEEP <seconds>",
        "    Execute nothing for so long; decimals allowed.",
        "HELP",
        "    Prints this help.",
    };
    size_t count = sizeof(lines) / sizeof(lines[0]);
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        reply_simple(call->reply, lines[i]);
    }
}

static const struct subcommand {
    const char *name;
    command_handler *handler;
    size_t count_min; /* of arguments, DEBUG and the name among them */
    size_t count_max;
} subcommands[] = {
    {"config-rewrite-force-all", debug_config_rewrite, 2, 2},
    {"digest", debug_digest, 2, 2},
    {"digest-value", debug_digest_value, 2, SIZE_MAX},
    {"error", debug_error, 3, 3},
    {"help", debug_help, 2, 2},
    {"loadaof", debug_reload, 2, 2},
    {"log", debug_log, 3, 3},
    {"object", debug_object, 3, 4},
    {"pause-cron", debug_pause_cron, 3, 3},
    {"populate", debug_populate, 3, 5},
    {"protocol", debug_protocol_type, 3, 3},
    {"reload", debug_reload, 2, SIZE_MAX},
    {"set-active-expire", debug_set_active_expire, 3, 3},
    {"sleep", debug_sleep, 3, 3},
};

static void run_debug(struct call *call)
{
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        const struct subcommand *each = &subcommands[i];
        if (slice_is_word(call->arguments[1], each->name) &&
            call->argument_count >= each->count_min && call->argument_count <= each->count_max) {
            each->handler(call);
            return;
        }
    }
    errors_reply_wrong_use(call->reply, call->command, call->arguments[1]);
}

const struct command debug_commands[] = {
    {.name = "debug",
     .handler = run_debug,
     .arity = -2,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE |
              COMMAND_DEBUGGING | COMMAND_SYSTEM,
     .group = "server",
     .since = "1.0.0",
     .summary = "Looks for faults; only where enable-debug-command allows it",
     .complexity = "Depends on subcommand."},
    {0},
};
