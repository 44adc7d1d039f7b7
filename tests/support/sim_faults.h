/*
 * sim_faults.h - what is made to go wrong with the calls of the simulated disk, and counts of them.
 *
 * The rules are in sim_disk.h (5, 8). Not thread-safe: the disk's lock is held.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_FAULTS_H
#define SCDB_TESTS_SUPPORT_SIM_FAULTS_H

#include "support/sim_disk.h"
#include "support/test_random.h"

/* What is to become of a call. */
enum sim_fate {
    SIM_FATE_DO,           /* it succeeds */
    SIM_FATE_FAIL,         /* it fails, having had a part of its effect if it has parts */
    SIM_FATE_REFUSE,       /* the disk has crashed: nothing */
    SIM_FATE_CRASH_BEFORE, /* the disk crashes, and the call has had no effect, */
    SIM_FATE_CRASH_WITHIN, /* a part of it, */
    SIM_FATE_CRASH_AFTER   /* or all */
};

struct sim_failure_rule {
    uint64_t after; /* calls that still succeed */
    uint64_t count; /* calls that then fail; 0 = no rule */
    enum status status;
};

/* All-zero but for `random` (borrowed) is a disk without faults. */
struct sim_faults {
    struct test_random *random;
    bool crashed;
    uint64_t calls_to_crash; /* changing calls; 0 = never */
    enum sim_call crash_call;
    char crash_name[FILE_NAME_SIZE_MAX];
    struct sim_failure_rule rules[SIM_CALL_COUNT];
    uint64_t calls[SIM_CALL_COUNT];
};

/* Every call begins here. *status becomes what it returns unless it succeeds. */
enum sim_fate sim_faults_begin(struct sim_faults *faults, enum sim_call call, const char *name,
                               enum status *status);

/* For calls that have no parts: has it its effect? *status becomes OK when it also succeeds. */
bool sim_faults_take_place(struct sim_faults *faults, enum sim_fate fate, enum status *status);

/* Crashes; returns how much of the call that is being made is still done. */
enum sim_fate sim_faults_crash(struct sim_faults *faults, enum sim_call call, const char *name);

bool sim_call_changes(enum sim_call call);

#endif
