/* config_set.c - CONFIG GET and CONFIG SET: see config.h. */
#include "base/check.h"
#include "server/config.h"
#include "server/config_values.h"

#include <stdlib.h>

/* --- CONFIG GET --- */

static bool has_wildcard(struct slice pattern)
{
    for (size_t i = 0; i < pattern.size; i++) {
        if (strchr("*?[", pattern.data[i]) != NULL && pattern.data[i] != '\0') {
            return true;
        }
    }
    return false;
}

static enum status tell(const struct config *config, const struct config_query *query,
                        const struct directive *directive, struct slice name)
{
    struct buffer value = {0};
    enum status status = config_format(config, directive, &value);
    if (status == STATUS_OK) {
        query->emit(query->context, name, buffer_slice(&value));
    }
    buffer_deinit(&value);
    return status;
}

/* Told once, spelled as the first argument that means it: a pattern leaves the name as it is, a
 * name without wildcards is told as the client wrote it. */
static enum status tell_if_asked(const struct config *config, const struct config_query *query,
                                 const struct directive *directive, const char *name)
{
    bool hidden = (directive->flags & DIRECTIVE_HIDDEN) != 0;
    struct slice own = slice_of_string(name);
    for (size_t i = 0; i < query->pattern_count; i++) {
        struct slice pattern = query->patterns[i];
        if (has_wildcard(pattern)) {
            if (!hidden && query->match(pattern, own, true)) {
                return tell(config, query, directive, own);
            }
        } else if (slice_is_word(pattern, name)) {
            return tell(config, query, directive, pattern);
        }
    }
    return STATUS_OK;
}

enum status config_get_locked(const struct config *config, const struct config_query *query)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < config_directive_count && status == STATUS_OK; i++) {
        const struct directive *directive = &config_directives[i];
        status = tell_if_asked(config, query, directive, directive->name);
        if (status == STATUS_OK && directive->alias != NULL) {
            status = tell_if_asked(config, query, directive, directive->alias);
        }
    }
    return status;
}

/* --- CONFIG SET --- */

/* One pair, and what stood there before. */
struct change {
    const struct directive *directive;
    const char *name; /* of the two, the one that was meant */
    struct slice value;
    struct buffer previous;
    bool assigned;
};

static enum status refuse(struct error *error, const char *name, const char *why)
{
    return error_set(error, STATUS_INVALID,
                     "CONFIG SET failed (possibly related to argument '%s') - %s", name, why);
}

/* The same while names are looked at, which are told as the client wrote them. */
static enum status refuse_name(struct error *error, struct slice name, const char *why)
{
    return error_set(error, STATUS_INVALID,
                     "CONFIG SET failed (possibly related to argument '%.*s') - %s", (int)name.size,
                     name.data, why);
}

static enum status find(struct slice name, bool may_protected, struct change *change,
                        struct error *error)
{
    change->directive = config_find_directive(name);
    if (change->directive == NULL) {
        return error_set(error, STATUS_INVALID,
                         "Unknown option or number of arguments for CONFIG SET - '%.*s'",
                         slice_print_size_of(name, 128), name.data);
    }
    const struct directive *directive = change->directive;
    change->name = slice_is_word(name, directive->name) ? directive->name : directive->alias;
    if ((directive->flags & DIRECTIVE_PROTECTED) != 0 && !may_protected) {
        return refuse_name(error, name, "can't set protected config");
    }
    if ((directive->flags & DIRECTIVE_IMMUTABLE) != 0) {
        return refuse_name(error, name, "can't set immutable config");
    }
    return STATUS_OK;
}

/* Looks at all names first, so that nothing is touched when one is wrong. */
static enum status find_all(const struct slice *pairs, size_t count, bool may_protected,
                            struct change *changes, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = find(pairs[2 * i], may_protected, &changes[i], error);
        if (status != STATUS_OK) {
            return status;
        }
        changes[i].value = pairs[2 * i + 1];
        for (size_t k = 0; k < i; k++) {
            if (changes[k].name == changes[i].name) {
                return refuse_name(error, pairs[2 * i], "duplicate parameter");
            }
        }
    }
    return STATUS_OK;
}

static enum status assign_all(struct config *config, struct change *changes, size_t count,
                              struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct error why;
        struct change *change = &changes[i];
        enum status status = config_format(config, change->directive, &change->previous);
        if (status != STATUS_OK) {
            return refuse(error, change->name, "out of memory");
        }
        status = config_assign(config, change->directive, change->value, &why);
        if (status != STATUS_OK) {
            return refuse(error, change->name, why.text);
        }
        change->assigned = true;
    }
    return STATUS_OK;
}

static const struct config_hook *hook_of(const struct config *config,
                                         const struct directive *directive)
{
    ptrdiff_t id = directive - config_directives;
    bool hooked = id < CONFIG_NAMED_COUNT && config->hooks[id].apply != NULL;
    return hooked ? &config->hooks[id] : NULL;
}

static enum status apply_all(const struct config *config, const struct change *changes,
                             size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct error why;
        const struct config_hook *hook = hook_of(config, changes[i].directive);
        if (hook != NULL && hook->apply(hook->context, &why) != STATUS_OK) {
            return refuse(error, changes[i].name, why.text);
        }
    }
    return STATUS_OK;
}

/* Hooks that have not run yet are run too: to apply a value once more does no harm. */
static void restore_all(struct config *config, struct change *changes, size_t count)
{
    struct error ignored;
    for (size_t i = count; i-- > 0;) {
        struct change *change = &changes[i];
        if (change->assigned) {
            enum status status =
                config_assign(config, change->directive, buffer_slice(&change->previous), &ignored);
            CHECK(status == STATUS_OK);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct config_hook *hook =
            changes[i].assigned ? hook_of(config, changes[i].directive) : NULL;
        if (hook != NULL) {
            enum status status = hook->apply(hook->context, &ignored);
            (void)status; /* It was in force a moment ago. */
        }
    }
}

enum status config_set_locked(struct config *config, const struct slice *pairs, size_t pair_count,
                              bool may_protected, struct error *error)
{
    struct change *changes = calloc(pair_count + 1, sizeof(*changes));
    if (changes == NULL) {
        return error_set(error, STATUS_INVALID, "out of memory");
    }
    enum status status = find_all(pairs, pair_count, may_protected, changes, error);
    if (status == STATUS_OK) {
        status = assign_all(config, changes, pair_count, error);
        if (status == STATUS_OK) {
            status = apply_all(config, changes, pair_count, error);
        }
        if (status != STATUS_OK) {
            restore_all(config, changes, pair_count);
        }
    }
    for (size_t i = 0; i < pair_count; i++) {
        buffer_deinit(&changes[i].previous);
    }
    free(changes);
    return status;
}

void config_on_change(struct config *config, enum config_id id,
                      enum status (*apply)(void *context, struct error *error), void *context)
{
    CHECK(id < CONFIG_NAMED_COUNT);
    config->hooks[id] = (struct config_hook){.apply = apply, .context = context};
}
