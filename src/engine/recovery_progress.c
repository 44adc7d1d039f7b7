/* recovery_progress.c - see recovery_progress.h. */
#include "engine/recovery_progress.h"

#include "base/clock.h"
#include "base/log.h"

void recovery_progress_begin(struct recovery_progress *progress, const char *what)
{
    *progress = (struct recovery_progress){.what = what, .started_ms = clock_monotonic_ms()};
    log_limit_begin(&progress->limit, progress->started_ms);
}

static void tell(struct recovery_progress *progress)
{
    int64_t now_ms = clock_monotonic_ms();
    if (!log_limit_try(&progress->limit, LOG_LIMIT_PROGRESS_MS, now_ms)) {
        return;
    }
    uint64_t total = progress->total_bytes > 0 ? progress->total_bytes : 1;
    uint64_t elapsed_ms = (uint64_t)(now_ms - progress->started_ms);
    uint64_t done_bytes = atomic_load(&progress->done_bytes);
    uint64_t records = atomic_load(&progress->records);
    LOG_NOTICE("opening the store: %llu %% of %llu MiB %s, %llu records a second",
               (unsigned long long)(done_bytes * 100 / total),
               (unsigned long long)(progress->total_bytes >> 20), progress->what,
               (unsigned long long)(records * 1000 / (elapsed_ms > 0 ? elapsed_ms : 1)));
}

void recovery_count_add(struct recovery_count *count)
{
    atomic_fetch_add(&count->progress->records, count->records);
    atomic_fetch_add(&count->progress->done_bytes, count->bytes);
    count->records = 0;
    count->bytes = 0;
    tell(count->progress);
}
