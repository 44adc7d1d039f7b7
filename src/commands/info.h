/*
 * info.h - INFO: its sections, and what they share.
 *
 * Names of sections and fields are those of Redis 7.2: monitoring tools look for them. A field of
 * something that does not exist here is there with the value that means "none"; docs/operations.md
 * says what the others mean. All functions want the execution lock.
 */
#ifndef SCDB_COMMANDS_INFO_H
#define SCDB_COMMANDS_INFO_H

#include "commands/process.h"
#include "commands/text.h"
#include "engine/engine.h"
#include "server/config.h"
#include "server/server.h"
#include "server/statistics.h"

#include <stdbool.h>
#include <stdint.h>

/* One INFO: everything is looked up once, so that its sections agree. */
struct info {
    struct text text;
    struct server *server;
    struct keyspace *keyspace;
    struct config *config;
    struct statistics *statistics;
    struct engine_statistics engine;
    struct process_memory memory;
    uint64_t rest_mark; /* what is told does not wait for the disk */
};

/* Looks everything up; the text is empty. info_end frees it. The reply to the client does not rest
 * on what is told in between: who watches the server is answered also when its disk hangs or has
 * failed.
 */
void info_begin(struct info *info, struct server *server);
void info_end(struct info *info);

/* Lines "name:value". */
void info_number(struct info *info, const char *name, uint64_t value);
void info_signed(struct info *info, const char *name, int64_t value);
void info_word(struct info *info, const char *name, const char *value);
void info_double(struct info *info, const char *name, double value, int decimals);

/* Two lines: "name:value" and "name_human:" for people. */
void info_size(struct info *info, const char *name, uint64_t bytes);

/* A part of a whole, as "12.34%". */
void info_percent(struct info *info, const char *name, double part, double whole);

/* Bytes that the server keeps for its clients. */
uint64_t info_client_memory(const struct info *info);

/* The sections: each writes its lines below the title. */
void info_server(struct info *info);
void info_clients(struct info *info);
void info_memory(struct info *info);
void info_persistence(struct info *info);
void info_stats(struct info *info);
void info_replication(struct info *info);
void info_cpu(struct info *info);
void info_modules(struct info *info);
void info_commandstats(struct info *info);
void info_errorstats(struct info *info);
void info_latencystats(struct info *info);
void info_cluster(struct info *info);
void info_keyspace(struct info *info);
void info_scdb(struct info *info);

#endif
