/* check_run.c - see check_run.h. */
#include "support/check_run.h"

#include "base/check.h"
#include "check/arguments.h"
#include "check/commands.h"

#include <stdio.h>

#define PATH_SIZE 512

/* The command in `arguments`, which lacks its paths. */
static int run(struct check_arguments *arguments, const char *directory, const char *elsewhere,
               char *said, size_t said_size)
{
    char log[PATH_SIZE];
    char fresh[PATH_SIZE];
    (void)snprintf(log, sizeof(log), "%s/said", elsewhere);
    (void)snprintf(fresh, sizeof(fresh), "%s/new", elsewhere);
    CHECK(freopen(log, "w", stderr) != NULL && freopen(log, "a", stdout) != NULL);
    arguments->paths[0] = directory;
    arguments->paths[1] = fresh;
    arguments->is_quiet = true;
    const struct check_command *row = arguments_find(check_commands, arguments->command);
    CHECK(row != NULL);
    int code = row->run(arguments);
    (void)fflush(stderr);
    (void)fflush(stdout);
    FILE *file = fopen(log, "r");
    CHECK(file != NULL);
    said[fread(said, 1, said_size - 1, file)] = '\0';
    CHECK(fclose(file) == 0);
    return code;
}

int check_run(const char *command, const char *directory, const char *elsewhere, char *said,
              size_t said_size)
{
    struct check_arguments arguments = {.command = command};
    return run(&arguments, directory, elsewhere, said, said_size);
}

int check_run_older(const char *directory, const char *elsewhere, char *said, size_t said_size)
{
    struct check_arguments arguments = {.command = "repair", .older = true};
    return run(&arguments, directory, elsewhere, said, said_size);
}
