/*
 * import_mark.h - the file IMPORT.unfinished: an import into this directory has not come to its
 * end.
 *
 * It holds the id of the store that the import has made, as 32 hexadecimal digits and a line feed,
 * and that is durable before the first key is; so what lies in a store with that id came from the
 * import, which may empty it and begin anew. (A backup of an older state of that store has the same
 * id: whoever puts one there under the mark is told what a second import would do.) Before the
 * store is there the mark is empty, and it may also have been left where another store was put
 * later: it says nothing of the keys of a store that it does not name.
 *
 * Whoever has the directory's lock, one thread.
 */
#ifndef SCDB_ENGINE_IMPORT_MARK_H
#define SCDB_ENGINE_IMPORT_MARK_H

#include "engine/manifest.h"

#include <stdbool.h>
#include <stdint.h>

struct import_mark {
    bool is_there;
    char store_id[2 * STORE_ID_SIZE + 1]; /* digits; "": it names no store */
};

/* What there is of it. What is not a mark's contents names no store. */
enum status import_mark_read(struct file_system *fs, struct import_mark *out,
                             struct error *error) MUST_CHECK;

/* Is it there, and names this store? */
bool import_mark_names(const struct import_mark *mark, const uint8_t store_id[STORE_ID_SIZE]);

/* Makes the mark, or changes what it names, durably; NULL: no store. One that names the same is not
 * touched. A crash in between leaves one that names no store; a sync that fails leaves none, unless
 * one was there. */
enum status import_mark_write(struct file_system *fs, const uint8_t *store_id,
                              struct error *error) MUST_CHECK;

/* Removes it durably. NOT_FOUND when it isn't there. */
enum status import_mark_remove(struct file_system *fs) MUST_CHECK;

/* May the store be opened by others than an import? INVALID: it is marked; `error` says what to do.
 * OK also where a manifest is missing beside files of a store: that is the engine's to refuse.
 * Otherwise as manifest_read(). */
enum status import_mark_check(struct file_system *fs, struct error *error) MUST_CHECK;

/* Does the directory hold segments or checkpoints, listed or not? */
enum status import_mark_find_remains(struct file_system *fs, bool *out,
                                     struct error *error) MUST_CHECK;

#endif
