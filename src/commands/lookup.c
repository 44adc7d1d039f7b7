/* lookup.c - see lookup.h. */
#include "commands/lookup.h"

#include "commands/errors.h"
#include "engine/engine.h"
#include "server/session.h"

/* From this size on copying costs more than keeping the bytes where they lie. */
#define REFERENCE_SIZE_MIN ((size_t)64 * 1024)

static enum lookup outcome(struct call *call, enum status status)
{
    if (status == STATUS_OK) {
        return LOOKUP_FOUND;
    }
    if (status == STATUS_NOT_FOUND) {
        return LOOKUP_ABSENT;
    }
    errors_reply_status(call, status);
    return LOOKUP_REPLIED;
}

enum lookup lookup_to_read(struct call *call, struct slice key, struct value *out)
{
    return outcome(call, keyspace_lookup(call->keyspace, call->session->database, key, out));
}

enum lookup lookup_quietly(struct call *call, struct slice key, struct value *out)
{
    return outcome(call,
                   keyspace_lookup_quietly(call->keyspace, call->session->database, key, out));
}

enum lookup lookup_to_write(struct call *call, struct slice key, struct value *out)
{
    return lookup_in_database(call, call->session->database, key, out);
}

enum lookup lookup_in_database(struct call *call, unsigned database, struct slice key,
                               struct value *out)
{
    return outcome(call, keyspace_find(call->keyspace, database, key, out));
}

static enum lookup want_string(struct call *call, enum lookup found, const struct value *value)
{
    if (found == LOOKUP_FOUND && value->type != TYPE_STRING) {
        errors_reply(call, ERROR_WRONG_TYPE);
        return LOOKUP_REPLIED;
    }
    return found;
}

enum lookup lookup_string_to_read(struct call *call, struct slice key, struct value *out)
{
    return want_string(call, lookup_to_read(call, key, out), out);
}

enum lookup lookup_string_to_write(struct call *call, struct slice key, struct value *out)
{
    return want_string(call, lookup_to_write(call, key, out), out);
}

bool lookup_load(struct call *call, struct value *value)
{
    return lookup_part(call, value, 0, SIZE_MAX, &value->bytes);
}

bool lookup_part(struct call *call, const struct value *value, size_t offset, size_t size,
                 struct slice *out)
{
    enum status status = keyspace_part(call->keyspace, value, offset, size, out);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}

static void unpin(void *segment)
{
    engine_unpin(segment);
}

/* By reference, from where it lies: what is sent from there is not read by us. */
static bool reply_pinned(struct call *call, const struct value *value, size_t offset, size_t size)
{
    const struct entry *entry = &value->entry;
    enum status status = engine_verify_locked(keyspace_engine(call->keyspace), entry, offset, size);
    if (status != STATUS_OK) {
        engine_unpin(entry->segment);
        errors_reply_status(call, status);
        return false;
    }
    reply_bulk_reference(call->reply, slice_make(entry->value.data + offset, size), unpin,
                         entry->segment);
    return true;
}

/* Straight into the reply. */
static bool reply_copy(struct call *call, const struct value *value, size_t offset, size_t size)
{
    struct reply_mark mark = reply_mark(call->reply);
    reply_bulk_begin(call->reply, size);
    char *into = reply_extend(call->reply, size);
    if (into == NULL) {
        return true; /* the connection is closed for it */
    }
    enum status status = keyspace_copy_part(call->keyspace, value, offset, size, into);
    if (status != STATUS_OK) {
        reply_rewind(call->reply, mark);
        errors_reply_status(call, status);
        return false;
    }
    reply_raw(call->reply, SLICE_LITERAL("\r\n"));
    return true;
}

/* A part of a value that was not loaded. */
static bool reply_stored(struct call *call, const struct value *value, size_t offset, size_t size)
{
    bool is_pinned = size >= REFERENCE_SIZE_MIN &&
                     engine_pin_locked(keyspace_engine(call->keyspace), &value->entry);
    return is_pinned ? reply_pinned(call, value, offset, size)
                     : reply_copy(call, value, offset, size);
}

bool lookup_reply_part(struct call *call, const struct value *value, size_t offset, size_t size)
{
    if (value->bytes.size == 0) {
        return reply_stored(call, value, offset, size);
    }
    reply_bulk(call->reply, slice_part(value->bytes, offset, size));
    return true;
}

bool lookup_reply_value(struct call *call, const struct value *value)
{
    return lookup_reply_part(call, value, 0, value->size);
}
