/* hll_sparse.c - see hll_sparse.h. */
#include "commands/hll_sparse.h"

#include <string.h>

#define VAL_BIT        0x80U
#define XZERO_BIT      0x40U
#define ZERO_COUNT_MAX 64U
#define VAL_COUNT_MAX  4U

/* A run split in three: XZERO VAL XZERO. */
#define SEQUENCE_SIZE_MAX 5

/* --- reading --- */

static unsigned byte_at(struct slice opcodes, size_t at)
{
    return at < opcodes.size ? (unsigned char)opcodes.data[at] : 0;
}

static bool is_val(unsigned opcode)
{
    return (opcode & VAL_BIT) != 0;
}

static bool is_xzero(unsigned opcode)
{
    return (opcode & (VAL_BIT | XZERO_BIT)) == XZERO_BIT;
}

bool hll_sparse_next(struct slice opcodes, size_t *at, struct hll_run *run)
{
    if (*at >= opcodes.size) {
        return false;
    }
    unsigned opcode = byte_at(opcodes, *at);
    if (is_val(opcode)) {
        *run = (struct hll_run){.value = (opcode >> 2 & 0x1F) + 1, .count = (opcode & 3) + 1};
        *at += 1;
    } else if (is_xzero(opcode)) {
        unsigned count = (opcode & 0x3F) << 8 | byte_at(opcodes, *at + 1);
        *run = (struct hll_run){.value = 0, .count = count + 1};
        *at += 2;
    } else {
        *run = (struct hll_run){.value = 0, .count = (opcode & 0x3F) + 1};
        *at += 1;
    }
    return true;
}

bool hll_sparse_count(struct slice opcodes, struct hll_histogram *histogram)
{
    unsigned index = 0;
    size_t at = 0;
    struct hll_run run;
    while (hll_sparse_next(opcodes, &at, &run)) {
        if (run.count > HLL_REGISTER_COUNT - index) {
            return false;
        }
        histogram->counts[run.value] += run.count;
        index += run.count;
    }
    return index == HLL_REGISTER_COUNT;
}

bool hll_sparse_merge(struct slice opcodes, uint8_t registers[HLL_REGISTER_COUNT])
{
    unsigned index = 0;
    size_t at = 0;
    struct hll_run run;
    while (hll_sparse_next(opcodes, &at, &run)) {
        if (run.count > HLL_REGISTER_COUNT - index) {
            return false;
        }
        for (unsigned end = index + run.count; index < end; index++) {
            if (run.value > registers[index]) {
                registers[index] = (uint8_t)run.value;
            }
        }
    }
    return index == HLL_REGISTER_COUNT;
}

/* --- writing --- */

/* Writes the shortest opcode for a run; none for an empty one. Returns how many bytes. */
static size_t write_run(uint8_t *to, struct hll_run run)
{
    if (run.count == 0) {
        return 0;
    }
    unsigned count = run.count - 1;
    if (run.value > 0) {
        to[0] = (uint8_t)(VAL_BIT | (run.value - 1) << 2 | count);
        return 1;
    }
    if (run.count <= ZERO_COUNT_MAX) {
        to[0] = (uint8_t)count;
        return 1;
    }
    to[0] = (uint8_t)(XZERO_BIT | count >> 8);
    to[1] = (uint8_t)count;
    return 2;
}

size_t hll_sparse_write_empty(uint8_t to[HLL_SPARSE_EMPTY_BYTES])
{
    return write_run(to, (struct hll_run){.value = 0, .count = HLL_REGISTER_COUNT});
}

/* Where a register stands. */
struct spot {
    size_t previous; /* the opcode before, or the first one */
    size_t at;
    size_t size;    /* of the opcode */
    uint64_t first; /* register of its run; damaged values have more of them than there should be */
    struct hll_run run;
};

static bool find_spot(struct slice opcodes, unsigned index, struct spot *spot)
{
    *spot = (struct spot){0};
    size_t at = 0;
    size_t previous = 0;
    while (hll_sparse_next(opcodes, &at, &spot->run)) {
        if (index < spot->first + spot->run.count) {
            spot->previous = previous;
            spot->size = at - spot->at;
            return true;
        }
        spot->first += spot->run.count;
        previous = spot->at;
        spot->at = at;
    }
    return false;
}

/* The run with one register in it set to another value, as up to three runs. */
static size_t split_run(const struct spot *spot, struct hll_place place,
                        uint8_t sequence[SEQUENCE_SIZE_MAX])
{
    unsigned before = place.index - (unsigned)spot->first;
    unsigned after = spot->run.count - before - 1;
    size_t size = write_run(sequence, (struct hll_run){.value = spot->run.value, .count = before});
    size += write_run(sequence + size, (struct hll_run){.value = place.rank, .count = 1});
    size += write_run(sequence + size, (struct hll_run){.value = spot->run.value, .count = after});
    return size;
}

/* Joins neighbouring VALs of one value, among the five opcodes from `at` on: Redis looks no
 * further. */
static void join_runs(struct buffer *bytes, size_t at)
{
    uint8_t *data = (uint8_t *)bytes->data;
    for (int left = 5; left > 0 && at < bytes->size; left--) {
        unsigned opcode = data[at];
        unsigned next = at + 1 < bytes->size ? data[at + 1] : 0;
        unsigned count = (opcode & 3) + (next & 3) + 2;
        bool is_same_value = is_val(opcode) && (opcode & ~3U) == (next & ~3U);
        if (is_same_value && count <= VAL_COUNT_MAX) {
            data[at + 1] = (uint8_t)((opcode & ~3U) | (count - 1));
            memmove(data + at, data + at + 1, bytes->size - at - 1);
            bytes->size--;
        } else {
            at += is_xzero(opcode) ? 2 : 1;
        }
    }
}

enum hll_outcome hll_sparse_raise(struct buffer *bytes, size_t begin, size_t size_max,
                                  struct hll_place place)
{
    /* Room for what a split adds, and for the missing byte of an XZERO that the end cuts off. */
    if (buffer_reserve(bytes, SEQUENCE_SIZE_MAX) != STATUS_OK) {
        return HLL_NO_MEMORY;
    }
    struct slice opcodes = slice_make(bytes->data + begin, bytes->size - begin);
    struct spot spot;
    if (!find_spot(opcodes, place.index, &spot)) {
        return HLL_CORRUPT;
    }
    if (spot.run.value >= place.rank) {
        return HLL_UNCHANGED;
    }
    uint8_t sequence[SEQUENCE_SIZE_MAX];
    size_t size = split_run(&spot, place, sequence);
    if (size > spot.size && bytes->size + (size - spot.size) > size_max) {
        return HLL_TOO_LARGE;
    }
    char *to = bytes->data + begin + spot.at;
    if (spot.at + spot.size < opcodes.size) {
        memmove(to + size, to + spot.size, opcodes.size - spot.at - spot.size);
    }
    memcpy(to, sequence, size);
    bytes->size = bytes->size + size - spot.size;
    join_runs(bytes, begin + spot.previous);
    return HLL_CHANGED;
}
