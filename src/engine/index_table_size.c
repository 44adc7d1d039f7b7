/*
 * index_table_size.c - how tables of the index grow, shrink, split and merge. See index_table.h.
 *
 * Each of these is the same three steps: get the memory (what can fail comes first), pack the slots
 * in order at one end, spread them over their new homes. Spreading goes forward through one array:
 * the packed slots lie at its far end, so no slot is written over before it has been read.
 *
 * Sizes: a quarter more when seven eighths are full, so that a table is never less than 70 % full
 * for growing; sized for three quarters when split, merged or shrunk; shrunk when less than 58 % is
 * used. So a key takes 14 to 20 bytes, and a table moves its slots once in about 1,000 changes.
 */
#include "engine/index_table.h"

#include "base/check.h"

#include <string.h>

#define SLOT_COUNT_MIN 8
#define SLACK_MAX      32 /* a table 7/8 full pushes this far beyond the last home in 1 of 5,000 */

struct layout {
    uint32_t homes;
    uint32_t slot_count;
};

/* What an empty table shows to lookups. Nothing writes to it: it has no homes. */
static struct index_slot empty_slot;

void index_table_init(struct index_table *table, unsigned depth)
{
    *table = (struct index_table){
        .slots = &empty_slot,
        .minimum_s = INDEX_NEVER,
        .depth = depth,
    };
    index_block_init(&table->slot_block, INDEX_TABLE_SLOTS_MAX * sizeof(struct index_slot));
    index_block_init(&table->expiry_block, 0);
}

void index_table_deinit(struct index_table *table, struct index_account *account)
{
    index_block_deinit(&table->slot_block, account);
    index_block_deinit(&table->expiry_block, account);
    index_table_init(table, table->depth);
}

/* --- layouts --------------------------------------------------------------------------------- */

static uint32_t usable_slots(const struct index_table *table, uint64_t slot_count)
{
    size_t bytes = index_block_usable(&table->slot_block, slot_count * sizeof(struct index_slot));
    return (uint32_t)(bytes / sizeof(struct index_slot));
}

static uint32_t homes_of(uint32_t slot_count)
{
    uint32_t slack = 2 + slot_count / 8;
    return slot_count - (slack < SLACK_MAX ? slack : SLACK_MAX);
}

/* Where the slots would end: those used among `slots`, with so many homes, the first of them at
 * `next` or later. */
static uint32_t layout_end(const struct index_slot *slots, uint32_t slot_count, unsigned depth,
                           uint32_t homes, uint32_t next)
{
    for (uint32_t i = 0; i < slot_count; i++) {
        uint32_t home = index_home(index_slot_hash(slots[i]), depth, homes);
        uint32_t behind = (home > next ? home : next) + 1;
        next = index_slot_used(slots[i]) ? behind : next;
    }
    return next;
}

/* Slots that `count` keys fill to three quarters. */
static uint64_t slots_for(uint32_t count)
{
    uint64_t slot_count = (uint64_t)count + count / 3 + 2;
    uint64_t slack = slot_count / 8;
    slot_count += slack < SLACK_MAX ? slack : SLACK_MAX;
    return slot_count < SLOT_COUNT_MIN ? SLOT_COUNT_MIN : slot_count;
}

/* The layout for about `slot_count` slots: more, when hashes crowd behind the last home. */
static struct layout layout_for(const struct index_table *table, uint64_t slot_count)
{
    uint32_t usable = usable_slots(table, slot_count);
    return (struct layout){.homes = homes_of(usable), .slot_count = usable};
}

static struct layout layout_widen(const struct index_table *table, struct layout layout,
                                  uint32_t end)
{
    if (end >= layout.slot_count) {
        uint64_t beyond = end - layout.homes;
        layout.slot_count = usable_slots(table, (uint64_t)end + 1 + beyond / 4);
    }
    return layout;
}

/* --- moving slots ---------------------------------------------------------------------------- */

static void expiry_fill(uint32_t *expiry, uint32_t from, uint32_t to)
{
    /* INDEX_NEVER is all ones. */
    memset(expiry + from, 0xff, (size_t)(to - from) * sizeof(*expiry));
}

