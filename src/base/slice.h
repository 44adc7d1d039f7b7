/*
 * slice.h - bytes that belong to somebody else.
 *
 * A slice always borrows; who owns the bytes and until when is said where a slice is handed out.
 * Pure functions, any thread.
 */
#ifndef SCDB_BASE_SLICE_H
#define SCDB_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data; /* may be NULL when size is 0 */
    size_t size;
};

static inline struct slice slice_make(const void *data, size_t size)
{
    return (struct slice){.data = data, .size = size};
}

static inline struct slice slice_of_string(const char *string)
{
    return slice_make(string, strlen(string));
}

/* A string literal as a slice, usable in initializers. */
#define SLICE_LITERAL(literal) ((struct slice){.data = (literal), .size = sizeof(literal) - 1})

#define SLICE_PRINTED_MAX      ((size_t)1 << 28)

/* The size as printf's "%.*s" takes it, for the first `size_max` bytes: no more than
 * SLICE_PRINTED_MAX, so that a few of them stay within what printf can count. */
static inline int slice_print_size_of(struct slice slice, size_t size_max)
{
    size_t most = size_max < SLICE_PRINTED_MAX ? size_max : SLICE_PRINTED_MAX;
    return (int)(slice.size < most ? slice.size : most);
}

/* The same for all of it. */
static inline int slice_print_size(struct slice slice)
{
    return slice_print_size_of(slice, SLICE_PRINTED_MAX);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Each byte is the one before it, and the first is zero: many are compared at a time. */
static inline bool slice_is_zeros(struct slice slice)
{
    return slice.size == 0 ||
           (slice.data[0] == 0 && memcmp(slice.data, slice.data + 1, slice.size - 1) == 0);
}

/* ASCII case-insensitive comparison with a NUL-terminated word. */
bool slice_is_word(struct slice slice, const char *word);

/* Bytewise order, a shorter prefix first; <0, 0, >0 like memcmp. */
int slice_compare(struct slice a, struct slice b);

/* The part [offset, offset+size) of the slice; CHECKs that it lies within. */
struct slice slice_part(struct slice slice, size_t offset, size_t size);

/* What C's isspace() takes for blank. */
static inline bool slice_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes the next word off the front of *rest; an empty one at its end. Words stand between
 * blanks. */
struct slice slice_next_word(struct slice *rest);

#endif
