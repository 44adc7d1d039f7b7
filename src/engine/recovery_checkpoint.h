/*
 * recovery_checkpoint.h - the index as a checkpoint has kept it, for a store that is being opened.
 *
 * A checkpoint is never the only place of anything. So whatever is wrong with it (missing, torn,
 * of another store, of a log that goes less far than it) is one line in the log, and the store is
 * opened by reading all of its files, with the same result.
 *
 * Slots that point into files which the manifest no longer lists are left out: compaction has
 * removed those files, and what was alive in them stands in packed files that are younger than the
 * checkpoint, and are read.
 *
 * Used by one thread at a time. A struct recovery_checkpoint owns what it holds and borrows the
 * engine.
 */
#ifndef SCDB_ENGINE_RECOVERY_CHECKPOINT_H
#define SCDB_ENGINE_RECOVERY_CHECKPOINT_H

#include "engine/checkpoint.h"
#include "engine/recovery_files.h"

struct recovery_checkpoint {
    struct engine *engine;
    struct file *file; /* owned; NULL: there is none that could be used */
    struct checkpoint_header header;
    struct checkpoint_facts facts;
    uint64_t seed;
    struct recovery_handle *handles; /* owned: of the addresses in the checkpoint */
    size_t handle_count;
    struct engine_keyspace *keyspaces;  /* owned: that were read, the last one first */
    struct engine_keyspace *incomplete; /* owned, empty: of which blocks are missing */
    bool is_broken;                     /* a slot points where no record can be */
};

/* Opens the manifest's checkpoint, when it has one that fits the files, which stand in the engine's
 * table. NO_MEMORY; without a usable one checkpoint->file is NULL. */
enum status recovery_checkpoint_open(struct engine *engine, const struct recovery_files *files,
                                     struct recovery_checkpoint *checkpoint) MUST_CHECK;
void recovery_checkpoint_close(struct recovery_checkpoint *checkpoint);

/* From where on the records of the file have to be read besides. */
uint64_t recovery_checkpoint_from(const struct recovery_checkpoint *checkpoint,
                                  const struct recovery_file *file);

/* Reads the indexes of all keyspaces; beside this, another thread may read the segments. CORRUPT,
 * IO, NO_MEMORY: it can only be closed then. */
enum status recovery_checkpoint_read(struct recovery_checkpoint *checkpoint) MUST_CHECK;

/* Then: gives the indexes to the engine's spaces, which are empty, and fills in the live bytes of
 * its segments. CORRUPT too when one of a database lacks blocks. Failures as above; the spaces and
 * live bytes have to be made anew. */
enum status recovery_checkpoint_adopt(struct recovery_checkpoint *checkpoint) MUST_CHECK;

#endif
