/*
 * history.h - the order of the log, where it ends, and which of its groups are not whole.
 *
 * Behind all that was durable a break in the log is what a crash leaves, and a group counts whole
 * or not at all: one that a break runs through never happened, for the server as for those who go
 * on behind the break. What follows the break may be the rest of a group that began in the lost
 * place; so it is taken for that, up to the next record that ends one. Within what was durable a
 * break is damage: of a group that was acknowledged all that is whole is kept.
 *
 * Without a manifest nothing is known to be such an end: a clean stop, whose marks are gone, leaves
 * the same files as a machine that stops before it has synced any. What was durable is known only
 * as far as marks and compactions tell; behind that it is in doubt. There all that is whole is
 * kept, of groups, too: what may have been acknowledged is not set back to an older state.
 *
 * One thread. A struct history borrows the store and its files.
 */
#ifndef SCDB_CHECK_HISTORY_H
#define SCDB_CHECK_HISTORY_H

#include "check/store.h"

/* Records of the log that belong, or may belong, to one group. */
struct history_group {
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t broken_sequence; /* a member that is lost or has no valid value */
};

struct history {
    struct check_store *store;
    struct check_file **log; /* owned: the log segments that hold something, in their order */
    size_t log_count;

    /* The greatest sequence number that the manifest or any sync mark says was durable, or, without
     * a manifest, any packed segment: what is missing up to it is damage, what is missing behind it
     * may be the torn end of a crash. */
    uint64_t durable_sequence;

    /* All of the log up to this sequence number was compacted, or lies in segments whose end is
     * known: nothing of it is missing from any other. 0 without a manifest: no end is known. */
    uint64_t settled_sequence;

    /* The group in whose midst the log ends, if it does: all or nothing, so it never happened. Its
     * files' limits are set so that nothing of it is seen any more; unless that is in doubt. */
    const struct check_file *unfinished_file; /* NULL: there is none */
    uint64_t unfinished_offset;
    uint64_t unfinished_records;

    /* Owned; by their sequence numbers: other groups that are not whole. */
    struct history_group *broken;
    size_t broken_count;
    size_t broken_capacity;
};

/* Reads the log segments whose end no manifest knows. Sets the files' due_sequence, and takes back
 * is_set_aside where something durable is missing with the file. NO_MEMORY. history_deinit() in any
 * case. */
enum status history_survey(struct check_store *store, struct history *out) MUST_CHECK;
void history_deinit(struct history *history);

/* Does a manifest tell which files there are, and what was durable? */
static inline bool history_has_manifest(const struct history *history)
{
    return history->store->source != CHECK_FROM_DIRECTORY;
}

/* Is it a segment of the log in which something of the log was found? */
bool history_is_in_log(const struct history *history, const struct check_file *file);

/* This sequence number, or, where it is settled, the first that is not: what can be missing from a
 * segment of unknown end. */
uint64_t history_unsettled(const struct history *history, uint64_t sequence);

/* Something is not as it should be where the record with this number was due: is that what a crash
 * leaves, and what a server cuts off when it starts? Else it is damage. */
bool history_is_torn(const struct history *history, const struct check_file *file,
                     uint64_t sequence);

/* The same, where it is not known whether it is that or damage. */
bool history_is_in_doubt(const struct history *history, const struct check_file *file,
                         uint64_t sequence);

/* What a log segment lacks behind its last record without a trace: zeros, or the file's end, may
 * have taken the place of records. */
enum history_lack {
    HISTORY_LACKS_NOTHING,
    HISTORY_LACKS_TORN_END, /* another segment goes on from it; a crash leaves this */
    HISTORY_LACKS_END_IN_DOUBT,
    HISTORY_LACKS_DURABLE_END, /* what was durable there is gone */
};

/* Of a segment whose records end at this offset, behind which the one with number `due` would come.
 * As the server does, the manifest's place in the log is compared with the place reached; what the
 * manifest does not know, the header of the next segment tells, or, where that is not valid, the
 * record that stands right behind it. */
enum history_lack history_find_lack(const struct history *history, const struct check_file *file,
                                    uint64_t offset, uint64_t due);

/* Has the log nothing more behind this place of the file? */
bool history_ends_before(const struct history *history, const struct check_file *file,
                         uint64_t offset);

/* Of a segment that was set aside: does what is there of the log go on from it? So it may where the
 * header that would tell is damaged. */
bool history_goes_on_behind(const struct history *history, const struct check_file *file);

/* Is the record with this sequence number in this file of a group that counts as not there? */
bool history_leaves_out(const struct history *history, const struct check_file *file,
                        uint64_t sequence);

#endif
