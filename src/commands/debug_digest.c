/*
 * debug_digest.c - see debug_digest.h.
 *
 * Two operations make a digest of 20 bytes from SHA-1: to add something is to xor its hash in, so
 * that the order doesn't matter; to mix something in is to add it and then to replace the digest by
 * its own hash, so that the order does. A key and its value are mixed into a digest of their own,
 * which is added to that of all keys behind the number of their database.
 */
#include "commands/debug_digest.h"

#include "base/buffer.h"
#include "base/hex.h"
#include "commands/errors.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/session.h"

#include <sha1.h>
#include <string.h>

/* So many keys at a time, which only bounds what one call of the engine does. */
#define DIGEST_STEP 4096

struct digest {
    uint8_t bytes[SHA1_DIGEST_LENGTH];
};

static void hash_part(void *context, struct slice part)
{
    SHA1_CTX *hash = context;
    if (part.size > 0) {
        SHA1Update(hash, (const uint8_t *)part.data, part.size);
    }
}

static void add_hash(struct digest *digest, SHA1_CTX *hash)
{
    uint8_t bytes[SHA1_DIGEST_LENGTH];
    SHA1Final(bytes, hash);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        digest->bytes[i] ^= bytes[i];
    }
}

static void add(struct digest *digest, struct slice data)
{
    SHA1_CTX hash;
    SHA1Init(&hash);
    hash_part(&hash, data);
    add_hash(digest, &hash);
}

static void mix_hash(struct digest *digest, SHA1_CTX *hash)
{
    add_hash(digest, hash);
    SHA1Init(hash);
    SHA1Update(hash, digest->bytes, sizeof(digest->bytes));
    SHA1Final(digest->bytes, hash);
}

static void mix(struct digest *digest, struct slice data)
{
    SHA1_CTX hash;
    SHA1Init(&hash);
    hash_part(&hash, data);
    mix_hash(digest, &hash);
}

/* Numbers have the most significant byte first. */
static void mix_number(struct digest *digest, uint32_t number)
{
    char bytes[4];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(number >> (24 - 8 * i) & 0xff);
    }
    mix(digest, slice_make(bytes, sizeof(bytes)));
}

/* All values are strings yet: those of other types will have to be taken apart. */
static enum status mix_value(struct engine *engine, struct digest *digest,
                             const struct entry *entry)
{
    SHA1_CTX hash;
    SHA1Init(&hash);
    struct part_visitor visitor = {.visit = hash_part, .context = &hash};
    mix_number(digest, entry->type);
    enum status status = engine_each_part_locked(engine, entry, 0, SIZE_MAX, &visitor);
    mix_hash(digest, &hash);
    if (entry->expiry_ms != EXPIRY_NONE) {
        add(digest, SLICE_LITERAL("!!expire!!"));
    }
    return status;
}

/* --- DIGEST --- */

struct walk {
    struct engine *engine;
    struct digest all;
    unsigned database;
    bool is_begun; /* with this database; one without keys leaves no trace */
    enum status status;
};

static void visit(void *context, const struct entry *entry)
{
    struct walk *walk = context;
    struct digest digest = {{0}};
    if (walk->status != STATUS_OK) {
        return;
    }
    if (!walk->is_begun) {
        mix_number(&walk->all, walk->database);
        walk->is_begun = true;
    }
    mix(&digest, entry->key);
    walk->status = mix_value(walk->engine, &digest, entry);
    add(&walk->all, slice_make((const char *)digest.bytes, sizeof(digest.bytes)));
}

static void walk_database(struct call *call, struct walk *walk, unsigned database)
{
    struct entry_visitor visitor = {.visit = visit, .context = walk};
    uint64_t cursor = 0;
    walk->database = database;
    walk->is_begun = false;
    do {
        keyspace_scan(call->keyspace, database, &cursor, DIGEST_STEP, &visitor);
    } while (cursor != 0 && walk->status == STATUS_OK);
}

#define DIGITS_SIZE (2 * SHA1_DIGEST_LENGTH + 1)

void debug_digest(struct call *call)
{
    struct walk walk = {.engine = keyspace_engine(call->keyspace), .status = STATUS_OK};
    unsigned count = keyspace_database_count(call->keyspace);
    for (unsigned i = 0; i < count && walk.status == STATUS_OK; i++) {
        walk_database(call, &walk, i);
    }
    if (walk.status != STATUS_OK) {
        errors_reply_status(call, walk.status);
        return;
    }
    char digits[DIGITS_SIZE];
    hex_encode(walk.all.bytes, sizeof(walk.all.bytes), digits);
    reply_simple(call->reply, digits);
}

/* --- DIGEST-VALUE --- */

static enum status append_digits(struct call *call, struct slice key, struct buffer *out)
{
    struct digest digest = {{0}};
    struct value value;
    enum status status = keyspace_find(call->keyspace, call->session->database, key, &value);
    if (status == STATUS_OK) {
        status = mix_value(keyspace_engine(call->keyspace), &digest, &value.entry);
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    char digits[DIGITS_SIZE];
    hex_encode(digest.bytes, sizeof(digest.bytes), digits);
    return buffer_append(out, digits, sizeof(digits));
}

/* The digits wait until all values could be read, for one that can't is an error of the whole. */
void debug_digest_value(struct call *call)
{
    struct buffer all = {0};
    size_t count = call->argument_count - 2;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = append_digits(call, call->arguments[i + 2], &all);
    }
    if (status == STATUS_OK) {
        reply_array(call->reply, count);
        for (size_t i = 0; i < count; i++) {
            reply_simple(call->reply, all.data + i * DIGITS_SIZE);
        }
    } else {
        errors_reply_status(call, status);
    }
    buffer_deinit(&all);
}
