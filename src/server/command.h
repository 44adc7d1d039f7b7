/*
 * command.h - all that is known of a command, in one row.
 *
 * Each file in commands/ that has commands ends with a table of these rows (commands/tables.h lists
 * them); the server gets them one by one, from the executor. COMMAND and its subcommands, arity
 * errors, the reference page and the tests of arity are made from the rows: nothing is said twice.
 * Rows are constant; any thread reads them.
 */
#ifndef SCDB_SERVER_COMMAND_H
#define SCDB_SERVER_COMMAND_H

#include "base/slice.h"
#include "resp/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct session;
struct keyspace;
struct command;
struct foreseen;

/* A command with its arguments. Borrowed. */
struct request_words {
    const struct command *command;
    const struct slice *arguments;
    size_t argument_count;
};

/* One call of a command, under the execution lock. All pointers are borrowed for the call. */
struct call {
    struct server *server;
    struct session *session;
    struct keyspace *keyspace;
    struct reply *reply;
    const struct command *command;
    const struct slice *arguments; /* [0] is the name as it was sent */
    size_t argument_count;
};

typedef void command_handler(struct call *call);

/* Redis's command flags, as COMMAND INFO names them. */
enum command_flag {
    COMMAND_WRITE = 1 << 0,
    COMMAND_READONLY = 1 << 1,
    COMMAND_DENYOOM = 1 << 2,
    COMMAND_ADMIN = 1 << 3,
    COMMAND_PUBSUB = 1 << 4,
    COMMAND_NOSCRIPT = 1 << 5,
    COMMAND_BLOCKING = 1 << 6,
    COMMAND_LOADING = 1 << 7,
    COMMAND_STALE = 1 << 8,
    COMMAND_SKIP_MONITOR = 1 << 9,
    COMMAND_SKIP_SLOWLOG = 1 << 10,
    COMMAND_ASKING = 1 << 11,
    COMMAND_FAST = 1 << 12,
    COMMAND_NO_AUTH = 1 << 13,
    COMMAND_MAY_REPLICATE = 1 << 14,
    COMMAND_NO_ASYNC_LOADING = 1 << 15,
    COMMAND_NO_MULTI = 1 << 16,
    COMMAND_MOVABLE_KEYS = 1 << 17,
    COMMAND_ALLOW_BUSY = 1 << 18,
    COMMAND_NO_MANDATORY_KEYS = 1 << 19,
    COMMAND_ONLY_SENTINEL = 1 << 20,
    /* Not Redis's, shown nowhere. NEVER_QUEUED: runs at once even when MULTI is open (EXEC,
     * DISCARD, QUIT ...). RUNS_QUEUE: EXEC, which writes when one of its queue does, and when
     * refused ends the transaction. WHILE_SUBSCRIBED: a RESP2 client that has subscribed to
     * something may send it. SYSTEM: not for applications, which COMMAND DOCS tells. DEBUGGING:
     * only where enable-debug-command allows it. MODULES: nowhere, as in a Redis whose
     * enable-module-command is no. */
    COMMAND_NEVER_QUEUED = 1 << 21,
    COMMAND_RUNS_QUEUE = 1 << 22,
    COMMAND_WHILE_SUBSCRIBED = 1 << 23,
    COMMAND_SYSTEM = 1 << 24,
    /* The same. Looking at a key is no use of it (TTL, OBJECT ...), or is one even for a client
     * that has said NO-TOUCH (TOUCH). */
    COMMAND_NO_TOUCH = 1 << 25,
    COMMAND_TOUCHES = 1 << 26,
    COMMAND_DEBUGGING = 1 << 27,
    COMMAND_MODULES = 1 << 28
};

/* ACL categories, as COMMAND INFO and ACL CAT name them. */
enum command_category {
    CATEGORY_KEYSPACE = 1 << 0,
    CATEGORY_READ = 1 << 1,
    CATEGORY_WRITE = 1 << 2,
    CATEGORY_SET = 1 << 3,
    CATEGORY_SORTEDSET = 1 << 4,
    CATEGORY_LIST = 1 << 5,
    CATEGORY_HASH = 1 << 6,
    CATEGORY_STRING = 1 << 7,
    CATEGORY_BITMAP = 1 << 8,
    CATEGORY_HYPERLOGLOG = 1 << 9,
    CATEGORY_GEO = 1 << 10,
    CATEGORY_STREAM = 1 << 11,
    CATEGORY_PUBSUB = 1 << 12,
    CATEGORY_ADMIN = 1 << 13,
    CATEGORY_FAST = 1 << 14,
    CATEGORY_SLOW = 1 << 15,
    CATEGORY_BLOCKING = 1 << 16,
    CATEGORY_DANGEROUS = 1 << 17,
    CATEGORY_CONNECTION = 1 << 18,
    CATEGORY_TRANSACTION = 1 << 19,
    CATEGORY_SCRIPTING = 1 << 20
};

/* How a command uses a key, as in COMMAND INFO's key specifications. */
enum key_flag {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_NOT_KEY = 1 << 8,
    KEY_INCOMPLETE = 1 << 9,
    KEY_VARIABLE_FLAGS = 1 << 10
};

/* Where keys stand: the first at `begin`, the last at `last` counted from `begin` (negative: from
 * the end of the arguments), each `step`th argument. */
struct key_spec {
    int begin; /* index of the first key; 0 = the row has no such spec */
    int last;
    int step;
    uint32_t flags; /* enum key_flag */
    const char *notes;
};

/* Which arguments are channels to publish to or to subscribe to. */
struct channel_spec {
    unsigned begin;  /* index of the first; 0 = none are */
    unsigned count;  /* 0 = all to the end */
    bool is_pattern; /* PSUBSCRIBE's: patterns of channels */
};

#define COMMAND_KEY_SPECS_MAX 2

struct command {
    const char *name;         /* lowercase; of a subcommand, the part behind the '|' */
    command_handler *handler; /* NULL: it only contains subcommands, or is refused always */
    int arity;                /* with the name; negative: at least -arity */
    uint32_t flags;
    uint32_t
        categories;    /* besides those that follow from the flags (read, write, fast, slow ...) */
    const char *group; /* "string", "generic", "connection", "server", "transactions" ... */
    const char *since;
    const char *deprecated_since; /* NULL: not deprecated */
    const char *replaced_by;      /* what a deprecated command is replaced by, for people */
    const char *summary;          /* one sentence without a period, our own words */
    const char *complexity;
    const char *syntax; /* arguments, as commands/syntax.h parses them for COMMAND DOCS */
    const char *tips;   /* space-separated command tips, NULL = none */
    struct key_spec keys[COMMAND_KEY_SPECS_MAX];
    const char *key_word; /* MIGRATE's: the second specification's keys follow this word, which is
                           * looked for from its `begin` on, counted from the end; NULL = none */
    /* With KEY_VARIABLE_FLAGS: how these arguments make the command use its key. Pure. */
    uint32_t (*key_flags)(const struct slice *arguments, size_t count);
    struct channel_spec channels;
    /* Must the argument be kept from MONITOR and SLOWLOG (a password)? NULL = none. Pure. */
    bool (*hides)(const struct slice *arguments, size_t count, size_t index);
    /* Which value the call will put, where that can be told before it runs; false: it can't, or it
     * is small. NULL = never. */
    bool (*foresees_value)(const struct call *call, struct foreseen *foreseen);
    const struct command *subcommands; /* ends with a row without a name; NULL = none */
    const struct command *parent;      /* of a subcommand; NULL = it is none */
};

#endif
