/*
 * map_facts.h - which keyspace each database is, on its way from the running store into a manifest.
 *
 * The map lives in the spaces (under the execution lock) and in the log; the manifest takes it over
 * whenever files go, or a checkpoint comes, without which the log could not be read for it any
 * more. Owns its array.
 */
#ifndef SCDB_ENGINE_MAP_FACTS_H
#define SCDB_ENGINE_MAP_FACTS_H

#include "base/status.h"
#include "engine/manifest.h"
#include "engine/spaces.h"

#include <stddef.h>
#include <stdint.h>

struct map_facts {
    uint64_t sequence; /* of the record that made the map what it is */
    uint64_t next_keyspace_id;
    uint64_t *ids; /* owned; of database 0, 1, ... */
    size_t count;
};

/* Copies the map of the running store; execution lock held. NO_MEMORY. */
enum status map_facts_take_locked(const struct spaces *spaces, struct map_facts *out) MUST_CHECK;
void map_facts_deinit(struct map_facts *facts);

/* Gives the map to a manifest; the facts are empty then. */
void map_facts_give(struct map_facts *facts, struct manifest *manifest);

#endif
