/* migrate_options.c - see migrate_options.h. */
#include "commands/migrate_options.h"

#include "base/number.h"
#include "commands/errors.h"

#define FIRST_OPTION       6
#define KEY                3
#define DEFAULT_TIMEOUT_MS 1000

/* How many arguments belong to the option. */
static size_t option_size(struct slice option)
{
    if (slice_is_word(option, "auth")) {
        return 2;
    }
    return slice_is_word(option, "auth2") ? 3 : 1;
}

/* Index of the word KEYS; `count` = it isn't there. */
static size_t find_keys(const struct slice *arguments, size_t count)
{
    for (size_t at = FIRST_OPTION; at < count; at += option_size(arguments[at])) {
        if (slice_is_word(arguments[at], "keys")) {
            return at;
        }
    }
    return count;
}

size_t migrate_options_keys(const struct slice *arguments, size_t argument_count, size_t *count)
{
    size_t word = find_keys(arguments, argument_count);
    if (word == argument_count) {
        *count = 1;
        return KEY;
    }
    *count = arguments[KEY].size > 0 ? 0 : argument_count - word - 1;
    return word + 1;
}

bool migrate_options_hide(const struct slice *arguments, size_t count, size_t index)
{
    size_t word = find_keys(arguments, count);
    for (size_t at = FIRST_OPTION; at < word && at < index; at += option_size(arguments[at])) {
        if (index < at + option_size(arguments[at])) {
            return true;
        }
    }
    return false;
}

/* Takes the option at `at`; false: it is none, or not whole. */
static bool take_option(const struct call *call, size_t at, struct migrate_options *out)
{
    const struct slice *words = call->arguments + at;
    size_t size = option_size(words[0]);
    if (call->argument_count - at < size) {
        return false;
    }
    if (size == 3) {
        out->user = words[1];
        out->password = words[2];
    } else if (size == 2) {
        out->password = words[1];
    } else if (slice_is_word(words[0], "copy")) {
        out->copies = true;
    } else if (slice_is_word(words[0], "replace")) {
        out->replaces = true;
    } else {
        return false;
    }
    return true;
}

static bool take_options(struct call *call, struct migrate_options *out)
{
    size_t word = find_keys(call->arguments, call->argument_count);
    for (size_t at = FIRST_OPTION; at < word; at += option_size(call->arguments[at])) {
        if (!take_option(call, at, out)) {
            errors_reply(call, ERROR_SYNTAX);
            return false;
        }
    }
    if (word < call->argument_count && call->arguments[KEY].size > 0) {
        reply_error(call->reply, "ERR When using MIGRATE KEYS option, the key argument must be set "
                                 "to the empty string");
        return false;
    }
    return true;
}

bool migrate_options_parse(struct call *call, struct migrate_options *out)
{
    *out = (struct migrate_options){0};
    if (!take_options(call, out)) {
        return false;
    }
    if (!number_parse(call->arguments[5], &out->timeout_ms) ||
        !number_parse(call->arguments[4], &out->database)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return false;
    }
    if (out->timeout_ms <= 0) {
        out->timeout_ms = DEFAULT_TIMEOUT_MS;
    } else if (out->timeout_ms > INT32_MAX) {
        out->timeout_ms = INT32_MAX;
    }
    out->keys = call->arguments +
                migrate_options_keys(call->arguments, call->argument_count, &out->key_count);
    return true;
}
