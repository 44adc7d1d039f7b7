/* acl_user.c - see acl_user.h. */
#include "server/acl_user.h"

#include "server/acl_password.h"

#include <stdlib.h>

#define BLANKS " \t\n\v\f\r"

static bool is_blank(char c)
{
    return c != '\0' && strchr(BLANKS, c) != NULL;
}

bool acl_user_is_valid_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '\0' || is_blank(name.data[i])) {
            return false;
        }
    }
    return true;
}

/* --- life --- */

enum status acl_user_create(struct slice name, bool all_channels, struct acl_user **out)
{
    struct acl_user *user = calloc(1, sizeof(*user));
    char *copy = malloc(name.size + 1);
    struct acl_selector *own = malloc(sizeof(*own));
    if (user == NULL || copy == NULL || own == NULL) {
        free(user);
        free(copy);
        free(own);
        return STATUS_NO_MEMORY;
    }
    if (name.size > 0) {
        memcpy(copy, name.data, name.size);
    }
    copy[name.size] = '\0';
    acl_selector_init(own, all_channels);
    *user = (struct acl_user){
        .name = slice_make(copy, name.size), .selectors = own, .selector_count = 1};
    *out = user;
    return STATUS_OK;
}

static void remove_selectors(struct acl_user *user, size_t from)
{
    while (user->selector_count > from) {
        acl_selector_deinit(&user->selectors[--user->selector_count]);
    }
}

void acl_user_destroy(struct acl_user *user)
{
    if (user == NULL) {
        return;
    }
    remove_selectors(user, 0);
    free(user->selectors);
    word_list_clear(&user->passwords);
    free((void *)user->name.data);
    free(user);
}

/* Takes the selector over. NO_MEMORY: it is the caller's still. */
static enum status add_selector(struct acl_user *user, const struct acl_selector *selector)
{
    struct acl_selector *selectors =
        realloc(user->selectors, (user->selector_count + 1) * sizeof(*selectors));
    if (selectors == NULL) {
        return STATUS_NO_MEMORY;
    }
    user->selectors = selectors;
    user->selectors[user->selector_count++] = *selector;
    return STATUS_OK;
}

