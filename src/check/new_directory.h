/*
 * new_directory.h - a directory that appears under its name when it is whole, and not before.
 *
 * One thread. A struct new_directory owns its path.
 */
#ifndef SCDB_CHECK_NEW_DIRECTORY_H
#define SCDB_CHECK_NEW_DIRECTORY_H

#include "base/status.h"

struct new_directory {
    const char *path; /* borrowed */
    char *work_path;  /* owned: path.incomplete */
};

/* Makes the directory in which to work. EXISTS: there is something at `path` or at the work path;
 * IO, NO_MEMORY. On failure there is nothing to end. */
enum status new_directory_begin(struct new_directory *directory, const char *path,
                                struct error *error) MUST_CHECK;

/* Gives it its name, durably. IO: that can't be done, or whether the name lasts is not known; what
 * is in it is whole, and `error` says under which name. */
enum status new_directory_finish(struct new_directory *directory, struct error *error) MUST_CHECK;

void new_directory_end(struct new_directory *directory);

#endif
