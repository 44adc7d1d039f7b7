/* v1_problem.c - problems of an ancestor's file in words: see v1_file.h. */
#include "import/v1_file.h"

#include <inttypes.h>
#include <stdio.h>

#define KEY_TEXT_SIZE 130

void v1_key_describe(struct slice key, char *text, size_t text_size)
{
    size_t used = 0;
    for (size_t i = 0; i < key.size; i++) {
        /* Four bytes for one of the key's, three dots and a NUL. */
        if (text_size < used + 8) {
            (void)snprintf(text + used, text_size - used, "...");
            return;
        }
        unsigned byte = (unsigned char)key.data[i];
        bool is_plain = byte >= ' ' && byte < 127 && byte != '\\' && byte != '\'';
        used += (size_t)snprintf(text + used, text_size - used, is_plain ? "%c" : "\\x%02x", byte);
    }
    text[used] = '\0';
}

static void describe_slot(const struct v1_problem *problem, const char *where,
                          char text[V1_PROBLEM_TEXT_SIZE])
{
    (void)snprintf(text, V1_PROBLEM_TEXT_SIZE,
                   "offset %" PRIu64 ": this slot of the index leads to offset %" PRIu64 ", %s",
                   problem->offset, problem->target, where);
}

static void describe_entry(const struct v1_file *file, uint64_t offset, const char *what,
                           char text[V1_PROBLEM_TEXT_SIZE])
{
    char key[KEY_TEXT_SIZE] = "";
    struct v1_entry entry;
    bool is_whole = v1_entry_decode(file->bytes, offset, &entry);
    if (is_whole) {
        v1_key_describe(entry.key, key, sizeof(key));
    }
    (void)snprintf(text, V1_PROBLEM_TEXT_SIZE, "offset %" PRIu64 ": %s%s%s%s", offset, what,
                   is_whole ? " (key '" : "", key, is_whole ? "')" : "");
}

void v1_problem_describe(const struct v1_file *file, const struct v1_problem *problem,
                         char text[V1_PROBLEM_TEXT_SIZE])
{
    char what[96];
    switch (problem->kind) {
    case V1_STRAY_HEADER:
        (void)snprintf(text, V1_PROBLEM_TEXT_SIZE,
                       "offset 30: bytes of the header that are always zero are not");
        break;
    case V1_SLOT_OUTSIDE:
        describe_slot(problem, "where no entries are: its key is lost", text);
        break;
    case V1_SLOT_AMID:
        describe_slot(problem, "in the midst of an entry: its key is lost", text);
        break;
    case V1_SLOT_SHARED:
        describe_slot(problem, "as another slot of its column does: a key may be lost", text);
        break;
    case V1_NO_ENTRIES:
        (void)snprintf(what, sizeof(what), "from here to offset %" PRIu64 " no whole entries stand",
                       problem->target);
        describe_entry(file, problem->offset, what, text);
        break;
    case V1_WRONG_COLUMN:
        (void)snprintf(what, sizeof(what),
                       "a key that belongs elsewhere; the slot at offset %" PRIu64 " leads here",
                       problem->offset);
        describe_entry(file, problem->target, what, text);
        break;
    case V1_UNREACHABLE:
        describe_entry(file, problem->offset,
                       "the index leads to an older entry or none, so this key is left out", text);
        break;
    case V1_UNINDEXED:
        describe_entry(file, problem->offset,
                       "the last entry, which the index does not know of yet: it is taken", text);
        break;
    }
}
