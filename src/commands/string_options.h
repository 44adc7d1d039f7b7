/*
 * string_options.h - the options of SET and GETEX, read before anything is done. Pure.
 */
#ifndef SCDB_COMMANDS_STRING_OPTIONS_H
#define SCDB_COMMANDS_STRING_OPTIONS_H

#include "base/slice.h"
#include "commands/arguments.h"
#include "commands/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which of the two commands the options belong to. */
enum string_options_of { OPTIONS_OF_SET, OPTIONS_OF_GETEX };

struct string_options {
    bool if_absent;  /* NX */
    bool if_present; /* XX */
    bool get;
    bool keep_expiry; /* KEEPTTL */
    bool persist;
    bool has_time; /* EX, PX, EXAT, PXAT */
    enum expiry_unit unit;
    enum expiry_basis basis;
    struct slice time; /* as the client wrote it */
};

/* SYNTAX: an unknown option, one without its time, or two that exclude each other; *out is then
 * undefined. */
enum client_error string_options_parse(const struct slice *arguments, size_t count,
                                       enum string_options_of command, struct string_options *out);

/* How SET uses its key: `struct command`. */
uint32_t string_options_key_flags(const struct slice *arguments, size_t count);

/* When the key is to expire, EXPIRY_NONE without a time: NOT_INTEGER, INVALID_EXPIRE. */
enum client_error string_options_expiry(const struct string_options *options, int64_t now_ms,
                                        int64_t *expiry_ms);

#endif
