/* expire_options.c - see expire_options.h. */
#include "commands/expire_options.h"

#include "engine/record.h"

static bool take(struct slice word, struct expire_options *options)
{
    struct {
        const char *word;
        bool *option;
    } rows[] = {
        {"nx", &options->if_none},
        {"xx", &options->if_any},
        {"gt", &options->if_later},
        {"lt", &options->if_sooner},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_is_word(word, rows[i].word)) {
            *rows[i].option = true;
            return true;
        }
    }
    return false;
}

enum client_error expire_options_parse(const struct slice *arguments, size_t count,
                                       struct expire_options *out, struct slice *unsupported)
{
    struct expire_options options = {0};
    for (size_t i = 0; i < count; i++) {
        if (!take(arguments[i], &options)) {
            *unsupported = arguments[i];
            return ERROR_UNSUPPORTED_OPTION;
        }
    }
    if (options.if_none && (options.if_any || options.if_later || options.if_sooner)) {
        return ERROR_EXPIRE_NX_AND_OTHERS;
    }
    if (options.if_later && options.if_sooner) {
        return ERROR_EXPIRE_GT_AND_LT;
    }
    *out = options;
    return ERROR_NONE;
}

/* "Never" is greater than every time, so that it needs no case of its own. */
bool expire_options_allow(const struct expire_options *options, int64_t current_ms, int64_t new_ms)
{
    return !(options->if_none && current_ms != EXPIRY_NONE) &&
           !(options->if_any && current_ms == EXPIRY_NONE) &&
           !(options->if_later && new_ms <= current_ms) &&
           !(options->if_sooner && new_ms >= current_ms);
}
