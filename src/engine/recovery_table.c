/* recovery_table.c - see recovery_table.h. */
#include "engine/recovery_table.h"

#include "engine/checksum.h"
#include "engine/manifest.h"

#include <assert.h>
#include <sys/mman.h>

#define CAPACITY_FIRST_BITS 10
#define HUGE_SIZE_MIN       ((size_t)4 << 20)

static_assert(sizeof(struct recovery_entry) == 48, "the memory that opening a store takes");

uint64_t recovery_entry_hash(const uint8_t *secret, struct slice key)
{
    return checksum_keyed(key.data, key.size, secret, STORE_SECRET_SIZE);
}

uint64_t recovery_entry_check(const uint8_t *secret, uint64_t keyspace_id, struct slice key)
{
    return checksum_keyed_wide(key.data, key.size, secret, STORE_SECRET_SIZE) ^
           keyspace_id * 0x9e3779b97f4a7c15u;
}

void recovery_table_init(struct recovery_table *table)
{
    *table = (struct recovery_table){0};
}

/* Not from the heap, which would keep for itself what is only needed once, at the start. */
static struct recovery_entry *allocate(size_t capacity)
{
    size_t size = capacity * sizeof(struct recovery_entry);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    if (size >= HUGE_SIZE_MIN) {
        (void)madvise(memory, size, MADV_HUGEPAGE); /* all of it will be used, here and there */
    }
    return memory;
}

void recovery_table_deinit(struct recovery_table *table)
{
    if (table->entries != NULL) {
        (void)munmap(table->entries, table->capacity * sizeof(*table->entries));
    }
    recovery_table_init(table);
}

/* By the upper bits, as in the index. */
static size_t home_of(const struct recovery_table *table, uint64_t hash)
{
    return (size_t)(hash >> (64 - table->capacity_bits));
}

/* The entry of the key, or the free one where it belongs. */
static struct recovery_entry *find_place(const struct recovery_table *table, uint64_t hash,
                                         uint64_t check)
{
    size_t mask = table->capacity - 1;
    size_t i = home_of(table, hash);
    while (table->entries[i].is_used &&
           (table->entries[i].hash != hash || table->entries[i].check != check)) {
        i = (i + 1) & mask;
    }
    return &table->entries[i];
}

static enum status grow_to(struct recovery_table *table, unsigned capacity_bits)
{
    struct recovery_table grown = {.capacity_bits = capacity_bits, .count = table->count};
    grown.capacity = (size_t)1 << grown.capacity_bits;
    grown.entries = allocate(grown.capacity);
    if (grown.entries == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        const struct recovery_entry *entry = &table->entries[i];
        if (entry->is_used) {
            *find_place(&grown, entry->hash, entry->check) = *entry;
        }
    }
    recovery_table_deinit(table);
    *table = grown;
    return STATUS_OK;
}

struct recovery_entry *recovery_table_find(const struct recovery_table *table, uint64_t hash,
                                           uint64_t check)
{
    struct recovery_entry *place = table->capacity == 0 ? NULL : find_place(table, hash, check);
    return place != NULL && place->is_used ? place : NULL;
}

/* Of one sequence number there may be a record and its copy, one of them unreadable; or a record
 * that has expired and the tombstone that a compaction made of it. Whatever was read first. */
static bool is_better(const struct recovery_entry *entry, const struct recovery_entry *place)
{
    if (entry->sequence != place->sequence) {
        return entry->sequence > place->sequence;
    }
    if (entry->is_unreadable != place->is_unreadable) {
        return place->is_unreadable;
    }
    return entry->is_dead != place->is_dead ? entry->is_dead : entry->address > place->address;
}

/* Three quarters of the places may be used. */
static bool has_room(size_t capacity, size_t count)
{
    return count * 4 <= capacity * 3;
}

enum status recovery_table_reserve(struct recovery_table *table, size_t count)
{
    unsigned bits = table->capacity == 0 ? CAPACITY_FIRST_BITS : table->capacity_bits;
    while (!has_room((size_t)1 << bits, count)) {
        bits++;
    }
    return (size_t)1 << bits > table->capacity ? grow_to(table, bits) : STATUS_OK;
}

void recovery_table_prefetch(const struct recovery_table *table, uint64_t hash)
{
    if (table->capacity > 0) {
        const char *entry = (const char *)&table->entries[home_of(table, hash)];
        __builtin_prefetch(entry);
        __builtin_prefetch(entry + sizeof(struct recovery_entry)); /* it may lie on two lines */
    }
}

enum status recovery_table_offer(struct recovery_table *table, const struct recovery_entry *entry)
{
    if (!has_room(table->capacity, table->count + 1)) {
        enum status status =
            grow_to(table, table->capacity == 0 ? CAPACITY_FIRST_BITS : table->capacity_bits + 1);
        if (status != STATUS_OK) {
            return status;
        }
    }
    struct recovery_entry *place = find_place(table, entry->hash, entry->check);
    if (!place->is_used) {
        table->count++;
    } else if (!is_better(entry, place)) {
        return STATUS_OK;
    }
    *place = *entry;
    place->is_used = 1;
    return STATUS_OK;
}
