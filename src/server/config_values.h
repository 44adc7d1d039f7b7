/*
 * config_values.h - what the files of the configuration share: struct config from the inside.
 *
 * Private to src/server/config*.c.
 */
#ifndef SCDB_SERVER_CONFIG_VALUES_H
#define SCDB_SERVER_CONFIG_VALUES_H

#include "server/config.h"

#include <stdatomic.h>

struct config_value {
    _Atomic int64_t number; /* of all types but TEXT and SPECIAL */
    struct buffer text;     /* of TEXT and SPECIAL */
    bool given;             /* in the file or on the command line */
    bool repeated;          /* REPEATED: the next line adds, it does not replace */
};

struct config_hook {
    enum status (*apply)(void *context, struct error *error);
    void *context;
};

struct config {
    struct config_value *values; /* owned, one for each row of the table */
    struct {
        _Atomic uint64_t hard;
        _Atomic uint64_t soft;
        _Atomic int64_t soft_seconds;
    } output_limits[CLIENT_CLASS_COUNT];
    uint32_t event_classes; /* under the execution lock: enum event_class */
    struct config_hook hooks[CONFIG_NAMED_COUNT];
    struct config_user *users;             /* owned, in the order of their lines */
    struct config_user_source user_source; /* all NULL: there is none */
    struct config_renaming *renamings;     /* owned, in the order of their lines */
    char *file_path;                       /* owned; "" = none */
    char *import_directory;                /* owned; of --import-v1; NULL = none */
    char *start_directory; /* owned; where relative names of included files begin; NULL = here */
};

struct config_value *config_value_of(const struct config *config,
                                     const struct directive *directive);

/* Checks a value, arguments joined by blanks, and makes it the one in force. INVALID: nothing has
 * changed and error->text is what Redis answers after the " - ". */
enum status config_assign(struct config *config, const struct directive *directive,
                          struct slice value, struct error *error) MUST_CHECK;

/* Keeps a copy of a line `user`. EXISTS: the user has a line already. */
enum status config_users_add(struct config *config, const struct config_user *line) MUST_CHECK;
void config_users_clear(struct config *config);

/* Keeps a copy of a line `rename-command`. */
enum status config_renamings_add(struct config *config,
                                 const struct config_renaming *line) MUST_CHECK;
void config_renamings_clear(struct config *config);

/* The words of one line of a configuration file, unquoted. */
struct config_words {
    struct buffer bytes;
    struct slice *items; /* owned; they point into `bytes` */
    size_t count;
    size_t capacity;
};
void config_words_deinit(struct config_words *words);

/* Splits a line as Redis does: "a\n\x41" and 'b' are quoted. INVALID: quotes don't match. A line
 * that is blank or a comment has no words. `words` starts all zero, is reused, and needs
 * config_words_deinit in the end. */
enum status config_words_split(struct config_words *words, struct slice line) MUST_CHECK;

/* Appends a word so that config_words_split finds it again: in quotes where it needs them. */
enum status config_words_append(struct buffer *out, struct slice word) MUST_CHECK;

/* The same, in quotes in any case. */
enum status config_words_append_quoted(struct buffer *out, struct slice word) MUST_CHECK;

/* Reads a file, whose absolute name is kept, or ("-") the standard input. On failure `error` says
 * why, and some lines have been followed. */
enum status config_load_file(struct config *config, const char *path,
                             struct error *error) MUST_CHECK;

/* Reads options of the command line, a line each. The same on failure. */
enum status config_load_options(struct config *config, struct slice lines,
                                struct error *error) MUST_CHECK;

#endif
