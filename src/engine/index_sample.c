/* index_sample.c - slots told in turn, and their clocks, for eviction. See index.h. */
#include "base/check.h"
#include "engine/index_directory.h"
#include "engine/index_table.h"

#define HASH_MAX (((uint64_t)1 << INDEX_HASH_BITS) - 1)

/* Places of the directory that one call looks at: few when all keys are wanted, and where only a
 * handful of a billion keys expire, a call takes tens of microseconds and comes back empty. */
#define PLACES_MAX 65536

/* A sample that is being taken. */
struct taking {
    const struct index_sampling *sampling;
    struct index_entry *out;
    size_t count;
    size_t limit;
};

static bool is_wanted(const struct index_table *table, uint32_t position, bool expiring_only)
{
    return index_slot_used(table->slots[position]) &&
           (!expiring_only || table->expiry[position] != INDEX_NEVER);
}

static void take_from(const struct index_table *table, uint32_t position, struct taking *taking)
{
    const struct index_sampling *sampling = taking->sampling;
    for (; position < table->slot_count && taking->count < taking->limit; position++) {
        if (!is_wanted(table, position, sampling->expiring_only)) {
            continue;
        }
        taking->out[taking->count++] = index_table_read(table, position);
    }
}

/* The place of the next table; of those where no key expires each place is passed by itself, by
 * what the minima say, because they lie together and the tables do not. */
static uint64_t next_place(const struct index *index, uint64_t place, bool expiring_only)
{
    uint64_t step = expiring_only ? 1 : index_directory_places(index, index->tables[place]);
    return (place + step) & (index_directory_size(index) - 1);
}

size_t index_sample(const struct index *index, uint64_t *cursor,
                    const struct index_sampling *sampling, struct index_entry *out)
{
    CHECK(*cursor <= HASH_MAX);
    uint64_t available = sampling->expiring_only ? index->expiring_count : index->count;
    struct taking taking = {.sampling = sampling, .out = out, .limit = sampling->count};
    if (taking.limit > available) {
        taking.limit = (size_t)available;
    }
    unsigned shift = INDEX_HASH_BITS - index->depth;
    uint64_t place = *cursor >> shift;
    uint32_t position = index_table_seek(index->tables[place], *cursor);
    place &= ~(index_directory_places(index, index->tables[place]) - 1);
    for (unsigned i = 0; i < PLACES_MAX && taking.count < taking.limit; i++) {
        if (!sampling->expiring_only || index->minima[place] != INDEX_NEVER) {
            take_from(index->tables[place], position, &taking);
        }
        place = next_place(index, place, sampling->expiring_only);
        position = 0;
    }
    if (taking.count > 0 && taking.count == taking.limit) {
        /* Whatever else has this hash is passed over: no slot must hold the cursor up. */
        *cursor = (out[taking.count - 1].hash.bits + 1) & HASH_MAX;
    } else {
        *cursor = place << shift;
    }
    return taking.count;
}

void index_set_clock(struct index *index, struct index_hash hash, struct record_address address,
                     uint8_t clock)
{
    struct index_table *table = index_directory_find(index, hash.bits);
    uint32_t position;
    CHECK(index_table_find(table, hash.bits, address.units, &position));
    index_table_set_clock(table, position, clock);
}
