/* tracking.c - see tracking.h. */
#include "server/tracking.h"

#include "base/check.h"
#include "server/id_set.h"
#include "server/server_state.h"
#include "server/tracking_send.h"

#include <stdlib.h>

/* So many keys beyond the limit are forgotten at a time, so that no client waits long for it. */
#define EVICTED_AT_ONCE 1000

/* More keys than this that are forgotten together are freed by another thread. */
#define FREED_HERE_MAX 1000

struct tracked_key {
    struct name_item item; /* in tracking->keys */
    struct id_set clients; /* which may have gone since */
    char name[];
};

/* A key that has changed since the clients of a prefix were told the last time. */
struct changed_key {
    struct name_item item;
    uint64_t session_id; /* of who changed it last; 0 = it has expired */
    char name[];
};

struct tracked_prefix {
    struct name_item item; /* in tracking->prefixes */
    struct id_set clients;
    struct name_map changes;
    char name[];
};

/* --- life --- */

static void copy_name(struct name_item *item, char *bytes, struct slice name)
{
    if (name.size > 0) {
        memcpy(bytes, name.data, name.size);
    }
    *item = (struct name_item){.name = slice_make(bytes, name.size)};
}

enum status tracking_init(struct tracking *tracking, uint64_t seed)
{
    *tracking = (struct tracking){0};
    enum status status = name_map_init(&tracking->keys, seed);
    if (status == STATUS_OK) {
        status = name_map_init(&tracking->prefixes, seed + 1);
        if (status != STATUS_OK) {
            name_map_deinit(&tracking->keys);
        }
    }
    return status;
}

static void forget_key(struct tracking *tracking, struct tracked_key *key)
{
    tracking->item_count -= key->clients.count;
    name_map_remove(&tracking->keys, &key->item);
    free(key->clients.ids);
    free(key);
}

/* The key and all behind it, which are in no map any more. */
static void free_keys(struct name_item *item)
{
    while (item != NULL) {
        struct name_item *next = item->next;
        struct tracked_key *key = (struct tracked_key *)(void *)item;
        free(key->clients.ids);
        free(key);
        item = next;
    }
}

static struct name_item *take_all_keys(struct tracking *tracking)
{
    tracking->item_count = 0;
    return name_map_take_all(&tracking->keys);
}

void tracking_deinit(struct tracking *tracking)
{
    CHECK(tracking->client_count == 0);
    free_keys(take_all_keys(tracking));
    name_map_deinit(&tracking->keys);
    name_map_deinit(&tracking->prefixes);
}

/* --- prefixes --- */

struct slice tracking_prefix_name(const struct tracked_prefix *prefix)
{
    return prefix->item.name;
}

size_t tracking_memory(const struct tracker *tracker)
{
    return tracker->prefix_count * (sizeof(*tracker->prefixes) + sizeof(**tracker->prefixes));
}

static struct tracked_prefix *create_prefix(struct tracking *tracking, struct slice name)
{
    struct tracked_prefix *prefix = calloc(1, sizeof(*prefix) + name.size);
    if (prefix == NULL) {
        return NULL;
    }
    if (name_map_init(&prefix->changes, tracking->prefixes.seed) != STATUS_OK) {
        free(prefix);
        return NULL;
    }
    copy_name(&prefix->item, prefix->name, name);
    name_map_add(&tracking->prefixes, &prefix->item);
    return prefix;
}

static void clear_changes(struct tracked_prefix *prefix)
{
    struct name_item *item = prefix->changes.first;
    while (item != NULL) {
        struct name_item *next = item->next;
        name_map_remove(&prefix->changes, item);
        free(item);
        item = next;
    }
}

static void destroy_prefix_if_unused(struct tracking *tracking, struct tracked_prefix *prefix)
{
    if (prefix->clients.count > 0) {
        return;
    }
    name_map_remove(&tracking->prefixes, &prefix->item);
    clear_changes(prefix);
    name_map_deinit(&prefix->changes);
    free(prefix->clients.ids);
    free(prefix);
}

static enum status list_prefix(struct tracker *tracker, struct tracked_prefix *prefix)
{
    size_t size = (tracker->prefix_count + 1) * sizeof(struct tracked_prefix *);
    struct tracked_prefix **prefixes = realloc(tracker->prefixes, size);
    if (prefixes == NULL) {
        return STATUS_NO_MEMORY;
    }
    tracker->prefixes = prefixes;
    size_t at = tracker->prefix_count;
    while (at > 0 && slice_compare(prefixes[at - 1]->item.name, prefix->item.name) > 0) {
        prefixes[at] = prefixes[at - 1];
        at--;
    }
    prefixes[at] = prefix;
    tracker->prefix_count++;
    return STATUS_OK;
}

