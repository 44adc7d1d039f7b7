/* progress.c - see progress.h. */
#include "check/progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FIRST_MS    1000
#define TERMINAL_MS 200
#define LINE_MS     10000

/* Between two looks at the clock, which cost more than reading a record. */
#define STEP_BYTES ((uint64_t)1 << 20)

void progress_begin(struct progress *progress, const char *what, uint64_t total_bytes,
                    bool is_quiet)
{
    *progress = (struct progress){.what = what,
                                  .total = total_bytes,
                                  .next_ms = clock_monotonic_ms() + FIRST_MS,
                                  .is_terminal = isatty(STDERR_FILENO) == 1,
                                  .is_quiet = is_quiet};
}

static void speak(struct progress *progress)
{
    uint64_t percent = progress->total == 0 ? 100 : progress->done * 100 / progress->total;
    (void)fprintf(stderr, "%s%s: %" PRIu64 "%% of %" PRIu64 " MiB%s",
                  progress->is_terminal ? "\r" : "", progress->what, percent, progress->total >> 20,
                  progress->is_terminal ? "" : "\n");
    (void)fflush(stderr);
    progress->has_spoken = true;
}

void progress_at(struct progress *progress, uint64_t done_bytes)
{
    progress->done = done_bytes;
    if (progress->is_quiet || done_bytes - progress->looked_at < STEP_BYTES) {
        return;
    }
    progress->looked_at = done_bytes;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms >= progress->next_ms) {
        speak(progress);
        progress->next_ms = now_ms + (progress->is_terminal ? TERMINAL_MS : LINE_MS);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->has_spoken) {
        progress->done = progress->total;
        speak(progress);
        if (progress->is_terminal) {
            (void)fputs("\n", stderr);
        }
    }
}
