/*
 * flip_store.h - a small store with something of everything, its files as bytes, and what must be
 * found in it.
 *
 * The store is made by an engine with threads on a real directory, in a process of its own, which
 * stops cleanly or is killed three seconds after its last write. From then on its files are bytes
 * in memory: flip_store_look() opens them, one byte changed, on a simulated disk, and says what a
 * user would have met. Files of every kind are treated alike, whatever their names.
 *
 * One thread (a process may fork and look in parallel). The struct owns all it points to.
 */
#ifndef SCDB_TESTS_SUPPORT_FLIP_STORE_H
#define SCDB_TESTS_SUPPORT_FLIP_STORE_H

#include "base/status.h"
#include "engine/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLIP_DATABASES  4
#define FLIP_KEYS       24
#define FLIP_FILES_MAX  64
#define FLIP_VALUE_MAX  70000 /* more than a block of checksums covers */
#define FLIP_IDLE_MS    3000  /* between the last write and kill -9 */
#define FLIP_KEPT_WORDS 700

enum flip_end { FLIP_CLEAN_STOP, FLIP_KILLED };

struct flip_file {
    char name[FILE_NAME_SIZE_MAX];
    uint8_t *bytes; /* owned */
    size_t size;
};

struct flip_value {
    bool is_there;
    uint32_t seed; /* the bytes are made from it */
    size_t size;
};

struct flip_store {
    struct flip_file files[FLIP_FILES_MAX]; /* in the order of their names */
    size_t file_count;
    struct flip_value values[FLIP_DATABASES][FLIP_KEYS];
};

/* What a flipped bit has led to. The last four are failures. */
enum flip_verdict {
    FLIP_HARMLESS,   /* every key as it should be */
    FLIP_UNREADABLE, /* some keys give an error, all others are as they should be */
    FLIP_REFUSED,    /* the store does not open, and says where and why */
    FLIP_WRONG_VALUE,
    FLIP_GONE,    /* a key is absent that should be there */
    FLIP_REVIVED, /* a key is there that should be absent */
    FLIP_MUTE,    /* the store does not open, and does not name the file and an offset */
    FLIP_VERDICTS
};

extern const char *const flip_verdict_names[FLIP_VERDICTS];

/* Makes the store and reads its files; CHECKs that it could. */
void flip_store_make(struct flip_store *store, enum flip_end end);
void flip_store_destroy(struct flip_store *store);

/* Opens the files with `mask` flipped in one byte (0: as they are), reads every key, and does so
 * again after a clean stop, and after a compaction. `words` (FLIP_KEPT_WORDS bytes) gets what was
 * met: a key, or what refused. */
enum flip_verdict flip_store_look(const struct flip_store *store, size_t file, size_t offset,
                                  uint8_t mask, char *words);

#endif