/* Copies what is used in [from, to) of `source` to `position` and on in `table`; returns where that
 * ends, which must be a slot of `table` too. Both may be one table when position <= from. Copies
 * empty slots as well, to be written over: which are empty is not for a CPU to guess. */
static uint32_t pack(struct index_table *table, uint32_t position, const struct index_table *source,
                     uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct index_slot slot = source->slots[i];
        table->slots[position] = slot;
        if (table->expiry != NULL) {
            table->expiry[position] = source->expiry != NULL ? source->expiry[i] : INDEX_NEVER;
        }
        position += index_slot_used(slot);
    }
    return position;
}

/* Moves the `count` slots packed at the front to where they belong in `layout`. */
static void spread(struct index_table *table, struct layout layout)
{
    uint32_t gap = layout.slot_count - table->count;
    memmove(table->slots + gap, table->slots, table->count * sizeof(*table->slots));
    memset(table->slots, 0, gap * sizeof(*table->slots));
    if (table->expiry != NULL) {
        memmove(table->expiry + gap, table->expiry, table->count * sizeof(*table->expiry));
        expiry_fill(table->expiry, 0, gap);
    }
    table->homes = layout.homes;
    table->slot_count = layout.slot_count;
    uint32_t next = 0;
    for (uint32_t from = gap; from < layout.slot_count; from++) {
        struct index_slot slot = table->slots[from];
        uint32_t home = index_home(index_slot_hash(slot), table->depth, layout.homes);
        uint32_t to = home > next ? home : next;
        CHECK(to <= from);
        table->slots[from] = (struct index_slot){0};
        table->slots[to] = slot;
        if (table->expiry != NULL) {
            uint32_t second = table->expiry[from];
            table->expiry[from] = INDEX_NEVER;
            table->expiry[to] = second;
        }
        next = to + 1;
    }
    CHECK(next < layout.slot_count);
}

/* --- memory ---------------------------------------------------------------------------------- */

static enum status block_keep(struct index_block *block, size_t size, struct index_account *account)
{
    return size <= block->size ? STATUS_OK : index_block_grow(block, size, account);
}

static void point_at_blocks(struct index_table *table)
{
    bool has_slots = table->slot_block.size != 0;
    table->slots = has_slots ? table->slot_block.data : &empty_slot;
    table->expiry = table->expiry_block.data;
}

static void blocks_trim(struct index_table *table, uint32_t slot_count,
                        struct index_account *account)
{
    if (slot_count == 0) {
        index_block_deinit(&table->slot_block, account);
    } else {
        index_block_shrink(&table->slot_block, slot_count * sizeof(*table->slots), account);
    }
    if (slot_count == 0 || table->expiring_count == 0) {
        index_block_deinit(&table->expiry_block, account);
    } else {
        index_block_shrink(&table->expiry_block, slot_count * sizeof(*table->expiry), account);
    }
    point_at_blocks(table);
}

/* Memory for so many slots, and for their expiry seconds if `expiry`; new seconds are not filled
 * in. On failure the blocks are as long as before. */
static enum status blocks_keep(struct index_table *table, uint32_t slot_count, bool expiry,
                               struct index_account *account)
{
    size_t size_before = table->slot_block.size;
    enum status status =
        block_keep(&table->slot_block, slot_count * sizeof(*table->slots), account);
    if (status == STATUS_OK && expiry) {
        status = block_keep(&table->expiry_block, slot_count * sizeof(*table->expiry), account);
        if (status != STATUS_OK && size_before == 0) {
            index_block_deinit(&table->slot_block, account);
        } else if (status != STATUS_OK) {
            index_block_shrink(&table->slot_block, size_before, account);
        }
    }
    point_at_blocks(table);
    return status;
}

enum status index_table_keep_expiry(struct index_table *table, struct index_account *account)
{
    if (table->expiry != NULL || table->slot_count == 0) {
        return STATUS_OK; /* An empty table gets it with its slots. */
    }
    enum status status =
        index_block_grow(&table->expiry_block, table->slot_count * sizeof(*table->expiry), account);
    if (status != STATUS_OK) {
        return status;
    }
    point_at_blocks(table);
    expiry_fill(table->expiry, 0, table->slot_count);
    return STATUS_OK;
}

