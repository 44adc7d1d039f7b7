/* help.c - see help.h. */
#include "commands/help.h"

#include "base/check.h"
#include "commands/table.h"

#include <stdio.h>
#include <string.h>

void help_reply(struct call *call, const char *const lines[])
{
    const struct command *parent = call->command->parent;
    CHECK(parent != NULL);
    size_t count = 0;
    while (lines[count] != NULL) {
        count++;
    }
    char name[TABLE_CLIENT_NAME_SIZE_MAX];
    char title[TABLE_CLIENT_NAME_SIZE_MAX + 64];
    (void)snprintf(title, sizeof(title),
                   "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
                   table_client_name(parent, name));
    reply_array(call->reply, count + 3);
    reply_simple(call->reply, title);
    for (size_t i = 0; i < count; i++) {
        reply_simple(call->reply, lines[i]);
    }
    reply_simple(call->reply, "HELP");
    reply_simple(call->reply, "    Prints this help.");
}
