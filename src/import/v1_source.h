/*
 * v1_source.h - an ancestor's file on the disk: opened, mapped and scanned.
 *
 * Private to src/import/. One thread.
 */
#ifndef SCDB_IMPORT_V1_SOURCE_H
#define SCDB_IMPORT_V1_SOURCE_H

#include "engine/file.h"
#include "import/v1_file.h"

struct v1_source {
    struct v1_file file;
    char *path; /* owned; for people */
    struct file_system *fs;
    struct file *handle;
    const uint8_t *mapping; /* NULL: none */
    uint64_t size;
};

/* INVALID: there is no such file, or it is not one of the ancestor's; CORRUPT: it can't be read at
 * all; IO, NO_MEMORY. `error` names the file. On success the caller closes it. */
enum status v1_source_open(const char *directory, struct v1_source *out,
                           struct error *error) MUST_CHECK;
void v1_source_close(struct v1_source *source);

/* Can the disk deliver these bytes of the file? They are in the page cache then. */
bool v1_source_is_readable(const struct v1_source *source, uint64_t offset, uint64_t size);

/* Is the file longer or shorter than when it was opened? */
bool v1_source_has_changed(const struct v1_source *source);

#endif
