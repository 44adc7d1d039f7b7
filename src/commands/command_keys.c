/* command_keys.c - see command_keys.h. */
#include "commands/command_keys.h"

#include "commands/migrate_options.h"

struct command_keys command_keys_of(const struct command *command, const struct slice *arguments,
                                    size_t count)
{
    return (struct command_keys){.command = command, .arguments = arguments, .count = count};
}

static uint32_t settle_flags(const struct command_keys *keys, uint32_t flags)
{
    return (flags & KEY_VARIABLE_FLAGS) == 0
               ? flags
               : keys->command->key_flags(keys->arguments, keys->count);
}

/* Index of the last key of a specification, which may lie before its first: then it has none. */
static size_t last_index(const struct key_spec *spec, size_t count)
{
    if (spec->last >= 0) {
        return (size_t)spec->begin + (size_t)spec->last;
    }
    size_t from_end = (size_t)-spec->last;
    return from_end < count ? count - from_end : 0;
}

/* MIGRATE has keys behind a word, or one in front. */
static bool next_of_migrate(struct command_keys *keys, struct command_key *key)
{
    size_t count;
    size_t first = migrate_options_keys(keys->arguments, keys->count, &count);
    size_t index = keys->index == 0 ? first : keys->index;
    if (index >= first + count) {
        return false;
    }
    *key = (struct command_key){.index = index, .flags = keys->command->keys[0].flags};
    keys->index = index + 1;
    return true;
}

bool command_keys_next(struct command_keys *keys, struct command_key *key)
{
    if (keys->command->key_word != NULL) {
        return next_of_migrate(keys, key);
    }
    while (keys->spec < COMMAND_KEY_SPECS_MAX) {
        const struct key_spec *spec = &keys->command->keys[keys->spec];
        if (spec->begin == 0) {
            return false;
        }
        size_t index = keys->index == 0 ? (size_t)spec->begin : keys->index;
        bool is_key = (spec->flags & KEY_NOT_KEY) == 0;
        if (is_key && index < keys->count && index <= last_index(spec, keys->count)) {
            *key = (struct command_key){.index = index, .flags = settle_flags(keys, spec->flags)};
            keys->index = index + (size_t)spec->step;
            return true;
        }
        keys->spec++;
        keys->index = 0;
    }
    return false;
}

bool command_keys_are_whole(const struct command *command, size_t count)
{
    for (size_t i = 0; i < COMMAND_KEY_SPECS_MAX && command->keys[i].begin > 0; i++) {
        size_t first = (size_t)command->keys[i].begin;
        if (first >= count || last_index(&command->keys[i], count) < first) {
            return false;
        }
    }
    return true;
}
