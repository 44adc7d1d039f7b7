/* acl_selector.c - see acl_selector.h. */
#include "server/acl_selector.h"

#include "base/glob.h"
#include "server/category.h"

#include <ctype.h>

#define BLANKS " \t\n\v\f\r"

const char *acl_error_text(enum acl_error error)
{
    static const char *const texts[] = {
#define ACL_ERRORS_TEXT(name, text) [ACL_ERROR_##name] = text,
        ACL_ERRORS_LIST(ACL_ERRORS_TEXT)
#undef ACL_ERRORS_TEXT
    };
    return texts[error];
}

void acl_selector_init(struct acl_selector *selector, bool all_channels)
{
    *selector = (struct acl_selector){.all_channels = all_channels};
}

void acl_selector_deinit(struct acl_selector *selector)
{
    word_list_clear(&selector->first_arguments);
    word_list_clear(&selector->keys);
    word_list_clear(&selector->channels);
}

enum status acl_selector_copy(const struct acl_selector *from, struct acl_selector *to)
{
    *to = *from;
    to->first_arguments = (struct word_list){0};
    to->keys = (struct word_list){0};
    to->channels = (struct word_list){0};
    enum status status = word_list_copy(&from->first_arguments, &to->first_arguments);
    status = status == STATUS_OK ? word_list_copy(&from->keys, &to->keys) : status;
    status = status == STATUS_OK ? word_list_copy(&from->channels, &to->channels) : status;
    if (status != STATUS_OK) {
        acl_selector_deinit(to);
    }
    return status;
}

/* --- rules: commands --- */

static void set_all_commands(struct acl_selector *selector, bool allow)
{
    acl_bits_set_all(&selector->commands, allow);
    selector->all_commands = allow;
    word_list_clear(&selector->first_arguments);
}

static void set_command(struct acl_selector *selector, const struct acl_commands *commands,
                        size_t command, bool allow)
{
    acl_bits_set(&selector->commands, commands, command, allow);
    selector->all_commands = selector->all_commands && allow;
    word_list_remove_tag(&selector->first_arguments, (uint32_t)command);
}

static enum acl_error set_category(struct acl_selector *selector,
                                   const struct acl_commands *commands, struct slice name,
                                   bool allow)
{
    uint32_t category;
    if (slice_is_word(name, "all")) {
        set_all_commands(selector, allow);
        return ACL_ERROR_NONE;
    }
    if (!category_find(name, &category)) {
        return ACL_ERROR_UNKNOWN_COMMAND;
    }
    for (size_t i = 0; i < commands->count; i++) {
        if ((commands->items[i].categories & category) != 0) {
            set_command(selector, commands, i, allow);
        }
    }
    return ACL_ERROR_NONE;
}

static enum acl_error add_first_argument(struct acl_selector *selector, size_t command,
                                         struct slice argument)
{
    const struct word_list *known = &selector->first_arguments;
    for (size_t i = 0; i < known->count; i++) {
        /* A word of the list has a NUL behind it. */
        if (known->items[i].tag == command && slice_is_word(argument, known->items[i].text.data)) {
            return ACL_ERROR_NONE;
        }
    }
    return word_list_add(&selector->first_arguments, argument, (uint32_t)command) == STATUS_OK
               ? ACL_ERROR_NONE
               : ACL_ERROR_NO_MEMORY;
}

/* "+command|word": a subcommand, or the first argument of a command that has none. */
static enum acl_error allow_part(struct acl_selector *selector, const struct acl_commands *commands,
                                 struct slice name, size_t bar)
{
    struct slice part = slice_part(name, bar + 1, name.size - bar - 1);
    size_t command = acl_commands_find(commands, slice_part(name, 0, bar));
    if (command == ACL_NO_COMMAND) {
        return ACL_ERROR_UNKNOWN_COMMAND;
    }
    if (commands->items[command].parent != ACL_NO_COMMAND) {
        return ACL_ERROR_FIRST_ARGUMENT;
    }
    if (part.size == 0) {
        return ACL_ERROR_SYNTAX;
    }
    if (!commands->items[command].has_subcommands) {
        return add_first_argument(selector, command, part);
    }
    size_t subcommand = acl_commands_find(commands, name);
    if (subcommand == ACL_NO_COMMAND) {
        return ACL_ERROR_UNKNOWN_COMMAND;
    }
    set_command(selector, commands, subcommand, true);
    return ACL_ERROR_NONE;
}

