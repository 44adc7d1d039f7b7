/*
 * config_ignored.h - the directives of Redis that have no meaning here: CONFIG GET and SET know
 * them, and a file that sets one is told why nothing comes of it.
 *
 * Private to config_directives.c, where they are the last rows of the table.
 */
#ifndef SCDB_SERVER_CONFIG_IGNORED_H
#define SCDB_SERVER_CONFIG_IGNORED_H

#include "server/config_choices.h"
#include "server/config_shapes.h"
#include "server/config_special.h"

#include <limits.h>

/* --- shapes of rows; WHY stands in the place of the help --------------------------------- */

#define IGNORED_BOOL(NAME, ALIAS, FLAGS, INITIAL, WHY)                                             \
    {                                                                                              \
        .name = NAME, .alias = ALIAS, .type = DIRECTIVE_BOOL, .flags = IGNORED | (FLAGS),          \
        .high = 1, .initial = INITIAL, .help = WHY                                                 \
    }
#define IGNORED_INTEGER(NAME, ALIAS, FLAGS, LOW, HIGH, INITIAL, WHY)                               \
    {                                                                                              \
        .name = NAME, .alias = ALIAS, .type = DIRECTIVE_INTEGER, .flags = IGNORED | (FLAGS),       \
        .low = LOW, .high = HIGH, .initial = INITIAL, .help = WHY                                  \
    }
#define IGNORED_MEMORY(NAME, ALIAS, LOW, INITIAL, WHY)                                             \
    {                                                                                              \
        .name = NAME, .alias = ALIAS, .type = DIRECTIVE_MEMORY, .flags = IGNORED, .low = LOW,      \
        .high = INT64_MAX, .initial = INITIAL, .help = WHY                                         \
    }
#define IGNORED_CHOICE(NAME, FLAGS, CHOICES, INITIAL, WHY)                                         \
    {                                                                                              \
        .name = NAME, .type = DIRECTIVE_CHOICE, .flags = IGNORED | (FLAGS), .high = INT64_MAX,     \
        .initial = INITIAL, .choices = CHOICES, .help = WHY                                        \
    }
#define IGNORED_TEXT(NAME, ALIAS, FLAGS, INITIAL, WHY)                                             \
    {                                                                                              \
        .name = NAME, .alias = ALIAS, .type = DIRECTIVE_TEXT, .flags = IGNORED | (FLAGS),          \
        .initial = INITIAL, .help = WHY                                                            \
    }
#define IGNORED_SPECIAL(NAME, FLAGS, NORMALISE, INITIAL, WHY)                                      \
    {                                                                                              \
        .name = NAME, .type = DIRECTIVE_SPECIAL, .flags = IGNORED | (FLAGS), .initial = INITIAL,   \
        .normalise = NORMALISE, .help = WHY                                                        \
    }

/* Why a directive has no meaning here. */
#define WHY_REPLICATION "scdb does not replicate yet"
#define WHY_SNAPSHOT    "there are no snapshots: every write goes to the log"
#define WHY_LOG         "the log is always on, and compaction keeps it small"
#define WHY_EVICTION    "eviction works in steps of a fixed size, and counts age as it looks at them"
#define WHY_LAZYFREE    "deleting takes the same short time always, and is never done in bulk"
#define WHY_DEFRAG      "values are not on the heap: there is nothing to defragment"
#define WHY_CLUSTER     "scdb is no member of a cluster"
#define WHY_TLS         "scdb does not speak TLS: put a proxy in front of it"
#define WHY_SCRIPT      "there are no scripts yet"
#define WHY_ENCODING    "values have no in-memory encodings to choose from"
#define WHY_PROCESS     "scdb leaves this to the operating system"
#define WHY_MONITORING  "scdb does not measure this yet"
#define WHY_TICK        "no work of the server is done by ticks"
#define WHY_THREADS     "the number of workers is 'threads'"
#define WHY_SHUTDOWN    "a clean stop writes and syncs everything, always"

