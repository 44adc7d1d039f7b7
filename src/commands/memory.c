/*
 * memory.c - MEMORY: what keys and the process take.
 *
 * A key's bytes are those of its record in the log, which lies on disk and, while it is used, in
 * the page cache; what it costs in memory for good is its share of the index.
 */
#include "base/number.h"
#include "commands/background.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/info.h"
#include "commands/lookup.h"
#include "commands/tables.h"
#include "engine/record.h"
#include "keyspace/keyspace.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>

/* A slot of the index takes 12 bytes, its expiry 4 more, and tables are about 7/8 full. */
#define INDEX_SHARE        14U
#define INDEX_SHARE_EXPIRY 5U

/* --- USAGE --- */

/* Samples are for values of many parts, which are never estimated here: the number is only checked.
 * False: an argument is wrong, and the error is written. */
static bool check_usage_options(const struct call *call)
{
    for (size_t i = 3; i < call->argument_count; i += 2) {
        if (!slice_is_word(call->arguments[i], "samples") || i + 1 == call->argument_count) {
            errors_reply(call, ERROR_SYNTAX);
            return false;
        }
        int64_t samples;
        if (!number_parse(call->arguments[i + 1], &samples)) {
            errors_reply(call, ERROR_NOT_INTEGER);
            return false;
        }
        if (samples < 0) {
            errors_reply(call, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

static void memory_usage(struct call *call)
{
    if (!check_usage_options(call)) {
        return;
    }
    struct value value;
    enum lookup found = lookup_to_write(call, call->arguments[2], &value);
    if (found == LOOKUP_ABSENT) {
        reply_null(call->reply);
    }
    if (found != LOOKUP_FOUND) {
        return;
    }
    bool has_expiry = value.expiry_ms != EXPIRY_NONE;
    uint64_t bytes = record_size(call->arguments[2].size, value.size, has_expiry, false);
    bytes += INDEX_SHARE + (has_expiry ? INDEX_SHARE_EXPIRY : 0U);
    reply_integer(call->reply, (int64_t)bytes);
}

/* --- STATS --- */

static void add_integer(struct reply *reply, const char *name, uint64_t value)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, (int64_t)value);
}

static void add_double(struct reply *reply, const char *name, double value)
{
    reply_bulk_string(reply, name);
    reply_double(reply, value);
}

/* Returns how many databases have keys. */
static size_t add_databases(const struct info *info, struct reply *reply)
{
    size_t count = 0;
    unsigned databases = keyspace_database_count(info->keyspace);
    for (unsigned database = 0; database < databases; database++) {
        uint64_t keys = keyspace_count(info->keyspace, database);
        if (keys == 0) {
            continue;
        }
        char name[32];
        (void)snprintf(name, sizeof(name), "db.%u", database);
        uint64_t expiring = keyspace_expiring_count(info->keyspace, database);
        reply_bulk_string(reply, name);
        reply_map(reply, 3);
        add_integer(reply, "overhead.hashtable.main", keys * INDEX_SHARE);
        add_integer(reply, "overhead.hashtable.expires", expiring * INDEX_SHARE_EXPIRY);
        add_integer(reply, "overhead.hashtable.slot-to-keys", 0);
        count++;
    }
    return count;
}

#define STATS_BEFORE_DATABASES 10

static void add_totals(const struct info *info, struct reply *reply)
{
    const struct engine_statistics *engine = &info->engine;
    uint64_t used = info->memory.anonymous;
    add_integer(reply, "peak.allocated", atomic_load(&info->statistics->memory_peak));
    add_integer(reply, "total.allocated", used);
    add_integer(reply, "startup.allocated",
                used > engine->index_bytes ? used - engine->index_bytes : 0);
    add_integer(reply, "replication.backlog", 0);
    add_integer(reply, "clients.slaves", 0);
    add_integer(reply, "clients.normal", info_client_memory(info));
    add_integer(reply, "cluster.links", 0);
    add_integer(reply, "aof.buffer", engine->appended_position - engine->written_position);
    add_integer(reply, "lua.caches", 0);
    add_integer(reply, "functions.caches", 0);
}

#define STATS_BEHIND_DATABASES 17

static void add_shares(const struct info *info, struct reply *reply)
{
    const struct engine_statistics *engine = &info->engine;
    uint64_t used = info->memory.anonymous;
    uint64_t peak = atomic_load(&info->statistics->memory_peak);
    double resident = (double)info->memory.resident;
    double overhead_ratio = used > 0 ? resident / (double)used : 1;
    int64_t overhead = (int64_t)info->memory.resident - (int64_t)used;
    add_integer(reply, "overhead.total", used);
    add_integer(reply, "keys.count", engine->keys);
    add_integer(reply, "keys.bytes-per-key",
                engine->keys == 0 ? 0 : engine->index_bytes / engine->keys);
    add_integer(reply, "dataset.bytes", 0);
    add_double(reply, "dataset.percentage", 0);
    add_double(reply, "peak.percentage", peak > 0 ? (double)used / (double)peak * 100 : 0);
    add_integer(reply, "allocator.allocated", used);
    add_integer(reply, "allocator.active", used);
    add_integer(reply, "allocator.resident", used);
    add_double(reply, "allocator-fragmentation.ratio", 1);
    add_integer(reply, "allocator-fragmentation.bytes", 0);
    add_double(reply, "allocator-rss.ratio", 1);
    add_integer(reply, "allocator-rss.bytes", 0);
    add_double(reply, "rss-overhead.ratio", overhead_ratio);
    add_integer(reply, "rss-overhead.bytes", (uint64_t)overhead);
    add_double(reply, "fragmentation", overhead_ratio);
    add_integer(reply, "fragmentation.bytes", (uint64_t)overhead);
}

static void memory_stats(struct call *call)
{
    struct info info;
    info_begin(&info, call->server);
    struct reply_mark mark = reply_deferred_begin(call->reply);
    add_totals(&info, call->reply);
    size_t databases = add_databases(&info, call->reply);
    add_shares(&info, call->reply);
    reply_deferred_map(call->reply, mark,
                       STATS_BEFORE_DATABASES + databases + STATS_BEHIND_DATABASES);
    info_end(&info);
}

/* --- DOCTOR, MALLOC-STATS, PURGE --- */

/* A finding starts with a bullet, so that findings can be told apart. */
static void diagnose(struct info *info)
{
    const struct engine_statistics *engine = &info->engine;
    uint64_t limit = (uint64_t)config_number(info->config, CONFIG_INDEX_MEMORY_LIMIT);
    if (limit > 0 && engine->index_bytes > limit / 10 * 9) {
        text_format(&info->text,
                    "* The index takes %llu of the %llu bytes that index-memory-limit allows. At "
                    "the limit, new keys are refused: raise it, or delete keys.\n",
                    (unsigned long long)engine->index_bytes, (unsigned long long)limit);
    }
    uint64_t used = info->memory.anonymous;
    if (info->memory.machine > 0 && used > info->memory.machine / 10 * 8) {
        text_format(&info->text,
                    "* The process takes %llu of the machine's %llu bytes of memory. Little is "
                    "left for the page cache, which is what makes reads fast.\n",
                    (unsigned long long)used, (unsigned long long)info->memory.machine);
    }
    uint64_t clients = info_client_memory(info);
    if (used > (uint64_t)64 << 20 && clients > used / 2) {
        text_format(&info->text,
                    "* Buffers of clients take %llu of %llu bytes: see qbuf and omem in CLIENT "
                    "LIST for who does not read what it has asked for.\n",
                    (unsigned long long)clients, (unsigned long long)used);
    }
    if (info->text.bytes.size == 0) {
        text_add(&info->text, SLICE_LITERAL("No problem with memory was found.\n"));
    }
}

static void memory_doctor(struct call *call)
{
    struct info info;
    info_begin(&info, call->server);
    diagnose(&info);
    text_reply(&info.text, call->reply);
    info_end(&info);
}

static void memory_malloc_stats(struct call *call)
{
    reply_bulk_string(call->reply, "Stats not supported for the current allocator");
}

/* One purge that has not begun does for all who ask: others wait for the background thread, too. */
static atomic_bool is_trim_due;

static void trim(void *unused)
{
    (void)unused;
    atomic_store(&is_trim_due, false);
    (void)malloc_trim(0);
}

static void memory_purge(struct call *call)
{
    enum status status = STATUS_OK;
    if (!atomic_exchange(&is_trim_due, true)) {
        status = background_run(trim, NULL);
    }
    if (status != STATUS_OK) {
        atomic_store(&is_trim_due, false);
        errors_reply_status(call, status);
        return;
    }
    reply_ok(call->reply);
}

static void memory_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Say what is wrong with the use of memory, if anything is.",
        "MALLOC-STATS",
        "    Show the allocator's own statistics; the C library's has none.",
        "PURGE",
        "    Let the allocator give memory that it does not use back to the system.",
        "STATS",
        "    Show what memory is used for.",
        "USAGE <key> [SAMPLES <count>]",
        "    Tell how many bytes the key's record and its share of the index take.",
        NULL,
    };
    help_reply(call, lines);
}

