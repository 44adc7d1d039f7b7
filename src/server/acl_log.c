/* acl_log.c - see acl_log.h. */
#include "server/acl_log.h"

#include <stdbool.h>
#include <stdlib.h>

#define SIMILAR_MS_MAX 60000
#define LOOKED_AT_MAX  10

static void free_entry(struct acl_log_entry *entry)
{
    free((void *)entry->event.object.data);
    free(entry);
}

/* An entry with the bytes of its slices in one allocation; NULL without memory. */
static struct acl_log_entry *create_entry(const struct acl_event *event)
{
    struct acl_log_entry *entry = malloc(sizeof(*entry));
    char *bytes = malloc(event->object.size + event->user.size + event->client.size + 1);
    if (entry == NULL || bytes == NULL) {
        free(entry);
        free(bytes);
        return NULL;
    }
    *entry = (struct acl_log_entry){.event = *event, .count = 1};
    struct slice *slices[] = {&entry->event.object, &entry->event.user, &entry->event.client};
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        if (slices[i]->size > 0) {
            memcpy(bytes, slices[i]->data, slices[i]->size);
        }
        slices[i]->data = bytes;
        bytes += slices[i]->size;
    }
    return entry;
}

static bool is_similar(const struct acl_event *a, const struct acl_event *b)
{
    return a->reason == b->reason && a->context == b->context &&
           llabs(a->time_ms - b->time_ms) <= SIMILAR_MS_MAX && slice_equal(a->object, b->object) &&
           slice_equal(a->user, b->user);
}

/* Takes an entry like this one out of the log; NULL: there is none. */
static struct acl_log_entry *take_similar(struct acl_log *log, const struct acl_event *event)
{
    struct acl_log_entry **link = &log->newest;
    for (size_t i = 0; i < LOOKED_AT_MAX && *link != NULL; i++, link = &(*link)->next) {
        struct acl_log_entry *entry = *link;
        if (is_similar(&entry->event, event)) {
            *link = entry->next;
            log->count--;
            return entry;
        }
    }
    return NULL;
}

static void drop_behind(struct acl_log *log, size_t maximum)
{
    struct acl_log_entry **link = &log->newest;
    for (size_t i = 0; i < maximum && *link != NULL; i++) {
        link = &(*link)->next;
    }
    while (*link != NULL) {
        struct acl_log_entry *entry = *link;
        *link = entry->next;
        free_entry(entry);
        log->count--;
    }
}

void acl_log_add(struct acl_log *log, const struct acl_event *event, size_t maximum)
{
    struct acl_log_entry *entry = create_entry(event);
    if (entry == NULL) {
        return;
    }
    struct acl_log_entry *similar = take_similar(log, event);
    if (similar != NULL) {
        entry->count += similar->count;
        free_entry(similar);
    }
    entry->next = log->newest;
    log->newest = entry;
    log->count++;
    if (similar == NULL) {
        drop_behind(log, maximum);
    }
}

void acl_log_clear(struct acl_log *log)
{
    drop_behind(log, 0);
}
