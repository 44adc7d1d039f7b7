/* keyspace_store.c - see keyspace_store.h. */
#include "support/keyspace_store.h"

#include "base/check.h"

void keyspace_store_enter(struct keyspace_store *store)
{
    CHECK(keyspace_create(store->store.engine, &store->keyspace) == STATUS_OK);
    engine_lock(store->store.engine);
    engine_rest_begin_locked(store->store.engine);
    keyspace_set_now_ms(store->keyspace, store->store.clock_ms);
}

void keyspace_store_leave(struct keyspace_store *store)
{
    engine_verify_all_locked(store->store.engine);
    engine_unlock(store->store.engine);
    keyspace_destroy(store->keyspace);
    store->keyspace = NULL;
}

void keyspace_store_begin(struct keyspace_store *store, const struct engine_options *options)
{
    sim_store_begin(&store->store, options);
    keyspace_store_enter(store);
}

void keyspace_store_end(struct keyspace_store *store)
{
    keyspace_store_leave(store);
    sim_store_end(&store->store);
}

void keyspace_store_reopen(struct keyspace_store *store)
{
    keyspace_store_leave(store);
    sim_store_close(&store->store);
    sim_store_open(&store->store);
    keyspace_store_enter(store);
}

void keyspace_store_kill_and_open(struct keyspace_store *store)
{
    keyspace_store_leave(store);
    CHECK(engine_write(store->store.engine, UINT64_MAX) == STATUS_OK);
    sim_store_kill_and_open(&store->store);
    keyspace_store_enter(store);
}
