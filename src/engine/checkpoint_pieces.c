/* checkpoint_pieces.c - see checkpoint_pieces.h. */
#include "engine/checkpoint_pieces.h"

#include "base/little_endian.h"

#include <stdlib.h>

/*
 * A string: u64 id, keyspace, address of the header, its sequence number, hash of the key, place
 * (pieces.h), number of pieces. A piece: u32 ordinal, u32 units, u64 address, u64 sequence number.
 */
#define STRING_SIZE 56
#define PIECE_SIZE  24

/* --- copying ------------------------------------------------------------------------------ */

static uint64_t count_pieces(const struct pieces *pieces)
{
    uint64_t count = 0;
    for (uint64_t i = 0; pieces_next(pieces, &i); i++) {
        count++;
    }
    return count;
}

/* A copy of the string, which the caller owns; NULL without memory. */
static struct pieces_copy *copy_string(const struct pieces *pieces, uint64_t count)
{
    size_t size = STRING_SIZE + (size_t)count * PIECE_SIZE;
    struct pieces_copy *copy = malloc(sizeof(*copy) + size);
    if (copy == NULL) {
        return NULL;
    }
    *copy = (struct pieces_copy){.keyspace_id = pieces->keyspace_id, .size = size};
    uint8_t *into = copy->bytes;
    little_endian_store64(into, pieces->id);
    little_endian_store64(into + 8, pieces->keyspace_id);
    little_endian_store64(into + 16, pieces->header.units);
    little_endian_store64(into + 24, pieces->header_sequence);
    little_endian_store64(into + 32, pieces->hash.bits);
    little_endian_store64(into + 40, pieces_encode_shape(pieces->shape));
    little_endian_store64(into + 48, count);
    into += STRING_SIZE;
    for (uint64_t i = 0; pieces_next(pieces, &i); i++, into += PIECE_SIZE) {
        struct piece piece = pieces_get(pieces, i);
        little_endian_store32(into, (uint32_t)i);
        little_endian_store32(into + 4, piece.units);
        little_endian_store64(into + 8, piece.address);
        little_endian_store64(into + 16, piece.sequence);
    }
    return copy;
}

static void add_copy(struct checkpoint_pieces *copies, struct pieces_copy *copy)
{
    if (copies->last == NULL) {
        copies->first = copy;
    } else {
        copies->last->next = copy;
    }
    copies->last = copy;
    copies->count++;
}

/* Copies fresh strings of the table for up to *left, from which what they cost is taken. */
static enum status copy_table(struct checkpoint_pieces *copies, struct pieces_table *table,
                              uint64_t *left)
{
    struct pieces *pieces;
    while (*left > 0 && (pieces = pieces_order_fresh(table)) != NULL) {
        uint64_t count = count_pieces(pieces);
        struct pieces_copy *copy = copy_string(pieces, count);
        if (copy == NULL) {
            return STATUS_NO_MEMORY;
        }
        add_copy(copies, copy);
        pieces_order_note_copy(table, pieces, copy);
        uint64_t cost = count + CHECKPOINT_STRING_COSTS;
        *left -= cost < *left ? cost : *left;
    }
    return STATUS_OK;
}

void checkpoint_pieces_begin_locked(struct checkpoint_pieces *copies, const struct spaces *spaces)
{
    for (size_t i = 0; i < spaces->count; i++) {
        copies->string_count += spaces->databases[i]->pieces.count;
    }
}

bool checkpoint_pieces_are_enough(const struct checkpoint_pieces *copies)
{
    return copies->count / 3 > copies->string_count;
}

enum status checkpoint_pieces_copy_locked(struct checkpoint_pieces *copies, struct spaces *spaces,
                                          uint64_t end_id, uint64_t most, bool *is_done)
{
    enum status status = STATUS_OK;
    *is_done = true;
    for (size_t i = 0; status == STATUS_OK && i < spaces->count; i++) {
        struct engine_keyspace *keyspace = spaces->databases[i];
        if (keyspace->id < end_id) {
            status = copy_table(copies, &keyspace->pieces, &most);
            *is_done = *is_done && pieces_order_fresh(&keyspace->pieces) == NULL;
        }
    }
    return status;
}

