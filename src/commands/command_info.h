/*
 * command_info.h - what COMMAND INFO says of a row: its flags, categories and keys by their names.
 *
 * Pure except for the reply that is written to; any thread.
 */
#ifndef SCDB_COMMANDS_COMMAND_INFO_H
#define SCDB_COMMANDS_COMMAND_INFO_H

#include "base/slice.h"
#include "resp/reply.h"
#include "server/category.h"
#include "server/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All categories of a command: those of its row and those that follow from its flags. */
uint32_t command_info_categories(const struct command *command);

/* The names of all these categories; returns how many. */
size_t command_info_category_names(uint32_t bits, struct slice names[CATEGORY_COUNT]);

/* First key, last key and step as commands had them before there were key specifications, for the
 * clients that know no other; all 0 where that can't be said. */
struct command_key_range {
    int first;
    int last;
    int step;
};
struct command_key_range command_info_key_range(const struct command *command);

/* How many key specifications the row has. */
size_t command_info_key_spec_count(const struct command *command);

/* The names of key flags ("RW", "access" ...) as a set. */
void command_info_reply_key_flags(struct reply *reply, uint32_t flags);

/* The whole entry, its subcommands included. */
void command_info_reply(struct reply *reply, const struct command *command);

#endif
