/*
 * identity.h - which store the files are of, when no manifest says it.
 *
 * Every checksum of a segment is seeded with the store's id, so nothing can be read without it. It
 * is in the manifest and in each segment's header. Pure questions to open files; one thread.
 */
#ifndef SCDB_CHECK_IDENTITY_H
#define SCDB_CHECK_IDENTITY_H

#include "check/store.h"

/*
 * Sets store->store_id: the manifest's; else that of most of the valid headers; else the first of
 * those that damaged headers and the damaged manifest name under which a file has a valid record.
 * CORRUPT: none is found, `error` says so. IO, NO_MEMORY.
 */
enum status check_identity_find(struct check_store *store, struct error *error) MUST_CHECK;

/* Has the file a valid header that names another store? */
bool check_identity_is_foreign(const struct check_store *store, const struct check_file *file);

#endif
