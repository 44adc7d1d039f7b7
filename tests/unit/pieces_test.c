/* pieces_test.c - the tables of strings in pieces, by themselves; patch_test.c has the rest. */
#include "engine/pieces.h"

#include "engine/recovery_pieces.h"
#include "support/sim_store.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>

static struct index_budget budget;
static struct pieces_table table;

static void set_up(void)
{
    budget = (struct index_budget){.limit_bytes = 0};
    pieces_table_init(&table, &budget);
}

static void tear_down(void)
{
    pieces_table_deinit(&table);
    ck_assert_uint_eq(budget.used_bytes, 0);
}

START_TEST(strings_are_found_by_their_ids)
{
    struct pieces *pieces;
    for (uint64_t id = 1; id <= 1000; id++) {
        ck_assert_int_eq(pieces_table_add(&table, id * 7, 3, &pieces), STATUS_OK);
    }
    for (uint64_t id = 1; id <= 7000; id++) {
        const struct pieces *found = pieces_table_find(&table, id);
        ck_assert((found != NULL) == (id % 7 == 0));
        ck_assert(found == NULL || found->id == id);
    }
    uint64_t count = 0;
    pieces = NULL;
    while ((pieces = pieces_table_next(&table, pieces)) != NULL) {
        count++;
    }
    ck_assert_uint_eq(count, 1000);
    pieces = pieces_table_find(&table, 77);
    pieces_table_remove(&table, pieces);
    pieces_free(pieces);
    ck_assert_ptr_null(pieces_table_find(&table, 77));
    ck_assert_uint_eq(table.count, 999);
}
END_TEST

START_TEST(pieces_that_were_not_written_are_passed_over)
{
    static const uint64_t ordinals[] = {0, 1, 63, 64, 5000, 262143};
    const size_t count = sizeof(ordinals) / sizeof(ordinals[0]);
    struct pieces *pieces;
    ck_assert_int_eq(pieces_table_add(&table, 1, 3, &pieces), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(pieces_table_reserve(&table, pieces, ordinals[i], ordinals[i] + 1),
                         STATUS_OK);
        pieces_set(pieces, ordinals[i], (struct piece){.address = 1, .sequence = i + 1});
    }
    ck_assert_uint_lt(pieces_table_memory(&table), 60000);
    uint64_t next = 0;
    for (size_t i = 0; i < count; i++, next++) {
        ck_assert(pieces_next(pieces, &next));
        ck_assert_uint_eq(next, ordinals[i]);
        ck_assert_uint_eq(pieces_get(pieces, next).sequence, i + 1);
    }
    ck_assert(!pieces_next(pieces, &next));
    ck_assert_uint_eq(pieces_get(pieces, 2).sequence, 0);
    ck_assert_uint_eq(pieces_get(pieces, 1 << 30).sequence, 0);
}
END_TEST

START_TEST(the_budget_holds)
{
    struct pieces *pieces;
    ck_assert_int_eq(pieces_table_add(&table, 1, 3, &pieces), STATUS_OK);
    budget.limit_bytes = budget.used_bytes + 2000;
    ck_assert_int_eq(pieces_table_reserve(&table, pieces, 0, 64), STATUS_OK);
    ck_assert_int_eq(pieces_table_reserve(&table, pieces, 64, 128), STATUS_INDEX_FULL);
    ck_assert_int_eq(pieces_table_reserve(&table, pieces, 1 << 20, (1 << 20) + 1),
                     STATUS_INDEX_FULL);
    ck_assert_int_eq(pieces_table_reserve(&table, pieces, 7, 9), STATUS_OK);
    ck_assert_uint_le(budget.used_bytes, budget.limit_bytes);
}
END_TEST

/* In tear_down, too: so closing a store is covered. */
START_TEST(many_strings_are_given_up_in_time)
{
    struct recovery_pieces found;
    struct sim_store store;
    struct pieces *pieces;
    const struct slice key = SLICE_LITERAL("k");
    const struct pieces_shape shape = {.size = 1, .shift = PIECES_SHIFT_DEFAULT};
    recovery_pieces_init(&found);
    /* Whoever went through the table's buckets for each of them would be at it for minutes. */
    const uint64_t many = test_scale() < 1 ? 20000 : 500000;
    for (uint64_t id = 1; id <= many; id++) {
        const struct record record = {.kind = RECORD_PIECED,
                                      .sequence = id,
                                      .keyspace_id = 1000,
                                      .pieces_id = id,
                                      .key = key,
                                      .place = pieces_encode_shape(shape)};
        ck_assert_int_eq(
            recovery_pieces_take(&found, &(struct recovery_pieces_found){.record = &record}),
            STATUS_OK);
        ck_assert_int_eq(pieces_table_add(&table, id, 3, &pieces), STATUS_OK);
    }
    const struct engine_options options = sim_store_options((uint64_t)1 << 20);
    sim_store_begin(&store, &options);
    ck_assert_int_eq(recovery_pieces_settle(store.engine, &found), STATUS_OK);
    ck_assert_uint_eq(found.table.count, 0);
    sim_store_end(&store);
    recovery_pieces_deinit(&found);
}
END_TEST

START_TEST(places_say_what_they_are)
{
    struct pieces_shape shape = {.size = 123456789, .shift = 14};
    uint64_t place = pieces_encode_shape(shape);
    ck_assert_uint_eq(place, 0x80000e00075bcd15);
    ck_assert(!pieces_place_is_ordinal(place));
    ck_assert(pieces_place_is_ordinal(262143));
    shape = (struct pieces_shape){0};
    ck_assert_int_eq(pieces_decode_shape(place, &shape), STATUS_OK);
    ck_assert_uint_eq(shape.size, 123456789);
    ck_assert_uint_eq(shape.shift, 14);
    ck_assert_int_eq(pieces_decode_shape(place | (uint64_t)1 << 48, &shape), STATUS_CORRUPT);
    ck_assert_int_eq(pieces_decode_shape(place | (uint64_t)1 << 39, &shape), STATUS_CORRUPT);
    ck_assert_int_eq(pieces_decode_shape(place & ~((uint64_t)0xff << 40), &shape), STATUS_CORRUPT);
    ck_assert_int_eq(pieces_decode_shape(14, &shape), STATUS_CORRUPT);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pieces");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, strings_are_found_by_their_ids);
    tcase_add_test(tests, pieces_that_were_not_written_are_passed_over);
    tcase_add_test(tests, the_budget_holds);
    tcase_add_test(tests, many_strings_are_given_up_in_time);
    tcase_add_test(tests, places_say_what_they_are);
    tcase_set_timeout(tests, 60);
    return test_run("pieces", tests);
}
