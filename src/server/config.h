/*
 * config.h - the directives: one table of all that is known, and the values in force.
 *
 * The table (config_directives.c) has one row for each directive: name, type, range, default,
 * whether CONFIG SET may change it, help. The file parser, the command line, CONFIG GET, SET and
 * REWRITE and the tests of scdb.conf are all made from it. Every directive of Redis 7.0 has a row;
 * one without a meaning here is validated, remembered and otherwise ignored.
 *
 * Threads: the values are set up before any thread starts, and changed by config_set_locked under
 * the execution lock. Numbers (config_number, config_bool, config_output_limit) are atomic: any
 * thread reads them without a lock. Texts (config_text) want the lock once threads run.
 */
#ifndef SCDB_SERVER_CONFIG_H
#define SCDB_SERVER_CONFIG_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the table ---------------------------------------------------------------------------- */

/* The directives that code asks for by name. In the table they are the first rows, in this order;
 * those that are only remembered follow. */
enum config_id {
    CONFIG_BIND,
    CONFIG_PORT,
    CONFIG_UNIXSOCKET,
    CONFIG_UNIXSOCKETPERM,
    CONFIG_PROTECTED_MODE,
    CONFIG_REQUIREPASS,
    CONFIG_ACLFILE,
    CONFIG_ACL_PUBSUB_DEFAULT, /* a choice: 1 = all channels */
    CONFIG_ACLLOG_MAX_LEN,
    CONFIG_DIR,
    CONFIG_APPENDFSYNC, /* a choice: its values are those of enum sync_policy */
    CONFIG_SAVE,        /* pairs of seconds and changes; "" = none */
    CONFIG_INDEX_MEMORY_LIMIT,
    CONFIG_MAX_KEYS,
    CONFIG_MAXMEMORY,
    CONFIG_MAXMEMORY_POLICY, /* a choice: its values are those of enum eviction_policy */
    CONFIG_MAXMEMORY_SAMPLES,
    CONFIG_MAXMEMORY_CLIENTS, /* negative: percent of maxmemory */
    CONFIG_LFU_LOG_FACTOR,
    CONFIG_MIN_REPLICAS_TO_WRITE,
    CONFIG_MIN_REPLICAS_MAX_LAG,
    CONFIG_COMPACTION_INTERVAL,
    CONFIG_SCRUB_INTERVAL,
    CONFIG_READ_ONLY,
    CONFIG_COMPACTION_GARBAGE_PERCENTAGE,
    CONFIG_SEGMENT_SIZE,
    CONFIG_DATABASES,
    CONFIG_THREADS,
    CONFIG_MAXCLIENTS,
    CONFIG_TIMEOUT,
    CONFIG_TCP_KEEPALIVE,
    CONFIG_TCP_BACKLOG,
    CONFIG_PROTO_MAX_BULK_LEN,
    CONFIG_HLL_SPARSE_MAX_BYTES,
    CONFIG_RDBCOMPRESSION,
    CONFIG_CLIENT_QUERY_BUFFER_LIMIT,
    CONFIG_CLIENT_OUTPUT_BUFFER_LIMIT,
    CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE,
    CONFIG_NOTIFY_KEYSPACE_EVENTS,
    CONFIG_TRACKING_TABLE_MAX_KEYS,
    CONFIG_DAEMONIZE,
    CONFIG_SUPERVISED,
    CONFIG_PIDFILE,
    CONFIG_LOGLEVEL, /* a choice: its values are those of enum log_level */
    CONFIG_LOGFILE,
    CONFIG_SET_PROC_TITLE,
    CONFIG_PROC_TITLE_TEMPLATE,
    CONFIG_OOM_SCORE_ADJ, /* a choice: enum oom_score_mode */
    CONFIG_OOM_SCORE_ADJ_VALUES,
    CONFIG_SLOWLOG_LOG_SLOWER_THAN,
    CONFIG_SLOWLOG_MAX_LEN,
    CONFIG_LATENCY_MONITOR_THRESHOLD,
    CONFIG_LATENCY_TRACKING,
    CONFIG_LATENCY_PERCENTILES,
    CONFIG_ENABLE_DEBUG_COMMAND,     /* a choice: enum permission */
    CONFIG_ENABLE_PROTECTED_CONFIGS, /* the same */
    CONFIG_REDUNDANT_BLOCKS,         /* accepted: see help */
    CONFIG_POOL_CAPACITY,            /* accepted: see help */
    CONFIG_NAMED_COUNT               /* rows from here on are only remembered */
};

