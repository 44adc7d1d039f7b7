/* log_text.c - see log_text.h. */
#include "support/log_text.h"

#include "base/check.h"
#include "support/test_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 100

static bool find_in(const struct test_directory *directory, const char *text, struct log_text *out)
{
    size_t size;
    uint8_t *bytes = test_file_read(directory, out->name, &size);
    const uint8_t *place = memmem(bytes, size, text, strlen(text));
    out->offset = place == NULL ? 0 : (uint64_t)(place - bytes);
    free(bytes);
    return place != NULL;
}

struct log_text log_text_find(const struct test_directory *directory, const char *text)
{
    struct log_text found = {.offset = 0};
    bool is_found = false;
    for (uint64_t number = 1; !is_found && number < SEGMENTS_MAX; number++) {
        segment_file_name(SEGMENT_LOG, number, found.name);
        is_found = test_file_exists(directory, found.name) && find_in(directory, text, &found);
    }
    CHECK(is_found);
    return found;
}

void log_text_flip_before(const struct test_directory *directory, const char *text, size_t distance)
{
    struct log_text place = log_text_find(directory, text);
    size_t size;
    uint8_t *bytes = test_file_read(directory, place.name, &size);
    uint8_t byte = bytes[place.offset - distance] ^ 0x10;
    free(bytes);
    test_file_write(directory, place.name, place.offset - distance, &byte, 1);
}
