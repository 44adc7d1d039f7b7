/* errors.c - see errors.h. */
#include "commands/errors.h"

#include "base/check.h"
#include "commands/table.h"
#include "engine/engine.h"
#include "server/server.h"

#include <stdio.h>
#include <string.h>

static const char *const texts[] = {[ERROR_NONE] = "",
#define ERRORS_TEXT(name, text) [ERROR_##name] = text,
                                    ERRORS_LIST(ERRORS_TEXT)
#undef ERRORS_TEXT
};

#define DISK_FULL_TEXT                                                                             \
    "OOM command not allowed when the disk is full: the store needs %llu bytes more; make room "   \
    "on "                                                                                          \
    "the disk, or delete keys and run COMPACT"

/* Both name the place where the engine knows it, for the log does so only once. */
#define CORRUPT_BEGIN    "ERR the stored value fails its checksum, "
#define CORRUPT_END      "; the key can still be overwritten or deleted"
#define UNREADABLE_BEGIN "ERR input/output error: the disk can't deliver the stored value, "
#define UNREADABLE_END                                                                             \
    CORRUPT_END ". Look at the disk, then see what 'scdb-check verify' finds, with the server "    \
                "stopped"
#define PLACE_TEXT  "at offset %llu of %s"
#define LOGGED_TEXT "the server's log says where"

#define IO_TEXT     "ERR input/output error; the server's log says of which file, and why"

#define FILE_LIMIT_TEXT                                                                            \
    "OOM command not allowed when no more files can be opened: raise the limit of open files "     \
    "(ulimit -n, then restart; or with prlimit, while the server runs). Reading goes on"

#define WRITES_STOPPED_TEXT                                                                        \
    "MISCONF Writing has stopped for good: %s. Reading goes on. See the server's log, %s"

/* What a status of the layers below says to a client: how bad it is, and what still works. */
static const char *const status_texts[STATUS_COUNT] = {
    [STATUS_NOT_FOUND] = "ERR no such key",
    [STATUS_EXISTS] = "ERR the key exists already",
    [STATUS_INVALID] = "ERR syntax error",
    [STATUS_TOO_LARGE] = "ERR the key or the value is larger than the store can keep",
    [STATUS_NO_MEMORY] = "OOM command not allowed when out of memory",
    [STATUS_IO] = IO_TEXT,
    [STATUS_FILE_LIMIT] = FILE_LIMIT_TEXT,
    [STATUS_REFUSED] = IO_TEXT,
    [STATUS_NOT_A_FILE] = IO_TEXT,
    [STATUS_SOURCE_LOST] = IO_TEXT,
    [STATUS_CORRUPT] = CORRUPT_BEGIN LOGGED_TEXT CORRUPT_END,
    [STATUS_DISK_FULL] = DISK_FULL_TEXT,
    [STATUS_INDEX_FULL] = "OOM command not allowed: the index has reached index-memory-limit",
    [STATUS_KEY_LIMIT] = "OOM command not allowed: the store holds max-keys keys",
    [STATUS_LOCKED] = "ERR the data directory is in use by another process",
    [STATUS_NEWER_FORMAT] = "ERR the data was written by a newer version",
    [STATUS_WRITES_STOPPED] = WRITES_STOPPED_TEXT,
    [STATUS_CLOSED] = "ERR the server is shutting down",
    [STATUS_READ_ONLY] = "READONLY You can't write: the store was opened read-only (read-only yes)",
};

const char *errors_text(enum client_error error)
{
    CHECK((size_t)error < sizeof(texts) / sizeof(texts[0]));
    return texts[error];
}

/* As many bytes of a client's word as an error shows: up to a NUL, and not too many. */
static int shown_size(struct slice word, size_t maximum)
{
    size_t size = word.size < maximum ? word.size : maximum;
    return size == 0 ? 0 : slice_print_size(slice_make(word.data, strnlen(word.data, size)));
}

void errors_format(enum client_error error, struct slice subject, char text[ERRORS_TEXT_SIZE_MAX])
{
    const char *pattern = errors_text(error);
    const char *gap = strstr(pattern, "%s");
    if (gap == NULL) {
        (void)snprintf(text, ERRORS_TEXT_SIZE_MAX, "%s", pattern);
        return;
    }
    (void)snprintf(text, ERRORS_TEXT_SIZE_MAX, "%.*s%.*s%s", (int)(gap - pattern), pattern,
                   shown_size(subject, ERRORS_TEXT_SIZE_MAX), subject.data, gap + 2);
}

