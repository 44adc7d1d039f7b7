/* histogram.c - see histogram.h. */
#include "server/histogram.h"

/* The cells of the values below 2 * HISTOGRAM_STEPS are one value wide; from there on each power of
 * two doubles the width. */
static size_t power_of(uint64_t value)
{
    uint64_t below = 2 * HISTOGRAM_STEPS - 1;
    return (size_t)(__builtin_clzll(below) - __builtin_clzll(value | below));
}

static size_t cell_of(uint64_t value)
{
    size_t power = power_of(value);
    return power * HISTOGRAM_STEPS + (size_t)(value >> power);
}

static uint64_t lowest_in(size_t cell)
{
    size_t power = cell < (size_t)2 * HISTOGRAM_STEPS ? 0 : cell / HISTOGRAM_STEPS - 1;
    return (uint64_t)(cell - power * HISTOGRAM_STEPS) << power;
}

static uint64_t highest_in(size_t cell)
{
    return lowest_in(cell + 1) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t nanoseconds)
{
    uint64_t value = nanoseconds < 1 ? 1 : nanoseconds;
    value = value > HISTOGRAM_VALUE_MAX ? HISTOGRAM_VALUE_MAX : value;
    histogram->cells[cell_of(value)]++;
    histogram->total++;
}

uint64_t histogram_value_at(const struct histogram *histogram, double percentile)
{
    if (histogram->total == 0) {
        return 0;
    }
    double share = (percentile < 100 ? percentile : 100) / 100;
    uint64_t wanted = (uint64_t)(share * (double)histogram->total + 0.5);
    wanted = wanted < 1 ? 1 : wanted;
    uint64_t count = 0;
    size_t cell = 0;
    for (; cell < HISTOGRAM_CELL_COUNT - 1; cell++) {
        count += histogram->cells[cell];
        if (count >= wanted) {
            break;
        }
    }
    return percentile <= 0 ? lowest_in(cell) : highest_in(cell);
}

uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t nanoseconds,
                               uint64_t *highest)
{
    size_t last = cell_of(nanoseconds);
    last = last < HISTOGRAM_CELL_COUNT ? last : HISTOGRAM_CELL_COUNT - 1;
    uint64_t count = 0;
    for (size_t cell = 0; cell <= last; cell++) {
        count += histogram->cells[cell];
    }
    *highest = highest_in(last);
    return count;
}
