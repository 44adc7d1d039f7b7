/* letter_keys.c - see letter_keys.h. */
#include "support/letter_keys.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define KEY_SIZE 32

static struct slice key_of(unsigned number, char *into)
{
    return slice_make(into, (size_t)snprintf(into, KEY_SIZE, "key:%u", number));
}

void letter_keys_put_locked(struct engine *engine, unsigned database, unsigned number,
                            struct letter_value value)
{
    char key[KEY_SIZE];
    char bytes[LETTER_VALUE_SIZE_MAX];
    ck_assert_uint_le(value.size, sizeof(bytes));
    memset(bytes, value.letter, value.size);
    struct slice part = slice_make(bytes, value.size);
    struct engine_value put = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    ck_assert_int_eq(engine_put_locked(engine, engine_database_locked(engine, database),
                                       key_of(number, key), &put),
                     STATUS_OK);
}

void letter_keys_delete_locked(struct engine *engine, unsigned database, unsigned number)
{
    char key[KEY_SIZE];
    ck_assert_int_eq(
        engine_delete_locked(engine, engine_database_locked(engine, database), key_of(number, key)),
        STATUS_OK);
}

static enum status find_locked(struct engine *engine, unsigned database, unsigned number,
                               struct entry *entry)
{
    char key[KEY_SIZE];
    return engine_find_locked(engine, engine_database_locked(engine, database), key_of(number, key),
                              entry);
}

void letter_keys_expect_locked(struct engine *engine, unsigned database, unsigned number,
                               struct letter_value value)
{
    struct entry entry;
    ck_assert_int_eq(find_locked(engine, database, number, &entry), STATUS_OK);
    ck_assert_int_eq(engine_verify_locked(engine, &entry, 0, SIZE_MAX), STATUS_OK);
    ck_assert_uint_eq(entry.value.size, value.size);
    ck_assert_int_eq(((const char *)entry.value.data)[value.size - 1], value.letter);
}

void letter_keys_expect_none_locked(struct engine *engine, unsigned database, unsigned number)
{
    struct entry entry;
    ck_assert_int_eq(find_locked(engine, database, number, &entry), STATUS_NOT_FOUND);
}
