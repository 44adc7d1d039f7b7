/* compaction_output.c - see compaction_output.h. */
#include "engine/compaction_output.h"

#include "base/check.h"
#include "engine/engine_state.h"
#include "engine/fault_guard.h"
#include "engine/mutant.h"
#include "engine/pieces_order.h"
#include "engine/prefetch.h"
#include "engine/record_scanner.h"
#include "engine/unlisted.h"

#define FLUSH_SIZE       ((size_t)1 << 20)
#define THROUGH_SIZE     ((uint64_t)256 * 1024) /* what has less was read into memory */
#define PUBLISH_PER_HOLD 1024

/* So often the file is synced on the way: one sync of all of it at the end would keep the disk busy
 * for so long that the log's syncs, and whoever waits for those, had to wait, too. */
#define SYNC_SIZE ((uint64_t)8 << 20)

_Static_assert(THROUGH_SIZE <= RECORD_SCANNER_BLOCK_SIZE, "the scanner reads what is smaller");

void compaction_output_init(struct compaction_output *output, struct engine *engine,
                            uint64_t judged_sequence)
{
    *output = (struct compaction_output){.engine = engine, .judged_sequence = judged_sequence};
    buffer_init(&output->pending);
}

/* Forgets the file; the caller has seen to the segment. */
static void reset(struct compaction_output *output)
{
    output->segment = NULL;
    output->pending.size = 0;
    output->end = 0;
    output->first_sequence = 0;
    output->last_sequence = 0;
    output->kept_bytes = 0;
    output->kept_sequence = 0;
    output->waiting_bytes = 0;
    output->synced = 0;
    compaction_moves_clear(&output->moves);
}

void compaction_output_abandon(struct compaction_output *output)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(SEGMENT_PACKED, output->segment->number, name);
    segment_unreference(output->segment);
    unlisted_remove(output->engine->fs, name);
    reset(output);
}

void compaction_output_deinit(struct compaction_output *output)
{
    if (output->segment != NULL) {
        compaction_output_abandon(output);
    }
    buffer_deinit(&output->pending);
    compaction_moves_deinit(&output->moves);
}

bool compaction_output_has_room(const struct compaction_output *output, uint64_t size)
{
    return output->segment != NULL && size <= output->segment->capacity - output->end;
}

enum status compaction_output_open(struct compaction_output *output, uint64_t wanted,
                                   uint64_t first_size)
{
    struct engine *engine = output->engine;
    CHECK(output->segment == NULL);
    uint64_t capacity = SEGMENT_HEADER_SIZE + (wanted > first_size ? wanted : first_size);
    if (capacity > engine->segment_size) {
        uint64_t own = SEGMENT_HEADER_SIZE + first_size;
        capacity = own > engine->segment_size ? own : engine->segment_size;
    }
    mutex_lock(&engine->manifest_mutex);
    uint64_t number = engine->manifest.next_file_number++;
    mutex_unlock(&engine->manifest_mutex);
    struct segment_plan plan = {
        .kind = SEGMENT_PACKED, .number = number, .capacity = capacity, .reserve = capacity};
    struct segment *segment;
    enum status status = segment_create(engine->fs, &plan, &segment);
    if (status != STATUS_OK) {
        return status;
    }
    segment->seed = record_seed(engine->store_id, number);
    reset(output);
    output->segment = segment;
    output->end = SEGMENT_HEADER_SIZE;
    return STATUS_OK;
}

/* --- appending ---------------------------------------------------------------------------- */

static enum status flush(struct compaction_output *output)
{
    if (output->pending.size == 0) {
        return STATUS_OK;
    }
    struct slice part = buffer_slice(&output->pending);
    enum status status = file_write(output->segment->file, output->end - part.size, &part, 1);
    if (status == STATUS_OK) {
        output->pending.size = 0;
    }
    if (status == STATUS_OK && output->end - output->synced >= SYNC_SIZE) {
        output->synced = output->end;
        status = file_sync(output->segment->file);
    }
    return status;
}

