/*
 * recovery_history.h - where the history of a store ends.
 *
 * The log is a chain: each segment's header names the one before it, where that ends and with which
 * sequence number; inside a segment sequence numbers are dense. The history ends at the first
 * break, at the start of the group that the break falls into. A break is a record that is not
 * valid where one should be, a sequence number out of turn, a value that fails its checksum, or a
 * segment that does not continue the one before it. Bytes of zero up to the end of the reserved
 * space, with nothing after them, are the usual end, and no break.
 *
 * A break within what was durable is damage, not a torn end: cutting there would lose what was
 * acknowledged. Sync marks behind the break and the manifest's durable position tell. A value that
 * fails its checksum in front of a sync mark is damage too, but of that key only: it stays, and is
 * reported when it is read. So is one that the disk does not deliver; where no mark is behind it,
 * that is an error of the disk, and no break.
 */
#ifndef SCDB_ENGINE_RECOVERY_HISTORY_H
#define SCDB_ENGINE_RECOVERY_HISTORY_H

#include "engine/recovery_files.h"

/* Sets end, last_sequence, durable_end and set_aside of all log segments. CORRUPT: a break within
 * what was durable; IO, NO_MEMORY. `error` says where and what to do. Changes nothing on the disk.
 */
enum status recovery_find_history(struct engine *engine, struct recovery_files *files,
                                  struct error *error) MUST_CHECK;

#endif