static enum status copy_selectors(const struct acl_user *from, struct acl_user *to)
{
    remove_selectors(to, 0);
    for (size_t i = 0; i < from->selector_count; i++) {
        struct acl_selector copy;
        if (acl_selector_copy(&from->selectors[i], &copy) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
        if (add_selector(to, &copy) != STATUS_OK) {
            acl_selector_deinit(&copy);
            return STATUS_NO_MEMORY;
        }
    }
    return STATUS_OK;
}

enum status acl_user_copy(const struct acl_user *user, struct acl_user **out)
{
    struct acl_user *copy;
    if (acl_user_create(user->name, false, &copy) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    copy->enabled = user->enabled;
    copy->no_password = user->no_password;
    copy->sanitize = user->sanitize;
    copy->is_unrestricted = user->is_unrestricted;
    if (word_list_copy(&user->passwords, &copy->passwords) != STATUS_OK ||
        copy_selectors(user, copy) != STATUS_OK) {
        acl_user_destroy(copy);
        return STATUS_NO_MEMORY;
    }
    *out = copy;
    return STATUS_OK;
}

void acl_user_swap(struct acl_user *a, struct acl_user *b)
{
    struct acl_user swapped = *a;
    struct slice name_of_b = b->name;
    *a = *b;
    a->name = swapped.name;
    *b = swapped;
    b->name = name_of_b;
}

/* --- rules --- */

static void note_rights(struct acl_user *user)
{
    user->is_unrestricted = false;
    for (size_t i = 0; i < user->selector_count; i++) {
        const struct acl_selector *selector = &user->selectors[i];
        user->is_unrestricted =
            user->is_unrestricted ||
            (selector->all_commands && selector->all_keys && selector->all_channels);
    }
}

static void set_passwords(struct acl_user *user, bool none_needed)
{
    user->no_password = none_needed;
    word_list_clear(&user->passwords);
}

static void reset(struct acl_user *user, const struct acl_terms *terms)
{
    set_passwords(user, false);
    user->enabled = false;
    user->sanitize = ACL_SANITIZE;
    remove_selectors(user, 0);
    acl_selector_init(&user->selectors[0], terms->all_channels);
    user->selector_count = 1;
}

/* The rules that are words. False: it is none of them. */
static bool set_by_word(struct acl_user *user, const struct acl_terms *terms, struct slice rule)
{
    if (slice_is_word(rule, "on")) {
        user->enabled = true;
    } else if (slice_is_word(rule, "off")) {
        user->enabled = false;
    } else if (slice_is_word(rule, "skip-sanitize-payload")) {
        user->sanitize = ACL_SANITIZE_SKIP;
    } else if (slice_is_word(rule, "sanitize-payload")) {
        user->sanitize = ACL_SANITIZE;
    } else if (slice_is_word(rule, "nopass")) {
        set_passwords(user, true);
    } else if (slice_is_word(rule, "resetpass")) {
        set_passwords(user, false);
    } else if (slice_is_word(rule, "clearselectors")) {
        remove_selectors(user, 1);
    } else if (slice_is_word(rule, "reset")) {
        reset(user, terms);
    } else {
        return false;
    }
    return true;
}

/* ">password", "#hash": added; "<password", "!hash": removed. */
static enum acl_error set_password(struct acl_user *user, struct slice rule)
{
    char hash[ACL_HASH_SIZE + 1];
    struct slice text = slice_part(rule, 1, rule.size - 1);
    char mark = rule.data[0];
    if (mark == '>' || mark == '<') {
        acl_password_hash(text, hash);
        text = slice_make(hash, ACL_HASH_SIZE);
    } else if (!acl_password_is_hash(text)) {
        return ACL_ERROR_BAD_HASH;
    }
    size_t index = word_list_find(&user->passwords, text);
    if (mark == '<' || mark == '!') {
        if (index == WORD_LIST_ABSENT) {
            return ACL_ERROR_NO_SUCH_PASSWORD;
        }
        word_list_remove(&user->passwords, index);
        return ACL_ERROR_NONE;
    }
    if (index == WORD_LIST_ABSENT && word_list_add(&user->passwords, text, 0) != STATUS_OK) {
        return ACL_ERROR_NO_MEMORY;
    }
    user->no_password = false;
    return ACL_ERROR_NONE;
}

/* "(rule rule ...)" */
static enum acl_error add_selector_of(struct acl_user *user, const struct acl_terms *terms,
                                      struct slice rule)
{
    struct acl_selector selector;
    acl_selector_init(&selector, terms->all_channels);
    struct slice rest = slice_part(rule, 1, rule.size - 2);
    enum acl_error error = ACL_ERROR_NONE;
    for (struct slice word = slice_next_word(&rest); word.size > 0 && error == ACL_ERROR_NONE;
         word = slice_next_word(&rest)) {
        error = acl_selector_set(&selector, terms->commands, word);
    }
    if (error == ACL_ERROR_NONE && add_selector(user, &selector) != STATUS_OK) {
        error = ACL_ERROR_NO_MEMORY;
    }
    if (error != ACL_ERROR_NONE) {
        acl_selector_deinit(&selector);
    }
    return error;
}

static enum acl_error set(struct acl_user *user, const struct acl_terms *terms, struct slice rule)
{
    if (rule.size == 0 || set_by_word(user, terms, rule)) {
        return ACL_ERROR_NONE;
    }
    if (strchr("><#!", rule.data[0]) != NULL && rule.data[0] != '\0') {
        return set_password(user, rule);
    }
    if (rule.size > 1 && rule.data[0] == '(' && rule.data[rule.size - 1] == ')') {
        return add_selector_of(user, terms, rule);
    }
    return acl_selector_set(&user->selectors[0], terms->commands, rule);
}

enum acl_error acl_user_set(struct acl_user *user, const struct acl_terms *terms, struct slice rule)
{
    enum acl_error error = set(user, terms, rule);
    note_rights(user);
    return error;
}

static bool opens(struct slice word)
{
    return word.size > 0 && word.data[0] == '(' && word.data[word.size - 1] != ')';
}

static bool closes(struct slice word)
{
    return word.size > 0 && word.data[word.size - 1] == ')';
}

enum status acl_user_join_rules(const struct slice *words, size_t count, struct word_list *rules,
                                struct slice *culprit)
{
    struct buffer joined = {0};
    const struct slice *first = NULL; /* of the selector that is open */
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (opens(words[i])) {
            first = &words[i];
            joined.size = 0;
            status = buffer_append(&joined, words[i].data, words[i].size);
            continue;
        }
        if (first == NULL) {
            status = word_list_add(rules, words[i], 0);
            continue;
        }
        status = buffer_append(&joined, " ", 1);
        status =
            status == STATUS_OK ? buffer_append(&joined, words[i].data, words[i].size) : status;
        if (status == STATUS_OK && closes(words[i])) {
            status = word_list_add(rules, buffer_slice(&joined), 0);
            first = NULL;
        }
    }
    buffer_deinit(&joined);
    if (status == STATUS_OK && first != NULL) {
        *culprit = *first;
        status = STATUS_INVALID;
    }
    return status;
}

/* --- questions --- */

/* All passwords are compared, whichever is right. */
bool acl_user_accepts(const struct acl_user *user, struct slice password)
{
    char hash[ACL_HASH_SIZE + 1];
    bool is_right = false;
    if (!user->enabled) {
        return false;
    }
    if (user->no_password) {
        return true;
    }
    acl_password_hash(password, hash);
    for (size_t i = 0; i < user->passwords.count; i++) {
        bool is_same = acl_password_is_same_hash(slice_make(hash, ACL_HASH_SIZE),
                                                 user->passwords.items[i].text);
        is_right = is_right || is_same;
    }
    return is_right;
}

bool acl_user_allows_channel(const struct acl_user *user, struct slice channel, bool is_pattern)
{
    for (size_t i = 0; i < user->selector_count; i++) {
        if (acl_selector_allows_channel(&user->selectors[i], channel, is_pattern)) {
            return true;
        }
    }
    return false;
}

size_t acl_user_flags(const struct acl_user *user, const char *names[ACL_USER_FLAGS_MAX])
{
    size_t count = 0;
    names[count++] = user->enabled ? "on" : "off";
    if (user->no_password) {
        names[count++] = "nopass";
    }
    if (user->sanitize != ACL_SANITIZE_UNSAID) {
        names[count++] =
            user->sanitize == ACL_SANITIZE ? "sanitize-payload" : "skip-sanitize-payload";
    }
    return count;
}

/* --- as text --- */

static enum status append(struct buffer *out, const char *before, struct slice text,
                          const char *after)
{
    enum status status = buffer_append(out, before, strlen(before));
    status = status == STATUS_OK ? buffer_append(out, text.data, text.size) : status;
    return status == STATUS_OK ? buffer_append(out, after, strlen(after)) : status;
}

enum status acl_user_describe(const struct acl_user *user, const struct acl_commands *commands,
                              struct buffer *out)
{
    const char *flags[ACL_USER_FLAGS_MAX];
    size_t flag_count = acl_user_flags(user, flags);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < flag_count && status == STATUS_OK; i++) {
        status = append(out, "", slice_of_string(flags[i]), " ");
    }
    for (size_t i = 0; i < user->passwords.count && status == STATUS_OK; i++) {
        status = append(out, "#", user->passwords.items[i].text, " ");
    }
    for (size_t i = 0; i < user->selector_count && status == STATUS_OK; i++) {
        status = append(out, i == 0 ? "" : " (", (struct slice){0}, "");
        status = status == STATUS_OK ? acl_selector_describe(&user->selectors[i], commands, out)
                                     : status;
        status =
            status == STATUS_OK ? append(out, i == 0 ? "" : ")", (struct slice){0}, "") : status;
    }
    return status;
}
