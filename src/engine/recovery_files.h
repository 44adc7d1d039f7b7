/*
 * recovery_files.h - the files that a store's manifest lists, as recovery finds them.
 *
 * Used by one thread, while the store is being opened. A struct recovery_files owns its array and
 * the segments in it until they are given to the engine's table.
 */
#ifndef SCDB_ENGINE_RECOVERY_FILES_H
#define SCDB_ENGINE_RECOVERY_FILES_H

#include "base/status.h"
#include "engine/engine_state.h"
#include "engine/recovery_unlisted.h"

enum recovery_state {
    RECOVERY_PACKED,
    RECOVERY_SEALED, /* a log segment whose end the manifest knows: durable up to there */
    RECOVERY_OPEN,   /* a log segment whose end has to be found */
    RECOVERY_UNUSED, /* a log segment that never became part of the log: all zeros, or without a
                        header (see has_no_header), once the history is known */
    RECOVERY_BROKEN, /* a log segment without a valid header, but with something in it */
    RECOVERY_GONE    /* a log segment that an interrupted recovery has set aside already */
};

struct recovery_file {
    enum recovery_state state;
    struct manifest_file entry; /* as the manifest has it */
    struct segment *segment;    /* owned; NULL when GONE, or given away */
    struct segment_header header;
    uint64_t file_size;
    uint64_t end;           /* of what belongs to the history */
    uint64_t last_sequence; /* of that */
    uint64_t durable_end;   /* bytes before it were durable for sure */
    uint64_t rest_bytes;    /* behind `end`, to be set aside: without the zeros at their end */
    bool has_no_header;     /* BROKEN, and zeros where the header would be */
    bool set_aside;         /* all of it follows the end of the history */
    bool is_trimmed;        /* on the disk it ends at `end` */
};

struct recovery_files {
    struct recovery_file *files; /* owned; in the order of their numbers */
    size_t count;
    struct recovery_file **log; /* owned: those SEALED or OPEN, in the order of the log */
    size_t log_count;
    uint64_t next_number;            /* the manifest in force lists no file from this number on */
    struct recovery_witness witness; /* of files that it does not list */
};

void recovery_files_init(struct recovery_files *files);
void recovery_files_deinit(struct recovery_files *files);

/* Lies beside the segment of this name, or in place of it, what was set aside of it? */
bool recovery_has_cut_file(struct file_system *fs, const char *name);

/* Opens all files of engine->manifest. CORRUPT: the manifest is not the newest, or one is missing
 * or not what it should be. REFUSED, NOT_A_FILE, IO: one can't be opened or read, or one that is
 * not listed can't be, so that the manifest may not be the newest. `error` names it. */
enum status recovery_files_open(struct engine *engine, struct recovery_files *files,
                                struct error *error) MUST_CHECK;

/* The file with this number, NULL when the manifest does not list it. */
struct recovery_file *recovery_files_find(const struct recovery_files *files, uint64_t number);

/* Once the end of the history is known: the greatest sequence number up to it, or that the manifest
 * knows of. */
uint64_t recovery_files_end_sequence(const struct recovery_files *files,
                                     const struct manifest *manifest);

/* "00000000000000000012.log": into `name`, FILE_NAME_SIZE_MAX bytes. */
void recovery_file_name(const struct recovery_file *file, char *name);

#endif