struct head {
    const struct record *record;
    uint64_t seed;
    uint8_t *into;
};

static void encode_head(void *context)
{
    const struct head *head = context;
    record_encode_head(head->record, &head->record->value, 1, head->seed, head->into);
}

/* Puts the record's head, and unless it is large its value and padding, behind what is pending. A
 * large value may lie in a mapping: it was verified, and may have left memory again. SOURCE_LOST,
 * when the disk fails then. */
static enum status encode(struct compaction_output *output, const struct record *record,
                          uint64_t head_size, uint64_t size, bool through)
{
    size_t needed = (size_t)(through ? head_size : size);
    enum status status = buffer_reserve(&output->pending, needed);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *into = (uint8_t *)output->pending.data + output->pending.size;
    struct head head = {.record = record, .seed = output->segment->seed, .into = into};
    if (through) {
        status = fault_guard_run(encode_head, &head) ? STATUS_OK : STATUS_SOURCE_LOST;
    } else {
        record_pad(into, size);
        encode_head(&head);
        if (record->value.size > 0) {
            memcpy(into + head_size, record->value.data, record->value.size);
        }
    }
    output->pending.size += status == STATUS_OK ? needed : 0;
    return status;
}

/* A large value goes to the file from where it lies. SOURCE_LOST: the file may have a part of it
 * behind its end, for the next record to lie over, or for the sealing to cut. */
static enum status write_value(struct compaction_output *output, const struct record *record,
                               uint64_t head_size)
{
    static const char zeros[RECORD_ALIGNMENT];
    uint64_t size = head_size + record->value.size;
    struct slice parts[] = {record->value,
                            slice_make(zeros, (size_t)(record_padded_size(size) - size))};
    output->end += head_size;
    enum status status = flush(output);
    output->end -= head_size;
    if (status != STATUS_OK) {
        return status;
    }
    return file_write(output->segment->file, output->end + head_size, parts, 2);
}

static void note_kept(struct compaction_output *output, uint64_t sequence, uint64_t size)
{
    output->kept_bytes += size;
    output->kept_total += size;
    if (sequence > output->kept_sequence) {
        output->kept_sequence = sequence;
    }
}

void compaction_output_note_waiting(struct compaction_output *output, uint64_t size)
{
    output->kept_bytes -= size;
    output->kept_total -= size;
    output->waiting_bytes += size;
}

/* To be published: the record, which takes `size` bytes, is about to lie at the output's end. */
static void note_move(struct compaction_output *output, const struct record *record,
                      struct index_hash hash, struct record_address from, uint64_t size)
{
    bool is_pieced = record->kind == RECORD_PIECED;
    struct compaction_move move = {.hash = hash,
                                   .from = from,
                                   .to_unit = (uint32_t)(output->end / SEGMENT_UNIT_SIZE),
                                   .units = (uint32_t)(size / SEGMENT_UNIT_SIZE)};
    struct compaction_owner owner = {.keyspace_id = record->keyspace_id,
                                     .pieces_id = is_pieced ? record->pieces_id : 0,
                                     .place = is_pieced ? record->place : 0};
    compaction_moves_add(&output->moves, &move, &owner);
}

static void note_sequence(struct compaction_output *output, uint64_t sequence)
{
    if (output->first_sequence == 0 || sequence < output->first_sequence) {
        output->first_sequence = sequence;
    }
    if (sequence > output->last_sequence) {
        output->last_sequence = sequence;
    }
}

