/* compaction_moves_test.c - moves come back as they were added, with their owners. */
#include "engine/compaction_moves.h"

#include "support/test_run.h"

#include <check.h>

#define COUNT 5000

/* Owners change often at first and then hardly ever; some are of strings in pieces. */
static struct compaction_owner owner_of(size_t i)
{
    uint64_t keyspace_id = i < 1000 ? i % 3 : i / 2000;
    bool is_pieced = i % 701 == 0;
    return (struct compaction_owner){.keyspace_id = keyspace_id,
                                     .pieces_id = is_pieced ? i + 1 : 0,
                                     .place = is_pieced ? i * 2 : 0};
}

static struct compaction_move move_of(size_t i, size_t round)
{
    return (struct compaction_move){.hash = {.bits = i * 0x9e3779b97f4a7c15u >> 16},
                                    .from = {.units = i * 3 + round},
                                    .to_unit = (uint32_t)(i * 7),
                                    .units = UINT32_MAX - (uint32_t)i};
}

static void add_all(struct compaction_moves *moves, size_t round)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct compaction_move move = move_of(i, round);
        struct compaction_owner owner = owner_of(i);
        ck_assert_int_eq(compaction_moves_reserve(moves), STATUS_OK);
        compaction_moves_add(moves, &move, &owner);
    }
    ck_assert_uint_eq(moves->count, COUNT);
}

static void expect_all(const struct compaction_moves *moves, size_t round)
{
    struct compaction_moves_cursor cursor = {0};
    const struct compaction_owner *owner;
    for (size_t i = 0; i < COUNT; i++) {
        const struct compaction_move *move = compaction_moves_next(moves, &cursor, &owner);
        struct compaction_move expected = move_of(i, round);
        struct compaction_owner expected_owner = owner_of(i);
        ck_assert_ptr_nonnull(move);
        ck_assert_mem_eq(move, &expected, sizeof(expected));
        ck_assert_mem_eq(owner, &expected_owner, sizeof(expected_owner));
    }
    ck_assert_ptr_null(compaction_moves_next(moves, &cursor, &owner));
}

START_TEST(moves_and_owners_come_back_in_order)
{
    struct compaction_moves moves = {0};
    struct compaction_moves_cursor cursor = {0};
    const struct compaction_owner *owner;
    ck_assert_ptr_null(compaction_moves_next(&moves, &cursor, &owner));
    for (size_t round = 0; round < 2; round++) {
        add_all(&moves, round);
        expect_all(&moves, round);
        compaction_moves_clear(&moves);
        ck_assert_uint_eq(moves.count, 0);
    }
    compaction_moves_deinit(&moves);
}
END_TEST

/* Those of one database take no more than the moves themselves. */
START_TEST(one_owner_is_kept_once)
{
    struct compaction_moves moves = {0};
    for (size_t i = 0; i < COUNT; i++) {
        struct compaction_move move = move_of(i, 0);
        struct compaction_owner owner = {.keyspace_id = 7};
        ck_assert_int_eq(compaction_moves_reserve(&moves), STATUS_OK);
        compaction_moves_add(&moves, &move, &owner);
    }
    ck_assert_uint_eq(moves.run_count, 1);
    compaction_moves_deinit(&moves);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("compaction_moves");
    tcase_add_test(cases, moves_and_owners_come_back_in_order);
    tcase_add_test(cases, one_owner_is_kept_once);
    return test_run("compaction_moves", cases);
}
