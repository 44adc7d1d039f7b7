/* keys.c - the commands on keys of any type, except those about their expiry (expire.c) and those
 * that walk through them (scan.c). */
#include "commands/arguments.h"
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/lookup.h"
#include "commands/tables.h"
#include "keyspace/batch.h"
#include "keyspace/keyspace.h"
#include "server/session.h"

static void run_del(struct call *call)
{
    int64_t deleted = 0;
    keyspace_group_begin(call->keyspace);
    enum status status = STATUS_OK;
    for (size_t i = 1; status == STATUS_OK && i < call->argument_count; i++) {
        status = keyspace_delete(call->keyspace, call->session->database, call->arguments[i]);
        if (status == STATUS_OK) {
            events_tell(call, EVENT_GENERIC, "del", call->arguments[i]);
            deleted++;
        } else if (status == STATUS_NOT_FOUND) {
            status = STATUS_OK;
        }
    }
    keyspace_group_end(call->keyspace);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    reply_integer(call->reply, deleted);
}

static void run_unlink(struct call *call)
{
    run_del(call);
}

static void run_exists(struct call *call)
{
    int64_t present = 0;
    for (size_t i = 1; i < call->argument_count; i++) {
        struct value value;
        switch (lookup_to_read(call, call->arguments[i], &value)) {
        case LOOKUP_FOUND:
            present++;
            break;
        case LOOKUP_ABSENT:
            break;
        case LOOKUP_REPLIED:
            return;
        }
    }
    reply_integer(call->reply, present);
}

static void run_touch(struct call *call)
{
    run_exists(call);
}

static void run_type(struct call *call)
{
    struct value value;
    switch (lookup_to_read(call, call->arguments[1], &value)) {
    case LOOKUP_FOUND:
        reply_simple(call->reply, value_type_name(value.type));
        break;
    case LOOKUP_ABSENT:
        reply_simple(call->reply, "none");
        break;
    case LOOKUP_REPLIED:
        break;
    }
}

/* --- RENAME --- */

/* Gives the value of the first argument's key to another; false: an error was replied. */
static bool transfer(struct call *call, const struct value *value, unsigned database,
                     struct slice key)
{
    enum status status = batch_move(call->keyspace, call->session->database, value, database, key);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}

/* The first argument's key has got the name of the second. */
static void tell_rename(struct call *call)
{
    events_tell(call, EVENT_GENERIC, "rename_from", call->arguments[1]);
    events_tell(call, EVENT_GENERIC, "rename_to", call->arguments[2]);
}

static void run_rename(struct call *call)
{
    struct value value;
    enum lookup found = lookup_to_write(call, call->arguments[1], &value);
    if (found == LOOKUP_ABSENT) {
        errors_reply(call, ERROR_NO_SUCH_KEY);
    } else if (found == LOOKUP_FOUND && slice_equal(call->arguments[1], call->arguments[2])) {
        reply_ok(call->reply);
    } else if (found == LOOKUP_FOUND &&
               transfer(call, &value, call->session->database, call->arguments[2])) {
        tell_rename(call);
        reply_ok(call->reply);
    }
}

static void run_renamenx(struct call *call)
{
    struct value value;
    struct value taken;
    enum lookup found = lookup_to_write(call, call->arguments[1], &value);
    if (found == LOOKUP_ABSENT) {
        errors_reply(call, ERROR_NO_SUCH_KEY);
    }
    if (found != LOOKUP_FOUND) {
        return;
    }
    found = lookup_to_write(call, call->arguments[2], &taken);
    if (found == LOOKUP_FOUND) {
        reply_integer(call->reply, 0);
    } else if (found == LOOKUP_ABSENT &&
               transfer(call, &value, call->session->database, call->arguments[2])) {
        tell_rename(call);
        reply_integer(call->reply, 1);
    }
}

/* --- to other databases --- */

/* The number of a database that exists; false: an error was replied. */
static bool parse_database(struct call *call, struct slice text, unsigned *database)
{
    int number;
    enum client_error error = arguments_parse_int(text, &number);
    if (error == ERROR_NONE &&
        (number < 0 || (unsigned)number >= keyspace_database_count(call->keyspace))) {
        error = ERROR_DATABASE_RANGE;
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return false;
    }
    *database = (unsigned)number;
    return true;
}

