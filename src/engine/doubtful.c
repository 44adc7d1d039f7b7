/* doubtful.c - see doubtful.h. */
#include "engine/doubtful.h"

#include "engine/engine_state.h"
#include "engine/manifest.h"
#include "engine/unlisted.h"

#include <stdio.h>

enum status doubtful_replace(struct engine *engine, struct manifest *manifest, bool *may_be_new)
{
    struct doubtful *doubtful = &engine->doubtful;
    enum status status = manifest_replace(engine->fs, manifest, may_be_new);
    while (status == STATUS_OK && doubtful->count > 0) {
        unlisted_remove(engine->fs, doubtful->names[--doubtful->count]);
    }
    return status;
}

void doubtful_withdraw(struct engine *engine, const char *name, bool may_be_listed)
{
    struct doubtful *doubtful = &engine->doubtful;
    if (!may_be_listed) {
        unlisted_remove(engine->fs, name);
    } else if (doubtful->count < DOUBTFUL_MAX) {
        (void)snprintf(doubtful->names[doubtful->count++], FILE_NAME_SIZE_MAX, "%s", name);
    }
}

enum status doubtful_settle(struct engine *engine)
{
    bool may_be_new;
    mutex_lock(&engine->manifest_mutex);
    enum status status = engine->doubtful.count == 0
                             ? STATUS_OK
                             : doubtful_replace(engine, &engine->manifest, &may_be_new);
    mutex_unlock(&engine->manifest_mutex);
    return status;
}
