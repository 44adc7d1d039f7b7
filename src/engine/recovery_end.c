/* recovery_end.c - see recovery_end.h. */
#include "engine/recovery_end.h"

#include "base/log.h"
#include "engine/mutant.h"
#include "engine/record_scanner.h"
#include "engine/recovery_room.h"
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

uint64_t recovery_end_rest_bytes(const struct recovery_files *files)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->log_count; i++) {
        bytes += files->log[i]->rest_bytes;
    }
    return bytes;
}

static size_t size_without_zeros(const uint8_t *bytes, size_t size)
{
    if (slice_is_zeros(slice_make(bytes, size))) {
        return 0;
    }
    while (bytes[size - 1] == 0) {
        size--;
    }
    return size;
}

/* How much follows the file's end, but for zeros at the very end, as reserved space has them. */
static enum status measure_rest(const struct recovery_file *file, uint64_t *out)
{
    struct record_scanner scanner;
    uint64_t offset = file->end;
    uint64_t rest = 0;
    enum status status =
        record_scanner_init(&scanner, file->segment, offset, file->file_size, false);
    if (status != STATUS_OK) {
        return status;
    }
    while (offset < scanner.limit) {
        const uint8_t *bytes;
        size_t available;
        status = record_scanner_bytes(&scanner, offset, scanner.capacity, &bytes, &available);
        if (status != STATUS_OK || available == 0) {
            break;
        }
        size_t size = size_without_zeros(bytes, available);
        rest = size > 0 ? offset + size - file->end : rest;
        offset += available;
    }
    record_scanner_deinit(&scanner);
    if (status == STATUS_OK) {
        *out = rest;
    }
    return status;
}

/* Where zeros may be cut off that follow the rest, so that what is left tells the next recovery,
 * should there be one before the rest is cut off, the same: next_sequence() in recovery.c takes
 * from a file's size how many records it may have, the last of which may end in zeros. */
static uint64_t size_to_keep(const struct recovery_file *file)
{
    uint64_t size = file->end + file->rest_bytes + RECORD_HEADER_SIZE;
    size = (size / FILE_PAGE_SIZE + 1) * FILE_PAGE_SIZE;
    return size < file->file_size ? size : file->file_size;
}

/* Gives back reserved space. What else follows has to be set aside first, and on a full disk this
 * is where there is room for it. */
static enum status trim(struct recovery_file *file)
{
    if (file->end == file->file_size) {
        file->is_trimmed = true;
        return STATUS_OK;
    }
    enum status status = measure_rest(file, &file->rest_bytes);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_all = file->rest_bytes == 0;
    uint64_t size = is_all ? file->end : size_to_keep(file);
    status = size < file->file_size ? file_truncate(file->segment->file, size) : STATUS_OK;
    file->is_trimmed = is_all && status == STATUS_OK;
    return status;
}

/* Segments that were made ready and not used are dropped in any case, and until then their space
 * may be what a full disk lacks. */
static enum status empty_unused(const struct recovery_files *files)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        if (file->state == RECOVERY_UNUSED && file->file_size > 0) {
            status = file_truncate(file->segment->file, 0);
        }
    }
    return status;
}

/* As many bytes of the file from `offset` on as are read at a time. */
static enum status read_part(struct record_scanner *scanner, uint64_t offset, struct slice *part)
{
    const uint8_t *bytes;
    size_t available;
    enum status status =
        record_scanner_bytes(scanner, offset, scanner->capacity, &bytes, &available);
    if (status == STATUS_OK && available == 0) {
        status = STATUS_IO; /* shorter than a moment ago */
    }
    if (status == STATUS_OK) {
        *part = slice_make(bytes, available);
    }
    return status;
}

/* The bytes are there already, but there are file systems that put them elsewhere. */
static enum status write_part(struct engine *engine, const struct recovery_files *files,
                              const struct recovery_file *file, uint64_t offset,
                              const struct slice *part)
{
    struct file *into = file->segment->file;
    enum status status =
        MUTANT(REPLAYED_NOT_WRITTEN) ? STATUS_OK : file_write(into, offset, part, 1);
    return status == STATUS_DISK_FULL && recovery_room_make(engine, files)
               ? file_write(into, offset, part, 1)
               : status;
}

/* Writes what may not be durable once more, as it is. */
static enum status write_again(struct engine *engine, const struct recovery_files *files,
                               const struct recovery_file *file)
{
    struct record_scanner scanner;
    uint64_t offset = file->durable_end;
    enum status status = record_scanner_init(&scanner, file->segment, offset, file->end, false);
    if (status != STATUS_OK) {
        return status;
    }
    scanner.keep_cache = true; /* others read the same */
    while (status == STATUS_OK && offset < file->end) {
        struct slice part;
        status = read_part(&scanner, offset, &part);
        if (status == STATUS_OK) {
            status = write_part(engine, files, file, offset, &part);
            offset += part.size;
        }
    }
    record_scanner_deinit(&scanner);
    return status;
}

/* Rule 9 of docs/durability.md. A sync alone could be a lie: where an earlier one failed, here or
 * in the process before us, the kernel may hold pages that it calls clean and never wrote. */
