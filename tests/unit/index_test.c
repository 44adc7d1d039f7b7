/* index_test.c - the index: what a slot keeps, growth and its price, scans, budgets, expiry. */
#include "engine/index.h"

#include "engine/index_directory.h"
#include "engine/record.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>

#define HASH_LAST (((uint64_t)1 << INDEX_HASH_BITS) - 1)

static struct index_budget budget;
static struct index *map; /* the index under test */

static void set_up(void)
{
    budget = (struct index_budget){0};
    ck_assert_int_eq(index_create(&budget, &map), STATUS_OK);
}

static void tear_down(void)
{
    index_verify(map);
    index_destroy(map);
    ck_assert_uint_eq(budget.used_bytes, 0);
}

static struct index_entry entry_of(uint64_t hash, uint64_t address)
{
    return (struct index_entry){
        .hash = {.bits = hash},
        .address = {.units = address},
        .expiry_ms = EXPIRY_NONE,
    };
}

static struct index_entry expiring_of(uint64_t hash, uint64_t address, int64_t expiry_ms)
{
    struct index_entry entry = entry_of(hash, address);
    entry.expiry_ms = expiry_ms;
    return entry;
}

static uint64_t spread_hash(uint64_t i)
{
    struct test_random random;
    test_random_init(&random, i);
    return test_random_next(&random) >> 16;
}

static void insert(const struct index_entry *entry)
{
    if (index_insert(map, entry) != STATUS_OK) {
        ck_abort_msg("an insert failed");
    }
}

/* Keys [from, to), each at its number + 1. */
static void insert_spread(uint64_t from, uint64_t to, int64_t expiry_ms)
{
    for (uint64_t i = from; i < to; i++) {
        struct index_entry entry = expiring_of(spread_hash(i), i + 1, expiry_ms);
        insert(&entry);
    }
}

static void remove_spread(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        if (!index_remove(map, (struct index_hash){.bits = spread_hash(i)},
                          (struct record_address){.units = i + 1})) {
            ck_abort_msg("a key is missing");
        }
    }
}

static bool match_address(void *context, struct record_address address)
{
    const struct record_address *wanted = context;
    return wanted->units == address.units;
}

static bool find(struct index_entry wanted, struct index_entry *out)
{
    return index_find(map, wanted.hash, match_address, &wanted.address, out);
}

static void assert_same(struct index_entry a, struct index_entry b)
{
    ck_assert_uint_eq(a.hash.bits, b.hash.bits);
    ck_assert_uint_eq(a.address.units, b.address.units);
    ck_assert_uint_eq(a.type, b.type);
    ck_assert_uint_eq(a.clock, b.clock);
    ck_assert_int_eq(a.expiry_ms, b.expiry_ms);
}

/* --- slots ----------------------------------------------------------------------------------- */

START_TEST(empty_index_has_nothing_and_costs_nothing)
{
    struct index_entry entry = entry_of(5, 7);
    struct index_entry out;
    struct record_address address;
    uint64_t cursor = 0;
    ck_assert(!find(entry, &out));
    ck_assert(!index_peek(map, entry.hash, &address));
    ck_assert(!index_remove(map, entry.hash, entry.address));
    ck_assert(!index_move(map, entry.hash, entry.address, entry.address));
    ck_assert_int_eq(index_replace(map, entry.address, &entry), STATUS_NOT_FOUND);
    ck_assert(!index_random(map, 3, &out));
    ck_assert_uint_eq(index_due(map, INT64_MAX, &out, 1), 0);
    ck_assert_int_eq(index_average_ttl_ms(map, 0), 0);
    index_scan(map, &cursor, 10, NULL, NULL);
    ck_assert_uint_eq(cursor, 0);
    __builtin_prefetch(index_line(map, entry.hash));
    ck_assert_uint_eq(index_count(map), 0);
    ck_assert_uint_lt(index_memory(map), 300);
}
END_TEST

