/* lcs.c - LCS: what two strings have in common. */
#include "base/number.h"
#include "commands/errors.h"
#include "commands/lookup.h"
#include "commands/subsequence.h"
#include "commands/tables.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/server.h"

#include <stdlib.h>

struct lcs_options {
    bool length_only;       /* LEN */
    bool with_positions;    /* IDX */
    bool with_match_length; /* WITHMATCHLEN */
    int64_t match_size_min; /* MINMATCHLEN */
};

static enum client_error parse_options(const struct slice *arguments, size_t count,
                                       struct lcs_options *options)
{
    *options = (struct lcs_options){0};
    for (size_t i = 0; i < count; i++) {
        if (slice_is_word(arguments[i], "idx")) {
            options->with_positions = true;
        } else if (slice_is_word(arguments[i], "len")) {
            options->length_only = true;
        } else if (slice_is_word(arguments[i], "withmatchlen")) {
            options->with_match_length = true;
        } else if (slice_is_word(arguments[i], "minmatchlen") && i + 1 < count) {
            i++;
            if (!number_parse(arguments[i], &options->match_size_min)) {
                return ERROR_NOT_INTEGER;
            }
        } else {
            return ERROR_SYNTAX;
        }
    }
    return options->with_positions && options->length_only ? ERROR_LCS_WITH_LEN_AND_IDX
                                                           : ERROR_NONE;
}

/* --- replying --- */

struct positions {
    struct reply *reply;
    const struct lcs_options *options;
    size_t count;
};

static void reply_range(struct reply *reply, size_t first, size_t last)
{
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)first);
    reply_integer(reply, (int64_t)last);
}

static void reply_match(void *context, const struct subsequence_match *match)
{
    struct positions *positions = context;
    int64_t size = (int64_t)(match->a_last - match->a_first) + 1;
    if (size < positions->options->match_size_min) {
        return;
    }
    positions->count++;
    reply_array(positions->reply, positions->options->with_match_length ? 3 : 2);
    reply_range(positions->reply, match->a_first, match->a_last);
    reply_range(positions->reply, match->b_first, match->b_last);
    if (positions->options->with_match_length) {
        reply_integer(positions->reply, size);
    }
}

static void reply_positions(struct reply *reply, const struct subsequence *subsequence,
                            const struct lcs_options *options)
{
    struct positions positions = {.reply = reply, .options = options};
    reply_map(reply, 2);
    reply_bulk_string(reply, "matches");
    struct reply_mark mark = reply_deferred_begin(reply);
    subsequence_each(subsequence, reply_match, &positions);
    reply_deferred_array(reply, mark, positions.count);
    reply_bulk_string(reply, "len");
    reply_integer(reply, (int64_t)subsequence_length(subsequence));
}

/* The common bytes, filled in from the end as the runs are visited. */
struct text {
    struct slice a;
    char *bytes;
    size_t left;
};

static void collect_match(void *context, const struct subsequence_match *match)
{
    struct text *text = context;
    size_t size = match->a_last - match->a_first + 1;
    text->left -= size;
    memcpy(text->bytes + text->left, text->a.data + match->a_first, size);
}

static void reply_text(struct call *call, const struct subsequence *subsequence)
{
    size_t size = subsequence_length(subsequence);
    struct text text = {.a = subsequence->a, .bytes = malloc(size + 1), .left = size};
    if (text.bytes == NULL) {
        errors_reply(call, ERROR_LCS_NO_MEMORY);
        return;
    }
    subsequence_each(subsequence, collect_match, &text);
    reply_bulk(call->reply, slice_make(text.bytes, size));
    free(text.bytes);
}

/* --- the command --- */

/* The string at a key, verified; empty where there is none. False: an error was replied. */
static bool find_strings(struct call *call, struct slice strings[2])
{
    struct value values[2] = {{.type = TYPE_STRING}, {.type = TYPE_STRING}};
    enum lookup found[2];
    for (size_t i = 0; i < 2; i++) {
        found[i] = lookup_to_read(call, call->arguments[i + 1], &values[i]);
        if (found[i] == LOOKUP_REPLIED) {
            return false;
        }
    }
    if (values[0].type != TYPE_STRING || values[1].type != TYPE_STRING) {
        errors_reply(call, ERROR_LCS_WRONG_TYPE);
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        if (found[i] == LOOKUP_FOUND && !lookup_load(call, &values[i])) {
            return false;
        }
        strings[i] = values[i].bytes;
    }
    return true;
}

static enum client_error check_sizes(struct call *call, const struct slice strings[2])
{
    if (strings[0].size > SUBSEQUENCE_SIZE_MAX || strings[1].size > SUBSEQUENCE_SIZE_MAX) {
        return ERROR_LCS_TOO_LONG;
    }
    int64_t maximum = config_number(server_config(call->server), CONFIG_PROTO_MAX_BULK_LEN);
    return subsequence_memory(strings[0].size, strings[1].size) > (uint64_t)maximum
               ? ERROR_LCS_TOO_MUCH_MEMORY
               : ERROR_NONE;
}

static void run_lcs(struct call *call)
{
    struct slice strings[2];
    struct lcs_options options;
    if (!find_strings(call, strings)) {
        return;
    }
    enum client_error error =
        parse_options(call->arguments + 3, call->argument_count - 3, &options);
    if (error == ERROR_NONE) {
        error = check_sizes(call, strings);
    }
    if (error != ERROR_NONE) {
        errors_reply(call, error);
        return;
    }
    struct subsequence subsequence;
    if (subsequence_init(&subsequence, strings[0], strings[1]) != STATUS_OK) {
        errors_reply(call, ERROR_LCS_NO_MEMORY);
        return;
    }
    if (options.with_positions) {
        reply_positions(call->reply, &subsequence, &options);
    } else if (options.length_only) {
        reply_integer(call->reply, (int64_t)subsequence_length(&subsequence));
    } else {
        reply_text(call, &subsequence);
    }
    subsequence_deinit(&subsequence);
}

const struct command lcs_commands[] = {
    {.name = "lcs",
     .handler = run_lcs,
     .arity = -3,
     .flags = COMMAND_READONLY,
     .categories = CATEGORY_STRING,
     .group = "string",
     .since = "7.0.0",
     .summary = "Finds the longest common subsequence of two strings",
     .complexity = "O(N*M) with N and M the lengths of the strings",
     .syntax = "key1:key key2:key [LEN] [IDX] [MINMATCHLEN len:integer] [WITHMATCHLEN]",
     .keys = {{1, 1, 1, KEY_RO | KEY_ACCESS, NULL}}},
    {.name = NULL}};
