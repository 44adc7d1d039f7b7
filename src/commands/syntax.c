/* syntax.c - see syntax.h. A recursive descent that fills a flat array, groups before their parts.
 */
#include "commands/syntax.h"

#include "base/check.h"

#include <stdlib.h>

#define DEPTH_MAX 16

struct reader {
    const char *at;
    struct syntax *syntax;
    struct error *error;
    int depth;
};

static const char *const type_names[] = {
    [SYNTAX_STRING] = "string",         [SYNTAX_INTEGER] = "integer",
    [SYNTAX_DOUBLE] = "double",         [SYNTAX_KEY] = "key",
    [SYNTAX_PATTERN] = "pattern",       [SYNTAX_UNIX_TIME] = "unix-time",
    [SYNTAX_PURE_TOKEN] = "pure-token", [SYNTAX_ONEOF] = "oneof",
    [SYNTAX_BLOCK] = "block",
};

const char *syntax_type_name(enum syntax_type type)
{
    return type_names[type];
}

/* --- characters and words -------------------------------------------------------------------- */

static enum status wrong(const struct reader *reader, const char *expected)
{
    return error_set(reader->error, STATUS_INVALID, "expected %s at '%s'", expected, reader->at);
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_token_character(char c)
{
    return is_upper(c) || is_digit(c) || c == '-';
}

static bool is_name_character(char c)
{
    return is_upper(c) || is_lower(c) || is_digit(c) || c == '-' || c == '_';
}

static bool is_version_character(char c)
{
    return is_digit(c) || c == '.';
}

static bool starts_token(char c)
{
    return is_upper(c) || c == '\'';
}

static bool starts_name(char c)
{
    return is_lower(c) || c == '`';
}

static bool accept(struct reader *reader, char c)
{
    if (*reader->at != c) {
        return false;
    }
    reader->at++;
    return true;
}

static bool accept_dots(struct reader *reader)
{
    if (strncmp(reader->at, "...", 3) != 0) {
        return false;
    }
    reader->at += 3;
    return true;
}

static void skip_blanks(struct reader *reader)
{
    while (accept(reader, ' ')) {
    }
}

static struct slice read_word(struct reader *reader, bool (*belongs)(char c))
{
    const char *start = reader->at;
    while (belongs(*reader->at)) {
        reader->at++;
    }
    return slice_make(start, (size_t)(reader->at - start));
}

/* What stands up to the closing quote. */
static enum status read_quoted(struct reader *reader, char quote, struct slice *word)
{
    const char *end = strchr(reader->at, quote);
    if (end == NULL) {
        return wrong(reader, "a closing quote");
    }
    *word = slice_make(reader->at, (size_t)(end - reader->at));
    reader->at = end + 1;
    return STATUS_OK;
}

static enum status read_token(struct reader *reader, struct slice *token)
{
    if (accept(reader, '\'')) {
        return read_quoted(reader, '\'', token);
    }
    *token = read_word(reader, is_token_character);
    return token->size < SYNTAX_NAME_SIZE_MAX ? STATUS_OK : wrong(reader, "a shorter token");
}

static enum status read_name(struct reader *reader, struct slice *name)
{
    if (!starts_name(*reader->at)) {
        return wrong(reader, "a name");
    }
    if (accept(reader, '`')) {
        return read_quoted(reader, '`', name);
    }
    *name = read_word(reader, is_name_character);
    return STATUS_OK;
}

static enum status read_version(struct reader *reader, char sign, struct slice *version)
{
    if (!accept(reader, sign)) {
        return STATUS_OK;
    }
    *version = read_word(reader, is_version_character);
    /* The dots of a repetition look like those of a version. */
    while (version->size > 0 && version->data[version->size - 1] == '.') {
        version->size--;
        reader->at--;
    }
    return version->size > 0 ? STATUS_OK : wrong(reader, "a version");
}

/* --- arguments ------------------------------------------------------------------------------- */

static enum status push_argument(struct syntax *syntax, size_t *index)
{
    if (syntax->count == syntax->capacity) {
        size_t capacity = syntax->capacity == 0 ? 8 : syntax->capacity * 2;
        struct syntax_argument *arguments =
            realloc(syntax->arguments, capacity * sizeof(*syntax->arguments));
        if (arguments == NULL) {
            return STATUS_NO_MEMORY;
        }
        syntax->arguments = arguments;
        syntax->capacity = capacity;
    }
    *index = syntax->count++;
    syntax->arguments[*index] = (struct syntax_argument){.key_spec_index = SYNTAX_NO_KEY_SPEC};
    return STATUS_OK;
}

static enum status read_argument(struct reader *reader);

/* Arguments one behind the other, up to `end`. */
static enum status read_sequence(struct reader *reader, char end, size_t *count)
{
    skip_blanks(reader);
    while (*reader->at != end) {
        enum status status = read_argument(reader);
        if (status != STATUS_OK) {
            return status;
        }
        ++*count;
        if (*reader->at != end && *reader->at != ' ') {
            return wrong(reader, "a blank");
        }
        skip_blanks(reader);
    }
    return STATUS_OK;
}

/* Arguments with '|' between them, up to '>'. */
static enum status read_alternatives(struct reader *reader, size_t *count)
{
    do {
        skip_blanks(reader);
        enum status status = read_argument(reader);
        if (status != STATUS_OK) {
            return status;
        }
        ++*count;
        skip_blanks(reader);
    } while (accept(reader, '|'));
    return *reader->at == '>' ? STATUS_OK : wrong(reader, "'|' or '>'");
}

/* Behind the name of a group. The array may move while its parts are read. */
static enum status read_group(struct reader *reader, size_t index)
{
    bool is_block = accept(reader, '(');
    size_t count = 0;
    enum status status;
    if (is_block) {
        status = read_sequence(reader, ')', &count);
    } else {
        reader->at++;
        status = read_alternatives(reader, &count);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (count == 0) {
        return wrong(reader, "an argument");
    }
    reader->at++;
    struct syntax_argument *argument = &reader->syntax->arguments[index];
    argument->type = is_block ? SYNTAX_BLOCK : SYNTAX_ONEOF;
    argument->child_count = count;
    return STATUS_OK;
}

static enum status read_type(struct reader *reader, struct syntax_argument *argument)
{
    const char *start = reader->at;
    struct slice word = read_word(reader, is_name_character);
    for (int type = SYNTAX_STRING; type <= SYNTAX_UNIX_TIME; type++) {
        if (slice_equal(word, slice_of_string(type_names[type]))) {
            argument->type = (enum syntax_type)type;
            argument->key_spec_index = type == SYNTAX_KEY ? 0 : SYNTAX_NO_KEY_SPEC;
            return STATUS_OK;
        }
    }
    reader->at = start;
    return wrong(reader, "a type");
}

/* A plain argument or a group, from its name on. */
static enum status read_thing(struct reader *reader, size_t index)
{
    struct syntax_argument *argument = &reader->syntax->arguments[index];
    enum status status = read_name(reader, &argument->name);
    if (status != STATUS_OK) {
        return status;
    }
    if (*reader->at == '(' || *reader->at == '<') {
        return read_group(reader, index);
    }
    return accept(reader, ':') ? read_type(reader, argument) : STATUS_OK;
}

/* From a token on: is it the argument, or does it stand in front of one? */
static enum status read_from_token(struct reader *reader, size_t index)
{
    struct syntax_argument *argument = &reader->syntax->arguments[index];
    enum status status = read_token(reader, &argument->token);
    if (status != STATUS_OK) {
        return status;
    }
    argument->type = SYNTAX_PURE_TOKEN;
    if (accept(reader, '=')) {
        return read_name(reader, &argument->name);
    }
    argument->multiple_token = accept_dots(reader);
    argument->multiple = argument->multiple_token;
    if (reader->at[0] == ' ' && starts_name(reader->at[1])) {
        reader->at++;
        argument->type = SYNTAX_STRING;
        return read_thing(reader, index);
    }
    return argument->multiple_token ? wrong(reader, "a blank and a name") : STATUS_OK;
}

static enum status read_attributes(struct reader *reader, struct syntax_argument *argument)
{
    if (accept(reader, '#')) {
        if (!is_digit(*reader->at)) {
            return wrong(reader, "a digit");
        }
        argument->key_spec_index = *reader->at++ - '0';
    }
    enum status status = read_version(reader, '@', &argument->since);
    if (status == STATUS_OK) {
        status = read_version(reader, '!', &argument->deprecated_since);
    }
    if (status == STATUS_OK && accept_dots(reader)) {
        argument->multiple = true;
    }
    return status;
}

static enum status read_argument(struct reader *reader)
{
    if (reader->depth == DEPTH_MAX) {
        return wrong(reader, "less depth");
    }
    reader->depth++;
    bool optional = accept(reader, '[');
    size_t index;
    enum status status = push_argument(reader->syntax, &index);
    if (status == STATUS_OK) {
        status =
            starts_token(*reader->at) ? read_from_token(reader, index) : read_thing(reader, index);
    }
    if (status == STATUS_OK) {
        status = read_attributes(reader, &reader->syntax->arguments[index]);
    }
    if (status == STATUS_OK && optional && !accept(reader, ']')) {
        status = wrong(reader, "']'");
    }
    if (status == STATUS_OK) {
        struct syntax_argument *argument = &reader->syntax->arguments[index];
        argument->optional = optional;
        argument->size = reader->syntax->count - index;
    }
    reader->depth--;
    return status;
}

enum status syntax_parse(const char *text, struct syntax *syntax, struct error *error)
{
    struct syntax parsed = {0};
    struct reader reader = {
        .syntax = &parsed,
        .error = error,
    };
    reader.at = text == NULL ? "" : text;
    enum status status = read_sequence(&reader, '\0', &parsed.top_count);
    if (status != STATUS_OK) {
        syntax_deinit(&parsed);
        return status;
    }
    *syntax = parsed;
    return STATUS_OK;
}

void syntax_deinit(struct syntax *syntax)
{
    free(syntax->arguments);
    *syntax = (struct syntax){0};
}

struct slice syntax_name(const struct syntax_argument *argument, char scratch[SYNTAX_NAME_SIZE_MAX])
{
    if (argument->name.data != NULL) {
        return argument->name;
    }
    CHECK(argument->token.size < SYNTAX_NAME_SIZE_MAX);
    for (size_t i = 0; i < argument->token.size; i++) {
        char c = argument->token.data[i];
        scratch[i] = is_upper(c) ? (char)(c | 0x20) : c;
    }
    return slice_make(scratch, argument->token.size);
}

/* --- how many -------------------------------------------------------------------------------- */

struct range {
    size_t fewest;
    size_t most;
};

static size_t add_bounded(size_t a, size_t b)
{
    return a == SYNTAX_UNBOUNDED || b == SYNTAX_UNBOUNDED ? SYNTAX_UNBOUNDED : a + b;
}

static struct range range_of(const struct syntax_argument *argument)
{
    struct range range = {.fewest = 1, .most = 1};
    if (argument->child_count > 0) {
        range = (struct range){.fewest = argument->type == SYNTAX_ONEOF ? SIZE_MAX : 0};
        const struct syntax_argument *child = argument + 1;
        for (size_t i = 0; i < argument->child_count; i++, child += child->size) {
            struct range part = range_of(child);
            if (argument->type == SYNTAX_BLOCK) {
                range.fewest += part.fewest;
                range.most = add_bounded(range.most, part.most);
                continue;
            }
            range.fewest = part.fewest < range.fewest ? part.fewest : range.fewest;
            range.most = part.most > range.most ? part.most : range.most;
        }
    }
    if (argument->token.data != NULL && argument->type != SYNTAX_PURE_TOKEN) {
        range.fewest++;
        range.most = add_bounded(range.most, 1);
    }
    if (argument->multiple) {
        range.most = SYNTAX_UNBOUNDED;
    }
    if (argument->optional) {
        range.fewest = 0;
    }
    return range;
}

void syntax_count_range(const struct syntax *syntax, size_t *fewest, size_t *most)
{
    struct range sum = {0};
    const struct syntax_argument *argument = syntax->arguments;
    for (size_t i = 0; i < syntax->top_count; i++, argument += argument->size) {
        struct range part = range_of(argument);
        sum.fewest += part.fewest;
        sum.most = add_bounded(sum.most, part.most);
    }
    *fewest = sum.fewest;
    *most = sum.most;
}
