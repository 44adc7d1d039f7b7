/*
 * thread.h - threads that run beside those of the program which the store is part of.
 */
#ifndef SCDB_BASE_THREAD_H
#define SCDB_BASE_THREAD_H

#include <pthread.h>

/* As pthread_create() with default attributes; but the thread takes none of the program's signals:
 * all are blocked in it, save those that tell of a fault of its own. */
int thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
