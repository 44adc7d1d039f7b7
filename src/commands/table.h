/*
 * table.h - finding commands: all rows of all families, by name.
 *
 * Hides the hash table over the rows, which table_init() fills once; nothing is allocated. After
 * that, and after the renaming that a configuration asks for, all is constant: any thread.
 */
#ifndef SCDB_COMMANDS_TABLE_H
#define SCDB_COMMANDS_TABLE_H

#include "base/slice.h"
#include "base/status.h"
#include "server/command.h"

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_NAME_SIZE_MAX 32 /* of a full name ("config|resetstat") with its NUL */

/* Fills the table and CHECKs every row (wrong rows stop the program at start). Call it before
 * anything else here, before other threads run; calling it again does nothing. */
void table_init(void);

/* Clients call the command `to` from now on, and no longer by the name it had; `to` is borrowed for
 * ever, "" takes the command from everybody. What tells about commands goes on to use the name of
 * the row. Subcommands go with their parent. Before other threads run. NOT_FOUND: clients know no
 * command `from`; EXISTS: another command has the name. */
enum status table_rename(struct slice from, struct slice to) MUST_CHECK;

/* The command of that name in any case, NULL when there is none. */
const struct command *table_find(struct slice text);

/* The subcommand of that name in any case, NULL when there is none. */
const struct command *table_find_subcommand(const struct command *parent, struct slice name);

/* The row of a call with these arguments (at least one): a command, or a subcommand of it where it
 * has some and one is named. NULL when there is none. */
const struct command *table_find_call(const struct slice *arguments, size_t count);

/* May the command be called with so many arguments, its name counted? One that only contains
 * subcommands wants the name of one, and so is never what is called. */
static inline bool table_is_arity_right(const struct command *command, size_t count)
{
    return command->arity > 0 ? count == (size_t)command->arity : count >= (size_t)-command->arity;
}

/* The row of a full name ("get", "client|kill") in any case, NULL when there is none. */
const struct command *table_find_full(struct slice name);

/* All commands that clients can call, subcommands not among them: table_at(0 .. table_count()-1),
 * in the order of the families. */
size_t table_count(void);
const struct command *table_at(size_t index);

/* Can clients call the row, which may be a subcommand's, by whatever name? */
bool table_is_callable(const struct command *row);

/* Each row, subcommands included, has a number below table_row_count(), for arrays beside the
 * table (statistics). */
size_t table_row_count(void);
size_t table_row_number(const struct command *command);
const struct command *table_row_at(size_t number);

/* The name by which clients call the command, in capitals, as errors and help have it; cut when it
 * is longer than any that isn't made up. Returns `name`. */
#define TABLE_CLIENT_NAME_SIZE_MAX 129
const char *table_client_name(const struct command *command, char name[TABLE_CLIENT_NAME_SIZE_MAX]);

/* "get", "config|set": the name with its parent's. Returns `name`. */
const char *table_full_name(const struct command *command, char name[COMMAND_NAME_SIZE_MAX]);

#endif
