/* sim_search.c - see sim_search.h. */
#include "support/sim_search.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct search {
    const struct sim_store *store;
    const char *suffix;
    struct slice bytes; /* empty: only count */
    struct sim_place *place;
    bool found;
    unsigned count;
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t size = strlen(name);
    size_t suffix_size = strlen(suffix);
    return size >= suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

static void look_into(struct search *search, const char *name)
{
    struct file *file;
    uint64_t size;
    size_t read_size;
    CHECK(fs_open(search->store->fs, name, FILE_MODE_READ, &file) == STATUS_OK);
    CHECK(file_size(file, &size) == STATUS_OK);
    char *bytes = malloc((size_t)size + 1);
    CHECK(bytes != NULL);
    CHECK(file_read(file, 0, bytes, (size_t)size, &read_size) == STATUS_OK);
    const char *found = memmem(bytes, read_size, search->bytes.data, search->bytes.size);
    if (found != NULL) {
        search->found = true;
        (void)snprintf(search->place->name, sizeof(search->place->name), "%s", name);
        search->place->offset = (uint64_t)(found - bytes);
    }
    free(bytes);
    file_close(file);
}

static void visit(void *context, const char *name)
{
    struct search *search = context;
    if (has_suffix(name, search->suffix)) {
        search->count++;
        if (search->bytes.size > 0) {
            look_into(search, name);
        }
    }
}

bool sim_search(const struct sim_store *store, const char *suffix, struct slice bytes,
                struct sim_place *place)
{
    struct search search = {.store = store, .suffix = suffix, .bytes = bytes, .place = place};
    CHECK(bytes.size > 0);
    CHECK(fs_list(store->fs, visit, &search) == STATUS_OK);
    return search.found;
}

void sim_search_flip(struct sim_store *store, const char *suffix, struct slice bytes,
                     uint64_t distance)
{
    struct sim_place place;
    CHECK(sim_search(store, suffix, bytes, &place));
    CHECK(sim_disk_flip(store->disk, place.name, place.offset + distance, 1) == STATUS_OK);
}

unsigned sim_search_count(const struct sim_store *store, const char *suffix)
{
    struct search search = {.store = store, .suffix = suffix};
    CHECK(fs_list(store->fs, visit, &search) == STATUS_OK);
    return search.count;
}
