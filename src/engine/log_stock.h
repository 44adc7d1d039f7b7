/*
 * log_stock.h - log segments that are ready for the writer before it needs them.
 *
 * Making a segment takes several syncs, and on a busy disk each of them may take a quarter of a
 * second. So a thread of its own makes the next one when the active segment is half full; and when
 * segments are filled quickly, as many as will be needed within about a second, with one
 * replacement of the manifest for all of them. The maintenance thread could not be relied on: it
 * waits for the disk itself, in the midst of a compaction.
 *
 * When the active segment is three quarters full and none is ready all the same, writers are slowed
 * (engine_write_delay_us()): better so than that everybody waits while one is made under the
 * execution lock, which is what remains when it is full.
 *
 * The same thread lets the log leave a segment that was made for a batch of writes, once that is
 * over (appender_leave_locked()).
 *
 * Threads: see each function. stock.making nests outside the execution lock.
 */
#ifndef SCDB_ENGINE_LOG_STOCK_H
#define SCDB_ENGINE_LOG_STOCK_H

#include "base/mutex.h"
#include "base/standby.h"
#include "base/status.h"
#include "engine/segment.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/* Each begins with such a part of its size reserved, if that is enough for what must be: several
 * may not weigh on the bound of the disk. */
#define LOG_STOCK_PART 32

#define LOG_STOCK_MAX  8

/* So much time should what is ready last for. */
#define LOG_STOCK_HORIZON_MS 1000

struct log_stock {
    /* under the execution lock */
    struct segment *segments[LOG_STOCK_MAX]; /* owned: unused, listed, of the usual capacity */
    size_t count;
    size_t target;
    int64_t last_roll_ms; /* monotonic */

    atomic_bool is_short; /* writers should wait a little; readable by all */

    struct mutex making; /* held by the one that makes segments for the stock */
    enum status status;  /* of its last attempt; under `making` */

    struct standby standby; /* the thread */
};

void log_stock_init(struct log_stock *stock);

/* Closes what is in stock. */
void log_stock_deinit(struct log_stock *stock);

enum status log_stock_start(struct engine *engine) MUST_CHECK;
void log_stock_stop(struct engine *engine);

/* How many segments should be ready when one was filled in so many milliseconds. Pure. */
size_t log_stock_target(int64_t filled_in_ms);

/* How long the thread sleeps after an attempt, unless it is woken, when it slept so long before.
 * Pure.
 */
long log_stock_pause_ms(long before_ms, bool has_failed);

/* Lock held. The caller owns it; NULL: none is ready. */
struct segment *log_stock_take_locked(struct engine *engine);

/* Lock held. Takes over an unused segment; false: there is no place for it. */
bool log_stock_try_put_locked(struct engine *engine, struct segment *segment);

/* Lock held: a segment has been filled and the next one begun. */
void log_stock_note_roll_locked(struct engine *engine);

/* Lock held: the active segment has grown from `from` bytes to its end. Starts what has to be done
 * ahead of need. */
void log_stock_note_growth_locked(struct engine *engine, uint64_t from);

/* No lock held. Makes what will be needed soon, if anything will; the log may go on in it at once.
 * Failures are logged once and tried again later: the writer will find out by itself when it
 * matters. */
void log_stock_refill(struct engine *engine);

/* No lock held. Sees to it that at least one segment is ready, whether needed soon or not. */
enum status log_stock_ensure(struct engine *engine) MUST_CHECK;

#endif
