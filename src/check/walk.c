/* walk.c - see walk.h. */
#include "check/walk.h"

#include "engine/fault_guard.h"

/* Where the disk has failed once: reads are no larger than this, so that they end before the place,
 * and steps over it are a sector long. */
#define CAREFUL_READ_SIZE 128
#define SECTOR_SIZE       ((uint64_t)512)

enum status walk_begin(struct walk *walk, struct check_file *file)
{
    *walk = (struct walk){.file = file};
    uint64_t limit = file->file == NULL ? 0 : file->limit;
    uint64_t start = limit < SEGMENT_HEADER_SIZE ? limit : SEGMENT_HEADER_SIZE;
    return record_scanner_init_file(&walk->scanner, file->file, file->seed, start, limit);
}

void walk_end(struct walk *walk)
{
    record_scanner_deinit(&walk->scanner);
}

/* After a failed read: smaller pieces first, and no values, then over the sector that is lost. */
static void step_over_unreadable(struct walk *walk)
{
    struct record_scanner *scanner = &walk->scanner;
    bool is_careful = !scanner->want_values;
    scanner->want_values = false;
    scanner->capacity =
        scanner->capacity < CAREFUL_READ_SIZE ? scanner->capacity : CAREFUL_READ_SIZE;
    if (is_careful) {
        walk->gap_is_unreadable = true;
        uint64_t next = (scanner->offset / SECTOR_SIZE + 1) * SECTOR_SIZE;
        scanner->offset = next < scanner->limit ? next : scanner->limit;
    }
}

/* Looks for the next valid record behind a place where none is, for the reason given. NOT_FOUND:
 * the limit came first. */
static enum status search(struct walk *walk, enum status status)
{
    struct record_scanner *scanner = &walk->scanner;
    while (status == STATUS_CORRUPT || status == STATUS_IO) {
        if (status == STATUS_IO) {
            step_over_unreadable(walk);
        } else {
            uint64_t next = scanner->offset + RECORD_ALIGNMENT;
            scanner->offset = next < scanner->limit ? next : scanner->limit;
        }
        status = record_scanner_next(scanner, &walk->scanned);
    }
    return status;
}

/* There is no valid record at gap_from. */
static enum status cross_gap(struct walk *walk, enum status status)
{
    struct record_scanner *scanner = &walk->scanner;
    if (status == STATUS_CORRUPT &&
        record_scanner_is_zero(scanner, walk->gap_from, &walk->gap_is_zero) == STATUS_OK &&
        walk->gap_is_zero) {
        scanner->offset = scanner->limit;
        walk->gap_to = scanner->limit;
        return STATUS_OK;
    }
    walk->gap_is_zero = false;
    status = search(walk, status);
    walk->has_record = status == STATUS_OK;
    walk->gap_to = walk->has_record ? walk->scanned.offset : scanner->limit;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status walk_next(struct walk *walk, enum walk_event *event)
{
    if (walk->has_record) {
        walk->has_record = false;
        *event = WALK_RECORD;
        return STATUS_OK;
    }
    enum status status = record_scanner_next(&walk->scanner, &walk->scanned);
    if (status == STATUS_OK) {
        *event = WALK_RECORD;
        return STATUS_OK;
    }
    if (status == STATUS_NOT_FOUND) {
        *event = WALK_END;
        return STATUS_OK;
    }
    walk->gap_from = walk->scanner.offset;
    walk->gap_is_zero = false;
    walk->gap_is_unreadable = false;
    status = cross_gap(walk, status);
    if (status != STATUS_OK) {
        return status;
    }
    if (walk->has_record && walk->gap_from == walk->gap_to) {
        walk->has_record = false; /* smaller pieces were enough */
        *event = WALK_RECORD;
    } else {
        *event = WALK_GAP;
    }
    return STATUS_OK;
}

bool walk_ends_clean(const struct walk *walk, uint64_t *offset)
{
    uint64_t limit = walk->scanner.limit;
    bool ends_in_gap = walk->gap_to == limit && walk->gap_from < limit;
    *offset = ends_in_gap ? walk->gap_from : limit;
    return !ends_in_gap || walk->gap_is_zero;
}

/* --- values ------------------------------------------------------------------------------- */

struct value_check {
    const uint8_t *bytes;
    uint64_t size; /* of the record */
    uint64_t seed;
    struct slice value;
    enum status status;
};

static void check_value(void *context)
{
    struct value_check *check = context;
    struct record record;
    uint64_t size;
    check->status = record_peek(check->bytes, check->size, &record, &size);
    if (check->status == STATUS_OK) {
        check->status = record_verify_value(check->bytes, 0, record.value.size, check->seed);
    }
    check->value = record.value;
}

enum status walk_value(struct walk *walk, struct slice *out)
{
    struct value_check check = {.size = walk->scanned.size, .seed = walk->file->seed};
    if (walk->scanned.has_value) {
        check.bytes = walk->scanned.bytes;
        check_value(&check);
    } else {
        /* Larger than the scanner's buffer. */
        const uint8_t *mapping = check_file_map(walk->file);
        if (mapping == NULL) {
            return STATUS_IO;
        }
        check.bytes = mapping + walk->scanned.offset;
        if (!fault_guard_run(check_value, &check)) {
            return STATUS_IO;
        }
    }
    if (check.status == STATUS_OK) {
        *out = check.value;
    }
    return check.status;
}
