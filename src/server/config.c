/* config.c - the values in force: see config.h. */
#include "server/config.h"

#include "base/check.h"
#include "base/log.h"
#include "base/number.h"
#include "server/config_number.h"
#include "server/config_special.h"
#include "server/config_values.h"
#include "server/event_classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static size_t index_of(const struct directive *directive)
{
    return (size_t)(directive - config_directives);
}

struct config_value *config_value_of(const struct config *config, const struct directive *directive)
{
    return &config->values[index_of(directive)];
}

const struct directive *config_find_directive(struct slice name)
{
    for (size_t i = 0; i < config_directive_count; i++) {
        const struct directive *directive = &config_directives[i];
        if (slice_is_word(name, directive->name) ||
            (directive->alias != NULL && slice_is_word(name, directive->alias))) {
            return directive;
        }
    }
    return NULL;
}

static bool is_text(const struct directive *directive)
{
    return directive->type == DIRECTIVE_TEXT || directive->type == DIRECTIVE_SPECIAL;
}

/* --- assigning --- */

static enum status refuse(struct error *error, const char *words)
{
    return error_set(error, STATUS_INVALID, "%s", words);
}

static enum status list_choices(const struct directive *directive, struct error *error)
{
    char list[400];
    size_t used = 0;
    for (const struct directive_choice *choice = directive->choices; choice->word != NULL;
         choice++) {
        int size =
            snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "", choice->word);
        used += (size_t)size;
        CHECK(used < sizeof(list));
    }
    return error_set(error, STATUS_INVALID, "argument(s) must be one of the following: %s", list);
}

static enum status parse_choice(const struct directive *directive, struct slice value, int64_t *out,
                                struct error *error)
{
    for (const struct directive_choice *choice = directive->choices; choice->word != NULL;
         choice++) {
        if (slice_is_word(value, choice->word)) {
            *out = choice->value;
            return STATUS_OK;
        }
    }
    return list_choices(directive, error);
}

static enum status parse_percent(struct slice value, int64_t *out, struct error *error)
{
    bool percent = value.size > 1 && value.data[value.size - 1] == '%';
    if (!percent) {
        return config_number_parse_memory(value, out)
                   ? STATUS_OK
                   : refuse(error, "argument must be a memory or percent value");
    }
    int64_t share;
    if (!number_parse(slice_part(value, 0, value.size - 1), &share) || share < 0) {
        return refuse(error, "argument must be a memory or percent value");
    }
    if (share > 100) {
        return refuse(error, "percentage argument must be less or equal to 100");
    }
    *out = -share;
    return STATUS_OK;
}

static enum status parse_number(const struct directive *directive, struct slice value, int64_t *out,
                                struct error *error)
{
    switch (directive->type) {
    case DIRECTIVE_BOOL:
        *out = slice_is_word(value, "yes");
        return *out || slice_is_word(value, "no") ? STATUS_OK
                                                  : refuse(error, "argument must be 'yes' or 'no'");
    case DIRECTIVE_CHOICE:
        return parse_choice(directive, value, out, error);
    case DIRECTIVE_PERCENT:
        return parse_percent(value, out, error);
    case DIRECTIVE_OCTAL:
        return config_number_parse_octal(value, out)
                   ? STATUS_OK
                   : refuse(error, "argument couldn't be parsed as an octal number");
    case DIRECTIVE_MEMORY:
        return config_number_parse_memory(value, out)
                   ? STATUS_OK
                   : refuse(error, "argument must be a memory value");
    case DIRECTIVE_INTEGER:
        return number_parse(value, out)
                   ? STATUS_OK
                   : refuse(error, "argument couldn't be parsed into an integer");
    case DIRECTIVE_TEXT:
    case DIRECTIVE_SPECIAL:
        break;
    }
    return refuse(error, "a text has no number");
}

