/* slow_readers.c - see slow_readers.h. */
#include "server/slow_readers.h"

#include "engine/engine.h"
#include "engine/mapped_record.h"
#include "server/connection.h"

#include <stdlib.h>

/* All that replies refer to is pinned in a segment (commands/lookup.c), or was copied here. */
static bool is_of_the_past(const struct reply_reference *reference)
{
    return reference->release != free && engine_pin_is_of_the_past(reference->owner);
}

static void copy_reference(struct reply_reference *reference)
{
    struct slice slice = reference->slice;
    char *copy = malloc(slice.size);
    if (copy == NULL || mapped_record_copy(copy, slice.data, slice.size) != STATUS_OK) {
        free(copy);
        return;
    }
    reference->release(reference->owner);
    reference->slice.data = copy;
    reference->release = free;
    reference->owner = copy;
}

size_t slow_readers_let_go(struct connection *connection, size_t budget)
{
    struct reply *reply = &connection->session.reply;
    for (size_t i = connection->output.references_sent; i < reply->reference_count; i++) {
        struct reply_reference *reference = &reply->references[i];
        if (reference->slice.size <= budget && is_of_the_past(reference)) {
            budget -= reference->slice.size;
            copy_reference(reference);
        }
    }
    return budget;
}
