/* presence.c - see presence.h. */
#include "engine/presence.h"

#include "base/log.h"
#include "engine/engine_state.h"

#include <unistd.h>

/* How many sealed segments are looked at in one look. */
#define SEALED_AT_ONCE 16

static void look_at_lock(struct engine *engine)
{
    char holder[128] = "";
    if (fs_lock(engine->fs, ENGINE_LOCK_NAME, holder, sizeof(holder)) != STATUS_LOCKED) {
        return; /* what we are kept from by something else, we try the next time */
    }
    LOG_WARNING("file " ENGINE_LOCK_NAME " of the store was removed or replaced by somebody while "
                "the server runs, and is now locked by %s: both may have written to the directory. "
                "Stop both, keep a copy of it, and see what 'scdb-check verify' finds",
                holder);
    sync_stop_writing(engine, SYNC_STOP_LOCK);
}

/* How long its file is at least. */
static uint64_t size_least_locked(const struct segment *segment)
{
    return segment->sealed ? segment->end : segment->reserved;
}

static bool is_misplaced(enum status status)
{
    return status == STATUS_NOT_FOUND || status == STATUS_CORRUPT;
}

static void tell(const struct segment *segment, enum status status)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(segment->kind, segment->number, name);
    if (status == STATUS_NOT_FOUND) {
        LOG_WARNING("file '%s' of the store was removed, moved or replaced by somebody while the "
                    "server runs. The server still has it open, until it ends: before that, copy "
                    "it ('ls -l /proc/%ld/fd' tells which /proc/%ld/fd/N it is), and after that, "
                    "put the copy back into the directory as '%s'",
                    name, (long)getpid(), (long)getpid(), name);
    } else {
        LOG_WARNING("file '%s' of the store was cut by somebody while the server runs; what it has "
                    "lost can only be had from a backup. 'scdb-check verify', with the server "
                    "stopped, tells what that is",
                    name);
    }
}

/* It may have been left, emptied and removed while its file was looked at without the lock: then it
 * is not the active one any more. */
static enum status verify_active_locked(struct engine *engine, const struct segment *segment)
{
    return engine->appender.active == segment
               ? file_verify_place(segment->file, size_least_locked(segment))
               : STATUS_OK;
}

static void look_at_log(struct engine *engine)
{
    mutex_lock(&engine->lock);
    struct segment *segment = engine->appender.active;
    uint64_t size_least = size_least_locked(segment);
    segment_reference(segment);
    mutex_unlock(&engine->lock);
    enum status status = file_verify_place(segment->file, size_least);
    if (is_misplaced(status)) {
        mutex_lock(&engine->lock);
        status = verify_active_locked(engine, segment);
        mutex_unlock(&engine->lock);
    }
    if (is_misplaced(status)) {
        tell(segment, status);
        sync_stop_writing(engine, SYNC_STOP_LOG_FILE);
    }
    segment_unreference(segment);
}

/* The next sealed segments, referenced; returns how many. */
static size_t choose_sealed(struct engine *engine, struct segment **chosen)
{
    size_t count = 0;
    struct segment *segment = NULL;
    mutex_lock(&engine->lock);
    while (count < SEALED_AT_ONCE &&
           (segment = segment_table_next(&engine->segments, &engine->presence.handle)) != NULL) {
        if (segment->sealed && !segment->misplaced) {
            segment_reference(segment);
            chosen[count++] = segment;
        }
    }
    mutex_unlock(&engine->lock);
    if (segment == NULL) {
        engine->presence.handle = 0;
    }
    return count;
}

static void look_at_sealed(struct engine *engine, struct segment *segment)
{
    enum status status = file_verify_place(segment->file, segment->end); /* sealed: it stays so */
    mutex_lock(&engine->lock);
    segment->misplaced = is_misplaced(status) && !atomic_load(&segment->is_retired);
    bool is_to_be_told = segment->misplaced;
    mutex_unlock(&engine->lock);
    if (is_to_be_told) {
        tell(segment, status);
    }
}

void presence_look(struct engine *engine)
{
    if (!sync_has_stopped(&engine->sync)) {
        look_at_lock(engine);
        look_at_log(engine);
    }
    struct segment *chosen[SEALED_AT_ONCE];
    size_t count = choose_sealed(engine, chosen);
    for (size_t i = 0; i < count; i++) {
        look_at_sealed(engine, chosen[i]);
        segment_unreference(chosen[i]);
    }
}
