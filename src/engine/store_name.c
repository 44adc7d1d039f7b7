/* store_name.c - see store_name.h. */
#include "engine/store_name.h"

#include "engine/engine.h"
#include "engine/manifest.h"
#include "engine/reserve.h"

#include <stddef.h>
#include <string.h>

#define NUMBER_DIGITS 20

/* The 20 digits that the names of all numbered files begin with; returns what follows them, NULL
 * when they are not there. */
static const char *read_number(const char *name, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < NUMBER_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return NULL;
        }
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *number = value;
    return name + NUMBER_DIGITS;
}

bool store_name_is_segment(const char *name, uint64_t *number)
{
    const char *ending = read_number(name, number);
    return ending != NULL && (strcmp(ending, ".log") == 0 || strcmp(ending, ".pack") == 0);
}

bool store_name_is_numbered(const char *name, uint64_t *number)
{
    const char *ending = read_number(name, number);
    return store_name_is_segment(name, number) || (ending != NULL && strcmp(ending, ".index") == 0);
}

bool store_name_is_cut(const char *name)
{
    uint64_t number;
    const char *ending = read_number(name, &number);
    return ending != NULL && strcmp(ending, ".log" STORE_NAME_CUT_ENDING) == 0;
}

bool store_name_is_ours(const char *name)
{
    static const char *const names[] = {MANIFEST_NAME, MANIFEST_TEMPORARY_NAME, ENGINE_LOCK_NAME,
                                        RESERVE_NAME, STORE_NAME_IMPORT_MARK};
    uint64_t number;
    bool is_ours = store_name_is_numbered(name, &number) || store_name_is_cut(name);
    for (size_t i = 0; !is_ours && i < sizeof(names) / sizeof(*names); i++) {
        is_ours = strcmp(name, names[i]) == 0;
    }
    return is_ours;
}
