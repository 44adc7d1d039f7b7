/*
 * acl_names.h - the list of commands that rules of users speak of (server/acl_commands.h), made
 * from the table of commands.
 */
#ifndef SCDB_COMMANDS_ACL_NAMES_H
#define SCDB_COMMANDS_ACL_NAMES_H

#include "server/acl_commands.h"
#include "server/command.h"

#include <stdint.h>

/* The list. It is filled at the first call, which comes after table_init() and before other threads
 * run; then it is constant: any thread. A command that is there has the number of its row
 * (table_row_number). */
const struct acl_commands *acl_names(void);

struct acl_absent {
    const char *name; /* NULL: the end */
    uint32_t categories;
};
extern const struct acl_absent acl_absent[];

#endif
