/*
 * compaction_output.h - the packed segment that a compaction is writing, and the moves that it
 * will publish.
 *
 * Nobody knows of the segment until it is sealed: a compaction that gives up abandons it, and
 * nothing has happened. What each record moved from is remembered, to be published once the
 * manifest lists the file.
 *
 * Threads: one compaction at a time, its thread; locks as each function says.
 */
#ifndef SCDB_ENGINE_COMPACTION_OUTPUT_H
#define SCDB_ENGINE_COMPACTION_OUTPUT_H

#include "base/buffer.h"
#include "base/status.h"
#include "engine/compaction_moves.h"
#include "engine/engine.h"
#include "engine/index.h"
#include "engine/record.h"
#include "engine/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct compaction_output {
    struct engine *engine;    /* borrowed */
    struct segment *segment;  /* the reference is ours until it is in the table; NULL: none open */
    uint64_t judged_sequence; /* see segment_header.h */
    struct buffer pending;    /* the end of the file that is not written yet */
    uint64_t end;             /* offset behind the last record, pending ones included */
    uint64_t first_sequence;  /* smallest, 0 = no records */
    uint64_t last_sequence;   /* greatest */
    uint64_t kept_bytes;      /* of records that no slot points at */
    uint64_t kept_sequence;   /* the newest of them */
    uint64_t waiting_bytes;   /* see struct segment */
    uint64_t kept_total;      /* kept_bytes of all files so far */
    uint64_t synced;          /* bytes of the file that were synced on the way */
    struct compaction_moves moves;
};

void compaction_output_init(struct compaction_output *output, struct engine *engine,
                            uint64_t judged_sequence);

/* Frees the memory and abandons an open file. No lock held. */
void compaction_output_deinit(struct compaction_output *output);

/* Removes the open file: nothing has happened. No lock held. */
void compaction_output_abandon(struct compaction_output *output);

/* Is a file open that `size` more bytes fit into? */
bool compaction_output_has_room(const struct compaction_output *output, uint64_t size);

/* Creates the next packed file, for at most `wanted` bytes of records, the first of which takes
 * `first_size`. No lock held. DISK_FULL, IO, NO_MEMORY: none is open. */
enum status compaction_output_open(struct compaction_output *output, uint64_t wanted,
                                   uint64_t first_size) MUST_CHECK;

/* Appends a record with its value, of which `has_room` said that it fits. `from` NULL: no slot
 * points at it (a tombstone, a mark). SOURCE_LOST: the value can't be read where it lies; the
 * record was not appended, and others may be. After other failures the output is to be given up. */
enum status compaction_output_append(struct compaction_output *output, const struct record *record,
                                     struct index_hash hash,
                                     const struct record_address *from) MUST_CHECK;

/* The record of `size` bytes that was appended last, without a slot, waits for nothing but time. */
void compaction_output_note_waiting(struct compaction_output *output, uint64_t size);

/* Writes what is pending and the header, gives back what was reserved in vain, makes the file and
 * its name durable. No lock held. */
enum status compaction_output_seal(struct compaction_output *output) MUST_CHECK;

/* Gives the sealed segment its addresses and makes publishing unable to fail. Lock held. */
enum status compaction_output_add_locked(struct compaction_output *output) MUST_CHECK;

/* Takes it out of the table again: the manifest could not be replaced. The file is the caller's
 * business then: the manifest on the disk may list it. Lock held. */
void compaction_output_withdraw_locked(struct compaction_output *output);

/* Publishes each move whose slot still points at the old record. No lock held; holds it briefly
 * many times. After this no file is open. */
void compaction_output_publish(struct compaction_output *output);

#endif
