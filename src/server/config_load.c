/* config_load.c - configuration from a file and the command line: see config.h. */

#include "server/config.h"
#include "server/config_values.h"
#include "server/version.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INCLUDE_DEPTH_MAX 16
#define UNREADABLE        "can't open the configuration file '%s': %s; check the name and its permissions"

/* Directives that close something off, or bring something in, that scdb does not have. To pass
 * over them would open what their author closed. */
static const struct {
    const char *name;
    const char *advice;
} refused[] = {
    {"rename-command", "commands can't be renamed or switched off yet"},
    {"loadmodule", "there are no modules"},
};

struct loader {
    struct config *config;
    struct error *error;
    struct config_words words;
    unsigned depth;
    unsigned inclusions; /* of them, those that an `include` asked for */
};

struct place {
    const char *origin;
    size_t line;
};

static enum status load_stream(struct loader *loader, const char *origin, FILE *stream);

static enum status fail(struct loader *loader, struct place place, struct slice text,
                        const char *what)
{
    return error_set(loader->error, STATUS_INVALID, "%s, line %zu: '%.*s': %s", place.origin,
                     place.line, (int)(text.size < 200 ? text.size : 200), text.data, what);
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

/* The arguments of a directive as one text. NO_MEMORY: `out` has to be freed all the same. */
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
    enum status status = join(loader->words.items + 1, loader->words.count - 1, &text);
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
    char at[PATH_MAX + 32];
    struct slice user = SLICE_LITERAL("user");
    if (loader->words.count < 2) {
        return fail(loader, place, user, "name the user, and after it what it may do");
    }
    (void)snprintf(at, sizeof(at), "%s, line %zu", place.origin, place.line);
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

static enum status load_directive(struct loader *loader, struct place place, struct slice line)
{
    struct slice name = loader->words.items[0];
    if (slice_is_word(name, "user")) {
        return load_user(loader, place);
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
                    "wrong number of arguments; put quotes around one with blanks");
    }
    struct error why;
    enum status status = apply(loader, directive, &why);
    return status == STATUS_INVALID ? fail(loader, place, line, why.text) : status;
}

/* An `include` that can't be read is told with its place. */
static enum status load_included(struct loader *loader, struct place place, struct slice line,
                                 const char *path)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        char what[sizeof(loader->error->text)];
        (void)snprintf(what, sizeof(what), UNREADABLE, path, strerror(errno));
        return fail(loader, place, line, what);
    }
    loader->inclusions++;
    enum status status = load_stream(loader, path, stream);
    loader->inclusions--;
    (void)fclose(stream);
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

static enum status load_line(struct loader *loader, struct place place, struct slice line)
{
    enum status status = config_words_split(&loader->words, line);
    if (status == STATUS_INVALID) {
        return fail(loader, place, line, "the quotes don't match");
    }
    if (status != STATUS_OK || loader->words.count == 0) {
        return status;
    }
    return slice_is_word(loader->words.items[0], "include") ? load_include(loader, place, line)
                                                            : load_directive(loader, place, line);
}

static enum status load_lines(struct loader *loader, const char *origin, struct slice text)
{
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
        place.line++;
        enum status status = load_line(loader, place, line);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status read_stream(FILE *stream, struct buffer *out)
{
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof(chunk), stream)) > 0) {
        if (buffer_append(out, chunk, size) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
    }
    return ferror(stream) ? STATUS_IO : STATUS_OK;
}

static enum status load_stream(struct loader *loader, const char *origin, FILE *stream)
{
    struct buffer text = {0};
    enum status status = read_stream(stream, &text);
    if (status == STATUS_OK) {
        loader->depth++;
        status = load_lines(loader, origin, buffer_slice(&text));
        loader->depth--;
    } else {
        (void)error_set(loader->error, status, "can't read %s: %s", origin, strerror(errno));
    }
    buffer_deinit(&text);
    return status;
}

static enum status load_file(struct loader *loader, const char *path)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return error_set(loader->error, STATUS_INVALID, UNREADABLE, path, strerror(errno));
    }
    enum status status = load_stream(loader, path, stream);
    (void)fclose(stream);
    return status;
}

enum status config_load_text(struct config *config, const char *origin, struct slice text,
                             struct error *error)
{
    struct loader loader = {.config = config, .error = error};
    error->text[0] = '\0';
    enum status status = load_lines(&loader, origin, text);
    config_words_deinit(&loader.words);
    return status == STATUS_NO_MEMORY ? error_set(error, status, "out of memory") : status;
}

/* --- the command line --- */

static enum status append_quoted(struct buffer *out, const char *word)
{
    enum status status = buffer_append(out, " \"", 2);
    for (; *word != '\0' && status == STATUS_OK; word++) {
        char escaped[5];
        int size = *word == '"' || *word == '\\' || (unsigned char)*word < ' '
                       ? snprintf(escaped, sizeof(escaped), "\\x%02x", (unsigned)*word & 0xffU)
                       : snprintf(escaped, sizeof(escaped), "%c", *word);
        status = buffer_append(out, escaped, (size_t)size);
    }
    return status == STATUS_OK ? buffer_append(out, "\"", 1) : status;
}

static bool is_dashed(const char *word)
{
    return strncmp(word, "--", 2) == 0 && word[2] != '\0';
}