enum status compaction_output_append(struct compaction_output *output, const struct record *record,
                                     struct index_hash hash, const struct record_address *from)
{
    bool has_expiry = record->expiry_ms != EXPIRY_NONE;
    bool is_pieced = record->kind == RECORD_PIECED;
    uint64_t head_size =
        record_head_size(record->key.size, record->value.size, has_expiry, is_pieced);
    uint64_t size = record_padded_size(head_size + record->value.size);
    CHECK(compaction_output_has_room(output, size));
    bool through = size >= THROUGH_SIZE;
    enum status status = compaction_moves_reserve(&output->moves);
    if (status == STATUS_OK && from != NULL) {
        status = segment_live_prepare(output->segment, record->keyspace_id);
    }
    if (status == STATUS_OK) {
        status = encode(output, record, head_size, size, through);
    }
    if (status == STATUS_OK && through) {
        status = write_value(output, record, head_size);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (from != NULL) {
        note_move(output, record, hash, *from, size);
    } else {
        note_kept(output, record->sequence, size);
    }
    output->end += size;
    note_sequence(output, record->sequence);
    return output->pending.size >= FLUSH_SIZE ? flush(output) : STATUS_OK;
}

/* --- sealing ------------------------------------------------------------------------------ */

/* Rule 17 of docs/durability.md: not what has been appended meanwhile. */
static uint64_t judged_sequence(const struct compaction_output *output)
{
    if (!MUTANT(JUDGED_AHEAD_OF_LOG)) {
        return output->judged_sequence;
    }
    mutex_lock(&output->engine->lock);
    uint64_t sequence = output->engine->appender.next_sequence - 1;
    mutex_unlock(&output->engine->lock);
    return sequence;
}

static enum status write_header(struct compaction_output *output)
{
    const struct segment *segment = output->segment;
    struct segment_header header = {
        .kind = SEGMENT_PACKED,
        .file_number = segment->number,
        .capacity = segment->capacity,
        .first_sequence = output->first_sequence,
        .judged_sequence = judged_sequence(output),
        .created_ms = engine_unix_ms(output->engine),
    };
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, output->engine->store_id, bytes);
    struct slice part = slice_make(bytes, sizeof(bytes));
    return file_write(segment->file, 0, &part, 1);
}

/* Rule 6 of docs/durability.md: all of it is durable, its name too, before anybody lists it. */
enum status compaction_output_seal(struct compaction_output *output)
{
    struct segment *segment = output->segment;
    CHECK(output->first_sequence > 0);
    enum status status = flush(output);
    if (status == STATUS_OK) {
        status = write_header(output);
    }
    if (status == STATUS_OK && output->end < segment->capacity) {
        status = file_truncate(segment->file, output->end);
    }
    if (status == STATUS_OK && !MUTANT(PACKED_UNSYNCED)) {
        status = file_sync(segment->file);
    }
    if (status == STATUS_OK && !MUTANT(PACKED_NAME_UNSYNCED)) {
        status = fs_sync_directory(output->engine->fs);
    }
    return status;
}

enum status compaction_output_add_locked(struct compaction_output *output)
{
    struct segment *segment = output->segment;
    segment->end = output->end;
    segment->reserved = output->end;
    segment->first_sequence = output->first_sequence;
    segment->last_sequence = output->last_sequence;
    segment->judged_sequence = output->judged_sequence;
    segment->kept_bytes = output->kept_bytes;
    segment->kept_sequence = output->kept_sequence;
    segment->waiting_bytes = output->waiting_bytes;
    segment->synced_end = output->end;
    segment->closed = true;
    segment->sealed = true;
    return segment_table_add(&output->engine->segments, segment);
}

void compaction_output_withdraw_locked(struct compaction_output *output)
{
    segment_table_retire(&output->engine->segments, output->segment);
    reset(output);
}

/* --- publishing --------------------------------------------------------------------------- */

