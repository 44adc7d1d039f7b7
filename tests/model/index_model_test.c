/*
 * index_model_test.c - random operations on an index and on a table of keys that is trivially
 * right.
 *
 * Each run has a way of making hashes (evenly spread, crowded, equal) and waxes and wanes, so that
 * tables grow, split, shrink and merge. All the while a scan goes on in steps: at its end, each key
 * that was there throughout has been visited once, no key twice at one address.
 */
#include "base/check.h"
#include "engine/index.h"
#include "engine/record.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define ADDRESS_COUNT 65536
#define DUE_CAPACITY  50
#define NO_KEY        UINT32_MAX

/* Check writes a line to a file for each assertion that holds; millions of them are made here. */
#define EXPECT(relation, a, b)                                                                     \
    do {                                                                                           \
        int64_t a_ = (int64_t)(a);                                                                 \
        int64_t b_ = (int64_t)(b);                                                                 \
        if (!(a_ relation b_)) {                                                                   \
            ck_abort_msg("%s %s %s fails: %lld, %lld", #a, #relation, #b, (long long)a_,           \
                         (long long)b_);                                                           \
        }                                                                                          \
    } while (0)

enum hash_mode {
    HASHES_EVEN,
    HASHES_SEQUENTIAL,
    HASHES_OF_ONE_TABLE, /* the first 30 bits equal */
    HASHES_FEW,
    HASHES_AT_EDGES,
    HASHES_ALL_LAST,
    HASH_MODE_COUNT
};

struct model_key {
    bool present;
    bool stays; /* since the scan began */
    uint32_t visits;
    struct index_entry entry; /* expiry_ms as the index gives it back */
};

struct model {
    struct test_random random;
    struct index_budget budget;
    struct index *index;
    enum hash_mode mode;
    struct model_key *keys;
    uint32_t *present; /* the numbers of those that are, in no order */
    uint32_t *absent;
    uint32_t present_count;
    uint32_t absent_count;
    uint32_t key_count;
    uint32_t owner[ADDRESS_COUNT]; /* whose record lies at this address */
    uint32_t next_address;
    uint64_t expiring_count;
    uint64_t cursor;
    uint64_t next_hash;
};

/* --- the model ------------------------------------------------------------------------------- */

static void model_open(struct model *model, uint64_t seed, enum hash_mode mode, uint32_t key_count)
{
    *model = (struct model){.mode = mode, .key_count = key_count, .absent_count = key_count};
    test_random_init(&model->random, seed);
    model->keys = calloc(key_count, sizeof(*model->keys));
    model->present = calloc(key_count, sizeof(*model->present));
    model->absent = calloc(key_count, sizeof(*model->absent));
    CHECK(model->keys != NULL && model->present != NULL && model->absent != NULL);
    for (uint32_t i = 0; i < key_count; i++) {
        model->absent[i] = i;
    }
    for (uint32_t i = 0; i < ADDRESS_COUNT; i++) {
        model->owner[i] = NO_KEY;
    }
    EXPECT(==, index_create(&model->budget, &model->index), STATUS_OK);
}

static void model_close(struct model *model)
{
    index_destroy(model->index);
    EXPECT(==, model->budget.used_bytes, 0);
    free(model->keys);
    free(model->present);
    free(model->absent);
}

static uint64_t new_hash(struct model *model)
{
    uint64_t random = test_random_next(&model->random) >> 16;
    switch (model->mode) {
    case HASHES_SEQUENTIAL:
        return model->next_hash++;
    case HASHES_OF_ONE_TABLE:
        return (uint64_t)0x2badcafe << 16 | (random & 0x3ffff);
    case HASHES_FEW:
        return (random & 15) * 0x0fffffffffff;
    case HASHES_AT_EDGES:
        return random & 1 ? random >> 40 : (((uint64_t)1 << 48) - 1) - (random >> 40);
    case HASHES_ALL_LAST:
        return ((uint64_t)1 << 48) - 1;
    default:
        return random;
    }
}

/* An address that no key has; its lower or its upper part is sometimes zero. */
static uint64_t new_address(struct model *model, uint32_t key)
{
    do {
        model->next_address = (model->next_address + 1) % ADDRESS_COUNT;
    } while (model->next_address == 0 || model->owner[model->next_address] != NO_KEY);
    model->owner[model->next_address] = key;
    return (uint64_t)model->next_address << 24;
}