static enum status add_prefix(struct tracking *tracking, struct session *session, struct slice name)
{
    struct name_item *item = name_map_find(&tracking->prefixes, name);
    struct tracked_prefix *prefix =
        item == NULL ? create_prefix(tracking, name) : (struct tracked_prefix *)(void *)item;
    if (prefix == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (id_set_has(&prefix->clients, session->id)) {
        return STATUS_OK;
    }
    enum status status = id_set_add(&prefix->clients, session->id);
    if (status == STATUS_OK) {
        status = list_prefix(&session->tracker, prefix);
        if (status != STATUS_OK) {
            id_set_remove(&prefix->clients, session->id);
        }
    }
    if (status != STATUS_OK) {
        destroy_prefix_if_unused(tracking, prefix);
    }
    return status;
}

/* --- on and off --- */

enum status tracking_enable(struct server *server, struct session *session,
                            const struct tracking_mode *mode, const struct slice *prefixes,
                            size_t prefix_count)
{
    static const struct slice all_keys = {.data = "", .size = 0};
    struct tracking *tracking = &server->tracking;
    struct tracker *tracker = &session->tracker;
    tracking->client_count += tracker->is_on ? 0 : 1;
    tracker->is_on = true;
    tracker->is_redirect_broken = false;
    tracker->mode = *mode;
    if (mode->broadcast && prefix_count == 0) {
        prefixes = &all_keys;
        prefix_count = 1;
    }
    for (size_t i = 0; mode->broadcast && i < prefix_count; i++) {
        enum status status = add_prefix(tracking, session, prefixes[i]);
        if (status != STATUS_OK) {
            tracking_disable(server, session);
            return status;
        }
    }
    return STATUS_OK;
}

void tracking_disable(struct server *server, struct session *session)
{
    struct tracking *tracking = &server->tracking;
    struct tracker *tracker = &session->tracker;
    for (size_t i = 0; i < tracker->prefix_count; i++) {
        id_set_remove(&tracker->prefixes[i]->clients, session->id);
        destroy_prefix_if_unused(tracking, tracker->prefixes[i]);
    }
    free(tracker->prefixes);
    tracking->client_count -= tracker->is_on ? 1 : 0;
    *tracker = (struct tracker){0};
}

/* --- remembering --- */

bool tracking_wants_keys(const struct session *session)
{
    const struct tracker *tracker = &session->tracker;
    return tracker->is_on && !tracker->mode.broadcast &&
           !(tracker->mode.opt_in && !tracker->caching) &&
           !(tracker->mode.opt_out && tracker->caching);
}

static struct tracked_key *find_or_create_key(struct tracking *tracking, struct slice name)
{
    struct name_item *item = name_map_find(&tracking->keys, name);
    if (item != NULL) {
        return (struct tracked_key *)(void *)item;
    }
    struct tracked_key *key = calloc(1, sizeof(*key) + name.size);
    if (key != NULL) {
        copy_name(&key->item, key->name, name);
        name_map_add(&tracking->keys, &key->item);
    }
    return key;
}

void tracking_remember(struct server *server, struct session *session, struct slice name)
{
    struct tracking *tracking = &server->tracking;
    struct tracked_key *key = find_or_create_key(tracking, name);
    if (key != NULL && id_set_has(&key->clients, session->id)) {
        return;
    }
    if (key != NULL && id_set_add(&key->clients, session->id) == STATUS_OK) {
        tracking->item_count++;
        return;
    }
    if (key != NULL && key->clients.count == 0) {
        forget_key(tracking, key);
    }
    tracking_send(server, session, &name, 1);
}

/* --- invalidating --- */

static void note_change(struct server *server, struct tracked_prefix *prefix, struct slice name,
                        uint64_t session_id)
{
    struct changed_key *change =
        (struct changed_key *)(void *)name_map_find(&prefix->changes, name);
    if (change == NULL) {
        change = malloc(sizeof(*change) + name.size);
        /* A cache that is not told what has changed would serve what is wrong: without memory for
         * that, the process ends. */
        CHECK(change != NULL);
        copy_name(&change->item, change->name, name);
        name_map_add(&prefix->changes, &change->item);
    }
    change->session_id = session_id;
    server->tracking.has_changes = true;
}

static void note_change_in_prefixes(struct server *server, struct slice name, uint64_t session_id)
{
    struct name_item *item = server->tracking.prefixes.first;
    for (; item != NULL; item = item->next) {
        struct slice prefix = item->name;
        if (prefix.size <= name.size && slice_equal(prefix, slice_part(name, 0, prefix.size))) {
            note_change(server, (struct tracked_prefix *)(void *)item, name, session_id);
        }
    }
}

/* Tells the clients of the key, which then is forgotten. */
static void invalidate(struct server *server, struct tracked_key *key)
{
    struct slice name = key->item.name;
    for (size_t i = 0; i < key->clients.count; i++) {
        struct session *session = session_registry_find(&server->sessions, key->clients.ids[i]);
        if (session == NULL || !session->tracker.is_on || session->tracker.mode.broadcast ||
            (session->tracker.mode.no_loop && session == server->executing)) {
            continue;
        }
        tracking_send(server, session, &name, 1);
    }
    forget_key(&server->tracking, key);
}

static void invalidate_if_tracked(struct server *server, struct slice name)
{
    struct tracked_key *key =
        (struct tracked_key *)(void *)name_map_find(&server->tracking.keys, name);
    if (key != NULL) {
        invalidate(server, key);
    }
}

void tracking_key_changed(struct server *server, struct slice name)
{
    const struct session *caller = tracking_caller(server);
    note_change_in_prefixes(server, name, caller == NULL ? 0 : caller->id);
    invalidate_if_tracked(server, name);
}

void tracking_key_expired(struct server *server, struct slice name)
{
    note_change_in_prefixes(server, name, 0);
    invalidate_if_tracked(server, name);
}

/* Keys that nobody will be told of, on their way to a thread that frees them. */
struct forgotten {
    struct errand errand;
    struct name_item *first; /* owned, with all that follow */
};

static void free_forgotten(void *context, bool is_ending)
{
    struct forgotten *forgotten = context;
    (void)is_ending;
    free_keys(forgotten->first);
    free(forgotten);
}

/* Millions of keys take long to free: others must not wait for the lock meanwhile. */
static void forget_all_keys(struct server *server)
{
    size_t count = server->tracking.keys.count;
    struct name_item *first = take_all_keys(&server->tracking);
    struct forgotten *forgotten = count > FREED_HERE_MAX ? malloc(sizeof(*forgotten)) : NULL;
    if (forgotten == NULL) {
        free_keys(first);
        return;
    }
    *forgotten =
        (struct forgotten){.errand = {.run = free_forgotten, .context = forgotten}, .first = first};
    if (errands_add(&server->deferred, &forgotten->errand) != STATUS_OK) {
        free_forgotten(forgotten, true);
    }
}

void tracking_flushed(struct server *server)
{
    if (server->tracking.client_count > 0) {
        for (struct session *each = server->sessions.first; each != NULL; each = each->next) {
            if (each->tracker.is_on) {
                tracking_send(server, each, NULL, 0);
            }
        }
    }
    forget_all_keys(server);
}

/* --- broadcasting --- */

static int compare_items(const void *a, const void *b)
{
    const struct name_item *const *left = a;
    const struct name_item *const *right = b;
    return slice_compare((*left)->name, (*right)->name);
}

/* All items of a map (which has some) in the order of their names, which is that of Redis; the
 * caller frees the array. */
static struct name_item **sort_items(const struct name_map *map)
{
    struct name_item **items = calloc(map->count, sizeof(*items));
    CHECK(items != NULL); /* as in note_change() */
    size_t count = 0;
    for (struct name_item *item = map->first; item != NULL; item = item->next) {
        items[count++] = item;
    }
    qsort(items, count, sizeof(struct name_item *), compare_items);
    return items;
}

/* But for those that the session has changed itself, if it does not want them; `names` has room. */
static void send_changes(struct server *server, uint64_t session_id,
                         struct name_item *const *changes, size_t count, struct slice *names)
{
    struct session *session = session_registry_find(&server->sessions, session_id);
    size_t wanted = 0;
    CHECK(session != NULL);
    for (size_t i = 0; i < count; i++) {
        const struct changed_key *change = (const struct changed_key *)(void *)changes[i];
        if (!session->tracker.mode.no_loop || change->session_id != session_id) {
            names[wanted++] = change->item.name;
        }
    }
    if (wanted > 0) {
        tracking_send(server, session, names, wanted);
    }
}

static void broadcast(struct server *server, struct tracked_prefix *prefix)
{
    size_t count = prefix->changes.count;
    if (count == 0) {
        return;
    }
    struct name_item **changes = sort_items(&prefix->changes);
    struct slice *names = calloc(count, sizeof(*names));
    CHECK(names != NULL);
    for (size_t i = 0; i < prefix->clients.count; i++) {
        send_changes(server, prefix->clients.ids[i], changes, count, names);
    }
    free(changes);
    free(names);
    clear_changes(prefix);
}

static void broadcast_all(struct server *server)
{
    struct tracking *tracking = &server->tracking;
    size_t count = tracking->prefixes.count;
    tracking->has_changes = false;
    if (count == 0) {
        return; /* the clients that asked for the keys have gone since */
    }
    struct name_item **prefixes = sort_items(&tracking->prefixes);
    for (size_t i = 0; i < count; i++) {
        broadcast(server, (struct tracked_prefix *)(void *)prefixes[i]);
    }
    free(prefixes);
}

/* --- between commands --- */

void tracking_settle(struct server *server)
{
    struct tracking *tracking = &server->tracking;
    if (tracking->has_changes) {
        broadcast_all(server);
    }
    size_t limit = (size_t)config_number(server->config, CONFIG_TRACKING_TABLE_MAX_KEYS);
    for (size_t i = 0; i < EVICTED_AT_ONCE && limit > 0 && tracking->keys.count > limit; i++) {
        invalidate(server, (struct tracked_key *)(void *)tracking->keys.first);
    }
}
