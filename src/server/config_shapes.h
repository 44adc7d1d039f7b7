/*
 * config_shapes.h - shapes of rows of the table of directives.
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

#endif