static uint32_t owner_of(const struct model *model, uint64_t address)
{
    EXPECT(==, address & 0xffffff, 0);
    EXPECT(<, address >> 24, ADDRESS_COUNT);
    uint32_t key = model->owner[address >> 24];
    EXPECT(!=, key, NO_KEY);
    return key;
}

static void forget_address(struct model *model, uint64_t address)
{
    model->owner[address >> 24] = NO_KEY;
}

static int64_t rounded(int64_t expiry_ms)
{
    if (expiry_ms == EXPIRY_NONE) {
        return EXPIRY_NONE;
    }
    int64_t second = expiry_ms <= 0 ? 0 : (expiry_ms - 1) / 1000 + 1;
    int64_t last = (int64_t)UINT32_MAX - 1;
    return (second < last ? second : last) * 1000;
}

static int64_t new_expiry(struct model *model)
{
    switch (test_random_below(&model->random, 10)) {
    case 0:
        return INT64_MAX - 1;
    case 1:
        return -5;
    case 2:
    case 3:
    case 4:
        return (int64_t)test_random_below(&model->random, 100000);
    default:
        return EXPIRY_NONE;
    }
}

static struct index_entry new_entry(struct model *model, uint32_t key, uint64_t hash)
{
    return (struct index_entry){
        .hash = {.bits = hash},
        .address = {.units = new_address(model, key)},
        .type = (uint8_t)test_random_below(&model->random, 16),
        .clock = (uint8_t)test_random_below(&model->random, 4),
        .expiry_ms = new_expiry(model),
    };
}

static void assert_same(const struct index_entry *a, const struct index_entry *b)
{
    EXPECT(==, a->hash.bits, b->hash.bits);
    EXPECT(==, a->address.units, b->address.units);
    EXPECT(==, a->type, b->type);
    EXPECT(==, a->clock, b->clock);
    EXPECT(==, a->expiry_ms, b->expiry_ms);
}

static void keep(struct model *model, uint32_t key, const struct index_entry *entry)
{
    struct model_key *kept = &model->keys[key];
    model->expiring_count -= kept->present && kept->entry.expiry_ms != EXPIRY_NONE;
    model->expiring_count += entry->expiry_ms != EXPIRY_NONE;
    kept->entry = *entry;
    kept->entry.expiry_ms = rounded(entry->expiry_ms);
    kept->present = true;
}

/* --- operations ------------------------------------------------------------------------------ */

/* Now and then there is no room for what an insert may need; then nothing may change. */
static void limit_budget(struct model *model)
{
    model->budget.limit_bytes = 0;
    if (test_random_one_in(&model->random, 4)) {
        uint64_t room = test_random_below(&model->random, 3) * 40;
        model->budget.limit_bytes = model->budget.used_bytes + room;
    }
}

static void do_insert(struct model *model)
{
    if (model->absent_count == 0) {
        return;
    }
    uint32_t at = (uint32_t)test_random_below(&model->random, model->absent_count);
    uint32_t key = model->absent[at];
    struct index_entry entry = new_entry(model, key, new_hash(model));
    uint64_t used_before = model->budget.used_bytes;
    limit_budget(model);
    enum status status;
    if (test_random_one_in(&model->random, 2)) {
        status = index_insert(model->index, &entry);
    } else {
        status = index_reserve(model->index, entry.hash, true, entry.expiry_ms != EXPIRY_NONE);
        if (status == STATUS_OK) {
            model->budget.limit_bytes = model->budget.used_bytes;
            status = index_insert(model->index, &entry);
            EXPECT(==, status, STATUS_OK);
        }
    }
    if (status == STATUS_INDEX_FULL) {
        EXPECT(!=, model->budget.limit_bytes, 0);
        EXPECT(==, model->budget.used_bytes, used_before);
        model->budget.limit_bytes = 0;
        status = index_insert(model->index, &entry);
    }
    model->budget.limit_bytes = 0;
    EXPECT(==, status, STATUS_OK);
    keep(model, key, &entry);
    model->absent[at] = model->absent[--model->absent_count];
    model->present[model->present_count++] = key;
    model->keys[key].stays = false;
    model->keys[key].visits = 0;
}

static uint32_t any_present(struct model *model, uint32_t *at)
{
    *at = (uint32_t)test_random_below(&model->random, model->present_count);
    return model->present[*at];
}

