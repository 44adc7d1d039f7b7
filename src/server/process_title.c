/* process_title.c - see process_title.h. */
#include "server/process_title.h"

#include "base/buffer.h"
#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    char *program; /* owned: argv[0] */
    char *start;   /* where the arguments stand; NULL: they are not to be touched */
    size_t size;
} place;

/* --- the place ------------------------------------------------------------------------------ */

/* How far the strings follow each other without a gap. */
static char *find_end(char **strings, char *end)
{
    for (; *strings != NULL && *strings == end; strings++) {
        end = *strings + strlen(*strings) + 1;
    }
    return end;
}

/* The environment is used until the end, and so are the copies. */
static bool copy_environment(void)
{
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char **copy = calloc(count + 1, sizeof(*copy));
    bool done = copy != NULL;
    for (size_t i = 0; i < count && done; i++) {
        copy[i] = strdup(environ[i]);
        done = copy[i] != NULL;
    }
    if (done) {
        environ = copy;
        return true;
    }
    for (size_t i = 0; copy != NULL && i < count; i++) {
        free(copy[i]);
    }
    free(copy);
    return false;
}

void process_title_init(int argc, char **argv)
{
    if (argc < 1) {
        return;
    }
    char *start = argv[0];
    char *end = find_end(environ, find_end(argv, start));
    char *program = strdup(start);
    if (program == NULL || !copy_environment()) {
        free(program);
        return;
    }
    program_invocation_name = program; /* glibc's messages begin with it */
    const char *slash = strrchr(program, '/');
    program_invocation_short_name = program + (slash == NULL ? 0 : slash + 1 - program);
    place.program = program;
    place.start = start;
    place.size = (size_t)(end - start);
}

/* --- the template --------------------------------------------------------------------------- */

enum variable { TITLE, LISTEN_ADDRESS, PORT, TLS_PORT, UNIX_SOCKET, CONFIG_FILE, SERVER_MODE };

static const char *const names[] = {"title",      "listen-addr", "port",       "tls-port",
                                    "unixsocket", "config-file", "server-mode"};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static bool find_variable(struct slice name, enum variable *out)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (slice_equal(name, slice_of_string(names[i]))) {
            *out = (enum variable)i;
            return true;
        }
    }
    return false;
}

/* Takes the next piece off the template: plain text, or with *is_variable the name in braces.
 * False: it is not right. */
static bool next_piece(struct slice *rest, struct slice *piece, bool *is_variable)
{
    *is_variable = rest->data[0] == '{' && (rest->size == 1 || rest->data[1] != '{');
    if (*is_variable) {
        const char *end = memchr(rest->data, '}', rest->size);
        if (end == NULL) {
            return false;
        }
        size_t size = (size_t)(end - rest->data) + 1;
        *piece = slice_part(*rest, 1, size - 2);
        *rest = slice_part(*rest, size, rest->size - size);
        return true;
    }
    size_t skipped = rest->data[0] == '{'; /* of two braces, the first */
    size_t size = skipped + 1;
    while (size < rest->size && rest->data[size] != '{') {
        size++;
    }
    *piece = slice_part(*rest, skipped, size - skipped);
    *rest = slice_part(*rest, size, rest->size - size);
    return true;
}

static bool is_blank(struct slice text)
{
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text.size == 0;
}

bool process_title_is_template(struct slice template)
{
    bool says_something = false;
    while (template.size > 0) {
        struct slice piece;
        bool is_variable;
        enum variable variable = PORT;
        if (!next_piece(&template, &piece, &is_variable) ||
            (is_variable && !find_variable(piece, &variable))) {
            return false;
        }
        says_something |=
            is_variable ? variable != TITLE && variable != SERVER_MODE : !is_blank(piece);
    }
    return says_something;
}

static void write_address(const struct config *config, char *text, size_t size)
{
    struct slice addresses = config_text(config, CONFIG_BIND);
    struct slice socket_path = config_text(config, CONFIG_UNIXSOCKET);
    struct slice first = slice_next_word(&addresses);
    int port = (int)config_number(config, CONFIG_PORT);
    if (port == 0) {
        (void)snprintf(text, size, "unixsocket:%.*s", (int)socket_path.size, socket_path.data);
    } else if (first.size == 0) {
        (void)snprintf(text, size, "*:%d", port);
    } else {
        (void)snprintf(text, size, "%.*s:%d", (int)first.size, first.data, port);
    }
}

static void write_variable(const struct config *config, enum variable variable, char *text,
                           size_t size)
{
    const char *file = config_file_path(config);
    struct slice socket_path = config_text(config, CONFIG_UNIXSOCKET);
    text[0] = '\0'; /* there are no server modes */
    switch (variable) {
    case TITLE:
        (void)snprintf(text, size, "%s", place.program);
        break;
    case LISTEN_ADDRESS:
        write_address(config, text, size);
        break;
    case PORT:
        (void)snprintf(text, size, "%d", (int)config_number(config, CONFIG_PORT));
        break;
    case TLS_PORT:
        (void)snprintf(text, size, "0");
        break;
    case UNIX_SOCKET:
        (void)snprintf(text, size, "%.*s", (int)socket_path.size, socket_path.data);
        break;
    case CONFIG_FILE:
        (void)snprintf(text, size, "%s", file[0] == '\0' ? "-" : file);
        break;
    case SERVER_MODE:
        break;
    }
}

static enum status expand(const struct config *config, struct slice template, struct buffer *title)
{
    enum status status = STATUS_OK;
    while (template.size > 0 && status == STATUS_OK) {
        struct slice piece;
        bool is_variable;
        enum variable variable;
        char value[1024];
        if (!next_piece(&template, &piece, &is_variable)) {
            return STATUS_INVALID;
        }
        if (is_variable && find_variable(piece, &variable)) {
            write_variable(config, variable, value, sizeof(value));
            piece = slice_of_string(value);
        }
        status = buffer_append(title, piece.data, piece.size);
    }
    return status;
}

void process_title_show(const struct config *config)
{
    if (place.start == NULL || !config_bool(config, CONFIG_SET_PROC_TITLE)) {
        return;
    }
    struct buffer title = {0};
    if (expand(config, config_text(config, CONFIG_PROC_TITLE_TEMPLATE), &title) == STATUS_OK) {
        struct slice text = buffer_slice(&title);
        while (text.size > 0 && text.data[text.size - 1] == ' ') {
            text.size--;
        }
        memset(place.start, 0, place.size);
        for (size_t i = 0; i < text.size && i + 1 < place.size; i++) {
            place.start[i] = text.data[i];
        }
    }
    buffer_deinit(&title);
}
