/*
 * acl_commands.h - the commands that rules of users speak of: names, numbers, categories.
 *
 * The server knows commands only by what the commands' layer tells it; this is what it tells for
 * the sake of access control. The list holds the commands that there are, a command and its
 * subcommands by their full names ("config", "config|get"), and behind them those of Redis that
 * aren't there yet: rules may name them as well. Filled once, before threads run; then constant.
 */
#ifndef SCDB_SERVER_ACL_COMMANDS_H
#define SCDB_SERVER_ACL_COMMANDS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACL_COMMANDS_MAX 1024 /* bits that a user has for commands */
#define ACL_NO_COMMAND   SIZE_MAX

struct acl_command {
    const char *name;    /* full, lower case */
    uint32_t categories; /* enum command_category */
    size_t parent;       /* index, or ACL_NO_COMMAND */
    bool has_subcommands;
};

struct acl_commands {
    struct acl_command items[ACL_COMMANDS_MAX]; /* [0 .. count): a command's number is its index */
    size_t count;
};

/* Appends a command; one whose full name is there already is passed over. The parent of a
 * subcommand must be there before it. `name` is borrowed for good. */
void acl_commands_add(struct acl_commands *commands, const char *name, uint32_t categories);

/* The number of the command of that full name in any case, or ACL_NO_COMMAND. */
size_t acl_commands_find(const struct acl_commands *commands, struct slice name);

#endif
