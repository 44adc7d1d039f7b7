/* subsequence.c - see subsequence.h. */
#include "commands/subsequence.h"

#include "base/check.h"

#include <stdbool.h>
#include <stdlib.h>

uint64_t subsequence_memory(size_t a_size, size_t b_size)
{
    CHECK(a_size <= SUBSEQUENCE_SIZE_MAX && b_size <= SUBSEQUENCE_SIZE_MAX);
    uint64_t cells = ((uint64_t)a_size + 1) * ((uint64_t)b_size + 1);
    uint64_t bytes;
    return __builtin_mul_overflow(cells, sizeof(uint32_t), &bytes) ? UINT64_MAX : bytes;
}

static uint32_t *row_of(const struct subsequence *subsequence, size_t i)
{
    return subsequence->lengths + i * (subsequence->b.size + 1);
}

static void fill(const struct subsequence *subsequence)
{
    struct slice a = subsequence->a;
    struct slice b = subsequence->b;
    for (size_t i = 1; i <= a.size; i++) {
        const uint32_t *above = row_of(subsequence, i - 1);
        uint32_t *row = row_of(subsequence, i);
        for (size_t j = 1; j <= b.size; j++) {
            if (a.data[i - 1] == b.data[j - 1]) {
                row[j] = above[j - 1] + 1;
            } else {
                row[j] = above[j] > row[j - 1] ? above[j] : row[j - 1];
            }
        }
    }
}

enum status subsequence_init(struct subsequence *subsequence, struct slice a, struct slice b)
{
    /* All zero: the first row and the first column are the lengths with an empty string. */
    uint32_t *lengths = calloc(1, subsequence_memory(a.size, b.size));
    if (lengths == NULL) {
        return STATUS_NO_MEMORY;
    }
    *subsequence = (struct subsequence){.a = a, .b = b, .lengths = lengths};
    fill(subsequence);
    return STATUS_OK;
}

void subsequence_deinit(struct subsequence *subsequence)
{
    free(subsequence->lengths);
    *subsequence = (struct subsequence){0};
}

size_t subsequence_length(const struct subsequence *subsequence)
{
    return row_of(subsequence, subsequence->a.size)[subsequence->b.size];
}

void subsequence_each(const struct subsequence *subsequence,
                      void (*visit)(void *context, const struct subsequence_match *match),
                      void *context)
{
    struct slice a = subsequence->a;
    struct slice b = subsequence->b;
    struct subsequence_match match;
    bool is_open = false;
    size_t i = a.size;
    size_t j = b.size;
    while (i > 0 && j > 0) {
        if (a.data[i - 1] == b.data[j - 1]) {
            i--;
            j--;
            match.a_first = i;
            match.b_first = j;
            match.a_last = is_open ? match.a_last : i;
            match.b_last = is_open ? match.b_last : j;
            is_open = true;
            continue;
        }
        if (is_open) {
            visit(context, &match);
            is_open = false;
        }
        if (row_of(subsequence, i - 1)[j] > row_of(subsequence, i)[j - 1]) {
            i--;
        } else {
            j--;
        }
    }
    if (is_open) {
        visit(context, &match);
    }
}
