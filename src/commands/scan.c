/* scan.c - the commands that walk through the keys: KEYS, SCAN, RANDOMKEY. */

#include "commands/arguments.h"
#include "commands/errors.h"
#include "commands/scan_options.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/session.h"

/* KEYS asks for so many keys at a time, which only bounds what one call of the engine does. */
#define KEYS_STEP 4096

/* Where the walk puts the keys that match. */
struct walk {
    const struct scan_options *options;
    struct reply *keys;
    size_t count;
};

static void visit(void *context, const struct entry *entry)
{
    struct walk *walk = context;
    const char *type = value_type_name((enum value_type)entry->type);
    if (scan_options_match(walk->options, entry->key, type)) {
        reply_bulk(walk->keys, entry->key);
        walk->count++;
    }
}

static void run_keys(struct call *call)
{
    struct scan_options options = {.pattern = call->arguments[1]};
    struct walk walk = {.options = &options, .keys = call->reply};
    struct reply_mark mark = reply_deferred_begin(call->reply);
    struct entry_visitor visitor = {.visit = visit, .context = &walk};
    uint64_t cursor = 0;
    do {
        keyspace_scan(call->keyspace, call->session->database, &cursor, KEYS_STEP, &visitor);
    } while (cursor != 0);
    reply_deferred_array(call->reply, mark, walk.count);
}

/* The cursor stands in front of the keys, but is known behind them: so they wait in a reply of
 * their own. */
static void scan(struct call *call, uint64_t cursor, const struct scan_options *options)
{
    struct reply keys;
    reply_init(&keys);
    struct walk walk = {.options = options, .keys = &keys};
    struct entry_visitor visitor = {.visit = visit, .context = &walk};
    keyspace_scan(call->keyspace, call->session->database, &cursor, options->count, &visitor);
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, (int64_t)cursor);
    reply_array(call->reply, walk.count);
    reply_raw(call->reply, buffer_slice(&keys.bytes));
    call->reply->failed |= keys.failed;
    reply_deinit(&keys);
}

static void run_scan(struct call *call)
{
    uint64_t cursor;
    if (!arguments_parse_cursor(call->arguments[1], &cursor)) {
        errors_reply(call, ERROR_INVALID_CURSOR);
        return;
    }
    struct scan_options options;
    enum client_error error =
        scan_options_parse(call->arguments + 2, call->argument_count - 2, &options);
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    scan(call, cursor, &options);
}

static void run_randomkey(struct call *call)
{
    struct entry entry;
    enum status status = keyspace_random(call->keyspace, call->session->database, &entry);
    if (status == STATUS_OK) {
        reply_bulk(call->reply, entry.key);
    } else if (status == STATUS_NOT_FOUND) {
        reply_null(call->reply);
    } else {
        errors_reply_status(call, status);
    }
}

const struct command scan_commands[] = {
    {.name = "keys",
     .handler = run_keys,
     .arity = 2,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Returns all keys that match a pattern",
     .complexity = "O(N) with N the number of keys in the database",
     .syntax = "pattern:pattern",
     .tips = "request_policy:all_shards nondeterministic_output_order"},
    {.name = "scan",
     .handler = run_scan,
     .arity = -2,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "2.8.0",
     .summary = "Walks through the keys of the database, some at a call",
     .complexity = "O(1) a call, O(N) for all of the N keys",
     .syntax = "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type@6.0.0]",
     .tips = "nondeterministic_output request_policy:special"},
    {.name = "randomkey",
     .handler = run_randomkey,
     .arity = 1,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_KEYSPACE,
     .group = "generic",
     .since = "1.0.0",
     .summary = "Returns a key of the database, picked at random",
     .complexity = "O(1)",
     .tips = "request_policy:all_shards nondeterministic_output"},
    {.name = NULL}};
