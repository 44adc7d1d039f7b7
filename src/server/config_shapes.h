/*
 * config_shapes.h - shapes of rows of the table of directives. Private to config_directives.c.
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

#endif
