/* v1_file.c - see v1_file.h. What a problem is called stands in v1_problem.c. */
#include "import/v1_file.h"

#include "base/check.h"
#include "import/v1_item.h"

#include <stdlib.h>

/* Fewer keys than this don't tell whose hash a file follows. */
#define TELLING_KEYS 16

/* So many slots that lead into one entry are taken for wrong; with more of them it is rather the
 * entry's length that is. */
#define FALSE_SLOTS_MAX 8

void v1_file_init(struct v1_file *file, struct slice bytes)
{
    *file = (struct v1_file){.bytes = bytes};
}

void v1_file_deinit(struct v1_file *file)
{
    free(file->slots);
    free(file->items);
    free(file->problems);
    v1_file_init(file, slice_make(NULL, 0));
}

/* --- arrays -------------------------------------------------------------------------------- */

/* Makes room for one more. The array is a part of the file at all times, so that a scan that is
 * left in its midst loses nothing. */
static enum status grow(void **array, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return STATUS_OK;
    }
    size_t more = *capacity + *capacity / 2 + 64;
    void *grown = realloc(*array, more * item_size);
    if (grown == NULL) {
        return STATUS_NO_MEMORY;
    }
    *array = grown;
    *capacity = more;
    return STATUS_OK;
}

static enum status add_slot(struct v1_file *file, uint64_t slot, uint64_t target)
{
    void *array = file->slots;
    enum status status =
        grow(&array, file->slot_count, &file->slot_capacity, sizeof(struct v1_item));
    file->slots = array;
    if (status == STATUS_OK) {
        file->slots[file->slot_count++] = (struct v1_item){.offset = target, .slot = slot};
    }
    return status;
}

static enum status add_item(struct v1_file *file, const struct v1_entry *entry, uint64_t slot)
{
    void *array = file->items;
    enum status status =
        grow(&array, file->item_count, &file->item_capacity, sizeof(struct v1_item));
    file->items = array;
    if (status == STATUS_OK) {
        file->items[file->item_count++] = (struct v1_item){
            .hash = v1_hash_of(V1_HASH_RUST, entry->key),
            .offset = entry->offset,
            .slot = slot,
        };
    }
    return status;
}

static enum status add_problem(struct v1_file *file, enum v1_problem_kind kind, uint64_t offset,
                               uint64_t target)
{
    void *array = file->problems;
    enum status status =
        grow(&array, file->problem_count, &file->problem_capacity, sizeof(struct v1_problem));
    file->problems = array;
    if (status == STATUS_OK) {
        file->problems[file->problem_count++] =
            (struct v1_problem){.kind = kind, .offset = offset, .target = target};
    }
    return status;
}

static enum status add_slot_problem(struct v1_file *file, enum v1_problem_kind kind,
                                    const struct v1_item *item)
{
    return add_problem(file, kind, v1_slot_offset(item->slot), item->offset);
}

/* --- the slots ----------------------------------------------------------------------------- */

static enum status gather_slots(struct v1_file *file)
{
    enum status status = STATUS_OK;
    v1_progress_begin(&file->progress, V1_READING, file->bytes.size);
    for (uint64_t slot = 0; slot < file->layout.slot_count && status == STATUS_OK; slot++) {
        uint64_t target = v1_slot_decode(file->bytes, slot);
        v1_progress_at(&file->progress, v1_slot_offset(slot));
        if (target == 0) {
            continue;
        }
        if (target < file->layout.entries_begin || target >= file->bytes.size) {
            status = add_problem(file, V1_SLOT_OUTSIDE, v1_slot_offset(slot), target);
        } else {
            status = add_slot(file, slot, target);
        }
    }
    v1_items_sort(file->slots, file->slot_count, V1_BY_OFFSET, &file->progress);
    return status;
}

/* The first slot behind `index` that leads somewhere else. */
static size_t next_target(const struct v1_file *file, size_t index)
{
    uint64_t offset = file->slots[index].offset;
    while (index < file->slot_count && file->slots[index].offset == offset) {
        index++;
    }
    return index;
}

static uint64_t target_of(const struct v1_file *file, size_t index)
{
    return index < file->slot_count ? file->slots[index].offset : file->bytes.size;
}

/* --- the entries --------------------------------------------------------------------------- */

/* Is [begin, end) a row of whole entries? */
static bool is_row(const struct v1_file *file, uint64_t begin, uint64_t end)
{
    struct v1_entry entry;
    while (begin < end && v1_entry_decode(file->bytes, begin, &entry)) {
        begin += entry.size;
    }
    return begin == end;
}

/*
 * A row of entries begins at `begin` and should end where the slot `next` leads. When it does not,
 * but would end properly where a later one leads, while nothing begins where those in between do,
 * they are wrong and not the row. Returns which slot ends the row; false: none does.
 */
