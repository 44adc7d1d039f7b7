/* events.c - see events.h. */
#include "commands/events.h"

#include "keyspace/keyspace.h"

void events_tell_expiry(const struct call *call, struct slice key, int64_t expiry_ms)
{
    const char *event = "expire";
    if (expiry_ms == EXPIRY_NONE) {
        event = "persist";
    } else if (expiry_ms <= keyspace_now_ms(call->keyspace)) {
        event = "del";
    }
    events_tell(call, EVENT_GENERIC, event, key);
}