/* Moves a piece that still lies where it was copied from. */
static bool move_piece(struct engine_keyspace *keyspace, const struct compaction_owner *owner,
                       struct record_address from, struct record_address to)
{
    struct pieces *pieces = pieces_table_find(&keyspace->pieces, owner->pieces_id);
    struct piece piece = {0};
    if (pieces != NULL) {
        piece = pieces_get(pieces, owner->place);
    }
    if (piece.address == 0 || piece.address != from.units) {
        return false;
    }
    piece.address = to.units & PIECE_ADDRESS_MAX;
    pieces_set(pieces, owner->place, piece);
    pieces_order_touch(&keyspace->pieces, pieces);
    return true;
}

/* A header has moved with its slot. */
static void note_header(struct engine_keyspace *keyspace, const struct compaction_owner *owner,
                        struct record_address to)
{
    struct pieces *pieces = pieces_table_find(&keyspace->pieces, owner->pieces_id);
    if (pieces != NULL) {
        pieces->header = to;
        pieces_order_touch(&keyspace->pieces, pieces);
    }
}

static void publish_locked(struct compaction_output *output, const struct compaction_move *move,
                           const struct compaction_owner *owner)
{
    struct engine *engine = output->engine;
    struct engine_keyspace *keyspace = spaces_find(&engine->spaces, owner->keyspace_id);
    if (keyspace == NULL) {
        return; /* flushed meanwhile */
    }
    uint64_t to_offset = (uint64_t)move->to_unit * SEGMENT_UNIT_SIZE;
    struct record_address to = segment_address_of(&engine->segments, output->segment, to_offset);
    bool is_piece = owner->pieces_id != 0 && pieces_place_is_ordinal(owner->place);
    bool is_moved = is_piece ? move_piece(keyspace, owner, move->from, to)
                             : index_move(keyspace->index, move->hash, move->from, to);
    if (!is_moved) {
        return; /* overwritten, deleted or expired meanwhile */
    }
    if (owner->pieces_id != 0 && !is_piece) {
        note_header(keyspace, owner, to);
    }
    int64_t size = (int64_t)move->units * SEGMENT_UNIT_SIZE;
    struct segment *old = segment_table_find(&engine->segments, move->from);
    bool copied =
        !is_piece && checkpoint_has_copied(&engine->checkpoint, owner->keyspace_id, move->hash);
    live_map_clear(old->live_map, segment_offset_of(&engine->segments, old, move->from));
    live_map_set(output->segment->live_map, to_offset);
    segment_live_change(old, owner->keyspace_id, -size, copied);
    segment_live_change(output->segment, owner->keyspace_id, size, copied);
}

/* Asks for the memory that publishing the next few moves will touch. */
static void prefetch_locked(const struct compaction_output *output,
                            struct compaction_moves_cursor *ahead)
{
    struct prefetch_slots slots;
    slots.count = 0;
    const struct compaction_move *move;
    const struct compaction_owner *owner;
    for (size_t i = 0; i < PREFETCH_GROUP_SIZE &&
                       (move = compaction_moves_next(&output->moves, ahead, &owner)) != NULL;
         i++) {
        if (owner->pieces_id == 0) {
            prefetch_add_slot_locked(output->engine, &slots, owner->keyspace_id, move->hash);
        }
    }
    prefetch_slots(&slots);
}

void compaction_output_publish(struct compaction_output *output)
{
    struct engine *engine = output->engine;
    struct compaction_moves_cursor cursor = {0};
    struct compaction_moves_cursor ahead = {0};
    while (cursor.next < output->moves.count) {
        size_t end = cursor.next + PUBLISH_PER_HOLD;
        const struct compaction_move *move;
        const struct compaction_owner *owner;
        mutex_lock_patiently(&engine->lock);
        while (cursor.next < end &&
               (move = compaction_moves_next(&output->moves, &cursor, &owner)) != NULL) {
            if (ahead.next < cursor.next + PREFETCH_GROUP_SIZE) {
                prefetch_locked(output, &ahead);
            }
            publish_locked(output, move, owner);
        }
        mutex_unlock(&engine->lock);
        compaction_pace_step(engine);
    }
    reset(output);
}
