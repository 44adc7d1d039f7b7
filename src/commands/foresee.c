/* foresee.c - see foresee.h. */
#include "commands/foresee.h"

#include "commands/string_options.h"
#include "engine/staged.h"
#include "server/command.h"

/* The key is the first argument. */
static bool foresee(const struct call *call, size_t value_index, bool has_expiry,
                    struct staged_plan *plan)
{
    const struct slice value = call->arguments[value_index];
    if (value.size < STAGED_SIZE_MIN) {
        return false;
    }
    *plan = (struct staged_plan){
        .value = value, .key_size = call->arguments[1].size, .has_expiry = has_expiry};
    return true;
}

/* NX most often finds the key there, and then nothing is put. */
bool foresee_set(const struct call *call, struct staged_plan *plan)
{
    struct string_options options = {.has_time = false};
    if (call->arguments[2].size < STAGED_SIZE_MIN ||
        (call->argument_count > 3 &&
         string_options_parse(call->arguments + 3, call->argument_count - 3, OPTIONS_OF_SET,
                              &options) != ERROR_NONE)) {
        return false;
    }
    return !options.if_absent && foresee(call, 2, options.has_time, plan);
}

bool foresee_getset(const struct call *call, struct staged_plan *plan)
{
    return foresee(call, 2, false, plan);
}

bool foresee_setex(const struct call *call, struct staged_plan *plan)
{
    return foresee(call, 3, true, plan);
}
