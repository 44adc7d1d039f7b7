/* sim_faults.c - see sim_faults.h. */
#include "support/sim_faults.h"

#include <stdio.h>

static const struct {
    const char *words;
    bool changing;
} about_calls[SIM_CALL_COUNT] = {
#define SIM_CALL_ROW(name, words, changing) [SIM_##name] = {words, changing},
    SIM_CALL_LIST(SIM_CALL_ROW)
#undef SIM_CALL_ROW
};

const char *sim_call_name(enum sim_call call)
{
    return call < SIM_CALL_COUNT ? about_calls[call].words : "none";
}

bool sim_call_changes(enum sim_call call)
{
    return about_calls[call].changing;
}

static bool meets_rule(struct sim_failure_rule *rule, enum status *status)
{
    if (rule->count == 0) {
        return false;
    }
    if (rule->after > 0) {
        rule->after--;
        return false;
    }
    rule->count--;
    *status = rule->status;
    return true;
}

enum sim_fate sim_faults_crash(struct sim_faults *faults, enum sim_call call, const char *name)
{
    faults->crashed = true;
    faults->calls_to_crash = 0;
    faults->crash_call = call;
    (void)snprintf(faults->crash_name, sizeof(faults->crash_name), "%s", name);
    return (enum sim_fate)(SIM_FATE_CRASH_BEFORE + test_random_below(faults->random, 3));
}

enum sim_fate sim_faults_begin(struct sim_faults *faults, enum sim_call call, const char *name,
                               enum status *status)
{
    *status = STATUS_IO;
    if (faults->crashed) {
        return SIM_FATE_REFUSE;
    }
    faults->calls[call]++;
    if (about_calls[call].changing && faults->calls_to_crash > 0 && --faults->calls_to_crash == 0) {
        return sim_faults_crash(faults, call, name);
    }
    return meets_rule(&faults->rules[call], status) ? SIM_FATE_FAIL : SIM_FATE_DO;
}

bool sim_faults_take_place(struct sim_faults *faults, enum sim_fate fate, enum status *status)
{
    switch (fate) {
    case SIM_FATE_DO:
        *status = STATUS_OK;
        return true;
    case SIM_FATE_CRASH_AFTER:
        return true;
    case SIM_FATE_CRASH_WITHIN:
        return test_random_one_in(faults->random, 2);
    case SIM_FATE_FAIL:
    case SIM_FATE_REFUSE:
    case SIM_FATE_CRASH_BEFORE:
        break;
    }
    return false;
}
