/*
 * mutant.h - switches that each break one rule of docs/durability.md, so that it can be shown that
 * the crash tests notice (`make mutants`).
 *
 * In every other build MUTANT(...) is a constant that the compiler removes. With -DSCDB_MUTANTS the
 * tests' tests/support/mutants.c says which one is on.
 */
#ifndef SCDB_ENGINE_MUTANT_H
#define SCDB_ENGINE_MUTANT_H

#include <stdbool.h>

/* X(NAME, rule, "what it does wrong") */
#define MUTANT_LIST(X)                                                                             \
    X(LOG_NAME_UNSYNCED, 1, "a log segment's name is not synced before the manifest lists it")     \
    X(MANIFEST_UNSYNCED, 1, "the new manifest is renamed without having been synced")              \
    X(MANIFEST_NAME_UNSYNCED, 1, "the directory is not synced after the manifest was renamed")     \
    X(STAGED_UNLISTED, 1, "the log rolls to a staged value that no manifest on the disk lists")    \
    X(LOG_GAP, 2, "of several segments only the last is synced")                                   \
    X(DURABLE_BEFORE_SYNC, 2, "the durable position moves before the sync")                        \
    X(MARK_BEFORE_SYNC, 3, "a sync mark is written before the syncs that it tells of")             \
    X(SEALED_BEFORE_SYNC, 4, "segments are sealed before they are durable")                        \
    X(JUDGED_BEFORE_SYNC, 5, "a compaction does not sync what made records garbage")               \
    X(PIECES_GO_BY_CLOCK, 5, "a compaction drops what has expired, and owes the mark of it")       \
    X(PACKED_UNSYNCED, 6, "a packed segment is listed without having been synced")                 \
    X(PACKED_NAME_UNSYNCED, 6, "a packed segment is listed before its name is durable")            \
    X(REMOVED_WHILE_LISTED, 7, "victims are removed while the manifest lists them")                \
    X(REMOVED_IN_DOUBT, 7, "files go that a manifest lists which may have come to the disk")       \
    X(TOMBSTONES_GO, 8, "a tombstone goes, whatever it still hides")                               \
    X(REPLAYED_NOT_DURABLE, 9, "recovery does not make durable what it replayed")                  \
    X(REPLAYED_NOT_WRITTEN, 9, "recovery syncs what it replayed, without writing it again")        \
    X(SEQUENCES_USED_TWICE, 9, "a new session's sequence numbers have been seen before")           \
    X(MAP_STAYS_OLD, 10, "a compaction drops map records, the manifest keeps its old map")         \
    X(CHECKPOINT_MAP_OLD, 10, "the manifest names a checkpoint, and keeps a map that is older")    \
    X(NUMBERS_USED_TWICE, 11, "file numbers of files that were never listed are used again")       \
    X(CHECKPOINT_AHEAD_OF_LOG, 12, "a checkpoint knows of records that are not durable")           \
    X(CHECKPOINT_GONE, 13, "the old checkpoint is removed while the manifest names it")            \
    X(BACKUP_LOG_UNSYNCED, 14, "a backup is listed before the log is durable up to its moment")    \
    X(BACKUP_NAMES_UNSYNCED, 14, "a backup is listed before its files' names are durable")         \
    X(BACKUP_HOLDS_NOBODY, 14, "files go between a backup's moment and its last link")             \
    X(PIECES_UNANNOUNCED, 15, "pieces are written and the manifest does not say so")               \
    X(PATCH_TORN, 16, "what a patch writes is no group")                                           \
    X(JUDGED_AHEAD_OF_LOG, 17, "a packed segment names a sequence number that is not durable")

enum mutant {
#define MUTANT_ENUM(name, rule, words) MUTANT_##name,
    MUTANT_LIST(MUTANT_ENUM)
#undef MUTANT_ENUM
        MUTANT_COUNT
};

#ifdef SCDB_MUTANTS
#define MUTANT(name) mutant_is_on(MUTANT_##name)
#else
#define MUTANT(name) false
#endif

/* Defined by the tests. */
bool mutant_is_on(enum mutant mutant);

#endif
