/* bitmap.c - the commands that see strings as rows of bits, but for BITFIELD. */
#include "base/number.h"
#include "commands/bit_arguments.h"
#include "commands/bits.h"
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/lookup.h"
#include "commands/store.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/server.h"
#include "server/session.h"

#include <stdlib.h>

static int64_t size_max(const struct call *call)
{
    return config_number(server_config(call->server), CONFIG_PROTO_MAX_BULK_LEN);
}

/* --- SETBIT, GETBIT --- */

/* The byte that has the bit, 0 behind the string's end; false: an error was replied. */
static bool read_byte_around(struct call *call, const struct value *value, uint64_t offset,
                             uint8_t *out)
{
    struct slice byte = slice_make(NULL, 0);
    if (offset / 8 < value->size && !lookup_part(call, value, (size_t)(offset / 8), 1, &byte)) {
        return false;
    }
    *out = byte.size == 0 ? 0 : (uint8_t)byte.data[0];
    return true;
}

/* Stores the byte around `offset` with its bit set to `bit`, and replies with what it was. */
static void set_bit(struct call *call, const struct value *old, uint64_t offset, bool bit)
{
    size_t index = (size_t)(offset / 8);
    uint8_t byte;
    if (!read_byte_around(call, old, offset, &byte)) {
        return;
    }
    uint8_t mask = (uint8_t)(0x80U >> offset % 8);
    bool was = (byte & mask) != 0;
    byte = (uint8_t)(bit ? byte | mask : byte & ~mask);
    bool is_change = was != bit || index >= old->size;
    bool is_stored = (!is_change && old->encoding == STRING_RAW) ||
                     store_patched(call, old, index, slice_make(&byte, 1), is_change);
    if (is_stored && is_change) {
        events_tell(call, EVENT_STRING, "setbit", call->arguments[1]);
    }
    if (is_stored) {
        reply_integer(call->reply, was ? 1 : 0);
    }
}

