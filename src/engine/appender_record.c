/* appender_record.c - how one record comes to the end of the log: see appender.h. */
#include "engine/appender.h"

#include "engine/engine_state.h"
#include "engine/fault_guard.h"
#include "engine/file.h"
#include "engine/lookup.h"
#include "engine/staged.h"
#include "engine/zero_ahead.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_ON_STACK 16

static const uint8_t zeros[RECORD_ALIGNMENT];

/* --- in memory ---------------------------------------------------------------------------- */

/* A record that is being encoded: its head, and unless it goes through, its value behind it. */
struct encoding {
    const struct append *append;
    uint8_t *into;
};

static void encode(void *context)
{
    const struct encoding *encoding = context;
    const struct append *append = encoding->append;
    record_encode_head(&append->record, append->parts, append->part_count, append->segment->seed,
                       encoding->into);
    uint8_t *next = encoding->into + append->head_size;
    for (size_t i = 0; !append->through && i < append->part_count; i++) {
        if (append->parts[i].size > 0) {
            memcpy(next, append->parts[i].data, append->parts[i].size);
            next += append->parts[i].size;
        }
    }
}

/* What was verified may have left memory again, and then the disk can fail: SOURCE_LOST. Parts that
 * name no source are in memory, but for those of an import, which lie in a file that is mapped. */
static enum status encode_guarded(const struct append *append, uint8_t *into)
{
    struct encoding encoding = {.append = append, .into = into};
    if (append->source == NULL && append->value_size <= LOOKUP_VALUE_AT_ONCE) {
        encode(&encoding);
        return STATUS_OK;
    }
    return fault_guard_run(encode, &encoding) ? STATUS_OK : STATUS_SOURCE_LOST;
}

/* --- straight to the file ----------------------------------------------------------------- */

/* Takes back the head of a record whose value did not get there. The end of the log has not moved,
 * but after a kill recovery looks behind it; and where the value lacks zeros only, which is what
 * reserved space reads as, the record would be whole. */
static enum status take_back(const struct append *append, uint8_t *head)
{
    memset(head, 0, (size_t)append->head_size);
    const struct slice part = slice_make(head, (size_t)append->head_size);
    return file_write(append->segment->file, append->offset, &part, 1);
}

/* Writes the record from where its parts lie. */
static enum status write_through(const struct append *append)
{
    struct slice on_stack[PARTS_ON_STACK];
    struct slice *parts = on_stack;
    size_t count = append->part_count + 2;
    uint8_t *head = malloc((size_t)append->head_size);
    if (count > PARTS_ON_STACK) {
        parts = malloc(count * sizeof(*parts));
    }
    enum status status = head == NULL || parts == NULL ? STATUS_NO_MEMORY : STATUS_OK;
    if (status == STATUS_OK) {
        status = encode_guarded(append, head);
    }
    if (status == STATUS_OK) {
        parts[0] = slice_make(head, (size_t)append->head_size);
        for (size_t i = 0; i < append->part_count; i++) {
            parts[i + 1] = append->parts[i];
        }
        uint64_t unpadded = append->head_size + append->value_size;
        parts[count - 1] = slice_make(zeros, (size_t)(append->size - unpadded));
        status = file_write(append->segment->file, append->offset, parts, count);
    }
    bool may_be_there = status != STATUS_OK && status != STATUS_IO && head != NULL;
    if (may_be_there && take_back(append, head) == STATUS_IO) {
        status = STATUS_IO;
    }
    if (parts != on_stack) {
        free(parts);
    }
    free(head);
    return status;
}

/* What is not in the file yet of a record whose value is: all before its blocks' checksums. */
static enum status write_front(const struct append *append)
{
    const struct record_value value = {.size = append->value_size,
                                       .checksum = append->staged->value_checksum};
    uint64_t size = append->head_size - record_array_size(value.size);
    uint8_t *front = malloc((size_t)size);
    if (front == NULL) {
        return STATUS_NO_MEMORY;
    }
    record_encode_front(&append->record, &value, append->segment->seed, front);
    const struct slice part = slice_make(front, (size_t)size);
    enum status status = file_write(append->segment->file, append->offset, &part, 1);
    free(front);
    return status;
}

/* --- either way --------------------------------------------------------------------------- */

enum status appender_bring_locked(struct engine *engine, const struct append *append)
{
    if (append->staged != NULL) {
        return appender_heed_write(engine, write_front(append));
    }
    if (!append->through) {
        record_pad(append->encoded, append->size);
        return encode_guarded(append, append->encoded);
    }
    zero_ahead_settle(engine);
    return appender_heed_write(engine, write_through(append));
}
