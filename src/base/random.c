/* random.c - see random.h. */
#include "base/random.h"

#include "base/clock.h"

#include <sys/random.h>

uint64_t random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        seed = (uint64_t)clock_unix_us();
    }
    return seed;
}
