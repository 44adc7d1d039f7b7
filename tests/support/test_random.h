/*
 * test_random.h - random numbers that can be had again.
 *
 * Every random test takes its seed from test_seed(), which prints it: a failure is repeated with
 * SCDB_TEST_SEED=<seed> in the environment. Not thread-safe: one struct for each thread.
 */
#ifndef SCDB_TESTS_SUPPORT_TEST_RANDOM_H
#define SCDB_TESTS_SUPPORT_TEST_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test_random {
    uint64_t state;
};

/* SCDB_TEST_SEED, or a new one; prints how to repeat `test` with it. */
uint64_t test_seed(const char *test);

/* SCDB_TEST_SCALE (default 1): by how much the number of rounds of a random test is multiplied. */
double test_scale(void);

void test_random_init(struct test_random *random, uint64_t seed);
uint64_t test_random_next(struct test_random *random);

/* Uniform in [0, bound), bound > 0. */
uint64_t test_random_below(struct test_random *random, uint64_t bound);

/* True once in `n` times. */
bool test_random_one_in(struct test_random *random, uint64_t n);

void test_random_fill(struct test_random *random, void *into, size_t size);

#endif
