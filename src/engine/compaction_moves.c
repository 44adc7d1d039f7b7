/* compaction_moves.c - see compaction_moves.h. */
#include "engine/compaction_moves.h"

#include "base/check.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CAPACITY_FIRST     1024
#define RUN_CAPACITY_FIRST 16

static_assert(sizeof(struct compaction_move) == 24, "the memory that a compaction takes");

struct compaction_owner_run {
    size_t first;
    struct compaction_owner owner;
};

void compaction_moves_deinit(struct compaction_moves *moves)
{
    if (moves->items != NULL) {
        CHECK(munmap(moves->items, moves->capacity * sizeof(*moves->items)) == 0);
    }
    free(moves->runs);
    *moves = (struct compaction_moves){0};
}

void compaction_moves_clear(struct compaction_moves *moves)
{
    moves->count = 0;
    moves->run_count = 0;
}

static enum status grow(struct compaction_moves *moves)
{
    size_t size = moves->capacity * sizeof(*moves->items);
    size_t capacity = moves->capacity == 0 ? CAPACITY_FIRST : moves->capacity * 2;
    size_t wanted = capacity * sizeof(*moves->items);
    void *memory = moves->items == NULL ? mmap(NULL, wanted, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                        : mremap(moves->items, size, wanted, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    moves->items = memory;
    moves->capacity = capacity;
    return STATUS_OK;
}

static enum status grow_runs(struct compaction_moves *moves)
{
    size_t capacity = moves->run_capacity == 0 ? RUN_CAPACITY_FIRST : moves->run_capacity * 2;
    struct compaction_owner_run *runs = realloc(moves->runs, capacity * sizeof(*runs));
    if (runs == NULL) {
        return STATUS_NO_MEMORY;
    }
    moves->runs = runs;
    moves->run_capacity = capacity;
    return STATUS_OK;
}

enum status compaction_moves_reserve(struct compaction_moves *moves)
{
    enum status status = STATUS_OK;
    if (moves->count == moves->capacity) {
        status = grow(moves);
    }
    if (status == STATUS_OK && moves->run_count == moves->run_capacity) {
        status = grow_runs(moves);
    }
    return status;
}

static bool is_same(const struct compaction_owner *a, const struct compaction_owner *b)
{
    return a->keyspace_id == b->keyspace_id && a->pieces_id == b->pieces_id && a->place == b->place;
}

void compaction_moves_add(struct compaction_moves *moves, const struct compaction_move *move,
                          const struct compaction_owner *owner)
{
    CHECK(moves->count < moves->capacity && moves->run_count < moves->run_capacity);
    if (moves->run_count == 0 || !is_same(&moves->runs[moves->run_count - 1].owner, owner)) {
        moves->runs[moves->run_count++] =
            (struct compaction_owner_run){.first = moves->count, .owner = *owner};
    }
    moves->items[moves->count++] = *move;
}

const struct compaction_move *compaction_moves_next(const struct compaction_moves *moves,
                                                    struct compaction_moves_cursor *cursor,
                                                    const struct compaction_owner **owner)
{
    if (cursor->next == moves->count) {
        return NULL;
    }
    if (cursor->run + 1 < moves->run_count && moves->runs[cursor->run + 1].first == cursor->next) {
        cursor->run++;
    }
    *owner = &moves->runs[cursor->run].owner;
    return &moves->items[cursor->next++];
}
