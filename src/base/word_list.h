/*
 * word_list.h - a short list of words that we own, each with a tag of the user's choosing.
 *
 * A list owns copies of its words; an all-zero list is valid and empty. Lists are searched from the
 * front: they are meant for dozens of words. What fails for want of memory leaves the list as it
 * was. One owner at a time; no locks.
 */
#ifndef SCDB_BASE_WORD_LIST_H
#define SCDB_BASE_WORD_LIST_H

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define WORD_LIST_ABSENT SIZE_MAX

struct word {
    struct slice text; /* owned by the list */
    uint32_t tag;
};

struct word_list {
    struct word *items; /* owned */
    size_t count;
    size_t capacity;
};

/* Frees all; the list is empty and usable again. */
void word_list_clear(struct word_list *list);

/* Appends a copy, whether or not the word is there already. */
enum status word_list_add(struct word_list *list, struct slice text, uint32_t tag) MUST_CHECK;

/* Index of the first word that is equal (tags are not compared), or WORD_LIST_ABSENT. */
size_t word_list_find(const struct word_list *list, struct slice text);

/* The rest keep their order. */
void word_list_remove(struct word_list *list, size_t index);

/* Removes all words with the tag. */
void word_list_remove_tag(struct word_list *list, uint32_t tag);

/* Makes *to, which must be empty, a copy. NO_MEMORY: *to is empty. */
enum status word_list_copy(const struct word_list *from, struct word_list *to) MUST_CHECK;

#endif
