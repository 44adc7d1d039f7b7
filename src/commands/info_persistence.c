/*
 * info_persistence.c - INFO's sections Persistence (in Redis's terms) and Scdb (in our own).
 *
 * To Redis's terms: the log is the append-only file; a save makes it durable; a compaction rewrites
 * it. There is never a fork.
 */
#include "commands/info.h"

#include "base/version.h"
#include "keyspace/keyspace.h"
#include "keyspace/watch.h"

/* Sync marks do not count: one follows each sync. */
static uint64_t bytes_not_durable(const struct engine_statistics *engine)
{
    return engine->payload_position > engine->durable_position
               ? engine->payload_position - engine->durable_position
               : 0;
}

static void add_saves(struct info *info)
{
    struct statistics *statistics = info->statistics;
    int64_t duration_ms = atomic_load(&statistics->last_save_duration_ms);
    bool is_running = atomic_load(&statistics->save_running);
    info_number(info, "rdb_changes_since_last_save", info->engine.unsaved_changes);
    info_number(info, "rdb_bgsave_in_progress", is_running);
    info_signed(info, "rdb_last_save_time", atomic_load(&statistics->last_save_unix_ms) / 1000);
    info_word(info, "rdb_last_bgsave_status",
              atomic_load(&statistics->last_save_failed) ? "err" : "ok");
    info_signed(info, "rdb_last_bgsave_time_sec", duration_ms < 0 ? -1 : duration_ms / 1000);
    info_signed(info, "rdb_current_bgsave_time_sec", is_running ? 0 : -1);
    info_number(info, "rdb_saves", atomic_load(&statistics->saves));
    info_number(info, "rdb_last_cow_size", 0);
    info_number(info, "rdb_last_load_keys_expired", 0);
    info_number(info, "rdb_last_load_keys_loaded", 0);
}

static void add_log(struct info *info)
{
    const struct engine_statistics *engine = &info->engine;
    const char *status = engine->writes_stopped || engine->write_failing ? "err" : "ok";
    info_number(info, "aof_enabled", 1);
    info_number(info, "aof_rewrite_in_progress", engine->compaction_running);
    info_number(info, "aof_rewrite_scheduled", 0);
    info_signed(info, "aof_last_rewrite_time_sec", -1);
    info_signed(info, "aof_current_rewrite_time_sec", -1);
    info_word(info, "aof_last_bgrewrite_status", engine->compaction_failing ? "err" : "ok");
    info_number(info, "aof_rewrites", engine->compactions);
    info_number(info, "aof_rewrites_consecutive_failures", 0);
    info_word(info, "aof_last_write_status", status);
    info_number(info, "aof_last_cow_size", 0);
    info_number(info, "module_fork_in_progress", 0);
    info_number(info, "module_fork_last_cow_size", 0);
    info_number(info, "aof_current_size", engine->file_bytes);
    info_number(info, "aof_base_size", engine->live_bytes);
    info_number(info, "aof_pending_rewrite", 0);
    info_number(info, "aof_buffer_length", engine->appended_position - engine->written_position);
    info_number(info, "aof_pending_bio_fsync", engine->sync_running);
    info_number(info, "aof_delayed_fsync", engine->delayed_syncs);
}

/* What Redis does not tell. */
static void add_durability(struct info *info)
{
    const struct engine_statistics *engine = &info->engine;
    static const char *const modes[] = {
        [SYNC_ALWAYS] = "always", [SYNC_EVERYSEC] = "everysec", [SYNC_NO] = "no"};
    info_word(info, "appendfsync", modes[config_number(info->config, CONFIG_APPENDFSYNC)]);
    info_number(info, "bytes_not_durable", bytes_not_durable(engine));
    info_number(info, "fsyncs", engine->sync_count);
    info_number(info, "fsync_errors", engine->sync_errors);
    info_signed(info, "last_fsync_time", engine->last_sync_unix_ms / 1000);
    info_signed(info, "last_fsync_usec", engine->last_sync_us);
}

