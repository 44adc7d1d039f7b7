/*
 * random.h - random bits: cheap ones, and those to begin with. Any thread.
 */
#ifndef SCDB_BASE_RANDOM_H
#define SCDB_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What seeds a hash table so that nobody can choose names that collide: bits that can't be
 * foreseen, or the time where the kernel has none yet, early in the boot of some machines. */
uint64_t random_seed(void);

/* Bits for secrets. Waits, early in the boot of some machines, until the kernel has some. */
void random_fill(void *into, size_t size);

/* splitmix64 (Steele, Lea, Flood 2014): for choosing among keys, not for secrets. The state is the
 * caller's, and guarded as the caller sees fit. */
static inline uint64_t random_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15U;
    uint64_t mixed = *state;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    return mixed ^ mixed >> 31;
}

#endif
