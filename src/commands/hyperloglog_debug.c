/* hyperloglog_debug.c - PFDEBUG and PFSELFTEST: what tests of HyperLogLogs ask for. */
#include "base/clock.h"
#include "commands/errors.h"
#include "commands/hyperloglog.h"
#include "commands/text.h"

#include <math.h>

/* --- PFDEBUG --- */

static void reply_registers(struct call *call, const struct hll *hll)
{
    uint8_t registers[HLL_REGISTER_COUNT] = {0};
    if (!hll_merge(buffer_slice(&hll->bytes), registers)) {
        errors_reply(call, ERROR_HLL_CORRUPT);
        return;
    }
    reply_array(call->reply, HLL_REGISTER_COUNT);
    for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
        reply_integer(call->reply, registers[i]);
    }
}

/* The opcodes in words: "z:" and "Z:" short and long runs of zeros, "v:" a value and its run. */
static void reply_opcodes(struct call *call, const struct hll *hll)
{
    struct slice string = buffer_slice(&hll->bytes);
    if (hll_encoding_of(string) != HLL_SPARSE) {
        errors_reply(call, ERROR_HLL_NOT_SPARSE);
        return;
    }
    struct slice opcodes = hll_body(string);
    struct text text;
    text_init(&text);
    size_t at = 0;
    size_t before = 0;
    struct hll_run run;
    while (hll_sparse_next(opcodes, &at, &run)) {
        const char *gap = before == 0 ? "" : " ";
        if (run.value > 0) {
            text_format(&text, "%sv:%u,%u", gap, run.value, run.count);
        } else {
            text_format(&text, "%s%c:%u", gap, at - before == 2 ? 'Z' : 'z', run.count);
        }
        before = at;
    }
    if (text.failed) {
        errors_reply(call, ERROR_NO_MEMORY);
    } else {
        reply_bulk(call->reply, buffer_slice(&text.bytes));
    }
    text_deinit(&text);
}

/* Makes it dense; *outcome tells whether it was. False: an error was replied. */
static bool make_dense(struct call *call, const struct value *old, struct hll *hll,
                       enum hll_outcome *outcome)
{
    *outcome = hll_make_dense(hll);
    if (*outcome != HLL_CHANGED && *outcome != HLL_UNCHANGED) {
        hyperloglog_reply_failure(call, *outcome);
        return false;
    }
    return hyperloglog_store(call, call->arguments[2], old, hll, false);
}

static void debug(struct call *call, const struct value *old, struct hll *hll)
{
    struct slice subcommand = call->arguments[1];
    enum hll_outcome outcome;
    if (slice_is_word(subcommand, "getreg")) {
        if (make_dense(call, old, hll, &outcome)) {
            reply_registers(call, hll);
        }
    } else if (slice_is_word(subcommand, "decode")) {
        reply_opcodes(call, hll);
    } else if (slice_is_word(subcommand, "encoding")) {
        bool is_sparse = hll_encoding_of(buffer_slice(&hll->bytes)) == HLL_SPARSE;
        reply_simple(call->reply, is_sparse ? "sparse" : "dense");
    } else if (slice_is_word(subcommand, "todense")) {
        if (make_dense(call, old, hll, &outcome)) {
            reply_integer(call->reply, outcome == HLL_CHANGED ? 1 : 0);
        }
    } else {
        errors_reply_about(call->reply, ERROR_HLL_UNKNOWN_SUBCOMMAND, subcommand);
    }
}

void hyperloglog_run_debug(struct call *call)
{
    struct value old;
    enum lookup found = lookup_string_to_write(call, call->arguments[2], &old);
    found = hyperloglog_check(call, found, &old);
    if (found == LOOKUP_ABSENT) {
        errors_reply(call, ERROR_HLL_NO_SUCH_KEY);
    }
    if (found != LOOKUP_FOUND) {
        return;
    }
    struct hll hll;
    if (hll_init_copy(&hll, hyperloglog_sparse_size_max(call), old.bytes) != STATUS_OK) {
        errors_reply(call, ERROR_NO_MEMORY);
        return;
    }
    /* Asking is enough to make the string raw, as in Redis. */
    if (hyperloglog_store(call, call->arguments[2], &old, &hll, false)) {
        debug(call, &old, &hll);
    }
    hll_deinit(&hll);
}

/* --- PFSELFTEST --- */

