/* word_list.c - see word_list.h. */
#include "base/word_list.h"

#include "base/check.h"

#include <stdlib.h>

#define CAPACITY_MIN 4

static void free_word(struct word *word)
{
    free((void *)word->text.data);
}

void word_list_clear(struct word_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free_word(&list->items[i]);
    }
    free(list->items);
    *list = (struct word_list){0};
}

static enum status reserve(struct word_list *list)
{
    if (list->count < list->capacity) {
        return STATUS_OK;
    }
    size_t capacity = list->capacity == 0 ? CAPACITY_MIN : list->capacity * 2;
    struct word *items = realloc(list->items, capacity * sizeof(*items));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    list->items = items;
    list->capacity = capacity;
    return STATUS_OK;
}

enum status word_list_add(struct word_list *list, struct slice text, uint32_t tag)
{
    char *copy = malloc(text.size + 1);
    if (copy == NULL || reserve(list) != STATUS_OK) {
        free(copy);
        return STATUS_NO_MEMORY;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    list->items[list->count++] = (struct word){.text = slice_make(copy, text.size), .tag = tag};
    return STATUS_OK;
}

size_t word_list_find(const struct word_list *list, struct slice text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(list->items[i].text, text)) {
            return i;
        }
    }
    return WORD_LIST_ABSENT;
}

void word_list_remove(struct word_list *list, size_t index)
{
    CHECK(index < list->count);
    free_word(&list->items[index]);
    list->count--;
    memmove(list->items + index, list->items + index + 1,
            (list->count - index) * sizeof(*list->items));
}

void word_list_remove_tag(struct word_list *list, uint32_t tag)
{
    for (size_t i = list->count; i-- > 0;) {
        if (list->items[i].tag == tag) {
            word_list_remove(list, i);
        }
    }
}

enum status word_list_copy(const struct word_list *from, struct word_list *to)
{
    CHECK(to->count == 0);
    for (size_t i = 0; i < from->count; i++) {
        if (word_list_add(to, from->items[i].text, from->items[i].tag) != STATUS_OK) {
            word_list_clear(to);
            return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}
