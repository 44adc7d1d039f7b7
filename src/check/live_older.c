/* live_older.c - see live_older.h. */
#include "check/live_older.h"

#include "check/live_databases.h"
#include "check/live_walked.h"

#include <stdlib.h>

static enum status keep(struct live_passed *passed, const struct recovery_entry *entry)
{
    if (passed->count == passed->capacity) {
        size_t capacity = passed->capacity * 2 + 16;
        struct recovery_entry *entries = realloc(passed->entries, capacity * sizeof(*entries));
        if (entries == NULL) {
            return STATUS_NO_MEMORY;
        }
        passed->entries = entries;
        passed->capacity = capacity;
    }
    passed->entries[passed->count++] = *entry;
    return STATUS_OK;
}

enum status live_older_pass_over(struct live *live, const struct recovery_entry *entry)
{
    enum status status = recovery_table_offer(&live->passed.newest, entry);
    if (status != STATUS_OK || entry->expiry_ms == EXPIRY_NONE) {
        return status;
    }
    return entry->expiry_ms <= live->options.now_ms ? recovery_table_offer(&live->table, entry)
                                                    : keep(&live->passed, entry);
}

bool live_older_is_older(const struct live *live, const struct walk *walk)
{
    const struct recovery_entry entry = live_walked_entry(live, walk);
    const struct recovery_entry *passed =
        recovery_table_find(&live->passed.newest, entry.hash, entry.check);
    return passed != NULL && passed->sequence > entry.sequence;
}

void live_older_deinit(struct live *live)
{
    recovery_table_deinit(&live->passed.newest);
    free(live->passed.entries);
    live->passed = (struct live_passed){.entries = NULL};
}

enum status live_older_end_expired(struct live *live)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < live->passed.count; i++) {
        const struct recovery_entry *entry = &live->passed.entries[i];
        if (staircase_covers(&live->staircase, entry->sequence, entry->expiry_ms)) {
            status = recovery_table_offer(&live->table, entry);
        }
    }
    return status;
}

/* Else it was flushed. */
static bool has_database(struct live *live, uint64_t keyspace_id)
{
    struct live_database *database;
    return live_databases_lack(live, keyspace_id) ||
           (live_databases_find(live, keyspace_id, false, &database) == STATUS_OK &&
            database != NULL);
}

void live_older_report(struct live *live, struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    if (record->kind != RECORD_VALUE || !has_database(live, record->keyspace_id)) {
        return;
    }
    const struct recovery_entry entry = live_walked_entry(live, walk);
    const struct recovery_entry *found = recovery_table_find(&live->table, entry.hash, entry.check);
    if (found != NULL && found->sequence >= entry.sequence) {
        return;
    }
    struct slice value;
    enum status status = walk_value(walk, &value);
    if (status != STATUS_OK && live_walked_objection(live, walk) == NULL) {
        live_walked_report_value(live, walk, status);
    }
}