/* As many elements as are added. Redis adds ten times as many; here others wait meanwhile for no
 * longer than they must. */
#define TEST_ELEMENTS 1000000

/* Up to how many elements a sparse one with default settings is sure to stay so. */
#define TEST_SPARSE_ELEMENTS 100

#define TEST_ROUNDS          100

static uint64_t next_random(uint64_t *seed)
{
    uint64_t number = (*seed)++;
    return hll_hash(slice_make(&number, sizeof(number)), 0);
}

static bool test_dense_registers(struct call *call, uint64_t *seed)
{
    uint8_t packed[HLL_DENSE_BYTES] = {0};
    uint8_t registers[HLL_REGISTER_COUNT];
    for (int round = 0; round < TEST_ROUNDS; round++) {
        for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
            registers[i] = (uint8_t)(next_random(seed) % HLL_VALUES);
            hll_dense_set(packed, i, registers[i]);
        }
        for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
            if (hll_dense_get(packed, i) != registers[i]) {
                reply_error_format(call->reply, "ERR TESTFAILED Register %u should be %u but is %u",
                                   i, registers[i], hll_dense_get(packed, i));
                return false;
            }
        }
    }
    return true;
}

/* How far an estimate of `count` may be off: six standard errors, and none for a handful. */
static bool is_close(uint64_t count, uint64_t estimate)
{
    double error = 1.04 / sqrt(HLL_REGISTER_COUNT);
    uint64_t allowed = count == 10 ? 1 : (uint64_t)ceil(error * 6 * (double)count);
    uint64_t off = count > estimate ? count - estimate : estimate - count;
    return off <= allowed;
}

static bool test_checkpoint(struct call *call, const struct hll *sparse, const struct hll *dense,
                            uint64_t count)
{
    uint64_t counts[2] = {0};
    struct slice string = buffer_slice(&sparse->bytes);
    if (count <= TEST_SPARSE_ELEMENTS && count < sparse->sparse_size_max / 2 &&
        hll_encoding_of(string) != HLL_SPARSE) {
        reply_error(call->reply, "ERR TESTFAILED sparse encoding not used");
        return false;
    }
    if (!hll_count(string, &counts[0]) || !hll_count(buffer_slice(&dense->bytes), &counts[1]) ||
        counts[0] != counts[1]) {
        reply_error(call->reply, "ERR TESTFAILED dense/sparse disagree");
        return false;
    }
    if (!is_close(count, counts[0])) {
        reply_error_format(call->reply, "ERR TESTFAILED Too big error. card:%llu estimate:%llu",
                           (unsigned long long)count, (unsigned long long)counts[0]);
        return false;
    }
    return true;
}

/* Adds elements to both and compares at each power of ten. */
static bool test_estimates(struct call *call, struct hll *sparse, struct hll *dense, uint64_t seed)
{
    uint64_t checkpoint = 1;
    for (uint64_t i = 1; i <= TEST_ELEMENTS; i++) {
        uint64_t element = i ^ seed;
        struct hll_place place = hll_place_of(slice_make(&element, sizeof(element)));
        enum hll_outcome outcomes[] = {hll_raise(sparse, place), hll_raise(dense, place)};
        if (outcomes[0] != outcomes[1]) {
            reply_error(call->reply, "ERR TESTFAILED dense/sparse disagree");
            return false;
        }
        if (i == checkpoint) {
            if (!test_checkpoint(call, sparse, dense, checkpoint)) {
                return false;
            }
            checkpoint *= 10;
        }
    }
    return true;
}

void hyperloglog_run_self_test(struct call *call)
{
    uint64_t seed = (uint64_t)clock_unix_us() << 20;
    struct hll sparse = {.sparse_size_max = 0};
    struct hll dense = {.sparse_size_max = 0};
    size_t sparse_size_max = hyperloglog_sparse_size_max(call);
    if (hll_init_empty(&sparse, sparse_size_max) != STATUS_OK ||
        hll_init_empty(&dense, sparse_size_max) != STATUS_OK ||
        hll_make_dense(&dense) != HLL_CHANGED) {
        errors_reply(call, ERROR_NO_MEMORY);
    } else if (test_dense_registers(call, &seed) && test_estimates(call, &sparse, &dense, seed)) {
        reply_ok(call->reply);
    }
    hll_deinit(&sparse);
    hll_deinit(&dense);
}
