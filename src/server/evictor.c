/* evictor.c - see evictor.h. */
#include "server/evictor.h"

#include "base/clock.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/server_state.h"
#include "server/tracking.h"

#include <sched.h>

/* Keys that go under one hold of the lock: about as long as the commands of a hold take. */
#define KEYS_PER_HOLD 64

/* Holds of the lock in one run: the main thread has other work, too. */
#define HOLDS_PER_RUN 64

struct run {
    uint64_t position; /* up to where the log is to be written */
    bool has_gained;   /* something went */
};

static enum eviction_outcome evict_some(struct server *server, struct run *run)
{
    enum eviction_outcome outcome = EVICTION_DONE;
    engine_lock(server->engine);
    if (server_pause_mode_locked(server) == PAUSE_OFF) {
        uint64_t before = engine_live_bytes_locked(server->engine);
        keyspace_set_now_ms(server->keyspace, clock_unix_ms());
        outcome = eviction_run(server->keyspace, KEYS_PER_HOLD);
        run->position = engine_payload_position_locked(server->engine);
        run->has_gained |= engine_live_bytes_locked(server->engine) < before;
        tracking_settle(server);
    }
    engine_unlock(server->engine);
    return outcome;
}

bool evictor_run(struct server *server)
{
    enum eviction_outcome outcome = EVICTION_PENDING;
    struct run run = {0};
    bool is_limited = config_number(server->config, CONFIG_MAXMEMORY) > 0;
    for (int i = 0; is_limited && i < HOLDS_PER_RUN && outcome == EVICTION_PENDING; i++) {
        outcome = evict_some(server, &run);
        if (outcome == EVICTION_PENDING) {
            (void)sched_yield(); /* A worker that waits for the lock gets it. */
        }
    }
    /* A failure is logged, and the next command that writes tries again: no reply waits here. */
    return engine_write(server->engine, run.position) == STATUS_OK && run.has_gained &&
           outcome == EVICTION_PENDING;
}
