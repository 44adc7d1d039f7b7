/*
 * syntax.h - the arguments of a command, written in one line and read into a tree.
 *
 * A command's row says what arguments it takes as a text (row->syntax) that people can read and
 * that COMMAND DOCS and docs/commands.md are made from. Arguments stand one behind the other,
 * separated by a blank:
 *
 *     name              a string with that name
 *     name:type         with a type: string, integer, double, key, pattern, unix-time
 *     key:key#1         #N: index of the row's key specification that it belongs to; a key without
 *                       #N has 0, anything else none
 *     TOKEN             the word itself (a "pure-token"), named like it, in lowercase
 *     TOKEN=name        the word itself, under another name; also where a name comes next, which
 *                       would make it a word in front of that argument
 *     TOKEN name:type   an argument with that word in front of it
 *     name<a | b>       one of several ("oneof")
 *     name(a b)         several in a row (a "block")
 *     TOKEN name<...>   ... with a word in front; the same for name(...)
 *
 * Behind an argument (a group's attributes stand behind its closing bracket):
 *
 *     argument@6.2.0    since that version
 *     argument!6.2.0    deprecated since that version
 *     argument...       may be repeated, a token in front of it not
 *     TOKEN... argument may be repeated, the token each time
 *
 * in the order :type #N @since !deprecated ... , without blanks between them. [argument] is
 * optional. A token begins with an uppercase letter and goes on with uppercase letters, digits and
 * '-'; any other is put in apostrophes ('~'). A name has letters, digits, '-' and '_' and begins
 * with a lowercase letter; any other is put in backquotes (`ip:port`). For example, EXPIRE and SET:
 *
 *     key:key seconds:integer [condition<NX | XX | GT | LT>@7.0.0]
 *
 *     key:key value [condition<NX | XX>@2.6.12] [GET@6.2.0] [expiration<EX seconds:integer@2.6.12 |
 *     PX milliseconds:integer@2.6.12 | EXAT unix-time-seconds:unix-time@6.2.0 |
 *     PXAT unix-time-milliseconds:unix-time@6.2.0 | KEEPTTL@6.0.0>]
 *
 * Pure functions, any thread.
 */
#ifndef SCDB_COMMANDS_SYNTAX_H
#define SCDB_COMMANDS_SYNTAX_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum syntax_type {
    SYNTAX_STRING,
    SYNTAX_INTEGER,
    SYNTAX_DOUBLE,
    SYNTAX_KEY,
    SYNTAX_PATTERN,
    SYNTAX_UNIX_TIME,
    SYNTAX_PURE_TOKEN,
    SYNTAX_ONEOF,
    SYNTAX_BLOCK
};

#define SYNTAX_NO_KEY_SPEC (-1)

/* All slices borrow from the text; one that is absent has data == NULL. */
struct syntax_argument {
    struct slice name; /* absent: the token in lowercase, see syntax_name() */
    struct slice token;
    struct slice since;
    struct slice deprecated_since;
    enum syntax_type type;
    int key_spec_index; /* or SYNTAX_NO_KEY_SPEC */
    bool optional;
    bool multiple;
    bool multiple_token;
    size_t child_count; /* arguments inside a oneof or block, which follow it in the array */
    size_t size;        /* itself and all that is inside: the next one at its level is this far */
};

/* Arguments in the order of the text, each group before what is inside it. */
struct syntax {
    struct syntax_argument *arguments; /* owned */
    size_t count;
    size_t capacity;
    size_t top_count; /* arguments at the outermost level */
};

/*
 * Reads a text, which must outlive the syntax; NULL has no arguments. INVALID: `error` (may be
 * NULL) says what is wrong and where. NO_MEMORY. After a failure there is nothing to free.
 */
enum status syntax_parse(const char *text, struct syntax *syntax, struct error *error) MUST_CHECK;
void syntax_deinit(struct syntax *syntax);

#define SYNTAX_NAME_SIZE_MAX 64

/* The argument's name; `scratch` is where it is written if it is made from the token. */
struct slice syntax_name(const struct syntax_argument *argument,
                         char scratch[SYNTAX_NAME_SIZE_MAX]);

/* What COMMAND DOCS calls the type ("pure-token"). */
const char *syntax_type_name(enum syntax_type type);

#define SYNTAX_UNBOUNDED SIZE_MAX

/* The fewest arguments that the command takes and the most (or SYNTAX_UNBOUNDED), its name not
 * counted. */
void syntax_count_range(const struct syntax *syntax, size_t *fewest, size_t *most);

#endif
