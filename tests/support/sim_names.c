/* sim_names.c - see sim_names.h. */
#include "support/sim_names.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- lists -------------------------------------------------------------------------------- */

static struct sim_name *list_find(const struct sim_name_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].name, name) == 0) {
            return &list->entries[i];
        }
    }
    return NULL;
}

static void list_set(struct sim_name_list *list, const char *name, struct sim_inode *inode)
{
    struct sim_name *entry = list_find(list, name);
    if (entry == NULL) {
        if (list->count == list->capacity) {
            list->capacity = list->capacity * 2 + 8;
            list->entries = realloc(list->entries, list->capacity * sizeof(*list->entries));
            CHECK(list->entries != NULL);
        }
        entry = &list->entries[list->count++];
        (void)snprintf(entry->name, sizeof(entry->name), "%s", name);
    }
    entry->inode = inode;
}

static void list_drop(struct sim_name_list *list, const char *name)
{
    struct sim_name *entry = list_find(list, name);
    if (entry != NULL) { /* else the platter never had it: that change was lost */
        *entry = list->entries[--list->count];
    }
}

static void list_apply(struct sim_name_list *list, const struct sim_change *change)
{
    switch (change->kind) {
    case SIM_CHANGE_CREATE:
        list_set(list, change->name, change->inode);
        return;
    case SIM_CHANGE_RENAME:
        list_drop(list, change->name);
        list_set(list, change->to, change->inode);
        return;
    case SIM_CHANGE_REMOVE:
        list_drop(list, change->name);
        return;
    }
}

static void list_copy(const struct sim_name_list *from, struct sim_name_list *to)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        list_set(to, from->entries[i].name, from->entries[i].inode);
    }
}

/* --- changes ------------------------------------------------------------------------------ */

void sim_names_deinit(struct sim_names *names)
{
    free(names->cache.entries);
    free(names->platter.entries);
    free(names->pending);
    memset(names, 0, sizeof(*names));
}

struct sim_inode *sim_names_find(const struct sim_names *names, const char *name)
{
    const struct sim_name *entry = list_find(&names->cache, name);
    return entry == NULL ? NULL : entry->inode;
}

size_t sim_names_count(const struct sim_names *names, const struct sim_inode *inode)
{
    size_t count = 0;
    for (size_t i = 0; i < names->cache.count; i++) {
        count += names->cache.entries[i].inode == inode ? 1 : 0;
    }
    return count;
}

static void change(struct sim_names *names, enum sim_change_kind kind, const char *name,
                   const char *to, struct sim_inode *inode)
{
    if (names->pending_count == names->pending_capacity) {
        names->pending_capacity = names->pending_capacity * 2 + 8;
        names->pending = realloc(names->pending, names->pending_capacity * sizeof(*names->pending));
        CHECK(names->pending != NULL);
    }
    struct sim_change *added = &names->pending[names->pending_count++];
    *added = (struct sim_change){.kind = kind, .inode = inode};
    (void)snprintf(added->name, sizeof(added->name), "%s", name);
    (void)snprintf(added->to, sizeof(added->to), "%s", to);
    list_apply(&names->cache, added);
}

void sim_names_create(struct sim_names *names, const char *name, struct sim_inode *inode)
{
    change(names, SIM_CHANGE_CREATE, name, "", inode);
}

void sim_names_rename(struct sim_names *names, const char *from, const char *to)
{
    struct sim_inode *inode = sim_names_find(names, from);
    CHECK(inode != NULL);
    change(names, SIM_CHANGE_RENAME, from, to, inode);
}

void sim_names_remove(struct sim_names *names, const char *name)
{
    CHECK(sim_names_find(names, name) != NULL);
    change(names, SIM_CHANGE_REMOVE, name, "", NULL);
}

bool sim_names_is_in(const char *name, const char *directory)
{
    size_t size = strlen(directory);
    return strncmp(name, directory, size) == 0 && strchr(name + size, '/') == NULL;
}

void sim_names_sync(struct sim_names *names, const char *directory)
{
    size_t left = 0;
    for (size_t i = 0; i < names->pending_count; i++) {
        if (sim_names_is_in(names->pending[i].name, directory)) {
            list_apply(&names->platter, &names->pending[i]);
        } else {
            names->pending[left++] = names->pending[i];
        }
    }
    names->pending_count = left;
}

