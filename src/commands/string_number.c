/* string_number.c - the commands for which a string is a number. */
#include "base/number.h"
#include "commands/arguments.h"
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/lookup.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/session.h"

#include <math.h>

/* Sets the first argument's key to the text; false: an error was replied. */
static bool put_text(struct call *call, struct slice text, int64_t expiry_ms,
                     enum string_encoding encoding)
{
    struct string_content content = {
        .parts = &text, .part_count = 1, .expiry_ms = expiry_ms, .encoding = encoding};
    enum status status =
        keyspace_put_string(call->keyspace, call->session->database, call->arguments[1], &content);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}

/* The string at the first argument's key, verified; an empty one where there is none. False: an
 * error was replied. */
static bool find_number(struct call *call, struct value *value, bool *is_present)
{
    *value = (struct value){.expiry_ms = EXPIRY_NONE};
    enum lookup found = lookup_string_to_write(call, call->arguments[1], value);
    *is_present = found == LOOKUP_FOUND;
    return found != LOOKUP_REPLIED && (found == LOOKUP_ABSENT || lookup_load(call, value));
}

static void add(struct call *call, int64_t increment)
{
    struct value old;
    bool is_present;
    if (!find_number(call, &old, &is_present)) {
        return;
    }
    int64_t number = 0;
    if (is_present && !number_parse(old.bytes, &number)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    if (__builtin_add_overflow(number, increment, &number)) {
        errors_reply(call, ERROR_INCREMENT_OVERFLOW);
        return;
    }
    char text[NUMBER_TEXT_SIZE];
    struct slice digits = slice_make(text, number_format(text, number));
    if (put_text(call, digits, old.expiry_ms, STRING_PLAIN)) {
        events_tell(call, EVENT_STRING, "incrby", call->arguments[1]);
        reply_integer(call->reply, number);
    }
}

static void run_incr(struct call *call)
{
    add(call, 1);
}

static void run_decr(struct call *call)
{
    add(call, -1);
}

static void run_incrby(struct call *call)
{
    int64_t increment;
    if (!number_parse(call->arguments[2], &increment)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    add(call, increment);
}

static void run_decrby(struct call *call)
{
    int64_t decrement;
    if (!number_parse(call->arguments[2], &decrement)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    if (decrement == INT64_MIN) {
        errors_reply(call, ERROR_DECREMENT_OVERFLOW);
        return;
    }
    add(call, -decrement);
}

static void run_incrbyfloat(struct call *call)
{
    struct value old;
    bool is_present;
    if (!find_number(call, &old, &is_present)) {
        return;
    }
    long double number = 0;
    long double increment;
    if ((is_present && !arguments_parse_long_double(old.bytes, &number)) ||
        !arguments_parse_long_double(call->arguments[2], &increment)) {
        errors_reply(call, ERROR_NOT_FLOAT);
        return;
    }
    number += increment;
    if (isnan(number) || isinf(number)) {
        errors_reply(call, ERROR_INCREMENT_NOT_FINITE);
        return;
    }
    char text[LONG_DOUBLE_TEXT_SIZE];
    struct slice digits = slice_make(text, arguments_print_long_double(number, text));
    if (put_text(call, digits, old.expiry_ms, STRING_TEXT)) {
        events_tell(call, EVENT_STRING, "incrbyfloat", call->arguments[1]);
        reply_bulk(call->reply, digits);
    }
}

const struct command string_number_commands[] = {
    {.name = "incr",
     .handler = run_incr,
     .arity = 2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Adds one to the integer that a key holds",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}}},
    {.name = "decr",
     .handler = run_decr,
     .arity = 2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Takes one from the integer that a key holds",
     .complexity = "O(1)",
     .syntax = "key:key",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}}},
    {.name = "incrby",
     .handler = run_incrby,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Adds to the integer that a key holds",
     .complexity = "O(1)",
     .syntax = "key:key increment:integer",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}}},
    {.name = "decrby",
     .handler = run_decrby,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .summary = "Subtracts from the integer that a key holds",
     .complexity = "O(1)",
     .syntax = "key:key decrement:integer",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}}},
    {.name = "incrbyfloat",
     .handler = run_incrbyfloat,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "2.6.0",
     .summary = "Adds to the floating point number that a key holds",
     .complexity = "O(1)",
     .syntax = "key:key increment:double",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}}},
    {.name = NULL}};
