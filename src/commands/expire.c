/* expire.c - when keys expire: EXPIRE, TTL, PERSIST and their kin. */
#include "commands/arguments.h"
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/expire_options.h"
#include "commands/lookup.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/session.h"

/* What TTL and its kin answer for a key that isn't there, or never expires. */
#define TTL_ABSENT (-2)
#define TTL_NONE   (-1)

/* --- setting --- */

/* Sets the expiry of a found key and replies. */
static void set_expiry(struct call *call, const struct value *value, int64_t expiry_ms)
{
    enum status status =
        keyspace_set_expiry(call->keyspace, call->session->database, value, expiry_ms);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return;
    }
    /* A client that listens to itself sees the reply of EXPIRE in front of the event, but that of
     * the others (PERSIST, and an EXPIRE that deletes) behind it. */
    bool is_lasting = expiry_ms != EXPIRY_NONE && expiry_ms > keyspace_now_ms(call->keyspace);
    if (is_lasting) {
        reply_integer(call->reply, 1);
    }
    events_tell_expiry(call, call->arguments[1], expiry_ms);
    if (!is_lasting) {
        reply_integer(call->reply, 1);
    }
}

static void expire(struct call *call, enum expiry_unit unit, enum expiry_basis basis)
{
    struct expire_options options;
    struct slice unsupported;
    enum client_error error =
        expire_options_parse(call->arguments + 3, call->argument_count - 3, &options, &unsupported);
    if (error == ERROR_UNSUPPORTED_OPTION) {
        errors_reply_about(call->reply, error, unsupported);
        return;
    }
    int64_t expiry_ms;
    if (error == ERROR_NONE) {
        error = arguments_parse_time(call->arguments[2], unit, basis,
                                     keyspace_now_ms(call->keyspace), &expiry_ms);
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    struct value value;
    enum lookup found = lookup_to_write(call, call->arguments[1], &value);
    if (found == LOOKUP_FOUND && expire_options_allow(&options, value.expiry_ms, expiry_ms)) {
        set_expiry(call, &value, expiry_ms);
    } else if (found != LOOKUP_REPLIED) {
        reply_integer(call->reply, 0);
    }
}

static void run_expire(struct call *call)
{
    expire(call, UNIT_SECONDS, BASIS_NOW);
}

static void run_pexpire(struct call *call)
{
    expire(call, UNIT_MILLISECONDS, BASIS_NOW);
}

static void run_expireat(struct call *call)
{
    expire(call, UNIT_SECONDS, BASIS_EPOCH);
}

static void run_pexpireat(struct call *call)
{
    expire(call, UNIT_MILLISECONDS, BASIS_EPOCH);
}

static void run_persist(struct call *call)
{
    struct value value;
    enum lookup found = lookup_to_write(call, call->arguments[1], &value);
    if (found == LOOKUP_FOUND && value.expiry_ms != EXPIRY_NONE) {
        set_expiry(call, &value, EXPIRY_NONE);
    } else if (found != LOOKUP_REPLIED) {
        reply_integer(call->reply, 0);
    }
}

/* --- asking --- */

/* A record can't have the last moment that there is, which says "never": one that was to have it
 * has the moment before (arguments.c). That one is told as the last, as which clients do ask for
 * it, and for the moment before they don't. */
static int64_t told_ms(int64_t expiry_ms)
{
    return expiry_ms == EXPIRY_NONE - 1 ? EXPIRY_NONE : expiry_ms;
}

/* Replies with the time left, or (BASIS_EPOCH) with the moment; seconds are rounded to the nearest.
 */
static void tell_expiry(struct call *call, enum expiry_unit unit, enum expiry_basis basis)
{
    struct value value;
    enum lookup found = lookup_to_read(call, call->arguments[1], &value);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    if (found == LOOKUP_ABSENT || value.expiry_ms == EXPIRY_NONE) {
        reply_integer(call->reply, found == LOOKUP_ABSENT ? TTL_ABSENT : TTL_NONE);
        return;
    }
    int64_t time = told_ms(value.expiry_ms);
    if (basis == BASIS_NOW) {
        time -= keyspace_now_ms(call->keyspace);
    }
    if (time < 0) {
        time = 0;
    }
    /* Halves are rounded up; written so that the last possible moment does not overflow. */
    int64_t seconds = time / 1000 + (time % 1000 >= 500 ? 1 : 0);
    reply_integer(call->reply, unit == UNIT_SECONDS ? seconds : time);
}

static void run_ttl(struct call *call)
{
    tell_expiry(call, UNIT_SECONDS, BASIS_NOW);
}

static void run_pttl(struct call *call)
{
    tell_expiry(call, UNIT_MILLISECONDS, BASIS_NOW);
}

static void run_expiretime(struct call *call)
{
    tell_expiry(call, UNIT_SECONDS, BASIS_EPOCH);
}

static void run_pexpiretime(struct call *call)
{
    tell_expiry(call, UNIT_MILLISECONDS, BASIS_EPOCH);
}

const struct command expire_commands[] = {
    {.name = "expire",
     .handler = run_expire,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Lets a key expire after some seconds",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key seconds:integer [condition<NX | XX | GT | LT>@7.0.0]",
     .keys = {{1, 0, 1, KEY_RW | KEY_UPDATE, NULL}}},
    {.name = "pexpire",
     .handler = run_pexpire,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Lets a key expire after some milliseconds",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key milliseconds:integer [condition<NX | XX | GT | LT>@7.0.0]",
     .keys = {{1, 0, 1, KEY_RW | KEY_UPDATE, NULL}}},
    {.name = "expireat",
     .handler = run_expireat,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.2.0",
     .summary = "Lets a key expire at a Unix time in seconds",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key unix-time-seconds:unix-time [condition<NX | XX | GT | LT>@7.0.0]",
     .keys = {{1, 0, 1, KEY_RW | KEY_UPDATE, NULL}}},
    {.name = "pexpireat",
     .handler = run_pexpireat,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Lets a key expire at a Unix time in milliseconds",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key unix-time-milliseconds:unix-time [condition<NX | XX | GT | LT>@7.0.0]",
     .keys = {{1, 0, 1, KEY_RW | KEY_UPDATE, NULL}}},
    {.name = "persist",
     .handler = run_persist,
     .arity = 2,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.2.0",
     .summary = "Takes the expiry from a key",
     .complexity = "O(N) with N the length of the value",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RW | KEY_UPDATE, NULL}}},
    {.name = "ttl",
     .handler = run_ttl,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Returns how many seconds a key has left",
     .complexity = "O(1)",
     .syntax = "key:key",
     .tips = "nondeterministic_output",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "pttl",
     .handler = run_pttl,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Returns how many milliseconds a key has left",
     .complexity = "O(1)",
     .syntax = "key:key",
     .tips = "nondeterministic_output",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "expiretime",
     .handler = run_expiretime,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "7.0.0",
     .summary = "Returns the Unix time in seconds at which a key expires",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "pexpiretime",
     .handler = run_pexpiretime,
     .arity = 2,
     .flags = COMMAND_READONLY | COMMAND_FAST | COMMAND_NO_TOUCH,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "7.0.0",
     .summary = "Returns the Unix time in milliseconds at which a key expires",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = NULL}};