void index_table_give_back(struct index_table *table, struct index_account *account)
{
    if (table->count == 0) {
        index_table_deinit(table, account);
    } else if (table->expiring_count == 0 && table->expiry != NULL) {
        index_block_deinit(&table->expiry_block, account);
        point_at_blocks(table);
    }
}

/* --- sizes ----------------------------------------------------------------------------------- */

bool index_table_is_large(const struct index_table *table)
{
    return table->slot_count >= INDEX_TABLE_SLOTS_MAX;
}

enum status index_table_grow(struct index_table *table, struct index_account *account)
{
    uint32_t before = table->slot_count;
    uint64_t wanted = (uint64_t)before + before / 4;
    if (wanted < before + SLOT_COUNT_MIN) {
        wanted = before + SLOT_COUNT_MIN;
    }
    if (before < INDEX_TABLE_SLOTS_MAX && wanted > INDEX_TABLE_SLOTS_MAX) {
        wanted = INDEX_TABLE_SLOTS_MAX;
    }
    struct layout layout = layout_for(table, wanted);
    uint32_t end = layout_end(table->slots, before, table->depth, layout.homes, 0);
    layout = layout_widen(table, layout, end);
    enum status status = blocks_keep(table, layout.slot_count, table->expiry != NULL, account);
    if (status != STATUS_OK) {
        return status;
    }
    (void)pack(table, 0, table, 0, before);
    spread(table, layout);
    return STATUS_OK;
}

bool index_table_try_shrink(struct index_table *table, struct index_account *account)
{
    if (table->count == 0) {
        index_table_deinit(table, account);
        return true;
    }
    /* 37/64: 58 %. */
    if ((uint64_t)table->count * 64 >= (uint64_t)table->slot_count * 37) {
        return false;
    }
    struct layout layout = layout_for(table, slots_for(table->count));
    uint32_t end = layout_end(table->slots, table->slot_count, table->depth, layout.homes, 0);
    layout = layout_widen(table, layout, end);
    if (layout.slot_count > table->slot_count - table->slot_count / 8) {
        return false;
    }
    (void)pack(table, 0, table, 0, table->slot_count);
    spread(table, layout);
    blocks_trim(table, layout.slot_count, account);
    return true;
}

/* --- splitting ------------------------------------------------------------------------------- */

struct half {
    uint32_t count;
    uint32_t expiring_count;
};

static struct half count_half(const struct index_table *table, uint32_t from)
{
    struct half half = {0};
    for (uint32_t i = from; i < table->slot_count; i++) {
        half.count += index_slot_used(table->slots[i]);
        half.expiring_count += table->expiry != NULL && table->expiry[i] != INDEX_NEVER;
    }
    return half;
}

/* Makes `upper`, empty so far, of the slots from `from` on. */
static enum status split_off(const struct index_table *table, uint32_t from, struct half half,
                             struct index_table *upper, struct index_account *account)
{
    if (half.count == 0) {
        return STATUS_OK;
    }
    struct layout layout = layout_for(upper, slots_for(half.count));
    uint32_t end =
        layout_end(table->slots + from, table->slot_count - from, upper->depth, layout.homes, 0);
    layout = layout_widen(upper, layout, end);
    enum status status = blocks_keep(upper, layout.slot_count, half.expiring_count > 0, account);
    if (status != STATUS_OK) {
        return status;
    }
    upper->count = half.count;
    upper->expiring_count = half.expiring_count;
    (void)pack(upper, 0, table, from, table->slot_count);
    spread(upper, layout);
    return STATUS_OK;
}

/* A layout for `count` slots packed at the front, in the memory that is there. */
static struct layout layout_within(const struct index_table *table)
{
    uint64_t wanted = slots_for(table->count);
    struct layout layout = {.homes = homes_of(table->slot_count), .slot_count = table->slot_count};
    if (wanted < table->slot_count) {
        layout = layout_for(table, wanted);
    }
    for (;;) {
        uint32_t end = layout_end(table->slots, table->count, table->depth, layout.homes, 0);
        struct layout widened = layout_widen(table, layout, end);
        if (widened.slot_count <= table->slot_count) {
            return widened;
        }
        if (end < table->slot_count) {
            return (struct layout){.homes = layout.homes, .slot_count = table->slot_count};
        }
        /* Fewer homes crowd less behind the last; with one, the slots lie gapless. */
        layout.homes = layout.homes / 2 + layout.homes % 2;
    }
}