START_TEST(slot_keeps_every_bit)
{
    const uint64_t hashes[] = {0, 1, 0xffff, 0x10000, HASH_LAST};
    const uint64_t addresses[] = {1, 0xffffffff, (uint64_t)1 << 32, ((uint64_t)1 << 40) - 1};
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        for (size_t j = 0; j < sizeof(addresses) / sizeof(addresses[0]); j++) {
            struct index_entry entry = entry_of(hashes[i], addresses[j]);
            entry.type = (uint8_t)(15 - i);
            entry.clock = (uint8_t)j;
            entry.expiry_ms = j % 2 ? 5000 : EXPIRY_NONE;
            insert(&entry);
        }
    }
    index_verify(map);
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        for (size_t j = 0; j < sizeof(addresses) / sizeof(addresses[0]); j++) {
            struct index_entry found;
            ck_assert(find(entry_of(hashes[i], addresses[j]), &found));
            struct index_entry entry = entry_of(hashes[i], addresses[j]);
            entry.type = (uint8_t)(15 - i);
            entry.clock = (uint8_t)j;
            entry.expiry_ms = j % 2 ? 5000 : EXPIRY_NONE;
            assert_same(found, entry);
        }
    }
}
END_TEST

START_TEST(upper_bits_of_the_hash_count)
{
    ck_assert_uint_eq(index_hash_of(UINT64_MAX).bits, HASH_LAST);
    ck_assert_uint_eq(index_hash_of(0xffff).bits, 0);
    ck_assert_uint_eq(index_hash_of(0x123456789abcdef0).bits, 0x123456789abc);
}
END_TEST

START_TEST(expiry_is_rounded_up_and_saturates)
{
    static const int64_t pairs[][2] = {
        {1, 1000},
        {1000, 1000},
        {1001, 2000},
        {0, 0},
        {-1, 0},
        {INT64_MIN, 0},
        {INT64_MAX - 1, ((int64_t)UINT32_MAX - 1) * 1000},
        {((int64_t)UINT32_MAX - 1) * 1000, ((int64_t)UINT32_MAX - 1) * 1000},
        {EXPIRY_NONE, EXPIRY_NONE},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct index_entry entry = expiring_of(i, i + 1, pairs[i][0]);
        struct index_entry found;
        insert(&entry);
        ck_assert(find(entry, &found));
        ck_assert_int_eq(found.expiry_ms, pairs[i][1]);
    }
}
END_TEST

START_TEST(replace_and_move_change_what_they_say)
{
    struct index_entry entry = expiring_of(9, 1, 2000);
    struct index_entry found;
    entry.type = 3;
    insert(&entry);
    ck_assert(index_move(map, entry.hash, entry.address, (struct record_address){.units = 2}));
    entry.address.units = 2;
    ck_assert(find(entry, &found));
    assert_same(found, entry);
    struct index_entry fresh = entry_of(9, 4);
    fresh.clock = 2;
    ck_assert_int_eq(index_replace(map, entry.address, &fresh), STATUS_OK);
    ck_assert(!find(entry, &found));
    ck_assert(find(fresh, &found));
    assert_same(found, fresh);
    ck_assert_uint_eq(index_expiring_count(map), 0);
    ck_assert_uint_eq(index_count(map), 1);
}
END_TEST

START_TEST(match_chooses_among_equal_hashes)
{
    struct index_entry found;
    struct record_address first;
    for (uint64_t address = 1; address <= 5; address++) {
        struct index_entry entry = entry_of(77, address);
        insert(&entry);
    }
    for (uint64_t address = 1; address <= 5; address++) {
        ck_assert(find(entry_of(77, address), &found));
        ck_assert_uint_eq(found.address.units, address);
    }
    ck_assert(!find(entry_of(77, 6), &found));
    ck_assert(index_peek(map, (struct index_hash){.bits = 77}, &first));
    ck_assert_uint_eq(first.units, 1);
}
END_TEST

/* --- memory ---------------------------------------------------------------------------------- */

static double bytes_each(void)
{
    return (double)index_memory(map) / (double)index_count(map);
}

