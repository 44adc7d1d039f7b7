/* inline_request.c - see inline_request.h. */
#include "resp/inline_request.h"

#include "base/escape.h"
#include "base/slice.h"

#include <stdbool.h>

/* Ends an argument; between two of them all blanks are skipped. */
static bool is_end(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* The line being taken apart, and where unquoted bytes go. */
struct inline_line {
    const char *at;
    const char *end;
    char *out;
};

/* From behind an opening quote to behind the closing one, which must end the argument. False:
 * unbalanced. */
static bool unquote_string(struct inline_line *line, char quote)
{
    while (line->at < line->end) {
        char c = *line->at++;
        if (c == quote) {
            return line->at == line->end || slice_is_blank(*line->at);
        }
        bool more = line->at < line->end;
        if (c == '\\' && more && quote == '"') {
            *line->out++ = escape_take(&line->at, line->end);
        } else if (c == '\\' && more && *line->at == quote) {
            *line->out++ = *line->at++;
        } else {
            *line->out++ = c;
        }
    }
    return false;
}

/* An argument with a quote in it. False: unbalanced. */
static bool unquote_argument(struct inline_line *line, struct slice *argument)
{
    char *start = line->out;
    while (line->at < line->end && !is_end(*line->at)) {
        char c = *line->at++;
        if (is_quote(c)) {
            if (!unquote_string(line, c)) {
                return false;
            }
            break;
        }
        *line->out++ = c;
    }
    *argument = slice_make(start, (size_t)(line->out - start));
    return true;
}

static enum status read_argument(struct inline_line *line, struct argument_list *arguments)
{
    const char *start = line->at;
    while (line->at < line->end && !is_end(*line->at) && !is_quote(*line->at)) {
        line->at++;
    }
    struct slice argument = slice_make(start, (size_t)(line->at - start));
    if (line->at < line->end && is_quote(*line->at)) {
        line->at = start;
        /* Unquoting never makes an argument longer, so the rest of the line is room enough. */
        if (line->out == NULL) {
            line->out = argument_list_scratch(arguments, (size_t)(line->end - start));
        }
        if (line->out == NULL) {
            return STATUS_NO_MEMORY;
        }
        if (!unquote_argument(line, &argument)) {
            return STATUS_INVALID;
        }
    }
    return argument_list_push(arguments, argument) ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status inline_request_split(struct slice text, struct argument_list *arguments)
{
    struct inline_line line = {.at = text.data, .end = text.data + text.size};
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        while (line.at < line.end && slice_is_blank(*line.at)) {
            line.at++;
        }
        if (line.at == line.end) {
            break;
        }
        status = read_argument(&line, arguments);
    }
    return status;
}
