/* lookup.c - see lookup.h. */
#include "engine/lookup.h"

#include "base/check.h"
#include "base/log.h"
#include "engine/checksum.h"
#include "engine/engine_state.h"
#include "engine/fault_guard.h"
#include "engine/prefetch.h"

struct index_hash lookup_hash(const struct engine *engine, struct slice key)
{
    return index_hash_of(
        checksum_keyed(key.data, key.size, engine->secret, sizeof(engine->secret)));
}

uint64_t lookup_position(const struct segment *segment, uint64_t offset, uint64_t size)
{
    return segment->of_this_session ? segment->base_position + offset + size : 0;
}

/* The pieces that a header tells of. They are always known but where recovery met damage. */
static enum status add_pieces(const struct engine *engine, const struct lookup *lookup,
                              struct entry *out)
{
    const struct engine_keyspace *keyspace =
        spaces_find(&engine->spaces, lookup->record.keyspace_id);
    const struct pieces *pieces =
        keyspace != NULL ? pieces_table_find(&keyspace->pieces, lookup->record.pieces_id) : NULL;
    if (pieces == NULL) {
        return STATUS_CORRUPT;
    }
    out->pieces = pieces;
    out->size = pieces->shape.size;
    /* A change within the string writes no header. */
    out->sequence = pieces->piece_sequence > out->sequence ? pieces->piece_sequence : out->sequence;
    return STATUS_OK;
}

enum status lookup_to_entry(const struct engine *engine, const struct lookup *lookup,
                            struct entry *out)
{
    *out = (struct entry){
        .key = lookup->record.key,
        .value = lookup->record.value,
        .size = lookup->record.value.size,
        .expiry_ms = lookup->record.expiry_ms,
        .sequence = lookup->record.sequence,
        .type = lookup->record.type,
        .encoding = lookup->record.encoding,
        .is_verified = lookup->is_value_verified && lookup->record.kind == RECORD_VALUE,
        .segment = lookup->segment,
        .record = lookup->bytes,
        .seed = lookup->segment->seed,
        .pieces = NULL,
        .clock = 0, /* every field is named, so that nothing is cleared first */
    };
    return lookup->record.kind == RECORD_VALUE ? STATUS_OK : add_pieces(engine, lookup, out);
}

void lookup_report_locked(struct engine *engine, const struct segment *segment, uint64_t offset,
                          enum status status)
{
    struct engine_unreadable *unreadable = &engine->unreadable;
    unreadable->status = status;
    unreadable->offset = offset;
    segment_file_name(segment->kind, segment->number, unreadable->file);
    struct record_address address = segment_address_of(&engine->segments, segment, offset);
    size_t seen = engine->corrupt_records < CORRUPT_LOGGED_MAX ? (size_t)engine->corrupt_records
                                                               : CORRUPT_LOGGED_MAX;
    for (size_t i = 0; i < seen; i++) {
        if (engine->corrupt_logged[i].units == address.units) {
            return;
        }
    }
    engine->corrupt_logged[engine->corrupt_records++ % CORRUPT_LOGGED_MAX] = address;
    LOG_WARNING("the record at offset %llu of %s can't be read: %s; 'scdb-check verify', with the "
                "server stopped, tells what else is",
                (unsigned long long)offset, unreadable->file, status_words(status));
}

/* --- reading one record ------------------------------------------------------------------- */

struct read_context {
    const struct lookup_key *wanted; /* NULL: whatever key it has */
    uint64_t available;
    uint64_t seed;
    struct lookup *out;
    bool is_other_key;
};

/* A value that one checksum covers is verified where the rest is, if it is wanted: it stands right
 * behind the key. */
static void verify_small_value(const struct read_context *read)
{
    struct lookup *out = read->out;
    if (read->wanted != NULL && read->wanted->with_value &&
        out->record.value.size <= LOOKUP_VALUE_AT_ONCE) {
        out->is_value_verified =
            record_verify_short_value(out->bytes, &out->record, read->seed) == STATUS_OK;
    }
}

/* Compares the key first: most often it is the right one, and then the checksum is all that is
 * left to do. */
static void read_record(void *context)
{
    struct read_context *read = context;
    struct lookup *out = read->out;
    out->status = record_peek(out->bytes, read->available, &out->record, &out->size);
    if (out->status == STATUS_OK) {
        out->status = record_verify_head(out->bytes, &out->record, read->seed);
    }
    if (out->status == STATUS_OK && read->wanted != NULL) {
        read->is_other_key = !slice_equal(out->record.key, read->wanted->key);
    }
    if (out->status == STATUS_OK && out->record.kind != RECORD_VALUE) {
        struct pieces_shape shape; /* slots point at values, and at headers */
        out->status = out->record.kind == RECORD_PIECED
                          ? pieces_decode_shape(out->record.place, &shape)
                          : STATUS_CORRUPT;
    }
    if (out->status == STATUS_OK && !read->is_other_key) {
        verify_small_value(read);
    }
}

/* Reads the record at `address`; false when it has another key than the wanted one. */
static bool read_at(struct engine *engine, struct record_address address,
                    const struct lookup_key *wanted, struct lookup *out)
{
    struct segment *segment = segment_table_find(&engine->segments, address);
    CHECK(segment != NULL);
    out->segment = segment;
    out->offset = segment_offset_of(&engine->segments, segment, address);
    out->is_value_verified = false;
    struct read_context read = {.wanted = wanted, .seed = segment->seed, .out = out};
    bool mapped;
    out->bytes = appender_bytes_locked(engine, segment, out->offset, &read.available, &mapped);
    /* All lines of a short record at once, instead of one wait after the other. */
    prefetch_record(out->bytes, wanted != NULL && wanted->with_value ? PREFETCH_RECORD_LINES
                                                                     : PREFETCH_HEAD_LINES);
    if (!mapped) {
        read_record(&read);
    } else if (!fault_guard_run(read_record, &read)) {
        out->status = STATUS_IO;
    }
    if (out->status == STATUS_OK && read.is_other_key) {
        return false;
    }
    if (out->status != STATUS_OK) {
        out->size = 0;
        lookup_report_locked(engine, segment, out->offset, out->status);
    }
    return true;
}

void lookup_address_locked(struct engine *engine, struct record_address address, struct lookup *out)
{
    CHECK(read_at(engine, address, NULL, out));
}

/* --- finding a key ------------------------------------------------------------------------ */

struct match_context {
    struct engine *engine;
    const struct lookup_key *wanted;
    struct lookup *out;
};

static bool match_key(void *context, struct record_address address)
{
    struct match_context *match = context;
    return read_at(match->engine, address, match->wanted, match->out);
}

bool lookup_key_locked(struct engine *engine, const struct engine_keyspace *keyspace,
                       const struct lookup_key *wanted, struct index_entry *slot,
                       struct lookup *out)
{
    struct match_context match = {.engine = engine, .wanted = wanted, .out = out};
    return index_find(keyspace->index, wanted->hash, match_key, &match, slot);
}