static enum status make_file_durable(struct engine *engine, const struct recovery_files *files,
                                     const struct recovery_file *file)
{
    if (MUTANT(REPLAYED_NOT_DURABLE)) {
        return STATUS_OK;
    }
    enum status status = write_again(engine, files, file);
    return status == STATUS_OK ? file_sync(file->segment->file) : status;
}

enum status recovery_end_make_durable(struct engine *engine, struct recovery_files *files)
{
    enum status status = empty_unused(files);
    for (size_t i = 0; status == STATUS_OK && i < files->log_count; i++) {
        if (!is_replayed(files->log[i])) {
            continue;
        }
        status = trim(files->log[i]);
        if (status == STATUS_OK) {
            status = make_file_durable(engine, files, files->log[i]);
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

/* A new file. What has its name already is of an earlier recovery, which was interrupted while it
 * did the same. */
static enum status create_cut_file(struct engine *engine, const char *cut, struct file **out)
{
    enum status status = fs_open(engine->fs, cut, FILE_MODE_CREATE, out);
    if (status == STATUS_EXISTS) {
        status = fs_remove(engine->fs, cut);
        if (status == STATUS_OK) {
            status = fs_open(engine->fs, cut, FILE_MODE_CREATE, out);
        }
    }
    return status;
}

/* Copies [file->end, + file->rest_bytes). */
static enum status copy_bytes(const struct recovery_file *file, struct file *copy)
{
    struct record_scanner scanner;
    uint64_t offset = file->end;
    uint64_t limit = file->end + file->rest_bytes;
    enum status status = record_scanner_init(&scanner, file->segment, offset, limit, false);
    if (status != STATUS_OK) {
        return status;
    }
    while (status == STATUS_OK && offset < limit) {
        struct slice part;
        status = read_part(&scanner, offset, &part);
        if (status == STATUS_OK) {
            status = file_write(copy, offset - file->end, &part, 1);
            offset += part.size;
        }
    }
    record_scanner_deinit(&scanner);
    return status;
}

/* All of the copy is there in the end, or nothing. */
static enum status copy_rest(struct engine *engine, const struct recovery_file *file,
                             const char *cut)
{
    struct file *copy;
    enum status status = create_cut_file(engine, cut, &copy);
    if (status != STATUS_OK) {
        return status;
    }
    status = copy_bytes(file, copy);
    if (status == STATUS_OK) {
        status = file_sync(copy);
    }
    file_close(copy);
    if (status != STATUS_OK && fs_remove(engine->fs, cut) != STATUS_OK) {
        LOG_WARNING("can't remove %s, which is not whole; the next start makes it anew", cut);
    }
    return status;
}

/* Sets the rest of a segment aside, and cuts it off. */
static enum status cut_rest(struct engine *engine, const struct recovery_files *files,
                            struct recovery_file *file)
{
    char name[FILE_NAME_SIZE_MAX];
    char cut[CUT_NAME_SIZE_MAX];
    cut_name(file, name, cut);
    enum status status = copy_rest(engine, file, cut);
    if (status == STATUS_DISK_FULL && recovery_room_make(engine, files)) {
        status = copy_rest(engine, file, cut);
    }
    if (status == STATUS_OK) {
        status = fs_sync_directory(engine->fs); /* with --repair there is no other copy */
    }
    if (status != STATUS_OK) {
        return status;
    }
    LOG_NOTICE("%s ends at offset %llu; what follows, from an unfinished write, is set aside in %s",
               name, (unsigned long long)file->end, cut);
    status = file_truncate(file->segment->file, file->end);
    if (status == STATUS_OK) {
        file->rest_bytes = 0;
    }
    return status == STATUS_OK && !MUTANT(REPLAYED_NOT_DURABLE) ? file_sync(file->segment->file)
                                                                : status;
}

static enum status set_aside(struct engine *engine, const struct recovery_files *files,
                             const struct recovery_file *file)
{
    char name[FILE_NAME_SIZE_MAX];
    char cut[CUT_NAME_SIZE_MAX];
    cut_name(file, name, cut);
    LOG_NOTICE("%s follows the end of what was written without a gap: it is set aside as %s", name,
               cut);
    enum status status = fs_rename(engine->fs, name, cut);
    return status == STATUS_DISK_FULL && recovery_room_make(engine, files)
               ? fs_rename(engine->fs, name, cut)
               : status;
}

/* The sync of the directory has failed: nobody knows whether the new names last, and the next
 * opening, which would find them, could not make up for it (assumption 4 of docs/durability.md, of
 * names). So it shall find the old ones, and change them anew. */
static void put_back(struct engine *engine, const struct recovery_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        char name[FILE_NAME_SIZE_MAX];
        char cut[CUT_NAME_SIZE_MAX];
        cut_name(&files->files[i], name, cut);
        if (files->files[i].set_aside && fs_rename(engine->fs, cut, name) != STATUS_OK) {
            LOG_WARNING(
                "can't rename %s to %s, and a power cut may: rename it before the next start", cut,
                name);
        }
    }
}

static enum status make_names_durable(struct engine *engine, const struct recovery_files *files)
{
    enum status status = fs_sync_directory(engine->fs);
    if (status != STATUS_OK) {
        put_back(engine, files);
    }
    return status;
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
            status = cut_rest(engine, files, file);
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
            status = set_aside(engine, files, &files->files[i]);
        }
    }
    return status == STATUS_OK ? make_names_durable(engine, files) : status;
}
