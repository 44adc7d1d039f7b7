/*
 * statistics.h - what INFO counts, and CONFIG RESETSTAT sets back.
 *
 * Threads: functions ending in _locked want the execution lock. Those counters that workers and
 * the listener touch outside of it are atomic. Keyspace hits and misses are the keyspace's
 * (keyspace_statistics), those of the store the engine's (engine_statistics_locked).
 *
 * Time. The clock is read once for each command, at its end, which is also the start of the next
 * one in the same hold of the lock. EXEC's time contains that of the commands that it runs.
 */
#ifndef SCDB_SERVER_STATISTICS_H
#define SCDB_SERVER_STATISTICS_H

#include "base/quick_clock.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct histogram;

struct command_statistics {
    const struct command *command; /* NULL = an unused slot of the table */
    uint64_t calls;
    uint64_t microseconds;
    uint64_t rejected;         /* not executed: wrong arity, not authenticated ... */
    uint64_t failed;           /* executed, answered with an error */
    struct histogram *latency; /* owned; of its calls while latency-tracking was on; NULL = none */
};

struct error_statistics {
    char code[32]; /* "ERR", "WRONGTYPE" ... */
    uint64_t count;
};

#define STATISTICS_COMMANDS_MAX 1024 /* a power of two, well above the number of commands */
#define STATISTICS_ERRORS_MAX   128
#define STATISTICS_SAMPLES      16

/* A rate per second, from samples taken every 100 ms by the main thread. */
struct rate {
    uint64_t last_count;
    int64_t last_ms;
    uint64_t samples[STATISTICS_SAMPLES];
    size_t next;
    _Atomic uint64_t per_second; /* the mean of the samples */
};

struct statistics {
    int64_t started_unix_ms;
    int64_t started_monotonic_ms;
    char run_id[41]; /* 40 random hexadecimal digits: another one for each run of the server */

    /* Any thread. */
    _Atomic uint64_t commands_processed; /* written under the execution lock only */
    _Atomic uint64_t connections_received;
    _Atomic uint64_t connections_rejected; /* beyond maxclients */
    _Atomic uint64_t net_input_bytes;
    _Atomic uint64_t net_output_bytes;
    _Atomic uint64_t reads_processed;  /* read() calls that brought bytes */
    _Atomic uint64_t writes_processed; /* calls that sent replies */
    _Atomic uint64_t output_limit_disconnections;
    _Atomic uint64_t query_limit_disconnections;
    _Atomic uint64_t evicted_clients; /* maxmemory-clients */

    /* Any thread. SAVE and BGSAVE, which RESETSTAT leaves alone. */
    _Atomic int64_t last_save_unix_ms;     /* of the last that succeeded; at first, the start */
    _Atomic int64_t last_save_clock_ms;    /* the same, monotonic */
    _Atomic int64_t last_save_duration_ms; /* -1 = there was none */
    _Atomic uint64_t saves;
    _Atomic bool last_save_failed;
    _Atomic bool save_running;     /* a BGSAVE */
    _Atomic uint64_t memory_peak;  /* the most memory that INFO has seen in use */
    _Atomic uint64_t dataset_peak; /* and the most live data */

    struct rate commands_rate; /* instantaneous_ops_per_sec */
    struct rate input_rate;    /* bytes */
    struct rate output_rate;

    /* Execution lock. */
    uint64_t error_replies;
    uint64_t blocked_clients; /* sessions that wait: server_block_locked */
    struct error_statistics errors[STATISTICS_ERRORS_MAX];
    size_t error_count;
    bool tracks_latency; /* latency-tracking */
    uint64_t notable_us; /* no command that took less is for the slow log or for LATENCY */
    struct command_statistics commands[STATISTICS_COMMANDS_MAX]; /* by hash of the pointer */
    struct quick_clock clock;                                    /* a span is a hold */
    int64_t clock_us;      /* monotonic, when the last command of this hold ended; 0 = none has */
    int64_t hold_clock_us; /* the same at the first command of the hold */
    int64_t unix_ms;       /* the time of day, until the clock comes to `next_ms_us` */
    int64_t next_ms_us;
};

/* About 50 KiB. NO_MEMORY: nothing to destroy. */
enum status statistics_create(struct statistics **out) MUST_CHECK;
void statistics_destroy(struct statistics *statistics);

/* CONFIG RESETSTAT. blocked_clients and the start times stay. */
void statistics_reset_locked(struct statistics *statistics);

/* A command (also one inside EXEC) starts to execute: returns the time, for the next function. */
int64_t statistics_begin_command_locked(struct statistics *statistics);

/* The time of day at which it starts, Unix ms, from the same reading of the clock. When the
 * system's clock is set, the next hold sees it. */
int64_t statistics_begin_unix_ms_locked(struct statistics *statistics);

/* It has been executed: counts the call, and adds it to the command's histogram when `tracked` (and
 * there is memory for one). Returns for how many microseconds it ran. */
uint64_t statistics_end_command_locked(struct statistics *statistics, const struct command *command,
                                       int64_t begin_us, bool tracked);

/* For how many microseconds the commands of this hold ran until now; 0 before the first ended. */
int64_t statistics_hold_us_locked(const struct statistics *statistics);

/* The hold ends, and what passes from here on belongs to no command. The server calls it. */
void statistics_end_hold_locked(struct statistics *statistics);

/* The command answered with an error / was refused before it was executed. */
void statistics_failed_locked(struct statistics *statistics, const struct command *command);
void statistics_rejected_locked(struct statistics *statistics, const struct command *command);

/* An error reply: `text` is what follows the '-' ("WRONGTYPE Operation ..."); its first word is
 * counted. */
void statistics_error_locked(struct statistics *statistics, struct slice text);

/* The counters of a command, made when there were none; stays valid. */
struct command_statistics *statistics_of_command_locked(struct statistics *statistics,
                                                        const struct command *command);

/* Every 100 ms, by the main thread, no lock needed. */
void statistics_sample(struct statistics *statistics, int64_t now_ms);

#endif
