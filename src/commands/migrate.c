/*
 * migrate.c - MIGRATE: keys go to another server, by RESTORE, and are deleted here.
 *
 * Redis serves nobody else meanwhile. Here the values are taken at one moment, sent by a thread
 * (peer.h) while others are served, and what the other server has acknowledged is deleted at
 * another moment, all at once: but a key that was written in between stays, with an error that says
 * so. A client that goes meanwhile changes nothing; if it is killed (CLIENT KILL), nothing is
 * deleted.
 */
#include "commands/errors.h"
#include "commands/events.h"
#include "commands/lookup.h"
#include "commands/migrate_options.h"
#include "commands/peer.h"
#include "commands/tables.h"
#include "commands/waiting.h"
#include "keyspace/dump.h"
#include "server/config.h"
#include "server/server.h"
#include "server/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_TEXT_SIZE 512

struct moved_key {
    struct slice name; /* its bytes stand behind the keys */
    uint64_t sequence; /* of the record whose value was sent */
    bool is_acknowledged;
};

/* One allocation, which waiting.h frees. */
struct migration {
    unsigned database;
    bool keeps_keys; /* nothing is deleted here: COPY, or it would go to the wrong place */
    size_t prologue; /* replies in front of those of the keys */
    enum peer_end end;
    char error[ERROR_TEXT_SIZE]; /* the first that the other server replied; "" = none */
    size_t key_count;
    char *name_end;
    struct moved_key keys[];
};

/* --- what is sent --- */

static enum status append_bulk(struct buffer *out, struct slice bytes)
{
    char header[32];
    int size = snprintf(header, sizeof(header), "$%zu\r\n", bytes.size);
    enum status status = buffer_append(out, header, (size_t)size);
    status = status == STATUS_OK ? buffer_append(out, bytes.data, bytes.size) : status;
    return status == STATUS_OK ? buffer_append(out, "\r\n", 2) : status;
}

static enum status append_command(struct buffer *out, const struct slice *words, size_t count)
{
    char header[32];
    int size = snprintf(header, sizeof(header), "*%zu\r\n", count);
    enum status status = buffer_append(out, header, (size_t)size);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = append_bulk(out, words[i]);
    }
    return status;
}

/* AUTH and SELECT. */
static enum status append_prologue(const struct migrate_options *options, struct peer_batch *batch)
{
    enum status status = STATUS_OK;
    if (options->password.data != NULL) {
        struct slice words[3] = {SLICE_LITERAL("AUTH"), options->user, options->password};
        if (options->user.data == NULL) {
            words[1] = options->password;
        }
        status = append_command(&batch->request, words, options->user.data == NULL ? 2 : 3);
        batch->login_size = batch->request.size;
        batch->reply_count++;
    }
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%lld", (long long)options->database);
    struct slice words[2] = {SLICE_LITERAL("SELECT"), slice_make(digits, (size_t)size)};
    batch->reply_count++;
    return status == STATUS_OK ? append_command(&batch->request, words, 2) : status;
}

static enum status append_restore(struct call *call, const struct migrate_options *options,
                                  struct slice key, const struct value *value, struct buffer *out)
{
    int64_t ttl_ms = 0;
    if (value->expiry_ms != EXPIRY_NONE) {
        ttl_ms = value->expiry_ms - keyspace_now_ms(call->keyspace);
        ttl_ms = ttl_ms < 1 ? 1 : ttl_ms;
    }
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%lld", (long long)ttl_ms);
    struct buffer dump = {0};
    bool compress = config_bool(server_config(call->server), CONFIG_RDBCOMPRESSION);
    enum status status = dump_encode_string(value->bytes, compress, &dump);
    struct slice words[5] = {SLICE_LITERAL("RESTORE"), key, slice_make(digits, (size_t)size),
                             buffer_slice(&dump), SLICE_LITERAL("REPLACE")};
    if (status == STATUS_OK) {
        status = append_command(out, words, options->replaces ? 5 : 4);
    }
    buffer_deinit(&dump);
    return status;
}

/* --- taking the values --- */