void errors_reply_about(struct reply *reply, enum client_error error, struct slice subject)
{
    CHECK(error != ERROR_NONE);
    const char *gap = strstr(errors_text(error), "%s");
    if (gap == NULL) {
        reply_error(reply, errors_text(error));
        return;
    }
    /* Not through errors_format, whose text is bounded: a client's option may be long. */
    reply_error_format(reply, "%.*s%.*s%s", (int)(gap - errors_text(error)), errors_text(error),
                       shown_size(subject, subject.size), subject.data, gap + 2);
}

void errors_reply_for(struct reply *reply, const struct command *command, enum client_error error)
{
    char name[COMMAND_NAME_SIZE_MAX];
    errors_reply_about(reply, error, slice_of_string(table_full_name(command, name)));
}

void errors_reply(const struct call *call, enum client_error error)
{
    errors_reply_for(call->reply, call->command, error);
}

/* False: it is not about a record, or of another time. */
static bool try_reply_place(const struct call *call, enum status status)
{
    const struct engine_unreadable *found = engine_unreadable_locked(server_engine(call->server));
    if (status != found->status) {
        return false;
    }
    unsigned long long offset = found->offset;
    if (status == STATUS_CORRUPT) {
        reply_error_format(call->reply, CORRUPT_BEGIN PLACE_TEXT CORRUPT_END, offset, found->file);
        return true;
    }
    if (status == STATUS_IO) {
        reply_error_format(call->reply, UNREADABLE_BEGIN PLACE_TEXT UNREADABLE_END, offset,
                           found->file);
        return true;
    }
    return false;
}

void errors_reply_status(const struct call *call, enum status status)
{
    CHECK(status != STATUS_OK && (unsigned)status < STATUS_COUNT && status_texts[status] != NULL);
    if (status == STATUS_DISK_FULL) {
        uint64_t missing = engine_missing_room_locked(server_engine(call->server));
        reply_error_format(call->reply, DISK_FULL_TEXT, (unsigned long long)missing);
        return;
    }
    if (status == STATUS_WRITES_STOPPED) {
        reply_error_format(call->reply, WRITES_STOPPED_TEXT,
                           engine_stop_words(server_engine(call->server)),
                           engine_stop_advice(server_engine(call->server)));
        return;
    }
    if (!try_reply_place(call, status)) {
        reply_error(call->reply, status_texts[status]);
    }
}

#define UNKNOWN_SHOWN_MAX 128

void errors_reply_unknown_command(struct reply *reply, const struct slice *arguments, size_t count)
{
    char shown[2 * UNKNOWN_SHOWN_MAX];
    size_t size = 0;
    shown[0] = '\0';
    for (size_t i = 1; i < count && size < UNKNOWN_SHOWN_MAX; i++) {
        int argument_size = shown_size(arguments[i], UNKNOWN_SHOWN_MAX - size);
        size += (size_t)snprintf(shown + size, sizeof(shown) - size, "'%.*s' ", argument_size,
                                 arguments[i].data);
    }
    reply_error_format(reply, "ERR unknown command '%.*s', with args beginning with: %s",
                       shown_size(arguments[0], UNKNOWN_SHOWN_MAX), arguments[0].data, shown);
}

static void reply_try_help(struct reply *reply, const struct command *parent, const char *complaint,
                           struct slice name)
{
    char help[TABLE_CLIENT_NAME_SIZE_MAX];
    reply_error_format(reply, "ERR unknown subcommand%s '%.*s'. Try %s HELP.", complaint,
                       shown_size(name, UNKNOWN_SHOWN_MAX), name.data,
                       table_client_name(parent, help));
}

void errors_reply_wrong_use(struct reply *reply, const struct command *parent, struct slice name)
{
    reply_try_help(reply, parent, " or wrong number of arguments for", name);
}

void errors_reply_unknown_subcommand(struct reply *reply, const struct command *parent,
                                     struct slice name)
{
    reply_try_help(reply, parent, "", name);
}
