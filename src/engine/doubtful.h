/*
 * doubtful.h - files that nobody uses, and that the manifest on the disk may list all the same.
 *
 * Where a replacement of the manifest fails after the new one was to get its name, what was made to
 * be listed by it has to stay (rule 7 of docs/durability.md). The next replacement that succeeds
 * proves that it is not listed: then it goes. Who makes large files asks first whether there is
 * such a doubt, and ends it, or makes none: or else each attempt would leave one, until the disk is
 * full.
 *
 * All under the manifest's mutex, but for doubtful_settle(), which takes it: not with a lock held
 * that comes behind it (docs/threads.md). Names are copied.
 */
#ifndef SCDB_ENGINE_DOUBTFUL_H
#define SCDB_ENGINE_DOUBTFUL_H

#include "base/status.h"
#include "engine/file.h"

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct manifest;

#define DOUBTFUL_MAX 64 /* more than that stay until the next start, which removes them */

/* Part of struct engine; all-zero is empty. */
struct doubtful {
    char names[DOUBTFUL_MAX][FILE_NAME_SIZE_MAX];
    size_t count;
};

/* manifest_replace(), for a store that is open: `manifest` lists no file that was withdrawn. When
 * it succeeds all of those go. */
enum status doubtful_replace(struct engine *engine, struct manifest *manifest,
                             bool *may_be_new) MUST_CHECK;

/* A file is given up whose listing has failed. Unless it may be listed, it goes at once. A backup
 * has never heard of it. */
void doubtful_withdraw(struct engine *engine, const char *name, bool may_be_listed);

/* Where there is a doubt, replaces the manifest by one that says the same. Not OK: that has failed,
 * and the doubt stays. */
enum status doubtful_settle(struct engine *engine) MUST_CHECK;

#endif