static struct migration *create(struct call *call, const struct migrate_options *options)
{
    size_t size = options->key_count * sizeof(struct moved_key);
    for (size_t i = 0; i < options->key_count; i++) {
        size += options->keys[i].size;
    }
    struct migration *migration = calloc(1, sizeof(*migration) + size);
    if (migration != NULL) {
        migration->database = call->session->database;
        migration->keeps_keys = options->copies;
        migration->name_end = (char *)(migration->keys + options->key_count);
    }
    return migration;
}

static void add_key(struct migration *migration, struct slice name, uint64_t sequence)
{
    if (name.size > 0) {
        memcpy(migration->name_end, name.data, name.size);
    }
    migration->keys[migration->key_count++] = (struct moved_key){
        .name = slice_make(migration->name_end, name.size), .sequence = sequence};
    migration->name_end += name.size;
}

/* False: an error was replied. */
static bool take_values(struct call *call, const struct migrate_options *options,
                        struct migration *migration, struct peer_batch *batch)
{
    for (size_t i = 0; i < options->key_count; i++) {
        struct value value;
        enum lookup found = lookup_string_to_read(call, options->keys[i], &value);
        if (found == LOOKUP_ABSENT) {
            continue;
        }
        if (found != LOOKUP_FOUND || !lookup_load(call, &value)) {
            return false;
        }
        enum status status =
            append_restore(call, options, options->keys[i], &value, &batch->request);
        if (status != STATUS_OK) {
            errors_reply_status(call, status);
            return false;
        }
        add_key(migration, options->keys[i], value.entry.sequence);
        engine_part_purge_locked(server_engine(call->server)); /* its value is in the request */
        batch->reply_count++;
    }
    return true;
}

/* --- what comes back (on the thread of the batch) --- */

static void on_reply(void *context, size_t index, struct slice line)
{
    struct waiting *waiting = context;
    struct migration *migration = waiting->context;
    bool is_error = line.size > 0 && line.data[0] == '-';
    if (is_error && migration->error[0] == '\0') {
        int size = (int)(line.size - 1 < ERROR_TEXT_SIZE - 1 ? line.size - 1 : ERROR_TEXT_SIZE - 1);
        (void)snprintf(migration->error, ERROR_TEXT_SIZE, "%.*s", size, line.data + 1);
    }
    /* Behind a login or SELECT that failed, keys would go where they don't belong. */
    if (index < migration->prologue) {
        migration->keeps_keys = migration->keeps_keys || is_error;
    } else {
        migration->keys[index - migration->prologue].is_acknowledged = !is_error;
    }
}

static void on_end(void *context, enum peer_end end)
{
    struct waiting *waiting = context;
    struct migration *migration = waiting->context;
    migration->end = end;
    waiting_end(waiting);
}

/* --- the end (on the client's worker, under the execution lock) --- */

/* Deletes what was acknowledged and is as it was sent; counts what is not. */
static enum status delete_moved(struct server *server, struct migration *migration,
                                size_t *changed_count)
{
    struct keyspace *keyspace = server_keyspace(server);
    enum status status = STATUS_OK;
    keyspace_group_begin(keyspace);
    for (size_t i = 0; i < migration->key_count && status == STATUS_OK; i++) {
        const struct moved_key *key = &migration->keys[i];
        struct value value;
        if (!key->is_acknowledged) {
            continue;
        }
        enum status found = keyspace_find(keyspace, migration->database, key->name, &value);
        if (found == STATUS_NOT_FOUND) {
            continue;
        }
        /* What can't be read is not known to be what was sent. */
        if (found != STATUS_OK || value.entry.sequence != key->sequence) {
            (*changed_count)++;
            continue;
        }
        status = keyspace_delete(keyspace, migration->database, key->name);
        if (status == STATUS_OK) {
            notify_locked(server, EVENT_GENERIC, "del", migration->database, key->name);
        }
    }
    keyspace_group_end(keyspace);
    return status;
}

