/* verify_ahead.c - see verify_ahead.h. */
#include "engine/verify_ahead.h"

#include "engine/engine_state.h"
#include "engine/fault_guard.h"

bool verify_ahead_begin_locked(struct engine *engine, const struct entry *entry,
                               struct verify_ahead *out)
{
    if (entry->is_verified || !engine_pin_locked(engine, entry)) {
        return false;
    }
    *out = (struct verify_ahead){.segment = entry->segment,
                                 .record = entry->record,
                                 .size = entry->size,
                                 .seed = entry->seed,
                                 .sequence = entry->sequence};
    return true;
}

static void verify(void *context)
{
    struct verify_ahead *ahead = context;
    ahead->is_right = record_verify_value(ahead->record, 0, ahead->size, ahead->seed) == STATUS_OK;
}

/* The mapping is for reading at random: where pages are missing, each would be waited for apart. */
void verify_ahead_run(struct verify_ahead *ahead)
{
    file_read_ahead(ahead->segment->file, (uint64_t)(ahead->record - ahead->segment->mapping),
                    ahead->size);
    if (!fault_guard_run(verify, ahead)) {
        ahead->is_right = false; /* the disk could not deliver a page */
    }
    engine_unpin(ahead->segment);
    ahead->segment = NULL;
}

void verify_ahead_offer_locked(struct engine *engine, const struct verify_ahead *ahead)
{
    engine->verified = ahead;
}

bool verify_ahead_covers_locked(const struct engine *engine, const struct entry *entry)
{
    const struct verify_ahead *ahead = engine->verified;
    return ahead != NULL && ahead->is_right && ahead->record == entry->record &&
           ahead->size == entry->size && ahead->seed == entry->seed &&
           ahead->sequence == entry->sequence;
}
