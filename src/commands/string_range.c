/* string_range.c - the commands that read, overwrite and append parts of strings. */
#include "base/number.h"
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/lookup.h"
#include "commands/store.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/server.h"
#include "server/session.h"

/* Would a string of size + extra bytes be too long? Then the error is replied. */
static bool is_too_long(struct call *call, uint64_t size, uint64_t extra)
{
    uint64_t maximum =
        (uint64_t)config_number(server_config(call->server), CONFIG_PROTO_MAX_BULK_LEN);
    if (size > maximum || extra > maximum - size) {
        errors_reply(call, ERROR_STRING_TOO_LONG);
        return true;
    }
    return false;
}

static void run_append(struct call *call)
{
    struct slice key = call->arguments[1];
    struct slice added = call->arguments[2];
    struct value old = {.expiry_ms = EXPIRY_NONE};
    enum lookup found = lookup_string_to_write(call, key, &old);
    if (found == LOOKUP_REPLIED || is_too_long(call, old.size, added.size)) {
        return;
    }
    size_t size = old.size + added.size;
    struct string_content content = {.parts = &added, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    if (found == LOOKUP_ABSENT ? store_string(call, key, &content, true)
                               : store_patched(call, &old, old.size, added, true)) {
        events_tell(call, EVENT_STRING, "append", key);
        reply_integer(call->reply, (int64_t)size);
    }
}

/* --- SETRANGE --- */

static void run_setrange(struct call *call)
{
    int64_t offset;
    if (!number_parse(call->arguments[2], &offset)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    if (offset < 0) {
        errors_reply(call, ERROR_OFFSET_RANGE);
        return;
    }
    size_t patch_size = call->arguments[3].size;
    struct value old = {.expiry_ms = EXPIRY_NONE};
    enum lookup found = lookup_string_to_write(call, call->arguments[1], &old);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    if (patch_size == 0) {
        reply_integer(call->reply, (int64_t)old.size);
        return;
    }
    if (!is_too_long(call, (uint64_t)offset, patch_size) &&
        store_patched(call, &old, (size_t)offset, call->arguments[3], true)) {
        events_tell(call, EVENT_STRING, "setrange", call->arguments[1]);
        size_t end = (size_t)offset + patch_size;
        reply_integer(call->reply, (int64_t)(end > old.size ? end : old.size));
    }
}

/* --- GETRANGE --- */

/* Turns start and end, which count from the end when negative, into a part of `size` bytes. */
static void clip_range(int64_t start, int64_t end, size_t size, size_t *offset, size_t *part_size)
{
    int64_t length = (int64_t)size;
    *offset = 0;
    *part_size = 0;
    if (start < 0 && end < 0 && start > end) {
        return;
    }
    if (start < 0) {
        start = start + length < 0 ? 0 : start + length;
    }
    if (end < 0) {
        end = end + length < 0 ? 0 : end + length;
    }
    if (end >= length) {
        end = length - 1;
    }
    if (start <= end && length > 0) {
        *offset = (size_t)start;
        *part_size = (size_t)(end - start) + 1;
    }
}

static void run_getrange(struct call *call)
{
    int64_t start;
    int64_t end;
    if (!number_parse(call->arguments[2], &start) || !number_parse(call->arguments[3], &end)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    struct value value = {.size = 0};
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    size_t offset;
    size_t size;
    clip_range(start, end, value.size, &offset, &size);
    if (size == 0) {
        reply_bulk(call->reply, slice_make("", 0));
    } else {
        (void)lookup_reply_part(call, &value, offset, size);
    }
}

static void run_substr(struct call *call)
{
    run_getrange(call);
}

const struct command string_range_commands[] = {
    {.name = "append",
     .handler = run_append,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "2.0.0",
     .summary = "Appends to the value of a string key, which is made if need be",
     .complexity =
         "O(N) with N the number of bytes appended: of a large string only a part is written",
     .syntax = "key:key value",
     .keys = {{1, 0, 1, KEY_RW | KEY_INSERT, NULL}}},
    {.name = "getrange",
     .handler = run_getrange,
     .arity = 4,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "2.4.0",
     .summary = "Returns a part of the value of a string key",
     .complexity = "O(N) with N the number of bytes returned",
     .syntax = "key:key start:integer end:integer",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "substr",
     .handler = run_substr,
     .arity = 4,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "1.0.0",
     .deprecated_since = "2.0.0",
     .replaced_by = "`GETRANGE`",
     .summary = "Returns a part of the value of a string key",
     .complexity = "O(N) with N the number of bytes returned",
     .syntax = "key:key start:integer end:integer",
     .keys = {{1, 0, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "setrange",
     .handler = run_setrange,
     .arity = 4,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "2.2.0",
     .summary = "Overwrites a part of the value of a string key from an offset on",
     .complexity =
         "O(N) with N the number of bytes overwritten: of a large string only a part is written",
     .syntax = "key:key offset:integer value",
     .keys = {{1, 0, 1, KEY_RW | KEY_UPDATE, NULL}}},
    {.name = NULL}};