static void run_setbit(struct call *call)
{
    uint64_t offset;
    enum client_error error =
        bit_arguments_parse_offset(call->arguments[2], size_max(call), &offset);
    int64_t bit;
    if (error == ERROR_NONE &&
        (!number_parse(call->arguments[3], &bit) || (bit != 0 && bit != 1))) {
        error = ERROR_BIT_VALUE;
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    struct value old = {.expiry_ms = EXPIRY_NONE};
    enum lookup found = lookup_string_to_write(call, call->arguments[1], &old);
    if (found != LOOKUP_REPLIED) {
        set_bit(call, &old, offset, bit == 1);
    }
}

static void run_getbit(struct call *call)
{
    uint64_t offset;
    enum client_error error =
        bit_arguments_parse_offset(call->arguments[2], size_max(call), &offset);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    struct value value = {.size = 0};
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    uint8_t byte;
    if (found != LOOKUP_REPLIED && read_byte_around(call, &value, offset, &byte)) {
        reply_integer(call->reply, byte >> (7 - offset % 8) & 1);
    }
}

/* --- BITCOUNT, BITPOS --- */

/* A walk through the parts of a string that a range of its bits touches. */
struct walk {
    struct bit_range range;
    uint64_t at; /* the first bit of the next part */
    bool wanted; /* BITPOS: which bit is looked for */
    bool is_found;
    uint64_t result; /* BITCOUNT: how many were counted; BITPOS: where it is */
};

/* What of the range lies in the next part, counted from the part's start. */
static struct bit_range next_part(struct walk *walk, struct slice part)
{
    uint64_t at = walk->at;
    walk->at += (uint64_t)part.size * 8;
    return (struct bit_range){.first = walk->range.first > at ? walk->range.first - at : 0,
                              .end =
                                  (walk->range.end < walk->at ? walk->range.end : walk->at) - at};
}

/* False: an error was replied. */
static bool walk_range(struct call *call, const struct value *value, struct walk *walk,
                       void (*visit)(void *walk, struct slice part))
{
    size_t first = (size_t)(walk->range.first / 8);
    size_t last = (size_t)((walk->range.end - 1) / 8);
    const struct part_visitor visitor = {.visit = visit, .context = walk};
    walk->at = (uint64_t)first * 8;
    enum status status =
        keyspace_each_part(call->keyspace, value, first, last - first + 1, &visitor);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}

/* BITCOUNT's range; false: it is empty, or *error is set. */
static bool parse_count_range(const struct call *call, size_t size, struct bit_range *range,
                              enum client_error *error)
{
    int64_t start = 0;
    int64_t last = -1;
    enum bit_unit unit = BIT_UNIT_BYTE;
    if (call->argument_count == 3 || call->argument_count > 5) {
        *error = ERROR_SYNTAX;
        return false;
    }
    if (call->argument_count >= 4 &&
        (!number_parse(call->arguments[2], &start) || !number_parse(call->arguments[3], &last))) {
        *error = ERROR_NOT_INTEGER;
        return false;
    }
    if (start < 0 && last < 0 && start > last) {
        return false; /* whatever stands behind, as in Redis */
    }
    if (call->argument_count == 5) {
        *error = bit_arguments_parse_unit(call->arguments[4], &unit);
    }
    return *error == ERROR_NONE && bits_clip(start, last, unit, size, range);
}

static void count_part(void *context, struct slice part)
{
    struct walk *walk = context;
    walk->result += bits_count(part, next_part(walk, part));
}

static void run_bitcount(struct call *call)
{
    struct value value;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    struct bit_range range;
    enum client_error error = ERROR_NONE;
    if (found == LOOKUP_ABSENT || !parse_count_range(call, value.size, &range, &error)) {
        if (error != ERROR_NONE) {
            errors_reply(call, error);
        } else {
            reply_integer(call->reply, 0);
        }
        return;
    }
    struct walk walk = {.range = range};
    if (walk_range(call, &value, &walk, count_part)) {
        reply_integer(call->reply, (int64_t)walk.result);
    }
}

/* BITPOS's range; false: it is empty, or *error is set. */
static bool parse_position_range(const struct call *call, size_t size, struct bit_range *range,
                                 enum client_error *error)
{
    int64_t start = 0;
    int64_t last = -1;
    enum bit_unit unit = BIT_UNIT_BYTE;
    if (call->argument_count > 6) {
        *error = ERROR_SYNTAX;
    } else if (call->argument_count >= 4 && !number_parse(call->arguments[3], &start)) {
        *error = ERROR_NOT_INTEGER;
    } else if (call->argument_count == 6) {
        *error = bit_arguments_parse_unit(call->arguments[5], &unit);
    }
    if (*error == ERROR_NONE && call->argument_count >= 5 &&
        !number_parse(call->arguments[4], &last)) {
        *error = ERROR_NOT_INTEGER;
    }
    return *error == ERROR_NONE && bits_clip(start, last, unit, size, range);
}

static void search_part(void *context, struct slice part)
{
    struct walk *walk = context;
    uint64_t before = walk->at;
    struct bit_range range = next_part(walk, part);
    uint64_t offset;
    if (!walk->is_found && bits_find(part, range, walk->wanted, &offset)) {
        walk->is_found = true;
        walk->result = before + offset;
    }
}

/* Where no end was given, zeros follow behind the string. */
static void reply_position(struct call *call, const struct value *value, struct bit_range range,
                           bool wanted)
{
    struct walk walk = {.range = range, .wanted = wanted};
    if (!walk_range(call, value, &walk, search_part)) {
        return;
    }
    if (walk.is_found) {
        reply_integer(call->reply, (int64_t)walk.result);
    } else if (!wanted && call->argument_count < 5) {
        reply_integer(call->reply, (int64_t)value->size * 8);
    } else {
        reply_integer(call->reply, -1);
    }
}

static void run_bitpos(struct call *call)
{
    int64_t wanted;
    if (!number_parse(call->arguments[2], &wanted)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    if (wanted != 0 && wanted != 1) {
        errors_reply(call, ERROR_BIT_WANTED);
        return;
    }
    struct value value;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    if (found == LOOKUP_ABSENT) {
        reply_integer(call->reply, wanted == 1 ? -1 : 0);
        return;
    }
    struct bit_range range;
    enum client_error error = ERROR_NONE;
    if (parse_position_range(call, value.size, &range, &error)) {
        reply_position(call, &value, range, wanted == 1);
    } else if (error != ERROR_NONE) {
        errors_reply(call, error);
    } else {
        reply_integer(call->reply, -1);
    }
}

/* --- BITOP --- */

enum bit_operation { BITOP_AND, BITOP_OR, BITOP_XOR, BITOP_NOT };

static enum client_error parse_operation(const struct call *call, enum bit_operation *operation)
{
    static const char *const names[] = {
        [BITOP_AND] = "and", [BITOP_OR] = "or", [BITOP_XOR] = "xor", [BITOP_NOT] = "not"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is_word(call->arguments[1], names[i])) {
            *operation = (enum bit_operation)i;
            return i == BITOP_NOT && call->argument_count != 4 ? ERROR_BITOP_NOT_SOURCES
                                                               : ERROR_NONE;
        }
    }
    return ERROR_SYNTAX;
}

/* Finds the sources, an absent one empty, and the size of the longest. False: an error was
 * replied. */
static bool find_sources(struct call *call, struct value *sources, size_t count, size_t *longest)
{
    *longest = 0;
    for (size_t i = 0; i < count; i++) {
        sources[i].size = 0;
        if (lookup_string_to_read(call, call->arguments[3 + i], &sources[i]) == LOOKUP_REPLIED) {
            return false;
        }
        *longest = sources[i].size > *longest ? sources[i].size : *longest;
    }
    return true;
}

/* Combines a part of a source into the result. Plain loops, which the compiler makes wide. */
static void combine(enum bit_operation operation, uint8_t *result, struct slice part)
{
    const uint8_t *bytes = (const uint8_t *)part.data;
    switch (operation) {
    case BITOP_AND:
        for (size_t i = 0; i < part.size; i++) {
            result[i] &= bytes[i];
        }
        break;
    case BITOP_OR:
        for (size_t i = 0; i < part.size; i++) {
            result[i] |= bytes[i];
        }
        break;
    case BITOP_XOR:
        for (size_t i = 0; i < part.size; i++) {
            result[i] ^= bytes[i];
        }
        break;
    case BITOP_NOT:
        for (size_t i = 0; i < part.size; i++) {
            result[i] = (uint8_t)~bytes[i];
        }
        break;
    }
}

/* Sources on their way into a result. */
struct combination {
    enum bit_operation operation;
    uint8_t *next; /* of the result: what the next part goes into */
};

static void combine_part(void *context, struct slice part)
{
    struct combination *combination = context;
    combine(combination->operation, combination->next, part);
    combination->next += part.size;
}

/* Fills the result, which is zeros; they stand behind each source, too. False: an error was
 * replied. */
static bool operate(struct call *call, enum bit_operation operation, const struct value *sources,
                    uint8_t *result, size_t size)
{
    size_t count = call->argument_count - 3;
    for (size_t i = 0; i < count; i++) {
        bool is_copied = i == 0 && operation != BITOP_NOT;
        struct combination combination = {.operation = is_copied ? BITOP_OR : operation,
                                          .next = result};
        const struct part_visitor visitor = {.visit = combine_part, .context = &combination};
        enum status status =
            keyspace_each_part(call->keyspace, &sources[i], 0, sources[i].size, &visitor);
        if (status != STATUS_OK) {
            errors_reply_status(call, status);
            return false;
        }
        if (combination.operation == BITOP_AND) {
            memset(combination.next, 0, (size_t)(result + size - combination.next));
        }
    }
    return true;
}

/* Sets the destination; one that would be empty is deleted. */
static void store_result(struct call *call, struct slice result)
{
    struct slice key = call->arguments[2];
    if (result.size == 0) {
        enum status status = keyspace_delete(call->keyspace, call->session->database, key);
        if (status == STATUS_OK) {
            events_tell(call, EVENT_GENERIC, "del", key);
        } else if (status != STATUS_NOT_FOUND) {
            errors_reply_status(call, status);
            return;
        }
    } else {
        struct string_content content = {
            .parts = &result, .part_count = 1, .expiry_ms = EXPIRY_NONE, .encoding = STRING_RAW};
        if (!store_string(call, key, &content, true)) {
            return;
        }
        events_tell(call, EVENT_STRING, "set", key);
    }
    reply_integer(call->reply, (int64_t)result.size);
}

static void run_bitop(struct call *call)
{
    enum bit_operation operation;
    enum client_error error = parse_operation(call, &operation);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    size_t count = call->argument_count - 3;
    size_t size;
    struct value *sources = calloc(count, sizeof(*sources));
    if (sources == NULL) {
        errors_reply(call, ERROR_NO_MEMORY);
        return;
    }
    if (find_sources(call, sources, count, &size)) {
        uint8_t *result = calloc(1, size > 0 ? size : 1);
        if (result == NULL) {
            errors_reply(call, ERROR_NO_MEMORY);
        } else if (operate(call, operation, sources, result, size)) {
            store_result(call, slice_make(result, size));
        }
        free(result);
    }
    free(sources);
}

#define RANGE_SYNTAX "[index_unit<BYTE | BIT>@7.0.0]"

const struct command bitmap_commands[] = {
    {.name = "setbit",
     .handler = run_setbit,
     .arity = 4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_BITMAP,
     .group = "bitmap",
     .since = "2.2.0",
     .summary = "Sets one bit of a string, which is made or grows if need be",
     .complexity = "O(1): of a large string only a part is written",
     .syntax = "key:key offset:integer value:integer",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL}}},
    {.name = "getbit",
     .handler = run_getbit,
     .arity = 3,
     .flags = COMMAND_READONLY | COMMAND_FAST,
     .categories = CATEGORY_BITMAP,
     .group = "bitmap",
     .since = "2.2.0",
     .summary = "Returns one bit of a string",
     .complexity = "O(1)",
     .syntax = "key:key offset:integer",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "bitcount",
     .handler = run_bitcount,
     .arity = -2,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_BITMAP,
     .group = "bitmap",
     .since = "2.6.0",
     .summary = "Counts the bits of a string, or of a range of it, that are 1",
     .complexity = "O(N) with N the length of the range",
     .syntax = "key:key [index(start:integer end:integer " RANGE_SYNTAX ")]",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "bitpos",
     .handler = run_bitpos,
     .arity = -3,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_BITMAP,
     .group = "bitmap",
     .since = "2.8.7",
     .summary = "Finds the first bit of a string, or of a range of it, that is 0 or 1",
     .complexity = "O(N) with N the length of the range",
     .syntax = "key:key bit:integer "
               "[index(start:integer [end_index(end:integer " RANGE_SYNTAX ")])]",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "bitop",
     .handler = run_bitop,
     .arity = -4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_BITMAP,
     .group = "bitmap",
     .since = "2.6.0",
     .summary = "Stores the AND, OR or XOR of several strings, or the NOT of one",
     .complexity = "O(N) with N the length of the strings together",
     .syntax = "operation destkey:key key:key#1...",
     .keys = {{2, 0, 1, KEY_OW | KEY_UPDATE, NULL}, {3, -1, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = NULL}};
