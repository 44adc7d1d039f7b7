/* live_walked.c - see live_walked.h. */
#include "check/live_walked.h"

#include "check/findings.h"
#include "engine/checksum.h"

#include <inttypes.h>

struct recovery_entry live_walked_entry(const struct live *live, const struct walk *walk)
{
    const struct record *record = &walk->scanned.record;
    uint64_t seed = record->keyspace_id * 0x9e3779b97f4a7c15u;
    uint64_t address = walk->file->first_unit + walk->scanned.offset / RECORD_ALIGNMENT;
    return (struct recovery_entry){
        .hash =
            checksum_keyed(record->key.data, record->key.size, live->secret, sizeof(live->secret)),
        .check = checksum_keyed_wide(record->key.data, record->key.size, live->secret,
                                     sizeof(live->secret)) ^
                 seed,
        .sequence = record->sequence,
        .expiry_ms = record->expiry_ms,
        .address = address & (((uint64_t)1 << 40) - 1),
        .type = record->type & 15,
        .is_dead = record->kind == RECORD_TOMBSTONE,
        .keyspace_high = (record->keyspace_id >> 32) & 0x3fff,
        .keyspace_low = (uint32_t)record->keyspace_id,
        .units = (uint32_t)(walk->scanned.size / RECORD_ALIGNMENT),
    };
}

bool live_walked_has_value(const struct record *record)
{
    return record->kind == RECORD_VALUE ||
           (record->kind == RECORD_PIECED && pieces_is_header(record));
}

const char *live_walked_objection(const struct live *live, struct walk *walk)
{
    uint64_t sequence = walk->scanned.record.sequence;
    struct slice value;
    if (history_leaves_out(live->history, walk->file, sequence)) {
        return "its group (MULTI, MSET ...) is not whole";
    }
    bool is_torn = history_is_torn(live->history, walk->file, sequence) &&
                   walk_value(walk, &value) == STATUS_CORRUPT;
    return is_torn ? "it was not written whole" : NULL;
}

void live_walked_report_value(const struct live *live, const struct walk *walk, enum status status)
{
    char key[REPORT_KEY_SIZE];
    report_problem(live->report,
                   "%s offset %" PRIu64 ": the value of key %s (keyspace %" PRIu64
                   ", sequence number %" PRIu64 ") %s%s",
                   walk->file->name, walk->scanned.offset,
                   report_key(walk->scanned.record.key, key), walk->scanned.record.keyspace_id,
                   walk->scanned.record.sequence,
                   status == STATUS_CORRUPT ? "fails its checksum" : "can't be read",
                   findings_doubt(live->history, walk->file, walk->scanned.record.sequence));
}