/* --- what some of them take -------------------------------------------------------------- */

static const struct directive_choice choices_endpoint[] = {
    {"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}, {NULL, 0}};
static const struct directive_choice choices_propagation[] = {
    {"ignore", 0}, {"panic", 1}, {"panic-on-replicas", 2}, {NULL, 0}};
static const struct directive_choice choices_diskless_load[] = {
    {"disabled", 0}, {"on-empty-db", 1}, {"swapdb", 2}, {NULL, 0}};
static const struct directive_choice choices_sanitize[] = {
    {"no", 0}, {"yes", 1}, {"clients", 2}, {NULL, 0}};
static const struct directive_choice choices_syslog[] = {
    {"user", 0},   {"local0", 1}, {"local1", 2}, {"local2", 3}, {"local3", 4},
    {"local4", 5}, {"local5", 6}, {"local6", 7}, {"local7", 8}, {NULL, 0}};
static const struct directive_choice choices_tls_clients[] = {
    {"no", 0}, {"yes", 1}, {"optional", 2}, {NULL, 0}};

/* --- the rows ---------------------------------------------------------------------------- */

#define CONFIG_IGNORED_ROWS                                                                        \
    IGNORED_INTEGER("active-defrag-cycle-max", NULL, 0, 1, 99, "25", WHY_DEFRAG),                  \
        IGNORED_INTEGER("active-defrag-cycle-min", NULL, 0, 1, 99, "1", WHY_DEFRAG),               \
        IGNORED_MEMORY("active-defrag-ignore-bytes", NULL, 1, "100mb", WHY_DEFRAG),                \
        IGNORED_INTEGER("active-defrag-max-scan-fields", NULL, 0, 1, INT64_MAX, "1000",            \
                        WHY_DEFRAG),                                                               \
        IGNORED_INTEGER("active-defrag-threshold-lower", NULL, 0, 0, 1000, "10", WHY_DEFRAG),      \
        IGNORED_INTEGER("active-defrag-threshold-upper", NULL, 0, 0, 1000, "100", WHY_DEFRAG),     \
        IGNORED_INTEGER("active-expire-effort", NULL, 0, 1, 10, "1", WHY_TICK),                    \
        IGNORED_BOOL("activedefrag", NULL, 0, "no", WHY_DEFRAG),                                   \
        IGNORED_BOOL("activerehashing", NULL, 0, "yes", WHY_TICK),                                 \
        IGNORED_BOOL("always-show-logo", NULL, IMMUTABLE, "no", "scdb has no logo"),               \
        IGNORED_BOOL("aof-disable-auto-gc", NULL, 0, "no", WHY_LOG),                               \
        IGNORED_BOOL("aof-load-truncated", NULL, 0, "yes", WHY_LOG),                               \
        IGNORED_BOOL("aof-rewrite-incremental-fsync", NULL, 0, "yes", WHY_LOG),                    \
        IGNORED_BOOL("aof-timestamp-enabled", NULL, 0, "no", WHY_LOG),                             \
        IGNORED_BOOL("aof-use-rdb-preamble", NULL, 0, "yes", WHY_LOG),                             \
        IGNORED_TEXT("aof_rewrite_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),                     \
        IGNORED_TEXT("appenddirname", NULL, IMMUTABLE, "appendonlydir", WHY_LOG),                  \
        IGNORED_TEXT("appendfilename", NULL, IMMUTABLE, "appendonly.aof", WHY_LOG),                \
        IGNORED_BOOL("appendonly", NULL, 0, "yes", WHY_LOG),                                       \
        IGNORED_MEMORY("auto-aof-rewrite-min-size", NULL, 0, "64mb", WHY_LOG),                     \
        IGNORED_INTEGER("auto-aof-rewrite-percentage", NULL, 0, 0, INT_MAX, "100", WHY_LOG),       \
        IGNORED_TEXT("bgsave_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),                          \
        IGNORED_TEXT("bind-source-addr", NULL, 0, "", WHY_REPLICATION),                            \
        IGNORED_TEXT("bio_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),                             \
        IGNORED_INTEGER("busy-reply-threshold", "lua-time-limit", 0, 0, INT64_MAX, "5000",         \
                        WHY_SCRIPT),                                                               \
        IGNORED_BOOL("cluster-allow-pubsubshard-when-down", NULL, 0, "yes", WHY_CLUSTER),          \
        IGNORED_BOOL("cluster-allow-reads-when-down", NULL, 0, "no", WHY_CLUSTER),                 \
        IGNORED_BOOL("cluster-allow-replica-migration", NULL, 0, "yes", WHY_CLUSTER),              \
        IGNORED_INTEGER("cluster-announce-bus-port", NULL, 0, 0, 65535, "0", WHY_CLUSTER),         \
        IGNORED_SPECIAL("cluster-announce-hostname", 0, config_special_hostname, "", WHY_CLUSTER), \
        IGNORED_TEXT("cluster-announce-ip", NULL, 0, "", WHY_CLUSTER),                             \
        IGNORED_INTEGER("cluster-announce-port", NULL, 0, 0, 65535, "0", WHY_CLUSTER),             \
        IGNORED_INTEGER("cluster-announce-tls-port", NULL, 0, 0, 65535, "0", WHY_CLUSTER),         \
        IGNORED_TEXT("cluster-config-file", NULL, IMMUTABLE, "nodes.conf", WHY_CLUSTER),           \
        IGNORED_BOOL("cluster-enabled", NULL, IMMUTABLE, "no", WHY_CLUSTER),                       \
        IGNORED_MEMORY("cluster-link-sendbuf-limit", NULL, 0, "0", WHY_CLUSTER),                   \
        IGNORED_INTEGER("cluster-migration-barrier", NULL, 0, 0, INT_MAX, "1", WHY_CLUSTER),       \
        IGNORED_INTEGER("cluster-node-timeout", NULL, 0, 0, INT64_MAX, "15000", WHY_CLUSTER),      \
        IGNORED_INTEGER("cluster-port", NULL, IMMUTABLE, 0, 65535, "0", WHY_CLUSTER),              \
        IGNORED_CHOICE("cluster-preferred-endpoint-type", 0, choices_endpoint, "ip", WHY_CLUSTER), \
        IGNORED_BOOL("cluster-replica-no-failover", "cluster-slave-no-failover", 0, "no",          \
                     WHY_CLUSTER),                                                                 \
        IGNORED_INTEGER("cluster-replica-validity-factor", "cluster-slave-validity-factor", 0, 0,  \
                        INT_MAX, "10", WHY_CLUSTER),                                               \
        IGNORED_BOOL("cluster-require-full-coverage", NULL, 0, "yes", WHY_CLUSTER),                \
        IGNORED_BOOL("crash-log-enabled", NULL, 0, "yes", WHY_PROCESS),                            \
        IGNORED_BOOL("crash-memcheck-enabled", NULL, 0, "yes", WHY_PROCESS),                       \
        IGNORED_TEXT("dbfilename", NULL, PROTECTED, "dump.rdb", WHY_SNAPSHOT),                     \
        IGNORED_BOOL("disable-thp", NULL, IMMUTABLE, "yes", WHY_PROCESS),                          \
        IGNORED_BOOL("dynamic-hz", NULL, 0, "yes", WHY_TICK),                                      \
        IGNORED_CHOICE("enable-module-command", IMMUTABLE, choices_protected_action, "no",         \
                       "there are no modules"),                                                    \
        IGNORED_INTEGER("hash-max-listpack-entries", "hash-max-ziplist-entries", 0, 0, INT64_MAX,  \
                        "512", WHY_ENCODING),                                                      \
        IGNORED_MEMORY("hash-max-listpack-value", "hash-max-ziplist-value", 0, "64",               \
                       WHY_ENCODING),                                                              \
        IGNORED_SPECIAL("hz", 0, config_special_hz, "10", WHY_TICK),                               \
        IGNORED_TEXT("ignore-warnings", NULL, 0, "", WHY_PROCESS),                                 \
        IGNORED_INTEGER("io-threads", NULL, IMMUTABLE, 1, 128, "1", WHY_THREADS),                  \
        IGNORED_BOOL("io-threads-do-reads", NULL, IMMUTABLE, "no", WHY_THREADS),                   \
        IGNORED_BOOL("jemalloc-bg-thread", NULL, 0, "yes", WHY_PROCESS),                           \
        IGNORED_INTEGER("key-load-delay", NULL, HIDDEN, INT_MIN, INT_MAX, "0", WHY_SNAPSHOT),      \
        IGNORED_BOOL("lazyfree-lazy-eviction", NULL, 0, "no", WHY_LAZYFREE),                       \
        IGNORED_BOOL("lazyfree-lazy-expire", NULL, 0, "no", WHY_LAZYFREE),                         \
        IGNORED_BOOL("lazyfree-lazy-server-del", NULL, 0, "no", WHY_LAZYFREE),                     \
        IGNORED_BOOL("lazyfree-lazy-user-del", NULL, 0, "no", WHY_LAZYFREE),                       \
        IGNORED_BOOL("lazyfree-lazy-user-flush", NULL, 0, "no", WHY_LAZYFREE),                     \
        IGNORED_INTEGER("lfu-decay-time", NULL, 0, 0, INT_MAX, "1", WHY_EVICTION),                 \
        IGNORED_INTEGER("list-compress-depth", NULL, 0, 0, INT_MAX, "0", WHY_ENCODING),            \
        IGNORED_INTEGER("list-max-listpack-size", "list-max-ziplist-size", 0, INT_MIN, INT_MAX,    \
                        "-2", WHY_ENCODING),                                                       \
        IGNORED_MEMORY("loading-process-events-interval-bytes", NULL, 1024, "2097152",             \
                       WHY_SNAPSHOT),                                                              \
        IGNORED_TEXT("masterauth", NULL, SECRET, "", WHY_REPLICATION),                             \
        IGNORED_TEXT("masteruser", NULL, SECRET, "", WHY_REPLICATION),                             \
        IGNORED_INTEGER("maxmemory-eviction-tenacity", NULL, 0, 0, 100, "10", WHY_EVICTION),       \
        IGNORED_BOOL("no-appendfsync-on-rewrite", NULL, 0, "no", WHY_LOG),                         \
        IGNORED_CHOICE("propagation-error-behavior", 0, choices_propagation, "ignore",             \
                       WHY_REPLICATION),                                                           \
        IGNORED_BOOL("rdb-del-sync-files", NULL, 0, "no", WHY_SNAPSHOT),                           \
        IGNORED_INTEGER("rdb-key-save-delay", NULL, HIDDEN, INT_MIN, INT_MAX, "0", WHY_SNAPSHOT),  \
        IGNORED_BOOL("rdb-save-incremental-fsync", NULL, 0, "yes", WHY_SNAPSHOT),                  \
        IGNORED_BOOL("rdbchecksum", NULL, IMMUTABLE, "yes", WHY_SNAPSHOT),                         \
        IGNORED_MEMORY("repl-backlog-size", NULL, 1, "1mb", WHY_REPLICATION),                      \
        IGNORED_INTEGER("repl-backlog-ttl", NULL, 0, 0, INT64_MAX, "3600", WHY_REPLICATION),       \
        IGNORED_BOOL("repl-disable-tcp-nodelay", NULL, 0, "no", WHY_REPLICATION),                  \
        IGNORED_CHOICE("repl-diskless-load", 0, choices_diskless_load, "disabled",                 \
                       WHY_REPLICATION),                                                           \
        IGNORED_BOOL("repl-diskless-sync", NULL, 0, "yes", WHY_REPLICATION),                       \
        IGNORED_INTEGER("repl-diskless-sync-delay", NULL, 0, 0, INT_MAX, "5", WHY_REPLICATION),    \
        IGNORED_INTEGER("repl-diskless-sync-max-replicas", NULL, 0, 0, INT_MAX, "0",               \
                        WHY_REPLICATION),                                                          \
        IGNORED_INTEGER("repl-ping-replica-period", "repl-ping-slave-period", 0, 1, INT_MAX, "10", \
                        WHY_REPLICATION),                                                          \
        IGNORED_INTEGER("repl-timeout", NULL, 0, 1, INT_MAX, "60", WHY_REPLICATION),               \
        IGNORED_TEXT("replica-announce-ip", "slave-announce-ip", 0, "", WHY_REPLICATION),          \
        IGNORED_INTEGER("replica-announce-port", "slave-announce-port", 0, 0, 65535, "0",          \
                        WHY_REPLICATION),                                                          \
        IGNORED_BOOL("replica-announced", NULL, 0, "yes", WHY_REPLICATION),                        \
        IGNORED_BOOL("replica-ignore-disk-write-errors", NULL, 0, "no", WHY_REPLICATION),          \
        IGNORED_BOOL("replica-ignore-maxmemory", "slave-ignore-maxmemory", 0, "yes",               \
                     WHY_REPLICATION),                                                             \
        IGNORED_BOOL("replica-lazy-flush", "slave-lazy-flush", 0, "no", WHY_REPLICATION),          \
        IGNORED_INTEGER("replica-priority", "slave-priority", 0, 0, INT_MAX, "100",                \
                        WHY_REPLICATION),                                                          \
        IGNORED_BOOL("replica-read-only", "slave-read-only", 0, "yes", WHY_REPLICATION),           \
        IGNORED_BOOL("replica-serve-stale-data", "slave-serve-stale-data", 0, "yes",               \
                     WHY_REPLICATION),                                                             \
        {.name = "replicaof",                                                                      \
         .alias = "slaveof",                                                                       \
         .type = DIRECTIVE_SPECIAL,                                                                \
         .flags = IMMUTABLE | SEVERAL,                                                             \
         .initial = "",                                                                            \
         .normalise = config_special_replicaof,                                                    \
         .help = "Only 'no one': scdb does not replicate yet."},                                   \
        IGNORED_CHOICE("sanitize-dump-payload", 0, choices_sanitize, "no", WHY_SNAPSHOT),          \
        IGNORED_TEXT("server_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),                          \
        IGNORED_INTEGER("set-max-intset-entries", NULL, 0, 0, INT64_MAX, "512", WHY_ENCODING),     \
        IGNORED_SPECIAL("shutdown-on-sigint", SEVERAL, config_special_shutdown, "default",         \
                        WHY_SHUTDOWN),                                                             \
        IGNORED_SPECIAL("shutdown-on-sigterm", SEVERAL, config_special_shutdown, "default",        \
                        WHY_SHUTDOWN),                                                             \
        IGNORED_INTEGER("shutdown-timeout", NULL, 0, 0, INT_MAX, "10", WHY_REPLICATION),           \
        IGNORED_INTEGER("socket-mark-id", NULL, IMMUTABLE, 0, UINT_MAX, "0", WHY_PROCESS),         \
        IGNORED_BOOL("stop-writes-on-bgsave-error", NULL, 0, "yes", WHY_SNAPSHOT),                 \
        IGNORED_MEMORY("stream-node-max-bytes", NULL, 0, "4096", WHY_ENCODING),                    \
        IGNORED_INTEGER("stream-node-max-entries", NULL, 0, 0, INT64_MAX, "100", WHY_ENCODING),    \
        IGNORED_BOOL("syslog-enabled", NULL, IMMUTABLE, "no", "the log goes to 'logfile'"),        \
        IGNORED_CHOICE("syslog-facility", IMMUTABLE, choices_syslog, "local0",                     \
                       "the log goes to 'logfile'"),                                               \
        IGNORED_TEXT("syslog-ident", NULL, IMMUTABLE, "redis", "the log goes to 'logfile'"),       \
        IGNORED_CHOICE("tls-auth-clients", 0, choices_tls_clients, "yes", WHY_TLS),                \
        IGNORED_TEXT("tls-ca-cert-dir", NULL, 0, "", WHY_TLS),                                     \
        IGNORED_TEXT("tls-ca-cert-file", NULL, 0, "", WHY_TLS),                                    \
        IGNORED_TEXT("tls-cert-file", NULL, 0, "", WHY_TLS),                                       \
        IGNORED_TEXT("tls-ciphers", NULL, 0, "", WHY_TLS),                                         \
        IGNORED_TEXT("tls-ciphersuites", NULL, 0, "", WHY_TLS),                                    \
        IGNORED_TEXT("tls-client-cert-file", NULL, 0, "", WHY_TLS),                                \
        IGNORED_TEXT("tls-client-key-file", NULL, 0, "", WHY_TLS),                                 \
        IGNORED_TEXT("tls-client-key-file-pass", NULL, SECRET, "", WHY_TLS),                       \
        IGNORED_BOOL("tls-cluster", NULL, 0, "no", WHY_TLS),                                       \
        IGNORED_TEXT("tls-dh-params-file", NULL, 0, "", WHY_TLS),                                  \
        IGNORED_TEXT("tls-key-file", NULL, 0, "", WHY_TLS),                                        \
        IGNORED_TEXT("tls-key-file-pass", NULL, SECRET, "", WHY_TLS),                              \
        IGNORED_SPECIAL("tls-port", 0, config_special_tls_port, "0", WHY_TLS),                     \
        IGNORED_BOOL("tls-prefer-server-ciphers", NULL, 0, "no", WHY_TLS),                         \
        IGNORED_TEXT("tls-protocols", NULL, 0, "", WHY_TLS),                                       \
        IGNORED_BOOL("tls-replication", NULL, 0, "no", WHY_TLS),                                   \
        IGNORED_INTEGER("tls-session-cache-size", NULL, 0, 0, INT_MAX, "20480", WHY_TLS),          \
        IGNORED_INTEGER("tls-session-cache-timeout", NULL, 0, 0, INT_MAX, "300", WHY_TLS),         \
        IGNORED_BOOL("tls-session-caching", NULL, 0, "yes", WHY_TLS),                              \
        IGNORED_BOOL("use-exit-on-panic", NULL, HIDDEN, "no", WHY_PROCESS),                        \
        IGNORED_INTEGER("watchdog-period", NULL, HIDDEN, 0, INT_MAX, "0", WHY_MONITORING),         \
        IGNORED_INTEGER("zset-max-listpack-entries", "zset-max-ziplist-entries", 0, 0, INT64_MAX,  \
                        "128", WHY_ENCODING),                                                      \
        IGNORED_MEMORY(                                                                            \
            "zset-max-listpack-value", "zset-max-ziplist-value", 0, "64",                          \
            WHY_ENCODING), /* Words of other versions, which Redis 7.0 passes over, or 7.2 has. */ \
        IGNORED_TEXT("list-max-ziplist-entries", NULL, HIDDEN, "", WHY_ENCODING),                  \
        IGNORED_TEXT("list-max-ziplist-value", NULL, HIDDEN, "", WHY_ENCODING),                    \
        IGNORED_TEXT("lua-replicate-commands", NULL, HIDDEN, "", WHY_SCRIPT),                      \
        IGNORED_TEXT("cluster-announce-human-nodename", NULL, HIDDEN, "", WHY_CLUSTER),            \
        IGNORED_TEXT("locale-collate", NULL, HIDDEN, "", WHY_PROCESS),                             \
        IGNORED_INTEGER("set-max-listpack-entries", NULL, HIDDEN, 0, INT64_MAX, "128",             \
                        WHY_ENCODING),                                                             \
        IGNORED_MEMORY("set-max-listpack-value", NULL, HIDDEN, "64", WHY_ENCODING)

#endif
