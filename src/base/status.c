/* status.c - see status.h. */
#include "base/status.h"

#include <stdio.h>

static const char *const words_of[STATUS_COUNT] = {
#define STATUS_WORDS(name, words) [STATUS_##name] = words,
    STATUS_LIST(STATUS_WORDS)
#undef STATUS_WORDS
};

static const char *const names_of[STATUS_COUNT] = {
#define STATUS_NAME(name, words) [STATUS_##name] = #name,
    STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
};

const char *status_words(enum status status)
{
    return (unsigned)status < STATUS_COUNT ? words_of[status] : "unknown status";
}

const char *status_name(enum status status)
{
    return (unsigned)status < STATUS_COUNT ? names_of[status] : "UNKNOWN";
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
    }
    return status;
}
