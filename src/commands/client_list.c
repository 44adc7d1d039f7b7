/*
 * client_list.c - CLIENT LIST and INFO: a line of fields for each connection.
 *
 * The fields and their order are those of Redis 7.2; monitoring tools take the line apart.
 */
#include "commands/client.h"

#include "base/clock.h"
#include "base/number.h"
#include "commands/client_filter.h"
#include "commands/errors.h"
#include "commands/table.h"
#include "commands/text.h"
#include "server/acl_user.h"
#include "server/client_memory.h"
#include "server/server.h"

#define FLAGS_MAX 16

static const char *print_flags(const struct session *session, char text[FLAGS_MAX])
{
    char *end = text;
    if (session->monitor != NULL) {
        *end++ = 'O';
    }
    if (atomic_load(&session->subscriber.is_active)) {
        *end++ = 'P';
    }
    if (session->transaction.open) {
        *end++ = 'x';
    }
    if (block_is_told(session->blocked)) {
        *end++ = 'b';
    }
    if (session->tracker.is_on) {
        *end++ = 't';
    }
    if (session->tracker.is_redirect_broken) {
        *end++ = 'R';
    }
    if (session->tracker.mode.broadcast) {
        *end++ = 'B';
    }
    if (session->watcher.dirty) {
        *end++ = 'd';
    }
    if (session->close_after_reply) {
        *end++ = 'c';
    }
    if (session->is_unix_socket) {
        *end++ = 'U';
    }
    if (session->no_evict) {
        *end++ = 'e';
    }
    if (session->no_touch) {
        *end++ = 'T';
    }
    if (end == text) {
        *end++ = 'N';
    }
    *end = '\0';
    return text;
}

static const char *print_command(const struct session *session, char name[COMMAND_NAME_SIZE_MAX])
{
    const struct command *command =
        session->last_subcommand != NULL ? session->last_subcommand : session->last_command;
    return command == NULL ? "NULL" : table_full_name(command, name);
}

/* What the request at hand takes: its bytes as a RESP array, and those of its arguments. */
struct request_size {
    size_t encoded;
    size_t arguments;
};

static size_t header_size(size_t number)
{
    size_t digits = 1;
    for (; number >= 10; number /= 10) {
        digits++;
    }
    return digits + 3; /* '*' or '$', the digits, CR LF */
}

static struct request_size measure_request(const struct call *call)
{
    struct request_size size = {.encoded = header_size(call->argument_count)};
    for (size_t i = 0; i < call->argument_count; i++) {
        size_t argument = call->arguments[i].size;
        size.encoded += header_size(argument) + argument + 2;
        size.arguments += argument;
    }
    return size;
}

void client_write_info(struct text *text, const struct session *session, const struct call *call)
{
    char flags[FLAGS_MAX];
    char command[COMMAND_NAME_SIZE_MAX];
    char local_address[SESSION_ADDRESS_SIZE];
    struct request_size request = {0};
    if (session == call->session) {
        request = measure_request(call);
    }
    int64_t now_ms = clock_monotonic_ms();
    size_t input = atomic_load(&session->query_buffer_size) + request.encoded;
    size_t input_room = atomic_load(&session->query_buffer_capacity);
    size_t output = atomic_load(&session->output_size);
    size_t output_room = atomic_load(&session->output_capacity);
    static const struct session_labels none = {0};
    const struct session_labels *labels = session->labels == NULL ? &none : session->labels;
    struct slice name = buffer_slice(&labels->name);
    struct slice library_name = buffer_slice(&labels->library_name);
    struct slice library_version = buffer_slice(&labels->library_version);
    long long queued = session->transaction.open ? (long long)session->transaction.count : -1;

    text_format(text, "id=%llu addr=%s laddr=%s fd=%d name=%.*s age=%lld idle=%lld",
                (unsigned long long)session->id, session->address,
                session_local_address(session, local_address), session->descriptor,
                slice_print_size(name), name.data, (long long)(now_ms - session->created_ms) / 1000,
                (long long)(now_ms - session->last_interaction_ms) / 1000);
    text_format(text, " flags=%s db=%u sub=%zu psub=%zu ssub=%zu multi=%lld",
                print_flags(session, flags), session->database,
                pubsub_count_of(&session->subscriber, PUBSUB_CHANNEL),
                pubsub_count_of(&session->subscriber, PUBSUB_PATTERN),
                pubsub_count_of(&session->subscriber, PUBSUB_SHARD), queued);
    text_format(text, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu", input,
                input_room > input ? input_room - input : 0, request.arguments,
                session->transaction.memory);
    text_format(text, " rbs=%zu rbp=%zu obl=%zu oll=0 omem=%zu tot-mem=%zu events=%s", output_room,
                output_room, output, output, client_memory_of(session), output > 0 ? "rw" : "r");
    text_format(text, " cmd=%s user=%.*s redir=%lld resp=%d lib-name=%.*s lib-ver=%.*s",
                print_command(session, command), slice_print_size(session->user->name),
                session->user->name.data,
                session->tracker.is_on ? (long long)session->tracker.mode.redirect : -1LL,
                session->reply.protocol, slice_print_size(library_name), library_name.data,
                slice_print_size(library_version), library_version.data);
}

static void write_line(struct text *text, const struct session *session, const struct call *call)
{
    client_write_info(text, session, call);
    text_add(text, SLICE_LITERAL("\n"));
}

void client_info(struct call *call)
{
    struct text text;
    text_init(&text);
    write_line(&text, call->session, call);
    text_reply(&text, call->reply);
    text_deinit(&text);
}

static void write_all(const struct call *call, struct text *text)
{
    struct session *session = server_first_session_locked(call->server);
    for (; session != NULL; session = session->next) {
        if (!session->close_asap) {
            write_line(text, session, call);
        }
    }
}

static void write_kind(const struct call *call, enum client_kind kind, struct text *text)
{
    struct session *session = server_first_session_locked(call->server);
    for (; session != NULL; session = session->next) {
        if (!session->close_asap && client_filter_kind_of(session) == kind) {
            write_line(text, session, call);
        }
    }
}

/* False: an id is no number, and the error is written. */
static bool write_ids(const struct call *call, struct text *text)
{
    for (size_t i = 3; i < call->argument_count; i++) {
        int64_t id;
        if (!number_parse(call->arguments[i], &id)) {
            reply_error(call->reply, "ERR Invalid client ID");
            return false;
        }
        const struct session *session =
            id <= 0 ? NULL : server_find_session_locked(call->server, (uint64_t)id);
        if (session != NULL && !session->close_asap) {
            write_line(text, session, call);
        }
    }
    return true;
}

/* False: the arguments are wrong, and the error is written. */
static bool write_list(const struct call *call, struct text *text)
{
    size_t count = call->argument_count;
    if (count == 2) {
        write_all(call, text);
        return true;
    }
    if (count == 4 && slice_is_word(call->arguments[2], "type")) {
        enum client_kind kind;
        if (!client_filter_parse_kind(call->arguments[3], &kind)) {
            reply_error_format(call->reply, "ERR Unknown client type '%.*s'",
                               slice_print_size(call->arguments[3]), call->arguments[3].data);
            return false;
        }
        write_kind(call, kind, text);
        return true;
    }
    if (count > 3 && slice_is_word(call->arguments[2], "id")) {
        return write_ids(call, text);
    }
    errors_reply(call, ERROR_SYNTAX);
    return false;
}

void client_list(struct call *call)
{
    struct text text;
    text_init(&text);
    if (write_list(call, &text)) {
        text_reply(&text, call->reply);
    }
    text_deinit(&text);
}
