/* main.c - scdb-check: looks into a store that no server writes to. */
#include "base/log.h"
#include "base/version.h"
#include "check/arguments.h"
#include "check/commands.h"
#include "check/report.h"
#include "engine/fault_guard.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/* Lines that the engine would write into a server's log; stdout is for what was asked for. */
static void write_line(enum log_level level, const char *text)
{
    (void)level;
    (void)fprintf(stderr, "scdb-check: %s\n", text);
}

/* Output that is not whole is a failure, also where all else went well. */
static int close_output(int result)
{
    bool had_failed = ferror(stdout) != 0;
    errno = 0;
    bool is_closed = fclose(stdout) == 0;
    if (is_closed && !had_failed) {
        return result;
    }
    (void)fprintf(stderr,
                  "scdb-check: can't write to the standard output: %s; what it has got is not "
                  "all: run this again with the output where there is room\n",
                  is_closed ? "a write has failed" : strerror(errno));
    return CHECK_EXIT_FAILED;
}

/* Each segment is a file that stays open. What lacks then, the opening of the store tells. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A file that may not grow is an error, as a full disk is, and not this program's end. */
static void ignore_file_limit(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGXFSZ, &action, NULL);
}

int main(int argc, char **argv)
{
    struct check_arguments arguments;
    struct error error;
    log_set_level(LOG_WARNING_LEVEL);
    log_set_sink(write_line);
    fault_guard_install();
    raise_file_limit();
    ignore_file_limit();
    if (arguments_parse(check_commands, argc, argv, &arguments, &error) != STATUS_OK) {
        (void)fprintf(stderr, "scdb-check: %s\n\n", error.text);
        arguments_print_help(check_commands, NULL, stderr);
        return CHECK_EXIT_USAGE;
    }
    if (arguments.version) {
        (void)printf("scdb-check v=%s\n", SCDB_VERSION);
        return close_output(CHECK_EXIT_SOUND);
    }
    const struct check_command *command =
        arguments.command == NULL ? NULL : arguments_find(check_commands, arguments.command);
    if (arguments.help || command == NULL) {
        arguments_print_help(check_commands, command, stdout);
        return close_output(CHECK_EXIT_SOUND);
    }
    return close_output(command->run(&arguments));
}
