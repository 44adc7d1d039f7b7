/* event_classes.c - see event_classes.h. */
#include "server/event_classes.h"

static const char class_letters[EVENT_CLASS_COUNT + 1] = "g$lshzxetdnKEm";

#define ALL_CLASSES ((uint32_t)EVENT_NEW - 1)

bool event_classes_parse(struct slice letters, uint32_t *out)
{
    uint32_t classes = 0;
    for (size_t i = 0; i < letters.size; i++) {
        char letter = letters.data[i];
        const char *found = letter == '\0' ? NULL : strchr(class_letters, letter);
        if (found == NULL && letter != 'A') {
            return false;
        }
        classes |= found == NULL ? ALL_CLASSES : 1U << (unsigned)(found - class_letters);
    }
    *out = classes;
    return true;
}

size_t event_classes_format(uint32_t classes, char letters[EVENT_CLASS_COUNT + 1])
{
    size_t count = 0;
    if ((classes & ALL_CLASSES) == ALL_CLASSES) {
        letters[count++] = 'A';
        classes &= ~(ALL_CLASSES | EVENT_NEW);
    }
    for (unsigned i = 0; i < EVENT_CLASS_COUNT; i++) {
        if ((classes >> i & 1U) != 0) {
            letters[count++] = class_letters[i];
        }
    }
    letters[count] = '\0';
    return count;
}
