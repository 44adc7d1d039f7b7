/* recovery_unlisted.c - see recovery_unlisted.h. */
#include "engine/recovery_unlisted.h"

#include "engine/advice.h"
#include "engine/segment_header.h"
#include "engine/store_name.h"

#include <stdio.h>

#define ADVICE_NEWER                                                                               \
    "Put the newest " MANIFEST_NAME                                                                \
    " back, or restore the backup into an empty directory. " ADVICE_DAMAGED

/* --- one of them -------------------------------------------------------------------------- */

static enum status read_header(struct file *file, const struct manifest *manifest, uint64_t number,
                               struct recovery_unlisted *out)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    size_t size = 0;
    struct segment_header header;
    enum status status = file_read(file, 0, bytes, sizeof(bytes), &size);
    if (status != STATUS_OK) {
        return status;
    }
    status = size == sizeof(bytes)
                 ? segment_header_decode(bytes, manifest->store_id, number, &header)
                 : STATUS_CORRUPT;
    if (status == STATUS_CORRUPT) {
        return STATUS_OK; /* not the store's, or never made to its end */
    }
    if (status == STATUS_OK && header.kind == SEGMENT_LOG) {
        out->is_newer_log = header.first_sequence >= manifest->next_sequence;
    } else if (status == STATUS_OK) {
        out->judged_sequence = header.judged_sequence;
    }
    return status;
}

enum status recovery_unlisted_look(struct file_system *fs, const struct manifest *manifest,
                                   const char *name, struct recovery_unlisted *out)
{
    uint64_t number;
    struct recovery_unlisted found = {0};
    if (store_name_is_segment(name, &number) && manifest_find(manifest, number) == NULL) {
        struct file *file;
        enum status status = fs_open(fs, name, FILE_MODE_READ, &file);
        if (status == STATUS_OK) {
            status = read_header(file, manifest, number, &found);
            file_close(file);
        }
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
    }
    *out = found;
    return STATUS_OK;
}

/* --- all of them -------------------------------------------------------------------------- */

struct look {
    struct file_system *fs;
    const struct manifest *manifest;
    struct recovery_witness witness;
    char name[FILE_NAME_SIZE_MAX]; /* of a newer log segment, or of what does not tell */
    size_t newer_logs;
    enum status status;
};

static void keep_name(char *into, const char *name)
{
    (void)snprintf(into, FILE_NAME_SIZE_MAX, "%s", name);
}

static void look_at(void *context, const char *name)
{
    struct look *look = context;
    struct recovery_unlisted found = {0};
    if (look->status != STATUS_OK) {
        return;
    }
    look->status = recovery_unlisted_look(look->fs, look->manifest, name, &found);
    look->newer_logs += found.is_newer_log ? 1 : 0;
    if (found.is_newer_log || look->status != STATUS_OK) {
        keep_name(look->name, name);
    }
    if (found.judged_sequence > look->witness.judged_sequence) {
        look->witness.judged_sequence = found.judged_sequence;
        keep_name(look->witness.name, name);
    }
}

enum status recovery_unlisted_refuse_format(const char *name, struct error *error)
{
    return error_set(error, STATUS_NEWER_FORMAT,
                     "%s was written by a newer version of scdb, and the file %s does not list it: "
                     "this version can't tell whether it is newer than that or left over. Use the "
                     "version that wrote it, or move it out of the directory and keep it",
                     name, MANIFEST_NAME);
}

static enum status refuse_unread(const struct look *look, struct error *error)
{
    if (look->status == STATUS_NEWER_FORMAT) {
        return recovery_unlisted_refuse_format(look->name, error);
    }
    return error_set(error, look->status,
                     "can't read %s: %s. The file %s does not list it, and whether it is newer "
                     "than that is not known; so it is not removed, and the store not opened. "
                     "Make it readable (its permissions, the disk, the limit of open files), "
                     "or move it out of the directory and keep it: if it was newer, so was the "
                     "%s that goes with it",
                     look->name, status_words(look->status), MANIFEST_NAME, MANIFEST_NAME);
}

static enum status refuse_newer_log(const struct look *look, struct error *error)
{
    char others[64] = " holds";
    if (look->newer_logs > 1) {
        (void)snprintf(others, sizeof(others), " and %zu other log segments hold",
                       look->newer_logs - 1);
    }
    return error_set(error, STATUS_CORRUPT,
                     "%s%s records that are newer than the file %s, which does not list them: it "
                     "is an older one that was put back, or a backup was copied over the "
                     "store. " ADVICE_NEWER,
                     look->name, others, MANIFEST_NAME);
}

/* What the manifest does not list is removed, so it had better be the newest one, and what does not
 * tell whether it is might be what nobody else has. */
enum status recovery_unlisted_look_at_all(struct file_system *fs, const struct manifest *manifest,
                                          struct recovery_witness *out, struct error *error)
{
    struct look look = {.fs = fs, .manifest = manifest, .status = STATUS_OK};
    enum status status = fs_list(fs, look_at, &look);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't list the directory: %s", status_words(status));
    }
    if (look.status != STATUS_OK) {
        return refuse_unread(&look, error);
    }
    if (look.newer_logs > 0) {
        return refuse_newer_log(&look, error);
    }
    *out = look.witness;
    return STATUS_OK;
}

enum status recovery_unlisted_heed(const struct recovery_witness *witness, uint64_t end_sequence,
                                   struct error *error)
{
    if (witness->judged_sequence <= end_sequence) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_CORRUPT,
                     "%s was made when the log was durable up to sequence number %llu, and what %s "
                     "lists ends at %llu: %s is an older one that was put back, a backup was "
                     "copied over the store, or the log has lost its end. " ADVICE_NEWER,
                     witness->name, (unsigned long long)witness->judged_sequence, MANIFEST_NAME,
                     (unsigned long long)end_sequence, MANIFEST_NAME);
}
