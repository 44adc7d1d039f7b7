/* string.c - the commands that set and get whole strings. */
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/foresee.h"
#include "commands/get_later.h"
#include "commands/lookup.h"
#include "commands/string_options.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/session.h"

/* --- getting --- */

/* Replies with a string's value, or a null where there is none; false: an error was replied. */
static bool reply_with_value(struct call *call, enum lookup found, const struct value *value)
{
    switch (found) {
    case LOOKUP_REPLIED:
        return false;
    case LOOKUP_ABSENT:
        reply_null(call->reply);
        return true;
    case LOOKUP_FOUND:
        break;
    }
    return lookup_reply_value(call, value);
}

static void run_get(struct call *call)
{
    struct value value;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    if (found != LOOKUP_FOUND || !get_later(call, &value)) {
        (void)reply_with_value(call, found, &value);
    }
}

static void run_getdel(struct call *call)
{
    struct value value;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    struct reply_mark mark = reply_mark(call->reply);
    if (!reply_with_value(call, found, &value) || found == LOOKUP_ABSENT) {
        return;
    }
    enum status status =
        keyspace_delete(call->keyspace, call->session->database, call->arguments[1]);
    if (status != STATUS_OK) {
        reply_rewind(call->reply, mark);
        errors_reply_status(call, status);
        return;
    }
    events_tell(call, EVENT_GENERIC, "del", call->arguments[1]);
}

/* What GETEX's options make of the expiry; false: nothing changes. */
static bool is_expiry_changed(const struct string_options *options, const struct value *value)
{
    return options->has_time || (options->persist && value->expiry_ms != EXPIRY_NONE);
}

/* GETEX has replied with the value already; `mark`: where. */
static void change_expiry(struct call *call, const struct value *value, int64_t expiry_ms,
                          struct reply_mark mark)
{
    enum status status =
        keyspace_set_expiry(call->keyspace, call->session->database, value, expiry_ms);
    if (status != STATUS_OK) {
        reply_rewind(call->reply, mark);
        errors_reply_status(call, status);
        return;
    }
    events_tell_expiry(call, call->arguments[1], expiry_ms);
}

static void run_getex(struct call *call)
{
    struct string_options options;
    enum client_error error = string_options_parse(call->arguments + 2, call->argument_count - 2,
                                                   OPTIONS_OF_GETEX, &options);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    struct value value;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    int64_t expiry_ms = EXPIRY_NONE;
    if (found == LOOKUP_FOUND) {
        error = string_options_expiry(&options, keyspace_now_ms(call->keyspace), &expiry_ms);
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    struct reply_mark mark = reply_mark(call->reply);
    if (reply_with_value(call, found, &value) && found == LOOKUP_FOUND &&
        is_expiry_changed(&options, &value)) {
        change_expiry(call, &value, expiry_ms, mark);
    }
}

static void run_mget(struct call *call)
{
    reply_array(call->reply, call->argument_count - 1);
    for (size_t i = 1; i < call->argument_count; i++) {
        struct value value;
        enum lookup found = lookup_to_read(call, call->arguments[i], &value);
        if (found == LOOKUP_FOUND && value.type != TYPE_STRING) {
            found = LOOKUP_ABSENT;
        }
        (void)reply_with_value(call, found, &value);
    }
}

static void run_strlen(struct call *call)
{
    struct value value;
    switch (lookup_string_to_read(call, call->arguments[1], &value)) {
    case LOOKUP_FOUND:
        reply_integer(call->reply, (int64_t)value.size);
        break;
    case LOOKUP_ABSENT:
        reply_integer(call->reply, 0);
        break;
    case LOOKUP_REPLIED:
        break;
    }
}

/* --- setting --- */

/* A key was set: an expiry tells so, too, and one that has passed takes the key away at once. */
static void tell_set(struct call *call, struct slice key, int64_t expiry_ms, bool is_expiry_given)
{
    events_tell(call, EVENT_STRING, "set", key);
    if (is_expiry_given) {
        events_tell(call, EVENT_GENERIC, "expire", key);
        if (expiry_ms <= keyspace_now_ms(call->keyspace)) {
            events_tell(call, EVENT_EXPIRED, "expired", key);
        }
    }
}

/* Sets the first argument's key. */
static enum status put_value(struct call *call, struct slice value, int64_t expiry_ms)
{
    struct string_content content = {.parts = &value, .part_count = 1, .expiry_ms = expiry_ms};
    return keyspace_put_string(call->keyspace, call->session->database, call->arguments[1],
                               &content);
}

/* Sets it, and replies only when that fails: false. */
static bool put(struct call *call, struct slice value, int64_t expiry_ms)
{
    enum status status = put_value(call, value, expiry_ms);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
    }
    return status == STATUS_OK;
}

