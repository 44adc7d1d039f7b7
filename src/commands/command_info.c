/* command_info.c - see command_info.h. */
#include "commands/command_info.h"

#include "commands/table.h"

#include <stdio.h>

/* --- bits and their names, in the order in which Redis lists them ----------------------------- */

struct bit_name {
    uint32_t bit;
    const char *name;
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct bit_name flag_names[] = {
    {COMMAND_WRITE, "write"},
    {COMMAND_READONLY, "readonly"},
    {COMMAND_DENYOOM, "denyoom"},
    {COMMAND_ADMIN, "admin"},
    {COMMAND_PUBSUB, "pubsub"},
    {COMMAND_NOSCRIPT, "noscript"},
    {COMMAND_BLOCKING, "blocking"},
    {COMMAND_LOADING, "loading"},
    {COMMAND_STALE, "stale"},
    {COMMAND_SKIP_MONITOR, "skip_monitor"},
    {COMMAND_SKIP_SLOWLOG, "skip_slowlog"},
    {COMMAND_ASKING, "asking"},
    {COMMAND_FAST, "fast"},
    {COMMAND_NO_AUTH, "no_auth"},
    {COMMAND_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {COMMAND_NO_ASYNC_LOADING, "no_async_loading"},
    {COMMAND_NO_MULTI, "no_multi"},
    {COMMAND_MOVABLE_KEYS, "movablekeys"},
    {COMMAND_ALLOW_BUSY, "allow_busy"},
};

static const struct bit_name key_flag_names[] = {
    {KEY_RO, "RO"},
    {KEY_RW, "RW"},
    {KEY_OW, "OW"},
    {KEY_RM, "RM"},
    {KEY_ACCESS, "access"},
    {KEY_UPDATE, "update"},
    {KEY_INSERT, "insert"},
    {KEY_DELETE, "delete"},
    {KEY_NOT_KEY, "not_key"},
    {KEY_INCOMPLETE, "incomplete"},
    {KEY_VARIABLE_FLAGS, "variable_flags"},
};

/* The names of the bits that are set, as a set of simple strings. */
static void reply_bits(struct reply *reply, uint32_t bits, const struct bit_name names[],
                       size_t name_count)
{
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(reply);
    for (size_t i = 0; i < name_count; i++) {
        if ((bits & names[i].bit) != 0) {
            reply_simple(reply, names[i].name);
            count++;
        }
    }
    reply_deferred_set(reply, mark, count);
}

void command_info_reply_key_flags(struct reply *reply, uint32_t flags)
{
    reply_bits(reply, flags, key_flag_names, COUNT_OF(key_flag_names));
}

/* --- categories ------------------------------------------------------------------------------ */

uint32_t command_info_categories(const struct command *command)
{
    uint32_t flags = command->flags;
    uint32_t bits = command->categories;
    if ((flags & COMMAND_WRITE) != 0) {
        bits |= CATEGORY_WRITE;
    }
    /* What a script reads is for the script to say. */
    if ((flags & COMMAND_READONLY) != 0 && (bits & CATEGORY_SCRIPTING) == 0) {
        bits |= CATEGORY_READ;
    }
    if ((flags & COMMAND_ADMIN) != 0) {
        bits |= CATEGORY_ADMIN | CATEGORY_DANGEROUS;
    }
    if ((flags & COMMAND_PUBSUB) != 0) {
        bits |= CATEGORY_PUBSUB;
    }
    if ((flags & COMMAND_BLOCKING) != 0) {
        bits |= CATEGORY_BLOCKING;
    }
    bits |= (flags & COMMAND_FAST) != 0 ? CATEGORY_FAST : CATEGORY_SLOW;
    return bits;
}

size_t command_info_category_names(uint32_t bits, struct slice names[CATEGORY_COUNT])
{
    size_t count = 0;
    for (size_t i = 0; i < CATEGORY_COUNT; i++) {
        if ((bits & category_table[i].bit) != 0) {
            names[count++] = slice_of_string(category_table[i].name);
        }
    }
    return count;
}

/* --- keys ------------------------------------------------------------------------------------ */

size_t command_info_key_spec_count(const struct command *command)
{
    size_t count = 0;
    while (count < COMMAND_KEY_SPECS_MAX && command->keys[count].begin != 0) {
        count++;
    }
    return count;
}

/* Counted from the command's name, or from the end where it is negative. */
static int last_key(const struct key_spec *spec)
{
    return spec->last < 0 ? spec->last : spec->begin + spec->last;
}

struct command_key_range command_info_key_range(const struct command *command)
{
    const struct command_key_range none = {0};
    size_t count = command_info_key_spec_count(command);
    if (count == 0) {
        return none;
    }
    const struct key_spec *first = &command->keys[0];
    struct command_key_range range = {first->begin, last_key(first), first->step};
    /* Several specifications make one range if they follow each other without a gap. */
    for (size_t i = 1; i < count; i++) {
        const struct key_spec *spec = &command->keys[i];
        if (spec->begin < 0) {
            break; /* behind a word, wherever that stands */
        }
        if (range.step != 1 || spec->step != 1 || spec->begin != range.last + 1) {
            return none;
        }
        range.last = last_key(spec);
    }
    return range;
}

static void reply_number_field(struct reply *reply, const char *name, int value)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, value);
}

