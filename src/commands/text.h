/*
 * text.h - lines of text for replies (INFO, CLIENT LIST), put together piece by piece.
 *
 * A text owns its bytes. Once memory has run out it stays `failed` and takes nothing more, so that
 * writers read straight and ask once, at the end. One owner at a time; no locks.
 */
#ifndef SCDB_COMMANDS_TEXT_H
#define SCDB_COMMANDS_TEXT_H

#include "base/buffer.h"
#include "base/slice.h"
#include "resp/reply.h"

#include <stdbool.h>
#include <stdint.h>

struct text {
    struct buffer bytes;
    bool failed; /* memory ran out: the text is not whole */
};

void text_init(struct text *text);
void text_deinit(struct text *text);

void text_add(struct text *text, struct slice slice);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number of bytes for people, as INFO has it: "921B", "1.37M", "23.54G". */
void text_add_size(struct text *text, uint64_t bytes);

/* The bytes in double quotes, with backslashes before what can't be printed, as MONITOR has it. */
void text_add_quoted(struct text *text, struct slice slice);

/* Replies with the text, a verbatim string in RESP3; marks the reply failed when the text is. */
void text_reply(const struct text *text, struct reply *reply);

#endif
