/*
 * v1_file_fuzz.c - libFuzzer: a file of the ancestor's, whatever is in it. The reader must stay
 * within it, and keep what v1_file.h says of its results.
 */
#include "base/check.h"
#include "import/v1_file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_within(struct slice part, struct slice whole)
{
    return part.data >= whole.data && part.size <= whole.size &&
           part.data - whole.data <= (ptrdiff_t)(whole.size - part.size);
}

static void check_entries(const struct v1_file *file)
{
    uint64_t end = file->layout.entries_begin;
    for (size_t i = 0; i < file->item_count; i++) {
        struct v1_entry entry = v1_file_entry(file, i);
        CHECK(entry.offset >= end);
        CHECK(lies_within(entry.key, file->bytes) && lies_within(entry.value, file->bytes));
        CHECK(entry.key.size + entry.value.size < entry.size);
        end = entry.offset + entry.size;
    }
    CHECK(end <= file->bytes.size);
}

static void check_problems(const struct v1_file *file)
{
    char text[V1_PROBLEM_TEXT_SIZE];
    for (size_t i = 0; i < file->problem_count; i++) {
        CHECK(file->problems[i].offset < file->bytes.size);
        v1_problem_describe(file, &file->problems[i], text);
        CHECK(text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct v1_file file;
    struct error error = {.text = ""};
    v1_file_init(&file, slice_make(data, size));
    enum status status = v1_file_scan(&file, &error);
    CHECK(status == STATUS_OK || error.text[0] != '\0');
    if (status == STATUS_OK) {
        check_entries(&file);
        check_problems(&file);
    }
    v1_file_deinit(&file);
    return 0;
}
