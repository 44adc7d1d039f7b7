/*
 * info.c - INFO: which sections, in which order.
 */
#include "commands/info.h"

#include "commands/tables.h"

static const struct section {
    const char *title;
    void (*write)(struct info *info);
    bool is_default; /* among those of an INFO without arguments */
} sections[] = {
    {"Server", info_server, true},
    {"Clients", info_clients, true},
    {"Memory", info_memory, true},
    {"Persistence", info_persistence, true},
    {"Stats", info_stats, true},
    {"Replication", info_replication, true},
    {"CPU", info_cpu, true},
    {"Modules", info_modules, true},
    {"Commandstats", info_commandstats, false},
    {"Errorstats", info_errorstats, true},
    {"Latencystats", info_latencystats, false},
    {"Cluster", info_cluster, true},
    {"Keyspace", info_keyspace, true},
    {"Scdb", info_scdb, true},
};

#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

void info_begin(struct info *info, struct server *server)
{
    *info = (struct info){
        .server = server,
        .keyspace = server_keyspace(server),
        .config = server_config(server),
        .statistics = server_statistics(server),
        .rest_mark = engine_rest_mark_locked(server_engine(server)),
    };
    text_init(&info->text);
    engine_statistics_locked(server_engine(server), &info->engine);
    process_memory_read(&info->memory);
    if (info->memory.anonymous > atomic_load(&info->statistics->memory_peak)) {
        atomic_store(&info->statistics->memory_peak, info->memory.anonymous);
    }
    if (info->engine.live_bytes > atomic_load(&info->statistics->dataset_peak)) {
        atomic_store(&info->statistics->dataset_peak, info->engine.live_bytes);
    }
}

void info_end(struct info *info)
{
    engine_rest_rewind_locked(server_engine(info->server), info->rest_mark);
    text_deinit(&info->text);
}

void info_number(struct info *info, const char *name, uint64_t value)
{
    text_format(&info->text, "%s:%llu\r\n", name, (unsigned long long)value);
}

void info_signed(struct info *info, const char *name, int64_t value)
{
    text_format(&info->text, "%s:%lld\r\n", name, (long long)value);
}

void info_word(struct info *info, const char *name, const char *value)
{
    text_format(&info->text, "%s:%s\r\n", name, value);
}

void info_double(struct info *info, const char *name, double value, int decimals)
{
    text_format(&info->text, "%s:%.*f\r\n", name, decimals, value);
}

void info_size(struct info *info, const char *name, uint64_t bytes)
{
    info_number(info, name, bytes);
    text_format(&info->text, "%s_human:", name);
    text_add_size(&info->text, bytes);
    text_add(&info->text, SLICE_LITERAL("\r\n"));
}

void info_percent(struct info *info, const char *name, double part, double whole)
{
    text_format(&info->text, "%s:%.2f%%\r\n", name, whole > 0 ? part / whole * 100 : 0.0);
}

/* Does a word of the request mean the section? */
static bool is_meant(struct slice word, const struct section *section)
{
    if (slice_is_word(word, "all") || slice_is_word(word, "everything")) {
        return true;
    }
    if (slice_is_word(word, "default")) {
        return section->is_default;
    }
    return slice_is_word(word, section->title);
}

static bool is_chosen(const struct call *call, const struct section *section)
{
    if (call->argument_count == 1) {
        return section->is_default;
    }
    for (size_t i = 1; i < call->argument_count; i++) {
        if (is_meant(call->arguments[i], section)) {
            return true;
        }
    }
    return false;
}

static void info_command(struct call *call)
{
    struct info info;
    info_begin(&info, call->server);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (is_chosen(call, &sections[i])) {
            const char *gap = info.text.bytes.size == 0 ? "" : "\r\n";
            text_format(&info.text, "%s# %s\r\n", gap, sections[i].title);
            sections[i].write(&info);
        }
    }
    text_reply(&info.text, call->reply);
    info_end(&info);
}

const struct command info_commands[] = {
    {.name = "info",
     .handler = info_command,
     .arity = -1,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .categories = CATEGORY_DANGEROUS,
     .group = "server",
     .since = "1.0.0",
     .summary = "Describes the server and counts what it has done, section by section",
     .complexity = "O(1), O(N) for the section Clients where N is the number of connections",
     .syntax = "[section...]",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special"},
    {0},
};
