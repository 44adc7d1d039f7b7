/* store.c - see store.h. */
#include "commands/store.h"

#include "commands/errors.h"
#include "commands/lookup.h"
#include "server/session.h"

#include <stdlib.h>

bool store_string(struct call *call, struct slice key, const struct string_content *content,
                  bool is_change)
{
    unsigned database = call->session->database;
    enum status status = is_change
                             ? keyspace_put_string(call->keyspace, database, key, content)
                             : keyspace_put_string_quietly(call->keyspace, database, key, content);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}

/* The bytes of `old` that stay in front of and behind `patch` at `offset`. */
static void keep_around(struct slice old, size_t offset, struct slice patch, struct slice *front,
                        struct slice *back)
{
    *front = slice_part(old, 0, offset < old.size ? offset : old.size);
    size_t end = offset + patch.size;
    *back = end < old.size ? slice_part(old, end, old.size - end) : slice_make(NULL, 0);
}

/* The old string and the patch, written as one. */
static bool store_whole(struct call *call, const struct value *old, size_t offset,
                        struct slice patch, bool is_change)
{
    struct slice front;
    struct slice back;
    struct slice bytes = slice_make(NULL, 0);
    if (old->size > 0 && !lookup_part(call, old, 0, SIZE_MAX, &bytes)) {
        return false;
    }
    keep_around(bytes, offset, patch, &front, &back);
    /* Memory that was never written to costs no pages, however long the gap. */
    size_t gap = offset - front.size;
    char *zeros = gap == 0 ? NULL : calloc(1, gap);
    if (gap > 0 && zeros == NULL) {
        errors_reply(call, ERROR_NO_MEMORY);
        return false;
    }
    struct slice parts[] = {front, slice_make(zeros, gap), patch, back};
    struct string_content content = {.parts = parts,
                                     .part_count = sizeof(parts) / sizeof(parts[0]),
                                     .expiry_ms = old->expiry_ms,
                                     .encoding = STRING_RAW};
    bool is_stored = store_string(call, call->arguments[1], &content, is_change);
    free(zeros);
    return is_stored;
}

bool store_patched(struct call *call, const struct value *old, size_t offset, struct slice patch,
                   bool is_change)
{
    size_t end = offset + patch.size;
    if (!keyspace_may_patch(call->keyspace, old, end > old->size ? end : old->size)) {
        return store_whole(call, old, offset, patch, is_change);
    }
    const struct string_patch change = {
        .old = old, .offset = offset, .bytes = patch, .is_change = is_change};
    enum status status =
        keyspace_patch_string(call->keyspace, call->session->database, call->arguments[1], &change);
    if (status != STATUS_OK) {
        errors_reply_status(call, status);
        return false;
    }
    return true;
}
