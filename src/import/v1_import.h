/*
 * v1_import.h - brings the keys of an ancestor's store into one of ours.
 *
 * The old file is only read. Every key that is there and has not expired goes into database 0 of
 * the new store, with its expiry; what can't be read is listed in the log, with offset and reason.
 *
 * An import that has not come to its end leaves the file V1_IMPORT_MARK in the new store's
 * directory (engine/import_mark.h), which keeps others from opening the store. It is made while
 * there is no store, or an empty one, names it before it gets its first key, and is gone once
 * everything is durable; so all keys of a store that it names came from the import, which may begin
 * anew. Any other store is left as it is, unless it holds no key.
 *
 * Main thread, or any one thread; nothing else may use the new store's directory.
 */
#ifndef SCDB_IMPORT_V1_IMPORT_H
#define SCDB_IMPORT_V1_IMPORT_H

#include "base/status.h"
#include "engine/engine.h"
#include "engine/store_name.h"

#include <stdint.h>

#define V1_FILE_NAME   "dump.scdb"
#define V1_IMPORT_MARK STORE_NAME_IMPORT_MARK

struct v1_import_result {
    uint64_t imported_keys;
    uint64_t deleted_keys; /* left out */
    uint64_t expired_keys; /* left out */
    uint64_t problems;     /* listed in the log; 0 = the old file is sound */
};

/*
 * `options` say where the new store is (fs) and what it is like; it is made when there is none.
 * `directory` holds the old file. INVALID: there is no such file in it, or the new store has keys;
 * CORRUPT: nothing of the old file can be read, or the new store is damaged; otherwise as
 * engine_open() and engine_put_locked(). `error` says where and what to do. On failure the new
 * store is as it was, or marked as unfinished. OK with problems: all that could be read is there.
 */
enum status v1_import(const char *directory, const struct engine_options *options,
                      struct v1_import_result *out, struct error *error) MUST_CHECK;

/* May the store in `fs` be used? INVALID: it would be a new one beside an ancestor's file, whose
 * keys nobody would find, or an import has not come to its end; `error` has the command to run.
 * OK where files of ours have lost their manifest: engine_open() tells what to do then. `path` is
 * what the directory is called in `error`. */
enum status v1_import_check(struct file_system *fs, const char *path,
                            struct error *error) MUST_CHECK;

#endif
