/* hyperloglog.c - PFADD PFCOUNT PFMERGE: how many different elements there were, about. */
#include "commands/hyperloglog.h"

#include "commands/errors.h"
#include "commands/events.h"
#include "commands/store.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/server.h"
#include "server/session.h"

enum lookup hyperloglog_check(struct call *call, enum lookup found, struct value *value)
{
    if (found != LOOKUP_FOUND) {
        return found;
    }
    if (!lookup_load(call, value)) {
        return LOOKUP_REPLIED;
    }
    if (!hll_is_one(value->bytes)) {
        errors_reply(call, ERROR_HLL_WRONG_TYPE);
        return LOOKUP_REPLIED;
    }
    return LOOKUP_FOUND;
}

size_t hyperloglog_sparse_size_max(const struct call *call)
{
    return (size_t)config_number(server_config(call->server), CONFIG_HLL_SPARSE_MAX_BYTES);
}

bool hyperloglog_store(struct call *call, struct slice key, const struct value *old,
                       const struct hll *hll, bool is_change)
{
    struct slice bytes = buffer_slice(&hll->bytes);
    if (!is_change && old->encoding == STRING_RAW && slice_equal(bytes, old->bytes)) {
        return true;
    }
    struct string_content content = {
        .parts = &bytes, .part_count = 1, .expiry_ms = old->expiry_ms, .encoding = STRING_RAW};
    return store_string(call, key, &content, is_change);
}

void hyperloglog_reply_failure(const struct call *call, enum hll_outcome outcome)
{
    errors_reply(call, outcome == HLL_CORRUPT ? ERROR_HLL_CORRUPT : ERROR_NO_MEMORY);
}

/* A copy of what was found, or an empty one; false: there was no memory, which was replied. */
static bool begin(struct call *call, enum lookup found, const struct value *old, struct hll *hll)
{
    size_t sparse_size_max = hyperloglog_sparse_size_max(call);
    enum status status = found == LOOKUP_FOUND ? hll_init_copy(hll, sparse_size_max, old->bytes)
                                               : hll_init_empty(hll, sparse_size_max);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}

/* --- PFADD --- */

/* Adds the elements up to the first that fails; *has_changed tells whether any made a difference.
 */
static enum hll_outcome add_elements(const struct call *call, struct hll *hll, bool *has_changed)
{
    for (size_t i = 2; i < call->argument_count; i++) {
        enum hll_outcome outcome = hll_add(hll, call->arguments[i]);
        if (outcome != HLL_CHANGED && outcome != HLL_UNCHANGED) {
            return outcome;
        }
        *has_changed = *has_changed || outcome == HLL_CHANGED;
    }
    return HLL_UNCHANGED;
}

static void add_and_reply(struct call *call, const struct value *old, struct hll *hll,
                          bool has_changed)
{
    enum hll_outcome outcome = add_elements(call, hll, &has_changed);
    bool has_failed = outcome != HLL_UNCHANGED;
    if (has_changed && !has_failed) {
        hll_forget_cached_count(hll);
    }
    /* What was added before damage was met stays, as in Redis. */
    if (!hyperloglog_store(call, call->arguments[1], old, hll, has_changed && !has_failed)) {
        return;
    }
    if (has_changed && !has_failed) {
        events_tell(call, EVENT_STRING, "pfadd", call->arguments[1]);
    }
    if (has_failed) {
        hyperloglog_reply_failure(call, outcome);
    } else {
        reply_integer(call->reply, has_changed ? 1 : 0);
    }
}

/* Most are, where many are counted: then nothing need be copied to be changed. */
static bool are_all_known(const struct call *call, const struct value *old)
{
    size_t i = 2;
    while (i < call->argument_count && hll_knows(old->bytes, call->arguments[i])) {
        i++;
    }
    return i == call->argument_count && old->encoding == STRING_RAW;
}

static void run_pfadd(struct call *call)
{
    struct value old = {.expiry_ms = EXPIRY_NONE};
    enum lookup found = lookup_string_to_write(call, call->arguments[1], &old);
    found = hyperloglog_check(call, found, &old);
    if (found == LOOKUP_FOUND && are_all_known(call, &old)) {
        reply_integer(call->reply, 0);
        return;
    }
    struct hll hll;
    if (found == LOOKUP_REPLIED || !begin(call, found, &old, &hll)) {
        return;
    }
    add_and_reply(call, &old, &hll, found == LOOKUP_ABSENT);
    hll_deinit(&hll);
}

/* --- PFCOUNT --- */

/* Merges the HyperLogLogs of the arguments from `first` on; *is_dense: one of them is. False: an
 * error was replied. */
static bool merge_keys(struct call *call, size_t first, uint8_t registers[HLL_REGISTER_COUNT],
                       bool *is_dense)
{
    for (size_t i = first; i < call->argument_count; i++) {
        struct value value;
        enum lookup found = lookup_string_to_read(call, call->arguments[i], &value);
        found = hyperloglog_check(call, found, &value);
        if (found == LOOKUP_REPLIED) {
            return false;
        }
        if (found == LOOKUP_FOUND && !hll_merge(value.bytes, registers)) {
            errors_reply(call, ERROR_HLL_CORRUPT);
            return false;
        }
        *is_dense =
            *is_dense || (found == LOOKUP_FOUND && hll_encoding_of(value.bytes) == HLL_DENSE);
    }
    return true;
}

static void count_union(struct call *call)
{
    uint8_t registers[HLL_REGISTER_COUNT] = {0};
    bool is_dense = false;
    if (merge_keys(call, 1, registers, &is_dense)) {
        reply_integer(call->reply, (int64_t)hll_count_registers(registers));
    }
}

/* Keeps the number in the value, as Redis does, so that it need not be computed again. Where that
 * can't be done (the disk is full, the store is read-only) it is computed again. */
