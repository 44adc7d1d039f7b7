/* recovery_room.c - see recovery_room.h. */
#include "engine/recovery_room.h"

#include "base/log.h"
#include "engine/reserve.h"
#include "engine/store_name.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX 64 /* a session leaves a few */

struct unlisted_names {
    uint64_t from_number;
    size_t count;
    char names[NAMES_MAX][FILE_NAME_SIZE_MAX];
};

static void collect(void *context, const char *name)
{
    struct unlisted_names *found = context;
    uint64_t number;
    if (store_name_is_numbered(name, &number) && number >= found->from_number &&
        found->count < NAMES_MAX) {
        (void)snprintf(found->names[found->count++], FILE_NAME_SIZE_MAX, "%s", name);
    }
}

/* Did it have anything that is nobody else's? A backup has its files by another name. */
static bool empty(struct engine *engine, const char *name)
{
    struct file *file;
    uint64_t size = 0;
    uint64_t links = 0;
    if (fs_open(engine->fs, name, FILE_MODE_WRITE, &file) != STATUS_OK) {
        return false;
    }
    bool is_emptied = file_link_count(file, &links) == STATUS_OK && links == 1 &&
                      file_size(file, &size) == STATUS_OK && size > 0 &&
                      file_truncate(file, 0) == STATUS_OK;
    file_close(file);
    if (is_emptied) {
        LOG_NOTICE("the disk is full: the %llu bytes of %s, which the manifest does not list, are "
                   "made use of",
                   (unsigned long long)size, name);
    }
    return is_emptied;
}

bool recovery_room_make(struct engine *engine, const struct recovery_files *files)
{
    bool is_made = reserve_release(engine);
    struct unlisted_names *found = calloc(1, sizeof(*found));
    if (found == NULL) {
        return is_made;
    }
    found->from_number = files->next_number;
    if (fs_list(engine->fs, collect, found) == STATUS_OK) {
        for (size_t i = 0; i < found->count; i++) {
            is_made |= empty(engine, found->names[i]);
        }
    }
    free(found);
    return is_made;
}