/* Sets it to the second argument behind a reply that was written at `mark`; false: an error was
 * replied instead. */
static bool put_again(struct call *call, int64_t expiry_ms, struct reply_mark mark)
{
    enum status status = put_value(call, call->arguments[2], expiry_ms);
    if (status != STATUS_OK) {
        reply_rewind(call->reply, mark);
        errors_reply_status(call, status);
    }
    return status == STATUS_OK;
}

/* SET where what is there already matters: NX, XX, GET, KEEPTTL. */
static void set_depending_on_old(struct call *call, const struct string_options *options,
                                 int64_t expiry_ms)
{
    struct slice key = call->arguments[1];
    struct value old;
    enum lookup found =
        options->get ? lookup_string_to_read(call, key, &old) : lookup_to_write(call, key, &old);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    bool is_wanted = !(options->if_absent && found == LOOKUP_FOUND) &&
                     !(options->if_present && found == LOOKUP_ABSENT);
    if (options->keep_expiry && found == LOOKUP_FOUND) {
        expiry_ms = old.expiry_ms;
    }
    struct reply_mark mark = reply_mark(call->reply);
    if (options->get && !reply_with_value(call, found, &old)) {
        return;
    }
    if (is_wanted) {
        if (!put_again(call, expiry_ms, mark)) {
            return;
        }
        tell_set(call, key, expiry_ms, options->has_time);
    }
    if (!options->get && is_wanted) {
        reply_ok(call->reply);
    } else if (!options->get) {
        reply_null(call->reply);
    }
}

static void set_with_options(struct call *call)
{
    struct string_options options;
    int64_t expiry_ms;
    enum client_error error = string_options_parse(call->arguments + 3, call->argument_count - 3,
                                                   OPTIONS_OF_SET, &options);
    if (error == ERROR_NONE) {
        error = string_options_expiry(&options, keyspace_now_ms(call->keyspace), &expiry_ms);
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    set_depending_on_old(call, &options, expiry_ms);
}

static void run_set(struct call *call)
{
    if (call->argument_count > 3) {
        set_with_options(call);
    } else if (put(call, call->arguments[2], EXPIRY_NONE)) {
        tell_set(call, call->arguments[1], EXPIRY_NONE, false);
        reply_ok(call->reply);
    }
}

static void run_setnx(struct call *call)
{
    struct value old;
    enum lookup found = lookup_to_write(call, call->arguments[1], &old);
    if (found == LOOKUP_FOUND) {
        reply_integer(call->reply, 0);
    } else if (found == LOOKUP_ABSENT && put(call, call->arguments[2], EXPIRY_NONE)) {
        tell_set(call, call->arguments[1], EXPIRY_NONE, false);
        reply_integer(call->reply, 1);
    }
}

/* SETEX, PSETEX: key, time, value. */
static void set_with_time(struct call *call, enum expiry_unit unit)
{
    int64_t expiry_ms;
    enum client_error error = arguments_parse_positive_time(
        call->arguments[2], unit, BASIS_NOW, keyspace_now_ms(call->keyspace), &expiry_ms);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    if (put(call, call->arguments[3], expiry_ms)) {
        tell_set(call, call->arguments[1], expiry_ms, true);
        reply_ok(call->reply);
    }
}

static void run_setex(struct call *call)
{
    set_with_time(call, UNIT_SECONDS);
}

static void run_psetex(struct call *call)
{
    set_with_time(call, UNIT_MILLISECONDS);
}

static void run_getset(struct call *call)
{
    struct value old;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &old);
    struct reply_mark mark = reply_mark(call->reply); /* behind events that the client is told */
    if (reply_with_value(call, found, &old) && put_again(call, EXPIRY_NONE, mark)) {
        tell_set(call, call->arguments[1], EXPIRY_NONE, false);
    }
}

