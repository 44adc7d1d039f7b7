/* slow_readers.c - see slow_readers.h. */
#include "server/slow_readers.h"

#include "engine/engine.h"
#include "engine/mapped_record.h"
#include "server/client_memory.h"
#include "server/worker.h"

#include <stdlib.h>

/* All that replies refer to is pinned in a segment (commands/lookup.c), or was copied here. */
static bool is_of_the_past(const struct reply_reference *reference)
{
    return engine_pin_is_of_the_past(reference->owner);
}

static void copy_reference(struct reply *reply, struct reply_reference *reference)
{
    struct slice slice = reference->slice;
    char *copy = malloc(slice.size);
    if (copy == NULL || mapped_record_copy(copy, slice.data, slice.size) != STATUS_OK) {
        free(copy);
        return;
    }
    reply_copy_reference(reply, reference, copy);
}

size_t slow_readers_let_go(struct connection *connection, size_t budget)
{
    const struct config *config = connection->worker->server->config;
    struct reply *reply = &connection->session.reply;
    uint64_t copied_max = (uint64_t)config_number(config, CONFIG_CLIENT_OUTPUT_BUFFER_PAUSE);
    size_t before = reply->copied_bytes;
    for (size_t i = connection->output.references_sent; i < reply->reference_count; i++) {
        struct reply_reference *reference = &reply->references[i];
        size_t size = reference->slice.size;
        if (!reply_is_copied(reference) && size <= budget &&
            reply->copied_bytes + size <= copied_max && is_of_the_past(reference)) {
            budget -= size;
            copy_reference(reply, reference);
        }
    }
    if (reply->copied_bytes != before) {
        connection_publish_output(connection);
        client_memory_note(connection->worker->server, &connection->session);
    }
    return budget;
}
