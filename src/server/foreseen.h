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
    struct staged_plan plan; /* its values are arguments of the request */

    /* NULL: they are. Else there is one, of which only the size is known, and this is how it is
     * found in an argument, by any thread: it borrows from that or from `scratch`, which the caller
     * has initialised and deinits. NO_MEMORY: to be tried again; other failures are the argument's.
     */
    enum status (*unpack)(struct slice argument, struct buffer *scratch, struct slice *value);
    struct slice argument;
    size_t scratch_size; /* how large `scratch` will get */
};

/* What unpacking an argument has brought. */
struct unpacked {
    enum status status;
    struct slice value; /* only after STATUS_OK */
};

#endif