static bool find_row_end(const struct v1_file *file, uint64_t begin, size_t next, size_t *end)
{
    for (int wrong = 0; wrong <= FALSE_SLOTS_MAX; wrong++) {
        if (is_row(file, begin, target_of(file, next))) {
            *end = next;
            return true;
        }
        if (next == file->slot_count) {
            return false;
        }
        size_t after = next_target(file, next);
        if (is_row(file, target_of(file, next), target_of(file, after))) {
            return false;
        }
        next = after;
    }
    return false;
}

/* Takes over the entries of a row; the slots [first, last) lead to its beginning. */
static enum status add_row(struct v1_file *file, size_t first, size_t last, uint64_t begin,
                           uint64_t end)
{
    struct v1_entry entry;
    enum status status = STATUS_OK;
    for (uint64_t offset = begin; offset < end && status == STATUS_OK; offset += entry.size) {
        CHECK(v1_entry_decode(file->bytes, offset, &entry));
        if (offset > begin || first == last) {
            status = add_item(file, &entry, V1_NO_SLOT);
        }
        for (size_t i = first; offset == begin && i < last && status == STATUS_OK; i++) {
            status = add_item(file, &entry, file->slots[i].slot);
        }
    }
    return status;
}

/* Rules 1 and 2: walks all entries, from the beginning of one row to the next. */
static enum status gather_items(struct v1_file *file)
{
    enum status status = STATUS_OK;
    uint64_t begin = file->layout.entries_begin;
    size_t first = 0;
    v1_progress_begin(&file->progress, V1_READING, file->bytes.size);
    while (begin < file->bytes.size && status == STATUS_OK) {
        bool has_slot = target_of(file, first) == begin;
        size_t last = has_slot ? next_target(file, first) : first;
        size_t end;
        if (find_row_end(file, begin, last, &end)) {
            status = add_row(file, first, last, begin, target_of(file, end));
            for (size_t i = last; i < end && status == STATUS_OK; i++) {
                status = add_slot_problem(file, V1_SLOT_AMID, &file->slots[i]);
            }
        } else {
            end = last;
            status = add_problem(file, V1_NO_ENTRIES, begin, target_of(file, end));
        }
        first = end;
        begin = target_of(file, end);
        v1_progress_at(&file->progress, begin);
    }
    return status;
}

/* --- the hash ------------------------------------------------------------------------------ */

static bool is_in_column(const struct v1_file *file, const struct v1_item *item, enum v1_hash hash)
{
    uint64_t value = item->hash;
    if (hash != V1_HASH_RUST) {
        struct v1_entry entry;
        CHECK(v1_entry_decode(file->bytes, item->offset, &entry));
        value = v1_hash_of(hash, entry.key);
    }
    return value % file->layout.columns == item->slot % file->layout.columns;
}

static enum status choose_hash(struct v1_file *file, struct error *error)
{
    size_t counts[V1_HASH_COUNT] = {0};
    size_t total = 0;
    v1_progress_begin(&file->progress, V1_CHECKING, file->item_count);
    for (size_t i = 0; i < file->item_count; i++) {
        const struct v1_item *item = &file->items[i];
        v1_progress_at(&file->progress, i + 1);
        total += item->slot != V1_NO_SLOT;
        for (int hash = 0; item->slot != V1_NO_SLOT && hash < V1_HASH_COUNT; hash++) {
            counts[hash] += is_in_column(file, item, (enum v1_hash)hash);
        }
    }
    file->hash = counts[V1_HASH_GO] > counts[V1_HASH_RUST] ? V1_HASH_GO : V1_HASH_RUST;
    if (total >= TELLING_KEYS && counts[file->hash] < total / 2) {
        file->hash = V1_HASH_UNKNOWN;
        return error_set(error, STATUS_CORRUPT,
                         "of %zu keys in its index only %zu stand where scdb, py_scdb or go-scdb "
                         "would put them: its header is damaged, or another program wrote it",
                         total,
                         counts[V1_HASH_GO] > counts[V1_HASH_RUST] ? counts[V1_HASH_GO]
                                                                   : counts[V1_HASH_RUST]);
    }
    return STATUS_OK;
}