enum oom_score_mode { OOM_SCORE_NO, OOM_SCORE_RELATIVE, OOM_SCORE_ABSOLUTE };

/* enable-debug-command, enable-protected-configs. */
enum permission { PERMISSION_NO, PERMISSION_YES, PERMISSION_LOCAL };

enum directive_type {
    DIRECTIVE_BOOL,    /* yes, no */
    DIRECTIVE_INTEGER, /* decimal */
    DIRECTIVE_OCTAL,
    DIRECTIVE_MEMORY,  /* a number with an optional unit: k, kb, m, mb, g, gb */
    DIRECTIVE_PERCENT, /* memory, or a share such as 5%; kept negative */
    DIRECTIVE_CHOICE,  /* one word of a list */
    DIRECTIVE_TEXT,
    DIRECTIVE_SPECIAL /* text with a syntax of its own, or several arguments */
};

enum directive_flag {
    DIRECTIVE_IMMUTABLE = 1 << 0, /* only in the file or on the command line */
    DIRECTIVE_PROTECTED = 1 << 1, /* only where enable-protected-configs says so */
    DIRECTIVE_IGNORED = 1 << 2,   /* has no meaning here: remembered, logged when set in a file */
    DIRECTIVE_HIDDEN = 1 << 3,    /* not among the matches of a CONFIG GET pattern */
    DIRECTIVE_SEVERAL = 1 << 4,   /* takes several arguments */
    DIRECTIVE_REPEATED = 1 << 5,  /* each line in a file adds to the value (save) */
    DIRECTIVE_SECRET = 1 << 6     /* its value is never logged */
};

struct directive_choice {
    const char *word;
    int64_t value;
};

struct directive {
    const char *name;  /* lowercase */
    const char *alias; /* a second name for the same value, or NULL */
    enum directive_type type;
    uint32_t flags;
    int64_t low; /* range of numbers, both ends included */
    int64_t high;
    const char *initial;                    /* the default, as it would be written in a file */
    const struct directive_choice *choices; /* ends with a NULL word */
    /* Validates a SPECIAL value (arguments joined by a blank) that is to replace or amend `current`
     * and appends its usual form to `text`. Returns NULL, or why not, in words for the client. */
    const char *(*normalise)(struct slice value, struct slice current, struct buffer *text);
    unsigned words_per_line; /* SEVERAL: how CONFIG REWRITE breaks the value up; 0 = one line */
    const char *help;        /* one sentence, our own words */
};

extern const struct directive config_directives[];
extern const size_t config_directive_count;

/* The row of a name or an alias, case-insensitive; NULL = unknown. */
const struct directive *config_find_directive(struct slice name);

/* --- the values --------------------------------------------------------------------------- */

struct config;

/* All defaults. NO_MEMORY: nothing to destroy. */
enum status config_create(struct config **out) MUST_CHECK;
void config_destroy(struct config *config);

bool config_bool(const struct config *config, enum config_id id);

/* Integers, octals, bytes of memory, values of choices. */
int64_t config_number(const struct config *config, enum config_id id);

/* A text, borrowed until the next change: keep no longer than the lock. */
struct slice config_text(const struct config *config, enum config_id id);

/* Value of any row, named or not, as CONFIG GET shows it: appended to `out`. */
enum status config_format(const struct config *config, const struct directive *directive,
                          struct buffer *out) MUST_CHECK;

enum client_class { CLIENT_NORMAL, CLIENT_REPLICA, CLIENT_PUBSUB, CLIENT_CLASS_COUNT };

/* client-output-buffer-limit of a class; 0 = no limit. */
struct config_output_limit {
    uint64_t hard;
    uint64_t soft;
    int64_t soft_seconds;
};
struct config_output_limit config_output_limit(const struct config *config,
                                               enum client_class class);

/* min-replicas-to-write, min-replicas-max-lag: is a write to be refused when no replica is there?
 * None ever is. */
bool config_wants_replicas(const struct config *config);

/* notify-keyspace-events, as enum event_class (event_classes.h). Execution lock held. */
uint32_t config_event_classes_locked(const struct config *config);

/* A line `user NAME rules`, of the file or the command line. What the rules mean is known to
 * acl_user.h. */
struct config_user {
    char *place;               /* owned; "scdb.conf, line 7" */
    bool is_included;          /* the line stands in a file that the main one includes */
    const struct slice *words; /* owned, one allocation with their bytes; [0] is the name */
    size_t count;
    struct config_user *next;
};

/* The first line, then ->next; NULL: there is none. */
const struct config_user *config_users(const struct config *config);

