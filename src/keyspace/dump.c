/* dump.c - see dump.h. */
#include "keyspace/dump.h"

#include "base/crc64.h"
#include "base/number.h"

#include <limits.h>
#include <lzf.h>
#include <stddef.h>
#include <stdint.h>

#define TYPE_BYTE_STRING 0
#define TYPE_BYTE_LAST   21 /* streams as Redis 7.2 writes them */

#define VERSION_BYTES    2
#define CHECKSUM_BYTES   8
_Static_assert(VERSION_BYTES + CHECKSUM_BYTES == DUMP_FOOTER_SIZE, "the footer has both");

/* The first byte of a string: its two high bits, or all of it. */
#define LENGTH_6   0x00U
#define LENGTH_14  0x40U
#define LENGTH_32  0x80U
#define LENGTH_64  0x81U
#define FORM_INT8  0xC0U
#define FORM_INT16 0xC1U
#define FORM_INT32 0xC2U
#define FORM_LZF   0xC3U
#define KIND_MASK  0xC0U

/* The longest text that an integer of 32 bits has; and what LZF is not tried on. */
#define INTEGER_TEXT_MAX  11
#define UNCOMPRESSED_MAX  20
#define COMPRESSION_GAIN  4  /* bytes that compression must save */
#define LZF_EXPANSION_MAX 88 /* three bytes of LZF stand for at most 264, the longest match */

/* --- encoding --- */

static enum status append_number(struct buffer *out, uint64_t number, size_t size, bool big_endian)
{
    unsigned char bytes[sizeof(number)];
    for (size_t i = 0; i < size; i++) {
        bytes[big_endian ? size - 1 - i : i] = (unsigned char)(number >> (8 * i));
    }
    return buffer_append(out, bytes, size);
}

static enum status append_tagged(struct buffer *out, unsigned tag, uint64_t number, size_t size)
{
    enum status status = append_number(out, tag, 1, true);
    return status != STATUS_OK ? status : append_number(out, number, size, tag < KIND_MASK);
}

static enum status append_length(struct buffer *out, uint64_t length)
{
    if (length < 1U << 6) {
        return append_number(out, LENGTH_6 | length, 1, true);
    }
    if (length < 1U << 14) {
        return append_number(out, (uint64_t)LENGTH_14 << 8 | length, 2, true);
    }
    if (length <= UINT32_MAX) {
        return append_tagged(out, LENGTH_32, length, 4);
    }
    return append_tagged(out, LENGTH_64, length, 8);
}

/* NOT_FOUND: the string is no such integer, and nothing was appended. */
static enum status append_integer(struct buffer *out, struct slice string)
{
    int64_t number;
    if (string.size > INTEGER_TEXT_MAX || !number_parse(string, &number)) {
        return STATUS_NOT_FOUND;
    }
    if (number >= INT8_MIN && number <= INT8_MAX) {
        return append_tagged(out, FORM_INT8, (uint64_t)number, 1);
    }
    if (number >= INT16_MIN && number <= INT16_MAX) {
        return append_tagged(out, FORM_INT16, (uint64_t)number, 2);
    }
    if (number >= INT32_MIN && number <= INT32_MAX) {
        return append_tagged(out, FORM_INT32, (uint64_t)number, 4);
    }
    return STATUS_NOT_FOUND;
}

/* NOT_FOUND: compression saves nothing, and nothing was appended. */
static enum status append_compressed(struct buffer *out, struct slice string)
{
    if (string.size <= UNCOMPRESSED_MAX || string.size > UINT_MAX) {
        return STATUS_NOT_FOUND;
    }
    struct buffer packed = {0};
    size_t size_max = string.size - COMPRESSION_GAIN;
    enum status status = buffer_reserve_exact(&packed, size_max);
    if (status != STATUS_OK) {
        return status;
    }
    packed.size = lzf_compress(string.data, (unsigned)string.size, packed.data, (unsigned)size_max);
    status = packed.size == 0 ? STATUS_NOT_FOUND : append_number(out, FORM_LZF, 1, true);
    if (status == STATUS_OK) {
        status = append_length(out, packed.size);
    }
    if (status == STATUS_OK) {
        status = append_length(out, string.size);
    }
    if (status == STATUS_OK) {
        status = buffer_append(out, packed.data, packed.size);
    }
    buffer_deinit(&packed);
    return status;
}

