/* config_directives.c - the table of directives: see config.h. */
#include "base/log.h"
#include "server/config.h"
#include "server/config_special.h"

#include "engine/engine.h"

#include <limits.h>

#define IMMUTABLE DIRECTIVE_IMMUTABLE
#define PROTECTED DIRECTIVE_PROTECTED
#define IGNORED   DIRECTIVE_IGNORED
#define SECRET    DIRECTIVE_SECRET
#define HIDDEN    DIRECTIVE_HIDDEN
#define SEVERAL   DIRECTIVE_SEVERAL

/* Shapes of rows that are only remembered; `why` stands in the place of the help. */
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
#define WHY_EVICTION    "nothing is evicted: the data lies in files"
#define WHY_LAZYFREE    "deleting takes the same short time always, and is never done in bulk"
#define WHY_DEFRAG      "values are not on the heap: there is nothing to defragment"
#define WHY_CLUSTER     "scdb is no member of a cluster"
#define WHY_TLS         "scdb does not speak TLS: put a proxy in front of it"
#define WHY_SCRIPT      "there are no scripts yet"
#define WHY_ENCODING    "values have no in-memory encodings to choose from"
#define WHY_PROCESS     "scdb leaves this to the operating system"
#define WHY_MONITORING  "scdb does not measure this yet"
#define WHY_TRACKING    "there is no client-side caching yet"
#define WHY_ACL         "there is one user, 'default': see requirepass"
#define WHY_TICK        "no work of the server is done by ticks"
#define WHY_THREADS     "the number of workers is 'threads'"
#define WHY_EVENTS      "there are no keyspace events yet"
#define WHY_SHUTDOWN    "a clean stop writes and syncs everything, always"

static const struct directive_choice choices_appendfsync[] = {
    {"everysec", SYNC_EVERYSEC}, {"always", SYNC_ALWAYS}, {"no", SYNC_NO}, {NULL, 0}};
static const struct directive_choice choices_loglevel[] = {{"debug", LOG_DEBUG_LEVEL},
                                                           {"verbose", LOG_VERBOSE_LEVEL},
                                                           {"notice", LOG_NOTICE_LEVEL},
                                                           {"warning", LOG_WARNING_LEVEL},
                                                           {NULL, 0}};
static const struct directive_choice choices_supervised[] = {{"upstart", SUPERVISED_UPSTART},
                                                             {"systemd", SUPERVISED_SYSTEMD},
                                                             {"auto", SUPERVISED_AUTO},
                                                             {"no", SUPERVISED_NO},
                                                             {NULL, 0}};
static const struct directive_choice choices_channels[] = {
    {"allchannels", 1}, {"resetchannels", 0}, {NULL, 0}};