static void reply_type_and_spec(struct reply *reply, const char *field, const char *type)
{
    reply_bulk_string(reply, field);
    reply_map(reply, 2);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, type);
    reply_bulk_string(reply, "spec");
}

static void reply_key_spec(struct reply *reply, const struct key_spec *spec, const char *word)
{
    reply_map(reply, spec->notes == NULL ? 3 : 4);
    if (spec->notes != NULL) {
        reply_bulk_string(reply, "notes");
        reply_bulk_string(reply, spec->notes);
    }
    reply_bulk_string(reply, "flags");
    command_info_reply_key_flags(reply, spec->flags);
    if (spec->begin < 0) {
        reply_type_and_spec(reply, "begin_search", "keyword");
        reply_map(reply, 2);
        reply_bulk_string(reply, "keyword");
        reply_bulk_string(reply, word);
        reply_number_field(reply, "startfrom", spec->begin);
    } else {
        reply_type_and_spec(reply, "begin_search", "index");
        reply_map(reply, 1);
        reply_number_field(reply, "index", spec->begin);
    }
    reply_type_and_spec(reply, "find_keys", "range");
    reply_map(reply, 3);
    reply_number_field(reply, "lastkey", spec->last);
    reply_number_field(reply, "keystep", spec->step);
    reply_number_field(reply, "limit", 0);
}

/* --- the entry ------------------------------------------------------------------------------- */

/* The words of a text, as a set of bulk strings. */
static void reply_words(struct reply *reply, const char *text)
{
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(reply);
    const char *at = text == NULL ? "" : text;
    while (*at != '\0') {
        size_t size = strcspn(at, " ");
        reply_bulk(reply, slice_make(at, size));
        at += size;
        at += strspn(at, " ");
        count++;
    }
    reply_deferred_set(reply, mark, count);
}

static void reply_categories(struct reply *reply, uint32_t bits)
{
    struct slice names[CATEGORY_COUNT];
    size_t count = command_info_category_names(bits, names);
    reply_set(reply, count);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "@%.*s", (int)names[i].size, names[i].data);
        reply_simple(reply, name);
    }
}

/* Everything but the subcommands. */
static void reply_entry(struct reply *reply, const struct command *command)
{
    char name[COMMAND_NAME_SIZE_MAX];
    struct command_key_range range = command_info_key_range(command);
    reply_array(reply, 10);
    reply_bulk_string(reply, table_full_name(command, name));
    reply_integer(reply, command->arity);
    reply_bits(reply, command->flags, flag_names, COUNT_OF(flag_names));
    reply_integer(reply, range.first);
    reply_integer(reply, range.last);
    reply_integer(reply, range.step);
    reply_categories(reply, command_info_categories(command));
    reply_words(reply, command->tips);
    size_t spec_count = command_info_key_spec_count(command);
    reply_set(reply, spec_count);
    for (size_t i = 0; i < spec_count; i++) {
        reply_key_spec(reply, &command->keys[i], command->key_word);
    }
}

void command_info_reply(struct reply *reply, const struct command *command)
{
    reply_entry(reply, command);
    if (command->subcommands == NULL) {
        reply_set(reply, 0);
        return;
    }
    /* Where there are subcommands, Redis lists them as an array. */
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(reply);
    for (const struct command *sub = command->subcommands; sub->name != NULL; sub++) {
        reply_entry(reply, sub);
        reply_set(reply, 0);
        count++;
    }
    reply_deferred_array(reply, mark, count);
}
