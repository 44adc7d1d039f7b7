/*
 * scdb_scan.c - scdb_scan(); see scdb.h. Keys are copied under the lock, one behind the other, and
 * visited without it.
 */
#include "base/buffer.h"
#include "engine/scdb_state.h"

#include <string.h>

struct scanned_key {
    size_t key_size;
    uint64_t value_size;
    int64_t expiry_ms;
};

struct scan {
    struct buffer found; /* struct scanned_key, key, struct scanned_key, key, ... */
    enum status status;
};

static void keep_key(void *context, const struct entry *entry)
{
    struct scan *scan = context;
    if (scan->status != STATUS_OK || entry->type != SCDB_TYPE) {
        return;
    }
    struct scanned_key head = {
        .key_size = entry->key.size,
        .value_size = entry->size,
        .expiry_ms = entry->expiry_ms,
    };
    scan->status = buffer_append(&scan->found, &head, sizeof(head));
    if (scan->status == STATUS_OK) {
        scan->status = buffer_append(&scan->found, entry->key.data, entry->key.size);
    }
}

static void visit_found(const struct buffer *found, scdb_visit *visit, void *context)
{
    for (size_t at = 0; at < found->size;) {
        struct scanned_key head;
        memcpy(&head, found->data + at, sizeof(head));
        at += sizeof(head);
        struct scdb_key key = {
            .key = {.data = found->data + at, .size = head.key_size},
            .value_size = head.value_size,
            .expiry_ms = head.expiry_ms,
        };
        visit(context, &key);
        at += head.key_size;
    }
}

enum scdb_status scdb_scan(struct scdb *db, uint64_t *cursor, size_t count, scdb_visit *visit,
                           void *context)
{
    struct scan scan = {.status = STATUS_OK};
    struct entry_visitor visitor = {.visit = keep_key, .context = &scan};
    uint64_t next = *cursor;
    struct engine_keyspace *keyspace = scdb_begin(db);
    engine_scan_locked(db->engine, keyspace, &next, count, &visitor);
    enum status status = scdb_end(db, scan.status);
    if (status == STATUS_OK) {
        *cursor = next;
        visit_found(&scan.found, visit, context);
    }
    buffer_deinit(&scan.found);
    return scdb_status_of(status);
}
