/*
 * sample.h - what eviction needs of the store: how much is alive, which keys are used, and a few of
 * them to choose from.
 *
 * Each slot of the index has two bits for a clock, 0 to 3. While accesses are noted, reading or
 * writing a key raises its clock; who looks for a victim lets the clocks of samples sink. So a low
 * clock means a key that was not used for long, or not often. No record has it: after opening a
 * clock is what the checkpoint had, or 0.
 *
 * Which key goes is decided above (keyspace/eviction.h).
 *
 * Threads: all functions want the execution lock.
 */
#ifndef SCDB_ENGINE_SAMPLE_H
#define SCDB_ENGINE_SAMPLE_H

#include "base/slice.h"
#include "base/status.h"
#include "engine/index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

#define ENGINE_CLOCK_MAX   3
#define ENGINE_SAMPLES_MAX 64 /* in one call */

/* Bytes of the records that keys have, headers and padding included. */
uint64_t engine_live_bytes_locked(const struct engine *engine);

/* What an access does to the clock of a key. */
enum engine_access {
    ACCESS_NOT_NOTED, /* as after opening */
    ACCESS_RECENCY,   /* sets it to 3; a new key's is 1 */
    ACCESS_FREQUENCY  /* raises it by one with a chance of 10 / (clock * factor + 10); new: 0 */
};

/* How the accesses from now on are noted. `factor` is for ACCESS_FREQUENCY. */
void engine_note_access_locked(struct engine *engine, enum engine_access access, unsigned factor);

/* A key that may be evicted: valid until the next write. */
struct engine_sample {
    unsigned database;
    struct index_entry slot; /* its clock before it sank, its expiry in whole seconds */
};

/* Takes a sample from one database, which is chosen by chance, each as likely as it has keys (with
 * an expiry, if only those are wanted). Returns how many; 0: there are none, or none was found in
 * the time that a call may take. */
size_t engine_sample_locked(struct engine *engine, const struct index_sampling *sampling,
                            struct engine_sample *out);

/* Takes one from the clocks of samples that are not 0. */
void engine_age_samples_locked(struct engine *engine, const struct engine_sample *samples,
                               size_t count);

/* Has any database a key (with an expiry, if only those are wanted)? */
bool engine_has_samples_locked(const struct engine *engine, bool expiring_only);

/* The key of a sample, borrowed from the store as an entry is. CORRUPT, IO: its record can't be
 * read, and so it can't be deleted either. */
enum status engine_sampled_key_locked(struct engine *engine, const struct engine_sample *sample,
                                      struct slice *out) MUST_CHECK;

#endif