static enum acl_error set_commands(struct acl_selector *selector,
                                   const struct acl_commands *commands, struct slice name,
                                   bool allow)
{
    if (name.size > 0 && name.data[0] == '@') {
        return set_category(selector, commands, slice_part(name, 1, name.size - 1), allow);
    }
    const char *bar = name.size == 0 ? NULL : memrchr(name.data, '|', name.size);
    if (allow && bar != NULL) {
        return allow_part(selector, commands, name, (size_t)(bar - name.data));
    }
    size_t command = acl_commands_find(commands, name);
    if (command == ACL_NO_COMMAND) {
        return ACL_ERROR_UNKNOWN_COMMAND;
    }
    set_command(selector, commands, command, allow);
    return ACL_ERROR_NONE;
}

/* --- rules: keys and channels --- */

static bool has_blank(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(BLANKS, text.data[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* "%RW~pattern": what is allowed, and where the pattern begins. 0: not well formed. As in Redis, a
 * rule may end before its '~'. */
static uint32_t parse_access(struct slice rule, size_t *pattern)
{
    uint32_t access = 0;
    size_t at = 1;
    for (; at < rule.size && rule.data[at] != '~'; at++) {
        int letter = toupper((unsigned char)rule.data[at]);
        uint32_t bit = letter == 'R' ? ACL_READ : letter == 'W' ? ACL_WRITE : 0;
        if (bit == 0 || (access & bit) != 0) {
            return 0;
        }
        access |= bit;
    }
    *pattern = at < rule.size ? at + 1 : at;
    return access;
}

static enum acl_error add_key_pattern(struct acl_selector *selector, struct slice rule)
{
    size_t begin = 1;
    uint32_t access = ACL_READ | ACL_WRITE;
    if (selector->all_keys) {
        return ACL_ERROR_KEYS_AFTER_ALL;
    }
    if (rule.data[0] == '%') {
        access = parse_access(rule, &begin);
    }
    if (access == 0) {
        return ACL_ERROR_SYNTAX;
    }
    struct slice pattern = slice_part(rule, begin, rule.size - begin);
    if (has_blank(pattern)) {
        return ACL_ERROR_SYNTAX;
    }
    size_t index = word_list_find(&selector->keys, pattern);
    if (index != WORD_LIST_ABSENT) {
        selector->keys.items[index].tag |= access;
        return ACL_ERROR_NONE;
    }
    return word_list_add(&selector->keys, pattern, access) == STATUS_OK ? ACL_ERROR_NONE
                                                                        : ACL_ERROR_NO_MEMORY;
}

static enum acl_error add_channel_pattern(struct acl_selector *selector, struct slice pattern)
{
    if (selector->all_channels) {
        return ACL_ERROR_CHANNELS_AFTER_ALL;
    }
    if (has_blank(pattern)) {
        return ACL_ERROR_SYNTAX;
    }
    if (word_list_find(&selector->channels, pattern) != WORD_LIST_ABSENT) {
        return ACL_ERROR_NONE;
    }
    return word_list_add(&selector->channels, pattern, 0) == STATUS_OK ? ACL_ERROR_NONE
                                                                       : ACL_ERROR_NO_MEMORY;
}

static void set_all_keys(struct acl_selector *selector, bool all)
{
    selector->all_keys = all;
    word_list_clear(&selector->keys);
}

static void set_all_channels(struct acl_selector *selector, bool all)
{
    selector->all_channels = all;
    word_list_clear(&selector->channels);
}

/* The rules that are words. False: it is none of them. */
static bool set_by_word(struct acl_selector *selector, struct slice rule)
{
    if (slice_is_word(rule, "allkeys") || slice_is_word(rule, "~*")) {
        set_all_keys(selector, true);
    } else if (slice_is_word(rule, "resetkeys")) {
        set_all_keys(selector, false);
    } else if (slice_is_word(rule, "allchannels") || slice_is_word(rule, "&*")) {
        set_all_channels(selector, true);
    } else if (slice_is_word(rule, "resetchannels")) {
        set_all_channels(selector, false);
    } else if (slice_is_word(rule, "allcommands")) {
        set_all_commands(selector, true);
    } else if (slice_is_word(rule, "nocommands")) {
        set_all_commands(selector, false);
    } else {
        return false;
    }
    return true;
}

enum acl_error acl_selector_set(struct acl_selector *selector, const struct acl_commands *commands,
                                struct slice rule)
{
    if (set_by_word(selector, rule)) {
        return ACL_ERROR_NONE;
    }
    char mark = '\0';
    struct slice rest = {0};
    if (rule.size > 0) {
        mark = rule.data[0];
        rest = slice_part(rule, 1, rule.size - 1);
    }
    switch (mark) {
    case '~':
    case '%':
        return add_key_pattern(selector, rule);
    case '&':
        return add_channel_pattern(selector, rest);
    case '+':
    case '-':
        return set_commands(selector, commands, rest, mark == '+');
    default:
        return ACL_ERROR_SYNTAX;
    }
}

/* --- as text --- */

static enum status append(struct buffer *out, const char *text)
{
    return buffer_append(out, text, strlen(text));
}

static const char *access_mark(uint32_t access)
{
    return access == ACL_READ ? "%R~" : access == ACL_WRITE ? "%W~" : "~";
}

enum status acl_selector_describe_keys(const struct acl_selector *selector, struct buffer *out)
{
    enum status status = selector->all_keys ? append(out, "~*") : STATUS_OK;
    for (size_t i = 0; i < selector->keys.count && status == STATUS_OK; i++) {
        const struct word *pattern = &selector->keys.items[i];
        status = append(out, i == 0 ? "" : " ");
        status = status == STATUS_OK ? append(out, access_mark(pattern->tag)) : status;
        status = status == STATUS_OK ? buffer_append(out, pattern->text.data, pattern->text.size)
                                     : status;
    }
    return status;
}

enum status acl_selector_describe_channels(const struct acl_selector *selector, struct buffer *out)
{
    enum status status = selector->all_channels ? append(out, "&*") : STATUS_OK;
    for (size_t i = 0; i < selector->channels.count && status == STATUS_OK; i++) {
        struct slice pattern = selector->channels.items[i].text;
        status = append(out, i == 0 ? "&" : " &");
        status = status == STATUS_OK ? buffer_append(out, pattern.data, pattern.size) : status;
    }
    return status;
}

enum status acl_selector_describe(const struct acl_selector *selector,
                                  const struct acl_commands *commands, struct buffer *out)
{
    bool has_keys = selector->all_keys || selector->keys.count > 0;
    enum status status = acl_selector_describe_keys(selector, out);
    if (status == STATUS_OK && has_keys) {
        status = append(out, " ");
    }
    if (status == STATUS_OK && !selector->all_channels) {
        status = append(out, "resetchannels ");
    }
    bool has_channels = selector->all_channels || selector->channels.count > 0;
    status = status == STATUS_OK ? acl_selector_describe_channels(selector, out) : status;
    if (status == STATUS_OK && has_channels) {
        status = append(out, " ");
    }
    return status == STATUS_OK
               ? acl_bits_describe(&selector->commands, commands, &selector->first_arguments, out)
               : status;
}

/* --- questions --- */

bool acl_selector_allows_command(const struct acl_selector *selector, size_t command,
                                 const struct slice *first_argument)
{
    if (selector->all_commands || acl_bits_has(&selector->commands, command)) {
        return true;
    }
    const struct word_list *allowed = &selector->first_arguments;
    for (size_t i = 0; i < allowed->count && first_argument != NULL; i++) {
        /* A word of the list has a NUL behind it. */
        if (allowed->items[i].tag == command &&
            slice_is_word(*first_argument, allowed->items[i].text.data)) {
            return true;
        }
    }
    return false;
}

bool acl_selector_allows_key(const struct acl_selector *selector, struct slice key, uint32_t access)
{
    if (selector->all_keys) {
        return true;
    }
    for (size_t i = 0; i < selector->keys.count; i++) {
        const struct word *pattern = &selector->keys.items[i];
        if ((pattern->tag & access) == access && glob_match(pattern->text, key, false)) {
            return true;
        }
    }
    return false;
}

bool acl_selector_allows_channel(const struct acl_selector *selector, struct slice channel,
                                 bool is_pattern)
{
    if (selector->all_channels) {
        return true;
    }
    for (size_t i = 0; i < selector->channels.count; i++) {
        struct slice pattern = selector->channels.items[i].text;
        if (is_pattern ? slice_equal(pattern, channel) : glob_match(pattern, channel, false)) {
            return true;
        }
    }
    return false;
}
