/* config_load.c - configuration from files: see config.h. */

#include "server/config.h"
#include "server/config_values.h"
#include "server/small_file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define INCLUDE_DEPTH_MAX 16
#define UNREADABLE        "can't open the configuration file '%s': %s; check the name and its permissions"

/* Directives that restrict or load something that scdb does not have. To ignore them would open
 * what their author closed. */
static const struct {
    const char *name;
    const char *advice;
} refused[] = {
    {"loadmodule", "there are no modules; remove the line"},
};

struct loader {
    struct config *config;
    struct error *error;
    struct config_words words;
    bool is_command_line; /* the text at depth 0 is made of options: no line numbers */
    unsigned depth;
    unsigned inclusions; /* of them, those that an `include` asked for */
    bool may_wait;       /* nobody is served yet */
};

#define PLACE_SIZE (PATH_MAX + 32)

struct place {
    const char *origin;
    size_t line; /* 0: the origin has no lines */
};

static enum status load_lines(struct loader *loader, const char *origin, struct slice text);

static void describe_place(struct place place, char out[PLACE_SIZE])
{
    if (place.line == 0) {
        (void)snprintf(out, PLACE_SIZE, "%s", place.origin);
    } else {
        (void)snprintf(out, PLACE_SIZE, "%s, line %zu", place.origin, place.line);
    }
}

static enum status fail(struct loader *loader, struct place place, struct slice text,
                        const char *what)
{
    char at[PLACE_SIZE];
    describe_place(place, at);
    return error_set(loader->error, STATUS_INVALID, "%s: '%.*s': %s", at,
                     slice_print_size_of(text, 200), text.data, what);
}

static const char *find_refused(struct slice name)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (slice_is_word(name, refused[i].name)) {
            return refused[i].advice;
        }
    }
    return NULL;
}

