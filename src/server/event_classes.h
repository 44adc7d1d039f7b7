/*
 * event_classes.h - the classes of keyspace events that `notify-keyspace-events` chooses from.
 *
 * Pure, any thread.
 */
#ifndef SCDB_SERVER_EVENT_CLASSES_H
#define SCDB_SERVER_EVENT_CLASSES_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which their letters are written. */
enum event_class {
    EVENT_GENERIC = 1 << 0, /* g */
    EVENT_STRING = 1 << 1,  /* $ */
    EVENT_LIST = 1 << 2,    /* l */
    EVENT_SET = 1 << 3,     /* s */
    EVENT_HASH = 1 << 4,    /* h */
    EVENT_ZSET = 1 << 5,    /* z */
    EVENT_EXPIRED = 1 << 6, /* x */
    EVENT_EVICTED = 1 << 7, /* e */
    EVENT_STREAM = 1 << 8,  /* t */
    EVENT_MODULE = 1 << 9,  /* d */
    EVENT_NEW = 1 << 10,    /* n */
    /* Not what happens, but who is told: __keyspace@N__:KEY, __keyevent@N__:EVENT. */
    EVENT_TO_KEYSPACE = 1 << 11, /* K */
    EVENT_TO_KEYEVENT = 1 << 12, /* E */
    EVENT_MISSED = 1 << 13       /* m */
};

#define EVENT_CLASS_COUNT 14

/* False: a letter is none. */
bool event_classes_parse(struct slice letters, uint32_t *out);

/* As Redis writes them: A stands for the first ten, which also hides an n. Returns the length. */
size_t event_classes_format(uint32_t classes, char letters[EVENT_CLASS_COUNT + 1]);

#endif