/* A line `rename-command FROM TO`, of the file or the command line. */
struct config_renaming {
    char *place; /* owned; "scdb.conf, line 7" */
    struct slice from;
    struct slice to; /* both point behind the struct; "" = nobody may call it */
    struct config_renaming *next;
};

/* The first line, then ->next; NULL: there is none. They stay until the configuration goes. */
const struct config_renaming *config_renamings(const struct config *config);

/* --- loading, before any thread runs ------------------------------------------------------ */

enum config_start {
    CONFIG_START_RUN,  /* go on */
    CONFIG_START_EXIT, /* --version or --help was answered: exit with 0 */
    CONFIG_START_FAILED
};

/*
 * Reads `scdb-server [FILE | -] [--name value ...]`: the file first, then the rest of the command
 * line, which wins. FAILED: `error` says file, line, what is wrong and what to do.
 */
enum config_start config_load_command_line(struct config *config, int argc, char **argv,
                                           struct error *error) MUST_CHECK;

/* Reads lines of a file's text; `origin` names it in errors. INVALID with a text in `error`. */
enum status config_load_text(struct config *config, const char *origin, struct slice text,
                             struct error *error) MUST_CHECK;

/* Which directives were set and have no meaning here, a log line for each reason. After the log is
 * set up. */
void config_log_ignored(const struct config *config);

/* The directory that `dir` has led to, by its absolute path: from now on CONFIG GET and REWRITE
 * tell this, as in Redis. INVALID: out of memory, as `error` says. */
enum status config_note_directory(struct config *config, const char *path,
                                  struct error *error) MUST_CHECK;

/* The directory (absolute) whose keys are to be imported instead of serving; NULL: none is. */
const char *config_import_directory(const struct config *config);

/* The file that was loaded (absolute), "" = none. */
const char *config_file_path(const struct config *config);

/* --- CONFIG GET, SET, REWRITE (execution lock held) --------------------------------------- */

/* CONFIG GET. */
struct config_query {
    const struct slice *patterns;
    size_t pattern_count;
    bool (*match)(struct slice pattern, struct slice text, bool ignore_case); /* base/glob.h */
    void (*emit)(void *context, struct slice name, struct slice value);
    void *context;
};

/*
 * Calls `emit` once for each directive that a pattern matches; a name without a wildcard also finds
 * hidden ones and is told as the client wrote it, as Redis does. NO_MEMORY: some were not told.
 */
enum status config_get_locked(const struct config *config,
                              const struct config_query *query) MUST_CHECK;

/*
 * Sets name, value, name, value, ...: all or nothing; what is protected only with `may_protected`.
 * INVALID: nothing has changed, and error->text is what Redis answers after "ERR " ("Unknown option
 * or number of arguments for CONFIG SET - 'x'", "CONFIG SET failed (possibly related to argument
 * 'x') - ...").
 */
enum status config_set_locked(struct config *config, const struct slice *pairs, size_t pair_count,
                              bool may_protected, struct error *error) MUST_CHECK;

/*
 * Calls `apply` after config_set_locked has changed the value (not while loading). When it
 * refuses, with words for the client in `error`, all that the CONFIG SET changed is put back and
 * applied again. One hook for each directive.
 */
void config_on_change(struct config *config, enum config_id id,
                      enum status (*apply)(void *context, struct error *error), void *context);

/* Who knows the users that are in force. */
struct config_user_source {
    bool (*is_changed)(void *context); /* since they were loaded from lines `user` */
    /* Appends lines `user NAME rules`, by config_users_append_line(), or nothing when there is
     * nothing to say. */
    enum status (*describe)(void *context, struct buffer *lines);
    void *context;
};

/* Appends a line whose words stand between blanks, so that each is read again as it is: one with
 * quotes or a line end in it, as the pattern of a key may have, is put in quotes. */
enum status config_users_append_line(struct buffer *lines, struct slice line) MUST_CHECK;

/* CONFIG REWRITE asks the source; without one, lines `user` are left as they are. */
void config_set_user_source(struct config *config, const struct config_user_source *source);

/*
 * Writes the values into the file that was loaded, atomically: comments, order and unknown lines
 * stay, lines of changed values are replaced, what differs from the default and has no line yet is
 * appended. INVALID: error->text after "ERR " ("The server is running without a config file",
 * "Rewriting config file: Permission denied"); the file is as it was.
 */
enum status config_rewrite_locked(struct config *config, struct error *error) MUST_CHECK;

/* The same, and every directive is written, also one that has its default. */
enum status config_rewrite_all_locked(struct config *config, struct error *error) MUST_CHECK;

#endif