static void reply_end(const struct migration *migration, size_t changed_count, struct reply *reply)
{
    if (migration->error[0] != '\0') {
        reply_error_format(reply, "ERR Target instance replied with error: %s", migration->error);
    } else if (migration->end == PEER_NOT_REACHED) {
        reply_error(reply, "IOERR error or timeout connecting to the client");
    } else if (migration->end != PEER_DONE) {
        reply_error_format(reply, "IOERR error or timeout %s to target instance",
                           migration->end == PEER_NOT_WRITTEN ? "writing" : "reading");
    } else if (changed_count > 0) {
        reply_error_format(reply,
                           "ERR %zu of the keys were written here while they were sent, and stay: "
                           "the target instance has what they were. Send them again with REPLACE",
                           changed_count);
    } else {
        reply_ok(reply);
    }
}

static void finish(const struct waiting *waiting, struct reply *reply)
{
    struct migration *migration = waiting->context;
    size_t changed_count = 0;
    enum status status = STATUS_OK;
    if (!migration->keeps_keys) {
        status = delete_moved(waiting->server, migration, &changed_count);
        struct session *session = server_find_session_locked(waiting->server, waiting->handle.id);
        session->write_position = engine_payload_position_locked(server_engine(waiting->server));
    }
    if (status != STATUS_OK) {
        waiting_reply_status(waiting, reply, status);
    } else {
        reply_end(migration, changed_count, reply);
    }
}

/* --- the command --- */

static char *copy_text(struct slice text)
{
    return strndup(text.data, text.size);
}

/* Takes the batch; the client waits, or was replied to. */
static void begin(struct call *call, struct migration *migration, struct peer_batch *batch)
{
    struct waiting *waiting = waiting_begin(call, finish);
    if (waiting == NULL) {
        free(migration);
        return;
    }
    waiting->context = migration;
    batch->context = waiting;
    enum status status = peer_send(batch);
    if (status != STATUS_OK) {
        waiting_cancel(waiting, call, status);
    }
}

static void send_keys(struct call *call, const struct migrate_options *options)
{
    struct migration *migration = create(call, options);
    struct peer_batch batch = {.host = copy_text(call->arguments[1]),
                               .port = copy_text(call->arguments[2]),
                               .timeout_ms = options->timeout_ms,
                               .on_reply = on_reply,
                               .on_end = on_end};
    if (migration == NULL || batch.host == NULL || batch.port == NULL ||
        append_prologue(options, &batch) != STATUS_OK) {
        errors_reply_status(call, STATUS_NO_MEMORY);
        free(migration);
    } else {
        migration->prologue = batch.reply_count;
        if (!take_values(call, options, migration, &batch)) {
            free(migration);
        } else if (migration->key_count == 0) {
            reply_simple(call->reply, "NOKEY");
            free(migration);
        } else {
            begin(call, migration, &batch);
        }
    }
    peer_batch_deinit(&batch);
}

static void run_migrate(struct call *call)
{
    struct migrate_options options;
    if (!migrate_options_parse(call, &options)) {
        return;
    }
    if (call->session->transaction.open) {
        reply_error(call->reply, "ERR MIGRATE waits for another server and can't do so within a "
                                 "transaction; send it outside of MULTI");
        return;
    }
    send_keys(call, &options);
}

const struct command migrate_commands[] = {
    {.name = "migrate",
     .handler = run_migrate,
     .arity = -6,
     .flags = COMMAND_WRITE | COMMAND_MOVABLE_KEYS,
     .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Moves keys to another server: here or Redis",
     .complexity = "O(N) with N the length of the values, which are sent",
     .syntax = "host port:integer key_or_empty_string<key:key | ''=empty_string> "
               "destination-db:integer timeout:integer [COPY@3.0.0] [REPLACE@3.0.0] "
               "[authentication<[AUTH password@4.0.7] | "
               "[AUTH2 username_password(username password)@6.0.0]>] [KEYS key:key#1@3.0.6...]",
     .tips = "nondeterministic_output",
     .hides = migrate_options_hide,
     .keys = {{3, 0, 1, KEY_RW | KEY_ACCESS | KEY_DELETE, NULL},
              {-2, -1, 1, KEY_RW | KEY_ACCESS | KEY_DELETE | KEY_INCOMPLETE, NULL}},
     .key_word = "KEYS"},
    {.name = NULL}};
