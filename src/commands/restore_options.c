/* restore_options.c - see restore_options.h. */
#include "commands/restore_options.h"

#include "base/number.h"

#include <stdint.h>

#define FREQ_MAX 255

enum usage { USAGE_NONE, USAGE_IDLETIME, USAGE_FREQ };

static enum client_error check_number(struct slice text, enum usage usage)
{
    int64_t number;
    if (!number_parse(text, &number)) {
        return ERROR_NOT_INTEGER;
    }
    if (usage == USAGE_IDLETIME) {
        return number < 0 ? ERROR_IDLETIME_NEGATIVE : ERROR_NONE;
    }
    return number < 0 || number > FREQ_MAX ? ERROR_FREQ_RANGE : ERROR_NONE;
}

enum client_error restore_options_parse(const struct slice *arguments, size_t count,
                                        struct restore_options *out)
{
    struct restore_options options = {0};
    enum usage seen = USAGE_NONE;
    for (size_t i = 0; i < count; i++) {
        enum usage usage = slice_is_word(arguments[i], "idletime") ? USAGE_IDLETIME
                           : slice_is_word(arguments[i], "freq")   ? USAGE_FREQ
                                                                   : USAGE_NONE;
        if (slice_is_word(arguments[i], "replace")) {
            options.replace = true;
        } else if (slice_is_word(arguments[i], "absttl")) {
            options.is_absolute = true;
        } else if (usage != USAGE_NONE && i + 1 < count && (seen == USAGE_NONE || seen == usage)) {
            i++;
            enum client_error error = check_number(arguments[i], usage);
            if (error != ERROR_NONE) {
                return error;
            }
            seen = usage;
        } else {
            return ERROR_SYNTAX;
        }
    }
    *out = options;
    return ERROR_NONE;
}
