/* acl_commands.c - see acl_commands.h. */
#include "server/acl_commands.h"

#include "base/check.h"

size_t acl_commands_find(const struct acl_commands *commands, struct slice name)
{
    for (size_t i = 0; i < commands->count; i++) {
        if (slice_is_word(name, commands->items[i].name)) {
            return i;
        }
    }
    return ACL_NO_COMMAND;
}

void acl_commands_add(struct acl_commands *commands, const char *name, uint32_t categories)
{
    if (acl_commands_find(commands, slice_of_string(name)) != ACL_NO_COMMAND) {
        return;
    }
    size_t parent = ACL_NO_COMMAND;
    const char *bar = strchr(name, '|');
    if (bar != NULL) {
        parent = acl_commands_find(commands, slice_make(name, (size_t)(bar - name)));
        CHECK(parent != ACL_NO_COMMAND);
        commands->items[parent].has_subcommands = true;
    }
    /* The last bit is that of commands which are yet to come: see acl_selector.h. */
    CHECK(commands->count < ACL_COMMANDS_MAX - 1);
    commands->items[commands->count++] =
        (struct acl_command){.name = name, .categories = categories, .parent = parent};
}
