/*
 * store_dump.h - prints all that lies in a store's directory, for whoever looks for a bug.
 *
 * Reads through the file system only, so it shows what a recovery would find. One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_STORE_DUMP_H
#define SCDB_TESTS_SUPPORT_STORE_DUMP_H

#include "engine/file.h"

/* To stdout: the manifest, then each segment file with its records, up to the first bytes that are
 * none. Small stores only: files are read whole. */
void store_dump(struct file_system *fs);

#endif
