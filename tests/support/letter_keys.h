/*
 * letter_keys.h - keys that have a number, and values that are one letter over and over: which
 * version of a key a store has is told by the letter.
 *
 * Everything fails the test when it does not succeed. The store's lock is held, or there are no
 * other threads.
 */
#ifndef SCDB_TESTS_SUPPORT_LETTER_KEYS_H
#define SCDB_TESTS_SUPPORT_LETTER_KEYS_H

#include "engine/engine.h"

struct letter_value {
    char letter;
    size_t size; /* at most LETTER_VALUE_SIZE_MAX */
};

#define LETTER_VALUE_SIZE_MAX 1024

void letter_keys_put_locked(struct engine *engine, unsigned database, unsigned number,
                            struct letter_value value);

/* Of a key that is there. */
void letter_keys_delete_locked(struct engine *engine, unsigned database, unsigned number);

/* Asserts that the key has this value, whose checksum is right. */
void letter_keys_expect_locked(struct engine *engine, unsigned database, unsigned number,
                               struct letter_value value);

void letter_keys_expect_none_locked(struct engine *engine, unsigned database, unsigned number);

#endif
