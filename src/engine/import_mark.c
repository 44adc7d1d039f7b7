/* import_mark.c - see import_mark.h. */
#include "engine/import_mark.h"

#include "base/hex.h"
#include "base/log.h"
#include "engine/store_name.h"

#include <string.h>

#define NAME        STORE_NAME_IMPORT_MARK
#define DIGITS_SIZE (2 * (size_t)STORE_ID_SIZE)

/* --- what it says ------------------------------------------------------------------------- */

/* `text` has room for one byte more than a mark has. */
static void decode(const char *text, size_t size, struct import_mark *mark)
{
    bool is_name = size == DIGITS_SIZE + 1 && text[DIGITS_SIZE] == '\n';
    for (size_t i = 0; is_name && i < DIGITS_SIZE; i++) {
        is_name = text[i] != '\0' && strchr("0123456789abcdef", text[i]) != NULL;
    }
    if (is_name) {
        memcpy(mark->store_id, text, DIGITS_SIZE);
    }
}

enum status import_mark_read(struct file_system *fs, struct import_mark *out, struct error *error)
{
    struct import_mark mark = {.is_there = false};
    char text[DIGITS_SIZE + 2];
    struct file *file;
    size_t size = 0;
    enum status status = fs_open(fs, NAME, FILE_MODE_READ, &file);
    if (status == STATUS_OK) {
        mark.is_there = true;
        status = file_read(file, 0, text, sizeof(text), &size);
        file_close(file);
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return error_set(error, status, "can't read the file %s: %s", NAME, status_words(status));
    }
    decode(text, size, &mark);
    *out = mark;
    return STATUS_OK;
}

bool import_mark_names(const struct import_mark *mark, const uint8_t store_id[STORE_ID_SIZE])
{
    char digits[DIGITS_SIZE + 1];
    hex_encode(store_id, STORE_ID_SIZE, digits);
    return mark->is_there && strcmp(mark->store_id, digits) == 0;
}

/* --- making and removing it --------------------------------------------------------------- */

static enum status open_to_write(struct file_system *fs, struct file **out)
{
    enum status status = fs_open(fs, NAME, FILE_MODE_CREATE, out);
    return status == STATUS_EXISTS ? fs_open(fs, NAME, FILE_MODE_WRITE, out) : status;
}

static enum status put_name(struct file *file, const uint8_t *store_id)
{
    char text[DIGITS_SIZE + 1];
    enum status status = file_truncate(file, 0);
    if (status != STATUS_OK || store_id == NULL) {
        return status;
    }
    hex_encode(store_id, STORE_ID_SIZE, text);
    text[DIGITS_SIZE] = '\n'; /* in place of the NUL */
    struct slice all = slice_make(text, sizeof(text));
    return file_write(file, 0, &all, 1);
}

/* The mark's name may not last, and the next import, which would find it, could not make up for
 * that (assumption 4 of docs/durability.md, of names). Nobody has imported anything, so none is
 * needed.
 */
static void take_back(struct file_system *fs)
{
    if (fs_remove(fs, NAME) != STATUS_OK) {
        LOG_WARNING("can't remove %s, which may not be durable: remove it by hand", NAME);
    }
}

/* Also one that was there (not `is_made`): who made it may have been killed before. */
static enum status make_durable(struct file_system *fs, struct file *file, bool is_made)
{
    enum status status = file_sync(file);
    if (status == STATUS_OK) {
        status = fs_sync_directory(fs);
    }
    if (status != STATUS_OK && is_made) {
        take_back(fs);
    }
    return status;
}

enum status import_mark_write(struct file_system *fs, const uint8_t *store_id, struct error *error)
{
    struct import_mark found = {.is_there = false};
    enum status status = import_mark_read(fs, &found, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct file *file;
    status = open_to_write(fs, &file);
    if (status == STATUS_OK) {
        if (store_id == NULL || !import_mark_names(&found, store_id)) {
            status = put_name(file, store_id);
        }
        status = status == STATUS_OK ? make_durable(fs, file, !found.is_there) : status;
        file_close(file);
    }
    return status == STATUS_OK ? STATUS_OK
                               : error_set(error, status, "can't write the file %s: %s", NAME,
                                           status_words(status));
}

enum status import_mark_remove(struct file_system *fs)
{
    enum status status = fs_remove(fs, NAME);
    return status == STATUS_OK ? fs_sync_directory(fs) : status;
}

/* --- before a store is opened ------------------------------------------------------------- */

static void note_remains(void *context, const char *name)
{
    bool *has_remains = context;
    uint64_t number;
    *has_remains = *has_remains || store_name_is_numbered(name, &number);
}

enum status import_mark_find_remains(struct file_system *fs, bool *out, struct error *error)
{
    bool has_remains = false;
    enum status status = fs_list(fs, note_remains, &has_remains);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't list the directory: %s", status_words(status));
    }
    *out = has_remains;
    return STATUS_OK;
}

/* Nothing is served of what an import may have left half done. */
static enum status refuse(bool is_named, struct error *error)
{
    if (is_named) {
        return error_set(error, STATUS_INVALID,
                         "an import into this directory has not come to its end (file %s): run it "
                         "again (scdb-server --import-v1, or scdb-check import-v1), which empties "
                         "the store and begins anew; or, when something else was put here since, "
                         "as a backup of the store, remove that file to use what is there",
                         NAME);
    }
    return error_set(error, STATUS_INVALID,
                     "file %s in the directory says that an import has not come to its end, but "
                     "not that it was into the store that is there now: remove that file to use "
                     "the store. If the store may be a part of an import, import again into an "
                     "empty directory (scdb-server --import-v1, or scdb-check import-v1)",
                     NAME);
}

enum status import_mark_check(struct file_system *fs, struct error *error)
{
    struct import_mark mark = {.is_there = false};
    enum status status = import_mark_read(fs, &mark, error);
    if (status != STATUS_OK || !mark.is_there) {
        return status;
    }
    struct manifest manifest;
    manifest_init(&manifest);
    status = manifest_read(fs, &manifest, error);
    if (status == STATUS_NOT_FOUND) {
        bool has_remains = false;
        status = import_mark_find_remains(fs, &has_remains, error);
        if (status == STATUS_OK && !has_remains) {
            status = refuse(true, error);
        }
    } else if (status == STATUS_OK) {
        status = refuse(import_mark_names(&mark, manifest.store_id), error);
    }
    manifest_deinit(&manifest);
    return status;
}
