/*
 * object.c - OBJECT: how Redis would keep a value.
 *
 * Values lie in files here and have no such encodings; but clients ask, so what is answered is what
 * a Redis with its defaults would answer for the same history of commands. When a key was last used
 * is not recorded: IDLETIME is 0 for every key. FREQ, with an LFU policy, is one of four numbers,
 * from what Redis starts with on: two bits of the index count the uses of a key.
 */
#include "commands/object.h"

#include "base/number.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/lookup.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"

/* Redis keeps strings up to this size together with their header. */
#define EMBEDDED_SIZE_MAX 44

/* Redis keeps the integers from 0 up to here once for all keys, and answers this of them. */
#define SHARED_INTEGER_MAX 9999
#define SHARED_REFCOUNT    INT32_MAX

/* Finds the key that the subcommand is about; false: the reply is written. */
static bool find_subject(struct call *call, struct value *value)
{
    enum lookup found = lookup_quietly(call, call->arguments[2], value);
    if (found == LOOKUP_ABSENT) {
        reply_null(call->reply);
    }
    return found == LOOKUP_FOUND;
}

/* Only short strings are looked into; false: an error was replied. */
static bool load_if_short(struct call *call, struct value *value)
{
    return value->size > EMBEDDED_SIZE_MAX || lookup_load(call, value);
}

/* Is the string one that Redis keeps as an integer? */
static bool is_kept_as_integer(const struct value *value, int64_t *number)
{
    bool may_be = value->encoding == STRING_PLAIN || value->encoding == STRING_COPY;
    return may_be && number_parse(value->bytes, number);
}

const char *object_encoding(const struct value *value)
{
    int64_t number;
    if (is_kept_as_integer(value, &number)) {
        return "int";
    }
    bool is_short = value->size <= EMBEDDED_SIZE_MAX;
    return value->encoding != STRING_RAW && is_short ? "embstr" : "raw";
}

static void run_object_encoding(struct call *call)
{
    struct value value;
    if (find_subject(call, &value) && load_if_short(call, &value)) {
        reply_bulk_string(call->reply, object_encoding(&value));
    }
}

/* Would Redis have to know of each key by itself when it was used? Then it shares no values. */
static bool counts_each_key(const struct call *call)
{
    const struct eviction *eviction = keyspace_eviction(call->keyspace);
    return eviction->limit_bytes > 0 && eviction_access(eviction->policy) != ACCESS_NOT_NOTED;
}

static void run_object_refcount(struct call *call)
{
    struct value value;
    if (!find_subject(call, &value) || !load_if_short(call, &value)) {
        return;
    }
    int64_t number;
    bool is_shared = value.encoding == STRING_PLAIN && is_kept_as_integer(&value, &number) &&
                     number >= 0 && number <= SHARED_INTEGER_MAX && !counts_each_key(call);
    reply_integer(call->reply, is_shared ? SHARED_REFCOUNT : 1);
}

static bool counts_uses(const struct call *call)
{
    return eviction_access(keyspace_eviction(call->keyspace)->policy) == ACCESS_FREQUENCY;
}

static void run_object_idletime(struct call *call)
{
    struct value value;
    if (!find_subject(call, &value)) {
        return;
    }
    if (counts_uses(call)) {
        errors_reply(call, ERROR_LFU_SELECTED);
    } else {
        reply_integer(call->reply, 0);
    }
}

/* Where Redis starts to count the uses of a key. */
#define FREQUENCY_AT_FIRST 5

static void run_object_freq(struct call *call)
{
    struct value value;
    if (!find_subject(call, &value)) {
        return;
    }
    if (counts_uses(call)) {
        reply_integer(call->reply, FREQUENCY_AT_FIRST + value.entry.clock);
    } else {
        errors_reply(call, ERROR_NOT_LFU);
    }
}

static void run_object_help(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Tell how Redis would keep the key's value in memory: int, embstr, raw.",
        "FREQ <key>",
        "    Tell, with an LFU policy, how often the key is used, in four steps.",
        "IDLETIME <key>",
        "    Tell for how many seconds the key was not used, which is not recorded: 0.",
        "REFCOUNT <key>",
        "    Tell how many keys share the value: only small integers are shared, as in Redis.",
        NULL,
    };
    help_reply(call, lines);
}

static const struct command object_subcommands[] = {
    {.name = "refcount",
     .handler = run_object_refcount,
     .arity = 3,
     .flags = COMMAND_READONLY | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.2.3",
     .summary = "Returns how many references a value has",
     .complexity = "O(1)",
     .syntax = "key:key",
     .tips = "nondeterministic_output",
     .keys = {{2, 0, 1, KEY_RO, NULL}},
     .parent = &object_commands[0]},
    {.name = "encoding",
     .handler = run_object_encoding,
     .arity = 3,
     .flags = COMMAND_READONLY | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.2.3",
     .summary = "Returns how the value of a key would be encoded in the memory of Redis",
     .complexity = "O(1)",
     .syntax = "key:key",
     .tips = "nondeterministic_output",
     .keys = {{2, 0, 1, KEY_RO, NULL}},
     .parent = &object_commands[0]},
    {.name = "help",
     .handler = run_object_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "6.2.0",
     .summary = "Returns what the subcommands do",
     .complexity = "O(1)",
     .parent = &object_commands[0]},
    {.name = "freq",
     .handler = run_object_freq,
     .arity = 3,
     .flags = COMMAND_READONLY | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "4.0.0",
     .summary = "Returns how often a key is used, in four steps, with an LFU policy",
     .complexity = "O(1)",
     .syntax = "key:key",
     .tips = "nondeterministic_output",
     .keys = {{2, 0, 1, KEY_RO, NULL}},
     .parent = &object_commands[0]},
    {.name = "idletime",
     .handler = run_object_idletime,
     .arity = 3,
     .flags = COMMAND_READONLY | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.2.3",
     .summary = "Returns for how many seconds a key was not used, which is not recorded: 0",
     .complexity = "O(1)",
     .syntax = "key:key",
     .tips = "nondeterministic_output",
     .keys = {{2, 0, 1, KEY_RO, NULL}},
     .parent = &object_commands[0]},
    {.name = NULL}};

const struct command object_commands[] = {{.name = "object",
                                           .arity = -2,
                                           .group = "generic",
                                           .since = "2.2.3",
                                           .summary = "Tells how a value is kept",
                                           .complexity = "As its subcommands",
                                           .subcommands = object_subcommands},
                                          {.name = NULL}};
