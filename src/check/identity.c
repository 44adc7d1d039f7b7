/* identity.c - see identity.h. */
#include "check/identity.h"

#include "check/walk.h"
#include "engine/record.h"

#include <string.h>

/* The header's bytes; false when there are not that many. */
static bool read_header_bytes(const struct check_file *file, uint8_t bytes[SEGMENT_HEADER_SIZE])
{
    size_t size = 0;
    return file->file != NULL &&
           file_read(file->file, 0, bytes, SEGMENT_HEADER_SIZE, &size) == STATUS_OK &&
           size == SEGMENT_HEADER_SIZE;
}

/* The id in the file's header, if that is valid. */
static bool header_id(const struct check_file *file, uint8_t id[STORE_ID_SIZE])
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    return read_header_bytes(file, bytes) &&
           segment_header_store_id(bytes, file->number, id) == STATUS_OK;
}

bool check_identity_is_foreign(const struct check_store *store, const struct check_file *file)
{
    uint8_t id[STORE_ID_SIZE];
    return header_id(file, id) && memcmp(id, store->store_id, STORE_ID_SIZE) != 0;
}

static size_t count_headers_with(const struct check_store *store, const uint8_t *id)
{
    size_t count = 0;
    uint8_t other[STORE_ID_SIZE];
    for (size_t i = 0; i < store->file_count; i++) {
        if (header_id(&store->files[i], other) && memcmp(other, id, STORE_ID_SIZE) == 0) {
            count++;
        }
    }
    return count;
}

static bool find_in_headers(struct check_store *store)
{
    size_t most = 0;
    uint8_t id[STORE_ID_SIZE];
    for (size_t i = 0; i < store->file_count; i++) {
        if (!header_id(&store->files[i], id) ||
            (most > 0 && memcmp(id, store->store_id, 16) == 0)) {
            continue;
        }
        size_t count = count_headers_with(store, id);
        if (count > most) {
            most = count;
            memcpy(store->store_id, id, STORE_ID_SIZE);
        }
    }
    return most > 0;
}

/* --- guesses ------------------------------------------------------------------------------ */

/* Has any file a valid record under this id? */
static enum status try_id(struct check_store *store, const uint8_t *id, bool *found)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && !*found && i < store->file_count; i++) {
        struct check_file *file = &store->files[i];
        file->seed = record_seed(id, file->number);
        struct walk walk;
        status = walk_begin(&walk, file);
        if (status == STATUS_OK) {
            enum walk_event event = WALK_END;
            do {
                status = walk_next(&walk, &event);
            } while (status == STATUS_OK && event == WALK_GAP);
            *found = status == STATUS_OK && event == WALK_RECORD;
            walk_end(&walk);
        }
    }
    if (*found) {
        memcpy(store->store_id, id, STORE_ID_SIZE);
    }
    return status;
}

/* The manifest may be damaged elsewhere than in the id. */
static bool manifest_guess(const struct check_store *store, uint8_t id[STORE_ID_SIZE])
{
    struct file *file;
    if (fs_open(store->fs, MANIFEST_NAME, FILE_MODE_READ, &file) != STATUS_OK) {
        return false;
    }
    size_t size = 0;
    enum status status = file_read(file, MANIFEST_STORE_ID_OFFSET, id, STORE_ID_SIZE, &size);
    file_close(file);
    return status == STATUS_OK && size == STORE_ID_SIZE;
}

static enum status guess(struct check_store *store, bool *found)
{
    uint8_t id[STORE_ID_SIZE];
    enum status status = STATUS_OK;
    if (manifest_guess(store, id)) {
        status = try_id(store, id, found);
    }
    for (size_t i = 0; status == STATUS_OK && !*found && i < store->file_count; i++) {
        uint8_t bytes[SEGMENT_HEADER_SIZE];
        if (read_header_bytes(&store->files[i], bytes)) {
            status = try_id(store, bytes + SEGMENT_HEADER_STORE_ID_OFFSET, found);
        }
    }
    return status;
}

enum status check_identity_find(struct check_store *store, struct error *error)
{
    if (store->source != CHECK_FROM_DIRECTORY) {
        memcpy(store->store_id, store->manifest.store_id, STORE_ID_SIZE);
        return STATUS_OK;
    }
    if (find_in_headers(store)) {
        return STATUS_OK;
    }
    bool found = false;
    enum status status = guess(store, &found);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't read the segments: %s", status_words(status));
    }
    return found
               ? STATUS_OK
               : error_set(error, STATUS_CORRUPT,
                           "neither the manifest nor any segment tells the store's id, without "
                           "which no record can be verified; restore the directory from a backup");
}