/* The arguments of a directive as one text. NO_MEMORY: `out` must still be freed. */
static enum status join(const struct slice *words, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        if ((i > 0 && buffer_append(out, " ", 1) != STATUS_OK) ||
            buffer_append(out, words[i].data, words[i].size) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

/* Blanks that a quoted value has before, behind or between its words are no matter in a file, as in
 * Redis; CONFIG SET refuses them. */
static enum status join_words(struct slice value, struct buffer *out)
{
    enum status status = STATUS_OK;
    for (struct slice word = slice_next_word(&value); word.size > 0 && status == STATUS_OK;
         word = slice_next_word(&value)) {
        struct slice parts[2] = {{0}, word};
        status = out->size == 0 ? join(&word, 1, out) : join(parts, 2, out);
    }
    return status;
}

/* A repeated directive's lines add up, but its first line in the file replaces the default. */
static enum status prepend_current(struct config_value *value, struct buffer *text)
{
    struct buffer joined = {0};
    struct slice parts[2] = {buffer_slice(&value->text), buffer_slice(text)};
    bool adds = value->repeated && text->size > 0 && value->text.size > 0;
    value->repeated = true;
    if (!adds) {
        return STATUS_OK;
    }
    enum status status = join(parts, 2, &joined);
    buffer_deinit(text);
    *text = joined;
    return status;
}

static enum status apply(struct loader *loader, const struct directive *directive,
                         struct error *why)
{
    struct config_value *value = config_value_of(loader->config, directive);
    struct buffer text = {0};
    bool is_one_text = (directive->flags & DIRECTIVE_SEVERAL) != 0 && loader->words.count == 2;
    enum status status = is_one_text
                             ? join_words(loader->words.items[1], &text)
                             : join(loader->words.items + 1, loader->words.count - 1, &text);
    if (status == STATUS_OK && (directive->flags & DIRECTIVE_REPEATED) != 0) {
        status = prepend_current(value, &text);
    }
    if (status == STATUS_OK) {
        status = config_assign(loader->config, directive, buffer_slice(&text), why);
    }
    value->given = value->given || status == STATUS_OK;
    buffer_deinit(&text);
    return status;
}

/* The rules are looked at when the users are made. A line's words may be passwords: they aren't
 * told. */
static enum status load_user(struct loader *loader, struct place place)
{
    char at[PLACE_SIZE];
    struct slice user = SLICE_LITERAL("user");
    if (loader->words.count < 2) {
        return fail(loader, place, user, "name the user, and after it what it may do");
    }
    describe_place(place, at);
    struct config_user line = {.place = at,
                               .is_included = loader->inclusions > 0,
                               .words = loader->words.items + 1,
                               .count = loader->words.count - 1};
    enum status status = config_users_add(loader->config, &line);
    if (status == STATUS_EXISTS) {
        return fail(loader, place, loader->words.items[1],
                    "Duplicate user found. A user can only be defined once in config files");
    }
    return status;
}

/* Which commands there are is known to commands/rename.h. */
static enum status load_renaming(struct loader *loader, struct place place, struct slice line)
{
    char at[PLACE_SIZE];
    if (loader->words.count != 3) {
        return fail(loader, place, line,
                    "wrong number of arguments: it takes a command and its new name, or \"\" to "
                    "switch the command off");
    }
    describe_place(place, at);
    struct config_renaming renaming = {
        .place = at, .from = loader->words.items[1], .to = loader->words.items[2]};
    return config_renamings_add(loader->config, &renaming);
}

static enum status load_directive(struct loader *loader, struct place place, struct slice line)
{
    struct slice name = loader->words.items[0];
    if (slice_is_word(name, "user")) {
        return load_user(loader, place);
    }
    if (slice_is_word(name, "rename-command")) {
        return load_renaming(loader, place, line);
    }
    const char *advice = find_refused(name);
    if (advice != NULL) {
        bool empty = loader->words.count == 2 && loader->words.items[1].size == 0;
        return empty ? STATUS_OK : fail(loader, place, line, advice);
    }
    const struct directive *directive = config_find_directive(name);
    if (directive == NULL) {
        return fail(loader, place, line,
                    "there is no such directive; scdb.conf lists them all: correct or remove it");
    }
    if ((directive->flags & DIRECTIVE_SECRET) != 0) {
        line = name;
    }
    bool several = (directive->flags & DIRECTIVE_SEVERAL) != 0;
    if (several && loader->words.count == 1 &&
        config_value_of(loader->config, directive)->repeated) {
        return STATUS_OK; /* it adds nothing to the lines before */
    }
    if (!several && loader->words.count != 2) {
        return fail(loader, place, line,
                    loader->words.count == 1
                        ? "wrong number of arguments: its value is missing"
                        : "wrong number of arguments: it takes one; put quotes around one with "
                          "blanks");
    }
    struct error why;
    enum status status = apply(loader, directive, &why);
    return status == STATUS_INVALID ? fail(loader, place, line, why.text) : status;
}

static enum status load_file(struct loader *loader, const char *path, const struct buffer *text)
{
    loader->depth++;
    enum status status = load_lines(loader, path, buffer_slice(text));
    loader->depth--;
    return status;
}

static bool read_file(const struct loader *loader, const char *path, struct buffer *out)
{
    return loader->may_wait ? small_file_read_or_wait(path, out) : small_file_read(path, out);
}

/* An `include` that can't be read is told with its place. */
static enum status load_included(struct loader *loader, struct place place, struct slice line,
                                 const char *path)
{
    struct buffer text = {0};
    enum status status;
    if (read_file(loader, path, &text)) {
        loader->inclusions++;
        status = load_file(loader, path, &text);
        loader->inclusions--;
    } else {
        char what[PATH_MAX + 256];
        (void)snprintf(what, sizeof(what), UNREADABLE, path, small_file_words(errno));
        status = fail(loader, place, line, what);
    }
    buffer_deinit(&text);
    return status;
}

/* All files that match, in the order of their names; none is as good. */
static enum status load_matching(struct loader *loader, struct place place, struct slice line,
                                 const char *pattern)
{
    glob_t found;
    int result = glob(pattern, 0, NULL, &found);
    if (result == GLOB_NOMATCH) {
        return STATUS_OK;
    }
    if (result != 0) {
        return result == GLOB_NOSPACE ? STATUS_NO_MEMORY
                                      : fail(loader, place, line, "the directory can't be read");
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; i < found.gl_pathc && status == STATUS_OK; i++) {
        status = load_included(loader, place, line, found.gl_pathv[i]);
    }
    globfree(&found);
    return status;
}

static enum status load_include(struct loader *loader, struct place place, struct slice line)
{
    if (loader->words.count != 2) {
        return fail(loader, place, line, "'include' wants one file name");
    }
    if (loader->depth == INCLUDE_DEPTH_MAX) {
        return fail(loader, place, line, "too many files include each other");
    }
    struct slice name = loader->words.items[1];
    /* The server leaves this directory for the store's, and CONFIG REWRITE reads the files again.
     */
    const char *start = loader->config->start_directory;
    bool relative = start != NULL && name.size > 0 && name.data[0] != '/';
    char path[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s%s%.*s", relative ? start : "", relative ? "/" : "",
                        (int)name.size, name.data);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        return fail(loader, place, line, "the file name is too long");
    }
    bool is_pattern = memchr(name.data, '*', name.size) != NULL ||
                      memchr(name.data, '?', name.size) != NULL ||
                      memchr(name.data, '[', name.size) != NULL;
    return is_pattern ? load_matching(loader, place, line, path)
                      : load_included(loader, place, line, path);
}

/* Up to the first blank. */
static struct slice first_word(struct slice line)
{
    size_t size = 0;
    while (size < line.size && line.data[size] != ' ' && line.data[size] != '\t') {
        size++;
    }
    return slice_part(line, 0, size);
}

static enum status load_line(struct loader *loader, struct place place, struct slice line)
{
    enum status status = config_words_split(&loader->words, line);
    if (status == STATUS_INVALID) {
        /* What follows may be a password. */
        return fail(loader, place, first_word(line), "the quotes don't match");
    }
    if (status != STATUS_OK || loader->words.count == 0) {
        return status;
    }
    return slice_is_word(loader->words.items[0], "include") ? load_include(loader, place, line)
                                                            : load_directive(loader, place, line);
}

static enum status load_lines(struct loader *loader, const char *origin, struct slice text)
{
    bool has_lines = loader->depth > 0 || !loader->is_command_line;
    struct place place = {.origin = origin, .line = 0};
    while (text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        struct slice line = slice_part(text, 0, size);
        text = slice_part(text, end == NULL ? size : size + 1,
                          text.size - (end == NULL ? size : size + 1));
        while (line.size > 0 && line.data[line.size - 1] == '\r') {
            line.size--;
        }
        place.line += has_lines ? 1 : 0;
        enum status status = load_line(loader, place, line);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* Ends the loading of a whole text. */
static enum status finish(struct loader *loader, enum status status)
{
    config_words_deinit(&loader->words);
    return status == STATUS_NO_MEMORY ? error_set(loader->error, status, "out of memory") : status;
}

enum status config_load_text(struct config *config, const char *origin, struct slice text,
                             struct error *error)
{
    struct loader loader = {.config = config, .error = error};
    error->text[0] = '\0';
    return finish(&loader, load_lines(&loader, origin, text));
}

enum status config_load_options(struct config *config, struct slice lines, struct error *error)
{
    struct loader loader = {
        .config = config, .error = error, .is_command_line = true, .may_wait = true};
    error->text[0] = '\0';
    return finish(&loader, load_lines(&loader, "the command line", lines));
}

static enum status load_standard_input(struct loader *loader)
{
    struct buffer text = {0};
    enum status status = small_file_read_stream(stdin, &text)
                             ? load_file(loader, "the standard input", &text)
                             : error_set(loader->error, STATUS_IO,
                                         "can't read the standard input: %s", strerror(errno));
    buffer_deinit(&text);
    return status;
}

static enum status load_path(struct loader *loader, const char *path)
{
    struct buffer text = {0};
    enum status status =
        read_file(loader, path, &text)
            ? load_file(loader, path, &text)
            : error_set(loader->error, STATUS_INVALID, UNREADABLE, path, small_file_words(errno));
    buffer_deinit(&text);
    char *absolute = status == STATUS_OK ? realpath(path, NULL) : NULL;
    if (absolute != NULL) {
        free(loader->config->file_path);
        loader->config->file_path = absolute;
    }
    return status;
}

enum status config_load_file(struct config *config, const char *path, struct error *error)
{
    struct loader loader = {.config = config, .error = error, .may_wait = true};
    error->text[0] = '\0';
    return finish(&loader,
                  strcmp(path, "-") == 0 ? load_standard_input(&loader) : load_path(&loader, path));
}
