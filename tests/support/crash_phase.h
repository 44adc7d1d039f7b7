/*
 * crash_phase.h - what the engine is at when a call reaches the disk, told from the call, the name
 * of the file and what came before.
 *
 * One thread for each struct.
 */
#ifndef SCDB_TESTS_SUPPORT_CRASH_PHASE_H
#define SCDB_TESTS_SUPPORT_CRASH_PHASE_H

#include "support/crash_run.h"

/* X(NAME, "name", must every long run meet it?) */
#define CRASH_PHASE_LIST(X)                                                                        \
    X(APPEND, "append", true)                                                                      \
    X(SYNC, "sync", true)                                                                          \
    X(ROLL, "roll", true)                                                                          \
    X(SEAL, "seal", true)                                                                          \
    X(COPY, "copy", true)                                                                          \
    X(PUBLISH, "publish", true)                                                                    \
    X(CHECKPOINT, "checkpoint", true)                                                              \
    X(REMOVAL, "removal", true)                                                                    \
    X(RECOVERY, "recovery", true)                                                                  \
    X(RECOVERY_AGAIN, "recovery after a crash in recovery", true)                                  \
    X(CLOSE, "close", true)                                                                        \
    X(OTHER, "other", false)

enum crash_phase {
#define CRASH_PHASE_ENUM(name, words, needed) CRASH_PHASE_##name,
    CRASH_PHASE_LIST(CRASH_PHASE_ENUM)
#undef CRASH_PHASE_ENUM
        CRASH_PHASE_COUNT
};

const char *crash_phase_name(enum crash_phase phase);
bool crash_phase_is_needed(enum crash_phase phase);

/* All-zero at the start of a history. */
struct crash_phase_state {
    bool is_rolling;       /* a log segment has been made, and nothing was written to any since */
    bool is_checkpointing; /* the same of a checkpoint */
};

/* The phase of a call that is about to be made. */
enum crash_phase crash_phase_of(struct crash_phase_state *state, enum crash_step doing,
                                const struct sim_step *step);

#endif
