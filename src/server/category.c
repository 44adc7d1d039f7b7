/* category.c - see category.h. */
#include "server/category.h"

#include "server/command.h"

const struct category category_table[CATEGORY_COUNT] = {
    {CATEGORY_KEYSPACE, "keyspace"},
    {CATEGORY_READ, "read"},
    {CATEGORY_WRITE, "write"},
    {CATEGORY_SET, "set"},
    {CATEGORY_SORTEDSET, "sortedset"},
    {CATEGORY_LIST, "list"},
    {CATEGORY_HASH, "hash"},
    {CATEGORY_STRING, "string"},
    {CATEGORY_BITMAP, "bitmap"},
    {CATEGORY_HYPERLOGLOG, "hyperloglog"},
    {CATEGORY_GEO, "geo"},
    {CATEGORY_STREAM, "stream"},
    {CATEGORY_PUBSUB, "pubsub"},
    {CATEGORY_ADMIN, "admin"},
    {CATEGORY_FAST, "fast"},
    {CATEGORY_SLOW, "slow"},
    {CATEGORY_BLOCKING, "blocking"},
    {CATEGORY_DANGEROUS, "dangerous"},
    {CATEGORY_CONNECTION, "connection"},
    {CATEGORY_TRANSACTION, "transaction"},
    {CATEGORY_SCRIPTING, "scripting"},
};

bool category_find(struct slice name, uint32_t *bit)
{
    for (size_t i = 0; i < CATEGORY_COUNT; i++) {
        if (slice_is_word(name, category_table[i].name)) {
            *bit = category_table[i].bit;
            return true;
        }
    }
    return false;
}
