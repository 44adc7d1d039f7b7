/*
 * memory_return.h - what a peak of load has left behind goes back to the system.
 *
 * The C library keeps memory that is freed between pieces that are in use: after many large
 * requests at the same time hundreds of megabytes, although no connection has a buffer any more. So
 * from time to time, when the process has grown by enough since that was last done, its free pages
 * are returned. What is in use stays, and is what the next growth is measured from.
 *
 * Main thread. Returning pages takes some milliseconds for hundreds of megabytes, while which other
 * threads may wait to allocate.
 */
#ifndef SCDB_SERVER_MEMORY_RETURN_H
#define SCDB_SERVER_MEMORY_RETURN_H

#include <stdbool.h>
#include <stdint.h>

/* Before other threads begin. The C library would let what it keeps at the end of each thread's
 * heap grow to twice the largest block that was ever freed, up to 64 MiB: after this it keeps at
 * most 4, and blocks of 4 MiB and more go back at once, which makes a SET of such a value take
 * somewhat longer. */
void memory_return_begin(void);

/* All zero to begin with. */
struct memory_return {
    int64_t looked_ms; /* when memory was looked at last */
    uint64_t
        low_bytes; /* the least the process had since pages were returned, and what it had then */
};

/* To be called often; looks at memory every few seconds. True: free pages were returned. */
bool memory_return_tick(struct memory_return *memory, int64_t now_ms);

#endif
