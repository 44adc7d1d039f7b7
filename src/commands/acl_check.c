/* acl_check.c - see acl_check.h. */
#include "commands/acl_check.h"

#include "base/clock.h"
#include "commands/client.h"
#include "commands/command_keys.h"
#include "commands/table.h"
#include "commands/text.h"
#include "server/config.h"
#include "server/server.h"

/* --- the check --- */

static uint32_t access_of(uint32_t key_flags)
{
    uint32_t access = (key_flags & KEY_ACCESS) != 0 ? ACL_READ : 0;
    bool writes = (key_flags & (KEY_INSERT | KEY_DELETE | KEY_UPDATE)) != 0;
    return access | (writes ? ACL_WRITE : 0);
}

static bool allows_keys(const struct acl_selector *selector, const struct request_words *request,
                        size_t *culprit)
{
    if (selector->all_keys) {
        return true;
    }
    struct command_keys keys =
        command_keys_of(request->command, request->arguments, request->argument_count);
    struct command_key key;
    while (command_keys_next(&keys, &key)) {
        if (!acl_selector_allows_key(selector, request->arguments[key.index],
                                     access_of(key.flags))) {
            *culprit = key.index;
            return false;
        }
    }
    return true;
}

static bool allows_channels(const struct acl_selector *selector,
                            const struct request_words *request, size_t *culprit)
{
    const struct channel_spec *spec = &request->command->channels;
    if (spec->begin == 0 || selector->all_channels) {
        return true;
    }
    size_t end = spec->count == 0 ? request->argument_count : spec->begin + spec->count;
    for (size_t i = spec->begin; i < end && i < request->argument_count; i++) {
        if (!acl_selector_allows_channel(selector, request->arguments[i], spec->is_pattern)) {
            *culprit = i;
            return false;
        }
    }
    return true;
}

static enum acl_verdict check_selector(const struct acl_selector *selector,
                                       const struct request_words *request, size_t *culprit)
{
    const struct command *command = request->command;
    size_t first = command->parent == NULL ? 1 : 2;
    const struct slice *first_argument =
        first < request->argument_count ? &request->arguments[first] : NULL;
    bool allows_command =
        (command->flags & COMMAND_NO_AUTH) != 0 ||
        acl_selector_allows_command(selector, table_row_number(command), first_argument);
    if (!allows_command) {
        return ACL_DENIED_COMMAND;
    }
    if (!allows_keys(selector, request, culprit)) {
        return ACL_DENIED_KEY;
    }
    return allows_channels(selector, request, culprit) ? ACL_ALLOWED : ACL_DENIED_CHANNEL;
}

enum acl_verdict acl_check(const struct acl_user *user, const struct request_words *request,
                           size_t *culprit)
{
    enum acl_verdict worst = ACL_DENIED_COMMAND;
    *culprit = 0;
    for (size_t i = 0; i < user->selector_count; i++) {
        size_t at = 0;
        enum acl_verdict verdict = check_selector(&user->selectors[i], request, &at);
        if (verdict == ACL_ALLOWED) {
            return ACL_ALLOWED;
        }
        if (verdict > worst || (verdict == worst && at > *culprit)) {
            worst = verdict;
            *culprit = at;
        }
    }
    return worst;
}

/* --- the log --- */

static void note(const struct session *session, const struct request_words *request,
                 struct acl_event *event)
{
    struct text client;
    const struct call call = {.server = session->server,
                              .session = (struct session *)session,
                              .command = request->command,
                              .arguments = request->arguments,
                              .argument_count = request->argument_count};
    int64_t maximum = config_number(server_config(session->server), CONFIG_ACLLOG_MAX_LEN);
    text_init(&client);
    client_write_info(&client, session, &call);
    event->context = session->transaction.open ? ACL_CONTEXT_TRANSACTION : ACL_CONTEXT_TOP;
    event->client = buffer_slice(&client.bytes);
    event->time_ms = clock_unix_ms();
    acl_log_add(acl_log(server_acl(session->server)), event, (size_t)maximum);
    text_deinit(&client);
}

static void note_denial(const struct session *session, const struct request_words *request,
                        enum acl_verdict verdict, size_t culprit)
{
    char name[COMMAND_NAME_SIZE_MAX];
    struct acl_event event = {.user = session->user->name};
    if (verdict == ACL_DENIED_COMMAND) {
        event.reason = ACL_REASON_COMMAND;
        event.object = slice_of_string(table_full_name(request->command, name));
    } else {
        event.reason = verdict == ACL_DENIED_KEY ? ACL_REASON_KEY : ACL_REASON_CHANNEL;
        event.object = request->arguments[culprit];
    }
    note(session, request, &event);
}

void acl_check_note_login(const struct call *call, struct slice user)
{
    const struct request_words request = {call->command, call->arguments, call->argument_count};
    struct acl_event event = {
        .reason = ACL_REASON_LOGIN, .object = call->arguments[0], .user = user};
    note(call->session, &request, &event);
}

/* --- for dispatch --- */

enum client_error acl_check_session(const struct session *session,
                                    const struct request_words *request)
{
    static const enum client_error errors[] = {
        [ACL_ALLOWED] = ERROR_NONE,
        [ACL_DENIED_COMMAND] = ERROR_NO_RIGHT_TO_COMMAND,
        [ACL_DENIED_KEY] = ERROR_NO_RIGHT_TO_KEY,
        [ACL_DENIED_CHANNEL] = ERROR_NO_RIGHT_TO_CHANNEL,
    };
    size_t culprit;
    enum acl_verdict verdict = acl_check(session->user, request, &culprit);
    if (verdict != ACL_ALLOWED) {
        note_denial(session, request, verdict, culprit);
    }
    return errors[verdict];
}

bool acl_check_queued(const struct call *call)
{
    static const char *const reasons[] = {
        [ACL_ALLOWED] = "",
        [ACL_DENIED_COMMAND] = "no permission to execute the command or subcommand",
        [ACL_DENIED_KEY] = "no permission to touch the specified keys",
        [ACL_DENIED_CHANNEL] = "no permission to access one of the channels used as arguments",
    };
    const struct request_words request = {call->command, call->arguments, call->argument_count};
    size_t culprit;
    if (acl_check_is_spared(call->session)) {
        return true;
    }
    enum acl_verdict verdict = acl_check(call->session->user, &request, &culprit);
    if (verdict == ACL_ALLOWED) {
        return true;
    }
    note_denial(call->session, &request, verdict, culprit);
    errors_reply_about(call->reply, ERROR_RIGHTS_CHANGED, slice_of_string(reasons[verdict]));
    return false;
}
