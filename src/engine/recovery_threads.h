/*
 * recovery_threads.h - two threads while a store is being opened, where there is much to read.
 *
 * Opening is the work of one thread; what it only reads, and where each piece stands for itself, a
 * second one does with it. Small stores are not worth it, and a store that was opened without
 * threads never has one here either.
 */
#ifndef SCDB_ENGINE_RECOVERY_THREADS_H
#define SCDB_ENGINE_RECOVERY_THREADS_H

#include "engine/engine_state.h"

#include <stdbool.h>

/* What one of the threads writes all the time stands on cache lines of its own: on those of the
 * other one, as neighbours on a stack, each write would wait for the other processor. */
#define RECOVERY_APART _Alignas(128)

/* Is it worth a second thread to read so much? */
bool recovery_threads_pay(const struct engine *engine, uint64_t bytes);

/* Runs both functions, with one of the arguments each, at the same time; one after the other if no
 * thread can be had. Both have returned when it does. */
void recovery_threads_run(void (*first)(void *argument), void *first_argument,
                          void (*second)(void *argument), void *second_argument);

#endif
