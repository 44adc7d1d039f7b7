/* acl_names.c - see acl_names.h. */
#include "commands/acl_names.h"

#include "base/check.h"
#include "commands/command_info.h"
#include "commands/table.h"

static struct acl_commands names;

/* Full names of subcommands need a place to stand. */
static char subcommand_names[ACL_COMMANDS_MAX][COMMAND_NAME_SIZE_MAX];

const struct acl_commands *acl_names(void)
{
    if (names.count > 0) {
        return &names;
    }
    for (size_t i = 0; i < table_row_count(); i++) {
        const struct command *row = table_row_at(i);
        const char *name =
            row->parent == NULL ? row->name : table_full_name(row, subcommand_names[i]);
        acl_commands_add(&names, name, command_info_categories(row));
        CHECK(names.count == i + 1);
    }
    for (const struct acl_absent *row = acl_absent; row->name != NULL; row++) {
        acl_commands_add(&names, row->name, row->categories);
    }
    return &names;
}
