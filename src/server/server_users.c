/* server_users.c - see server_users.h. */
#include "server/server_users.h"

#include "base/log.h"
#include "server/config.h"
#include "server/server_state.h"
#include "server/small_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* It holds hashes of passwords. */
#define MODE_OF_NEW_FILE 0600

/* --- sessions --- */

void server_users_begin_locked(struct server *server, struct session *session)
{
    session->user = acl_default_user(server->acl);
    session->authenticated = !acl_asks_for_login(server->acl);
}

bool server_users_login_locked(struct server *server, struct session *session, struct slice user,
                               struct slice password)
{
    const struct acl_user *found = acl_find(server->acl, user);
    if (found == NULL || !acl_user_accepts(found, password)) {
        return false;
    }
    session->user = found;
    session->authenticated = true;
    return true;
}

/* Nothing more of these sessions is executed, but their user must not dangle either. */
void server_users_drop_locked(struct server *server, const struct acl_user *user)
{
    for (struct session *each = server->sessions.first; each != NULL; each = each->next) {
        if (each->user == user) {
            each->user = acl_default_user(server->acl);
            server_kill_locked(server, each);
        }
    }
}

static bool may_stay_subscribed(const struct subscriber *subscriber, const struct acl_user *user)
{
    for (size_t kind = 0; kind < PUBSUB_KIND_COUNT; kind++) {
        const struct subscription *each = pubsub_first_of(subscriber, (enum pubsub_kind)kind);
        for (; each != NULL; each = each->next_of_subscriber) {
            if (!acl_user_allows_channel(user, each->topic->item.name, kind == PUBSUB_PATTERN)) {
                return false;
            }
        }
    }
    return true;
}

void server_users_drop_subscribers_locked(struct server *server, const struct acl_user *user)
{
    for (struct session *each = server->sessions.first; each != NULL; each = each->next) {
        if (each->user == user && !each->close_asap &&
            !may_stay_subscribed(&each->subscriber, user)) {
            server_kill_locked(server, each);
        }
    }
}

/* --- the file of users --- */

static struct slice file_of(const struct server *server)
{
    return config_text(server->config, CONFIG_ACLFILE);
}