static enum status append_string(struct buffer *out, struct slice string, bool compress)
{
    enum status status = append_integer(out, string);
    if (status == STATUS_NOT_FOUND && compress) {
        status = append_compressed(out, string);
    }
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = append_length(out, string.size);
    return status != STATUS_OK || string.size == 0 ? status
                                                   : buffer_append(out, string.data, string.size);
}

enum status dump_encode_string(struct slice string, bool compress, struct buffer *out)
{
    size_t begin = out->size;
    enum status status = append_number(out, TYPE_BYTE_STRING, 1, false);
    if (status == STATUS_OK) {
        status = append_string(out, string, compress);
    }
    if (status == STATUS_OK) {
        status = append_number(out, DUMP_VERSION, VERSION_BYTES, false);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct slice before = slice_make(out->data + begin, out->size - begin);
    return append_number(out, crc64(0, before), CHECKSUM_BYTES, false);
}

void dump_encode_nothing(char bytes[DUMP_FOOTER_SIZE])
{
    bytes[0] = DUMP_VERSION;
    bytes[1] = 0;
    uint64_t checksum = crc64(0, slice_make(bytes, VERSION_BYTES));
    for (size_t i = 0; i < CHECKSUM_BYTES; i++) {
        bytes[VERSION_BYTES + i] = (char)(checksum >> (8 * i));
    }
}

/* --- decoding --- */

static uint64_t load(struct slice bytes, bool big_endian)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        size_t place = big_endian ? bytes.size - 1 - i : i;
        number |= (uint64_t)(unsigned char)bytes.data[i] << (8 * place);
    }
    return number;
}

bool dump_is_sound(struct slice dump)
{
    if (dump.size < DUMP_FOOTER_SIZE) {
        return false;
    }
    size_t checked = dump.size - CHECKSUM_BYTES;
    uint64_t version = load(slice_part(dump, checked - VERSION_BYTES, VERSION_BYTES), false);
    uint64_t checksum = load(slice_part(dump, checked, CHECKSUM_BYTES), false);
    return version <= DUMP_VERSION && checksum == crc64(0, slice_part(dump, 0, checked));
}

/* Takes `size` bytes off the front; false: there are not so many. */
static bool take(struct slice *rest, uint64_t size, struct slice *taken)
{
    if (size > rest->size) {
        return false;
    }
    *taken = slice_part(*rest, 0, (size_t)size);
    *rest = slice_part(*rest, (size_t)size, rest->size - (size_t)size);
    return true;
}

/* Takes a length, or (*is_form) the first byte of another form. */
static bool take_length(struct slice *rest, uint64_t *length, bool *is_form)
{
    struct slice bytes;
    if (!take(rest, 1, &bytes)) {
        return false;
    }
    unsigned first = (unsigned char)bytes.data[0];
    *is_form = (first & KIND_MASK) == KIND_MASK;
    *length = *is_form ? first : first & ~KIND_MASK;
    size_t more = 0;
    if ((first & KIND_MASK) == LENGTH_14) {
        more = 1;
    } else if (first == LENGTH_32 || first == LENGTH_64) {
        more = first == LENGTH_32 ? 4 : 8;
        *length = 0;
    } else if ((first & KIND_MASK) == LENGTH_32) {
        return false; /* no length begins so */
    }
    if (!take(rest, more, &bytes)) {
        return false;
    }
    if (more > 0) {
        *length = *length << 8 | load(bytes, true);
    }
    return true;
}