static void run_move(struct call *call)
{
    unsigned target;
    if (!parse_database(call, call->arguments[2], &target)) {
        return;
    }
    if (target == call->session->database) {
        errors_reply(call, ERROR_SAME_OBJECT);
        return;
    }
    struct value value;
    enum lookup found = lookup_to_write(call, call->arguments[1], &value);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    struct value there;
    enum lookup taken = lookup_in_database(call, target, call->arguments[1], &there);
    if (taken == LOOKUP_REPLIED) {
        return;
    }
    if (found == LOOKUP_ABSENT || taken == LOOKUP_FOUND) {
        reply_integer(call->reply, 0);
    } else if (transfer(call, &value, target, call->arguments[1])) {
        events_tell(call, EVENT_GENERIC, "move_from", call->arguments[1]);
        notify_locked(call->server, EVENT_GENERIC, "move_to", target, call->arguments[1]);
        reply_integer(call->reply, 1);
    }
}

struct copy_options {
    bool replace;
    unsigned database;
};

/* False: an error was replied. */
static bool parse_copy_options(struct call *call, struct copy_options *options)
{
    *options = (struct copy_options){.database = call->session->database};
    for (size_t i = 3; i < call->argument_count; i++) {
        if (slice_is_word(call->arguments[i], "replace")) {
            options->replace = true;
        } else if (slice_is_word(call->arguments[i], "db") && i + 1 < call->argument_count) {
            i++;
            if (!parse_database(call, call->arguments[i], &options->database)) {
                return false;
            }
        } else {
            errors_reply(call, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

/* A copied integer is not one of those that Redis keeps once for all keys: OBJECT REFCOUNT. */
static uint8_t encoding_of_copy(uint8_t encoding)
{
    return encoding == STRING_PLAIN ? STRING_COPY : encoding;
}

static void run_copy(struct call *call)
{
    struct copy_options options;
    if (!parse_copy_options(call, &options)) {
        return;
    }
    struct slice target = call->arguments[2];
    if (options.database == call->session->database && slice_equal(call->arguments[1], target)) {
        errors_reply(call, ERROR_SAME_OBJECT);
        return;
    }
    struct value value;
    enum lookup found = lookup_to_read(call, call->arguments[1], &value);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    struct value there;
    enum lookup taken = options.replace
                            ? LOOKUP_ABSENT
                            : lookup_in_database(call, options.database, target, &there);
    if (taken == LOOKUP_REPLIED) {
        return;
    }
    if (found == LOOKUP_ABSENT || taken == LOOKUP_FOUND) {
        reply_integer(call->reply, 0);
        return;
    }
    if (value.type == TYPE_STRING) {
        value.encoding = encoding_of_copy(value.encoding);
    }
    enum status status = keyspace_store_copy(call->keyspace, &value, options.database, target);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    notify_locked(call->server, EVENT_GENERIC, "copy_to", options.database, target);
    reply_integer(call->reply, 1);
}

const struct command key_commands[] = {
    {.name = "del",
     .handler = run_del,
     .arity = -2,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Deletes keys",
     .complexity = "O(N) with N the number of keys",
     .syntax = "key:key...",
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .keys = {{1, -1, 1, KEY_RM | KEY_DELETE, NULL}}},
    {.name = "unlink",
     .handler = run_unlink,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "4.0.0",
     .summary = "Deletes keys",
     .complexity = "O(N) with N the number of keys",
     .syntax = "key:key...",
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .keys = {{1, -1, 1, KEY_RM | KEY_DELETE, NULL}}},
    {.name = "exists",
     .handler = run_exists,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_FAST | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Counts how many of the keys exist",
     .complexity = "O(N) with N the number of keys",
     .syntax = "key:key...",
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .keys = {{1, -1, 1, KEY_RO, NULL}}},
    {.name = "touch",
     .handler = run_touch,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_FAST | COMMAND_TOUCHES,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "3.2.1",
     .summary = "Counts how many of the keys exist",
     .complexity = "O(N) with N the number of keys",
     .syntax = "key:key...",
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .keys = {{1, -1, 1, KEY_RO, NULL}}},
    {.name = "type",
     .handler = run_type,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Returns the type of the value that a key holds",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RO, NULL}}},
    {.name = "rename",
     .handler = run_rename,
     .arity = 3,
     .flags = COMMAND_WRITE,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Gives a key another name, replacing what had that name",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key newkey:key#1",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_DELETE, NULL},
              {2, 0, 1, KEY_OW | KEY_UPDATE, NULL}}},
    {.name = "renamenx",
     .handler = run_renamenx,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Gives a key another name unless that name is taken",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key newkey:key#1",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_DELETE, NULL},
              {2, 0, 1, KEY_OW | KEY_INSERT, NULL}}},
    {.name = "move",
     .handler = run_move,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Moves a key to another database",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key db:integer",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}}},
    {.name = "copy",
     .handler = run_copy,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "6.2.0",
     .summary = "Copies the value of a key to another key",
     .complexity = "O(N) with N the length of the value",
     .syntax = "source:key destination:key#1 [DB destination-db:integer] [REPLACE]",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}, {2, 0, 1, KEY_OW | KEY_UPDATE, NULL}}},
    {.name = NULL}};