static void do_remove(struct model *model)
{
    uint32_t at;
    uint32_t key = any_present(model, &at);
    struct index_entry entry = model->keys[key].entry;
    struct record_address wrong = {.units = entry.address.units + 1};
    EXPECT(==, false, index_remove(model->index, entry.hash, wrong));
    EXPECT(==, true, index_remove(model->index, entry.hash, entry.address));
    EXPECT(==, false, index_remove(model->index, entry.hash, entry.address));
    model->expiring_count -= entry.expiry_ms != EXPIRY_NONE;
    model->keys[key].present = false;
    model->keys[key].stays = false;
    forget_address(model, entry.address.units);
    model->present[at] = model->present[--model->present_count];
    model->absent[model->absent_count++] = key;
}

static void do_replace(struct model *model)
{
    uint32_t at;
    uint32_t key = any_present(model, &at);
    struct index_entry old = model->keys[key].entry;
    struct index_entry entry = new_entry(model, key, old.hash.bits);
    uint64_t used_before = model->budget.used_bytes;
    limit_budget(model);
    bool expires = entry.expiry_ms != EXPIRY_NONE;
    if (index_reserve(model->index, entry.hash, false, expires) == STATUS_OK) {
        model->budget.limit_bytes = model->budget.used_bytes;
    }
    enum status status = index_replace(model->index, old.address, &entry);
    if (status == STATUS_INDEX_FULL) {
        EXPECT(==, model->budget.used_bytes, used_before);
        model->budget.limit_bytes = 0;
        status = index_replace(model->index, old.address, &entry);
    }
    model->budget.limit_bytes = 0;
    EXPECT(==, status, STATUS_OK);
    EXPECT(==, index_replace(model->index, old.address, &entry), STATUS_NOT_FOUND);
    forget_address(model, old.address.units);
    keep(model, key, &entry);
}

static void do_move(struct model *model)
{
    uint32_t at;
    uint32_t key = any_present(model, &at);
    struct index_entry *entry = &model->keys[key].entry;
    struct record_address fresh = {.units = new_address(model, key)};
    EXPECT(==, true, index_move(model->index, entry->hash, entry->address, fresh));
    EXPECT(==, false, index_move(model->index, entry->hash, entry->address, fresh));
    forget_address(model, entry->address.units);
    entry->address = fresh;
}

static bool match_address(void *context, struct record_address address)
{
    const struct record_address *wanted = context;
    return wanted->units == address.units;
}

static void do_find(struct model *model)
{
    uint32_t at;
    struct index_entry *entry = &model->keys[any_present(model, &at)].entry;
    struct index_entry found;
    __builtin_prefetch(index_line(model->index, entry->hash));
    EXPECT(==, true, index_find(model->index, entry->hash, match_address, &entry->address, &found));
    assert_same(&found, entry);
    struct record_address peeked;
    EXPECT(==, true, index_peek(model->index, entry->hash, &peeked));
    EXPECT(==, model->keys[owner_of(model, peeked.units)].entry.hash.bits, entry->hash.bits);
    struct record_address nowhere = {.units = 1};
    struct index_hash other = {.bits = new_hash(model)};
    EXPECT(==, false, index_find(model->index, other, match_address, &nowhere, &found));
}

static void do_random(struct model *model)
{
    struct index_entry found;
    EXPECT(==, true, index_random(model->index, test_random_next(&model->random), &found));
    assert_same(&found, &model->keys[owner_of(model, found.address.units)].entry);
}

static void do_due(struct model *model)
{
    int64_t now_s = (int64_t)test_random_below(&model->random, 120) - 2;
    if (test_random_one_in(&model->random, 20)) {
        now_s = (int64_t)test_random_next(&model->random);
    }
    size_t due = 0;
    for (uint32_t i = 0; i < model->present_count; i++) {
        int64_t expiry_ms = model->keys[model->present[i]].entry.expiry_ms;
        due += expiry_ms != EXPIRY_NONE && expiry_ms / 1000 <= now_s;
    }
    struct index_entry found[DUE_CAPACITY];
    size_t count = index_due(model->index, now_s, found, DUE_CAPACITY);
    EXPECT(==, count, due < DUE_CAPACITY ? due : DUE_CAPACITY);
    for (size_t i = 0; i < count; i++) {
        struct model_key *key = &model->keys[owner_of(model, found[i].address.units)];
        assert_same(&found[i], &key->entry);
        EXPECT(<=, found[i].expiry_ms / 1000, now_s);
        for (size_t j = 0; j < i; j++) {
            EXPECT(!=, found[i].address.units, found[j].address.units);
        }
    }
}

