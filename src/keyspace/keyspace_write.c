/* keyspace_write.c - the functions of keyspace.h that write keys. */
#include "keyspace/keyspace.h"

#include "keyspace/keyspace_state.h"

/* --- writing --- */

/* What a write with an expiry in the past amounts to: the key is gone. To Redis it has been there
 * for a moment, even where it was absent: who watches it, or may have a copy, is told. */
static enum status put_expired(struct keyspace *keyspace, unsigned database, struct slice key)
{
    enum status status = keyspace_delete(keyspace, database, key);
    if (status == STATUS_NOT_FOUND) {
        keyspace_tell_changed(keyspace, database, key);
        return STATUS_OK;
    }
    return status;
}

static bool is_told_of_additions(const struct keyspace *keyspace)
{
    return keyspace->observer != NULL && keyspace->observer->wants_additions;
}

/* Is the key absent? Asked before a write, and only where somebody is told of new keys: false also
 * means that nobody is. What has expired is taken away by this, and so told before the write. */
static bool is_seen_absent(struct keyspace *keyspace, unsigned database, struct slice key)
{
    struct value value;
    return is_told_of_additions(keyspace) &&
           keyspace_find(keyspace, database, key, &value) == STATUS_NOT_FOUND;
}

/* Is it there? Asked in the same way before a write in front of which Redis would delete the key:
 * to Redis it is new in any case, and a put tells so only of one that was absent. */
static bool is_seen_present(struct keyspace *keyspace, unsigned database, struct slice key)
{
    struct value value;
    return is_told_of_additions(keyspace) &&
           keyspace_find(keyspace, database, key, &value) != STATUS_NOT_FOUND;
}

