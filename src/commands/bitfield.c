/* bitfield.c - BITFIELD and BITFIELD_RO: strings as arrays of integers of any width. */
#include "base/number.h"
#include "commands/bit_arguments.h"
#include "commands/bitfield_number.h"
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/lookup.h"
#include "commands/store.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/server.h"

#include <stdlib.h>

enum field_action { FIELD_GET, FIELD_SET, FIELD_INCREMENT };

struct operation {
    enum field_action action;
    enum bitfield_overflow overflow;
    struct bitfield_type type;
    uint64_t offset; /* in bits */
    int64_t operand;
    int64_t result;
    bool has_failed; /* it did not fit: the reply is a null */
};

/* All that a command asks for, and the bytes that it may write: [first, end). */
struct operations {
    struct operation *items; /* owned */
    size_t count;
    size_t first;
    size_t end; /* 0 = it only reads */
};

/* --- what is asked for --- */

static size_t first_byte(const struct operation *operation)
{
    return (size_t)(operation->offset / 8);
}

static size_t end_byte(const struct operation *operation)
{
    return (size_t)((operation->offset + operation->type.bits - 1) / 8) + 1;
}

static void add_operation(struct operations *operations, const struct operation *operation)
{
    operations->items[operations->count++] = *operation;
    if (operation->action == FIELD_GET) {
        return;
    }
    size_t first = first_byte(operation);
    size_t end = end_byte(operation);
    operations->first =
        operations->end == 0 || first < operations->first ? first : operations->first;
    operations->end = end > operations->end ? end : operations->end;
}

static bool parse_action(struct slice word, size_t left, enum field_action *action)
{
    if (slice_is_word(word, "get") && left >= 2) {
        *action = FIELD_GET;
    } else if (slice_is_word(word, "set") && left >= 3) {
        *action = FIELD_SET;
    } else if (slice_is_word(word, "incrby") && left >= 3) {
        *action = FIELD_INCREMENT;
    } else {
        return false;
    }
    return true;
}

static enum client_error parse_overflow(struct slice word, enum bitfield_overflow *overflow)
{
    if (slice_is_word(word, "wrap")) {
        *overflow = BITFIELD_WRAP;
    } else if (slice_is_word(word, "sat")) {
        *overflow = BITFIELD_SATURATE;
    } else if (slice_is_word(word, "fail")) {
        *overflow = BITFIELD_FAIL;
    } else {
        return ERROR_BITFIELD_OVERFLOW;
    }
    return ERROR_NONE;
}

/* The type, the offset and the operand behind the name of an action. */
static enum client_error parse_fields(const struct slice *arguments, int64_t size_max,
                                      struct operation *operation)
{
    enum client_error error = bit_arguments_parse_type(arguments[0], &operation->type);
    if (error == ERROR_NONE) {
        error = bit_arguments_parse_field_offset(arguments[1], operation->type.bits, size_max,
                                                 &operation->offset);
    }
    if (error == ERROR_NONE && operation->action != FIELD_GET &&
        !number_parse(arguments[2], &operation->operand)) {
        error = ERROR_NOT_INTEGER;
    }
    return error;
}

/* `operations` has room for as many as there are arguments. */
static enum client_error parse_operations(const struct call *call, struct operations *operations)
{
    int64_t size_max = config_number(server_config(call->server), CONFIG_PROTO_MAX_BULK_LEN);
    struct operation next = {.overflow = BITFIELD_WRAP};
    size_t at = 2;
    while (at < call->argument_count) {
        const struct slice *arguments = call->arguments + at;
        size_t left = call->argument_count - at - 1;
        enum client_error error;
        if (slice_is_word(arguments[0], "overflow") && left >= 1) {
            error = parse_overflow(arguments[1], &next.overflow);
            at += 2;
        } else if (parse_action(arguments[0], left, &next.action)) {
            error = parse_fields(arguments + 1, size_max, &next);
            at += next.action == FIELD_GET ? 3 : 4;
            if (error == ERROR_NONE) {
                add_operation(operations, &next);
            }
        } else {
            error = ERROR_SYNTAX;
        }
        if (error != ERROR_NONE) {
            return error;
        }
    }
    return ERROR_NONE;
}