static enum status decode_integer(struct slice rest, unsigned form, struct buffer *scratch,
                                  struct slice *string)
{
    static const size_t sizes[] = {1, 2, 4};
    struct slice bytes;
    if (!take(&rest, sizes[form - FORM_INT8], &bytes)) {
        return STATUS_INVALID;
    }
    uint64_t raw = load(bytes, false);
    int64_t number = form == FORM_INT8    ? (int8_t)raw
                     : form == FORM_INT16 ? (int16_t)raw
                                          : (int32_t)raw;
    char text[NUMBER_TEXT_SIZE];
    scratch->size = 0;
    enum status status = buffer_append(scratch, text, number_format(text, number));
    if (status == STATUS_OK) {
        *string = buffer_slice(scratch);
    }
    return status;
}

/* What is behind LZF's first byte, and the size that it will have. */
static bool take_compressed(struct slice *rest, struct slice *packed, uint64_t *size)
{
    uint64_t packed_size;
    bool is_form;
    bool is_other_form;
    if (!take_length(rest, &packed_size, &is_form) || is_form ||
        !take_length(rest, size, &is_other_form) || is_other_form ||
        !take(rest, packed_size, packed)) {
        return false;
    }
    /* Not more memory than the bytes that are there could ever fill. */
    return *size > 0 && packed->size > 0 && *size <= UINT_MAX && packed->size <= UINT_MAX &&
           *size / LZF_EXPANSION_MAX <= packed->size;
}

static enum status decode_compressed(struct slice rest, struct buffer *scratch,
                                     struct slice *string)
{
    uint64_t size;
    struct slice packed;
    if (!take_compressed(&rest, &packed, &size)) {
        return STATUS_INVALID;
    }
    scratch->size = 0;
    enum status status = buffer_reserve_exact(scratch, (size_t)size);
    if (status != STATUS_OK) {
        return status;
    }
    if (lzf_decompress(packed.data, (unsigned)packed.size, scratch->data, (unsigned)size) != size) {
        return STATUS_INVALID;
    }
    scratch->size = (size_t)size;
    *string = buffer_slice(scratch);
    return STATUS_OK;
}

/* Takes what stands in front of a string: its length, or (*is_form) the first byte of a form. */
static bool take_front(struct slice *rest, uint64_t *length, bool *is_form)
{
    struct slice type;
    return take(rest, 1, &type) && type.data[0] == TYPE_BYTE_STRING &&
           take_length(rest, length, is_form);
}

bool dump_is_of_another_type(struct slice dump)
{
    unsigned char type = dump.size > 0 ? (unsigned char)dump.data[0] : TYPE_BYTE_STRING;
    return type != TYPE_BYTE_STRING && type <= TYPE_BYTE_LAST;
}

bool dump_measure_string(struct slice dump, size_t *size, size_t *scratch_size)
{
    uint64_t length;
    bool is_form;
    struct slice string;
    if (dump.size < DUMP_FOOTER_SIZE) {
        return false;
    }
    struct slice rest = slice_part(dump, 0, dump.size - DUMP_FOOTER_SIZE);
    if (!take_front(&rest, &length, &is_form)) {
        return false;
    }
    if (is_form) {
        if (length != FORM_LZF || !take_compressed(&rest, &string, &length)) {
            return false;
        }
    } else if (!take(&rest, length, &string)) {
        return false;
    }
    *size = (size_t)length;
    *scratch_size = is_form ? *size : 0;
    return true;
}

enum status dump_decode_string(struct slice dump, struct buffer *scratch, struct slice *string)
{
    struct slice rest = slice_part(dump, 0, dump.size - DUMP_FOOTER_SIZE);
    uint64_t length;
    bool is_form;
    if (!take_front(&rest, &length, &is_form)) {
        return STATUS_INVALID;
    }
    if (!is_form) {
        return take(&rest, length, string) ? STATUS_OK : STATUS_INVALID;
    }
    if (length == FORM_LZF) {
        return decode_compressed(rest, scratch, string);
    }
    return length > FORM_LZF ? STATUS_INVALID
                             : decode_integer(rest, (unsigned)length, scratch, string);
}

enum status dump_unpack_string(struct slice dump, struct buffer *scratch, struct slice *string)
{
    return dump_is_sound(dump) ? dump_decode_string(dump, scratch, string) : STATUS_CORRUPT;
}