static enum status assign_number(struct config *config, const struct directive *directive,
                                 struct slice value, struct error *error)
{
    int64_t number = 0;
    enum status status = parse_number(directive, value, &number, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool ranged = directive->type != DIRECTIVE_CHOICE && directive->type != DIRECTIVE_BOOL;
    if (ranged && (number < directive->low || number > directive->high)) {
        return directive->type == DIRECTIVE_OCTAL
                   ? error_set(error, STATUS_INVALID,
                               "argument must be between %" PRIo64 " and %" PRIo64 " inclusive",
                               directive->low, directive->high)
                   : error_set(error, STATUS_INVALID,
                               "argument must be between %" PRId64 " and %" PRId64 " inclusive",
                               directive->low, directive->high);
    }
    atomic_store(&config_value_of(config, directive)->number, number);
    return STATUS_OK;
}

/* The limits are read while replies are sent, without the lock: they have numbers of their own. */
static void publish_output_limits(struct config *config, struct slice text)
{
    for (size_t i = 0; i < CLIENT_CLASS_COUNT; i++) {
        int64_t numbers[3] = {0};
        (void)slice_next_word(&text);
        for (size_t k = 0; k < 3; k++) {
            CHECK(number_parse(slice_next_word(&text), &numbers[k]));
        }
        atomic_store(&config->output_limits[i].hard, (uint64_t)numbers[0]);
        atomic_store(&config->output_limits[i].soft, (uint64_t)numbers[1]);
        atomic_store(&config->output_limits[i].soft_seconds, numbers[2]);
    }
}

static enum status assign_text(struct config *config, const struct directive *directive,
                               struct slice value, struct error *error)
{
    struct config_value *place = config_value_of(config, directive);
    struct buffer text = {0};
    const char *words = NULL;
    if (directive->type == DIRECTIVE_SPECIAL) {
        words = directive->normalise(value, buffer_slice(&place->text), &text);
    } else if ((directive->flags & DIRECTIVE_SECRET) == 0 && value.size > 0 &&
               memchr(value.data, '\0', value.size) != NULL) {
        words = "argument must not contain a NUL byte";
    } else if (buffer_append(&text, value.data, value.size) != STATUS_OK) {
        words = config_special_no_memory;
    }
    /* A NUL behind the text, so that it can be given to the system as it is. */
    if (words == NULL && buffer_reserve_exact(&text, 1) != STATUS_OK) {
        words = config_special_no_memory;
    }
    if (words != NULL) {
        buffer_deinit(&text);
        return refuse(error, words);
    }
    text.data[text.size] = '\0';
    buffer_deinit(&place->text);
    place->text = text;
    if (index_of(directive) == CONFIG_CLIENT_OUTPUT_BUFFER_LIMIT) {
        publish_output_limits(config, buffer_slice(&place->text));
    } else if (index_of(directive) == CONFIG_NOTIFY_KEYSPACE_EVENTS) {
        /* As it was given: its usual form hides an n behind an A, as Redis does. */
        CHECK(event_classes_parse(value, &config->event_classes));
    }
    return STATUS_OK;
}

enum status config_assign(struct config *config, const struct directive *directive,
                          struct slice value, struct error *error)
{
    return is_text(directive) ? assign_text(config, directive, value, error)
                              : assign_number(config, directive, value, error);
}

enum status config_note_directory(struct config *config, const char *path, struct error *error)
{
    return config_assign(config, &config_directives[CONFIG_DIR], slice_of_string(path), error);
}

/* --- life --- */

enum status config_create(struct config **out)
{
    struct config *config = calloc(1, sizeof(*config));
    if (config == NULL) {
        return STATUS_NO_MEMORY;
    }
    config->values = calloc(config_directive_count, sizeof(*config->values));
    config->file_path = strdup("");
    if (config->values == NULL || config->file_path == NULL) {
        config_destroy(config);
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < config_directive_count; i++) {
        struct error error;
        const struct directive *directive = &config_directives[i];
        enum status status =
            config_assign(config, directive, slice_of_string(directive->initial), &error);
        CHECK(status == STATUS_OK);
    }
    *out = config;
    return STATUS_OK;
}

void config_destroy(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config_directive_count && config->values != NULL; i++) {
        buffer_deinit(&config->values[i].text);
    }
    config_users_clear(config);
    config_renamings_clear(config);
    free(config->values);
    free(config->file_path);
    free(config->import_directory);
    free(config->start_directory);
    free(config);
}

/* --- reading --- */

bool config_bool(const struct config *config, enum config_id id)
{
    return config_number(config, id) != 0;
}

int64_t config_number(const struct config *config, enum config_id id)
{
    CHECK(!is_text(&config_directives[id]));
    return atomic_load_explicit(&config->values[id].number, memory_order_relaxed);
}