/* --- the scan -------------------------------------------------------------------------------- */

static void visit(void *context, const struct index_entry *entry)
{
    struct model *model = context;
    struct model_key *key = &model->keys[owner_of(model, entry->address.units)];
    assert_same(entry, &key->entry);
    key->visits++;
}

static void end_scan(struct model *model)
{
    for (uint32_t i = 0; i < model->present_count; i++) {
        struct model_key *key = &model->keys[model->present[i]];
        if (key->stays) {
            EXPECT(==, key->visits, 1);
        }
        EXPECT(<=, key->visits, 1);
        key->stays = true;
        key->visits = 0;
    }
}

static void do_scan(struct model *model)
{
    size_t count = test_random_below(&model->random, 30);
    index_scan(model->index, &model->cursor, count, visit, model);
    EXPECT(<, model->cursor, (uint64_t)1 << 48);
    if (model->cursor == 0) {
        end_scan(model);
    }
}

/* --- runs ------------------------------------------------------------------------------------ */

static void step(struct model *model, bool waxing)
{
    uint64_t choice = test_random_below(&model->random, 100);
    if (choice < (waxing ? 50u : 20u)) {
        do_insert(model);
    } else if (model->present_count == 0) {
        struct index_entry none;
        EXPECT(==, false, index_random(model->index, 1, &none));
        do_scan(model);
    } else if (choice < 70) {
        do_remove(model);
    } else if (choice < 80) {
        do_replace(model);
    } else if (choice < 85) {
        do_move(model);
    } else if (choice < 93) {
        do_find(model);
    } else if (choice < 95) {
        do_random(model);
    } else {
        do_scan(model);
    }
}

static void verify(const struct model *model)
{
    index_verify(model->index);
    EXPECT(==, index_count(model->index), model->present_count);
    EXPECT(==, index_expiring_count(model->index), model->expiring_count);
    EXPECT(==, index_memory(model->index), model->budget.used_bytes);
}

/* `steps` operations on up to `key_count` keys, all invariants walked every `verify_every`. */
static void run(uint64_t seed, enum hash_mode mode, uint32_t key_count, uint32_t steps,
                uint32_t verify_every)
{
    struct model *model = malloc(sizeof(*model));
    CHECK(model != NULL);
    model_open(model, seed, mode, key_count);
    bool waxing = true;
    for (uint32_t i = 0; i < steps; i++) {
        if (model->present_count == key_count) {
            waxing = false;
        } else if (model->present_count == 0 ||
                   (!waxing && test_random_one_in(&model->random, key_count * 2))) {
            waxing = true;
        }
        step(model, waxing);
        if (i % verify_every == 0) {
            verify(model);
            do_due(model);
        }
    }
    verify(model);
    while (model->present_count > 0) {
        do_remove(model);
    }
    verify(model);
    EXPECT(<, index_memory(model->index), 500);
    model_close(model);
    free(model);
}

static uint32_t scaled(uint32_t steps)
{
    return (uint32_t)(steps * test_scale());
}

START_TEST(few_keys)
{
    uint64_t seed = test_seed("index_model_test");
    for (uint32_t round = 0; round < scaled(60); round++) {
        enum hash_mode mode = (enum hash_mode)(round % HASH_MODE_COUNT);
        run(seed + round, mode, 5 + round * 7 % 300, 3000, 1);
    }
}
END_TEST

START_TEST(crowded_hashes)
{
    uint64_t seed = test_seed("index_model_test");
    for (int mode = HASHES_SEQUENTIAL; mode < HASH_MODE_COUNT; mode++) {
        run(seed, (enum hash_mode)mode, 2500, scaled(15000), 200);
    }
}
END_TEST

START_TEST(many_keys)
{
    uint64_t seed = test_seed("index_model_test");
    run(seed, HASHES_EVEN, 40000, scaled(300000), 3000);
    run(seed, HASHES_OF_ONE_TABLE, 20000, scaled(100000), 3000);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("index_model");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, few_keys);
    tcase_add_test(tests, crowded_hashes);
    tcase_add_test(tests, many_keys);
    return test_run("index_model", tests);
}