START_TEST(a_key_costs_few_bytes_at_every_size)
{
    uint64_t keys = 0;
    uint64_t most = 10000 + (uint64_t)(990000 * test_scale());
    for (uint64_t to = 10000; to <= most; to += to / 40) {
        insert_spread(keys, to, EXPIRY_NONE);
        keys = to;
        ck_assert_double_le(bytes_each(), 18.0);
    }
    index_verify(map);
    for (uint64_t removed = 0; keys - removed > 10000;) {
        uint64_t more = (keys - removed) / 40;
        remove_spread(removed, removed + more);
        removed += more;
        ck_assert_double_le(bytes_each(), 22.0);
    }
}
END_TEST

START_TEST(an_emptied_index_is_small_again)
{
    uint64_t empty_bytes = index_memory(map);
    for (int round = 0; round < 3; round++) {
        insert_spread(0, 100000, round == 1 ? 1000 : EXPIRY_NONE);
        remove_spread(0, 100000);
        ck_assert_uint_eq(index_memory(map), empty_bytes);
    }
}
END_TEST

START_TEST(crowded_hashes_do_not_double_the_directory)
{
    for (uint64_t i = 0; i < 20000; i++) {
        struct index_entry entry = entry_of(HASH_LAST - i % 3, i + 1);
        insert(&entry);
    }
    index_verify(map);
    ck_assert_uint_eq(index_count(map), 20000);
    ck_assert_double_le(bytes_each(), 80.0);
    for (uint64_t i = 0; i < 20000; i++) {
        ck_assert(index_remove(map, (struct index_hash){.bits = HASH_LAST - i % 3},
                               (struct record_address){.units = i + 1}));
    }
    ck_assert_uint_lt(index_memory(map), 300);
}
END_TEST

START_TEST(a_full_budget_changes_nothing)
{
    insert_spread(0, 20000, EXPIRY_NONE);
    budget.limit_bytes = budget.used_bytes;
    uint64_t i = 20000;
    for (;; i++) {
        struct index_entry entry = entry_of(spread_hash(i), i + 1);
        enum status status = index_insert(map, &entry);
        if (status != STATUS_OK) {
            ck_assert_int_eq(status, STATUS_INDEX_FULL);
            break;
        }
    }
    ck_assert_uint_le(budget.used_bytes, budget.limit_bytes);
    ck_assert_uint_eq(index_count(map), i);
    index_verify(map);
    struct index_entry expiring = expiring_of(spread_hash(5), 99999, 1000);
    ck_assert_int_eq(index_replace(map, (struct record_address){.units = 6}, &expiring),
                     STATUS_INDEX_FULL);
    ck_assert_uint_eq(index_expiring_count(map), 0);
    struct index_entry plain = entry_of(spread_hash(5), 99999);
    ck_assert_int_eq(index_replace(map, (struct record_address){.units = 6}, &plain), STATUS_OK);
    struct index *other;
    ck_assert_int_eq(index_create(&budget, &other), STATUS_OK);
    ck_assert_int_eq(index_insert(other, &plain), STATUS_INDEX_FULL);
    index_destroy(other);
    budget.limit_bytes = 0;
    struct index_entry late = entry_of(spread_hash(i), i + 1);
    insert(&late);
}
END_TEST

/* A limit met at every possible step of growth, splits with expiry arrays included. */
START_TEST(every_refusal_leaves_the_index_whole)
{
    uint64_t refused = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        struct index_entry entry = expiring_of(spread_hash(i), i + 1, 1000 + (int64_t)i);
        budget.limit_bytes = budget.used_bytes;
        uint64_t used = budget.used_bytes;
        enum status status = index_insert(map, &entry);
        for (uint64_t room = 16; status == STATUS_INDEX_FULL; room += room / 2) {
            refused++;
            if (budget.used_bytes != used || index_count(map) != i) {
                ck_abort_msg("a refused insert left a trace");
            }
            index_verify(map);
            budget.limit_bytes = used + room;
            status = index_insert(map, &entry);
        }
        if (status != STATUS_OK) {
            ck_abort_msg("an insert failed");
        }
    }
    ck_assert_uint_gt(refused, 100);
}
END_TEST

/* --- scans ----------------------------------------------------------------------------------- */

