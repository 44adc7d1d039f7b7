/*
 * live.h - which of a store's records are alive: the newest of each key, unless deleted, expired or
 * flushed. As recovery sees it, but it goes on where something is damaged; groups that are not
 * whole (history.h) count as not there.
 *
 * Two passes over the files: live_build() reads heads and marks, live_visit() shows the records
 * that turned out alive, in the order of the files. In between, memory is 48 bytes a key.
 *
 * One thread. A struct live borrows the history, its store and the report.
 */
#ifndef SCDB_CHECK_LIVE_H
#define SCDB_CHECK_LIVE_H

#include "check/history.h"
#include "check/report.h"
#include "engine/recovery_pieces.h"
#include "engine/recovery_table.h"
#include "engine/staircase.h"

#include <stdbool.h>
#include <stdint.h>

struct live_options {
    bool older; /* where a value fails its checksum, the next older intact version counts */
    bool is_quiet;
    int64_t now_ms; /* keys whose expiry is not later have expired */
};

/* One database: the keyspace that it maps to, and what is alive in it. */
struct live_database {
    uint64_t keyspace_id;
    uint64_t keys;
    uint64_t expiring;
    uint64_t bytes; /* of records */
    bool is_stray;  /* no map that could be read names the keyspace */
};

/* Records that live_older.h has passed over. */
struct live_passed {
    struct recovery_entry *entries; /* owned: those that are to expire */
    size_t count;
    size_t capacity;
    struct recovery_table newest; /* of each key */
};

/* A record of a string in pieces that live_left_out.h has left out. */
struct live_left_piece {
    uint64_t id; /* of the string */
    uint64_t sequence;
};

struct live_left_out {
    struct live_left_piece *pieces; /* owned; by id and sequence number when all are there */
    size_t count;
    size_t capacity;
};

struct live {
    const struct history *history;
    struct check_store *store;
    struct report *report;
    struct live_options options;
    struct recovery_table table;
    struct live_passed passed;
    struct live_left_out left_out;
    struct staircase staircase;
    struct recovery_pieces pieces;
    const struct pieces **by_header; /* owned: the strings, by the address of their headers */
    size_t by_header_count;
    uint8_t secret[STORE_SECRET_SIZE];

    struct live_database *databases; /* owned */
    size_t database_count;
    size_t mapped_count; /* databases of the map; behind them are the strays */
    uint64_t map_sequence;
    uint64_t next_keyspace_id; /* ids from here on may be of a map that was lost */
    bool has_map;              /* a manifest or a map record was read */
    bool has_lost_map;         /* one was newer: records have ids from there on */

    uint64_t records; /* valid ones, of all kinds */
    uint64_t record_bytes;
    uint64_t holes; /* places and files that are lost; any record may have been there */
    uint64_t torn;  /* of these, those in which nothing was ever reported durable */
    uint64_t keys;
    uint64_t live_bytes;
    uint64_t unreadable_keys; /* whose newest value fails its checksum; those in pieces are found
                                 by live_visit() and live_try_values() */
    uint64_t expired_keys;
};

/* NEWER_FORMAT: there are records of a later version's kind. NO_MEMORY. `error` tells. Damage is
 * reported on the way; live_deinit() in any case. */
enum status live_build(const struct history *history, const struct live_options *options,
                       struct report *report, struct live *live, struct error *error) MUST_CHECK;
void live_deinit(struct live *live);

/* A record that is alive. */
struct live_record {
    unsigned database;
    const struct record *record;
    struct slice value;
};

typedef enum status live_visitor(void *context, const struct live_record *found);

/*
 * Shows each live record. Ends with what the visitor returns when that is not OK. A value that
 * can't be read is reported, its key passed over, and counted among the unreadable ones. NO_MEMORY.
 */
enum status live_visit(struct live *live, live_visitor *visit, void *context) MUST_CHECK;

/* Reports and counts what live_visit() would, and shows nothing; for want of that, it reads only
 * what live_build() has not, and only where there is some. NO_MEMORY. */
enum status live_try_values(struct live *live) MUST_CHECK;

#endif
