/*
 * info_server.c - INFO's sections on the server as such: Server, Clients, Replication, CPU,
 * Modules, Cluster, Keyspace.
 */
#include "commands/info.h"

#include "base/clock.h"
#include "base/version.h"
#include "keyspace/keyspace.h"
#include "server/daemon.h"

#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

static void add_system(struct info *info)
{
    struct utsname name;
    if (uname(&name) == 0) {
        text_format(&info->text, "os:%s %s %s\r\n", name.sysname, name.release, name.machine);
    } else {
        info_word(info, "os", "unknown");
    }
    info_number(info, "arch_bits", sizeof(void *) * CHAR_BIT);
    info_word(info, "monotonic_clock", "POSIX clock_gettime");
    info_word(info, "multiplexing_api", "epoll");
    info_word(info, "atomicvar_api", "c11-builtin");
    text_format(&info->text, "gcc_version:%d.%d.%d\r\n", __GNUC__, __GNUC_MINOR__,
                __GNUC_PATCHLEVEL__);
}

static void add_paths(struct info *info)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[size < 0 ? 0 : size] = '\0';
    info_word(info, "executable", path);
    info_word(info, "config_file", config_file_path(info->config));
}

/* Who watches over the process, whatever `supervised` allows. */
static void add_supervision(struct info *info)
{
    enum supervised mode = (enum supervised)config_number(info->config, CONFIG_SUPERVISED);
    enum supervised supervisor = daemon_supervisor(mode);
    info_word(info, "process_supervised",
              supervisor == SUPERVISED_SYSTEMD   ? "systemd"
              : supervisor == SUPERVISED_UPSTART ? "upstart"
                                                 : "no");
}

void info_server(struct info *info)
{
    int64_t uptime_ms = clock_monotonic_ms() - info->statistics->started_monotonic_ms;
    int64_t now_us = clock_unix_us();
    info_word(info, "redis_version", SCDB_REDIS_VERSION);
    info_word(info, "redis_git_sha1", "00000000");
    info_number(info, "redis_git_dirty", 0);
    info_word(info, "redis_build_id", "scdb-" SCDB_VERSION);
    info_word(info, "redis_mode", "standalone");
    add_system(info);
    info_signed(info, "process_id", (int64_t)getpid());
    add_supervision(info);
    info_word(info, "run_id", info->statistics->run_id);
    info_signed(info, "tcp_port", config_number(info->config, CONFIG_PORT));
    info_signed(info, "server_time_usec", now_us);
    info_signed(info, "uptime_in_seconds", uptime_ms / 1000);
    info_signed(info, "uptime_in_days", uptime_ms / 86400000);
    info_number(info, "hz", 10);
    info_number(info, "configured_hz", 10);
    info_number(info, "lru_clock", (uint64_t)(now_us / 1000000) & 0xFFFFFF);
    add_paths(info);
    info_number(info, "io_threads_active", 0);
}

void info_clients(struct info *info)
{
    size_t input_max = 0;
    size_t output_max = 0;
    size_t blocked = 0; /* by a command that waits, or by CLIENT PAUSE */
    for (const struct session *session = server_first_session_locked(info->server); session != NULL;
         session = session->next) {
        size_t input = atomic_load(&session->query_buffer_capacity);
        size_t output = atomic_load(&session->output_size);
        input_max = input > input_max ? input : input_max;
        output_max = output > output_max ? output : output_max;
        blocked += block_is_told(session->blocked) ? 1 : 0;
    }
    info_number(info, "connected_clients", server_session_count_locked(info->server));
    info_number(info, "cluster_connections", 0);
    info_signed(info, "maxclients", config_number(info->config, CONFIG_MAXCLIENTS));
    info_number(info, "client_recent_max_input_buffer", input_max);
    info_number(info, "client_recent_max_output_buffer", output_max);
    info_number(info, "blocked_clients", blocked);
    info_number(info, "tracking_clients", server_tracking(info->server)->client_count);
    info_number(info, "clients_in_timeout_table", 0);
    info_number(info, "total_blocking_keys", 0);
    info_number(info, "total_blocking_keys_on_nokey", 0);
}

void info_replication(struct info *info)
{
    info_word(info, "role", "master");
    info_number(info, "connected_slaves", 0);
    if (config_wants_replicas(info->config)) {
        info_number(info, "min_slaves_good_slaves", 0);
    }
    info_word(info, "master_failover_state", "no-failover");
    info_word(info, "master_replid", info->statistics->run_id);
    info_word(info, "master_replid2", "0000000000000000000000000000000000000000");
    info_number(info, "master_repl_offset", 0);
    info_signed(info, "second_repl_offset", -1);
    info_number(info, "repl_backlog_active", 0);
    info_number(info, "repl_backlog_size", 0);
    info_number(info, "repl_backlog_first_byte_offset", 0);
    info_number(info, "repl_backlog_histlen", 0);
}

static void add_seconds(struct info *info, const char *name, uint64_t microseconds)
{
    text_format(&info->text, "%s:%llu.%06llu\r\n", name,
                (unsigned long long)(microseconds / 1000000),
                (unsigned long long)(microseconds % 1000000));
}

void info_cpu(struct info *info)
{
    struct process_cpu cpu;
    process_cpu_read(&cpu);
    add_seconds(info, "used_cpu_sys", cpu.system);
    add_seconds(info, "used_cpu_user", cpu.user);
    add_seconds(info, "used_cpu_sys_children", 0);
    add_seconds(info, "used_cpu_user_children", 0);
    add_seconds(info, "used_cpu_sys_main_thread", cpu.system_thread);
    add_seconds(info, "used_cpu_user_main_thread", cpu.user_thread);
}

/* There are none. */
void info_modules(struct info *info)
{
    (void)info;
}

void info_cluster(struct info *info)
{
    info_number(info, "cluster_enabled", 0);
}

void info_keyspace(struct info *info)
{
    unsigned count = keyspace_database_count(info->keyspace);
    for (unsigned database = 0; database < count; database++) {
        uint64_t keys = keyspace_count(info->keyspace, database);
        if (keys == 0) {
            continue;
        }
        text_format(&info->text, "db%u:keys=%llu,expires=%llu,avg_ttl=%lld\r\n", database,
                    (unsigned long long)keys,
                    (unsigned long long)keyspace_expiring_count(info->keyspace, database),
                    (long long)keyspace_average_ttl_ms(info->keyspace, database));
    }
}
