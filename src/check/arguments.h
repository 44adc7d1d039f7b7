/*
 * arguments.h - the command line of scdb-check, and its help texts. Pure functions.
 */
#ifndef SCDB_CHECK_ARGUMENTS_H
#define SCDB_CHECK_ARGUMENTS_H

#include "check/dump.h"

#include <stdbool.h>
#include <stdio.h>

#define CHECK_PATHS_MAX 2

struct check_arguments {
    const char *command;                /* borrowed from argv, as the paths are */
    const char *paths[CHECK_PATHS_MAX]; /* as many as the command takes */
    bool help;
    bool version;
    bool is_quiet;
    bool older;
    struct dump_options dump;
};

/* What is known of one command. */
struct check_command {
    const char *name;
    int path_count;
    const char *words;   /* of its arguments: "DIR NEWDIR" */
    const char *options; /* it knows, each with a blank before and behind: " --older " */
    const char *summary;
    const char *help;
    int (*run)(const struct check_arguments *arguments);
};

/*
 * Takes argv apart. INVALID: `error` says what is wrong with it. The commands end with one without
 * a name.
 */
enum status arguments_parse(const struct check_command *commands, int argc, char **argv,
                            struct check_arguments *out, struct error *error) MUST_CHECK;

/* The command of that name, NULL if there is none. */
const struct check_command *arguments_find(const struct check_command *commands, const char *name);

/* The help of one command, or (NULL) of the program. */
void arguments_print_help(const struct check_command *commands, const struct check_command *command,
                          FILE *out);

#endif
