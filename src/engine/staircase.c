/* staircase.c - see staircase.h. */
#include "engine/staircase.h"

#include <stdlib.h>
#include <string.h>

void staircase_init(struct staircase *staircase)
{
    *staircase = (struct staircase){0};
}

void staircase_deinit(struct staircase *staircase)
{
    free(staircase->steps);
    staircase_init(staircase);
}

/* The first step with a sequence greater than `sequence`. */
static size_t first_after(const struct staircase *staircase, uint64_t sequence)
{
    size_t low = 0;
    size_t high = staircase->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (staircase->steps[middle].sequence > sequence) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

enum status staircase_add(struct staircase *staircase, uint64_t sequence, int64_t until_ms)
{
    size_t at = first_after(staircase, sequence);
    if (at < staircase->count && staircase->steps[at].until_ms >= until_ms) {
        return STATUS_OK; /* a later mark says as much */
    }
    size_t keep = at; /* steps before `keep` stay */
    while (keep > 0 && staircase->steps[keep - 1].until_ms <= until_ms) {
        keep--;
    }
    if (keep > 0 && staircase->steps[keep - 1].sequence == sequence) {
        return STATUS_OK;
    }
    if (keep == at && staircase->count == staircase->capacity) {
        size_t capacity = staircase->capacity == 0 ? 4 : staircase->capacity * 2;
        struct staircase_step *steps = realloc(staircase->steps, capacity * sizeof(*steps));
        if (steps == NULL) {
            return STATUS_NO_MEMORY;
        }
        staircase->steps = steps;
        staircase->capacity = capacity;
    }
    memmove(&staircase->steps[keep + 1], &staircase->steps[at],
            (staircase->count - at) * sizeof(*staircase->steps));
    staircase->steps[keep] = (struct staircase_step){.sequence = sequence, .until_ms = until_ms};
    staircase->count = staircase->count - at + keep + 1;
    return STATUS_OK;
}

bool staircase_covers(const struct staircase *staircase, uint64_t sequence, int64_t expiry_ms)
{
    /* Times fall from step to step: the first later mark has the greatest. */
    size_t at = first_after(staircase, sequence);
    return at < staircase->count && staircase->steps[at].until_ms >= expiry_ms;
}