void info_persistence(struct info *info)
{
    info_number(info, "loading", 0);
    info_number(info, "async_loading", 0);
    info_number(info, "current_cow_peak", 0);
    info_number(info, "current_cow_size", 0);
    info_number(info, "current_cow_size_age", 0);
    info_double(info, "current_fork_perc", 0, 2);
    info_number(info, "current_save_keys_processed", 0);
    info_number(info, "current_save_keys_total", 0);
    add_saves(info);
    add_log(info);
    add_durability(info);
}

static void add_compaction(struct info *info)
{
    const struct engine_statistics *engine = &info->engine;
    info_number(info, "compaction_running", engine->compaction_running);
    info_percent(info, "compaction_progress_perc", (double)engine->compaction_done,
                 (double)engine->compaction_size);
    info_number(info, "compactions", engine->compactions);
    info_size(info, "compaction_moved_bytes", engine->compaction_moved_bytes);
    info_size(info, "compaction_reclaimed_bytes", engine->compaction_reclaimed_bytes);
    info_number(info, "last_compaction_ms", engine->last_compaction_us / 1000);
    info_size(info, "last_compaction_reclaimed_bytes", engine->last_compaction_reclaimed_bytes);
    info_number(info, "slowed_writes", engine->slowed_writes);
    info_number(info, "slowed_writes_ms", engine->slowed_us / 1000);
}

void info_scdb(struct info *info)
{
    const struct engine_statistics *engine = &info->engine;
    info_word(info, "scdb_version", SCDB_VERSION);
    info_number(info, "threads", server_worker_count(info->server));
    info_number(info, "keys", engine->keys);
    info_size(info, "live_bytes", engine->live_bytes);
    info_size(info, "dead_bytes", engine->file_bytes - engine->live_bytes);
    info_size(info, "kept_bytes", engine->kept_bytes);
    info_size(info, "file_bytes", engine->file_bytes);
    info_size(info, "disk_bytes", engine->disk_bytes);
    info_size(info, "free_disk_bytes", engine->free_disk_bytes);
    info_percent(info, "garbage_perc",
                 engine->file_bytes > engine->live_bytes
                     ? (double)(engine->file_bytes - engine->live_bytes)
                     : 0,
                 (double)engine->file_bytes);
    info_number(info, "segments", engine->segment_count);
    info_size(info, "index_bytes", engine->index_bytes);
    info_size(info, "process_memory", info->memory.anonymous);
    info_size(info, "process_memory_peak", atomic_load(&info->statistics->memory_peak));
    info_number(info, "log_appended_position", engine->appended_position);
    info_number(info, "log_written_position", engine->written_position);
    info_number(info, "log_durable_position", engine->durable_position);
    info_number(info, "log_syncs", engine->sync_count);
    info_number(info, "writes_stopped", engine->writes_stopped);
    info_number(info, "read_only", engine_is_read_only(server_engine(info->server)));
    add_compaction(info);
    info_number(info, "expired_keys", engine->expired_keys);
    info_number(info, "reads_ahead", engine->reads_ahead);
    info_number(info, "corrupt_records", engine->corrupt_records);
    info_number(info, "scrub_running", engine->scrub_running);
    info_number(info, "scrub_passes", engine->scrub_passes);
    info_size(info, "scrub_read_bytes", engine->scrub_read_bytes);
    info_number(info, "scrub_damaged_records", engine->scrub_damaged_records);
    info_number(info, "scrub_damaged_segments", engine->scrub_damaged_segments);
    info_number(info, "checkpoints", engine->checkpoints);
    info_size(info, "checkpoint_bytes", engine->checkpoint_size_bytes);
    info_number(info, "checkpoint_ms", engine->checkpoint_duration_ms);
    info_size(info, "checkpoint_behind_bytes", engine->checkpoint_behind_bytes);
    info_number(info, "recovered_keys", engine->recovered_keys);
    info_number(info, "recovered_records", engine->recovered_records);
    info_number(info, "recovery_ms", engine->recovery_ms);
    info_number(info, "watched_keys", watch_table_count(keyspace_watches(info->keyspace)));
}