static enum status say(struct buffer *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum status say(struct buffer *why, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    enum status status = buffer_append(why, text, strlen(text));
    return status == STATUS_OK ? STATUS_INVALID : status;
}

/* *old, of which nothing may be left to sessions, is the caller's to clear. */
static enum status load_file(struct server *server, struct acl_users *old, struct buffer *why)
{
    struct buffer text = {0};
    struct acl_users users = {0};
    const char *path = file_of(server).data;
    if (!small_file_read(path, &text)) {
        buffer_deinit(&text);
        return say(why, "Error loading ACLs, opening file '%s': %s", path, small_file_words(errno));
    }
    const struct acl_text file = {.origin = path, .text = buffer_slice(&text)};
    enum status status = acl_users_parse(&file, acl_terms(server->acl), &users, why);
    status = status == STATUS_OK ? acl_exchange(server->acl, &users) : status;
    buffer_deinit(&text);
    if (status != STATUS_OK) {
        acl_users_clear(&users);
        return status;
    }
    *old = users;
    return STATUS_OK;
}

enum status server_users_reload_locked(struct server *server, struct buffer *why)
{
    struct acl_users old = {0};
    enum status status = load_file(server, &old, why);
    if (status == STATUS_OK) {
        for (size_t i = 0; i < old.count; i++) {
            server_users_drop_locked(server, old.items[i]);
        }
        acl_users_clear(&old);
    }
    return status;
}

enum status server_users_save_locked(struct server *server)
{
    struct buffer text = {0};
    const char *path = file_of(server).data;
    enum status status =
        acl_users_describe(acl_users(server->acl), acl_terms(server->acl)->commands, &text);
    if (status == STATUS_OK && !small_file_replace(path, buffer_slice(&text), MODE_OF_NEW_FILE)) {
        LOG_WARNING("The users can't be written to the aclfile %s: %s. The file is as it was.",
                    path, strerror(errno));
        status = STATUS_IO;
    }
    buffer_deinit(&text);
    return status;
}

/* --- users of the configuration --- */

static enum status set_user(struct server *server, const struct acl_rules *rules,
                            struct buffer *why)
{
    struct acl_user *staged;
    enum status status = acl_stage(server->acl, rules, &staged, why);
    return status == STATUS_OK ? acl_commit(server->acl, staged) : status;
}

static enum status load_user(struct server *server, const struct config_user *line,
                             struct buffer *why)
{
    const struct slice reset = SLICE_LITERAL("reset");
    struct acl_rules rules = {.user = line->words[0], .words = &reset, .count = 1};
    enum status status = STATUS_OK;
    if (!acl_user_is_valid_name(rules.user)) {
        return say(why, "Usernames can't contain spaces or null characters");
    }
    if (slice_equal(rules.user, ACL_DEFAULT_USER)) {
        status = set_user(server, &rules, why);
    }
    rules.words = line->words + 1;
    rules.count = line->count - 1;
    status = status == STATUS_OK ? set_user(server, &rules, why) : status;
    if (status == STATUS_OK && !acl_find(server->acl, rules.user)->enabled) {
        LOG_NOTICE("%s: the user '%.*s' is disabled: its rules have no 'on'.", line->place,
                   (int)rules.user.size, rules.user.data);
    }
    return status;
}

static enum status fail(struct error *error, const char *place, const struct buffer *why)
{
    return error_set(error, STATUS_INVALID, "%s: %.*s; correct the line", place,
                     slice_print_size_of(buffer_slice(why), 400), why->data);
}

static enum status load_lines(struct server *server, struct error *error)
{
    struct buffer why = {0};
    const struct config_user *line = config_users(server->config);
    enum status status = STATUS_OK;
    for (; line != NULL && status == STATUS_OK; line = line->next) {
        status = load_user(server, line, &why);
        if (status == STATUS_INVALID) {
            (void)fail(error, line->place, &why);
        }
    }
    buffer_deinit(&why);
    return status;
}

static enum status load_at_start(struct server *server, struct error *error)
{
    struct buffer why = {0};
    struct acl_users old = {0};
    enum status status = load_file(server, &old, &why);
    if (status == STATUS_INVALID) {
        (void)error_set(error, status,
                        "the aclfile: %.*s; correct it, or put it back (no backup of a store has "
                        "it). A new one needs a line such as \"user default on >password ~* &* "
                        "+@all\": an empty one lets anybody in",
                        slice_print_size_of(buffer_slice(&why), 300), why.data);
    }
    acl_users_clear(&old);
    buffer_deinit(&why);
    return status;
}

/* What users say of the default one counts more, in Redis as well. */
static void warn_of_requirepass(const struct server *server)
{
    struct slice password = config_text(server->config, CONFIG_REQUIREPASS);
    const struct acl_user *user = acl_default_user(server->acl);
    if (password.size > 0 && user->enabled &&
        (user->no_password || !acl_user_accepts(user, password))) {
        LOG_WARNING("requirepass is without effect: %s says what the user 'default' needs. Give it "
                    "the password there: user default on >password ~* &* +@all",
                    file_of(server).size > 0 ? "the aclfile" : "the configuration");
    }
}

enum status server_users_load(struct server *server, struct error *error)
{
    bool has_file = file_of(server).size > 0;
    if (has_file && config_users(server->config) != NULL) {
        return error_set(error, STATUS_INVALID,
                         "users stand in an aclfile and in %s: move them all to one place",
                         config_users(server->config)->place);
    }
    enum status status = has_file ? load_at_start(server, error) : load_lines(server, error);
    acl_mark_unchanged(server->acl);
    if (status == STATUS_OK) {
        warn_of_requirepass(server);
    }
    return status == STATUS_NO_MEMORY ? error_set(error, status, "out of memory") : status;
}

/* --- following the configuration --- */

static enum status apply_requirepass(void *context, struct error *error)
{
    struct server *server = context;
    enum status status =
        acl_set_default_password(server->acl, config_text(server->config, CONFIG_REQUIREPASS));
    return status == STATUS_OK ? status : error_set(error, status, "out of memory");
}

static enum status apply_channels(void *context, struct error *error)
{
    const struct server *server = context;
    (void)error;
    acl_set_default_channels(server->acl,
                             config_number(server->config, CONFIG_ACL_PUBSUB_DEFAULT) != 0);
    return STATUS_OK;
}

static bool is_changed(void *context)
{
    const struct server *server = context;
    return acl_is_changed(server->acl);
}

/* Is the default user the only one, and just what requirepass makes of it? */
static bool is_said_by_requirepass(const struct server *server, const struct buffer *lines)
{
    struct acl *fresh;
    struct buffer text = {0};
    const struct acl_commands *commands = acl_terms(server->acl)->commands;
    if (acl_create(commands, &fresh) != STATUS_OK) {
        return false;
    }
    enum status status =
        acl_set_default_password(fresh, config_text(server->config, CONFIG_REQUIREPASS));
    status = status == STATUS_OK ? acl_users_describe(acl_users(fresh), commands, &text) : status;
    bool is_same = status == STATUS_OK && slice_equal(buffer_slice(&text), buffer_slice(lines));
    buffer_deinit(&text);
    acl_destroy(fresh);
    return is_same;
}

/* With an aclfile the configuration file has no users. */
static enum status describe(void *context, struct buffer *lines)
{
    const struct server *server = context;
    const struct acl_users *users = acl_users(server->acl);
    struct buffer line = {0};
    enum status status = STATUS_OK;
    if (file_of(server).size > 0) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < users->count && status == STATUS_OK; i++) {
        line.size = 0;
        status = acl_users_describe_one(users->items[i], acl_terms(server->acl)->commands, &line);
        status =
            status == STATUS_OK ? config_users_append_line(lines, buffer_slice(&line)) : status;
    }
    buffer_deinit(&line);
    if (status == STATUS_OK && is_said_by_requirepass(server, lines)) {
        lines->size = 0;
    }
    return status;
}

enum status server_users_init(struct server *server)
{
    struct error ignored;
    struct config *config = server->config;
    const struct config_user_source source = {
        .is_changed = is_changed, .describe = describe, .context = server};
    config_set_user_source(config, &source);
    config_on_change(config, CONFIG_REQUIREPASS, apply_requirepass, server);
    config_on_change(config, CONFIG_ACL_PUBSUB_DEFAULT, apply_channels, server);
    enum status status = apply_channels(server, &ignored);
    return status == STATUS_OK ? apply_requirepass(server, &ignored) : status;
}