/* --- doing it --- */

#define LOADED_SIZE_MAX ((size_t)64 * 1024)

/* The string as the operations see it: a copy of the bytes that they may write, the old string
 * around it, zeros behind. */
struct view {
    struct call *call;
    const struct value *old;
    uint8_t *window; /* owned; the bytes [first, end) */
    size_t first;
    size_t end;
};

/* Bytes of the old string, zeros behind it; false: an error was replied. */
static bool read_old(const struct view *view, size_t first, size_t size, uint8_t *bytes)
{
    struct slice part = slice_make(NULL, 0);
    if (first < view->old->size && !lookup_part(view->call, view->old, first, size, &part)) {
        return false;
    }
    memset(bytes, 0, size);
    if (part.size > 0) {
        memcpy(bytes, part.data, part.size);
    }
    return true;
}

/* Bytes as the operations before have left them. */
static bool read_bytes(const struct view *view, size_t first, size_t size, uint8_t *bytes)
{
    bool is_inside = first >= view->first && first + size <= view->end;
    if (!is_inside && !read_old(view, first, size, bytes)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (first + i >= view->first && first + i < view->end) {
            bytes[i] = view->window[first + i - view->first];
        }
    }
    return true;
}

/* False: an error was replied. */
static bool view_init(struct view *view, struct call *call, const struct value *old,
                      const struct operations *operations)
{
    size_t first = operations->first;
    size_t size = operations->end - first;
    *view = (struct view){.call = call, .old = old, .first = first, .end = operations->end};
    if (size == 0) {
        return true;
    }
    view->window = malloc(size);
    if (view->window == NULL) {
        errors_reply(call, ERROR_NO_MEMORY);
        return false;
    }
    if (!read_old(view, first, size, view->window)) {
        free(view->window);
        return false;
    }
    return true;
}

/* Finds the operation's number in `bytes`, and changes it there; true: it is another one now. */
static bool change_number(struct operation *operation, uint8_t *bytes)
{
    unsigned shift = (unsigned)(operation->offset % 8);
    int64_t old = bitfield_load(bytes, shift, operation->type);
    operation->result = old;
    if (operation->action == FIELD_GET) {
        return false;
    }
    bool is_set = operation->action == FIELD_SET;
    int64_t number;
    if (!bitfield_add(operation->type, operation->overflow, is_set ? operation->operand : old,
                      is_set ? 0 : operation->operand, &number)) {
        operation->has_failed = true;
        return false;
    }
    bitfield_store(bytes, shift, operation->type, number);
    operation->result = is_set ? old : number;
    return number != old;
}

/* False: an error was replied. */
static bool run_operation(struct view *view, struct operation *operation, bool *has_changed)
{
    uint8_t bytes[BITFIELD_BYTES] = {0};
    size_t first = first_byte(operation);
    size_t size = end_byte(operation) - first;
    if (!read_bytes(view, first, size, bytes)) {
        return false;
    }
    *has_changed = change_number(operation, bytes);
    if (view->window != NULL && operation->action != FIELD_GET && !operation->has_failed) {
        memcpy(view->window + (first - view->first), bytes, size);
    }
    return true;
}

static void reply_results(struct reply *reply, const struct operations *operations)
{
    reply_array(reply, operations->count);
    for (size_t i = 0; i < operations->count; i++) {
        if (operations->items[i].has_failed) {
            reply_null(reply);
        } else {
            reply_integer(reply, operations->items[i].result);
        }
    }
}

/* Runs all on the string; false: an error was replied. A string that had to grow has changed if one
 * of the writes has not failed, and is kept, grown, in any case. */
