/* main.c - scdb-check: looks into a store that nobody has open. */
#include "base/log.h"
#include "check/arguments.h"
#include "check/commands.h"
#include "check/report.h"
#include "engine/fault_guard.h"

/* Lines that the engine would write into a server's log; stdout is for what was asked for. */
static void write_line(enum log_level level, const char *text)
{
    (void)level;
    (void)fprintf(stderr, "scdb-check: %s\n", text);
}

int main(int argc, char **argv)
{
    struct check_arguments arguments;
    struct error error;
    log_set_level(LOG_WARNING_LEVEL);
    log_set_sink(write_line);
    fault_guard_install();
    if (arguments_parse(check_commands, argc, argv, &arguments, &error) != STATUS_OK) {
        (void)fprintf(stderr, "scdb-check: %s\n\n", error.text);
        arguments_print_help(check_commands, NULL, stderr);
        return CHECK_EXIT_USAGE;
    }
    const struct check_command *command =
        arguments.command == NULL ? NULL : arguments_find(check_commands, arguments.command);
    if (arguments.help || command == NULL) {
        arguments_print_help(check_commands, command, stdout);
        return CHECK_EXIT_SOUND;
    }
    return command->run(&arguments);
}
