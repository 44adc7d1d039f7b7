/*
 * oom_score.h - how readily the kernel ends this process when the machine is out of memory:
 * oom-score-adj and the first of oom-score-adj-values.
 *
 * Before other threads run, or under the execution lock.
 */
#ifndef SCDB_SERVER_OOM_SCORE_H
#define SCDB_SERVER_OOM_SCORE_H

#include "base/status.h"
#include "server/config.h"

#include <stdbool.h>
#include <stdint.h>

struct oom_score {
    bool is_set;  /* by us; all zero: it is not */
    int64_t base; /* what it was before */
};

/* Sets it as the configuration wants it; when that is `no`, puts back what was there before we set
 * it. INVALID: the system does not let us, and the log says why. */
enum status oom_score_apply(struct oom_score *score, const struct config *config,
                            struct error *error) MUST_CHECK;

#endif
