/*
 * value_fuzz.c - libFuzzer: bytes from a client that are to be a value: a dump, a HyperLogLog.
 *
 * The first byte of the input says what the rest is. Dumps get a right version and checksum first,
 * so that what lies behind them is reached too.
 */
#include "base/check.h"
#include "base/crc64.h"
#include "commands/hll.h"
#include "keyspace/dump.h"

#include <stdlib.h>
#include <string.h>

#define SPARSE_SIZE_MAX 200

/* Compressed, zeros take 88 times less: more than that is not worth the time. */
#define DUMP_SIZE_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append(struct buffer *buffer, const void *bytes, size_t size)
{
    CHECK(buffer_append(buffer, bytes, size) == STATUS_OK);
}

static struct buffer sealed(struct slice payload)
{
    struct buffer dump = {0};
    uint8_t footer[10] = {DUMP_VERSION, 0};
    append(&dump, payload.data, payload.size);
    append(&dump, footer, 2);
    uint64_t crc = crc64(0, buffer_slice(&dump));
    for (size_t i = 0; i < 8; i++) {
        footer[2 + i] = (uint8_t)(crc >> (8 * i));
    }
    append(&dump, footer + 2, 8);
    return dump;
}

/* What was decoded must come back, packed and plain. */
static void check_round_trip(struct slice string)
{
    for (int compress = 0; compress < 2; compress++) {
        struct buffer dump = {0};
        struct buffer scratch = {0};
        struct slice again;
        CHECK(dump_encode_string(string, compress == 1, &dump) == STATUS_OK);
        CHECK(dump_is_sound(buffer_slice(&dump)));
        CHECK(dump_decode_string(buffer_slice(&dump), &scratch, &again) == STATUS_OK);
        CHECK(slice_equal(again, string));
        buffer_deinit(&scratch);
        buffer_deinit(&dump);
    }
}

static void try_dump(struct slice bytes)
{
    (void)dump_is_sound(bytes);
    struct buffer dump = sealed(bytes);
    /* Exactly as long as it is: a sanitizer sees overruns. */
    char *copy = malloc(dump.size);
    CHECK(copy != NULL);
    memcpy(copy, dump.data, dump.size);
    struct slice whole = slice_make(copy, dump.size);
    struct buffer scratch = {0};
    struct slice string;
    CHECK(dump_is_sound(whole));
    enum status status = dump_decode_string(whole, &scratch, &string);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    size_t size = 0;
    size_t scratch_size = 0;
    if (dump_measure_string(whole, &size, &scratch_size) && status == STATUS_OK) {
        CHECK(size == string.size && scratch_size == scratch.size);
    }
    if (status == STATUS_OK && string.size <= DUMP_SIZE_MAX) {
        check_round_trip(string);
    }
    buffer_deinit(&scratch);
    free(copy);
    buffer_deinit(&dump);
}

/* The registers are the same whichever way they are looked at. */
static void check_registers(struct hll *hll)
{
    uint8_t registers[HLL_REGISTER_COUNT] = {0};
    uint8_t dense[HLL_REGISTER_COUNT] = {0};
    uint64_t count;
    bool is_whole = hll_merge(buffer_slice(&hll->bytes), registers);
    CHECK(hll_count(buffer_slice(&hll->bytes), &count) == is_whole);
    enum hll_outcome outcome = hll_make_dense(hll);
    CHECK((outcome == HLL_CORRUPT) == !is_whole);
    if (is_whole) {
        CHECK(count == hll_count_registers(registers));
        CHECK(hll_merge(buffer_slice(&hll->bytes), dense));
        CHECK(memcmp(registers, dense, sizeof(dense)) == 0);
    }
}

static void try_hyperloglog(struct slice bytes)
{
    if (!hll_is_one(bytes)) {
        return;
    }
    struct hll hll;
    CHECK(hll_init_copy(&hll, SPARSE_SIZE_MAX, bytes) == STATUS_OK);
    for (size_t i = 0; i + 2 <= bytes.size && i < 64; i += 2) {
        unsigned index = ((unsigned)(uint8_t)bytes.data[i] << 8 | (uint8_t)bytes.data[i + 1]) %
                         HLL_REGISTER_COUNT;
        unsigned rank = 1 + (uint8_t)bytes.data[i] % HLL_RANK_MAX;
        (void)hll_raise(&hll, (struct hll_place){.index = index, .rank = rank});
        CHECK(hll_is_one(buffer_slice(&hll.bytes)));
    }
    check_registers(&hll);
    hll_deinit(&hll);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct slice rest = slice_make(data + 1, size - 1);
    if (data[0] % 2 == 0) {
        try_dump(rest);
    } else {
        try_hyperloglog(rest);
    }
    return 0;
}
