/* recovery_end.c - see recovery_end.h. */
#include "engine/recovery_end.h"

#include "base/log.h"
#include "engine/mutant.h"
#include "engine/record_scanner.h"
#include "engine/store_name.h"

#include <stdio.h>

#define CUT_NAME_SIZE_MAX (FILE_NAME_SIZE_MAX + 8)

/* --- what was replayed --------------------------------------------------------------------- */

static bool is_replayed(const struct recovery_file *file)
{
    return file->state == RECOVERY_OPEN && !file->set_aside;
}

uint64_t recovery_end_replayed_bytes(const struct recovery_files *files)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->log_count; i++) {
        const struct recovery_file *file = files->log[i];
        bytes += is_replayed(file) ? file->end - file->durable_end : 0;
    }
    return bytes;
}

/* Does nothing follow its end but the zeros of reserved space? */
static enum status is_rest_zero(const struct recovery_file *file, bool *out)
{
    struct record_scanner scanner;
    enum status status =
        record_scanner_init(&scanner, file->segment, file->end, file->file_size, false);
    if (status != STATUS_OK) {
        return status;
    }
    status = record_scanner_is_zero(&scanner, file->end, out);
    record_scanner_deinit(&scanner);
    return status;
}

/* Gives back reserved space. What else follows has to be set aside first. */
static enum status trim(struct recovery_file *file)
{
    if (file->end == file->file_size) {
        file->is_trimmed = true;
        return STATUS_OK;
    }
    bool is_zero = false;
    enum status status = is_rest_zero(file, &is_zero);
    if (status == STATUS_OK && is_zero) {
        status = file_truncate(file->segment->file, file->end);
        file->is_trimmed = status == STATUS_OK;
    }
    return status;
}

/* Writes what may not be durable once more, as it is. */
static enum status write_again(const struct recovery_file *file)
{
    struct record_scanner scanner;
    uint64_t offset = file->durable_end;
    enum status status = record_scanner_init(&scanner, file->segment, offset, file->end, false);
    if (status != STATUS_OK) {
        return status;
    }
    scanner.keep_cache = true; /* others read the same */
    while (status == STATUS_OK && offset < file->end) {
        const uint8_t *bytes;
        size_t available;
        status = record_scanner_bytes(&scanner, offset, scanner.capacity, &bytes, &available);
        if (status == STATUS_OK && available == 0) {
            status = STATUS_IO; /* shorter than a moment ago */
        }
        if (status == STATUS_OK) {
            struct slice part = slice_make(bytes, available);
            status = MUTANT(REPLAYED_NOT_WRITTEN)
                         ? STATUS_OK
                         : file_write(file->segment->file, offset, &part, 1);
            offset += available;
        }
    }
    record_scanner_deinit(&scanner);
    return status;
}

/* Rule 9 of docs/durability.md. A sync alone could be a lie: where an earlier one failed, here or
 * in the process before us, the kernel may hold pages that it calls clean and never wrote. */
static enum status make_file_durable(const struct recovery_file *file)
{
    if (MUTANT(REPLAYED_NOT_DURABLE)) {
        return STATUS_OK;
    }
    enum status status = write_again(file);
    return status == STATUS_OK ? file_sync(file->segment->file) : status;
}

enum status recovery_end_make_durable(struct recovery_files *files)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < files->log_count; i++) {
        if (!is_replayed(files->log[i])) {
            continue;
        }
        status = trim(files->log[i]);
        if (status == STATUS_OK) {
            status = make_file_durable(files->log[i]);
        }
    }
    return status;
}

/* --- what follows --------------------------------------------------------------------------- */

static void cut_name(const struct recovery_file *file, char *name, char *cut)
{
    recovery_file_name(file, name);
    (void)snprintf(cut, CUT_NAME_SIZE_MAX, "%s" STORE_NAME_CUT_ENDING, name);
}

/* Copies [file->end, its size) into a new file. */
static enum status copy_rest(struct engine *engine, const struct recovery_file *file,
                             struct record_scanner *scanner, const char *cut)
{
    struct file *copy;
    enum status status = fs_open(engine->fs, cut, FILE_MODE_CREATE, &copy);
    if (status == STATUS_EXISTS) {
        /* An earlier recovery was interrupted while it did the same. */
        status = fs_remove(engine->fs, cut);
        if (status == STATUS_OK) {
            status = fs_open(engine->fs, cut, FILE_MODE_CREATE, &copy);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t offset = file->end;
    while (status == STATUS_OK && offset < scanner->limit) {
        const uint8_t *bytes;
        size_t available;
        status = record_scanner_bytes(scanner, offset, scanner->capacity, &bytes, &available);
        if (status != STATUS_OK || available == 0) {
            break;
        }
        struct slice part = slice_make(bytes, available);
        status = file_write(copy, offset - file->end, &part, 1);
        offset += available;
    }
    if (status == STATUS_OK) {
        status = file_sync(copy);
    }
    file_close(copy);
    return status;
}

/* Sets the rest of a segment aside, and cuts it off. */
static enum status cut_rest(struct engine *engine, const struct recovery_file *file)
{
    struct record_scanner scanner;
    enum status status =
        record_scanner_init(&scanner, file->segment, file->end, file->file_size, false);
    if (status != STATUS_OK) {
        return status;
    }
    char name[FILE_NAME_SIZE_MAX];
    char cut[CUT_NAME_SIZE_MAX];
    cut_name(file, name, cut);
    status = copy_rest(engine, file, &scanner, cut);
    LOG_NOTICE("%s ends at offset %llu; what follows, from an unfinished write, is set aside in %s",
               name, (unsigned long long)file->end, cut);
    record_scanner_deinit(&scanner);
    if (status == STATUS_OK) {
        status = file_truncate(file->segment->file, file->end);
    }
    return status == STATUS_OK && !MUTANT(REPLAYED_NOT_DURABLE) ? file_sync(file->segment->file)
                                                                : status;
}

static enum status set_aside(struct engine *engine, const struct recovery_file *file)
{
    char name[FILE_NAME_SIZE_MAX];
    char cut[CUT_NAME_SIZE_MAX];
    cut_name(file, name, cut);
    LOG_NOTICE("%s follows the end of what was written without a gap: it is set aside as %s", name,
               cut);
    return fs_rename(engine->fs, name, cut);
}

/* Every step may be done again after a crash. */
enum status recovery_end_settle(struct engine *engine, struct recovery_files *files)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < files->log_count; i++) {
        struct recovery_file *file = files->log[i];
        if (!is_replayed(file)) {
            continue;
        }
        if (!file->is_trimmed) {
            status = cut_rest(engine, file);
        }
        if (file->end < file->file_size) {
            file->segment->reserved = file->end;
        }
        if (file->end <= SEGMENT_HEADER_SIZE) {
            file->state = RECOVERY_UNUSED;
        }
    }
    for (size_t i = 0; status == STATUS_OK && i < files->count; i++) {
        if (files->files[i].set_aside) {
            status = set_aside(engine, &files->files[i]);
        }
    }
    return status == STATUS_OK ? fs_sync_directory(engine->fs) : status;
}
