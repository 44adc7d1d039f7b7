/*
 * v1_progress.h - how far the scan of an ancestor's file is, for whoever wants to be told.
 *
 * A scan has stages, of which some come more than once. Looking at the clock for each slot and
 * entry would take longer than reading it: a step is many of them. One thread at a time.
 */
#ifndef SCDB_IMPORT_V1_PROGRESS_H
#define SCDB_IMPORT_V1_PROGRESS_H

#include <stdint.h>

enum v1_stage {
    V1_READING,  /* counts bytes of the file */
    V1_SORTING,  /* comparisons, of the most that it may take */
    V1_CHECKING, /* entries, whose place in the grid is compared with their hash */
    V1_COMPARING /* entries, of which the one that decides is looked for among those of a key */
};

/* Is told a step later every time: `done` of `total`, which is not 0. */
typedef void v1_progress_told(void *context, enum v1_stage stage, uint64_t done, uint64_t total);

struct v1_progress {
    v1_progress_told *on_told; /* NULL: nobody is told */
    void *context;             /* borrowed */
    enum v1_stage stage;       /* the one at hand */
    uint64_t total;
    uint64_t next; /* how far the stage has to be for that to be told */
};

/* Another stage begins. */
void v1_progress_begin(struct v1_progress *progress, enum v1_stage stage, uint64_t total);

/* Sets the next step, and tells that it is so far, but not where the total was too low a guess. */
void v1_progress_tell(struct v1_progress *progress, uint64_t done);

/* So much of the stage is done. */
static inline void v1_progress_at(struct v1_progress *progress, uint64_t done)
{
    if (done >= progress->next) {
        v1_progress_tell(progress, done);
    }
}

#endif
