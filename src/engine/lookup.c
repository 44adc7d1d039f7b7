/* lookup.c - see lookup.h. */
#include "engine/lookup.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/checksum.h"
#include "engine/engine_state.h"
#include "engine/fault_guard.h"

struct index_hash lookup_hash(const struct engine *engine, struct slice key)
{
    return index_hash_of(
        checksum_keyed(key.data, key.size, engine->secret, sizeof(engine->secret)));
}

uint64_t lookup_position(const struct segment *segment, uint64_t offset, uint64_t size)
{
    return segment->of_this_session ? segment->base_position + offset + size : 0;
}

void lookup_to_entry(const struct lookup *lookup, struct entry *out)
{
    *out = (struct entry){
        .key = lookup->record.key,
        .value = lookup->record.value,
        .expiry_ms = lookup->record.expiry_ms,
        .sequence = lookup->record.sequence,
        .type = lookup->record.type,
        .encoding = lookup->record.encoding,
        .segment = lookup->segment,
        .record = lookup->bytes,
        .seed = lookup->segment->seed,
    };
}

void lookup_report_locked(struct engine *engine, const struct segment *segment, uint64_t offset,
                          enum status status)
{
    struct record_address address = segment_address_of(&engine->segments, segment, offset);
    size_t seen = engine->corrupt_records < CORRUPT_LOGGED_MAX ? (size_t)engine->corrupt_records
                                                               : CORRUPT_LOGGED_MAX;
    for (size_t i = 0; i < seen; i++) {
        if (engine->corrupt_logged[i].units == address.units) {
            return;
        }
    }
    engine->corrupt_logged[engine->corrupt_records++ % CORRUPT_LOGGED_MAX] = address;
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(segment->kind, segment->number, name);
    LOG_WARNING("the record at offset %llu of %s can't be read: %s", (unsigned long long)offset,
                name, status_words(status));
}

/* --- reading one record ------------------------------------------------------------------- */

struct read_context {
    const uint8_t *bytes;
    uint64_t available;
    uint64_t seed;
    const struct slice *key; /* NULL: whatever key it has */
    struct record record;
    uint64_t size;
    enum status status;
    bool is_other_key;
};

/* Compares the key first: most often it is the right one, and then the checksum is all that is
 * left to do. */
static void read_record(void *context)
{
    struct read_context *read = context;
    read->status = record_peek(read->bytes, read->available, &read->record, &read->size);
    if (read->status == STATUS_OK) {
        read->status = record_verify_head(read->bytes, read->seed);
    }
    if (read->status == STATUS_OK && read->key != NULL) {
        read->is_other_key = !slice_equal(read->record.key, *read->key);
    }
    if (read->status == STATUS_OK && read->record.kind != RECORD_VALUE) {
        read->status = STATUS_CORRUPT; /* slots point at values */
    }
}

/* Reads the record at `address`; false when it has another key than `key`. */
static bool read_at(struct engine *engine, struct record_address address, const struct slice *key,
                    struct lookup *out)
{
    struct segment *segment = segment_table_find(&engine->segments, address);
    CHECK(segment != NULL);
    uint64_t offset = segment_offset_of(&engine->segments, segment, address);
    struct read_context read = {.seed = segment->seed, .key = key};
    bool mapped;
    read.bytes = appender_bytes_locked(engine, segment, offset, &read.available, &mapped);
    if (!mapped) {
        read_record(&read);
    } else if (!fault_guard_run(read_record, &read)) {
        read.status = STATUS_IO;
    }
    if (read.status == STATUS_OK && read.is_other_key) {
        return false;
    }
    if (read.status != STATUS_OK) {
        lookup_report_locked(engine, segment, offset, read.status);
    }
    *out = (struct lookup){.status = read.status,
                           .segment = segment,
                           .offset = offset,
                           .bytes = read.bytes,
                           .size = read.status == STATUS_OK ? read.size : 0,
                           .record = read.record};
    return true;
}

void lookup_address_locked(struct engine *engine, struct record_address address, struct lookup *out)
{
    CHECK(read_at(engine, address, NULL, out));
}

/* --- finding a key ------------------------------------------------------------------------ */

struct match_context {
    struct engine *engine;
    struct slice key;
    struct lookup *out;
};

static bool match_key(void *context, struct record_address address)
{
    struct match_context *match = context;
    return read_at(match->engine, address, &match->key, match->out);
}

bool lookup_key_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                       const struct lookup_key *wanted, struct index_entry *slot,
                       struct lookup *out)
{
    struct match_context match = {.engine = engine, .key = wanted->key, .out = out};
    return index_find(keyspace->index, wanted->hash, match_key, &match, slot);
}
