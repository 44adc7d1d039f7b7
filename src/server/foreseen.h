/*
 * foreseen.h - what a request is going to put, as far as that can be told before it runs.
 */
#ifndef SCDB_SERVER_FORESEEN_H
#define SCDB_SERVER_FORESEEN_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"
#include "engine/staged.h"

#include <stddef.h>

struct foreseen {
    struct slice argument;   /* of the request: what holds the value */
    struct staged_plan plan; /* of the value only the size */

    /* NULL: the value is the argument. Else how it is found in there, by any thread: it borrows
     * from the argument or from `scratch`, which the caller has initialised and deinits. NO_MEMORY:
     * to be tried again; other failures are the argument's. */
    enum status (*unpack)(struct slice argument, struct buffer *scratch, struct slice *value);
    size_t scratch_size; /* how large that will get */
};

/* What unpacking an argument has brought. */
struct unpacked {
    enum status status;
    struct slice value; /* only after STATUS_OK */
};

#endif
