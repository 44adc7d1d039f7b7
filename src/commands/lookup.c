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
    return outcome(call, keyspace_find(call->keyspace, call->session->database, key, out));
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

bool lookup_verify(struct call *call, const struct value *value, size_t offset, size_t size)
{
    enum status status = keyspace_verify(call->keyspace, value, offset, size);
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

void lookup_reply_part(struct call *call, const struct value *value, struct slice part)
{
    if (part.size >= REFERENCE_SIZE_MIN &&
        engine_pin_locked(keyspace_engine(call->keyspace), &value->entry)) {
        reply_bulk_reference(call->reply, part, unpin, value->entry.segment);
        return;
    }
    reply_bulk(call->reply, part);
}
