/* hll_estimate.c - see hll_estimate.h. */
#include "commands/hll_estimate.h"

#include "commands/hll_hash.h"

#include <math.h>

/* Ertl's alpha for many registers: 1 / (2 ln 2). */
#define ALPHA_INFINITE 0.721347520444481703680

/* Ertl's sigma, a series that is added up until it changes no more: the share of registers that
 * are 0 estimates what hides below them. */
static double sigma(double x)
{
    if (x == 1.0) {
        return INFINITY;
    }
    double sum = x;
    double weight = 1.0;
    double before;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum != before);
    return sum;
}

/* Ertl's tau, the same for the registers that are full. */
static double tau(double x)
{
    if (x == 0.0 || x == 1.0) {
        return 0.0;
    }
    double sum = 1.0 - x;
    double weight = 1.0;
    double before;
    do {
        x = sqrt(x);
        before = sum;
        weight *= 0.5;
        sum -= pow(1.0 - x, 2) * weight;
    } while (sum != before);
    return sum / 3.0;
}

uint64_t hll_estimate(const struct hll_histogram *histogram)
{
    const double registers = HLL_REGISTER_COUNT;
    double sum = registers * tau((registers - histogram->counts[HLL_RANK_MAX]) / registers);
    for (unsigned rank = HLL_RANK_MAX - 1; rank >= 1; rank--) {
        sum += histogram->counts[rank];
        sum *= 0.5;
    }
    sum += registers * sigma(histogram->counts[0] / registers);
    double estimate = ALPHA_INFINITE * registers * registers / sum;
    /* Registers that no elements make (all full, or beyond that) would give more than there are
     * integers; Redis answers the lowest one. */
    if (!(estimate < 0x1p63)) {
        return 1ULL << 63;
    }
    return (uint64_t)(double)llroundl(estimate);
}
