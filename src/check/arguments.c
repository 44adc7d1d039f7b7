/* arguments.c - see arguments.h. */
#include "check/arguments.h"

#include <string.h>

const struct check_command *arguments_find(const struct check_command *commands, const char *name)
{
    for (; commands->name != NULL; commands++) {
        if (strcmp(commands->name, name) == 0) {
            return commands;
        }
    }
    return NULL;
}

/* --- help --------------------------------------------------------------------------------- */

static const char exit_codes[] =
    "Exit codes: 0 all is well; 1 done, but something is damaged or was lost; 2 wrong arguments;\n"
    "3 it could not be done (no store there, a server writes to it, the disk fails, no memory), "
    "or\n"
    "the output could not be written.\n";

static void print_program(const struct check_command *commands, FILE *out)
{
    (void)fputs(
        "scdb-check looks into the directory of a store (scdb-server's `dir`) that no server has "
        "open\nfor writing. It changes nothing in DIR and OLDDIR.\n\n",
        out);
    for (const struct check_command *command = commands; command->name != NULL; command++) {
        (void)fprintf(out, "  scdb-check %s %s\n      %s\n", command->name, command->words,
                      command->summary);
    }
    (void)fputs("\n  --quiet   no progress on stderr\n"
                "  --help    of a command: more about it\n"
                "  --version of this program\n\n",
                out);
    (void)fputs(exit_codes, out);
}

void arguments_print_help(const struct check_command *commands, const struct check_command *command,
                          FILE *out)
{
    if (command == NULL) {
        print_program(commands, out);
        return;
    }
    (void)fprintf(out, "scdb-check %s %s\n\n%s\n%s", command->name, command->words, command->help,
                  exit_codes);
}

/* --- parsing ------------------------------------------------------------------------------ */

/* Does the command know this option? Its options stand between blanks. */
static bool knows(const struct check_command *command, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = command->options; (at = strstr(at, word)) != NULL; at++) {
        if (at[-1] == ' ' && at[size] == ' ') {
            return true;
        }
    }
    return false;
}

static enum status take_option(const struct check_command *command, const char *word,
                               struct check_arguments *arguments, struct error *error)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        arguments->help = true;
    } else if (strcmp(word, "--version") == 0 || strcmp(word, "-v") == 0) {
        arguments->version = true;
    } else if (strcmp(word, "--quiet") == 0) {
        arguments->is_quiet = true;
    } else if (command == NULL || !knows(command, word)) {
        return error_set(error, STATUS_INVALID, "unknown option '%s'", word);
    } else if (strcmp(word, "--older") == 0) {
        arguments->older = true;
    } else if (strcmp(word, "--strays") == 0) {
        arguments->dump.with_strays = true;
    } else {
        arguments->dump.format = strcmp(word, "--resp") == 0 ? DUMP_RESP : DUMP_TEXT;
    }
    return STATUS_OK;
}

enum status arguments_parse(const struct check_command *commands, int argc, char **argv,
                            struct check_arguments *out, struct error *error)
{
    struct check_arguments arguments = {0};
    const struct check_command *command = NULL;
    int path_count = 0;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] == '-') {
            enum status status = take_option(command, word, &arguments, error);
            if (status != STATUS_OK) {
                return status;
            }
        } else if (command == NULL) {
            command = arguments_find(commands, word);
            if (command == NULL) {
                return error_set(error, STATUS_INVALID, "unknown command '%s'", word);
            }
            arguments.command = word;
        } else if (path_count == command->path_count) {
            return error_set(error, STATUS_INVALID, "'%s' is one argument too many", word);
        } else {
            arguments.paths[path_count++] = word;
        }
    }
    bool is_to_run = !arguments.help && !arguments.version;
    if (is_to_run && command == NULL) {
        return error_set(error, STATUS_INVALID, "a command is missing");
    }
    if (is_to_run && path_count < command->path_count) {
        return error_set(error, STATUS_INVALID, "'%s' needs its arguments: %s", command->name,
                         command->words);
    }
    *out = arguments;
    return STATUS_OK;
}