static bool concerns(const struct sim_change *change_, const char *name)
{
    return strcmp(change_->name, name) == 0 ||
           (change_->to[0] != '\0' && strcmp(change_->to, name) == 0);
}

/* Does one of the changes before `index` that are lost concern a name of this one? */
static bool depends_on_lost(const struct sim_names *names, const bool *lost, size_t index)
{
    const struct sim_change *later = &names->pending[index];
    for (size_t i = 0; i < index; i++) {
        const struct sim_change *earlier = &names->pending[i];
        if (lost[i] && (concerns(earlier, later->name) ||
                        (later->to[0] != '\0' && concerns(earlier, later->to)))) {
            return true;
        }
    }
    return false;
}

void sim_names_sync_failed(struct sim_names *names, const char *directory,
                           struct test_random *random)
{
    size_t left = 0;
    bool *lost = calloc(names->pending_count + 1, sizeof(*lost));
    CHECK(lost != NULL);
    for (size_t i = 0; i < names->pending_count; i++) {
        if (sim_names_is_in(names->pending[i].name, directory)) {
            lost[i] = test_random_one_in(random, 2) || depends_on_lost(names, lost, i);
        }
    }
    for (size_t i = 0; i < names->pending_count; i++) {
        if (!sim_names_is_in(names->pending[i].name, directory)) {
            names->pending[left++] = names->pending[i];
        } else if (!lost[i]) {
            list_apply(&names->platter, &names->pending[i]);
        }
    }
    free(lost);
    names->pending_count = left;
}

static uint64_t percent_to_keep(enum sim_loss loss, struct test_random *random)
{
    static const uint8_t percents[] = {0, 20, 50, 80, 100};
    switch (loss) {
    case SIM_LOSS_ALL:
    case SIM_LOSS_ALL_BUT_ONE:
        return 0;
    case SIM_LOSS_NONE:
    case SIM_LOSS_ONE:
        return 100;
    case SIM_LOSS_RANDOM:
        break;
    }
    return percents[test_random_below(random, sizeof(percents))];
}

void sim_names_cut_power(struct sim_names *names, enum sim_loss loss, struct test_random *random)
{
    uint64_t percent = percent_to_keep(loss, random);
    bool *lost = calloc(names->pending_count + 1, sizeof(*lost));
    CHECK(lost != NULL);
    bool has_one = loss == SIM_LOSS_ONE || loss == SIM_LOSS_ALL_BUT_ONE;
    size_t one = has_one && names->pending_count > 0
                     ? (size_t)test_random_below(random, names->pending_count)
                     : SIZE_MAX;
    for (size_t i = 0; i < names->pending_count; i++) {
        bool is_lost = test_random_below(random, 100) >= percent;
        lost[i] = is_lost != (i == one) || depends_on_lost(names, lost, i);
        if (!lost[i]) {
            list_apply(&names->platter, &names->pending[i]);
        }
    }
    free(lost);
    names->pending_count = 0;
    list_copy(&names->platter, &names->cache);
}

static void copy_list(const struct sim_name_list *from, struct sim_name_list *to)
{
    to->count = from->count;
    to->capacity = from->count;
    to->entries = malloc(from->count * sizeof(*to->entries) + 1);
    CHECK(to->entries != NULL);
    for (size_t i = 0; i < from->count; i++) {
        to->entries[i] = from->entries[i];
        to->entries[i].inode = from->entries[i].inode->copy;
    }
}

void sim_names_copy(const struct sim_names *from, struct sim_names *to)
{
    copy_list(&from->cache, &to->cache);
    copy_list(&from->platter, &to->platter);
    to->pending_count = from->pending_count;
    to->pending_capacity = from->pending_count;
    to->pending = malloc(from->pending_count * sizeof(*to->pending) + 1);
    CHECK(to->pending != NULL);
    for (size_t i = 0; i < from->pending_count; i++) {
        to->pending[i] = from->pending[i];
        if (to->pending[i].inode != NULL) {
            to->pending[i].inode = to->pending[i].inode->copy;
        }
    }
}

static void mark_list(const struct sim_name_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        list->entries[i].inode->reachable = true;
    }
}

void sim_names_mark(const struct sim_names *names, bool all)
{
    mark_list(&names->cache);
    if (!all) {
        return;
    }
    mark_list(&names->platter);
    for (size_t i = 0; i < names->pending_count; i++) {
        if (names->pending[i].inode != NULL) {
            names->pending[i].inode->reachable = true;
        }
    }
}