static bool run_operations(struct call *call, const struct value *old,
                           struct operations *operations, bool *is_change)
{
    struct view view;
    if (!view_init(&view, call, old, operations)) {
        return false;
    }
    bool grows = view.end > old->size;
    *is_change = false;
    bool is_well = true;
    for (size_t i = 0; is_well && i < operations->count; i++) {
        struct operation *operation = &operations->items[i];
        bool has_changed = false;
        is_well = run_operation(&view, operation, &has_changed);
        bool has_written = operation->action != FIELD_GET && !operation->has_failed;
        *is_change = *is_change || has_changed || (grows && has_written);
    }
    if (is_well && (*is_change || grows || (view.end > 0 && old->encoding != STRING_RAW))) {
        struct slice patch = slice_make(view.window, view.end - view.first);
        is_well = store_patched(call, old, view.first, patch, *is_change);
    }
    free(view.window);
    return is_well;
}

/* Finds the string, to read or to write. A small one is loaded, once for all operations, a large
 * one read where they want it. False: an error was replied. */
static bool find_string(struct call *call, const struct operations *operations, struct value *value)
{
    *value = (struct value){.expiry_ms = EXPIRY_NONE};
    enum lookup found = operations->end == 0
                            ? lookup_string_to_read(call, call->arguments[1], value)
                            : lookup_string_to_write(call, call->arguments[1], value);
    return found != LOOKUP_REPLIED &&
           (found == LOOKUP_ABSENT || value->size > LOADED_SIZE_MAX || lookup_load(call, value));
}

static void bitfield(struct call *call, bool is_read_only)
{
    struct operations operations = {.items =
                                        calloc(call->argument_count, sizeof(*operations.items))};
    if (operations.items == NULL) {
        errors_reply(call, ERROR_NO_MEMORY);
        return;
    }
    enum client_error error = parse_operations(call, &operations);
    if (error == ERROR_NONE && is_read_only && operations.end > 0) {
        error = ERROR_BITFIELD_READ_ONLY;
    }
    struct value value;
    bool is_change;
    if (error != ERROR_NONE) {
        errors_reply(call, error);
    } else if (find_string(call, &operations, &value) &&
               run_operations(call, &value, &operations, &is_change)) {
        reply_results(call->reply, &operations);
        if (is_change) {
            events_tell(call, EVENT_STRING, "setbit", call->arguments[1]);
        }
    }
    free(operations.items);
}

static void run_bitfield(struct call *call)
{
    bitfield(call, false);
}

static void run_bitfield_ro(struct call *call)
{
    bitfield(call, true);
}

#define GET_SYNTAX "GET encoding_offset(encoding offset:integer)"

/* One that makes no sense might write. */
static uint32_t bitfield_key_flags(const struct slice *arguments, size_t count)
{
    size_t at = 2;
    while (at < count) {
        size_t left = count - at - 1;
        if (slice_is_word(arguments[at], "get") && left >= 2) {
            at += 3;
        } else if (slice_is_word(arguments[at], "overflow") && left >= 1) {
            at += 2;
        } else {
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
        }
    }
    return KEY_RO | KEY_ACCESS;
}

const struct command bitfield_commands[] = {
    {.name = "bitfield",
     .handler = run_bitfield,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_BITMAP,
     .group = "bitmap",
     .since = "3.2.0",
     .summary = "Reads, sets and increments integers of any width within a string",
     .complexity = "O(1) for each operation: of a large string only a part is written",
     .syntax = "key:key [operation<" GET_SYNTAX " | "
               "write([OVERFLOW wrap_sat_fail<WRAP | SAT | FAIL>] write_operation<"
               "SET encoding_offset_value(encoding offset:integer value:integer) | "
               "INCRBY encoding_offset_increment(encoding offset:integer increment:integer)"
               ">)>...]",
     .keys = {{1, 0, 1, KEY_RW | KEY_UPDATE | KEY_ACCESS | KEY_VARIABLE_FLAGS,
               "This command allows both access and modification of the key"}},
     .key_flags = bitfield_key_flags},
    {.name = "bitfield_ro",
     .handler = run_bitfield_ro,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_BITMAP,
     .group = "bitmap",
     .since = "6.0.0",
     .summary = "Reads integers of any width within a string",
     .complexity = "O(1) for each one read, and to verify the part around it",
     .syntax = "key:key [GET... encoding_offset(encoding offset:integer)]",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = NULL}};
