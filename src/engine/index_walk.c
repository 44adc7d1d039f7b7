/* index_walk.c - walks over the slots of an index: scans, random keys, what is due. See index.h. */
#include "engine/index.h"

#include "base/check.h"
#include "base/random.h"
#include "engine/index_directory.h"
#include "engine/index_table.h"

#define HASH_MAX           (((uint64_t)1 << INDEX_HASH_BITS) - 1)

#define RANDOM_TRIES_MAX   128
#define TTL_SAMPLED_TABLES 16

/* --- walks ----------------------------------------------------------------------------------- */

void index_scan(const struct index *index, uint64_t *cursor, size_t count,
                void (*visit)(void *context, const struct index_entry *entry), void *context)
{
    uint64_t from = *cursor;
    *cursor = 0;
    if (from > HASH_MAX) {
        return; /* Clients send what they like; nothing comes behind the last hash. */
    }
    size_t wanted = count > 0 ? count : 1;
    size_t visited = 0;
    uint64_t last = 0;
    uint64_t size = index_directory_size(index);
    uint64_t place = from >> (INDEX_HASH_BITS - index->depth);
    uint32_t position = index_table_seek(index->tables[place], from);
    while (place < size) {
        const struct index_table *table = index->tables[place];
        for (; position < table->slot_count; position++) {
            if (!index_slot_used(table->slots[position])) {
                continue;
            }
            struct index_entry entry = index_table_read(table, position);
            if (visited >= wanted && entry.hash.bits != last) {
                *cursor = entry.hash.bits;
                return;
            }
            visit(context, &entry);
            visited++;
            last = entry.hash.bits;
        }
        uint64_t places = index_directory_places(index, table);
        place = (place & ~(places - 1)) + places;
        position = 0;
    }
}

static void keep_first(void *context, const struct index_entry *entry)
{
    struct index_entry *kept = context;
    if (kept->address.units == 0) {
        *kept = *entry;
    }
}

/* The first slot at or behind a random hash, going round at the end. */
static void random_by_hash(const struct index *index, uint64_t random, struct index_entry *out)
{
    struct index_entry found = {.address = {.units = 0}};
    uint64_t cursor = random >> (64 - INDEX_HASH_BITS);
    index_scan(index, &cursor, 1, keep_first, &found);
    if (found.address.units == 0) {
        cursor = 0;
        index_scan(index, &cursor, 1, keep_first, &found);
    }
    CHECK(found.address.units != 0);
    *out = found;
}

/*
 * Throws at (place, slot) until a used slot is hit: a table that stands in several places is taken
 * once in so many throws, a short table is missed as often as it is shorter, so that each slot is
 * as likely as any other. A few throws do for a table at its usual size.
 */
bool index_random(const struct index *index, uint64_t random, struct index_entry *out)
{
    if (index->count == 0) {
        return false;
    }
    uint64_t state = random;
    for (int i = 0; i < RANDOM_TRIES_MAX; i++) {
        uint64_t throw = random_next(&state);
        uint64_t place = throw &(index_directory_size(index) - 1);
        const struct index_table *table = index->tables[place];
        uint64_t slots = index->depth == 0 ? table->slot_count : INDEX_TABLE_SLOTS_MAX;
        uint64_t slot = (throw >> 32) * slots >> 32;
        bool first = (place & (index_directory_places(index, table) - 1)) == 0;
        if (first && slot < table->slot_count && index_slot_used(table->slots[slot])) {
            *out = index_table_read(table, (uint32_t)slot);
            return true;
        }
    }
    random_by_hash(index, random_next(&state), out);
    return true;
}

/* --- expiry ---------------------------------------------------------------------------------- */

size_t index_due(const struct index *index, int64_t now_s, struct index_entry *out, size_t capacity)
{
    if (index->expiring_count == 0 || now_s < 0) {
        return 0;
    }
    uint32_t limit_s = now_s < INDEX_NEVER ? (uint32_t)now_s : INDEX_NEVER - 1;
    uint64_t size = index_directory_size(index);
    size_t filled = 0;
    for (uint64_t i = 0; i < size && filled < capacity; i++) {
        if (index->minima[i] <= limit_s) {
            filled += index_table_due(index->tables[i], limit_s, out + filled, capacity - filled);
        }
    }
    return filled;
}

struct ttl_sum {
    int64_t total_ms;
    int64_t count;
};

static void add_ttls(const struct index_table *table, int64_t now_ms, struct ttl_sum *sum)
{
    for (uint32_t i = 0; i < table->slot_count; i++) {
        if (table->expiry[i] != INDEX_NEVER) {
            int64_t left_ms = (int64_t)table->expiry[i] * 1000 - now_ms;
            sum->total_ms += left_ms > 0 ? left_ms : 0;
            sum->count++;
        }
    }
}

int64_t index_average_ttl_ms(const struct index *index, int64_t now_ms)
{
    struct ttl_sum sum = {0};
    uint64_t size = index_directory_size(index);
    int tables = 0;
    /* Hashes are random: the first tables with expiring keys are as good a sample as any. */
    for (uint64_t i = 0; i < size && tables < TTL_SAMPLED_TABLES; i++) {
        if (index->minima[i] != INDEX_NEVER) {
            add_ttls(index->tables[i], now_ms, &sum);
            tables++;
        }
    }
    return sum.count > 0 ? sum.total_ms / sum.count : 0;
}
