/*
 * inline_request.h - a line that a person typed, taken apart into arguments.
 *
 * Blanks separate arguments. "..." and '...' hold blanks together; in double quotes \n, \r, \t, \b,
 * \a and \xHH stand for bytes, and a backslash takes any other byte as it is; in single quotes only
 * \' is special. A closing quote must end its argument. Pure, any thread.
 */
#ifndef SCDB_RESP_INLINE_REQUEST_H
#define SCDB_RESP_INLINE_REQUEST_H

#include "base/slice.h"
#include "base/status.h"
#include "resp/argument_list.h"

/* Appends the arguments of a line (without its end) to the list: slices of the line, or of memory
 * of the list where quotes had to be taken out. INVALID: unbalanced quotes; NO_MEMORY. After a
 * failure some arguments may have been appended. */
enum status inline_request_split(struct slice text, struct argument_list *arguments) MUST_CHECK;

#endif
