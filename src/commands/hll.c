/* hll.c - see hll.h. */
#include "commands/hll.h"

#include <string.h>

#define ENCODING_OFFSET 4
#define COUNT_OFFSET    8
#define COUNT_BYTES     8
#define STALE_BIT       0x80U /* of the count's last byte */

static const char magic[ENCODING_OFFSET] = {'H', 'Y', 'L', 'L'};

/* --- looking at one --- */

bool hll_is_one(struct slice string)
{
    if (string.size < HLL_HEADER_BYTES || memcmp(string.data, magic, sizeof(magic)) != 0) {
        return false;
    }
    unsigned encoding = (unsigned char)string.data[ENCODING_OFFSET];
    return encoding == HLL_SPARSE ||
           (encoding == HLL_DENSE && string.size == HLL_HEADER_BYTES + HLL_DENSE_BYTES);
}

enum hll_encoding hll_encoding_of(struct slice string)
{
    return string.data[ENCODING_OFFSET] == HLL_DENSE ? HLL_DENSE : HLL_SPARSE;
}

struct slice hll_body(struct slice string)
{
    return slice_part(string, HLL_HEADER_BYTES, string.size - HLL_HEADER_BYTES);
}

bool hll_cached_count(struct slice string, uint64_t *count)
{
    const unsigned char *bytes = (const unsigned char *)string.data + COUNT_OFFSET;
    if ((bytes[COUNT_BYTES - 1] & STALE_BIT) != 0) {
        return false;
    }
    *count = 0;
    for (size_t i = 0; i < COUNT_BYTES; i++) {
        *count |= (uint64_t)bytes[i] << (8 * i);
    }
    return true;
}

uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTER_COUNT])
{
    struct hll_histogram histogram = {{0}};
    for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
        histogram.counts[registers[i]]++;
    }
    return hll_estimate(&histogram);
}

bool hll_count(struct slice string, uint64_t *count)
{
    if (hll_encoding_of(string) == HLL_DENSE) {
        uint8_t registers[HLL_REGISTER_COUNT] = {0};
        hll_dense_merge((const uint8_t *)hll_body(string).data, registers);
        *count = hll_count_registers(registers);
        return true;
    }
    struct hll_histogram histogram = {{0}};
    if (!hll_sparse_count(hll_body(string), &histogram)) {
        return false;
    }
    *count = hll_estimate(&histogram);
    return true;
}

bool hll_knows(struct slice string, struct slice element)
{
    if (hll_encoding_of(string) != HLL_DENSE) {
        return false;
    }
    struct hll_place place = hll_place_of(element);
    return hll_dense_get((const uint8_t *)hll_body(string).data, place.index) >= place.rank;
}

bool hll_merge(struct slice string, uint8_t registers[HLL_REGISTER_COUNT])
{
    if (hll_encoding_of(string) == HLL_SPARSE) {
        return hll_sparse_merge(hll_body(string), registers);
    }
    hll_dense_merge((const uint8_t *)hll_body(string).data, registers);
    return true;
}

/* --- changing one --- */

enum status hll_init_copy(struct hll *hll, size_t sparse_size_max, struct slice string)
{
    *hll = (struct hll){.sparse_size_max = sparse_size_max};
    return buffer_append(&hll->bytes, string.data, string.size);
}

enum status hll_init_empty(struct hll *hll, size_t sparse_size_max)
{
    uint8_t bytes[HLL_HEADER_BYTES + HLL_SPARSE_EMPTY_BYTES] = {0};
    memcpy(bytes, magic, sizeof(magic));
    bytes[ENCODING_OFFSET] = HLL_SPARSE;
    size_t size = HLL_HEADER_BYTES + hll_sparse_write_empty(bytes + HLL_HEADER_BYTES);
    return hll_init_copy(hll, sparse_size_max, slice_make(bytes, size));
}

void hll_deinit(struct hll *hll)
{
    buffer_deinit(&hll->bytes);
}

static uint8_t *body_of(struct hll *hll)
{
    return (uint8_t *)hll->bytes.data + HLL_HEADER_BYTES;
}

enum hll_outcome hll_make_dense(struct hll *hll)
{
    if (hll_encoding_of(buffer_slice(&hll->bytes)) == HLL_DENSE) {
        return HLL_UNCHANGED;
    }
    uint8_t registers[HLL_REGISTER_COUNT] = {0};
    if (!hll_sparse_merge(hll_body(buffer_slice(&hll->bytes)), registers)) {
        return HLL_CORRUPT;
    }
    uint8_t bytes[HLL_HEADER_BYTES + HLL_DENSE_BYTES] = {0};
    memcpy(bytes, hll->bytes.data, HLL_HEADER_BYTES);
    bytes[ENCODING_OFFSET] = HLL_DENSE;
    for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
        hll_dense_set(bytes + HLL_HEADER_BYTES, i, registers[i]);
    }
    struct hll dense;
    if (hll_init_copy(&dense, hll->sparse_size_max, slice_make(bytes, sizeof(bytes))) !=
        STATUS_OK) {
        return HLL_NO_MEMORY;
    }
    hll_deinit(hll);
    *hll = dense;
    return HLL_CHANGED;
}

static enum hll_outcome raise_dense(struct hll *hll, struct hll_place place)
{
    if (hll_dense_get(body_of(hll), place.index) >= place.rank) {
        return HLL_UNCHANGED;
    }
    hll_dense_set(body_of(hll), place.index, place.rank);
    return HLL_CHANGED;
}

enum hll_outcome hll_raise(struct hll *hll, struct hll_place place)
{
    if (hll_encoding_of(buffer_slice(&hll->bytes)) == HLL_DENSE) {
        return raise_dense(hll, place);
    }
    enum hll_outcome outcome = HLL_TOO_LARGE;
    if (place.rank <= HLL_SPARSE_VALUE_MAX) {
        outcome = hll_sparse_raise(&hll->bytes, HLL_HEADER_BYTES, hll->sparse_size_max, place);
    }
    if (outcome == HLL_CHANGED) {
        hll_forget_cached_count(hll);
    }
    if (outcome != HLL_TOO_LARGE) {
        return outcome;
    }
    outcome = hll_make_dense(hll);
    return outcome == HLL_CHANGED ? raise_dense(hll, place) : outcome;
}

enum hll_outcome hll_add(struct hll *hll, struct slice element)
{
    return hll_raise(hll, hll_place_of(element));
}

void hll_set_cached_count(struct hll *hll, uint64_t count)
{
    for (size_t i = 0; i < COUNT_BYTES; i++) {
        hll->bytes.data[COUNT_OFFSET + i] = (char)(uint8_t)(count >> (8 * i));
    }
}

void hll_forget_cached_count(struct hll *hll)
{
    char *last = &hll->bytes.data[COUNT_OFFSET + COUNT_BYTES - 1];
    *last = (char)((unsigned char)*last | STALE_BIT);
}
