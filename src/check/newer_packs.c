/*
 * newer_packs.c - see newer_packs.h.
 *
 * A crash leaves packed segments that no manifest lists, too. They are no newer than the end of the
 * log, and that is looked for where a server would find it: at the first place where it breaks, at
 * the start of the group that lies there.
 */
#include "check/newer_packs.h"

#include "check/walk.h"

struct end {
    const struct history *history;
    uint64_t sequence;      /* of the last record that ends a group */
    uint64_t last_sequence; /* of the last record */
    bool in_group;          /* which does not end there */
    bool is_broken;         /* nothing behind it counts */
};

/* Does the segment go on from the one before it? That may have been compacted away. */
static bool continues(const struct end *end, const struct check_file *file)
{
    if (file->header_status != STATUS_OK) {
        return false;
    }
    return check_store_has_file(end->history->store, file->header.previous_file)
               ? file->header.previous_sequence == end->last_sequence
               : !end->in_group;
}

/* Is the record in its turn, and whole, or known to have been so? */
static bool counts(const struct end *end, struct walk *walk, uint64_t due)
{
    struct slice value;
    uint64_t sequence = walk->scanned.record.sequence;
    return sequence == due && (walk_value(walk, &value) != STATUS_CORRUPT ||
                               !history_is_torn(end->history, walk->file, sequence));
}

static void take_record(struct end *end, const struct record *record)
{
    end->last_sequence = record->sequence;
    end->in_group = record->group_more;
    if (!record->group_more) {
        end->sequence = record->sequence;
    }
}

static enum status walk_open(struct end *end, struct check_file *file)
{
    struct walk walk;
    enum walk_event event = WALK_RECORD;
    uint64_t due = file->header.first_sequence;
    enum status status = walk_begin(&walk, file);
    while (status == STATUS_OK && !end->is_broken && event != WALK_END) {
        status = walk_next(&walk, &event);
        if (status == STATUS_OK && event == WALK_RECORD && counts(end, &walk, due)) {
            take_record(end, &walk.scanned.record);
            due++;
        } else if (status == STATUS_OK && event != WALK_END) {
            end->is_broken = event == WALK_RECORD || !walk.gap_is_zero;
        }
    }
    walk_end(&walk);
    return status;
}

/* Its end is known: all in it was durable. */
static void pass_sealed(struct end *end, const struct check_file *file)
{
    end->last_sequence = file->entry.last_sequence;
    end->sequence = file->entry.last_sequence;
    end->in_group = false;
}

static enum status walk_log(struct end *end)
{
    const struct history *history = end->history;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && !end->is_broken && i < history->log_count; i++) {
        struct check_file *file = history->log[i];
        if (!continues(end, file)) {
            end->is_broken = true;
        } else if (check_file_is_open_log(file)) {
            status = walk_open(end, file);
        } else {
            pass_sealed(end, file);
        }
    }
    return status;
}

/* What the manifest alone knows of. */
static uint64_t known_sequence(const struct check_store *store)
{
    uint64_t known = store->manifest.next_sequence - 1;
    for (size_t i = 0; i < store->file_count; i++) {
        uint64_t last = store->files[i].entry.last_sequence;
        known = last > known ? last : known;
    }
    return known;
}

static size_t count_above(const struct check_store *store, uint64_t sequence)
{
    size_t count = 0;
    for (size_t i = 0; i < store->pack_count; i++) {
        count += store->pack_sequences[i] > sequence ? 1 : 0;
    }
    return count;
}

enum status newer_packs_tell(struct check_store *store, const struct history *history)
{
    uint64_t known = known_sequence(store);
    size_t newer = count_above(store, known);
    if (newer > 0) {
        struct end end = {.history = history};
        enum status status = walk_log(&end);
        if (status != STATUS_OK) {
            return status;
        }
        newer = count_above(store, end.sequence > known ? end.sequence : known);
    }
    store->newer_segments += newer;
    store->other_segments += store->pack_count - newer;
    store->pack_count = 0;
    return STATUS_OK;
}
