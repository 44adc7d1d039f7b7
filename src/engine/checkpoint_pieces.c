/* checkpoint_pieces.c - see checkpoint_pieces.h. */
#include "engine/checkpoint_pieces.h"

#include "engine/little_endian.h"

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

static enum status append_string(const struct pieces *pieces, struct buffer *out)
{
    uint64_t count = count_pieces(pieces);
    size_t size = STRING_SIZE + (size_t)count * PIECE_SIZE;
    enum status status = buffer_reserve(out, size);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *into = (uint8_t *)out->data + out->size;
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
    out->size += size;
    return STATUS_OK;
}

enum status checkpoint_pieces_append(const struct spaces *spaces, uint64_t end_id,
                                     struct buffer *out)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < spaces->count; i++) {
        const struct engine_keyspace *keyspace = spaces->databases[i];
        const struct pieces *pieces =
            keyspace->id < end_id ? pieces_table_next(&keyspace->pieces, NULL) : NULL;
        while (status == STATUS_OK && pieces != NULL) {
            status = append_string(pieces, out);
            pieces = pieces_table_next(&keyspace->pieces, pieces);
        }
    }
    return status;
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