struct visits {
    uint64_t count;
    uint64_t last;
    uint64_t sum;
};

static void visit(void *context, const struct index_entry *entry)
{
    struct visits *visits = context;
    if (visits->count > 0 && entry->hash.bits < visits->last) {
        ck_abort_msg("a scan went back");
    }
    visits->count++;
    visits->last = entry->hash.bits;
    visits->sum += entry->address.units;
}

START_TEST(scan_sees_all_in_order)
{
    insert_spread(0, 30000, EXPIRY_NONE);
    struct visits visits = {0};
    uint64_t cursor = 0;
    uint64_t calls = 0;
    do {
        uint64_t before = visits.count;
        index_scan(map, &cursor, 10, visit, &visits);
        ck_assert(cursor == 0 || visits.count - before == 10);
        calls++;
    } while (cursor != 0);
    ck_assert_uint_eq(calls, 3000);
    ck_assert_uint_eq(visits.count, 30000);
    ck_assert_uint_eq(visits.sum, (uint64_t)30000 * 30001 / 2);
}
END_TEST

START_TEST(scan_does_not_part_equal_hashes)
{
    static const uint64_t hashes[] = {0, 5, HASH_LAST};
    for (uint64_t i = 0; i < 90; i++) {
        struct index_entry entry = entry_of(hashes[i % 3], i + 1);
        insert(&entry);
    }
    struct visits visits = {0};
    uint64_t cursor = 0;
    for (uint64_t calls = 1; calls <= 3; calls++) {
        index_scan(map, &cursor, calls - 1, visit, &visits); /* a count of 0 is taken for 1 */
        ck_assert_uint_eq(visits.count, calls * 30);
        ck_assert_uint_eq(cursor == 0, calls == 3);
    }
}
END_TEST

START_TEST(scan_ends_at_cursors_beyond_all_hashes)
{
    static const uint64_t cursors[] = {HASH_LAST, HASH_LAST + 1, UINT64_MAX};
    insert_spread(0, 10, EXPIRY_NONE);
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        struct visits visits = {0};
        uint64_t cursor = cursors[i];
        index_scan(map, &cursor, 10, visit, &visits);
        ck_assert_uint_eq(cursor, 0);
        ck_assert_uint_eq(visits.count, 0);
    }
}
END_TEST

START_TEST(random_is_fair)
{
    enum { KEYS = 20000, DRAWS_EACH = 40 };
    insert_spread(0, KEYS, EXPIRY_NONE);
    struct test_random random;
    test_random_init(&random, test_seed("index_test"));
    uint32_t *drawn = calloc(KEYS, sizeof(*drawn));
    for (uint64_t i = 0; i < (uint64_t)KEYS * DRAWS_EACH; i++) {
        struct index_entry found;
        if (!index_random(map, test_random_next(&random), &found)) {
            ck_abort_msg("no key was drawn");
        }
        drawn[found.address.units - 1]++;
    }
    double chi_square = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        double off = (double)drawn[i] - DRAWS_EACH;
        chi_square += off * off / DRAWS_EACH;
    }
    free(drawn);
    /* Mean 19,999, standard deviation 200: five of them either way. */
    ck_assert_double_gt(chi_square, 19000);
    ck_assert_double_lt(chi_square, 21000);
}
END_TEST

START_TEST(random_finds_the_only_key)
{
    insert_spread(0, 50000, EXPIRY_NONE);
    remove_spread(1, 50000);
    struct index_entry found;
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert(index_random(map, i, &found));
        ck_assert_uint_eq(found.address.units, 1);
    }
}
END_TEST

/* --- expiry ---------------------------------------------------------------------------------- */