enum status index_table_split(struct index_table *table, uint64_t boundary,
                              struct index_table *upper, struct index_account *account)
{
    CHECK(upper->count == 0 && upper->slot_count == 0 && table->depth + 1 < INDEX_HASH_BITS);
    uint32_t from = index_table_seek(table, boundary);
    struct half half = count_half(table, from);
    index_table_init(upper, table->depth + 1);
    enum status status = split_off(table, from, half, upper, account);
    if (status != STATUS_OK) {
        return status;
    }
    index_table_find_minimum(upper);
    table->depth++;
    table->count -= half.count;
    table->expiring_count -= half.expiring_count;
    if (table->count == 0) {
        index_table_deinit(table, account);
        return STATUS_OK;
    }
    uint32_t packed = pack(table, 0, table, 0, from);
    CHECK(packed == table->count);
    struct layout layout = layout_within(table);
    spread(table, layout);
    blocks_trim(table, layout.slot_count, account);
    index_table_find_minimum(table);
    return STATUS_OK;
}

/* --- merging --------------------------------------------------------------------------------- */

enum status index_table_merge(struct index_table *table, struct index_table *upper,
                              struct index_account *account)
{
    CHECK(table->depth == upper->depth && table->depth > 0);
    unsigned depth = table->depth - 1;
    uint32_t before = table->slot_count;
    struct layout layout = layout_for(table, slots_for(table->count + upper->count));
    uint32_t end = layout_end(table->slots, before, depth, layout.homes, 0);
    end = layout_end(upper->slots, upper->slot_count, depth, layout.homes, end);
    layout = layout_widen(table, layout, end);
    bool expiry = table->expiring_count + upper->expiring_count > 0;
    bool new_expiry = expiry && table->expiry == NULL;
    uint32_t most = layout.slot_count > before ? layout.slot_count : before;
    enum status status = blocks_keep(table, most, expiry, account);
    if (status != STATUS_OK) {
        return status;
    }
    if (new_expiry) {
        expiry_fill(table->expiry, 0, before);
    }
    uint32_t packed = pack(table, 0, table, 0, before);
    packed = pack(table, packed, upper, 0, upper->slot_count);
    table->count += upper->count;
    table->expiring_count += upper->expiring_count;
    CHECK(packed == table->count);
    table->depth = depth;
    spread(table, layout);
    blocks_trim(table, layout.slot_count, account);
    index_table_find_minimum(table);
    index_table_deinit(upper, account);
    return STATUS_OK;
}

/* --- loading --------------------------------------------------------------------------------- */

static uint32_t count_expiring(const uint32_t *seconds, uint32_t count)
{
    uint32_t expiring = 0;
    for (uint32_t i = 0; seconds != NULL && i < count; i++) {
        expiring += seconds[i] != INDEX_NEVER;
    }
    return expiring;
}

enum status index_table_load(struct index_table *table, const struct index_slot *slots,
                             const uint32_t *seconds, uint32_t count, struct index_account *account)
{
    CHECK(table->count == 0 && table->slot_count == 0);
    if (count == 0) {
        return STATUS_OK;
    }
    uint32_t expiring_count = count_expiring(seconds, count);
    struct layout layout = layout_for(table, slots_for(count));
    uint32_t end = layout_end(slots, count, table->depth, layout.homes, 0);
    layout = layout_widen(table, layout, end);
    enum status status = blocks_keep(table, layout.slot_count, expiring_count > 0, account);
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(table->slots, slots, count * sizeof(*slots));
    if (table->expiry != NULL) {
        memcpy(table->expiry, seconds, count * sizeof(*seconds));
    }
    table->count = count;
    table->expiring_count = expiring_count;
    spread(table, layout);
    index_table_find_minimum(table);
    return STATUS_OK;
}
