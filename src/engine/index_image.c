/* index_image.c - see index_image.h. */
#include "engine/index_image.h"

#include "base/check.h"
#include "base/little_endian.h"
#include "engine/index_directory.h"
#include "engine/index_table.h"

#include <stdlib.h>

/* Deeper tables than any number of keys makes. */
#define DEPTH_MAX 32

void index_image_init(struct index_image *image)
{
    *image = (struct index_image){0};
    buffer_init(&image->bytes);
}

void index_image_deinit(struct index_image *image)
{
    buffer_deinit(&image->bytes);
    index_image_init(image);
}

uint64_t index_image_end(const struct index_image *image)
{
    return image->first + (INDEX_HASH_END >> image->depth);
}

/* --- copying ------------------------------------------------------------------------------ */

static void encode_slot(struct index_slot slot, uint8_t *into)
{
    little_endian_store32(into, slot.hash_high);
    little_endian_store32(into + 4, slot.mixed);
    little_endian_store32(into + 8, slot.address_low);
}

static struct index_slot decode_slot(const uint8_t *from)
{
    return (struct index_slot){.hash_high = little_endian_load32(from),
                               .mixed = little_endian_load32(from + 4),
                               .address_low = little_endian_load32(from + 8)};
}

/* The slots of a table that an image is made of. */
struct slot_range {
    uint32_t from; /* positions [from, end) */
    uint32_t end;
    uint32_t count;
    bool expires;
};

static struct slot_range find_slots(const struct index_table *table,
                                    const struct index_image *image)
{
    uint64_t end = index_image_end(image);
    struct slot_range range = {.from = index_table_seek(table, image->first)};
    for (range.end = range.from; range.end < table->slot_count; range.end++) {
        if (!index_slot_used(table->slots[range.end])) {
            continue;
        }
        if (index_slot_hash(table->slots[range.end]) >= end) {
            break;
        }
        range.count++;
        range.expires =
            range.expires || (table->expiry != NULL && table->expiry[range.end] != INDEX_NEVER);
    }
    return range;
}

/* How many upper bits the hashes from `hash` on have in common at least, if all of their range
 * belongs to one table that begins at or before `hash`. */
static unsigned depth_of(const struct index_table *table, uint64_t hash)
{
    uint64_t first = hash & ~((INDEX_HASH_END >> table->depth) - 1);
    return hash == first ? table->depth : INDEX_HASH_BITS - (unsigned)__builtin_ctzll(hash);
}

enum status index_copy_table(const struct index *index, uint64_t hash, struct index_image *out)
{
    const struct index_table *table = index_directory_find(index, hash);
    out->bytes.size = 0;
    out->first = hash;
    out->depth = depth_of(table, hash);
    struct slot_range range = find_slots(table, out);
    out->count = range.count;
    out->expires = range.expires;
    size_t size = index_image_size(range.count, range.expires);
    enum status status = buffer_reserve(&out->bytes, size);
    if (status != STATUS_OK || range.count == 0) {
        return status;
    }
    uint8_t *slot = (uint8_t *)out->bytes.data;
    uint8_t *second = slot + index_image_size(range.count, false);
    for (uint32_t i = range.from; i < range.end; i++) {
        if (!index_slot_used(table->slots[i])) {
            continue;
        }
        encode_slot(table->slots[i], slot);
        slot += INDEX_IMAGE_SLOT_SIZE;
        if (out->expires) {
            little_endian_store32(second, table->expiry[i]);
            second += INDEX_IMAGE_SECOND_SIZE;
        }
    }
    out->bytes.size = size;
    return STATUS_OK;
}

/* --- loading ------------------------------------------------------------------------------ */

void index_loader_init(struct index_loader *loader, struct index *index)
{
    CHECK(index_count(index) == 0);
    *loader = (struct index_loader){.index = index};
}

void index_loader_deinit(struct index_loader *loader)
{
    for (size_t i = 0; i < loader->count; i++) {
        index_directory_destroy_table(loader->index, loader->tables[i]);
    }
    free(loader->tables);
    *loader = (struct index_loader){0};
}

