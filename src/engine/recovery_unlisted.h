/*
 * recovery_unlisted.h - segments that the manifest does not list: is one of them of a later time?
 *
 * Then the manifest is an older one that was put back, or a backup was copied over the store; and
 * what it does not list would be removed, though it may be the only place of what it holds. A crash
 * leaves no such file: a log segment is listed before it is used, and a packed one names as
 * judged only what was durable before it was made (rules 1 and 17 of docs/durability.md).
 *
 * Used by one thread, while the store is being opened, and by scdb-check.
 */
#ifndef SCDB_ENGINE_RECOVERY_UNLISTED_H
#define SCDB_ENGINE_RECOVERY_UNLISTED_H

#include "base/status.h"
#include "engine/file.h"
#include "engine/manifest.h"

/* What the header of one such segment tells, if it is one of the store's; else all 0. */
struct recovery_unlisted {
    bool is_newer_log;        /* it was used after the manifest was replaced by a newer one */
    uint64_t judged_sequence; /* packed: see segment_header.h */
};

/* Looks at the file of this name, which need not be a segment. When it can't be read, the status
 * says why, and what it is remains unknown; so it does with NEWER_FORMAT, when a later version of
 * scdb has written it. One that is listed or has gone tells nothing. */
enum status recovery_unlisted_look(struct file_system *fs, const struct manifest *manifest,
                                   const char *name, struct recovery_unlisted *out) MUST_CHECK;

/* Says so of a file for which that was NEWER_FORMAT, which it returns. */
enum status recovery_unlisted_refuse_format(const char *name, struct error *error) MUST_CHECK;

/* Of all packed segments that are not listed, the one that was judged last. */
struct recovery_witness {
    char name[FILE_NAME_SIZE_MAX];
    uint64_t judged_sequence; /* 0: there is none */
};

/* Looks at all of them. CORRUPT: a log segment is newer than the manifest. REFUSED, NOT_A_FILE, IO,
 * NEWER_FORMAT: one can't be read, so that the manifest may not be the newest. `error` names it. */
enum status recovery_unlisted_look_at_all(struct file_system *fs, const struct manifest *manifest,
                                          struct recovery_witness *out,
                                          struct error *error) MUST_CHECK;

/* When it is known where what the manifest lists ends. CORRUPT: the packed segment is newer than
 * that; `error` names it. */
enum status recovery_unlisted_heed(const struct recovery_witness *witness, uint64_t end_sequence,
                                   struct error *error) MUST_CHECK;

#endif
