/* reserve.c - see reserve.h. */
#include "engine/reserve.h"

#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"

#define STEP ((uint64_t)16 * 1024)

void reserve_deinit(struct reserve *reserve)
{
    if (reserve->file != NULL) {
        file_close(reserve->file);
        reserve->file = NULL;
    }
}

/* Somebody has cut it, perhaps: nothing is lost by that, and the next attempt takes it as it is. */
static void forget_file(struct reserve *reserve)
{
    reserve_deinit(reserve);
    reserve->size = 0;
}

static enum status open_file(struct engine *engine)
{
    struct reserve *reserve = &engine->reserve;
    if (reserve->file != NULL) {
        return STATUS_OK;
    }
    if (reserve->is_no_file) {
        return STATUS_NOT_A_FILE;
    }
    enum status status = fs_open(engine->fs, RESERVE_NAME, FILE_MODE_WRITE, &reserve->file);
    reserve->is_no_file = status == STATUS_NOT_A_FILE;
    return status == STATUS_NOT_FOUND
               ? fs_open(engine->fs, RESERVE_NAME, FILE_MODE_CREATE, &reserve->file)
               : status;
}

/* Bytes of records in the store, or a segment's, whichever is less. */
static uint64_t bytes_to_copy(struct engine *engine)
{
    uint64_t bytes = 0;
    size_t handle = 0;
    mutex_lock(&engine->lock);
    const struct segment *segment;
    while (bytes < engine->segment_size &&
           (segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        bytes += segment->end;
    }
    mutex_unlock(&engine->lock);
    return bytes < engine->segment_size ? bytes : engine->segment_size;
}

static uint64_t wanted_size(struct engine *engine)
{
    mutex_lock(&engine->manifest_mutex);
    uint64_t manifest = manifest_size(&engine->manifest);
    mutex_unlock(&engine->manifest_mutex);
    uint64_t wanted = 2 * manifest + log_files_least_reserve(engine) + bytes_to_copy(engine);
    return (wanted / STEP + 1) * STEP;
}

static bool is_given_away(struct engine *engine)
{
    mutex_lock(&engine->lock);
    bool is_kept = engine->appender.room_is_kept;
    mutex_unlock(&engine->lock);
    return is_kept;
}

/* On a full disk what deletes comes first: it is what makes more room. */
static uint64_t spare_room(struct engine *engine)
{
    uint64_t room;
    uint64_t kept = 2 * log_files_least_reserve(engine);
    if (fs_free_space(engine->fs, &room) != STATUS_OK || room <= kept) {
        return 0;
    }
    return (room - kept) / STEP * STEP;
}

void reserve_take_back(struct engine *engine)
{
    struct reserve *reserve = &engine->reserve;
    uint64_t wanted = wanted_size(engine);
    if (wanted <= reserve->size || sync_has_stopped(&engine->sync)) {
        return;
    }
    uint64_t room = spare_room(engine);
    uint64_t size = wanted - reserve->size < room ? wanted : reserve->size + room;
    enum status status = size > reserve->size ? open_file(engine) : STATUS_DISK_FULL;
    if (status == STATUS_OK) {
        status = file_reserve(reserve->file, size);
    }
    if (status == STATUS_OK) {
        reserve->size = size;
    } else if (status == STATUS_IO) {
        forget_file(reserve);
    }
}

void reserve_refill(struct engine *engine)
{
    if (!is_given_away(engine)) {
        reserve_take_back(engine);
    }
}

bool reserve_release(struct engine *engine)
{
    struct reserve *reserve = &engine->reserve;
    uint64_t size = 0;
    enum status status = open_file(engine);
    if (status == STATUS_OK) {
        status = file_size(reserve->file, &size);
    }
    if (status != STATUS_OK || size == 0) {
        return false;
    }
    status = file_truncate(reserve->file, 0);
    if (status == STATUS_OK) {
        reserve->size = 0;
        LOG_NOTICE("the disk is full: the %llu bytes kept for this are made use of",
                   (unsigned long long)size);
    }
    return status == STATUS_OK;
}
