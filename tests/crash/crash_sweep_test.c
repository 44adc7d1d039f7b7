/*
 * crash_sweep_test.c - a crash at every step of random histories (crash_sweep.h), on all
 * processors.
 *
 *   SCDB_CRASH_POINTS=n    goes on until there were n crashes (default: what `make test` takes)
 *   SCDB_TEST_SEED=n       the first history's seed; the others follow it
 *   SCDB_TEST_TRACE=1      shows the commands, the calls and the engine's log
 *
 * `make crash POINTS=n SEED=n` is the same. Not a Check program: each worker is a process of its
 * own, and what it finds wrong ends all.
 */
#include "base/check.h"
#include "base/log.h"
#include "support/crash_sweep.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POINTS_DEFAULT    30000
#define POINTS_FOR_ALL    20000 /* from here on each phase has to be met */
#define HISTORIES_FOR_ALL 1000  /* by one of so many */
#define WORKERS_MAX       64

struct shared {
    struct crash_sweep_counts counts;
    _Atomic uint64_t next_seed;
    _Atomic uint64_t seeds[WORKERS_MAX]; /* of the history that a worker is at */
};

static struct shared *shared;
static pid_t workers[WORKERS_MAX];
static unsigned worker_count;

static void on_failure(const struct crash_run *run, const char *text)
{
    (void)printf("seed %" PRIu64 ": %s\n", run->seed, text);
    (void)fflush(stdout);
    _exit(1);
}

static uint64_t number_in_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL || text[0] == '\0' ? otherwise : strtoull(text, NULL, 10);
}

static bool is_one_unmet(void)
{
    bool is_one = false;
    for (enum crash_phase phase = 0; phase < CRASH_PHASE_COUNT; phase++) {
        is_one |= crash_sweep_is_unmet(&shared->counts, phase);
    }
    return is_one;
}

/* Few histories may pass a phase by: then some more, which crash there alone. */
static bool is_more_wanted(uint64_t most)
{
    return crash_sweep_points(&shared->counts) < most ||
           (most >= POINTS_FOR_ALL && is_one_unmet() &&
            atomic_load(&shared->counts.histories) < HISTORIES_FOR_ALL);
}

static _Noreturn void work(unsigned worker, uint64_t most)
{
    while (is_more_wanted(most)) {
        uint64_t seed = atomic_fetch_add(&shared->next_seed, 1);
        atomic_store(&shared->seeds[worker], seed);
        crash_sweep_history(seed, &shared->counts, most);
    }
    _exit(0);
}

static void start(unsigned worker, uint64_t most)
{
    (void)fflush(stdout);
    workers[worker] = fork();
    CHECK(workers[worker] >= 0);
    if (workers[worker] == 0) {
        work(worker, most);
    }
}

/* Waits for one; the failures that it brings. */
static unsigned reap(void)
{
    int result = 0;
    pid_t pid;
    do {
        pid = wait(&result);
    } while (pid < 0 && errno == EINTR);
    CHECK(pid > 0);
    unsigned worker = 0;
    while (workers[worker] != pid) {
        worker++;
        CHECK(worker < worker_count);
    }
    workers[worker] = 0;
    if (WIFEXITED(result) && WEXITSTATUS(result) == 0) {
        return 0;
    }
    uint64_t seed = atomic_load(&shared->seeds[worker]);
    (void)printf("a worker ended badly (%s %d); repeat with: make crash SEED=%" PRIu64
                 " POINTS=1000000000 WORKERS=1\n",
                 WIFSIGNALED(result) ? "signal" : "status",
                 WIFSIGNALED(result) ? WTERMSIG(result) : WEXITSTATUS(result), seed);
    return 1;
}

static void stop_others(void)
{
    for (unsigned i = 0; i < worker_count; i++) {
        if (workers[i] > 0) {
            (void)kill(workers[i], SIGKILL);
        }
    }
}

/* tests/run shows lines that begin so when all is well, too. */
static void print_counts(double seconds)
{
    const struct crash_sweep_counts *counts = &shared->counts;
    uint64_t points = crash_sweep_points(counts);
    (void)printf(">> %" PRIu64 " crash points before %" PRIu64 " calls of %" PRIu64
                 " histories, %" PRIu64 " of them kills, %" PRIu64
                 " lived on; on full disks %" PRIu64 " opened, %" PRIu64
                 " were refused; %.1f s, %.0f a second\n",
                 points, atomic_load(&counts->steps), atomic_load(&counts->histories),
                 atomic_load(&counts->kills), atomic_load(&counts->later_lives),
                 atomic_load(&counts->full_opened), atomic_load(&counts->full_refused), seconds,
                 (double)points / seconds);
    for (enum crash_phase phase = 0; phase < CRASH_PHASE_COUNT; phase++) {
        (void)printf(">>   %-36s %9" PRIu64 "\n", crash_phase_name(phase),
                     atomic_load(&counts->points[phase]));
    }
}

/* A test that meets nothing proves nothing. */
static unsigned count_unmet(void)
{
    unsigned unmet = 0;
    for (enum crash_phase phase = 0; phase < CRASH_PHASE_COUNT; phase++) {
        if (crash_sweep_is_unmet(&shared->counts, phase)) {
            (void)printf("no crash hit: %s\n", crash_phase_name(phase));
            unmet++;
        }
    }
    return unmet;
}

static double now_s(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned choose_worker_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t count = number_in_environment("SCDB_CRASH_WORKERS", (uint64_t)processors);
    return (unsigned)(count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : count);
}

int main(void)
{
    uint64_t seed = test_seed("crash_sweep_test");
    double scaled = POINTS_DEFAULT * test_scale();
    uint64_t most = number_in_environment("SCDB_CRASH_POINTS", (uint64_t)scaled);
    crash_run_trace_on = getenv("SCDB_TEST_TRACE") != NULL;
    crash_run_on_failure = on_failure;
    log_set_level(crash_run_trace_on ? LOG_DEBUG_LEVEL : LOG_NOTHING_LEVEL);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    atomic_store(&shared->next_seed, seed);
    worker_count = choose_worker_count();

    double started_s = now_s();
    for (unsigned i = 0; i < worker_count; i++) {
        start(i, most);
    }
    unsigned failed = 0;
    for (unsigned i = 0; i < worker_count; i++) {
        failed += reap();
        if (failed == 1) {
            stop_others();
            break;
        }
    }
    print_counts(now_s() - started_s);
    if (failed == 0 && most >= POINTS_FOR_ALL) {
        failed += count_unmet();
    }
    (void)printf("%d passed, %u failed\n", failed == 0 ? 1 : 0, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
