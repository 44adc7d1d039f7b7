/*
 * hll_estimate.h - how many different elements a HyperLogLog has seen, from its registers.
 *
 * The idea is Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a near-optimal
 * cardinality estimation algorithm" (AofA 2007); the estimator, which needs no correction for small
 * and large numbers, Ertl: "New cardinality estimation algorithms for HyperLogLog sketches"
 * (arXiv:1702.01284, algorithm 6), which Redis uses as well. The result is stored in values that
 * are exchanged with Redis: the order of the floating point operations is part of it.
 *
 * Pure functions, any thread.
 */
#ifndef SCDB_COMMANDS_HLL_ESTIMATE_H
#define SCDB_COMMANDS_HLL_ESTIMATE_H

#include <stdint.h>

#define HLL_VALUES 64 /* registers have six bits; what is above HLL_RANK_MAX is damage */

/* How often each value stands in the registers; all together HLL_REGISTER_COUNT times. */
struct hll_histogram {
    uint32_t counts[HLL_VALUES];
};

uint64_t hll_estimate(const struct hll_histogram *histogram);

#endif
