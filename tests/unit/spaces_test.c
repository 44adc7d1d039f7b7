/* spaces_test.c - what a keyspace that was emptied takes of the limit, and of memory. */
#include "engine/spaces.h"

#include "engine/record.h"
#include "support/test_run.h"

#include <check.h>
#include <stddef.h>

#define LIMIT      ((uint64_t)256 * 1024)
#define PIECES_ID  7
#define ADDRESS(n) ((struct record_address){.units = (n) + 1})

static struct spaces spaces;
static uint64_t next_id;

static void set_up(void)
{
    static const uint64_t ids[] = {1, 2};
    spaces = (struct spaces){0};
    next_id = 3;
    ck_assert_int_eq(spaces_init(&spaces, ids, 2, next_id, LIMIT), STATUS_OK);
}

static void tear_down(void)
{
    spaces_deinit(&spaces);
    ck_assert_uint_eq(spaces.budget.used_bytes, 0);
}

/* How many keys there are room for. */
static uint64_t fill(unsigned database)
{
    uint64_t count = 0;
    enum status status;
    do {
        struct index_entry entry = {.hash = index_hash_of(count * 0x9e3779b97f4a7c15u),
                                    .address = ADDRESS(count),
                                    .expiry_ms = EXPIRY_NONE};
        status = index_insert(spaces.databases[database]->index, &entry);
        count += status == STATUS_OK;
    } while (status == STATUS_OK);
    ck_assert_int_eq(status, STATUS_INDEX_FULL);
    return count;
}

static void replace(unsigned database)
{
    struct engine_keyspace *fresh;
    ck_assert_int_eq(spaces_create_keyspace(&spaces, next_id++, &fresh), STATUS_OK);
    spaces_replace(&spaces, database, fresh);
}

static void free_abandoned(void)
{
    struct engine_keyspace *keyspace;
    while ((keyspace = spaces_take_abandoned(&spaces)) != NULL) {
        spaces_destroy_keyspace(keyspace);
    }
}

/* A FLUSHALL and what fills the database again may come in one transaction: nobody frees anything
 * in between. */
START_TEST(an_emptied_database_can_be_filled_at_once)
{
    uint64_t count = fill(0);
    ck_assert_uint_gt(count, 1000);
    for (int i = 0; i < 4; i++) {
        replace(0);
        ck_assert_uint_eq(fill(0), count);
    }
}
END_TEST

START_TEST(what_was_emptied_is_bounded)
{
    for (int i = 0; i < 4; i++) {
        (void)fill(0);
        replace(0);
        ck_assert_uint_le(spaces.abandoned_budget.used_bytes, LIMIT);
        ck_assert_uint_gt(spaces.abandoned_budget.used_bytes, LIMIT / 2);
    }
    ck_assert_uint_eq(spaces.budget.used_bytes, spaces_index_memory(&spaces));
    free_abandoned();
    ck_assert_uint_eq(spaces.abandoned_budget.used_bytes, 0);
}
END_TEST

START_TEST(without_a_limit_nothing_is_freed_by_who_empties)
{
    (void)fill(0);
    spaces.budget.limit_bytes = 0;
    uint64_t used = spaces_index_memory(&spaces);
    replace(0);
    replace(0);
    replace(1);
    ck_assert_uint_gt(spaces.abandoned_budget.used_bytes, used);
    free_abandoned();
    ck_assert_uint_eq(spaces.abandoned_budget.used_bytes, 0);
}
END_TEST

/* Those of large strings count, and go, with the rest. */
START_TEST(pieces_are_a_part_of_it)
{
    struct pieces_table *table = &spaces.databases[0]->pieces;
    struct pieces *pieces;
    ck_assert_int_eq(pieces_table_add(table, PIECES_ID, 1, &pieces), STATUS_OK);
    ck_assert_int_eq(pieces_table_reserve(table, pieces, 0, 1000), STATUS_OK);
    uint64_t used = spaces_index_memory(&spaces);
    ck_assert_uint_gt(used, 8 * 1000);
    replace(0);
    ck_assert_uint_lt(spaces.budget.used_bytes, 8 * 1000);
    ck_assert_uint_gt(spaces.abandoned_budget.used_bytes, 8 * 1000);
    free_abandoned();
    ck_assert_uint_eq(spaces.abandoned_budget.used_bytes, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("spaces");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_emptied_database_can_be_filled_at_once);
    tcase_add_test(tests, what_was_emptied_is_bounded);
    tcase_add_test(tests, without_a_limit_nothing_is_freed_by_who_empties);
    tcase_add_test(tests, pieces_are_a_part_of_it);
    return test_run("spaces", tests);
}
