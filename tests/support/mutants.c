/* mutants.c - which mutant is on, in a build that has them (engine/mutant.h): SCDB_MUTANT names it.
 */
#include "engine/mutant.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[MUTANT_COUNT] = {
#define MUTANT_NAME(name, rule, words) [MUTANT_##name] = #name,
    MUTANT_LIST(MUTANT_NAME)
#undef MUTANT_NAME
};

static enum mutant chosen(void)
{
    const char *name = getenv("SCDB_MUTANT");
    if (name == NULL || name[0] == '\0') {
        return MUTANT_COUNT;
    }
    for (enum mutant mutant = 0; mutant < MUTANT_COUNT; mutant++) {
        if (strcmp(names[mutant], name) == 0) {
            return mutant;
        }
    }
    bool is_name_of_a_mutant = false; /* SCDB_MUTANT */
    CHECK(is_name_of_a_mutant);
    return MUTANT_COUNT;
}

bool mutant_is_on(enum mutant mutant)
{
    static _Thread_local int known = -1;
    if (known < 0) {
        known = (int)chosen();
    }
    return known == (int)mutant;
}
