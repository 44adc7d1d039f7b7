/* acl_parse.c - reading an aclfile: acl_users_parse of acl_users.h. */
#include "server/acl_users.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Words for the whole file are gathered: whoever mends it wants to see all that is wrong. */
struct parse {
    const char *origin;
    size_t line;
    const struct acl_terms *terms;
    struct acl_users *users;
    struct buffer *why;
    bool failed; /* memory ran out */
};

#define SHOWN_MAX 200

static void complain(struct parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(struct parse *parse, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t shown = size < 0 ? 0 : (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1;
    if (buffer_append(parse->why, text, shown) != STATUS_OK) {
        parse->failed = true;
    }
}

static int shown_size(struct slice text)
{
    return slice_print_size_of(text, SHOWN_MAX);
}

static struct slice trim(struct slice text, const char *characters)
{
    while (text.size > 0 && text.data[0] != '\0' && strchr(characters, text.data[0]) != NULL) {
        text = slice_part(text, 1, text.size - 1);
    }
    while (text.size > 0 && text.data[text.size - 1] != '\0' &&
           strchr(characters, text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    return text;
}

/* Unknown commands are all told; of other errors only a line's first, as it may cause the next. */
static void set_rules(struct parse *parse, struct acl_user *user, const struct word_list *rules)
{
    bool told = false;
    for (size_t i = 0; i < rules->count; i++) {
        struct slice rule = trim(rules->items[i].text, "\t\r\n");
        enum acl_error error = acl_user_set(user, parse->terms, rule);
        if (error == ACL_ERROR_UNKNOWN_COMMAND) {
            complain(parse, "%s:%zu: Error in applying operation '%.*s': %s. ", parse->origin,
                     parse->line, shown_size(rule), rule.data, acl_error_text(error));
        } else if (error != ACL_ERROR_NONE && !told) {
            complain(parse, "%s:%zu: %s. ", parse->origin, parse->line, acl_error_text(error));
            told = true;
        }
    }
}

/* NULL: refused, and told. */
static struct acl_user *begin_user(struct parse *parse, struct slice name)
{
    struct acl_user *user;
    if (!acl_user_is_valid_name(name)) {
        complain(parse, "'%s:%zu: username '%.*s' contains invalid characters. ", parse->origin,
                 parse->line, shown_size(name), name.data);
        return NULL;
    }
    if (acl_users_find(parse->users, name) != NULL) {
        complain(parse, "WARNING: Duplicate user '%.*s' found on line %zu. ", shown_size(name),
                 name.data, parse->line);
        return NULL;
    }
    if (acl_user_create(name, parse->terms->all_channels, &user) != STATUS_OK) {
        parse->failed = true;
        return NULL;
    }
    if (acl_users_add(parse->users, user) != STATUS_OK) {
        acl_user_destroy(user);
        parse->failed = true;
        return NULL;
    }
    return user;
}

static void parse_words(struct parse *parse, const struct slice *words, size_t count)
{
    struct slice culprit;
    struct word_list rules = {0};
    if (count < 2 || !slice_equal(words[0], SLICE_LITERAL("user"))) {
        complain(parse, "%s:%zu should start with user keyword followed by the username. ",
                 parse->origin, parse->line);
        return;
    }
    struct acl_user *user = begin_user(parse, words[1]);
    if (user == NULL) {
        return;
    }
    enum status status = acl_user_join_rules(words + 2, count - 2, &rules, &culprit);
    if (status == STATUS_INVALID) {
        complain(parse, "%s:%zu: Unmatched parenthesis in selector definition.", parse->origin,
                 parse->line);
    } else if (status == STATUS_OK) {
        set_rules(parse, user, &rules);
    }
    parse->failed = parse->failed || status == STATUS_NO_MEMORY;
    word_list_clear(&rules);
}

/* Each blank parts two words, which may be empty, as in Redis. */
static void parse_line(struct parse *parse, struct slice line)
{
    size_t count = 1;
    for (size_t i = 0; i < line.size; i++) {
        count += line.data[i] == ' ' ? 1 : 0;
    }
    struct slice *words = calloc(count, sizeof(*words));
    if (words == NULL) {
        parse->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *blank = memchr(line.data, ' ', line.size);
        size_t size = blank == NULL ? line.size : (size_t)(blank - line.data);
        words[i] = slice_part(line, 0, size);
        size_t taken = blank == NULL ? size : size + 1;
        line = slice_part(line, taken, line.size - taken);
    }
    parse_words(parse, words, count);
    free(words);
}

enum status acl_users_parse(const struct acl_text *file, const struct acl_terms *terms,
                            struct acl_users *users, struct buffer *why)
{
    struct parse parse = {.origin = file->origin, .terms = terms, .users = users, .why = why};
    size_t said = why->size;
    struct slice rest = file->text;
    while (rest.size > 0) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        size_t taken = end == NULL ? size : size + 1;
        struct slice line = trim(slice_part(rest, 0, size), " \t\r\n");
        rest = slice_part(rest, taken, rest.size - taken);
        parse.line++;
        if (line.size > 0) {
            parse_line(&parse, line);
        }
    }
    if (parse.failed) {
        return STATUS_NO_MEMORY;
    }
    if (why->size == said) {
        return STATUS_OK;
    }
    complain(&parse, "WARNING: ACL errors detected, no change to the previously active ACL rules "
                     "was performed");
    return STATUS_INVALID;
}