/* Rules 2 and 3: leaves out what a slot leads to that should not. */
static enum status check_columns(struct v1_file *file)
{
    size_t kept = 0;
    uint64_t offset_before = 0;
    v1_progress_begin(&file->progress, V1_CHECKING, file->item_count);
    for (size_t i = 0; i < file->item_count; i++) {
        const struct v1_item *item = &file->items[i];
        enum status status = STATUS_OK;
        v1_progress_at(&file->progress, i + 1);
        if (item->slot != V1_NO_SLOT && !is_in_column(file, item, file->hash)) {
            status = add_slot_problem(file, V1_WRONG_COLUMN, item);
        } else if (item->offset == offset_before) {
            status = add_slot_problem(file, V1_SLOT_SHARED, item);
        } else {
            offset_before = item->offset;
            file->items[kept++] = *item;
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    file->item_count = kept;
    return STATUS_OK;
}

/* --- the keys ------------------------------------------------------------------------------ */

/* What decides about a key, and what is the newest of it. */
struct decision {
    const struct v1_item *by_index; /* NULL: no slot leads to the key */
    const struct v1_item *newest;
};

/*
 * Rule 4. `*out` NULL: the key is not to be had. An entry that no slot leads to is not believed,
 * for its key may be damaged, and nor is an older one, for the slot may be. But when it is the
 * file's last and all else is sound, the ancestor has ended between writing it and writing its
 * slot.
 */
static enum status settle(struct v1_file *file, const struct decision *decision, bool is_sound,
                          const struct v1_item **out)
{
    const struct v1_item *newest = decision->newest;
    struct v1_entry entry;
    *out = decision->by_index;
    if (newest->slot != V1_NO_SLOT) {
        return STATUS_OK;
    }
    CHECK(v1_entry_decode(file->bytes, newest->offset, &entry));
    if (entry.is_deleted && decision->by_index == NULL) {
        return STATUS_OK;
    }
    bool is_taken = is_sound && entry.offset + entry.size == file->bytes.size;
    *out = is_taken ? newest : NULL;
    return add_problem(file, is_taken ? V1_UNINDEXED : V1_UNREACHABLE, newest->offset, 0);
}

static bool has_key(const struct v1_file *file, const struct v1_item *item, struct slice key)
{
    struct v1_entry entry;
    CHECK(v1_entry_decode(file->bytes, item->offset, &entry));
    return slice_equal(entry.key, key);
}

/* Gathers what the last of `items` and those before it with the same key say, into decided[]; the
 * others, whose keys only share the hash, go to the end, in their order. Returns how many those
 * are. */
static size_t decide(const struct v1_file *file, struct v1_item *items, size_t count,
                     struct v1_item decided[2], struct decision *decision)
{
    struct v1_entry entry;
    CHECK(v1_entry_decode(file->bytes, items[count - 1].offset, &entry));
    size_t others = 0;
    *decision = (struct decision){.newest = &decided[0]}; /* the offsets ascend */
    decided[0] = items[count - 1];
    for (size_t i = count; i-- > 0;) {
        struct v1_item item = items[i];
        if (!has_key(file, &item, entry.key)) {
            others++;
            items[count - others] = item;
        } else if (item.slot != V1_NO_SLOT &&
                   (decision->by_index == NULL || item.slot < decided[1].slot)) {
            decided[1] = item;
            decision->by_index = &decided[1];
        }
    }
    return others;
}

/* Leaves one item for each key. What is kept takes the place of what was decided before. */
static enum status decide_all(struct v1_file *file)
{
    bool is_sound = file->problem_count == 0;
    size_t kept = 0;
    size_t begin = 0;
    v1_items_sort(file->items, file->item_count, V1_BY_HASH, &file->progress);
    v1_progress_begin(&file->progress, V1_COMPARING, file->item_count);
    while (begin < file->item_count) {
        struct v1_item *items = &file->items[begin];
        size_t count = 1;
        while (begin + count < file->item_count && items[count].hash == items[0].hash) {
            count++;
        }
        begin += count;
        v1_progress_at(&file->progress, begin);
        while (count > 0) {
            struct v1_item decided[2];
            struct decision decision;
            const struct v1_item *chosen;
            size_t others = decide(file, items, count, decided, &decision);
            items += count - others;
            count = others;
            enum status status = settle(file, &decision, is_sound, &chosen);
            if (status != STATUS_OK) {
                return status;
            }
            if (chosen != NULL) {
                file->items[kept++] = *chosen;
            }
        }
    }
    file->item_count = kept;
    v1_items_sort(file->items, file->item_count, V1_BY_OFFSET, &file->progress);
    return STATUS_OK;
}

/* --- all of it ----------------------------------------------------------------------------- */

enum status v1_file_scan(struct v1_file *file, struct error *error)
{
    enum status status = v1_layout_decode(file->bytes, &file->layout, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (file->layout.has_stray_bytes) {
        status = add_problem(file, V1_STRAY_HEADER, 0, 0);
    }
    if (status == STATUS_OK) {
        status = gather_slots(file);
    }
    if (status == STATUS_OK) {
        status = gather_items(file);
    }
    if (status == STATUS_OK) {
        status = choose_hash(file, error);
    }
    if (status == STATUS_OK) {
        status = check_columns(file);
    }
    if (status == STATUS_OK) {
        status = decide_all(file);
    }
    return status == STATUS_NO_MEMORY ? error_set(error, status, "out of memory") : status;
}

struct v1_entry v1_file_entry(const struct v1_file *file, size_t index)
{
    struct v1_entry entry;
    CHECK(index < file->item_count);
    CHECK(v1_entry_decode(file->bytes, file->items[index].offset, &entry));
    return entry;
}

bool v1_entry_is_live(const struct v1_entry *entry, uint64_t now_s)
{
    return !entry->is_deleted && (entry->expiry_s == 0 || entry->expiry_s >= now_s);
}
