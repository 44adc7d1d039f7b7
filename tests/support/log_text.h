/*
 * log_text.h - where a text stands in the log segments of a store, for tests that damage it there.
 *
 * Everything aborts (CHECK) when it does not succeed. One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_LOG_TEXT_H
#define SCDB_TESTS_SUPPORT_LOG_TEXT_H

#include "engine/file.h"
#include "engine/segment_header.h"
#include "support/test_directory.h"

#include <stddef.h>
#include <stdint.h>

struct log_text {
    char name[FILE_NAME_SIZE_MAX]; /* of the segment's file */
    uint64_t offset;
};

/* The first place of the text in the first log segment that has it. */
struct log_text log_text_find(const struct test_directory *directory, const char *text);

/* Changes a byte, so far before that place. */
void log_text_flip_before(const struct test_directory *directory, const char *text,
                          size_t distance);

#endif
