/* acl_show.c - ACL CAT GETUSER LIST USERS WHOAMI LOG: what is told of users. */
#include "commands/acl.h"

#include "base/clock.h"
#include "base/number.h"
#include "commands/command_info.h"
#include "commands/errors.h"
#include "commands/table.h"
#include "server/acl.h"
#include "server/category.h"
#include "server/server.h"

#define ENTRIES_DEFAULT 10

void acl_show_wrong_arguments(const struct call *call)
{
    errors_reply_about(call->reply, ERROR_ACL_ARGUMENTS, call->arguments[1]);
}

void acl_show_whoami(struct call *call)
{
    reply_bulk(call->reply, call->session->user->name);
}

/* --- ACL CAT --- */

static void reply_category(struct call *call, uint32_t category)
{
    size_t count = 0;
    struct reply_mark mark = reply_deferred_begin(call->reply);
    for (size_t i = 0; i < table_row_count(); i++) {
        char name[COMMAND_NAME_SIZE_MAX];
        const struct command *row = table_row_at(i);
        if ((command_info_categories(row) & category) != 0) {
            reply_bulk_string(call->reply, table_full_name(row, name));
            count++;
        }
    }
    reply_deferred_array(call->reply, mark, count);
}

void acl_show_cat(struct call *call)
{
    uint32_t category;
    if (call->argument_count > 3) {
        acl_show_wrong_arguments(call);
    } else if (call->argument_count == 2) {
        reply_array(call->reply, CATEGORY_COUNT);
        for (size_t i = 0; i < CATEGORY_COUNT; i++) {
            reply_bulk_string(call->reply, category_table[i].name);
        }
    } else if (category_find(call->arguments[2], &category)) {
        reply_category(call, category);
    } else {
        struct slice shown = call->arguments[2];
        shown.size = shown.size < 128 ? shown.size : 128;
        errors_reply_about(call->reply, ERROR_ACL_CATEGORY, shown);
    }
}

/* --- users --- */

static void reply_text(struct reply *reply, struct buffer *text, enum status status)
{
    if (status == STATUS_OK) {
        reply_bulk(reply, buffer_slice(text));
    } else {
        reply->failed = true;
    }
    buffer_deinit(text);
}

/* Three pairs of a map. */
static void reply_selector(const struct call *call, const struct acl_selector *selector)
{
    struct buffer commands = {0};
    struct buffer keys = {0};
    struct buffer channels = {0};
    const struct acl_commands *names = acl_terms(server_acl(call->server))->commands;
    reply_bulk_string(call->reply, "commands");
    enum status status =
        acl_bits_describe(&selector->commands, names, &selector->first_arguments, &commands);
    reply_text(call->reply, &commands, status);
    reply_bulk_string(call->reply, "keys");
    status = acl_selector_describe_keys(selector, &keys);
    reply_text(call->reply, &keys, status);
    reply_bulk_string(call->reply, "channels");
    status = acl_selector_describe_channels(selector, &channels);
    reply_text(call->reply, &channels, status);
}

void acl_show_getuser(struct call *call)
{
    struct reply *reply = call->reply;
    const char *flags[ACL_USER_FLAGS_MAX];
    const struct acl_user *user = acl_find(server_acl(call->server), call->arguments[2]);
    if (user == NULL) {
        reply_null(reply);
        return;
    }
    reply_map(reply, 6);
    reply_bulk_string(reply, "flags");
    size_t flag_count = acl_user_flags(user, flags);
    reply_set(reply, flag_count);
    for (size_t i = 0; i < flag_count; i++) {
        reply_bulk_string(reply, flags[i]);
    }
    reply_bulk_string(reply, "passwords");
    reply_array(reply, user->passwords.count);
    for (size_t i = 0; i < user->passwords.count; i++) {
        reply_bulk(reply, user->passwords.items[i].text);
    }
    reply_selector(call, &user->selectors[0]);
    reply_bulk_string(reply, "selectors");
    reply_array(reply, user->selector_count - 1);
    for (size_t i = 1; i < user->selector_count; i++) {
        reply_map(reply, 3);
        reply_selector(call, &user->selectors[i]);
    }
}

void acl_show_users(struct call *call)
{
    const struct acl_users *users = acl_users(server_acl(call->server));
    reply_array(call->reply, users->count);
    for (size_t i = 0; i < users->count; i++) {
        reply_bulk(call->reply, users->items[i]->name);
    }
}

void acl_show_list(struct call *call)
{
    const struct acl *acl = server_acl(call->server);
    const struct acl_users *users = acl_users(acl);
    reply_array(call->reply, users->count);
    for (size_t i = 0; i < users->count; i++) {
        struct buffer line = {0};
        enum status status =
            acl_users_describe_one(users->items[i], acl_terms(acl)->commands, &line);
        reply_text(call->reply, &line, status);
    }
}

/* --- ACL LOG --- */

static void reply_entry(struct reply *reply, const struct acl_log_entry *entry, int64_t now_ms)
{
    static const char *const reasons[] = {[ACL_REASON_COMMAND] = "command",
                                          [ACL_REASON_KEY] = "key",
                                          [ACL_REASON_CHANNEL] = "channel",
                                          [ACL_REASON_LOGIN] = "auth"};
    static const char *const contexts[] = {[ACL_CONTEXT_TOP] = "toplevel",
                                           [ACL_CONTEXT_TRANSACTION] = "multi",
                                           [ACL_CONTEXT_SCRIPT] = "lua"};
    const struct acl_event *event = &entry->event;
    reply_map(reply, 7);
    reply_bulk_string(reply, "count");
    reply_integer(reply, (int64_t)entry->count);
    reply_bulk_string(reply, "reason");
    reply_bulk_string(reply, reasons[event->reason]);
    reply_bulk_string(reply, "context");
    reply_bulk_string(reply, contexts[event->context]);
    reply_bulk_string(reply, "object");
    reply_bulk(reply, event->object);
    reply_bulk_string(reply, "username");
    reply_bulk(reply, event->user);
    reply_bulk_string(reply, "age-seconds");
    reply_double(reply, (double)(now_ms - event->time_ms) / 1000);
    reply_bulk_string(reply, "client-info");
    reply_bulk(reply, event->client);
}

static void reply_entries(struct call *call, int64_t wanted)
{
    const struct acl_log *log = acl_log(server_acl(call->server));
    int64_t now_ms = clock_unix_ms();
    size_t count = wanted < 0 ? 0 : (size_t)wanted < log->count ? (size_t)wanted : log->count;
    const struct acl_log_entry *entry = log->newest;
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++, entry = entry->next) {
        reply_entry(call->reply, entry, now_ms);
    }
}

void acl_show_log(struct call *call)
{
    int64_t count = ENTRIES_DEFAULT;
    if (call->argument_count > 3) {
        acl_show_wrong_arguments(call);
    } else if (call->argument_count == 3 && slice_is_word(call->arguments[2], "reset")) {
        acl_log_clear(acl_log(server_acl(call->server)));
        reply_ok(call->reply);
    } else if (call->argument_count == 3 && !number_parse(call->arguments[2], &count)) {
        errors_reply(call, ERROR_NOT_INTEGER);
    } else {
        reply_entries(call, count);
    }
}
