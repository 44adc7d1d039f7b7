/*
 * expire_options.h - NX, XX, GT and LT of EXPIRE and its kin. Pure.
 */
#ifndef SCDB_COMMANDS_EXPIRE_OPTIONS_H
#define SCDB_COMMANDS_EXPIRE_OPTIONS_H

#include "base/slice.h"
#include "commands/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expire_options {
    bool if_none;   /* NX: the key has no expiry */
    bool if_any;    /* XX: the key has one */
    bool if_later;  /* GT: no expiry counts as infinitely late */
    bool if_sooner; /* LT */
};

/* UNSUPPORTED_OPTION (and *unsupported borrows that argument), EXPIRE_NX_AND_OTHERS,
 * EXPIRE_GT_AND_LT. */
enum client_error expire_options_parse(const struct slice *arguments, size_t count,
                                       struct expire_options *out, struct slice *unsupported);

/* Do the options let an expiry be replaced? Times are Unix ms, EXPIRY_NONE included. */
bool expire_options_allow(const struct expire_options *options, int64_t current_ms, int64_t new_ms);

#endif