static const struct directive_choice choices_endpoint[] = {
    {"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}, {NULL, 0}};
static const struct directive_choice choices_protected_action[] = {
    {"no", 0}, {"yes", 1}, {"local", 2}, {NULL, 0}};
static const struct directive_choice choices_maxmemory_policy[] = {
    {"volatile-lru", 0},   {"volatile-lfu", 1}, {"volatile-random", 2},
    {"volatile-ttl", 3},   {"allkeys-lru", 4},  {"allkeys-lfu", 5},
    {"allkeys-random", 6}, {"noeviction", 7},   {NULL, 0}};
static const struct directive_choice choices_oom[] = {
    {"no", 0}, {"yes", 1}, {"relative", 1}, {"absolute", 2}, {NULL, 0}};
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

const struct directive config_directives[] = {
    [CONFIG_BIND] = {.name = "bind",
                     .type = DIRECTIVE_SPECIAL,
                     .flags = IMMUTABLE | SEVERAL,
                     .initial = "127.0.0.1 -::1",
                     .normalise = config_special_words,
                     .help = "Addresses to listen on; one with a '-' before it may be missing on "
                             "this machine, '*' and '::*' are all of IPv4 and of IPv6."},
    [CONFIG_PORT] = {.name = "port",
                     .type = DIRECTIVE_INTEGER,
                     .flags = IMMUTABLE,
                     .high = 65535,
                     .initial = "6379",
                     .help = "TCP port to listen on; 0 listens on no TCP port."},
    [CONFIG_UNIXSOCKET] = {.name = "unixsocket",
                           .type = DIRECTIVE_TEXT,
                           .flags = IMMUTABLE,
                           .initial = "",
                           .help = "Path of a Unix socket to listen on; empty for none."},
    [CONFIG_UNIXSOCKETPERM] = {.name = "unixsocketperm",
                               .type = DIRECTIVE_OCTAL,
                               .flags = IMMUTABLE,
                               .high = 0777,
                               .initial = "0",
                               .help = "Permissions of the Unix socket, octal; 0 leaves them to "
                                       "the umask."},
    [CONFIG_PROTECTED_MODE] = {.name = "protected-mode",
                               .type = DIRECTIVE_BOOL,
                               .high = 1,
                               .initial = "yes",
                               .help = "Without a password, serve only clients on this machine."},
    [CONFIG_REQUIREPASS] = {.name = "requirepass",
                            .type = DIRECTIVE_TEXT,
                            .flags = SECRET,
                            .initial = "",
                            .help = "Password of the user 'default'; empty asks for none."},
    [CONFIG_DIR] = {.name = "dir",
                    .type = DIRECTIVE_TEXT,
                    .flags = IMMUTABLE | PROTECTED,
                    .initial = "scdb-data",
                    .help = "Directory of the store, made when missing; relative paths of other "
                            "directives start there."},
    [CONFIG_APPENDFSYNC] = {.name = "appendfsync",
                            .type = DIRECTIVE_CHOICE,
                            .high = INT64_MAX,
                            .initial = "everysec",
                            .choices = choices_appendfsync,
                            .help = "When writes become durable against a power cut: always "
                                    "(before the reply), everysec, no (when the kernel likes)."},
    [CONFIG_INDEX_MEMORY_LIMIT] = {.name = "index-memory-limit",
                                   .type = DIRECTIVE_MEMORY,
                                   .high = INT64_MAX,
                                   .initial = "0",
                                   .help = "Bytes that the index may take; a new key beyond it "
                                           "gets an error; 0 is no limit."},
    [CONFIG_MAX_KEYS] = {.name = "max-keys",
                         .type = DIRECTIVE_INTEGER,
                         .high = INT64_MAX,
                         .initial = "0",
                         .help = "Number of keys, over all databases, beyond which a new one gets "
                                 "an error (an overwrite does not); 0 is no limit."},
    [CONFIG_COMPACTION_INTERVAL] = {.name = "compaction-interval",
                                    .type = DIRECTIVE_INTEGER,
                                    .high = INT_MAX,
                                    .initial = "3600",
                                    .help = "Seconds between compactions that start by "
                                            "themselves when there is garbage; 0 starts none."},
    [CONFIG_SCRUB_INTERVAL] = {.name = "scrub-interval",
                               .type = DIRECTIVE_INTEGER,
                               .high = INT_MAX,
                               .initial = "0",
                               .help = "Seconds between passes that read all sealed segments "
                                       "again and verify them; 0 makes none."},
    [CONFIG_READ_ONLY] = {.name = "read-only",
                          .type = DIRECTIVE_BOOL,
                          .flags = IMMUTABLE,
                          .high = 1,
                          .initial = "no",
                          .help = "Serve the store without changing any of its files."},
    [CONFIG_COMPACTION_GARBAGE_PERCENTAGE] =
        {.name = "compaction-garbage-percentage",
         .type = DIRECTIVE_INTEGER,
         .high = 90,
         .initial = "40",
         .help = "Percent of garbage in the files at which a compaction starts; 0 starts none."},
    [CONFIG_SEGMENT_SIZE] = {.name = "segment-size",
                             .type = DIRECTIVE_MEMORY,
                             .flags = IMMUTABLE,
                             .low = (int64_t)SEGMENT_SIZE_MIN,
                             .high = (int64_t)SEGMENT_SIZE_MAX,
                             .initial = "64mb",
                             .help = "Size of a new store's segment files; fixed when the store "
                                     "is made."},
    [CONFIG_DATABASES] = {.name = "databases",
                          .type = DIRECTIVE_INTEGER,
                          .flags = IMMUTABLE,
                          .low = 1,
                          .high = 1024,
                          .initial = "16",
                          .help = "Number of databases, for SELECT."},
    [CONFIG_THREADS] = {.name = "threads",
                        .type = DIRECTIVE_INTEGER,
                        .flags = IMMUTABLE,
                        .low = 0,
                        .high = 64,
                        .initial = "0",
                        .help = "Worker threads; 0 takes one fewer than there are processors, 1 to "
                                "4."},
    [CONFIG_MAXCLIENTS] = {.name = "maxclients",
                           .type = DIRECTIVE_INTEGER,
                           .low = 1,
                           .high = UINT_MAX,
                           .initial = "10000",
                           .help = "Clients at the same time; one more gets an error."},
    [CONFIG_TIMEOUT] = {.name = "timeout",
                        .type = DIRECTIVE_INTEGER,
                        .high = INT_MAX,
                        .initial = "0",
                        .help = "Seconds after which an idle client is closed; 0 never does."},
    [CONFIG_TCP_KEEPALIVE] = {.name = "tcp-keepalive",
                              .type = DIRECTIVE_INTEGER,
                              .high = INT_MAX,
                              .initial = "300",
                              .help = "Seconds of silence after which TCP asks whether a client "
                                      "is still there; 0 never asks."},
    [CONFIG_TCP_BACKLOG] = {.name = "tcp-backlog",
                            .type = DIRECTIVE_INTEGER,
                            .flags = IMMUTABLE,
                            .high = INT_MAX,
                            .initial = "511",
                            .help = "Connections that may wait to be accepted."},
    [CONFIG_PROTO_MAX_BULK_LEN] = {.name = "proto-max-bulk-len",
                                   .type = DIRECTIVE_MEMORY,
                                   .low = 1024 * 1024,
                                   .high = INT64_MAX,
                                   .initial = "512mb",
                                   .help = "Size of the largest argument, and so of a value."},
    [CONFIG_CLIENT_QUERY_BUFFER_LIMIT] = {.name = "client-query-buffer-limit",
                                          .type = DIRECTIVE_MEMORY,
                                          .low = 1024 * 1024,
                                          .high = INT64_MAX,
                                          .initial = "1gb",
                                          .help = "Bytes of one client's requests not yet "
                                                  "executed, beyond which it is closed."},
    [CONFIG_CLIENT_OUTPUT_BUFFER_LIMIT] =
        {.name = "client-output-buffer-limit",
         .type = DIRECTIVE_SPECIAL,
         .flags = SEVERAL,
         .initial = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
         .normalise = config_special_output_limits,
         .words_per_line = 4,
         .help = "For a class of clients: bytes of unsent replies beyond which one is closed at "
                 "once, bytes beyond which it is closed after so many seconds; 0 is no limit."},
    [CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE] = {.name = "client-output-buffer-pause",
                                           .type = DIRECTIVE_MEMORY,
                                           .low = 64 * 1024,
                                           .high = INT64_MAX,
                                           .initial = "64mb",
                                           .help = "Bytes of a client's unsent replies beyond "
                                                   "which its requests wait until it has read."},
    [CONFIG_DAEMONIZE] = {.name = "daemonize",
                          .type = DIRECTIVE_BOOL,
                          .flags = IMMUTABLE,
                          .high = 1,
                          .initial = "no",
                          .help = "Run in the background."},
    [CONFIG_SUPERVISED] = {.name = "supervised",
                           .type = DIRECTIVE_CHOICE,
                           .flags = IMMUTABLE,
                           .high = INT64_MAX,
                           .initial = "no",
                           .choices = choices_supervised,
                           .help = "Tell systemd (or upstart) when the server is ready; auto looks "
                                   "at NOTIFY_SOCKET and UPSTART_JOB."},
    [CONFIG_PIDFILE] = {.name = "pidfile",
                        .type = DIRECTIVE_TEXT,
                        .flags = IMMUTABLE,
                        .initial = "",
                        .help = "File with the number of the process, removed at a clean stop; "
                                "empty for none."},
    [CONFIG_LOGLEVEL] = {.name = "loglevel",
                         .type = DIRECTIVE_CHOICE,
                         .high = INT64_MAX,
                         .initial = "notice",
                         .choices = choices_loglevel,
                         .help = "The least important lines of the log: debug, verbose, notice, "
                                 "warning."},
    [CONFIG_LOGFILE] = {.name = "logfile",
                        .type = DIRECTIVE_TEXT,
                        .flags = IMMUTABLE,
                        .initial = "",
                        .help = "File to append the log to; empty for the standard output."},
    [CONFIG_REDUNDANT_BLOCKS] = IGNORED_INTEGER("redundant-blocks", NULL, 0, 0, INT64_MAX, "0",
                                                "the index grows by itself"),
    [CONFIG_POOL_CAPACITY] =
        IGNORED_MEMORY("pool-capacity", NULL, 0, "0", "the system's page cache is the pool"),

    IGNORED_CHOICE("acl-pubsub-default", 0, choices_channels, "resetchannels", WHY_ACL),
    IGNORED_INTEGER("acllog-max-len", NULL, 0, 0, INT64_MAX, "128", WHY_ACL),
    IGNORED_INTEGER("active-defrag-cycle-max", NULL, 0, 1, 99, "25", WHY_DEFRAG),
    IGNORED_INTEGER("active-defrag-cycle-min", NULL, 0, 1, 99, "1", WHY_DEFRAG),
    IGNORED_MEMORY("active-defrag-ignore-bytes", NULL, 1, "100mb", WHY_DEFRAG),
    IGNORED_INTEGER("active-defrag-max-scan-fields", NULL, 0, 1, INT64_MAX, "1000", WHY_DEFRAG),
    IGNORED_INTEGER("active-defrag-threshold-lower", NULL, 0, 0, 1000, "10", WHY_DEFRAG),
    IGNORED_INTEGER("active-defrag-threshold-upper", NULL, 0, 0, 1000, "100", WHY_DEFRAG),
    IGNORED_INTEGER("active-expire-effort", NULL, 0, 1, 10, "1", WHY_TICK),
    IGNORED_BOOL("activedefrag", NULL, 0, "no", WHY_DEFRAG),
    IGNORED_BOOL("activerehashing", NULL, 0, "yes", WHY_TICK),
    IGNORED_BOOL("always-show-logo", NULL, IMMUTABLE, "no", "scdb has no logo"),
    IGNORED_BOOL("aof-disable-auto-gc", NULL, 0, "no", WHY_LOG),
    IGNORED_BOOL("aof-load-truncated", NULL, 0, "yes", WHY_LOG),
    IGNORED_BOOL("aof-rewrite-incremental-fsync", NULL, 0, "yes", WHY_LOG),
    IGNORED_BOOL("aof-timestamp-enabled", NULL, 0, "no", WHY_LOG),
    IGNORED_BOOL("aof-use-rdb-preamble", NULL, 0, "yes", WHY_LOG),
    IGNORED_TEXT("aof_rewrite_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),
    IGNORED_TEXT("appenddirname", NULL, IMMUTABLE, "appendonlydir", WHY_LOG),
    IGNORED_TEXT("appendfilename", NULL, IMMUTABLE, "appendonly.aof", WHY_LOG),
    IGNORED_BOOL("appendonly", NULL, 0, "yes", WHY_LOG),
    IGNORED_MEMORY("auto-aof-rewrite-min-size", NULL, 0, "64mb", WHY_LOG),
    IGNORED_INTEGER("auto-aof-rewrite-percentage", NULL, 0, 0, INT_MAX, "100", WHY_LOG),
    IGNORED_TEXT("bgsave_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),
    IGNORED_TEXT("bind-source-addr", NULL, 0, "", WHY_REPLICATION),
    IGNORED_TEXT("bio_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),
    IGNORED_INTEGER("busy-reply-threshold", "lua-time-limit", 0, 0, INT64_MAX, "5000", WHY_SCRIPT),
    IGNORED_BOOL("cluster-allow-pubsubshard-when-down", NULL, 0, "yes", WHY_CLUSTER),
    IGNORED_BOOL("cluster-allow-reads-when-down", NULL, 0, "no", WHY_CLUSTER),
    IGNORED_BOOL("cluster-allow-replica-migration", NULL, 0, "yes", WHY_CLUSTER),
    IGNORED_INTEGER("cluster-announce-bus-port", NULL, 0, 0, 65535, "0", WHY_CLUSTER),
    IGNORED_SPECIAL("cluster-announce-hostname", 0, config_special_hostname, "", WHY_CLUSTER),
    IGNORED_TEXT("cluster-announce-ip", NULL, 0, "", WHY_CLUSTER),
    IGNORED_INTEGER("cluster-announce-port", NULL, 0, 0, 65535, "0", WHY_CLUSTER),
    IGNORED_INTEGER("cluster-announce-tls-port", NULL, 0, 0, 65535, "0", WHY_CLUSTER),
    IGNORED_TEXT("cluster-config-file", NULL, IMMUTABLE, "nodes.conf", WHY_CLUSTER),
    IGNORED_BOOL("cluster-enabled", NULL, IMMUTABLE, "no", WHY_CLUSTER),
    IGNORED_MEMORY("cluster-link-sendbuf-limit", NULL, 0, "0", WHY_CLUSTER),
    IGNORED_INTEGER("cluster-migration-barrier", NULL, 0, 0, INT_MAX, "1", WHY_CLUSTER),
    IGNORED_INTEGER("cluster-node-timeout", NULL, 0, 0, INT64_MAX, "15000", WHY_CLUSTER),
    IGNORED_INTEGER("cluster-port", NULL, IMMUTABLE, 0, 65535, "0", WHY_CLUSTER),
    IGNORED_CHOICE("cluster-preferred-endpoint-type", 0, choices_endpoint, "ip", WHY_CLUSTER),
    IGNORED_BOOL("cluster-replica-no-failover", "cluster-slave-no-failover", 0, "no", WHY_CLUSTER),
    IGNORED_INTEGER("cluster-replica-validity-factor", "cluster-slave-validity-factor", 0, 0,
                    INT_MAX, "10", WHY_CLUSTER),
    IGNORED_BOOL("cluster-require-full-coverage", NULL, 0, "yes", WHY_CLUSTER),
    IGNORED_BOOL("crash-log-enabled", NULL, 0, "yes", WHY_PROCESS),
    IGNORED_BOOL("crash-memcheck-enabled", NULL, 0, "yes", WHY_PROCESS),
    IGNORED_TEXT("dbfilename", NULL, PROTECTED, "dump.rdb", WHY_SNAPSHOT),
    IGNORED_BOOL("disable-thp", NULL, IMMUTABLE, "yes", WHY_PROCESS),
    IGNORED_BOOL("dynamic-hz", NULL, 0, "yes", WHY_TICK),
    IGNORED_CHOICE("enable-debug-command", IMMUTABLE, choices_protected_action, "no",
                   "there is no DEBUG command"),
    IGNORED_CHOICE("enable-module-command", IMMUTABLE, choices_protected_action, "no",
                   "there are no modules"),
    IGNORED_CHOICE("enable-protected-configs", IMMUTABLE, choices_protected_action, "no",
                   "protected directives stay so"),
    IGNORED_INTEGER("hash-max-listpack-entries", "hash-max-ziplist-entries", 0, 0, INT64_MAX, "512",
                    WHY_ENCODING),
    IGNORED_MEMORY("hash-max-listpack-value", "hash-max-ziplist-value", 0, "64", WHY_ENCODING),
    IGNORED_MEMORY("hll-sparse-max-bytes", NULL, 0, "3000", WHY_ENCODING),
    IGNORED_SPECIAL("hz", 0, config_special_hz, "10", WHY_TICK),
    IGNORED_TEXT("ignore-warnings", NULL, 0, "", WHY_PROCESS),
    IGNORED_INTEGER("io-threads", NULL, IMMUTABLE, 1, 128, "1", WHY_THREADS),
    IGNORED_BOOL("io-threads-do-reads", NULL, IMMUTABLE, "no", WHY_THREADS),
    IGNORED_BOOL("jemalloc-bg-thread", NULL, 0, "yes", WHY_PROCESS),
    IGNORED_INTEGER("key-load-delay", NULL, HIDDEN, INT_MIN, INT_MAX, "0", WHY_SNAPSHOT),
    IGNORED_INTEGER("latency-monitor-threshold", NULL, 0, 0, INT64_MAX, "0", WHY_MONITORING),
    IGNORED_BOOL("latency-tracking", NULL, 0, "yes", WHY_MONITORING),
    IGNORED_SPECIAL("latency-tracking-info-percentiles", SEVERAL, config_special_percentiles,
                    "50 99 99.9", WHY_MONITORING),
    IGNORED_BOOL("lazyfree-lazy-eviction", NULL, 0, "no", WHY_LAZYFREE),
    IGNORED_BOOL("lazyfree-lazy-expire", NULL, 0, "no", WHY_LAZYFREE),
    IGNORED_BOOL("lazyfree-lazy-server-del", NULL, 0, "no", WHY_LAZYFREE),
    IGNORED_BOOL("lazyfree-lazy-user-del", NULL, 0, "no", WHY_LAZYFREE),
    IGNORED_BOOL("lazyfree-lazy-user-flush", NULL, 0, "no", WHY_LAZYFREE),
    IGNORED_INTEGER("lfu-decay-time", NULL, 0, 0, INT_MAX, "1", WHY_EVICTION),
    IGNORED_INTEGER("lfu-log-factor", NULL, 0, 0, INT_MAX, "10", WHY_EVICTION),
    IGNORED_INTEGER("list-compress-depth", NULL, 0, 0, INT_MAX, "0", WHY_ENCODING),
    IGNORED_INTEGER("list-max-listpack-size", "list-max-ziplist-size", 0, INT_MIN, INT_MAX, "-2",
                    WHY_ENCODING),
    IGNORED_MEMORY("loading-process-events-interval-bytes", NULL, 1024, "2097152", WHY_SNAPSHOT),
    IGNORED_TEXT("masterauth", NULL, SECRET, "", WHY_REPLICATION),
    IGNORED_TEXT("masteruser", NULL, SECRET, "", WHY_REPLICATION),
    IGNORED_MEMORY("maxmemory", NULL, 0, "0", "memory holds no data: see index-memory-limit"),
    {.name = "maxmemory-clients",
     .type = DIRECTIVE_PERCENT,
     .flags = IGNORED,
     .low = -100,
     .high = INT64_MAX,
     .initial = "0",
     .help = "each client's buffers have limits of their own"},
    IGNORED_INTEGER("maxmemory-eviction-tenacity", NULL, 0, 0, 100, "10", WHY_EVICTION),
    IGNORED_CHOICE("maxmemory-policy", 0, choices_maxmemory_policy, "noeviction", WHY_EVICTION),
    IGNORED_INTEGER("maxmemory-samples", NULL, 0, 1, INT_MAX, "5", WHY_EVICTION),
    IGNORED_INTEGER("min-replicas-max-lag", "min-slaves-max-lag", 0, 0, INT_MAX, "10",
                    WHY_REPLICATION),
    IGNORED_INTEGER("min-replicas-to-write", "min-slaves-to-write", 0, 0, INT_MAX, "0",
                    WHY_REPLICATION),
    IGNORED_BOOL("no-appendfsync-on-rewrite", NULL, 0, "no", WHY_LOG),
    IGNORED_SPECIAL("notify-keyspace-events", 0, config_special_events, "", WHY_EVENTS),
    IGNORED_CHOICE("oom-score-adj", 0, choices_oom, "no", WHY_PROCESS),
    IGNORED_SPECIAL("oom-score-adj-values", SEVERAL, config_special_oom_values, "0 200 800",
                    WHY_PROCESS),
    IGNORED_TEXT("proc-title-template", NULL, 0, "{title} {listen-addr} {server-mode}",
                 WHY_PROCESS),
    IGNORED_CHOICE("propagation-error-behavior", 0, choices_propagation, "ignore", WHY_REPLICATION),
    IGNORED_BOOL("rdb-del-sync-files", NULL, 0, "no", WHY_SNAPSHOT),
    IGNORED_INTEGER("rdb-key-save-delay", NULL, HIDDEN, INT_MIN, INT_MAX, "0", WHY_SNAPSHOT),
    IGNORED_BOOL("rdb-save-incremental-fsync", NULL, 0, "yes", WHY_SNAPSHOT),
    IGNORED_BOOL("rdbchecksum", NULL, IMMUTABLE, "yes", WHY_SNAPSHOT),
    IGNORED_BOOL("rdbcompression", NULL, 0, "yes", WHY_SNAPSHOT),
    IGNORED_MEMORY("repl-backlog-size", NULL, 1, "1mb", WHY_REPLICATION),
    IGNORED_INTEGER("repl-backlog-ttl", NULL, 0, 0, INT64_MAX, "3600", WHY_REPLICATION),
    IGNORED_BOOL("repl-disable-tcp-nodelay", NULL, 0, "no", WHY_REPLICATION),
    IGNORED_CHOICE("repl-diskless-load", 0, choices_diskless_load, "disabled", WHY_REPLICATION),
    IGNORED_BOOL("repl-diskless-sync", NULL, 0, "yes", WHY_REPLICATION),
    IGNORED_INTEGER("repl-diskless-sync-delay", NULL, 0, 0, INT_MAX, "5", WHY_REPLICATION),
    IGNORED_INTEGER("repl-diskless-sync-max-replicas", NULL, 0, 0, INT_MAX, "0", WHY_REPLICATION),
    IGNORED_INTEGER("repl-ping-replica-period", "repl-ping-slave-period", 0, 1, INT_MAX, "10",
                    WHY_REPLICATION),
    IGNORED_INTEGER("repl-timeout", NULL, 0, 1, INT_MAX, "60", WHY_REPLICATION),
    IGNORED_TEXT("replica-announce-ip", "slave-announce-ip", 0, "", WHY_REPLICATION),
    IGNORED_INTEGER("replica-announce-port", "slave-announce-port", 0, 0, 65535, "0",
                    WHY_REPLICATION),
    IGNORED_BOOL("replica-announced", NULL, 0, "yes", WHY_REPLICATION),
    IGNORED_BOOL("replica-ignore-disk-write-errors", NULL, 0, "no", WHY_REPLICATION),
    IGNORED_BOOL("replica-ignore-maxmemory", "slave-ignore-maxmemory", 0, "yes", WHY_REPLICATION),
    IGNORED_BOOL("replica-lazy-flush", "slave-lazy-flush", 0, "no", WHY_REPLICATION),
    IGNORED_INTEGER("replica-priority", "slave-priority", 0, 0, INT_MAX, "100", WHY_REPLICATION),
    IGNORED_BOOL("replica-read-only", "slave-read-only", 0, "yes", WHY_REPLICATION),
    IGNORED_BOOL("replica-serve-stale-data", "slave-serve-stale-data", 0, "yes", WHY_REPLICATION),
    {.name = "replicaof",
     .alias = "slaveof",
     .type = DIRECTIVE_SPECIAL,
     .flags = IMMUTABLE | SEVERAL,
     .initial = "",
     .normalise = config_special_replicaof,
     .help = "Only 'no one': scdb does not replicate yet."},
    IGNORED_CHOICE("sanitize-dump-payload", 0, choices_sanitize, "no", WHY_SNAPSHOT),
    {.name = "save",
     .type = DIRECTIVE_SPECIAL,
     .flags = IGNORED | SEVERAL | DIRECTIVE_REPEATED,
     .initial = "",
     .normalise = config_special_save,
     .words_per_line = 2,
     .help = WHY_SNAPSHOT},
    IGNORED_TEXT("server_cpulist", NULL, IMMUTABLE, "", WHY_PROCESS),
    IGNORED_INTEGER("set-max-intset-entries", NULL, 0, 0, INT64_MAX, "512", WHY_ENCODING),
    IGNORED_BOOL("set-proc-title", NULL, IMMUTABLE, "yes", WHY_PROCESS),
    IGNORED_SPECIAL("shutdown-on-sigint", SEVERAL, config_special_shutdown, "default",
                    WHY_SHUTDOWN),
    IGNORED_SPECIAL("shutdown-on-sigterm", SEVERAL, config_special_shutdown, "default",
                    WHY_SHUTDOWN),
    IGNORED_INTEGER("shutdown-timeout", NULL, 0, 0, INT_MAX, "10", WHY_REPLICATION),
    IGNORED_INTEGER("slowlog-log-slower-than", NULL, 0, -1, INT64_MAX, "10000", WHY_MONITORING),
    IGNORED_INTEGER("slowlog-max-len", NULL, 0, 0, INT64_MAX, "128", WHY_MONITORING),
    IGNORED_INTEGER("socket-mark-id", NULL, IMMUTABLE, 0, UINT_MAX, "0", WHY_PROCESS),
    IGNORED_BOOL("stop-writes-on-bgsave-error", NULL, 0, "yes", WHY_SNAPSHOT),
    IGNORED_MEMORY("stream-node-max-bytes", NULL, 0, "4096", WHY_ENCODING),
    IGNORED_INTEGER("stream-node-max-entries", NULL, 0, 0, INT64_MAX, "100", WHY_ENCODING),
    IGNORED_BOOL("syslog-enabled", NULL, IMMUTABLE, "no", "the log goes to 'logfile'"),
    IGNORED_CHOICE("syslog-facility", IMMUTABLE, choices_syslog, "local0",
                   "the log goes to 'logfile'"),
    IGNORED_TEXT("syslog-ident", NULL, IMMUTABLE, "redis", "the log goes to 'logfile'"),
    IGNORED_CHOICE("tls-auth-clients", 0, choices_tls_clients, "yes", WHY_TLS),
    IGNORED_TEXT("tls-ca-cert-dir", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-ca-cert-file", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-cert-file", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-ciphers", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-ciphersuites", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-client-cert-file", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-client-key-file", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-client-key-file-pass", NULL, SECRET, "", WHY_TLS),
    IGNORED_BOOL("tls-cluster", NULL, 0, "no", WHY_TLS),
    IGNORED_TEXT("tls-dh-params-file", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-key-file", NULL, 0, "", WHY_TLS),
    IGNORED_TEXT("tls-key-file-pass", NULL, SECRET, "", WHY_TLS),
    IGNORED_INTEGER("tls-port", NULL, 0, 0, 65535, "0", WHY_TLS),
    IGNORED_BOOL("tls-prefer-server-ciphers", NULL, 0, "no", WHY_TLS),
    IGNORED_TEXT("tls-protocols", NULL, 0, "", WHY_TLS),
    IGNORED_BOOL("tls-replication", NULL, 0, "no", WHY_TLS),
    IGNORED_INTEGER("tls-session-cache-size", NULL, 0, 0, INT_MAX, "20480", WHY_TLS),
    IGNORED_INTEGER("tls-session-cache-timeout", NULL, 0, 0, INT_MAX, "300", WHY_TLS),
    IGNORED_BOOL("tls-session-caching", NULL, 0, "yes", WHY_TLS),
    IGNORED_INTEGER("tracking-table-max-keys", NULL, 0, 0, INT64_MAX, "1000000", WHY_TRACKING),
    IGNORED_BOOL("use-exit-on-panic", NULL, HIDDEN, "no", WHY_PROCESS),
    IGNORED_INTEGER("watchdog-period", NULL, HIDDEN, 0, INT_MAX, "0", WHY_MONITORING),
    IGNORED_INTEGER("zset-max-listpack-entries", "zset-max-ziplist-entries", 0, 0, INT64_MAX, "128",
                    WHY_ENCODING),
    IGNORED_MEMORY("zset-max-listpack-value", "zset-max-ziplist-value", 0, "64", WHY_ENCODING),

    /* Words of older configuration files, which Redis 7 also passes over. */
    IGNORED_TEXT("list-max-ziplist-entries", NULL, HIDDEN, "", WHY_ENCODING),
    IGNORED_TEXT("list-max-ziplist-value", NULL, HIDDEN, "", WHY_ENCODING),
    IGNORED_TEXT("lua-replicate-commands", NULL, HIDDEN, "", WHY_SCRIPT),
};

const size_t config_directive_count = sizeof(config_directives) / sizeof(config_directives[0]);
