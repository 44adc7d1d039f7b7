/*
 * flip_test.c - a bit flipped in a store's files is harmless, or found.
 *
 * For each byte of each file (flip_store.h) the store is opened with bits of that byte flipped.
 * Then every key has its value, or reading it is an error, or the store refuses to open and says
 * where it is damaged. No wrong value is served, nothing is silently gone, nothing dead is back,
 * and nothing crashes.
 *
 * By default some hundred bytes of each file are tried, at random and at its ends. With
 * SCDB_FLIP_ALL=1 (`make flip`) it is every byte, once with one bit and once with all of them. The
 * work is split between as many processes as there are processors.
 */
#include "base/check.h"
#include "base/log.h"
#include "support/flip_store.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX     16
#define SAMPLE_OF_FILE  160 /* bytes of each file that are tried when not all are */
#define REPORTS_PER_RUN 20

/* One try. */
struct flip {
    size_t file;
    size_t offset;
    uint8_t mask;
};

struct worker {
    struct flip current; /* so that a crash can be told of */
    uint64_t counts[FLIP_FILES_MAX][FLIP_VERDICTS];
};

/* Shared between the processes. */
struct sweep {
    _Atomic uint64_t reports;
    struct worker workers[WORKERS_MAX];
};

static struct flip_store store;
static struct sweep *sweep;

static bool is_failure(enum flip_verdict verdict)
{
    return verdict > FLIP_REFUSED;
}

static void try_flip(struct worker *worker, const struct flip *flip)
{
    char words[FLIP_KEPT_WORDS];
    worker->current = *flip;
    enum flip_verdict verdict =
        flip_store_look(&store, flip->file, flip->offset, flip->mask, words);
    worker->counts[flip->file][verdict]++;
    if (is_failure(verdict) && atomic_fetch_add(&sweep->reports, 1) < REPORTS_PER_RUN) {
        printf("%s, offset %zu, bits %02x: %s (%s)\n", store.files[flip->file].name, flip->offset,
               flip->mask, flip_verdict_names[verdict], words);
    }
}

/* Every byte, once with one bit and once with all. */
static void try_all(struct worker *worker, size_t first, size_t step, struct test_random *random)
{
    size_t index = 0;
    for (size_t file = 0; file < store.file_count; file++) {
        for (size_t offset = 0; offset < store.files[file].size; offset++, index++) {
            if (index % step == first) {
                uint8_t bit = (uint8_t)(1u << test_random_below(random, 8));
                struct flip flip = {.file = file, .offset = offset, .mask = bit};
                try_flip(worker, &flip);
                flip.mask = 0xff;
                try_flip(worker, &flip);
            }
        }
    }
}

/* What lies at the start and the end of a file is tried first. */
static size_t sampled_offset(size_t size, size_t index, struct test_random *random)
{
    size_t zone = size < 200 ? size : 200;
    switch (index % 4) {
    case 0:
        return test_random_below(random, zone);
    case 1:
        return size - 1 - test_random_below(random, zone);
    default:
        return test_random_below(random, size);
    }
}

static void try_some(struct worker *worker, size_t first, size_t step, struct test_random *random)
{
    size_t count = (size_t)(SAMPLE_OF_FILE * test_scale());
    for (size_t file = 0; file < store.file_count; file++) {
        size_t size = store.files[file].size;
        for (size_t i = first; size > 0 && i < count; i += step) {
            struct flip flip = {.file = file,
                                .offset = sampled_offset(size, i / step, random),
                                .mask = (uint8_t)(1u << test_random_below(random, 8))};
            try_flip(worker, &flip);
        }
    }
}

static bool wants_all(void)
{
    const char *all = getenv("SCDB_FLIP_ALL");
    return all != NULL && strcmp(all, "1") == 0;
}

__attribute__((noreturn)) static void work(size_t index, size_t count, uint64_t seed)
{
    struct test_random random;
    test_random_init(&random, seed + index);
    struct worker *worker = &sweep->workers[index];
    if (wants_all()) {
        try_all(worker, index, count, &random);
    } else {
        try_some(worker, index, count, &random);
    }
    (void)fflush(stdout);
    _exit(0);
}

static size_t worker_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (size_t)processors;
}

/* Runs all workers; the number of those that crashed. */
static unsigned run_workers(uint64_t seed)
{
    pid_t pids[WORKERS_MAX];
    size_t count = worker_count();
    unsigned crashes = 0;
    (void)fflush(stdout);
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            work(i, count, seed);
        }
    }
    for (size_t i = 0; i < count; i++) {
        int status;
        CHECK(waitpid(pids[i], &status, 0) == pids[i]);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            const struct flip *flip = &sweep->workers[i].current;
            printf("%s, offset %zu, bits %02x: CRASH (wait status %x)\n",
                   store.files[flip->file].name, flip->offset, flip->mask, (unsigned)status);
            crashes++;
        }
    }
    return crashes;
}

/* Prints what became of the flips, by file; returns how many were failures. */
static uint64_t add_up(void)
{
    uint64_t failures = 0;
    for (size_t file = 0; file < store.file_count; file++) {
        printf("%s (%zu bytes):", store.files[file].name, store.files[file].size);
        for (size_t verdict = 0; verdict < FLIP_VERDICTS; verdict++) {
            uint64_t sum = 0;
            for (size_t i = 0; i < WORKERS_MAX; i++) {
                sum += sweep->workers[i].counts[file][verdict];
            }
            failures += is_failure((enum flip_verdict)verdict) ? sum : 0;
            if (sum > 0) {
                printf(" %s %" PRIu64 ";", flip_verdict_names[verdict], sum);
            }
        }
        printf("\n");
    }
    return failures;
}

static void flip_everything(const char *test, enum flip_end end)
{
    char words[FLIP_KEPT_WORDS];
    uint64_t seed = test_seed(test);
    log_set_level(LOG_NOTHING_LEVEL);
    flip_store_make(&store, end);
    sweep = mmap(NULL, sizeof(*sweep), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sweep != MAP_FAILED);
    ck_assert_msg(flip_store_look(&store, 0, 0, 0, words) == FLIP_HARMLESS, "without any flip: %s",
                  words);
    unsigned crashes = run_workers(seed);
    uint64_t failures = add_up();
    CHECK(munmap(sweep, sizeof(*sweep)) == 0);
    flip_store_destroy(&store);
    ck_assert_msg(crashes == 0 && failures == 0,
                  "%u crashes, %" PRIu64 " failures (seed %" PRIu64 ")", crashes, failures, seed);
}

START_TEST(after_a_clean_stop)
{
    flip_everything("flip_test after_a_clean_stop", FLIP_CLEAN_STOP);
}
END_TEST

START_TEST(after_kill_9)
{
    flip_everything("flip_test after_kill_9", FLIP_KILLED);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("flip");
    tcase_set_timeout(tests, 0); /* all bytes take minutes */
    tcase_add_test(tests, after_a_clean_stop);
    tcase_add_test(tests, after_kill_9);
    return test_run("flip", tests);
}
