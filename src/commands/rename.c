/* rename.c - see rename.h. */
#include "commands/rename.h"

#include "commands/acl_names.h"
#include "commands/table.h"

static bool is_known_elsewhere(struct slice name)
{
    for (const struct acl_absent *row = acl_absent; row->name != NULL; row++) {
        if (slice_is_word(name, row->name)) {
            return true;
        }
    }
    return false;
}

static int shown_size(struct slice text)
{
    return slice_print_size_of(text, 100);
}

static enum status rename_command(const struct config_renaming *line, struct error *error)
{
    const char *what = "there is no such command; correct the name or remove the line";
    switch (table_rename(line->from, line->to)) {
    case STATUS_OK:
        return STATUS_OK;
    case STATUS_EXISTS:
        what = "another command has the new name; choose one that is free";
        break;
    default:
        if (is_known_elsewhere(line->from)) {
            return STATUS_OK;
        }
        break;
    }
    return error_set(error, STATUS_INVALID, "%s: 'rename-command %.*s %.*s': %s", line->place,
                     shown_size(line->from), line->from.data, shown_size(line->to), line->to.data,
                     what);
}

enum status rename_commands(const struct config *config, struct error *error)
{
    enum status status = STATUS_OK;
    for (const struct config_renaming *line = config_renamings(config);
         line != NULL && status == STATUS_OK; line = line->next) {
        status = rename_command(line, error);
    }
    return status;
}