#define ROW_COMMON .group = "server", .since = "4.0.0", .parent = &memory_commands[0]
#define TIPS       "nondeterministic_output request_policy:all_shards response_policy:special"

static const struct command memory_subcommands[] = {
    {.name = "usage",
     .handler = memory_usage,
     .arity = -3,
     .flags = COMMAND_READONLY | COMMAND_NO_TOUCH,
     .summary = "Tells how many bytes a key takes",
     .complexity = "O(1)",
     .syntax = "key:key [SAMPLES count:integer]",
     .keys = {{.begin = 2, .last = 0, .step = 1, .flags = KEY_RO}},
     ROW_COMMON},
    {.name = "stats",
     .handler = memory_stats,
     .arity = 2,
     .summary = "Shows what memory is used for",
     .complexity = "O(N) where N is the number of connections",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "doctor",
     .handler = memory_doctor,
     .arity = 2,
     .summary = "Says what is wrong with the use of memory",
     .complexity = "O(N) where N is the number of connections",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "malloc-stats",
     .handler = memory_malloc_stats,
     .arity = 2,
     .summary = "Shows the allocator's statistics",
     .complexity = "O(1)",
     .tips = TIPS,
     ROW_COMMON},
    {.name = "purge",
     .handler = memory_purge,
     .arity = 2,
     .summary = "Gives memory that is not used back to the system",
     .complexity = "O(1); the work is done in the background",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     ROW_COMMON},
    {.name = "help",
     .handler = memory_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_COMMON},
    {0},
};

const struct command memory_commands[] = {
    {.name = "memory",
     .arity = -2,
     .group = "server",
     .since = "4.0.0",
     .summary = "A container for the commands about memory",
     .complexity = "Depends on subcommand.",
     .subcommands = memory_subcommands},
    {0},
};