void checkpoint_pieces_settle_locked(struct spaces *spaces)
{
    for (size_t i = 0; i < spaces->count; i++) {
        pieces_order_forget(&spaces->databases[i]->pieces);
    }
}

static bool is_in_use(const struct map_facts *map, uint64_t keyspace_id)
{
    size_t i = 0;
    while (i < map->count && map->ids[i] != keyspace_id) {
        i++;
    }
    return i < map->count;
}

enum status checkpoint_pieces_append(const struct checkpoint_pieces *copies,
                                     const struct map_facts *map, struct buffer *out)
{
    enum status status = STATUS_OK;
    for (const struct pieces_copy *copy = copies->first; status == STATUS_OK && copy != NULL;
         copy = copy->next) {
        if (!copy->is_void && is_in_use(map, copy->keyspace_id)) {
            status = buffer_append(out, (const char *)copy->bytes, copy->size);
        }
    }
    return status;
}

void checkpoint_pieces_deinit(struct checkpoint_pieces *copies)
{
    while (copies->first != NULL) {
        struct pieces_copy *next = copies->first->next;
        free(copies->first);
        copies->first = next;
    }
    *copies = (struct checkpoint_pieces){0};
}

/* --- reading ------------------------------------------------------------------------------ */

/* The next `size` bytes, NULL when there are fewer. */
static const uint8_t *take(struct checkpoint_pieces_reader *reader, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)reader->left.data;
    if (reader->left.size < size) {
        return NULL;
    }
    reader->left = slice_make(reader->left.data + size, reader->left.size - size);
    return bytes;
}

enum status checkpoint_pieces_next_string(struct checkpoint_pieces_reader *reader)
{
    if (reader->left.size == 0) {
        return STATUS_NOT_FOUND;
    }
    const uint8_t *from = take(reader, STRING_SIZE);
    if (from == NULL) {
        return STATUS_CORRUPT;
    }
    reader->string = (struct pieces){
        .id = little_endian_load64(from),
        .keyspace_id = little_endian_load64(from + 8),
        .header = {.units = little_endian_load64(from + 16)},
        .header_sequence = little_endian_load64(from + 24),
        .hash = {.bits = little_endian_load64(from + 32)},
    };
    reader->piece_count = little_endian_load64(from + 48);
    reader->last_ordinal = 0;
    return pieces_decode_shape(little_endian_load64(from + 40), &reader->string.shape);
}

enum status checkpoint_pieces_next_piece(struct checkpoint_pieces_reader *reader, uint64_t *ordinal,
                                         struct piece *out)
{
    if (reader->piece_count == 0) {
        return STATUS_NOT_FOUND;
    }
    const uint8_t *from = take(reader, PIECE_SIZE);
    if (from == NULL) {
        return STATUS_CORRUPT;
    }
    const struct pieces_shape *shape = &reader->string.shape;
    uint64_t next = little_endian_load32(from);
    uint32_t units = little_endian_load32(from + 4);
    uint64_t address = little_endian_load64(from + 8);
    uint64_t sequence = little_endian_load64(from + 16);
    if (next < reader->last_ordinal || next << shape->shift >= shape->size || sequence == 0 ||
        address > PIECE_ADDRESS_MAX || units > PIECE_UNITS_MAX) {
        return STATUS_CORRUPT;
    }
    reader->piece_count--;
    reader->last_ordinal = next + 1;
    *ordinal = next;
    *out = (struct piece){.address = address & PIECE_ADDRESS_MAX,
                          .units = units & PIECE_UNITS_MAX,
                          .sequence = sequence};
    return STATUS_OK;
}
