/* acl.c - see acl.h. */
#include "server/acl.h"

#include "base/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct acl {
    struct acl_terms terms;
    struct acl_users users;
    struct acl_user *default_user; /* one of the users, always */
    struct acl_log log;
    bool is_changed;
    _Atomic bool asks_for_login;
    _Atomic bool has_password;
};

static void note_change(struct acl *acl)
{
    const struct acl_user *user = acl->default_user;
    acl->is_changed = true;
    atomic_store(&acl->asks_for_login, !user->enabled || !user->no_password);
    atomic_store(&acl->has_password, !user->no_password);
}

enum status acl_create(const struct acl_commands *commands, struct acl **out)
{
    struct acl *acl = calloc(1, sizeof(*acl));
    if (acl == NULL) {
        return STATUS_NO_MEMORY;
    }
    acl->terms.commands = commands;
    if (acl_users_create_default(&acl->terms, &acl->default_user) != STATUS_OK) {
        free(acl);
        return STATUS_NO_MEMORY;
    }
    if (acl_users_add(&acl->users, acl->default_user) != STATUS_OK) {
        acl_user_destroy(acl->default_user);
        free(acl);
        return STATUS_NO_MEMORY;
    }
    note_change(acl);
    acl->is_changed = false;
    *out = acl;
    return STATUS_OK;
}

void acl_destroy(struct acl *acl)
{
    if (acl != NULL) {
        acl_users_clear(&acl->users);
        acl_log_clear(&acl->log);
        free(acl);
    }
}

const struct acl_terms *acl_terms(const struct acl *acl)
{
    return &acl->terms;
}

const struct acl_users *acl_users(const struct acl *acl)
{
    return &acl->users;
}

struct acl_log *acl_log(struct acl *acl)
{
    return &acl->log;
}

struct acl_user *acl_find(const struct acl *acl, struct slice name)
{
    return acl_users_find(&acl->users, name);
}

struct acl_user *acl_default_user(const struct acl *acl)
{
    return acl->default_user;
}

bool acl_asks_for_login(const struct acl *acl)
{
    return atomic_load_explicit(&acl->asks_for_login, memory_order_relaxed);
}

bool acl_has_password(const struct acl *acl)
{
    return atomic_load_explicit(&acl->has_password, memory_order_relaxed);
}

bool acl_is_changed(const struct acl *acl)
{
    return acl->is_changed;
}

void acl_mark_unchanged(struct acl *acl)
{
    acl->is_changed = false;
}

/* --- changes --- */

void acl_set_default_channels(struct acl *acl, bool all)
{
    acl->terms.all_channels = all;
}

enum status acl_set_default_password(struct acl *acl, struct slice password)
{
    struct buffer rule = {0};
    struct acl_user *user = acl->default_user;
    if (buffer_append(&rule, ">", 1) != STATUS_OK ||
        buffer_append(&rule, password.data, password.size) != STATUS_OK) {
        buffer_deinit(&rule);
        return STATUS_NO_MEMORY;
    }
    enum acl_error error = acl_user_set(user, &acl->terms, SLICE_LITERAL("resetpass"));
    CHECK(error == ACL_ERROR_NONE);
    error = acl_user_set(user, &acl->terms,
                         password.size == 0 ? SLICE_LITERAL("nopass") : buffer_slice(&rule));
    buffer_deinit(&rule);
    note_change(acl);
    return error == ACL_ERROR_NONE ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status complain(struct buffer *why, const char *before, struct slice subject,
                            const char *after)
{
    /* As Redis does, up to a NUL. */
    subject.size = subject.size == 0 ? 0 : strnlen(subject.data, subject.size);
    enum status status = buffer_append(why, before, strlen(before));
    status = status == STATUS_OK ? buffer_append(why, subject.data, subject.size) : status;
    status = status == STATUS_OK ? buffer_append(why, after, strlen(after)) : status;
    return status == STATUS_OK ? STATUS_INVALID : status;
}

static enum status apply(const struct acl *acl, const struct acl_rules *rules,
                         struct acl_user *user, struct buffer *why)
{
    struct word_list joined = {0};
    struct slice culprit;
    enum status status = acl_user_join_rules(rules->words, rules->count, &joined, &culprit);
    if (status == STATUS_INVALID) {
        status =
            complain(why, "Unmatched parenthesis in acl selector starting at '", culprit, "'.");
    }
    for (size_t i = 0; i < joined.count && status == STATUS_OK; i++) {
        char after[256];
        struct slice rule = joined.items[i].text;
        enum acl_error error = acl_user_set(user, &acl->terms, rule);
        if (error == ACL_ERROR_NO_MEMORY) {
            status = STATUS_NO_MEMORY;
        } else if (error != ACL_ERROR_NONE) {
            (void)snprintf(after, sizeof(after), "': %s", acl_error_text(error));
            status = complain(why, "Error in ACL SETUSER modifier '", rule, after);
        }
    }
    word_list_clear(&joined);
    return status;
}

enum status acl_stage(const struct acl *acl, const struct acl_rules *rules, struct acl_user **out,
                      struct buffer *why)
{
    const struct acl_user *old = acl_find(acl, rules->user);
    struct acl_user *user;
    enum status status = old == NULL ? acl_user_create(rules->user, acl->terms.all_channels, &user)
                                     : acl_user_copy(old, &user);
    if (status != STATUS_OK) {
        return status;
    }
    status = apply(acl, rules, user, why);
    if (status != STATUS_OK) {
        acl_user_destroy(user);
        return status;
    }
    *out = user;
    return STATUS_OK;
}

enum status acl_commit(struct acl *acl, struct acl_user *staged)
{
    struct acl_user *old = acl_find(acl, staged->name);
    enum status status = STATUS_OK;
    if (old == NULL) {
        status = acl_users_add(&acl->users, staged);
        old = staged;
    } else {
        acl_user_swap(old, staged);
    }
    if (status != STATUS_OK || old != staged) {
        acl_user_destroy(staged);
    }
    note_change(acl);
    return status;
}

void acl_remove(struct acl *acl, const struct acl_user *user)
{
    CHECK(user != acl->default_user);
    acl_users_remove(&acl->users, user);
    note_change(acl);
}

enum status acl_exchange(struct acl *acl, struct acl_users *users)
{
    struct acl_user *new_default = acl_users_find(users, ACL_DEFAULT_USER);
    if (new_default == NULL) {
        enum status status = acl_users_create_default(&acl->terms, &new_default);
        if (status == STATUS_OK && acl_users_add(users, new_default) != STATUS_OK) {
            acl_user_destroy(new_default);
            status = STATUS_NO_MEMORY;
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    /* The one that stays takes the place of the one that brings its rights. */
    acl_user_swap(acl->default_user, new_default);
    acl_users_remove(users, new_default);
    acl_users_remove(&acl->users, acl->default_user);
    enum status status = acl_users_add(users, acl->default_user);
    CHECK(status == STATUS_OK); /* There is room: one was just taken out. */
    acl_user_destroy(new_default);
    struct acl_users old = acl->users;
    acl->users = *users;
    *users = old;
    note_change(acl);
    return STATUS_OK;
}
