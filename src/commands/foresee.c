/* foresee.c - see foresee.h. */
#include "commands/foresee.h"

#include "commands/string_options.h"
#include "engine/record.h"
#include "engine/staged.h"
#include "keyspace/batch.h"
#include "keyspace/keyspace.h"
#include "server/command.h"
#include "server/foreseen.h"
#include "server/session.h"

/* The key is the first argument. */
static bool foresee(const struct call *call, size_t value_index, bool has_expiry,
                    struct foreseen *out)
{
    const struct slice value = call->arguments[value_index];
    if (value.size < STAGED_SIZE_MIN) {
        return false;
    }
    out->unpack = NULL;
    out->scratch_size = 0;
    out->plan.count = 1;
    out->plan.batch_size = 0;
    out->plan.values[0] = (struct staged_value){
        .value = value, .key_size = call->arguments[1].size, .has_expiry = has_expiry};
    return true;
}

static enum status look_at(const struct call *call, struct slice key, struct value *out)
{
    keyspace_note_access(call->keyspace, false);
    return keyspace_find(call->keyspace, call->session->database, key, out);
}

enum status foresee_look(const struct call *call, struct value *out)
{
    return look_at(call, call->arguments[1], out);
}

/* As far as what the key holds has a say; false: nothing will be put. */
static bool foresee_conditions(const struct call *call, const struct string_options *options,
                               bool *has_expiry)
{
    *has_expiry = options->has_time;
    if (!options->if_absent && !options->if_present && !options->keep_expiry) {
        return true;
    }
    struct value old;
    enum status status = foresee_look(call, &old);
    if (options->keep_expiry) {
        *has_expiry = status == STATUS_OK && old.expiry_ms != EXPIRY_NONE;
    }
    return (!options->if_absent || status == STATUS_NOT_FOUND) &&
           (!options->if_present || status == STATUS_OK);
}

bool foresee_set(const struct call *call, struct foreseen *out)
{
    struct string_options options = {.has_time = false};
    bool has_expiry;
    if (call->arguments[2].size < STAGED_SIZE_MIN ||
        (call->argument_count > 3 &&
         string_options_parse(call->arguments + 3, call->argument_count - 3, OPTIONS_OF_SET,
                              &options) != ERROR_NONE)) {
        return false;
    }
    return foresee_conditions(call, &options, &has_expiry) && foresee(call, 2, has_expiry, out);
}

bool foresee_setnx(const struct call *call, struct foreseen *out)
{
    struct value old;
    return foresee(call, 2, false, out) && foresee_look(call, &old) == STATUS_NOT_FOUND;
}

bool foresee_getset(const struct call *call, struct foreseen *out)
{
    return foresee(call, 2, false, out);
}

bool foresee_setex(const struct call *call, struct foreseen *out)
{
    return foresee(call, 3, true, out);
}

/* --- several at once --- */

static bool are_all_absent(const struct call *call)
{
    for (size_t i = 1; i < call->argument_count; i += 2) {
        struct value old;
        if (look_at(call, call->arguments[i], &old) != STATUS_NOT_FOUND) {
            return false;
        }
    }
    return true;
}

/* The large values, each where it will lie when all records follow each other. */
static void list_values(const struct slice *pairs, size_t count, struct staged_plan *plan)
{
    uint64_t before = 0;
    plan->count = 0;
    for (size_t i = 0; i < count && plan->count < STAGED_VALUES_MAX; i++) {
        const struct slice *pair = &pairs[2 * i];
        if (pair[1].size >= STAGED_SIZE_MIN) {
            plan->values[plan->count++] =
                (struct staged_value){.value = pair[1], .key_size = pair[0].size, .before = before};
        }
        before += batch_size_of_pair(pair);
    }
}

static bool foresee_pairs(const struct call *call, bool is_only_if_absent, struct foreseen *out)
{
    const struct slice *pairs = call->arguments + 1;
    size_t count = call->argument_count / 2;
    if (call->argument_count == 3) {
        return foresee(call, 2, false, out) && (!is_only_if_absent || are_all_absent(call));
    }
    if (call->argument_count % 2 == 0) {
        return false;
    }
    out->unpack = NULL;
    out->scratch_size = 0;
    list_values(pairs, count, &out->plan);
    if (out->plan.count == 0 || (is_only_if_absent && !are_all_absent(call))) {
        return false;
    }
    keyspace_note_access(call->keyspace, false);
    out->plan.batch_size =
        batch_size_of_strings(call->keyspace, call->session->database, pairs, count);
    return true;
}

bool foresee_mset(const struct call *call, struct foreseen *out)
{
    return foresee_pairs(call, false, out);
}

bool foresee_msetnx(const struct call *call, struct foreseen *out)
{
    return foresee_pairs(call, true, out);
}
