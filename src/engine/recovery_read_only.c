/* recovery_read_only.c - see recovery_read_only.h. */
#include "engine/recovery_read_only.h"

#include "base/log.h"
#include "engine/record_scanner.h"

/* Says what of a segment is passed over, unless it is the zeros of reserved space. */
static enum status note_rest(const struct recovery_file *file, const char *name)
{
    struct record_scanner scanner;
    enum status status =
        record_scanner_init(&scanner, file->segment, file->end, file->file_size, false);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_zero = true;
    status = record_scanner_is_zero(&scanner, file->end, &is_zero);
    if (status == STATUS_OK && !is_zero) {
        LOG_NOTICE("%s ends at offset %llu; what follows, from an unfinished write, is passed over",
                   name, (unsigned long long)file->end);
    }
    record_scanner_deinit(&scanner);
    return status;
}

enum status recovery_leave_as_it_is(const struct recovery_files *files)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        char name[FILE_NAME_SIZE_MAX];
        recovery_file_name(file, name);
        if (file->set_aside) {
            LOG_NOTICE("%s follows the end of what was written without a gap: it is passed over",
                       name);
        } else if (file->state == RECOVERY_OPEN) {
            status = note_rest(file, name);
        }
    }
    return status;
}
