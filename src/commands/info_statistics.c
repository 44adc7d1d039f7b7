/*
 * info_statistics.c - INFO's sections that count: Stats, Commandstats, Errorstats, Latencystats.
 */
#include "commands/info.h"

#include "commands/peer.h"
#include "commands/table.h"
#include "keyspace/keyspace.h"
#include "server/histogram.h"

#include <stdlib.h>

static void add_traffic(struct info *info)
{
    struct statistics *statistics = info->statistics;
    info_number(info, "total_connections_received", atomic_load(&statistics->connections_received));
    info_number(info, "total_commands_processed", atomic_load(&statistics->commands_processed));
    info_number(info, "instantaneous_ops_per_sec",
                atomic_load(&statistics->commands_rate.per_second));
    info_number(info, "total_net_input_bytes", atomic_load(&statistics->net_input_bytes));
    info_number(info, "total_net_output_bytes", atomic_load(&statistics->net_output_bytes));
    info_number(info, "total_net_repl_input_bytes", 0);
    info_number(info, "total_net_repl_output_bytes", 0);
    info_double(info, "instantaneous_input_kbps",
                (double)atomic_load(&statistics->input_rate.per_second) / 1024, 2);
    info_double(info, "instantaneous_output_kbps",
                (double)atomic_load(&statistics->output_rate.per_second) / 1024, 2);
    info_double(info, "instantaneous_input_repl_kbps", 0, 2);
    info_double(info, "instantaneous_output_repl_kbps", 0, 2);
    info_number(info, "rejected_connections", atomic_load(&statistics->connections_rejected));
    info_number(info, "sync_full", 0);
    info_number(info, "sync_partial_ok", 0);
    info_number(info, "sync_partial_err", 0);
}

static void add_keys(struct info *info)
{
    const struct keyspace_statistics *lookups = keyspace_statistics(info->keyspace);
    info_number(info, "expired_keys", info->engine.expired_keys);
    info_double(info, "expired_stale_perc", 0, 2);
    info_number(info, "expired_time_cap_reached_count", 0);
    info_number(info, "expire_cycle_cpu_milliseconds", 0);
    info_number(info, "evicted_keys", keyspace_eviction(info->keyspace)->evicted_keys);
    info_number(info, "evicted_clients", atomic_load(&info->statistics->evicted_clients));
    info_number(info, "total_eviction_exceeded_time", 0);
    info_number(info, "current_eviction_exceeded_time", 0);
    info_number(info, "keyspace_hits", lookups->hits);
    info_number(info, "keyspace_misses", lookups->misses);
}

static void add_pubsub(struct info *info)
{
    const struct pubsub *pubsub = server_pubsub(info->server);
    info_number(info, "pubsub_channels", pubsub_topic_count(pubsub, PUBSUB_CHANNEL));
    info_number(info, "pubsub_patterns", pubsub_topic_count(pubsub, PUBSUB_PATTERN));
    info_number(info, "pubsubshard_channels", pubsub_topic_count(pubsub, PUBSUB_SHARD));
}

static void add_tracking(struct info *info)
{
    const struct tracking *tracking = server_tracking(info->server);
    info_number(info, "tracking_total_keys", tracking->keys.count);
    info_number(info, "tracking_total_items", tracking->item_count);
    info_number(info, "tracking_total_prefixes", tracking->prefixes.count);
}

/* What this server does not have (yet). Nobody forks. */
static void add_absent(struct info *info)
{
    static const char *const names[] = {
        "slave_expires_tracked_keys", "active_defrag_hits",       "active_defrag_misses",
        "active_defrag_key_hits",     "active_defrag_key_misses", "total_active_defrag_time",
        "current_active_defrag_time",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        info_number(info, names[i], 0);
    }
}

void info_stats(struct info *info)
{
    struct statistics *statistics = info->statistics;
    add_traffic(info);
    add_keys(info);
    add_pubsub(info);
    info_number(info, "latest_fork_usec", 0);
    info_number(info, "total_forks", 0);
    info_number(info, "migrate_cached_sockets", peer_idle_count());
    add_absent(info);
    add_tracking(info);
    info_number(info, "unexpected_error_replies", 0);
    info_number(info, "total_error_replies", statistics->error_replies);
    info_number(info, "dump_payload_sanitizations", 0);
    info_number(info, "total_reads_processed", atomic_load(&statistics->reads_processed));
    info_number(info, "total_writes_processed", atomic_load(&statistics->writes_processed));
    info_number(info, "io_threaded_reads_processed", 0);
    info_number(info, "io_threaded_writes_processed", 0);
    info_number(info, "client_query_buffer_limit_disconnections",
                atomic_load(&statistics->query_limit_disconnections));
    info_number(info, "client_output_buffer_limit_disconnections",
                atomic_load(&statistics->output_limit_disconnections));
    info_number(info, "reply_buffer_shrinks", 0);
    info_number(info, "reply_buffer_expands", 0);
}

static void add_command(struct info *info, const struct command *command)
{
    const struct command_statistics *counts =
        statistics_of_command_locked(info->statistics, command);
    if (counts->calls == 0 && counts->rejected == 0 && counts->failed == 0) {
        return;
    }
    char name[COMMAND_NAME_SIZE_MAX];
    double mean = counts->calls == 0 ? 0 : (double)counts->microseconds / (double)counts->calls;
    text_format(&info->text,
                "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,"
                "failed_calls=%llu\r\n",
                table_full_name(command, name), (unsigned long long)counts->calls,
                (unsigned long long)counts->microseconds, mean,
                (unsigned long long)counts->rejected, (unsigned long long)counts->failed);
}

void info_commandstats(struct info *info)
{
    for (size_t i = 0; i < table_row_count(); i++) {
        add_command(info, table_row_at(i));
    }
}

void info_errorstats(struct info *info)
{
    const struct statistics *statistics = info->statistics;
    for (size_t i = 0; i < statistics->error_count; i++) {
        text_format(&info->text, "errorstat_%s:count=%llu\r\n", statistics->errors[i].code,
                    (unsigned long long)statistics->errors[i].count);
    }
}

static void add_percentile(struct info *info, const struct histogram *histogram, struct slice word,
                           const char *gap)
{
    char number[64] = "";
    if (word.size < sizeof(number)) {
        memcpy(number, word.data, word.size);
        number[word.size] = '\0';
    }
    double percentile = strtod(number, NULL);
    text_format(&info->text, "%sp%s=%.3f", gap, number,
                (double)histogram_value_at(histogram, percentile) / 1000);
}

static void add_latency(struct info *info, const struct command *command)
{
    const struct command_statistics *counts =
        statistics_of_command_locked(info->statistics, command);
    if (counts->latency == NULL) {
        return;
    }
    char name[COMMAND_NAME_SIZE_MAX];
    text_format(&info->text, "latency_percentiles_usec_%s:", table_full_name(command, name));
    struct slice rest = config_text(info->config, CONFIG_LATENCY_PERCENTILES);
    const char *gap = "";
    for (struct slice word = slice_next_word(&rest); word.size > 0; word = slice_next_word(&rest)) {
        add_percentile(info, counts->latency, word, gap);
        gap = ",";
    }
    text_format(&info->text, "\r\n");
}

void info_latencystats(struct info *info)
{
    for (size_t i = 0; i < table_row_count() && config_bool(info->config, CONFIG_LATENCY_TRACKING);
         i++) {
        add_latency(info, table_row_at(i));
    }
}
