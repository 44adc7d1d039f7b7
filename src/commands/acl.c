/* acl.c - ACL: users and what they may do. What a rule means is known to server/acl_user.h. */
#include "commands/acl.h"

#include "base/hex.h"
#include "base/number.h"
#include "base/random.h"
#include "commands/acl_check.h"
#include "commands/errors.h"
#include "commands/help.h"
#include "commands/table.h"
#include "commands/tables.h"
#include "server/acl.h"
#include "server/config.h"
#include "server/server.h"
#include "server/server_users.h"

#include <string.h>

/* --- changing users --- */

static void acl_setuser(struct call *call)
{
    struct buffer why = {0};
    struct acl_user *staged;
    struct acl *acl = server_acl(call->server);
    const struct acl_rules rules = {.user = call->arguments[2],
                                    .words = call->arguments + 3,
                                    .count = call->argument_count - 3};
    if (!acl_user_is_valid_name(rules.user)) {
        errors_reply(call, ERROR_ACL_NAME);
        return;
    }
    enum status status = acl_stage(acl, &rules, &staged, &why);
    status = status == STATUS_OK ? acl_commit(acl, staged) : status;
    if (status == STATUS_OK) {
        server_users_drop_subscribers_locked(call->server, acl_find(acl, rules.user));
        reply_ok(call->reply);
    } else if (status == STATUS_INVALID) {
        reply_error_format(call->reply, "ERR %.*s", slice_print_size(buffer_slice(&why)), why.data);
    } else {
        errors_reply_status(call, status);
    }
    buffer_deinit(&why);
}

static void acl_deluser(struct call *call)
{
    int64_t deleted = 0;
    struct acl *acl = server_acl(call->server);
    for (size_t i = 2; i < call->argument_count; i++) {
        if (slice_equal(call->arguments[i], ACL_DEFAULT_USER)) {
            errors_reply(call, ERROR_ACL_DEFAULT_STAYS);
            return;
        }
    }
    for (size_t i = 2; i < call->argument_count; i++) {
        struct acl_user *user = acl_find(acl, call->arguments[i]);
        if (user != NULL) {
            acl_remove(acl, user);
            server_users_drop_locked(call->server, user);
            acl_user_destroy(user);
            deleted++;
        }
    }
    reply_integer(call->reply, deleted);
}

/* --- the file of users --- */

/* False: there is none, and the error is written. */
static bool has_file(const struct call *call)
{
    if (config_text(server_config(call->server), CONFIG_ACLFILE).size > 0) {
        return true;
    }
    errors_reply(call, ERROR_ACL_NO_FILE);
    return false;
}

static void acl_load(struct call *call)
{
    struct buffer why = {0};
    if (!has_file(call)) {
        return;
    }
    enum status status = server_users_reload_locked(call->server, &why);
    if (status == STATUS_OK) {
        reply_ok(call->reply);
    } else if (status == STATUS_INVALID) {
        reply_error_format(call->reply, "ERR %.*s", slice_print_size(buffer_slice(&why)), why.data);
    } else {
        errors_reply_status(call, status);
    }
    buffer_deinit(&why);
}

static void acl_save(struct call *call)
{
    if (!has_file(call)) {
        return;
    }
    if (server_users_save_locked(call->server) == STATUS_OK) {
        reply_ok(call->reply);
    } else {
        errors_reply(call, ERROR_ACL_NOT_SAVED);
    }
}

/* --- ACL GENPASS, ACL DRYRUN --- */

#define PASSWORD_BITS_DEFAULT 256
#define PASSWORD_BITS_MAX     4096