/* Who watches the key is not told here. */
static enum status put_quietly(struct keyspace *keyspace, unsigned database, struct slice key,
                               const struct engine_value *value)
{
    bool is_new = is_seen_absent(keyspace, database, key);
    enum status status =
        engine_put_locked(keyspace->engine, keyspace_of_database(keyspace, database), key, value);
    if (status == STATUS_OK && is_new) {
        keyspace_tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

static enum status put(struct keyspace *keyspace, unsigned database, struct slice key,
                       const struct engine_value *value)
{
    if (value->expiry_ms <= keyspace->now_ms) {
        return put_expired(keyspace, database, key);
    }
    enum status status = put_quietly(keyspace, database, key, value);
    if (status == STATUS_OK) {
        keyspace_tell_changed(keyspace, database, key);
    }
    return status;
}

/* The same for a value that Redis would set behind a deletion of what had the name before. */
static enum status put_anew(struct keyspace *keyspace, unsigned database, struct slice key,
                            const struct engine_value *value)
{
    bool is_replaced = is_seen_present(keyspace, database, key);
    enum status status = put(keyspace, database, key, value);
    if (status == STATUS_OK && is_replaced) {
        keyspace_tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

static struct engine_value engine_string(const struct string_content *content)
{
    return (struct engine_value){.parts = content->parts,
                                 .part_count = content->part_count,
                                 .expiry_ms = content->expiry_ms,
                                 .type = TYPE_STRING,
                                 .encoding = (uint8_t)content->encoding};
}

enum status keyspace_put_string(struct keyspace *keyspace, unsigned database, struct slice key,
                                const struct string_content *content)
{
    struct engine_value value = engine_string(content);
    return content->is_anew ? put_anew(keyspace, database, key, &value)
                            : put(keyspace, database, key, &value);
}

enum status keyspace_put_string_quietly(struct keyspace *keyspace, unsigned database,
                                        struct slice key, const struct string_content *content)
{
    struct engine_value value = engine_string(content);
    return put_quietly(keyspace, database, key, &value);
}

/* --- changing a part --- */

static const struct entry *entry_of(const struct value *value)
{
    return value_is_present(value) ? &value->entry : NULL;
}

bool keyspace_may_patch(struct keyspace *keyspace, const struct value *old, size_t size)
{
    return engine_may_patch_locked(keyspace->engine, entry_of(old), size);
}

static enum status patch_quietly(struct keyspace *keyspace, unsigned database, struct slice key,
                                 const struct engine_patch *patch)
{
    bool is_new = patch->old == NULL && is_seen_absent(keyspace, database, key);
    enum status status =
        engine_patch_locked(keyspace->engine, keyspace_of_database(keyspace, database), key, patch);
    if (status == STATUS_OK && is_new) {
        keyspace_tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

static struct engine_patch patch_of_expiry(const struct value *value, int64_t expiry_ms)
{
    return (struct engine_patch){.old = &value->entry,
                                 .expiry_ms = expiry_ms,
                                 .type = (uint8_t)value->type,
                                 .encoding = value->encoding};
}

enum status keyspace_patch_string(struct keyspace *keyspace, unsigned database, struct slice key,
                                  const struct string_patch *patch)
{
    const struct engine_patch change = {.old = entry_of(patch->old),
                                        .offset = patch->offset,
                                        .parts = &patch->bytes,
                                        .part_count = 1,
                                        .expiry_ms = patch->old->expiry_ms,
                                        .type = TYPE_STRING,
                                        .encoding = STRING_RAW};
    enum status status = patch_quietly(keyspace, database, key, &change);
    if (status == STATUS_OK && patch->is_change) {
        keyspace_tell_changed(keyspace, database, key);
    }
    return status;
}

/* --- as it is --- */

/* One in pieces is copied in pieces: it may be nearly empty, and need not be put together. */
static enum status copy_pieces(struct keyspace *keyspace, const struct value *value,
                               unsigned database, struct slice key, int64_t expiry_ms)
{
    bool is_new = is_seen_absent(keyspace, database, key);
    const struct engine_patch copy = patch_of_expiry(value, expiry_ms);
    enum status status =
        engine_copy_locked(keyspace->engine, keyspace_of_database(keyspace, database), key, &copy);
    if (status == STATUS_OK && is_new) {
        keyspace_tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

/* Verified first, or damage would get a fresh, right checksum. */
static enum status copy_whole(struct keyspace *keyspace, const struct value *value,
                              unsigned database, struct slice key, int64_t expiry_ms)
{
    enum status status = engine_verify_locked(keyspace->engine, &value->entry, 0, SIZE_MAX);
    if (status != STATUS_OK) {
        return status;
    }
    return put_quietly(keyspace, database, key,
                       &(struct engine_value){.parts = &value->entry.value,
                                              .part_count = 1,
                                              .source = &value->entry,
                                              .expiry_ms = expiry_ms,
                                              .type = (uint8_t)value->type,
                                              .encoding = value->encoding});
}

/* Writes a found value as it is. */
static enum status rewrite_quietly(struct keyspace *keyspace, const struct value *value,
                                   unsigned database, struct slice key, int64_t expiry_ms)
{
    return entry_is_whole(&value->entry) ? copy_whole(keyspace, value, database, key, expiry_ms)
                                         : copy_pieces(keyspace, value, database, key, expiry_ms);
}

/* A large string that gets an expiry once is written whole, and stays what can be sent from its
 * file: most of those are only read from then on. One whose expiry changes goes into pieces, as its
 * next expiries may be many. So no string is written whole more than twice. */
static bool may_patch_expiry(struct keyspace *keyspace, const struct value *value)
{
    return keyspace_may_patch(keyspace, value, value->size) &&
           (!entry_is_whole(&value->entry) || value->expiry_ms != EXPIRY_NONE);
}

enum status keyspace_set_expiry(struct keyspace *keyspace, unsigned database,
                                const struct value *value, int64_t expiry_ms)
{
    struct slice key = value->entry.key;
    if (expiry_ms <= keyspace->now_ms) {
        return put_expired(keyspace, database, key);
    }
    const struct engine_patch change = patch_of_expiry(value, expiry_ms);
    enum status status = may_patch_expiry(keyspace, value)
                             ? patch_quietly(keyspace, database, key, &change)
                             : rewrite_quietly(keyspace, value, database, key, expiry_ms);
    if (status == STATUS_OK) {
        keyspace_tell_changed(keyspace, database, key);
    }
    return status;
}

enum status keyspace_store_copy_quietly(struct keyspace *keyspace, const struct value *value,
                                        unsigned database, struct slice key)
{
    bool is_replaced = is_seen_present(keyspace, database, key);
    enum status status = rewrite_quietly(keyspace, value, database, key, value->expiry_ms);
    if (status == STATUS_OK && is_replaced) {
        keyspace_tell(keyspace, KEY_ADDED, database, key);
    }
    return status;
}

enum status keyspace_store_copy(struct keyspace *keyspace, const struct value *value,
                                unsigned database, struct slice key)
{
    if (value->expiry_ms <= keyspace->now_ms) {
        return put_expired(keyspace, database, key);
    }
    enum status status = keyspace_store_copy_quietly(keyspace, value, database, key);
    if (status == STATUS_OK) {
        keyspace_tell_changed(keyspace, database, key);
    }
    return status;
}

enum status keyspace_delete(struct keyspace *keyspace, unsigned database, struct slice key)
{
    enum status status =
        engine_delete_locked(keyspace->engine, keyspace_of_database(keyspace, database), key);
    if (status == STATUS_OK) {
        keyspace_tell_changed(keyspace, database, key);
    }
    return status;
}

enum status keyspace_evict(struct keyspace *keyspace, unsigned database, struct slice key)
{
    enum status status = keyspace_delete(keyspace, database, key);
    if (status == STATUS_OK) {
        keyspace_tell(keyspace, KEY_EVICTED, database, key);
    }
    return status;
}
