/*
 * file_posix.h - what the files of the real disk share: file_posix.c (files),
 * file_posix_open.c (opening one), file_posix_names.c (names), file_posix_lock.c (the lock),
 * file_posix_directory.c (opening a directory).
 *
 * For those alone. Threads and ownership as in file.h.
 */
#ifndef SCDB_ENGINE_FILE_POSIX_H
#define SCDB_ENGINE_FILE_POSIX_H

#include "base/mutex.h"
#include "engine/file.h"

#include <sys/stat.h>
#include <sys/types.h>

#define FILE_POSIX_PERMISSIONS 0600

struct posix_system {
    struct file_system base;
    int directory;        /* locked, too */
    int lock;             /* -1 while not held */
    struct mutex syncing; /* so that a sync that begins after one that failed sees names_lost */
};

extern const struct file_operations file_posix_operations;

static inline struct posix_system *file_posix_system(struct file_system *fs)
{
    return (struct posix_system *)fs;
}

/* The status for an errno; what can't be expected in normal operation is logged. */
enum status file_posix_failed(int error_number, const char *action, const char *name) MUST_CHECK;

/* The same descriptor, or, in place of one that the program may take for its standard input, output
 * or error (it has closed them), another: what is printed there must not end up in a file of the
 * store. -1 and errno when there is none. */
int file_posix_above_standard(int descriptor);

/* Opens the regular file `name`, or makes it, with the flags of open() that are given. Never waits,
 * whatever has that name. NOT_A_FILE: something else has it, and the log says what. IO: errno says
 * why, and nobody has logged it. */
enum status file_posix_open(const struct posix_system *system, const char *name, int flags,
                            int *out) MUST_CHECK;

/* Logs that something of this mode has the file's name, and what to do. Returns NOT_A_FILE. */
enum status file_posix_not_a_file(mode_t mode, const char *action, const char *name) MUST_CHECK;

/* Returns 0 or an errno. A file system whose directories have nothing to sync is fine. */
int file_posix_sync_directory(int descriptor) MUST_CHECK;

/* Does the name lead to the file that the descriptor is open on? *opened: what fstat() says of that
 * file. NOT_FOUND: the name is gone, or another file has it. IO: nobody can tell. Nothing is
 * logged. */
enum status file_posix_verify_name(const struct posix_system *system, const char *name,
                                   int descriptor, struct stat *opened) MUST_CHECK;

/* file_operations.rename, .remove, .link, .list, .sync_directory */
enum status file_posix_rename(struct file_system *fs, const char *from, const char *to) MUST_CHECK;
enum status file_posix_remove(struct file_system *fs, const char *name) MUST_CHECK;
enum status file_posix_link(struct file_system *fs, const char *name,
                            struct file_system *to) MUST_CHECK;
enum status file_posix_list(struct file_system *fs,
                            void (*on_name)(void *context, const char *name),
                            void *context) MUST_CHECK;
enum status file_posix_sync_names(struct file_system *fs) MUST_CHECK;

/* file_operations.lock */
enum status file_posix_lock(struct file_system *fs, const char *name, char *holder,
                            size_t holder_size) MUST_CHECK;

/* Releases what that has locked. */
void file_posix_unlock(struct posix_system *system);

#endif
