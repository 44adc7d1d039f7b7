/*
 * dump.c - DUMP and RESTORE: values from one server to another, in Redis's format.
 *
 * Strings only: that is all there is. A dump of anything else is refused like a damaged one.
 */
#include "keyspace/dump.h"

#include "base/number.h"
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/foresee.h"
#include "commands/lookup.h"
#include "commands/restore_options.h"
#include "commands/store.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/foreseen.h"
#include "server/server.h"
#include "server/session.h"
#include "server/stager.h"

/* --- DUMP --- */

static void run_dump(struct call *call)
{
    struct value value;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    if (found == LOOKUP_ABSENT) {
        reply_null(call->reply);
    }
    if (found != LOOKUP_FOUND || !lookup_load(call, &value)) {
        return;
    }
    struct buffer dump = {0};
    bool compress = config_bool(server_config(call->server), CONFIG_RDBCOMPRESSION);
    enum status status = dump_encode_string(value.bytes, compress, &dump);
    if (status == STATUS_OK) {
        reply_bulk(call->reply, buffer_slice(&dump));
    } else {
        errors_reply_status(call, status);
    }
    buffer_deinit(&dump);
}

/* --- RESTORE --- */

/* May the key be set? False: it is there, or the lookup failed, and the error was replied. */
static bool is_free(struct call *call)
{
    struct value old;
    enum lookup found = lookup_to_write(call, call->arguments[1], &old);
    if (found == LOOKUP_FOUND) {
        errors_reply(call, ERROR_KEY_EXISTS);
    }
    return found == LOOKUP_ABSENT;
}

static enum client_error parse_expiry(const struct call *call, bool is_absolute, int64_t *expiry_ms)
{
    int64_t time;
    if (!number_parse(call->arguments[2], &time)) {
        return ERROR_NOT_INTEGER;
    }
    if (time < 0) {
        return ERROR_TTL_NEGATIVE;
    }
    if (time == 0) {
        *expiry_ms = EXPIRY_NONE;
    } else if (is_absolute) {
        *expiry_ms = time == EXPIRY_NONE ? time - 1 : time; /* the last moment means "never" */
    } else {
        /* What overflows wraps into the past, as in Redis. */
        *expiry_ms = (int64_t)((uint64_t)time + (uint64_t)keyspace_now_ms(call->keyspace));
    }
    return ERROR_NONE;
}

/* Sets the key, or (the time has passed) deletes it: to Redis, what had the name before is gone in
 * any case. False: the error was replied. */
static bool replace(struct call *call, struct slice string, int64_t expiry_ms)
{
    struct slice key = call->arguments[1];
    if (expiry_ms <= keyspace_now_ms(call->keyspace)) {
        enum status status = keyspace_delete(call->keyspace, call->session->database, key);
        if (status == STATUS_OK) {
            events_tell(call, EVENT_GENERIC, "del", key);
        } else if (status != STATUS_NOT_FOUND) {
            errors_reply_status(call, status);
            return false;
        }
        return true;
    }
    struct string_content content = {.parts = &string,
                                     .part_count = 1,
                                     .expiry_ms = expiry_ms,
                                     .encoding = STRING_PLAIN,
                                     .is_anew = true};
    if (!store_string(call, key, &content, true)) {
        return false;
    }
    events_tell(call, EVENT_GENERIC, "restore", key);
    return true;
}

/* The string in the dump, which most often a thread has taken out if it is large. */
static enum status take_string(struct call *call, struct buffer *scratch, struct slice *string)
{
    const struct unpacked *unpacked = stager_unpacked(call->session, call->arguments[3]);
    if (unpacked == NULL) {
        return dump_unpack_string(call->arguments[3], scratch, string);
    }
    *string = unpacked->value;
    return unpacked->status;
}

/* Sets the key to the string in the dump, which is the third argument, and replies. */
static void restore(struct call *call, int64_t expiry_ms)
{
    struct buffer scratch = {0};
    struct slice string;
    enum status status = take_string(call, &scratch, &string);
    if (status == STATUS_CORRUPT) {
        errors_reply(call, ERROR_DUMP_CHECKSUM);
    } else if (status == STATUS_INVALID) {
        errors_reply(call, dump_is_of_another_type(call->arguments[3]) ? ERROR_DUMP_OTHER_TYPE
                                                                       : ERROR_DUMP_FORMAT);
    } else if (status != STATUS_OK) {
        errors_reply_status(call, status);
    } else if (replace(call, string, expiry_ms)) {
        reply_ok(call->reply);
    }
    buffer_deinit(&scratch);
}

static void run_restore(struct call *call)
{
    struct restore_options options;
    enum client_error error =
        restore_options_parse(call->arguments + 4, call->argument_count - 4, &options);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    if (!options.replace && !is_free(call)) {
        return;
    }
    int64_t expiry_ms;
    error = parse_expiry(call, options.is_absolute, &expiry_ms);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    restore(call, expiry_ms);
}

/* Neither where the key is in the way nor where it would have expired already. */
static bool foresee_restore(const struct call *call, struct foreseen *out)
{
    struct restore_options options;
    struct value old;
    int64_t expiry_ms;
    struct staged_value *staged = &out->plan.values[0];
    *staged = (struct staged_value){.key_size = call->arguments[1].size};
    out->argument = call->arguments[3];
    out->unpack = dump_unpack_string;
    out->plan.count = 1;
    out->plan.batch_size = 0;
    if (!dump_measure_string(out->argument, &staged->value.size, &out->scratch_size) ||
        staged->value.size < STAGED_SIZE_MIN ||
        restore_options_parse(call->arguments + 4, call->argument_count - 4, &options) !=
            ERROR_NONE ||
        parse_expiry(call, options.is_absolute, &expiry_ms) != ERROR_NONE ||
        expiry_ms <= keyspace_now_ms(call->keyspace)) {
        return false;
    }
    staged->has_expiry = expiry_ms != EXPIRY_NONE;
    return options.replace || foresee_look(call, &old) == STATUS_NOT_FOUND;
}

#define RESTORE_SYNTAX                                                                             \
    "key:key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] "                         \
    "[IDLETIME seconds:integer@5.0.0] [FREQ frequency:integer@5.0.0]"

const struct command dump_commands[] = {
    {.name = "dump",
     .handler = run_dump,
     .arity = 2,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Returns the value of a key in the form that RESTORE takes, here and in Redis",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key",
     .tips = "nondeterministic_output",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "restore",
     .handler = run_restore,
     .arity = -4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Sets a key to what DUMP returned, here or in Redis",
     .complexity = "O(N) with N the length of the value",
     .syntax = RESTORE_SYNTAX,
     .keys = {{1, 0, 1, KEY_OW | KEY_UPDATE, NULL}},
     .foresees_value = foresee_restore},
    {.name = "restore-asking",
     .handler = run_restore,
     .arity = -4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_ASKING | COMMAND_SYSTEM,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .group = "server",
     .since = "3.0.0",
     .summary = "Does what RESTORE does, for clients that move keys between members of a cluster",
     .complexity = "O(N) with N the length of the value",
     .syntax = RESTORE_SYNTAX,
     .keys = {{1, 0, 1, KEY_OW | KEY_UPDATE, NULL}},
     .foresees_value = foresee_restore},
    {.name = NULL}};
