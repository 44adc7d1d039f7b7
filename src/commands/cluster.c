/*
 * cluster.c - CLUSTER and its kin, as a server that is no part of a cluster answers them.
 *
 * Clients ask to find out: the rows are all there, so that a wrong number of arguments is told from
 * a cluster that is not there, as in Redis.
 */
#include "commands/tables.h"

static void refuse(struct call *call)
{
    reply_error(call->reply, "ERR This instance has cluster support disabled");
}

#define CHANGE (COMMAND_ADMIN | COMMAND_STALE | COMMAND_NO_ASYNC_LOADING)

/* What all subcommands have in common. */
#define ROW(row_name, row_arity, row_flags, row_since, row_complexity)                             \
    .name = (row_name), .handler = refuse, .arity = (row_arity), .flags = (row_flags),             \
    .group = "cluster", .since = (row_since), .complexity = (row_complexity),                      \
    .summary = "Refused: this server is no part of a cluster", .parent = &cluster_commands[0]

static const struct command cluster_subcommands[] = {
    {ROW("info", 2, COMMAND_STALE, "3.0.0", "O(1)"), .tips = "nondeterministic_output"},
    {ROW("nodes", 2, COMMAND_STALE, "3.0.0", "O(N) where N is the number of nodes"),
     .tips = "nondeterministic_output"},
    {ROW("myid", 2, COMMAND_STALE, "3.0.0", "O(1)")},
    {ROW("slots", 2, COMMAND_STALE, "3.0.0", "O(N) where N is the number of nodes"),
     .deprecated_since = "7.0.0", .replaced_by = "`CLUSTER SHARDS`",
     .tips = "nondeterministic_output"},
    {ROW("shards", 2, COMMAND_STALE, "7.0.0", "O(N) where N is the number of nodes"),
     .tips = "nondeterministic_output"},
    {ROW("links", 2, COMMAND_STALE, "7.0.0", "O(N) where N is the number of nodes"),
     .tips = "nondeterministic_output"},
    {ROW("keyslot", 3, COMMAND_STALE, "3.0.0", "O(N) where N is the length of the key"),
     .syntax = "key"},
    {ROW("countkeysinslot", 3, COMMAND_STALE, "3.0.0", "O(1)"), .syntax = "slot:integer"},
    {ROW("getkeysinslot", 4, COMMAND_STALE, "3.0.0", "O(log(N)) where N is the number of keys"),
     .syntax = "slot:integer count:integer", .tips = "nondeterministic_output"},
    {ROW("addslots", -3, CHANGE, "3.0.0", "O(N) where N is the number of slots"),
     .syntax = "slot:integer..."},
    {ROW("addslotsrange", -4, CHANGE, "7.0.0", "O(N) where N is the number of slots"),
     .syntax = "start-slot_end-slot(start-slot:integer end-slot:integer)..."},
    {ROW("delslots", -3, CHANGE, "3.0.0", "O(N) where N is the number of slots"),
     .syntax = "slot:integer..."},
    {ROW("delslotsrange", -4, CHANGE, "7.0.0", "O(N) where N is the number of slots"),
     .syntax = "start-slot_end-slot(start-slot:integer end-slot:integer)..."},
    {ROW("flushslots", 2, CHANGE, "3.0.0", "O(1)")},
    {ROW("setslot", -4, CHANGE, "3.0.0", "O(1)"),
     .syntax =
         "slot:integer subcommand<IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>"},
    {ROW("bumpepoch", 2, CHANGE, "3.0.0", "O(1)"), .tips = "nondeterministic_output"},
    {ROW("set-config-epoch", 3, CHANGE, "3.0.0", "O(1)"), .syntax = "config-epoch:integer"},
    {ROW("meet", -4, CHANGE, "3.0.0", "O(1)"),
     .syntax = "ip port:integer [cluster_bus_port:integer@4.0.0]"},
    {ROW("forget", 3, CHANGE, "3.0.0", "O(1)"), .syntax = "node-id"},
    {ROW("replicate", 3, CHANGE, "3.0.0", "O(1)"), .syntax = "node-id"},
    {ROW("failover", -2, CHANGE, "3.0.0", "O(1)"), .syntax = "[options<FORCE | TAKEOVER>]"},
    {ROW("saveconfig", 2, CHANGE, "3.0.0", "O(1)")},
    {ROW("reset", -2, COMMAND_ADMIN | COMMAND_STALE | COMMAND_NOSCRIPT, "3.0.0",
         "O(N) where N is the number of nodes"),
     .syntax = "[hard_soft<HARD | SOFT>]"},
    {ROW("replicas", 3, COMMAND_ADMIN | COMMAND_STALE, "5.0.0", "O(1)"), .syntax = "node-id",
     .tips = "nondeterministic_output"},
    {ROW("slaves", 3, COMMAND_ADMIN | COMMAND_STALE, "3.0.0", "O(1)"), .deprecated_since = "5.0.0",
     .replaced_by = "`CLUSTER REPLICAS`", .syntax = "node-id", .tips = "nondeterministic_output"},
    {ROW("count-failure-reports", 3, COMMAND_ADMIN | COMMAND_STALE, "3.0.0",
         "O(N) where N is the number of reports"),
     .syntax = "node-id", .tips = "nondeterministic_output"},
    {ROW("help", 2, COMMAND_LOADING | COMMAND_STALE, "5.0.0", "O(1)")},
    {0},
};

#define ROW_CONNECTION                                                                             \
    .handler = refuse, .arity = 1, .categories = CATEGORY_CONNECTION, .group = "cluster",          \
    .since = "3.0.0", .complexity = "O(1)",                                                        \
    .summary = "Refused: this server is no part of a cluster"

const struct command cluster_commands[] = {
    {.name = "cluster",
     .arity = -2,
     .group = "cluster",
     .since = "3.0.0",
     .summary = "A container for the commands about clusters",
     .complexity = "Depends on subcommand.",
     .subcommands = cluster_subcommands},
    {.name = "readonly", .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, ROW_CONNECTION},
    {.name = "readwrite", .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, ROW_CONNECTION},
    {.name = "asking", .flags = COMMAND_FAST, ROW_CONNECTION},
    {0},
};
