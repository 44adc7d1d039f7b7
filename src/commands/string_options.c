/* string_options.c - see string_options.h. */
#include "commands/string_options.h"

#include "engine/record.h"
#include "server/command.h"

enum option { OPTION_NX, OPTION_XX, OPTION_GET, OPTION_KEEPTTL, OPTION_PERSIST, OPTION_TIME };

struct option_row {
    const char *word;
    enum option option;
    bool of_set;
    bool of_getex;
    enum expiry_unit unit;
    enum expiry_basis basis;
};

static const struct option_row rows[] = {
    {"nx", OPTION_NX, true, false, UNIT_SECONDS, BASIS_NOW},
    {"xx", OPTION_XX, true, false, UNIT_SECONDS, BASIS_NOW},
    {"get", OPTION_GET, true, false, UNIT_SECONDS, BASIS_NOW},
    {"keepttl", OPTION_KEEPTTL, true, false, UNIT_SECONDS, BASIS_NOW},
    {"persist", OPTION_PERSIST, false, true, UNIT_SECONDS, BASIS_NOW},
    {"ex", OPTION_TIME, true, true, UNIT_SECONDS, BASIS_NOW},
    {"px", OPTION_TIME, true, true, UNIT_MILLISECONDS, BASIS_NOW},
    {"exat", OPTION_TIME, true, true, UNIT_SECONDS, BASIS_EPOCH},
    {"pxat", OPTION_TIME, true, true, UNIT_MILLISECONDS, BASIS_EPOCH},
};

static const struct option_row *find_row(struct slice word, enum string_options_of command)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool belongs = command == OPTIONS_OF_SET ? rows[i].of_set : rows[i].of_getex;
        if (belongs && slice_is_word(word, rows[i].word)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* At most one of KEEPTTL, PERSIST and a time; the same time option twice is fine, the last counts.
 */
static bool take_time(struct string_options *options, const struct option_row *row,
                      struct slice time)
{
    if (options->keep_expiry || options->persist ||
        (options->has_time && (options->unit != row->unit || options->basis != row->basis))) {
        return false;
    }
    options->has_time = true;
    options->unit = row->unit;
    options->basis = row->basis;
    options->time = time;
    return true;
}

static bool take_word(struct string_options *options, enum option option)
{
    switch (option) {
    case OPTION_NX:
        options->if_absent = true;
        return !options->if_present;
    case OPTION_XX:
        options->if_present = true;
        return !options->if_absent;
    case OPTION_GET:
        options->get = true;
        return true;
    case OPTION_KEEPTTL:
        options->keep_expiry = true;
        return !options->has_time;
    case OPTION_PERSIST:
        options->persist = true;
        return !options->has_time;
    case OPTION_TIME:
        break;
    }
    return false;
}

enum client_error string_options_parse(const struct slice *arguments, size_t count,
                                       enum string_options_of command, struct string_options *out)
{
    *out = (struct string_options){0};
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = find_row(arguments[i], command);
        if (row == NULL) {
            return ERROR_SYNTAX;
        }
        bool is_taken;
        if (row->option == OPTION_TIME) {
            is_taken = i + 1 < count && take_time(out, row, arguments[i + 1]);
            i++;
        } else {
            is_taken = take_word(out, row->option);
        }
        if (!is_taken) {
            return ERROR_SYNTAX;
        }
    }
    return ERROR_NONE;
}

enum client_error string_options_expiry(const struct string_options *options, int64_t now_ms,
                                        int64_t *expiry_ms)
{
    if (!options->has_time) {
        *expiry_ms = EXPIRY_NONE;
        return ERROR_NONE;
    }
    return arguments_parse_positive_time(options->time, options->unit, options->basis, now_ms,
                                         expiry_ms);
}

uint32_t string_options_key_flags(const struct slice *arguments, size_t count)
{
    for (size_t at = 3; at < count; at++) {
        if (slice_is_word(arguments[at], "get")) {
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
        }
    }
    return KEY_OW | KEY_UPDATE;
}