static void keep_count(struct call *call, const struct value *old, uint64_t count, bool is_new)
{
    struct hll hll;
    if (!is_new && old->encoding == STRING_RAW) {
        return;
    }
    if (hll_init_copy(&hll, 0, old->bytes) != STATUS_OK) {
        return;
    }
    struct reply_mark mark = reply_mark(call->reply);
    if (is_new) {
        hll_set_cached_count(&hll, count);
    }
    if (!hyperloglog_store(call, call->arguments[1], old, &hll, is_new)) {
        reply_rewind(call->reply, mark);
    }
    hll_deinit(&hll);
}

static void count_one(struct call *call)
{
    struct value value;
    enum lookup found = lookup_string_to_read(call, call->arguments[1], &value);
    found = hyperloglog_check(call, found, &value);
    if (found == LOOKUP_REPLIED) {
        return;
    }
    uint64_t count = 0;
    if (found == LOOKUP_FOUND) {
        bool is_known = hll_cached_count(value.bytes, &count);
        if (!is_known && !hll_count(value.bytes, &count)) {
            errors_reply(call, ERROR_HLL_CORRUPT);
            return;
        }
        keep_count(call, &value, count, !is_known);
    }
    reply_integer(call->reply, (int64_t)count);
}

static void run_pfcount(struct call *call)
{
    if (call->argument_count == 2) {
        count_one(call);
    } else {
        count_union(call);
    }
}

/* --- PFMERGE --- */

/* Raises the destination's registers; it is made dense first if one of the sources is. */
static enum hll_outcome raise_all(struct hll *hll, const uint8_t registers[HLL_REGISTER_COUNT],
                                  bool is_dense)
{
    enum hll_outcome outcome = is_dense ? hll_make_dense(hll) : HLL_UNCHANGED;
    for (unsigned i = 0; i < HLL_REGISTER_COUNT; i++) {
        if (outcome != HLL_CHANGED && outcome != HLL_UNCHANGED) {
            return outcome;
        }
        if (registers[i] > 0) {
            outcome = hll_raise(hll, (struct hll_place){.index = i, .rank = registers[i]});
        }
    }
    return HLL_CHANGED;
}

static void merge_into(struct call *call, const struct value *old, struct hll *hll,
                       const uint8_t registers[HLL_REGISTER_COUNT], bool is_dense)
{
    enum hll_outcome outcome = raise_all(hll, registers, is_dense);
    if (outcome != HLL_CHANGED) {
        hyperloglog_reply_failure(call, outcome);
        return;
    }
    hll_forget_cached_count(hll);
    if (hyperloglog_store(call, call->arguments[1], old, hll, true)) {
        events_tell(call, EVENT_STRING, "pfadd", call->arguments[1]);
        reply_ok(call->reply);
    }
}

static void run_pfmerge(struct call *call)
{
    uint8_t registers[HLL_REGISTER_COUNT] = {0};
    bool is_dense = false;
    if (!merge_keys(call, 1, registers, &is_dense)) {
        return;
    }
    struct value old = {.expiry_ms = EXPIRY_NONE};
    enum lookup found = lookup_string_to_write(call, call->arguments[1], &old);
    struct hll hll;
    if (found == LOOKUP_REPLIED || (found == LOOKUP_FOUND && !lookup_load(call, &old)) ||
        !begin(call, found, &old, &hll)) {
        return;
    }
    merge_into(call, &old, &hll, registers, is_dense);
    hll_deinit(&hll);
}

const struct command hyperloglog_commands[] = {
    {.name = "pfadd",
     .handler = run_pfadd,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
     .categories = CATEGORY_HYPERLOGLOG,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Adds elements to a HyperLogLog, which is made if need be",
     .complexity = "O(1) for each element",
     .syntax = "key:key [element...]",
     .keys = {{1, 0, 1, KEY_RW | KEY_INSERT, NULL}}},
    {.name = "pfcount",
     .handler = run_pfcount,
     .arity = -2,
     .flags = COMMAND_READONLY | COMMAND_MAY_REPLICATE,
     .categories = CATEGORY_HYPERLOGLOG,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Returns about how many elements HyperLogLogs have seen, alone or together",
     .complexity = "O(1) for one key whose number is known, O(N) for N keys",
     .syntax = "key:key...",
     .keys = {{1, -1, 1, KEY_RW | KEY_ACCESS,
               "RW because it may change the internal representation of the key, and propagate to "
               "replicas"}}},
    {.name = "pfmerge",
     .handler = run_pfmerge,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .categories = CATEGORY_HYPERLOGLOG,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Merges HyperLogLogs into one",
     .complexity = "O(N) for N keys",
     .syntax = "destkey:key sourcekey:key#1...",
     .keys = {{1, 0, 1, KEY_RW | KEY_ACCESS | KEY_INSERT, NULL},
              {2, -1, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = "pfdebug",
     .handler = hyperloglog_run_debug,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_ADMIN | COMMAND_SYSTEM,
     .categories = CATEGORY_HYPERLOGLOG,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Shows or changes how a HyperLogLog is stored, for tests",
     .complexity = "O(1)",
     .syntax = "subcommand key:key",
     .keys = {{2, 0, 1, KEY_RW | KEY_ACCESS, NULL}}},
    {.name = "pfselftest",
     .handler = hyperloglog_run_self_test,
     .arity = 1,
     .flags = COMMAND_ADMIN | COMMAND_SYSTEM,
     .categories = CATEGORY_HYPERLOGLOG,
     .group = "hyperloglog",
     .since = "2.8.9",
     .summary = "Tests that HyperLogLogs are stored and estimated rightly",
     .complexity = "O(1), but a large part of a second"},
    {.name = NULL}};