/* Begins a line with the name of an option; *wants_value: its value is not in the same word. */
static enum status append_name(struct buffer *out, const char *word, const char *next,
                               bool *wants_value)
{
    const char *name = is_dashed(word) ? word + 2 : word;
    enum status status = out->size == 0 ? STATUS_OK : buffer_append(out, "\n", 1);
    if (status == STATUS_OK) {
        status = buffer_append(out, name, strlen(name));
    }
    *wants_value = strchr(name, ' ') == NULL;
    /* Redis has always taken a --save without anything for --save "". */
    if (status == STATUS_OK && strcmp(name, "save") == 0 && (next == NULL || is_dashed(next))) {
        *wants_value = false;
        status = append_quoted(out, "");
    }
    return status;
}

/*
 * Writes `--name value ...` as lines of a file: what an option takes is decided by the table. As in
 * Redis, the word behind a name is its value, even one with dashes, and a name and its value may be
 * one word; dashes may be missing before the first name.
 */
static enum status gather_options(int argc, char **argv, struct buffer *out, struct error *error)
{
    bool wants_value = false;
    for (int i = 0; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool is_name = (is_dashed(argv[i]) && !wants_value) || (i == 0 && next != NULL);
        if (i == 0 && !is_name) {
            return error_set(error, STATUS_INVALID,
                             "'%s' on the command line: expected --name value; see --help",
                             argv[i]);
        }
        enum status status;
        if (is_name) {
            status = append_name(out, argv[i], next, &wants_value);
        } else {
            status = append_quoted(out, argv[i]);
            wants_value = false;
        }
        if (status != STATUS_OK) {
            return error_set(error, status, "out of memory");
        }
    }
    return STATUS_OK;
}

static enum status load_options(struct config *config, int argc, char **argv, struct error *error)
{
    struct buffer lines = {0};
    enum status status = gather_options(argc, argv, &lines, error);
    if (status == STATUS_OK) {
        /* An option replaces what the file says; only options add to options. */
        for (size_t i = 0; i < config_directive_count; i++) {
            config->values[i].repeated = false;
        }
        status = config_load_text(config, "the command line", buffer_slice(&lines), error);
    }
    buffer_deinit(&lines);
    return status;
}

static enum status load_main_file(struct config *config, const char *path, struct error *error)
{
    struct loader loader = {.config = config, .error = error};
    enum status status;
    if (strcmp(path, "-") == 0) {
        status = load_stream(&loader, "the standard input", stdin);
    } else {
        status = load_file(&loader, path);
        char *absolute = status == STATUS_OK ? realpath(path, NULL) : NULL;
        if (absolute != NULL) {
            free(config->file_path);
            config->file_path = absolute;
        }
    }
    config_words_deinit(&loader.words);
    return status;
}

/* Takes `--import-v1 DIR`, which is an order and no directive, off the options. */
static enum status take_import(struct config *config, int *argc, char **argv, struct error *error)
{
    int at = 0;
    while (at < *argc && strcmp(argv[at], "--import-v1") != 0) {
        at++;
    }
    if (at == *argc) {
        return STATUS_OK;
    }
    if (at + 1 == *argc || strncmp(argv[at + 1], "--", 2) == 0) {
        return error_set(
            error, STATUS_INVALID,
            "--import-v1 on the command line: name the directory that holds dump.scdb");
    }
    free(config->import_directory);
    config->import_directory = realpath(argv[at + 1], NULL);
    if (config->import_directory == NULL) {
        return error_set(error, STATUS_INVALID,
                         "--import-v1 '%s': %s; name the directory that "
                         "holds dump.scdb",
                         argv[at + 1], strerror(errno));
    }
    for (*argc -= 2; at < *argc; at++) {
        argv[at] = argv[at + 2];
    }
    return STATUS_OK;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static void print_help(void)
{
    (void)printf(
        "usage: scdb-server [FILE | -] [--name value ...]\n"
        "\n"
        "FILE has the syntax of redis.conf; - reads it from the standard input. Each\n"
        "--name value stands for one of its lines and wins over the file.\n"
        "\n"
        "  scdb-server\n"
        "  scdb-server /etc/scdb/scdb.conf\n"
        "  scdb-server scdb.conf --port 7000 --appendfsync always\n"
        "  echo 'port 7000' | scdb-server -\n"
        "\n"
        "  -v, --version   print the version\n"
        "  -h, --help      print this\n"
        "  --import-v1 DIR\n"
        "                  don't serve: bring the keys of DIR/dump.scdb, a store of scdb's\n"
        "                  ancestor (py_scdb ...), over into the empty store in 'dir'. Ends\n"
        "                  with 0; with 2 if a part of the old file can't be read (the log\n"
        "                  lists what); with 1 if nothing was imported\n"
        "\n"
        "scdb.conf, which comes with the program, explains all directives.\n");
}

enum config_start config_load_command_line(struct config *config, int argc, char **argv,
                                           struct error *error)
{
    if (argc == 2 && is_one_of(argv[1], "-v", "--version")) {
        (void)printf("scdb-server v=%s (speaks as Redis %s)\n", SCDB_VERSION, SCDB_REDIS_VERSION);
        return CONFIG_START_EXIT;
    }
    if (argc == 2 && is_one_of(argv[1], "-h", "--help")) {
        print_help();
        return CONFIG_START_EXIT;
    }
    free(config->start_directory);
    config->start_directory = getcwd(NULL, 0);
    int next = 1;
    if (argc > 1 && strncmp(argv[1], "--", 2) != 0) {
        next = 2;
        if (load_main_file(config, argv[1], error) != STATUS_OK) {
            return CONFIG_START_FAILED;
        }
    }
    int count = argc - next;
    enum status status = take_import(config, &count, argv + next, error);
    if (status == STATUS_OK) {
        status = load_options(config, count, argv + next, error);
    }
    return status == STATUS_OK ? CONFIG_START_RUN : CONFIG_START_FAILED;
}