const struct command string_commands[] = {
    {.name = "get",
     .handler = run_get,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Returns the value of a string key",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "set",
     .handler = run_set,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Sets a key to a string value, whatever it held before",
     .complexity = "O(1)",
     .syntax = "key:key value [condition<NX | XX>@2.6.12] [GET@6.2.0] [expiration<EX "
               "seconds:integer@2.6.12 | PX milliseconds:integer@2.6.12 | EXAT "
               "unix-time-seconds:unix-time@6.2.0 | PXAT unix-time-milliseconds:unix-time@6.2.0 | "
               "KEEPTTL@6.0.0>]",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS,
               "RW and ACCESS due to the optional `GET` argument"}},
     .key_flags = string_options_key_flags,
     .foresees_value = foresee_set},
    {.name = "setnx",
     .handler = run_setnx,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Sets a key to a string value unless it exists",
     .complexity = "O(1)",
     .syntax = "key:key value",
     .keys = {{1, 0, 1, KEY_OW | KEY_INSERT, NULL}},
     .foresees_value = foresee_setnx},
    {.name = "setex",
     .handler = run_setex,
     .arity = 4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "2.0.0",
     .summary = "Sets a key to a string value that expires after some seconds",
     .complexity = "O(1)",
     .syntax = "key:key seconds:integer value",
     .keys = {{1, 0, 1, KEY_OW | KEY_UPDATE, NULL}},
     .foresees_value = foresee_setex},
    {.name = "psetex",
     .handler = run_psetex,
     .arity = 4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "2.6.0",
     .summary = "Sets a key to a string value that expires after some milliseconds",
     .complexity = "O(1)",
     .syntax = "key:key milliseconds:integer value",
     .keys = {{1, 0, 1, KEY_OW | KEY_UPDATE, NULL}},
     .foresees_value = foresee_setex},
    {.name = "getset",
     .handler = run_getset,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .deprecated_since = "6.2.0",
     .replaced_by = "`SET` with the `GET` option",
     .summary = "Sets a key to a string value and returns the one it had",
     .complexity = "O(1)",
     .syntax = "key:key value",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}},
     .foresees_value = foresee_getset},
    {.name = "getdel",
     .handler = run_getdel,
     .arity = 2,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "6.2.0",
     .summary = "Returns the value of a string key and deletes the key",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_DELETE, NULL}}},
    {.name = "getex",
     .handler = run_getex,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "6.2.0",
     .summary = "Returns the value of a string key and changes when it expires",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key [expiration<EX seconds:integer | PX milliseconds:integer | EXAT "
               "unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST>]",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE,
               "RW and UPDATE because it changes the TTL"}}},
    {.name = "mget",
     .handler = run_mget,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Returns the values of several string keys",
     .complexity = "O(N) with N the number of keys",
     .syntax = "key:key...",
     .tips = "request_policy:multi_shard",
     .keys = {{1, -1, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "strlen",
     .handler = run_strlen,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "2.2.0",
     .summary = "Returns how many bytes the value of a string key has",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RO, NULL}}},
    {.name = NULL}};
