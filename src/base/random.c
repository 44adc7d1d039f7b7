/* random.c - see random.h. */
#include "base/random.h"

#include "base/check.h"
#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>

uint64_t random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        seed = (uint64_t)clock_unix_us();
    }
    return seed;
}

void random_fill(void *into, size_t size)
{
    uint8_t *bytes = into;
    size_t done = 0;
    while (done < size) {
        ssize_t got = getrandom(bytes + done, size - done, 0);
        CHECK(got > 0 || errno == EINTR);
        done += got > 0 ? (size_t)got : 0;
    }
}
