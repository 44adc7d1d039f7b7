/* acl_users.c - see acl_users.h. */
#include "server/acl_users.h"

#include "base/check.h"

#include <stdlib.h>

#define CAPACITY_MIN 4

void acl_users_clear(struct acl_users *users)
{
    for (size_t i = 0; i < users->count; i++) {
        acl_user_destroy(users->items[i]);
    }
    free(users->items);
    *users = (struct acl_users){0};
}

/* Index of the first user whose name is not before this one. */
static size_t find_place(const struct acl_users *users, struct slice name)
{
    size_t low = 0;
    size_t high = users->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(users->items[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct acl_user *acl_users_find(const struct acl_users *users, struct slice name)
{
    size_t place = find_place(users, name);
    bool is_there = place < users->count && slice_equal(users->items[place]->name, name);
    return is_there ? users->items[place] : NULL;
}

enum status acl_users_add(struct acl_users *users, struct acl_user *user)
{
    if (users->count == users->capacity) {
        size_t capacity = users->capacity == 0 ? CAPACITY_MIN : users->capacity * 2;
        struct acl_user **items = realloc(users->items, capacity * sizeof(struct acl_user *));
        if (items == NULL) {
            return STATUS_NO_MEMORY;
        }
        users->items = items;
        users->capacity = capacity;
    }
    size_t place = find_place(users, user->name);
    CHECK(place == users->count || !slice_equal(users->items[place]->name, user->name));
    memmove(users->items + place + 1, users->items + place,
            (users->count - place) * sizeof(struct acl_user *));
    users->items[place] = user;
    users->count++;
    return STATUS_OK;
}

void acl_users_remove(struct acl_users *users, const struct acl_user *user)
{
    size_t place = find_place(users, user->name);
    CHECK(place < users->count && users->items[place] == user);
    users->count--;
    memmove(users->items + place, users->items + place + 1,
            (users->count - place) * sizeof(struct acl_user *));
}

enum status acl_users_create_default(const struct acl_terms *terms, struct acl_user **out)
{
    static const char *const rules[] = {"+@all", "~*", "&*", "on", "nopass"};
    struct acl_user *user;
    if (acl_user_create(ACL_DEFAULT_USER, terms->all_channels, &user) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        enum acl_error error = acl_user_set(user, terms, slice_of_string(rules[i]));
        CHECK(error == ACL_ERROR_NONE);
    }
    *out = user;
    return STATUS_OK;
}

enum status acl_users_describe_one(const struct acl_user *user, const struct acl_commands *commands,
                                   struct buffer *out)
{
    enum status status = buffer_append(out, "user ", 5);
    status = status == STATUS_OK ? buffer_append(out, user->name.data, user->name.size) : status;
    status = status == STATUS_OK ? buffer_append(out, " ", 1) : status;
    return status == STATUS_OK ? acl_user_describe(user, commands, out) : status;
}

enum status acl_users_describe(const struct acl_users *users, const struct acl_commands *commands,
                               struct buffer *out)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < users->count && status == STATUS_OK; i++) {
        status = acl_users_describe_one(users->items[i], commands, out);
        status = status == STATUS_OK ? buffer_append(out, "\n", 1) : status;
    }
    return status;
}