struct slice config_text(const struct config *config, enum config_id id)
{
    CHECK(is_text(&config_directives[id]));
    return buffer_slice(&config->values[id].text);
}

struct config_output_limit config_output_limit(const struct config *config, enum client_class class)
{
    return (struct config_output_limit){
        .hard = atomic_load_explicit(&config->output_limits[class].hard, memory_order_relaxed),
        .soft = atomic_load_explicit(&config->output_limits[class].soft, memory_order_relaxed),
        .soft_seconds =
            atomic_load_explicit(&config->output_limits[class].soft_seconds, memory_order_relaxed)};
}

bool config_wants_replicas(const struct config *config)
{
    return config_number(config, CONFIG_MIN_REPLICAS_TO_WRITE) > 0 &&
           config_number(config, CONFIG_MIN_REPLICAS_MAX_LAG) > 0;
}

uint32_t config_event_classes_locked(const struct config *config)
{
    return config->event_classes;
}

const char *config_import_directory(const struct config *config)
{
    return config->import_directory;
}

const char *config_file_path(const struct config *config)
{
    return config->file_path;
}

static const char *word_of_choice(const struct directive *directive, int64_t number)
{
    const struct directive_choice *choice = directive->choices;
    while (choice->word != NULL && choice->value != number) {
        choice++;
    }
    CHECK(choice->word != NULL);
    return choice->word;
}

enum status config_format(const struct config *config, const struct directive *directive,
                          struct buffer *out)
{
    const struct config_value *value = config_value_of(config, directive);
    if (is_text(directive)) {
        return buffer_append(out, value->text.data, value->text.size);
    }
    int64_t number = atomic_load(&value->number);
    char digits[32];
    const char *words = digits;
    switch (directive->type) {
    case DIRECTIVE_BOOL:
        words = number != 0 ? "yes" : "no";
        break;
    case DIRECTIVE_CHOICE:
        words = word_of_choice(directive, number);
        break;
    case DIRECTIVE_OCTAL:
        (void)snprintf(digits, sizeof(digits), "%" PRIo64, (uint64_t)number);
        break;
    default:
        if (directive->type == DIRECTIVE_PERCENT && number < 0) {
            (void)snprintf(digits, sizeof(digits), "%" PRId64 "%%", -number);
        } else {
            (void)snprintf(digits, sizeof(digits), "%" PRId64, number);
        }
        break;
    }
    return buffer_append(out, words, strlen(words));
}

/* Is this one given although it has no effect, for the reason `help`? */
static bool is_given_in_vain(const struct config *config, size_t i, const char *help)
{
    const struct directive *directive = &config_directives[i];
    return (directive->flags & DIRECTIVE_IGNORED) != 0 && config->values[i].given &&
           strcmp(directive->help, help) == 0;
}

/* The names of those that have no effect for the reason of the first of them. */
static enum status append_of_one_reason(const struct config *config, size_t first,
                                        struct buffer *names)
{
    enum status status = STATUS_OK;
    for (size_t i = first; i < config_directive_count && status == STATUS_OK; i++) {
        const struct directive *directive = &config_directives[i];
        if (is_given_in_vain(config, i, config_directives[first].help)) {
            status = names->size > 0 ? buffer_append(names, ", ", 2) : STATUS_OK;
            if (status == STATUS_OK) {
                status = buffer_append(names, directive->name, strlen(directive->name));
            }
        }
    }
    return status;
}

/* Is it given in vain, and none before it for the same reason? */
static bool is_first_of_reason(const struct config *config, size_t i)
{
    const char *help = config_directives[i].help;
    size_t first = 0;
    while (first < i && !is_given_in_vain(config, first, help)) {
        first++;
    }
    return first == i && is_given_in_vain(config, i, help);
}

void config_log_ignored(const struct config *config)
{
    struct buffer names;
    buffer_init(&names);
    for (size_t i = 0; i < config_directive_count; i++) {
        names.size = 0;
        if (is_first_of_reason(config, i) && append_of_one_reason(config, i, &names) == STATUS_OK) {
            LOG_NOTICE("Configuration without effect (%s): %.*s", config_directives[i].help,
                       (int)names.size, names.data);
        }
    }
    buffer_deinit(&names);
}
