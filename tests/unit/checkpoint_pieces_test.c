/* checkpoint_pieces_test.c - strings in pieces that are copied for a checkpoint while they change:
 * in the end each is there once, as it is then. */
#include "engine/checkpoint_pieces.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

#define KEYSPACES 3
#define IDS_MAX   200
#define END_ID    100 /* keyspaces from here on are too young for the checkpoint */

static struct index_budget budget;
static struct engine_keyspace keyspaces[KEYSPACES];
static struct engine_keyspace *databases[KEYSPACES];
static struct spaces spaces;
static struct checkpoint_pieces copies;
static struct buffer bytes;
static struct test_random chance;
static uint64_t next_id;
static uint64_t next_sequence;

static void set_up(void)
{
    const uint64_t ids[KEYSPACES] = {4, 7, END_ID};
    budget = (struct index_budget){.limit_bytes = 0};
    for (size_t i = 0; i < KEYSPACES; i++) {
        keyspaces[i] = (struct engine_keyspace){.id = ids[i]};
        pieces_table_init(&keyspaces[i].pieces, &budget);
        databases[i] = &keyspaces[i];
    }
    spaces = (struct spaces){.databases = databases, .count = KEYSPACES};
    copies = (struct checkpoint_pieces){0};
    buffer_init(&bytes);
    next_id = 1;
    next_sequence = 1;
}

static void tear_down(void)
{
    checkpoint_pieces_deinit(&copies);
    buffer_deinit(&bytes);
    for (size_t i = 0; i < KEYSPACES; i++) {
        pieces_table_deinit(&keyspaces[i].pieces);
    }
}

static uint64_t below(uint64_t bound)
{
    return test_random_below(&chance, bound);
}

/* --- strings ------------------------------------------------------------------------------ */

static void set_piece(struct engine_keyspace *keyspace, struct pieces *pieces, uint64_t ordinal)
{
    ck_assert_int_eq(pieces_table_reserve(&keyspace->pieces, pieces, ordinal, ordinal + 1),
                     STATUS_OK);
    uint64_t sequence = next_sequence++;
    pieces_set(pieces, ordinal,
               (struct piece){.address = (sequence * 3) & PIECE_ADDRESS_MAX,
                              .units = 5,
                              .sequence = sequence});
    pieces_order_touch(&keyspace->pieces, pieces);
}

static void add_string(struct engine_keyspace *keyspace, uint64_t piece_count)
{
    struct pieces *pieces;
    ck_assert_int_eq(pieces_table_add(&keyspace->pieces, next_id++, keyspace->id, &pieces),
                     STATUS_OK);
    pieces->shape = (struct pieces_shape){.size = 300 << 14, .shift = 14};
    for (uint64_t i = 0; i < piece_count; i++) {
        set_piece(keyspace, pieces, i);
    }
    pieces->header_sequence = next_sequence++;
    pieces_order_touch(&keyspace->pieces, pieces);
}

static void remove_string(struct engine_keyspace *keyspace, struct pieces *pieces)
{
    pieces_table_remove(&keyspace->pieces, pieces);
    pieces_free(pieces);
}

/* Something that others do while a checkpoint is made. */
static void change_something(void)
{
    struct engine_keyspace *keyspace = &keyspaces[below(KEYSPACES)];
    struct pieces *pieces = pieces_table_find(&keyspace->pieces, 1 + below(next_id));
    if (pieces == NULL) {
        if (next_id < IDS_MAX) {
            add_string(keyspace, below(100));
        }
        return;
    }
    if (below(4) == 0) {
        remove_string(keyspace, pieces);
    } else if (below(3) == 0) {
        pieces->header_sequence = next_sequence++;
        pieces_order_touch(&keyspace->pieces, pieces);
    } else {
        set_piece(keyspace, pieces, below(300));
    }
}

/* --- the checkpoint ----------------------------------------------------------------------- */

static bool copy(uint64_t most)
{
    bool is_done;
    ck_assert_int_eq(checkpoint_pieces_copy_locked(&copies, &spaces, END_ID, most, &is_done),
                     STATUS_OK);
    return is_done;
}

