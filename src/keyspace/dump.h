/*
 * dump.h - values as Redis hands them from server to server: what DUMP returns and RESTORE takes.
 *
 *     1 byte    type: 0 is a string
 *               the value, as in a snapshot (RDB)
 *     2 bytes   version of the RDB format, little-endian: 10 is Redis 7.0's
 *     8 bytes   CRC-64 of all before it, little-endian
 *
 * A string in RDB begins with a length: 00 and six bits, 01 and fourteen (high ones first), 0x80
 * and four bytes, 0x81 and eight (both big-endian); or with 11 and a form: 0, 1, 2 are an integer
 * of 1, 2, 4 bytes, little-endian, which stands for its decimal digits; 3 is LZF, followed by the
 * length compressed, the length before, and the bytes.
 *
 * Unlike Redis, which reads on into the footer, a string that reaches beyond its end is refused.
 *
 * Pure functions except for memory; any thread.
 */
#ifndef SCDB_KEYSPACE_DUMP_H
#define SCDB_KEYSPACE_DUMP_H

#include "base/buffer.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

/* Of the RDB format: what is written, and the newest that is read. */
#define DUMP_VERSION 10

/* Version and checksum. */
#define DUMP_FOOTER_SIZE 10

/* The type of a library of functions: FUNCTION DUMP has a value of it for each. */
#define DUMP_TYPE_FUNCTION 245

/* The dump of no value at all, as FUNCTION DUMP returns it where there are no functions. */
void dump_encode_nothing(char bytes[DUMP_FOOTER_SIZE]);

/* Appends the dump of a string; LZF where `compress` says so and it saves something. NO_MEMORY:
 * the buffer's end is not defined. */
enum status dump_encode_string(struct slice string, bool compress, struct buffer *out) MUST_CHECK;

/* Is this a dump of a version that we know, with the right checksum? */
bool dump_is_sound(struct slice dump);

/* Does a dump begin like one of a value that Redis has and that is not a string? */
bool dump_is_of_another_type(struct slice dump);

/* How long the string in a dump is that begins like a right one, and how much of `scratch` taking
 * it out fills; false: none will come of it, or it is short. The checksum is not looked at. */
bool dump_measure_string(struct slice dump, size_t *size, size_t *scratch_size);

/*
 * Takes a string out of a dump that is sound. *string borrows from the dump, or from `scratch`,
 * which the caller has initialised and deinits. INVALID: it is not a string, or damaged all the
 * same (checksums are easily made); NO_MEMORY.
 */
enum status dump_decode_string(struct slice dump, struct buffer *scratch,
                               struct slice *string) MUST_CHECK;

/* The same of a dump that may not be sound: then CORRUPT. */
enum status dump_unpack_string(struct slice dump, struct buffer *scratch,
                               struct slice *string) MUST_CHECK;

#endif
