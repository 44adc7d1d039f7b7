/*
 * history.h - the order of the log, and where it ends.
 *
 * One thread. A struct history borrows the store's files.
 */
#ifndef SCDB_CHECK_HISTORY_H
#define SCDB_CHECK_HISTORY_H

#include "check/store.h"

struct history {
    struct check_file **log; /* owned: the log segments that hold something, in their order */
    size_t log_count;

    /* The greatest sequence number that the manifest or any sync mark says was durable: what is
     * missing up to it is damage, what is missing behind it may be the torn end of a crash. */
    uint64_t durable_sequence;

    /* The group in whose midst the log ends, if it does: all or nothing, so it never happened. Its
     * files' limits are set so that nothing of it is seen any more. */
    const struct check_file *unfinished_file; /* NULL: there is none */
    uint64_t unfinished_offset;
    uint64_t unfinished_records;
};

/* Reads the log segments whose end no manifest knows. NO_MEMORY. history_deinit() in any case. */
enum status history_survey(struct check_store *store, struct history *out) MUST_CHECK;
void history_deinit(struct history *history);

#endif
