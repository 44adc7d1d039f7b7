/* v1_progress.c - see v1_progress.h. */
#include "import/v1_progress.h"

#include <stddef.h>

static const uint64_t steps[] = {
    [V1_READING] = (uint64_t)1 << 20,
    [V1_SORTING] = 1 << 12,
    [V1_CHECKING] = 1 << 10,
    [V1_COMPARING] = 1 << 10,
};

void v1_progress_begin(struct v1_progress *progress, enum v1_stage stage, uint64_t total)
{
    progress->stage = stage;
    progress->total = total;
    progress->next = steps[stage];
}

void v1_progress_tell(struct v1_progress *progress, uint64_t done)
{
    progress->next = done + steps[progress->stage];
    if (progress->on_told != NULL && done <= progress->total) {
        progress->on_told(progress->context, progress->stage, done, progress->total);
    }
}
