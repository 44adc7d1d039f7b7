/*
 * slowlog.h - the last commands that took longer than slowlog-log-slower-than.
 *
 * An entry owns copies of what it tells, cut short as Redis cuts it: 32 arguments, 128 bytes of
 * each. Entries beyond the length are dropped when one is added, from the oldest on; that takes as
 * long as there are entries to drop, however many stay. All functions want the execution lock.
 */
#ifndef SCDB_SERVER_SLOWLOG_H
#define SCDB_SERVER_SLOWLOG_H

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

#define SLOWLOG_ARGUMENTS_MAX     32
#define SLOWLOG_ARGUMENT_SIZE_MAX 128

struct slowlog_entry {
    struct slowlog_entry *newer; /* NULL: it is the newest */
    struct slowlog_entry *older; /* NULL: it is the oldest */
    uint64_t id;
    int64_t unix_seconds;
    uint64_t microseconds;
    size_t argument_count;
    struct slice address; /* these point into the entry's own memory */
    struct slice name;
    struct slice arguments[];
};

struct slowlog {
    struct slowlog_entry *newest; /* owned, as all that are older; NULL: there is none */
    struct slowlog_entry *oldest;
    size_t count;
    uint64_t next_id;
};

/* What is told of a call; all is copied. */
struct slowlog_call {
    uint64_t microseconds;
    struct slice address;
    struct slice name; /* of the client, may be empty */
    const struct slice *arguments;
    size_t argument_count;
};

/* Adds the call and drops the oldest entries beyond `count_max`. Without memory for it there is no
 * entry. */
void slowlog_add(struct slowlog *slowlog, const struct slowlog_call *call, size_t count_max);

/* Drops all; ids go on. Also frees what slowlog_add has allocated, for the end. */
void slowlog_clear(struct slowlog *slowlog);

#endif
