/* config_renamings.c - lines `rename-command` of the configuration: see config.h. */
#include "server/config.h"
#include "server/config_values.h"

#include <stdlib.h>

const struct config_renaming *config_renamings(const struct config *config)
{
    return config->renamings;
}

void config_renamings_clear(struct config *config)
{
    while (config->renamings != NULL) {
        struct config_renaming *renaming = config->renamings;
        config->renamings = renaming->next;
        free(renaming->place);
        free(renaming);
    }
}

static struct slice copy_bytes(char *to, struct slice bytes)
{
    if (bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    return slice_make(to, bytes.size);
}

enum status config_renamings_add(struct config *config, const struct config_renaming *line)
{
    struct config_renaming *renaming = malloc(sizeof(*renaming) + line->from.size + line->to.size);
    char *place = strdup(line->place);
    if (renaming == NULL || place == NULL) {
        free(renaming);
        free(place);
        return STATUS_NO_MEMORY;
    }
    char *bytes = (char *)(renaming + 1);
    *renaming = (struct config_renaming){.place = place,
                                         .from = copy_bytes(bytes, line->from),
                                         .to = copy_bytes(bytes + line->from.size, line->to)};
    struct config_renaming **link = &config->renamings;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = renaming;
    return STATUS_OK;
}
