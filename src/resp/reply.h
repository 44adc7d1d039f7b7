/*
 * reply.h - replies into bytes, in RESP2 or RESP3.
 *
 * A reply is an owned buffer, interrupted by references to large values that lie elsewhere. What
 * does not fit into memory sets `failed`, and so does what comes behind more than the owner allows,
 * and the connection is closed: no function here returns a status, so that command handlers read
 * straight. One owner at a time; no locks.
 *
 * Where the two protocols differ, a function writes what Redis writes for it: a map is a flat
 * array in RESP2, a null is "$-1", a double a bulk string, a boolean an integer.
 */
#ifndef SCDB_RESP_REPLY_H
#define SCDB_RESP_REPLY_H

#include "base/buffer.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that are not ours, kept alive until release() is called (once, any thread). */
struct reply_reference {
    size_t position; /* the reference stands before bytes[position] */
    struct slice slice;
    void (*release)(void *owner);
    void *owner;
};

struct reply {
    struct buffer bytes;
    struct reply_reference *references; /* owned, in the order of their positions */
    size_t reference_count;
    size_t reference_capacity;
    size_t referenced_bytes; /* of those that are not yet released */
    size_t copied_bytes;     /* of these, what lies in copies that the reply owns */
    size_t size_max;         /* once bytes and referenced bytes exceed it, it fails; as a rule
                                SIZE_MAX */
    int protocol;            /* 2 or 3 */
    bool failed;             /* memory or size_max ran out: the reply is not whole */
    bool too_long;           /* it has failed because of size_max */
};

void reply_init(struct reply *reply);

/* Releases all references and frees the buffer. */
void reply_deinit(struct reply *reply);

/* Forgets what was written, releasing references; keeps the protocol (and some memory). */
void reply_clear(struct reply *reply);

/* Lets go of what a reference of the reply points to, once. Its row stays. */
void reply_release_reference(struct reply *reply, const struct reply_reference *reference);

/* The reference's bytes, which are still in use, lie in `copy` from now on: malloc() gave it, the
 * reply takes it, and what they were in is released. */
void reply_copy_reference(struct reply *reply, struct reply_reference *reference, char *copy);

/* Is it such a copy? */
bool reply_is_copied(const struct reply_reference *reference);

/* A place to return to or to look back at (CLIENT REPLY SKIP, errors after partial replies). */
struct reply_mark {
    size_t bytes;
    size_t references;
    bool failed;
};
static inline struct reply_mark reply_mark(const struct reply *reply)
{
    return (struct reply_mark){
        .bytes = reply->bytes.size, .references = reply->reference_count, .failed = reply->failed};
}

/* What failed since then is no part of the reply any more. */
void reply_rewind(struct reply *reply, struct reply_mark mark);

/* Has something been written since the mark, and does it begin with an error ("-...")? */
static inline bool reply_is_error_since(const struct reply *reply, struct reply_mark mark)
{
    return reply->bytes.size > mark.bytes && reply->bytes.data[mark.bytes] == '-';
}

/* "+text"; text has no CR or LF. */
void reply_simple(struct reply *reply, const char *text);
void reply_ok(struct reply *reply);
void reply_pong(struct reply *reply);

/* "-text": text begins with the code ("ERR syntax error"); CR and LF in it become spaces. The
 * formatted text may have any length; line ends at its very end are dropped, as Redis does. */
void reply_error(struct reply *reply, const char *text);
void reply_error_format(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void reply_integer(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, struct slice slice);
/* What stands before a bulk string of `size` bytes; these, and "\r\n", are added with reply_raw().
 */
void reply_bulk_begin(struct reply *reply, size_t size);
/* Room for so many bytes behind what was written, which are part of the reply and which the caller
 * fills in before anything else is added; NULL: memory has run out. */
char *reply_extend(struct reply *reply, size_t size);
void reply_bulk_string(struct reply *reply, const char *string);
void reply_bulk_integer(struct reply *reply, int64_t value); /* as a bulk string */

/* A bulk string by reference; `release` may be NULL (static data). When memory runs out, release()
 * is called at once. */
void reply_bulk_reference(struct reply *reply, struct slice slice, void (*release)(void *owner),
                          void *owner);

void reply_null(struct reply *reply);       /* "$-1" or "_" */
void reply_null_array(struct reply *reply); /* "*-1" or "_" */
void reply_empty_array(struct reply *reply);
void reply_array(struct reply *reply, size_t count);
void reply_map(struct reply *reply, size_t pairs);
void reply_set(struct reply *reply, size_t count);
void reply_push(struct reply *reply, size_t count);   /* an array in RESP2 */
void reply_double(struct reply *reply, double value); /* "%.17g", so also "inf", "-nan", "-0" */
void reply_bool(struct reply *reply, bool value);     /* ":1" or "#t" */
void reply_verbatim(struct reply *reply, struct slice slice, const char format[3]); /* "txt" */

/*
 * An aggregate whose length is known only later: begin, write the items, then fill the length in
 * with the mark that begin returned. From ten items on this moves all bytes written since (not
 * those of references), so prefer a plain aggregate where the count is known.
 */
struct reply_mark reply_deferred_begin(struct reply *reply);
void reply_deferred_array(struct reply *reply, struct reply_mark mark, size_t count);
void reply_deferred_map(struct reply *reply, struct reply_mark mark, size_t pairs);
void reply_deferred_set(struct reply *reply, struct reply_mark mark, size_t count);

/* Raw protocol bytes, already encoded. */
void reply_raw(struct reply *reply, struct slice encoded);

#endif
