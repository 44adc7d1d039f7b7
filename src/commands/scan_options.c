/* scan_options.c - see scan_options.h. */
#include "commands/scan_options.h"

#include "base/glob.h"
#include "base/number.h"

#include <stdint.h>

enum client_error scan_options_parse(const struct slice *arguments, size_t count,
                                     struct scan_options *out)
{
    struct scan_options options = {.count = SCAN_COUNT_DEFAULT};
    if (count % 2 != 0) {
        /* Redis, too, looks at what stands before the lone word first: COUNT may be wrong there. */
        enum client_error error = scan_options_parse(arguments, count - 1, &options);
        return error == ERROR_NONE ? ERROR_SYNTAX : error;
    }
    for (size_t i = 0; i < count; i += 2) {
        struct slice value = arguments[i + 1];
        if (slice_is_word(arguments[i], "match")) {
            options.pattern = value;
        } else if (slice_is_word(arguments[i], "type")) {
            options.type = value;
        } else if (slice_is_word(arguments[i], "count")) {
            int64_t number;
            if (!number_parse(value, &number)) {
                return ERROR_NOT_INTEGER;
            }
            if (number < 1) {
                return ERROR_SYNTAX;
            }
            options.count = (size_t)number;
        } else {
            return ERROR_SYNTAX;
        }
    }
    *out = options;
    return ERROR_NONE;
}

bool scan_options_match(const struct scan_options *options, struct slice key, const char *type)
{
    if (options->type.data != NULL && !slice_is_word(options->type, type)) {
        return false;
    }
    return options->pattern.data == NULL || glob_is_all(options->pattern) ||
           glob_match(options->pattern, key, false);
}
