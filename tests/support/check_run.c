/* check_run.c - see check_run.h. */
#include "support/check_run.h"

#include "base/check.h"
#include "check/arguments.h"
#include "check/commands.h"

#include <stdio.h>

#define PATH_SIZE 512

int check_run(const char *command, const char *directory, const char *elsewhere, char *said,
              size_t said_size)
{
    char log[PATH_SIZE];
    char fresh[PATH_SIZE];
    (void)snprintf(log, sizeof(log), "%s/said", elsewhere);
    (void)snprintf(fresh, sizeof(fresh), "%s/new", elsewhere);
    CHECK(freopen(log, "w", stderr) != NULL && freopen(log, "a", stdout) != NULL);
    const struct check_command *row = arguments_find(check_commands, command);
    CHECK(row != NULL);
    int code = row->run(&(struct check_arguments){
        .command = command, .paths = {directory, fresh}, .is_quiet = true});
    (void)fflush(stderr);
    (void)fflush(stdout);
    FILE *file = fopen(log, "r");
    CHECK(file != NULL);
    said[fread(said, 1, said_size - 1, file)] = '\0';
    CHECK(fclose(file) == 0);
    return code;
}
