/* unlisted.c - see unlisted.h. */
#include "engine/unlisted.h"

#include "base/log.h"

void unlisted_remove(struct file_system *fs, const char *name)
{
    if (fs_remove(fs, name) != STATUS_OK) {
        LOG_WARNING("can't remove %s; the next start removes it", name);
    }
}