static void end_with(const uint64_t *ids, size_t count)
{
    struct map_facts map = {.ids = (uint64_t *)ids, .count = count};
    ck_assert(copy(UINT64_MAX));
    checkpoint_pieces_settle_locked(&spaces);
    ck_assert_int_eq(checkpoint_pieces_append(&copies, &map, &bytes), STATUS_OK);
}

/* What was copied is what there is; returns how many strings that are. */
static size_t compare(void)
{
    struct checkpoint_pieces_reader reader = {.left = buffer_slice(&bytes)};
    bool seen[IDS_MAX] = {false};
    size_t count = 0;
    while (checkpoint_pieces_next_string(&reader) == STATUS_OK) {
        size_t i = reader.string.keyspace_id == keyspaces[0].id ? 0 : 1;
        ck_assert_uint_eq(reader.string.keyspace_id, keyspaces[i].id);
        const struct pieces *pieces = pieces_table_find(&keyspaces[i].pieces, reader.string.id);
        ck_assert_ptr_nonnull(pieces);
        ck_assert(!seen[pieces->id]);
        seen[pieces->id] = true;
        count++;
        ck_assert_uint_eq(reader.string.header_sequence, pieces->header_sequence);
        uint64_t ordinal;
        uint64_t expected = 0;
        struct piece piece;
        while (checkpoint_pieces_next_piece(&reader, &ordinal, &piece) == STATUS_OK) {
            ck_assert(pieces_next(pieces, &expected));
            ck_assert_uint_eq(ordinal, expected);
            ck_assert_uint_eq(piece.sequence, pieces_get(pieces, ordinal).sequence);
            expected++;
        }
        ck_assert(!pieces_next(pieces, &expected));
    }
    ck_assert_uint_eq(reader.left.size, 0);
    return count;
}

START_TEST(each_is_there_once_as_it_is)
{
    const uint64_t ids[] = {keyspaces[0].id, keyspaces[1].id, keyspaces[2].id};
    test_random_init(&chance, test_seed("each_is_there_once_as_it_is"));
    for (int i = 0; i < 60; i++) {
        change_something();
    }
    for (int round = 0; round < 100; round++) { /* one checkpoint behind the other */
        for (int i = 0; i < 40; i++) {
            (void)copy(1 + below(1000));
            for (uint64_t j = below(6); j > 0; j--) {
                change_something();
            }
        }
        end_with(ids, 3);
        ck_assert_uint_eq(compare(), keyspaces[0].pieces.count + keyspaces[1].pieces.count);
        for (int i = 0; i < 10; i++) {
            change_something(); /* no copy is touched any more */
        }
        checkpoint_pieces_deinit(&copies);
        buffer_deinit(&bytes);
    }
}
END_TEST

START_TEST(no_hold_copies_much_more_than_it_may)
{
    for (int i = 0; i < 100; i++) {
        add_string(&keyspaces[i % 2], 5);
    }
    uint64_t before = 0;
    while (!copy(10 * (5 + CHECKPOINT_STRING_COSTS))) {
        ck_assert_uint_eq(copies.count - before, 10);
        before = copies.count;
    }
    ck_assert_uint_eq(copies.count, 100);
    ck_assert(copy(1));
    ck_assert_uint_eq(copies.count, 100);
    set_piece(&keyspaces[0], pieces_table_find(&keyspaces[0].pieces, 1), 3);
    ck_assert(copy(1));
    ck_assert_uint_eq(copies.count, 101);
}
END_TEST

START_TEST(what_was_flushed_is_left_out)
{
    const uint64_t ids[] = {keyspaces[1].id};
    add_string(&keyspaces[0], 3);
    add_string(&keyspaces[1], 3);
    ck_assert(copy(UINT64_MAX));
    databases[0] = &keyspaces[1];
    spaces.count = 1;
    end_with(ids, 1);
    ck_assert_uint_eq(compare(), 1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("checkpoint_pieces");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_is_there_once_as_it_is);
    tcase_add_test(tests, no_hold_copies_much_more_than_it_may);
    tcase_add_test(tests, what_was_flushed_is_left_out);
    return test_run("checkpoint_pieces", tests);
}
