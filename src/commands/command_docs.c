/* command_docs.c - see command_docs.h. */
#include "commands/command_docs.h"

#include "base/check.h"
#include "commands/syntax.h"
#include "commands/table.h"

/* A field that is there when it has a value; returns how many (0 or 1) were written. */
static size_t reply_field(struct reply *reply, const char *name, struct slice value)
{
    if (value.data == NULL) {
        return 0;
    }
    reply_bulk_string(reply, name);
    reply_bulk(reply, value);
    return 1;
}

static size_t reply_string_field(struct reply *reply, const char *name, const char *value)
{
    return value == NULL ? 0 : reply_field(reply, name, slice_of_string(value));
}

/* --- arguments ------------------------------------------------------------------------------- */

static size_t reply_argument_flags(struct reply *reply, const struct syntax_argument *argument)
{
    size_t count = (size_t)argument->optional + argument->multiple + argument->multiple_token;
    if (count == 0) {
        return 0;
    }
    reply_bulk_string(reply, "flags");
    reply_set(reply, count);
    if (argument->optional) {
        reply_simple(reply, "optional");
    }
    if (argument->multiple) {
        reply_simple(reply, "multiple");
    }
    if (argument->multiple_token) {
        reply_simple(reply, "multiple_token");
    }
    return 1;
}

static void reply_arguments(struct reply *reply, const struct syntax_argument *argument,
                            size_t count);

static void reply_argument(struct reply *reply, const struct syntax_argument *argument)
{
    char scratch[SYNTAX_NAME_SIZE_MAX];
    struct reply_mark mark = reply_deferred_begin(reply);
    size_t fields = reply_field(reply, "name", syntax_name(argument, scratch));
    fields += reply_string_field(reply, "type", syntax_type_name(argument->type));
    if (argument->key_spec_index != SYNTAX_NO_KEY_SPEC) {
        reply_bulk_string(reply, "key_spec_index");
        reply_integer(reply, argument->key_spec_index);
        fields++;
    }
    fields += reply_field(reply, "token", argument->token);
    fields += reply_field(reply, "since", argument->since);
    fields += reply_field(reply, "deprecated_since", argument->deprecated_since);
    fields += reply_argument_flags(reply, argument);
    if (argument->child_count > 0) {
        reply_bulk_string(reply, "arguments");
        reply_arguments(reply, argument + 1, argument->child_count);
        fields++;
    }
    reply_deferred_map(reply, mark, fields);
}

/* `count` arguments of one level, from this on. */
static void reply_arguments(struct reply *reply, const struct syntax_argument *argument,
                            size_t count)
{
    reply_array(reply, count);
    for (size_t i = 0; i < count; i++, argument += argument->size) {
        reply_argument(reply, argument);
    }
}

static size_t reply_syntax(struct reply *reply, const struct command *command)
{
    struct syntax syntax;
    enum status status = syntax_parse(command->syntax, &syntax, NULL);
    CHECK(status != STATUS_INVALID); /* A unit test reads the syntax of every row. */
    if (status != STATUS_OK) {
        reply->failed = true;
        return 0;
    }
    size_t count = syntax.top_count;
    if (count > 0) {
        reply_bulk_string(reply, "arguments");
        reply_arguments(reply, syntax.arguments, count);
    }
    syntax_deinit(&syntax);
    return count > 0 ? 1 : 0;
}

/* --- the command ----------------------------------------------------------------------------- */

static size_t reply_doc_flags(struct reply *reply, const struct command *command)
{
    bool is_system = (command->flags & COMMAND_SYSTEM) != 0;
    bool is_deprecated = command->deprecated_since != NULL;
    if (!is_system && !is_deprecated) {
        return 0;
    }
    reply_bulk_string(reply, "doc_flags");
    reply_set(reply, (size_t)is_system + (size_t)is_deprecated);
    if (is_deprecated) {
        reply_simple(reply, "deprecated");
    }
    if (is_system) {
        reply_simple(reply, "syscmd");
    }
    size_t fields = 1;
    fields += reply_string_field(reply, "deprecated_since", command->deprecated_since);
    fields += reply_string_field(reply, "replaced_by", command->replaced_by);
    return fields;
}

/* The name, and the fields that commands and subcommands have; returns how many. */
static size_t reply_fields(struct reply *reply, const struct command *command)
{
    size_t fields = reply_string_field(reply, "summary", command->summary);
    fields += reply_string_field(reply, "since", command->since);
    fields += reply_string_field(reply, "group", command->group);
    fields += reply_string_field(reply, "complexity", command->complexity);
    fields += reply_doc_flags(reply, command);
    fields += reply_syntax(reply, command);
    return fields;
}

static void reply_name(struct reply *reply, const struct command *command)
{
    char name[COMMAND_NAME_SIZE_MAX];
    reply_bulk_string(reply, table_full_name(command, name));
}

static size_t reply_subcommands(struct reply *reply, const struct command *command)
{
    if (command->subcommands == NULL) {
        return 0;
    }
    reply_bulk_string(reply, "subcommands");
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(reply);
    for (const struct command *sub = command->subcommands; sub->name != NULL; sub++) {
        reply_name(reply, sub);
        struct reply_mark map = reply_deferred_begin(reply);
        size_t fields = reply_fields(reply, sub);
        reply_deferred_map(reply, map, fields);
        count++;
    }
    reply_deferred_map(reply, mark, count);
    return 1;
}

void command_docs_reply(struct reply *reply, const struct command *command)
{
    reply_name(reply, command);
    struct reply_mark mark = reply_deferred_begin(reply);
    size_t fields = reply_fields(reply, command);
    fields += reply_subcommands(reply, command);
    reply_deferred_map(reply, mark, fields);
}
