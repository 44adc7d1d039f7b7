/* crash_phase.c - see crash_phase.h. */
#include "support/crash_phase.h"

#include <string.h>

static const struct {
    const char *words;
    bool needed;
} about_phases[CRASH_PHASE_COUNT] = {
#define CRASH_PHASE_ROW(name, words, needed) [CRASH_PHASE_##name] = {words, needed},
    CRASH_PHASE_LIST(CRASH_PHASE_ROW)
#undef CRASH_PHASE_ROW
};

const char *crash_phase_name(enum crash_phase phase)
{
    return about_phases[phase].words;
}

bool crash_phase_is_needed(enum crash_phase phase)
{
    return about_phases[phase].needed;
}

static enum crash_phase phase_of_log(struct crash_phase_state *state, enum sim_call call)
{
    switch (call) {
    case SIM_CREATE:
    case SIM_RESERVE:
        state->is_rolling |= call == SIM_CREATE;
        state->is_checkpointing = false;
        return CRASH_PHASE_ROLL;
    case SIM_TRUNCATE:
        return CRASH_PHASE_SEAL;
    case SIM_SYNC:
        return state->is_rolling ? CRASH_PHASE_ROLL : CRASH_PHASE_SYNC;
    case SIM_REMOVE:
        return CRASH_PHASE_REMOVAL;
    default:
        state->is_rolling = false;
        return CRASH_PHASE_APPEND;
    }
}

static enum crash_phase phase_of_packed(enum sim_call call)
{
    switch (call) {
    case SIM_SYNC:
    case SIM_TRUNCATE:
        return CRASH_PHASE_SEAL;
    case SIM_REMOVE:
        return CRASH_PHASE_REMOVAL;
    default:
        return CRASH_PHASE_COPY;
    }
}

/* What the manifest is written for, or the directory synced. */
static enum crash_phase phase_of_manifest(const struct crash_phase_state *state,
                                          enum crash_step doing)
{
    if (state->is_rolling) {
        return CRASH_PHASE_ROLL;
    }
    if (state->is_checkpointing) {
        return CRASH_PHASE_CHECKPOINT;
    }
    return doing == CRASH_STEP_COMPACT ? CRASH_PHASE_PUBLISH : CRASH_PHASE_OTHER;
}

static bool is_checkpoint(const char *name)
{
    return strstr(name, ".index") != NULL;
}

enum crash_phase crash_phase_of(struct crash_phase_state *state, enum crash_step doing,
                                const struct sim_step *step)
{
    const char *name = step->name;
    if (doing == CRASH_STEP_OPEN) {
        return CRASH_PHASE_RECOVERY;
    }
    if (doing == CRASH_STEP_CLOSE) {
        return CRASH_PHASE_CLOSE;
    }
    if (is_checkpoint(name)) {
        state->is_checkpointing = step->call != SIM_REMOVE;
        return step->call == SIM_REMOVE ? CRASH_PHASE_REMOVAL : CRASH_PHASE_CHECKPOINT;
    }
    if (strstr(name, ".log") != NULL) {
        return phase_of_log(state, step->call);
    }
    if (strstr(name, ".pack") != NULL) {
        state->is_checkpointing = false;
        return phase_of_packed(step->call);
    }
    if (strstr(name, "MANIFEST") != NULL || step->call == SIM_SYNC_DIRECTORY) {
        return phase_of_manifest(state, doing);
    }
    return CRASH_PHASE_OTHER;
}