/* What is left of an image once its slots have been looked at. */
struct loaded_slots {
    struct index_slot *slots; /* owned */
    uint32_t *seconds;        /* behind the slots; NULL: no key expires */
    uint32_t count;
};

/* Is this a slot that may stand behind one with hash `last`, in the table of the image? */
static bool is_in_place(const struct index_image *image, struct index_slot slot, uint32_t second,
                        uint64_t last)
{
    uint64_t hash = index_slot_hash(slot);
    bool expires = index_slot_expires(slot);
    return index_slot_used(slot) && hash >= last && hash < index_image_end(image) &&
           expires == (second != INDEX_NEVER);
}

static enum status decode_slots(const struct index_image *image,
                                const struct index_translator *translator, struct loaded_slots *out)
{
    const uint8_t *slots = (const uint8_t *)image->bytes.data;
    const uint8_t *seconds = slots + index_image_size(image->count, false);
    uint64_t last = image->first;
    for (uint32_t i = 0; i < image->count; i++) {
        struct index_slot slot = decode_slot(slots + i * INDEX_IMAGE_SLOT_SIZE);
        uint32_t second = INDEX_NEVER;
        if (image->expires) {
            second = little_endian_load32(seconds + i * INDEX_IMAGE_SECOND_SIZE);
        }
        if (!is_in_place(image, slot, second, last)) {
            return STATUS_CORRUPT;
        }
        last = index_slot_hash(slot);
        struct record_address address = {.units = index_slot_address(slot)};
        if (!translator->translate(translator->context, &address)) {
            continue;
        }
        out->slots[out->count] = index_slot_moved(slot, address.units);
        if (out->seconds != NULL) {
            out->seconds[out->count] = second;
        }
        out->count++;
    }
    return STATUS_OK;
}

static enum status load_table(struct index_loader *loader, const struct index_image *image,
                              const struct index_translator *translator)
{
    struct index_table *table;
    enum status status = index_directory_create_table(loader->index, image->depth, &table);
    if (status != STATUS_OK) {
        return status;
    }
    loader->tables[loader->count++] = table; /* the loader's from here on */
    if (image->count == 0) {
        return STATUS_OK;
    }
    struct loaded_slots loaded = {.slots = malloc(index_image_size(image->count, image->expires))};
    if (loaded.slots == NULL) {
        return STATUS_NO_MEMORY;
    }
    loaded.seconds = image->expires ? (uint32_t *)(loaded.slots + image->count) : NULL;
    status = decode_slots(image, translator, &loaded);
    if (status == STATUS_OK) {
        status = index_table_load(table, loaded.slots, loaded.seconds, loaded.count,
                                  &loader->index->account);
    }
    free(loaded.slots);
    return status;
}

static enum status reserve_tables(struct index_loader *loader)
{
    if (loader->count < loader->capacity) {
        return STATUS_OK;
    }
    size_t capacity = loader->capacity == 0 ? 16 : loader->capacity * 2;
    struct index_table **tables = realloc(loader->tables, capacity * sizeof(struct index_table *));
    if (tables == NULL) {
        return STATUS_NO_MEMORY;
    }
    loader->tables = tables;
    loader->capacity = capacity;
    return STATUS_OK;
}

enum status index_loader_add(struct index_loader *loader, const struct index_image *image,
                             const struct index_translator *translator)
{
    if (image->depth > DEPTH_MAX || image->first != loader->next ||
        image->first % (INDEX_HASH_END >> image->depth) != 0 ||
        image->bytes.size < index_image_size(image->count, image->expires)) {
        return STATUS_CORRUPT;
    }
    enum status status = reserve_tables(loader);
    if (status == STATUS_OK) {
        status = load_table(loader, image, translator);
    }
    if (status == STATUS_OK) {
        loader->next = index_image_end(image);
    }
    return status;
}

enum status index_loader_finish(struct index_loader *loader)
{
    if (loader->next != INDEX_HASH_END) {
        return STATUS_CORRUPT;
    }
    enum status status = index_directory_adopt_tables(loader->index, loader->tables, loader->count);
    if (status == STATUS_OK) {
        loader->count = 0; /* the index's now */
    }
    return status;
}
