/*
 * config_shapes.h - shapes of rows of the table of directives, and why some have no meaning here.
 * Private to config_directives.c.
 */
#ifndef SCDB_SERVER_CONFIG_SHAPES_H
#define SCDB_SERVER_CONFIG_SHAPES_H

#include "server/config.h"

#define IMMUTABLE DIRECTIVE_IMMUTABLE
#define PROTECTED DIRECTIVE_PROTECTED
#define IGNORED   DIRECTIVE_IGNORED
#define SECRET    DIRECTIVE_SECRET
#define HIDDEN    DIRECTIVE_HIDDEN
#define SEVERAL   DIRECTIVE_SEVERAL

/* Who may do something that protects the server: enum permission. */
#define PERMISSION(NAME, HELP)                                                                     \
    {                                                                                              \
        .name = NAME, .type = DIRECTIVE_CHOICE, .flags = IMMUTABLE, .high = INT64_MAX,             \
        .initial = "no", .choices = choices_protected_action, .help = HELP                         \
    }

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
#define CHOICE(NAME, CHOICES, INITIAL, HELP)                                                       \
    {                                                                                              \
        .name = NAME, .type = DIRECTIVE_CHOICE, .high = INT64_MAX, .initial = INITIAL,             \
        .choices = CHOICES, .help = HELP                                                           \
    }
#define SPECIAL(NAME, FLAGS, NORMALISE, INITIAL, HELP)                                             \
    {                                                                                              \
        .name = NAME, .type = DIRECTIVE_SPECIAL, .flags = FLAGS, .initial = INITIAL,               \
        .normalise = NORMALISE, .help = HELP                                                       \
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

#endif