static void acl_genpass(struct call *call)
{
    int64_t bits = PASSWORD_BITS_DEFAULT;
    if (call->argument_count > 3) {
        acl_show_wrong_arguments(call);
        return;
    }
    if (call->argument_count == 3 && !number_parse(call->arguments[2], &bits)) {
        errors_reply(call, ERROR_NOT_INTEGER);
        return;
    }
    if (bits < 1 || bits > PASSWORD_BITS_MAX) {
        errors_reply(call, ERROR_ACL_PASSWORD_BITS);
        return;
    }
    uint8_t bytes[PASSWORD_BITS_MAX / 8];
    char text[PASSWORD_BITS_MAX / 4 + 1];
    random_fill(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), text);
    reply_bulk(call->reply, slice_make(text, (size_t)(bits + 3) / 4));
}

static void reply_verdict(struct call *call, const struct request_words *request,
                          enum acl_verdict verdict, size_t culprit)
{
    char name[COMMAND_NAME_SIZE_MAX];
    struct slice subject = request->arguments[culprit];
    subject.size = strnlen(subject.data, subject.size); /* as Redis shows it */
    struct slice parts[3] = {SLICE_LITERAL("This user has no permissions to access the '"), subject,
                             SLICE_LITERAL("' key")};
    if (verdict == ACL_DENIED_COMMAND) {
        parts[0] = SLICE_LITERAL("This user has no permissions to run the '");
        parts[1] = slice_of_string(table_full_name(request->command, name));
        parts[2] = SLICE_LITERAL("' command");
    } else if (verdict == ACL_DENIED_CHANNEL) {
        parts[2] = SLICE_LITERAL("' channel");
    }
    struct buffer text = {0};
    for (size_t i = 0; i < 3; i++) {
        if (buffer_append(&text, parts[i].data, parts[i].size) != STATUS_OK) {
            call->reply->failed = true;
        }
    }
    reply_bulk(call->reply, buffer_slice(&text));
    buffer_deinit(&text);
}

static void acl_dryrun(struct call *call)
{
    size_t culprit;
    struct request_words request = {.arguments = call->arguments + 3,
                                    .argument_count = call->argument_count - 3};
    const struct acl_user *user = acl_find(server_acl(call->server), call->arguments[2]);
    if (user == NULL) {
        errors_reply_about(call->reply, ERROR_ACL_NO_USER, call->arguments[2]);
        return;
    }
    request.command = table_find_call(request.arguments, request.argument_count);
    if (request.command == NULL) {
        errors_reply_about(call->reply, ERROR_ACL_NO_COMMAND, request.arguments[0]);
        return;
    }
    if (!table_is_arity_right(request.command, request.argument_count)) {
        errors_reply_for(call->reply, request.command, ERROR_ARITY);
        return;
    }
    enum acl_verdict verdict = acl_check(user, &request, &culprit);
    if (verdict == ACL_ALLOWED) {
        reply_ok(call->reply);
    } else {
        reply_verdict(call, &request, verdict, culprit);
    }
}

static void acl_help(struct call *call)
{
    static const char *const lines[] = {
        "CAT [<category>]",
        "    List the commands of a category, or the categories when none is named.",
        "DELUSER <username> [<username> ...]",
        "    Remove users and close their connections.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Tell whether a user may execute a command, without executing it.",
        "GETUSER <username>",
        "    Show a user: flags, passwords' hashes, commands, keys, channels, selectors.",
        "GENPASS [<bits>]",
        "    Make a password of 256 random bits, or of as many as are asked for.",
        "LIST",
        "    Show all users as lines of a configuration file.",
        "LOAD",
        "    Read the file of users (aclfile) again.",
        "LOG [<count> | RESET]",
        "    Show what was refused lately, or forget it.",
        "SAVE",
        "    Write the users into the file of users (aclfile).",
        "SETUSER <username> <attribute> [<attribute> ...]",
        "    Make a user or change one: all attributes, or none when one is refused.",
        "USERS",
        "    List the names of all users.",
        "WHOAMI",
        "    Tell whose this connection is.",
        NULL,
    };
    help_reply(call, lines);
}

