/* slowlog.c - see slowlog.h. */
#include "server/slowlog.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for "... (18446744073709551615 more arguments)". */
#define REST_SIZE 64

/* Where the texts of an entry are put. */
struct room {
    char *next;
};

static struct slice place(struct room *room, struct slice text)
{
    struct slice placed = slice_make(room->next, text.size);
    if (text.size > 0) {
        memcpy(room->next, text.data, text.size);
        room->next += text.size;
    }
    return placed;
}

static struct slice place_argument(struct room *room, struct slice argument)
{
    if (argument.size <= SLOWLOG_ARGUMENT_SIZE_MAX) {
        return place(room, argument);
    }
    char rest[REST_SIZE];
    int size = snprintf(rest, sizeof(rest), "... (%zu more bytes)",
                        argument.size - SLOWLOG_ARGUMENT_SIZE_MAX);
    struct slice begin = place(room, slice_part(argument, 0, SLOWLOG_ARGUMENT_SIZE_MAX));
    struct slice end = place(room, slice_make(rest, (size_t)size));
    return slice_make(begin.data, begin.size + end.size);
}

static struct slice place_rest(struct room *room, size_t count)
{
    char rest[REST_SIZE];
    int size = snprintf(rest, sizeof(rest), "... (%zu more arguments)", count);
    return place(room, slice_make(rest, (size_t)size));
}

/* At most; arguments that are cut off take REST_SIZE. */
static size_t room_for(const struct slowlog_call *call, size_t shown)
{
    size_t size = call->address.size + call->name.size + REST_SIZE;
    for (size_t i = 0; i < shown; i++) {
        size_t argument = call->arguments[i].size;
        size += argument <= SLOWLOG_ARGUMENT_SIZE_MAX ? argument
                                                      : SLOWLOG_ARGUMENT_SIZE_MAX + REST_SIZE;
    }
    return size;
}

static struct slowlog_entry *make_entry(const struct slowlog_call *call)
{
    bool is_cut = call->argument_count > SLOWLOG_ARGUMENTS_MAX;
    size_t count = is_cut ? SLOWLOG_ARGUMENTS_MAX : call->argument_count;
    size_t whole = is_cut ? count - 1 : count;
    struct slowlog_entry *entry =
        malloc(sizeof(*entry) + count * sizeof(struct slice) + room_for(call, whole));
    if (entry == NULL) {
        return NULL;
    }
    struct room room = {.next = (char *)(entry->arguments + count)};
    *entry = (struct slowlog_entry){.unix_seconds = clock_unix_ms() / 1000,
                                    .microseconds = call->microseconds,
                                    .argument_count = count,
                                    .address = place(&room, call->address),
                                    .name = place(&room, call->name)};
    for (size_t i = 0; i < whole; i++) {
        entry->arguments[i] = place_argument(&room, call->arguments[i]);
    }
    if (is_cut) {
        entry->arguments[whole] = place_rest(&room, call->argument_count - whole);
    }
    return entry;
}

static void add_newest(struct slowlog *slowlog, struct slowlog_entry *entry)
{
    entry->newer = NULL;
    entry->older = slowlog->newest;
    *(entry->older == NULL ? &slowlog->oldest : &entry->older->newer) = entry;
    slowlog->newest = entry;
    slowlog->count++;
}

static void drop_oldest(struct slowlog *slowlog)
{
    struct slowlog_entry *entry = slowlog->oldest;
    slowlog->oldest = entry->newer;
    *(entry->newer == NULL ? &slowlog->newest : &entry->newer->older) = NULL;
    slowlog->count--;
    free(entry);
}

/* Keeps the `count` newest. */
static void trim(struct slowlog *slowlog, size_t count)
{
    while (slowlog->count > count) {
        drop_oldest(slowlog);
    }
}

void slowlog_add(struct slowlog *slowlog, const struct slowlog_call *call, size_t count_max)
{
    struct slowlog_entry *entry = make_entry(call);
    if (entry == NULL) {
        return;
    }
    entry->id = slowlog->next_id++;
    add_newest(slowlog, entry);
    trim(slowlog, count_max);
}

void slowlog_clear(struct slowlog *slowlog)
{
    trim(slowlog, 0);
}
