/* test_random.c - see test_random.h. */
#include "support/test_random.h"

#include "base/check.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t test_seed(const char *test)
{
    const char *given = getenv("SCDB_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0)
                                  : (uint64_t)clock_unix_us() ^ ((uint64_t)getpid() << 48);
    printf("%s: repeat with SCDB_TEST_SEED=%" PRIu64 "\n", test, seed);
    (void)fflush(stdout);
    return seed;
}

double test_scale(void)
{
    const char *given = getenv("SCDB_TEST_SCALE");
    double scale = given != NULL ? strtod(given, NULL) : 1.0;
    return scale > 0 ? scale : 1.0;
}

void test_random_init(struct test_random *random, uint64_t seed)
{
    random->state = seed;
}

/* A counter with a good mixer behind it (Steele, Lea, Flood 2014): any seed will do. */
uint64_t test_random_next(struct test_random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t test_random_below(struct test_random *random, uint64_t bound)
{
    CHECK(bound > 0);
    return test_random_next(random) % bound;
}

bool test_random_one_in(struct test_random *random, uint64_t n)
{
    return test_random_below(random, n) == 0;
}

void test_random_fill(struct test_random *random, void *into, size_t size)
{
    uint8_t *bytes = into;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)test_random_next(random);
    }
}