/* ACL SETUSER name >password: the rules, and the name as well, as Redis does. */
static bool hides_rules(const struct slice *arguments, size_t count, size_t index)
{
    (void)arguments;
    (void)count;
    return index >= 2;
}

#define FOR_ALL    (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)
#define FOR_ADMINS (FOR_ALL | COMMAND_ADMIN)
#define ROW_COMMON .group = "server", .parent = &acl_commands[0]
#define EACH_USER  "O(N) where N is the number of users"

static const struct command acl_subcommands[] = {
    {.name = "cat",
     .handler = acl_show_cat,
     .arity = -2,
     .flags = FOR_ALL,
     .since = "6.0.0",
     .summary = "Lists the categories of commands, or the commands of one",
     .complexity = "O(N) where N is the number of commands",
     .syntax = "[categoryname]",
     ROW_COMMON},
    {.name = "deluser",
     .handler = acl_deluser,
     .arity = -3,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Removes users and closes their connections",
     .complexity = "O(N) where N is the number of users and of connections",
     .syntax = "username...",
     ROW_COMMON},
    {.name = "dryrun",
     .handler = acl_dryrun,
     .arity = -4,
     .flags = FOR_ADMINS,
     .since = "7.0.0",
     .summary = "Tells whether a user may execute a command, without executing it",
     .complexity = "O(1)",
     .syntax = "username command [arg...]",
     ROW_COMMON},
    {.name = "genpass",
     .handler = acl_genpass,
     .arity = -2,
     .flags = FOR_ALL,
     .since = "6.0.0",
     .summary = "Makes a random password",
     .complexity = "O(1)",
     .syntax = "[bits:integer]",
     ROW_COMMON},
    {.name = "getuser",
     .handler = acl_show_getuser,
     .arity = 3,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Shows what a user may do",
     .complexity = "O(N) where N is the number of the user's rules",
     .syntax = "username",
     ROW_COMMON},
    {.name = "list",
     .handler = acl_show_list,
     .arity = 2,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Shows all users as lines of a configuration file",
     .complexity = EACH_USER,
     ROW_COMMON},
    {.name = "load",
     .handler = acl_load,
     .arity = 2,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Reads the file of users again",
     .complexity = EACH_USER,
     ROW_COMMON},
    {.name = "log",
     .handler = acl_show_log,
     .arity = -2,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Shows which commands and logins were refused lately",
     .complexity = "O(N) where N is the number of entries shown",
     .syntax = "[operation<count:integer | RESET>]",
     ROW_COMMON},
    {.name = "save",
     .handler = acl_save,
     .arity = 2,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Writes the users into the file of users",
     .complexity = EACH_USER,
     ROW_COMMON},
    {.name = "setuser",
     .handler = acl_setuser,
     .arity = -3,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Makes a user or changes what one may do",
     .complexity = "O(N) where N is the number of rules",
     .syntax = "username [rule...]",
     .hides = hides_rules,
     ROW_COMMON},
    {.name = "users",
     .handler = acl_show_users,
     .arity = 2,
     .flags = FOR_ADMINS,
     .since = "6.0.0",
     .summary = "Lists the names of all users",
     .complexity = EACH_USER,
     ROW_COMMON},
    {.name = "whoami",
     .handler = acl_show_whoami,
     .arity = 2,
     .flags = FOR_ALL,
     .since = "6.0.0",
     .summary = "Tells the name of the connection's user",
     .complexity = "O(1)",
     ROW_COMMON},
    {.name = "help",
     .handler = acl_help,
     .arity = 2,
     .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "6.0.0",
     .summary = "Lists the subcommands",
     .complexity = "O(1)",
     ROW_COMMON},
    {0},
};

const struct command acl_commands[] = {
    {.name = "acl",
     .arity = -2,
     .group = "server",
     .since = "6.0.0",
     .summary = "A container for the commands about users and their rights",
     .complexity = "Depends on subcommand.",
     .subcommands = acl_subcommands},
    {0},
};
