/* mapped_record.c - see mapped_record.h. */
#include "engine/mapped_record.h"

#include "engine/fault_guard.h"

#include <string.h>

struct reading {
    const uint8_t *bytes;
    uint64_t available;
    uint64_t seed;
    struct record record;
    enum status status;
};

static void read_record(void *context)
{
    struct reading *reading = context;
    reading->status =
        record_decode_whole(reading->bytes, reading->available, reading->seed, &reading->record);
}

enum status mapped_record_decode(const uint8_t *bytes, uint64_t available, uint64_t seed,
                                 struct record *out)
{
    struct reading reading = {.bytes = bytes, .available = available, .seed = seed};
    if (!fault_guard_run(read_record, &reading)) {
        return STATUS_IO;
    }
    if (reading.status == STATUS_OK) {
        *out = reading.record;
    }
    return reading.status;
}

struct copying {
    void *into;
    const void *from;
    size_t size;
};

static void copy(void *context)
{
    const struct copying *copying = context;
    memcpy(copying->into, copying->from, copying->size);
}

enum status mapped_record_copy(void *into, const void *from, size_t size)
{
    struct copying copying = {.into = into, .from = from, .size = size};
    return fault_guard_run(copy, &copying) ? STATUS_OK : STATUS_IO;
}