START_TEST(due_returns_what_is_due)
{
    for (uint64_t i = 0; i < 30000; i++) {
        struct index_entry entry = expiring_of(spread_hash(i), i + 1, (int64_t)(i % 1000) * 1000);
        insert(&entry);
    }
    struct index_entry due[100];
    ck_assert_uint_eq(index_due(map, -1, due, 100), 0);
    uint64_t removed = 0;
    for (int64_t now_s = 0; now_s < 1000; now_s += 50) {
        size_t count;
        while ((count = index_due(map, now_s, due, 100)) > 0) {
            for (size_t i = 0; i < count; i++) {
                if (due[i].expiry_ms > now_s * 1000 ||
                    !index_remove(map, due[i].hash, due[i].address)) {
                    ck_abort_msg("a key was not due");
                }
                removed++;
            }
        }
        ck_assert_uint_eq(removed, (uint64_t)(now_s + 1) * 30);
        index_verify(map);
    }
}
END_TEST

START_TEST(expiry_arrays_come_and_go)
{
    insert_spread(0, 5000, EXPIRY_NONE);
    uint64_t without = index_memory(map);
    struct index_entry entry = expiring_of(7, 99999, 5000);
    insert(&entry);
    ck_assert_uint_gt(index_memory(map), without + 5000 * 4);
    ck_assert_uint_eq(index_expiring_count(map), 1);
    ck_assert(index_remove(map, entry.hash, entry.address));
    ck_assert_uint_eq(index_memory(map), without);
    ck_assert_uint_eq(index_due(map, INT64_MAX, &entry, 1), 0);
}
END_TEST

START_TEST(average_ttl)
{
    for (uint64_t i = 0; i < 100; i++) {
        struct index_entry entry = expiring_of(i, i + 1, 100000 + (int64_t)i * 1000);
        insert(&entry);
    }
    insert_spread(1000, 2000, EXPIRY_NONE);
    ck_assert_int_eq(index_average_ttl_ms(map, 100000), 49500);
    ck_assert_int_eq(index_average_ttl_ms(map, 1000000), 0);
}
END_TEST

/* --- tables ---------------------------------------------------------------------------------- */

START_TEST(tables_have_a_size_limit)
{
    insert_spread(0, 100000, EXPIRY_NONE);
    for (uint64_t i = 0; i < index_directory_size(map); i++) {
        ck_assert_uint_le(map->tables[i]->slot_count, INDEX_TABLE_SLOTS_MAX);
        ck_assert_uint_ge(map->tables[i]->count, INDEX_TABLE_SLOTS_MAX / 3);
    }
}
END_TEST

START_TEST(directory_follows_the_number_of_tables)
{
    insert_spread(0, 100000, EXPIRY_NONE);
    unsigned depth = map->depth;
    ck_assert_uint_ge(depth, 4);
    remove_spread(0, 80000);
    ck_assert_uint_lt(map->depth, depth);
    index_verify(map);
    insert_spread(0, 80000, EXPIRY_NONE);
    ck_assert_uint_eq(map->depth, depth);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("index");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, empty_index_has_nothing_and_costs_nothing);
    tcase_add_test(tests, slot_keeps_every_bit);
    tcase_add_test(tests, upper_bits_of_the_hash_count);
    tcase_add_test(tests, expiry_is_rounded_up_and_saturates);
    tcase_add_test(tests, replace_and_move_change_what_they_say);
    tcase_add_test(tests, match_chooses_among_equal_hashes);
    tcase_add_test(tests, a_key_costs_few_bytes_at_every_size);
    tcase_add_test(tests, an_emptied_index_is_small_again);
    tcase_add_test(tests, crowded_hashes_do_not_double_the_directory);
    tcase_add_test(tests, a_full_budget_changes_nothing);
    tcase_add_test(tests, every_refusal_leaves_the_index_whole);
    tcase_add_test(tests, scan_sees_all_in_order);
    tcase_add_test(tests, scan_does_not_part_equal_hashes);
    tcase_add_test(tests, scan_ends_at_cursors_beyond_all_hashes);
    tcase_add_test(tests, random_is_fair);
    tcase_add_test(tests, random_finds_the_only_key);
    tcase_add_test(tests, due_returns_what_is_due);
    tcase_add_test(tests, expiry_arrays_come_and_go);
    tcase_add_test(tests, average_ttl);
    tcase_add_test(tests, tables_have_a_size_limit);
    tcase_add_test(tests, directory_follows_the_number_of_tables);
    return test_run("index", tests);
}
