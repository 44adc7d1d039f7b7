/*
 * log_filler.h - fills a store's log to where a test wants it: one value after the other, of the
 * same key.
 *
 * What does not say try_ fails the test when it does not succeed. What says _locked wants the
 * store's lock held; the others take it.
 */
#ifndef SCDB_TESTS_SUPPORT_LOG_FILLER_H
#define SCDB_TESTS_SUPPORT_LOG_FILLER_H

#include "engine/engine_state.h"

#define LOG_FILLER_VALUE_SIZE 8192

/* One value, LOG_FILLER_VALUE_SIZE zeros. */
enum status log_filler_try_put_locked(struct engine *engine, const char *key) MUST_CHECK;
void log_filler_put_locked(struct engine *engine, const char *key);

/* Goes on until the active segment ends at `size` or behind it. */
void log_filler_fill_to(struct engine *engine, uint64_t size);

/* Goes on until the next segment is the active one. */
void log_filler_fill_until_roll(struct engine *engine);

#endif
