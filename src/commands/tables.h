/*
 * tables.h - the list of all families of commands.
 *
 * Each file in commands/ that implements a family ends with its table, an array of rows that a row
 * without a name ends. A family is known to the server once its name stands in this list.
 *
 * A command with subcommands (a container) stands in a table of its own, first, so that the rows of
 * its subcommands can say `.parent = &object_commands[0]`.
 */
#ifndef SCDB_COMMANDS_TABLES_H
#define SCDB_COMMANDS_TABLES_H

#include "server/command.h"

/* X(array of rows) */
#define COMMAND_TABLES(X)                                                                          \
    X(command_commands)                                                                            \
    X(string_commands)                                                                             \
    X(string_pair_commands)                                                                        \
    X(string_range_commands)                                                                       \
    X(string_number_commands)                                                                      \
    X(lcs_commands)                                                                                \
    X(bitmap_commands)                                                                             \
    X(bitfield_commands)                                                                           \
    X(hyperloglog_commands)                                                                        \
    X(dump_commands)                                                                               \
    X(migrate_commands)                                                                            \
    X(key_commands)                                                                                \
    X(expire_commands)                                                                             \
    X(scan_commands)                                                                               \
    X(object_commands)                                                                             \
    X(database_commands)                                                                           \
    X(pubsub_commands)                                                                             \
    X(transaction_commands)                                                                        \
    X(connection_commands)                                                                         \
    X(acl_commands)                                                                                \
    X(client_commands)                                                                             \
    X(config_commands)                                                                             \
    X(info_commands)                                                                               \
    X(server_commands)                                                                             \
    X(persistence_commands)                                                                        \
    X(backup_commands)                                                                             \
    X(compact_commands)                                                                            \
    X(replication_commands)                                                                        \
    X(cluster_commands)                                                                            \
    X(memory_commands)                                                                             \
    X(slowlog_commands)                                                                            \
    X(latency_commands)                                                                            \
    X(monitor_commands)                                                                            \
    X(script_commands)                                                                             \
    X(function_commands)                                                                           \
    X(debug_commands)                                                                              \
    X(lolwut_commands)

#define COMMAND_TABLE_EXTERN(rows) extern const struct command rows[];
COMMAND_TABLES(COMMAND_TABLE_EXTERN)
#undef COMMAND_TABLE_EXTERN

#endif
