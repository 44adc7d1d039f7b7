/* foresee.c - see foresee.h. */
#include "commands/foresee.h"

#include "commands/string_options.h"
#include "engine/record.h"
#include "engine/staged.h"
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
    *out = (struct foreseen){
        .argument = value,
        .plan = {.value = value, .key_size = call->arguments[1].size, .has_expiry = has_expiry}};
    return true;
}

enum status foresee_look(const struct call *call, struct value *out)
{
    keyspace_note_access(call->keyspace, false);
    return keyspace_find(call->keyspace, call->session->database, call->arguments[1], out);
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
