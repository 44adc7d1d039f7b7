/* copies_test.c - a compaction that can't read all of a file keeps it, and lists it beside the
 * copies that it has made: so there are two records with one sequence number. The copy counts,
 * which was verified when it was made, also when the store is opened after a crash; else rot in
 * the other would be an error, and the next compaction would remove the copy. */
#include "base/log.h"
#include "engine/pieces.h"
#include "engine/recovery_pieces.h"
#include "engine/recovery_table.h"
#include "support/sim_search.h"
#include "support/sim_store.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SIZE   ((size_t)100000)
#define PLACE  ((size_t)70000) /* of a word that stands in one piece only */
#define KEY    "a key that is looked for"
#define WORD   "a word that is looked for"
#define VICTIM "a value that will rot"

static struct sim_store store;
static char expected[SIZE];
static size_t expected_size;

static void set_up(void)
{
    const struct engine_options options = sim_store_options((uint64_t)1 << 20);
    sim_store_begin(&store, &options);
}

static void tear_down(void)
{
    sim_store_end(&store);
}

/* --- a store ------------------------------------------------------------------------------ */

static void put(const char *key, const char *value)
{
    ck_assert_int_eq(sim_store_put(&store, key, slice_of_string(value), EXPIRY_NONE), STATUS_OK);
}

static void put_plain(void)
{
    expected_size = strlen(WORD);
    memcpy(expected, WORD, expected_size);
    put(KEY, WORD);
}

/* Zeros, with a word in their midst, in pieces from the beginning. */
static void put_in_pieces(void)
{
    expected_size = SIZE;
    memset(expected, 0, SIZE);
    (void)snprintf(expected + PLACE, SIZE - PLACE, "%s", WORD);
    const struct slice part = slice_make(expected, SIZE);
    const struct engine_patch patch = {.parts = &part, .part_count = 1, .expiry_ms = EXPIRY_NONE};
    engine_lock(store.engine);
    enum status status = engine_patch_locked(store.engine, engine_database_locked(store.engine, 0),
                                             SLICE_LITERAL(KEY), &patch);
    engine_unlock(store.engine);
    ck_assert_int_eq(status, STATUS_OK);
}

static void assert_served(void)
{
    struct entry entry;
    struct slice value;
    engine_lock(store.engine);
    engine_rest_begin_locked(store.engine);
    enum status status = engine_find_locked(store.engine, engine_database_locked(store.engine, 0),
                                            SLICE_LITERAL(KEY), &entry);
    if (status == STATUS_OK) {
        status = engine_part_locked(store.engine, &entry, 0, SIZE_MAX, &value);
    }
    bool is_right = status == STATUS_OK && value.size == expected_size &&
                    memcmp(value.data, expected, expected_size) == 0;
    engine_unlock(store.engine);
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert(is_right);
    sim_store_verify(&store);
}

static void rot(const char *text)
{
    sim_search_flip(&store, ".log", slice_of_string(text), 0);
}

/* --- the cases ---------------------------------------------------------------------------- */

struct copy_case {
    bool is_in_pieces;
    bool has_checkpoint; /* of before the compaction */
    const char *rots;    /* in the file that was kept, after its copy was made */
};

static const struct copy_case cases[] = {
    {.rots = WORD},
    {.rots = WORD, .has_checkpoint = true},
    {.rots = KEY, .has_checkpoint = true},
    {.rots = WORD, .is_in_pieces = true},
    {.rots = WORD, .is_in_pieces = true, .has_checkpoint = true},
    {.rots = KEY, .is_in_pieces = true, .has_checkpoint = true},
};

#define CASE_COUNT ((int)(sizeof(cases) / sizeof(*cases)))

START_TEST(what_was_copied_is_served_from_the_copy)
{
    const struct copy_case *is = &cases[_i];
    put("garbage", "one");
    put("garbage", "two");
    if (is->is_in_pieces) {
        put_in_pieces();
    } else {
        put_plain();
    }
    put("victim", VICTIM);
    ck_assert_int_eq(engine_sync(store.engine), STATUS_OK);
    if (is->has_checkpoint) {
        engine_checkpoint(store.engine);
    }
    rot(VICTIM);
    sim_store_compact(&store);
    ck_assert_uint_eq(sim_search_count(&store, ".pack"), 1);
    rot(is->rots);
    assert_served();
    for (int i = 0; i < 2; i++) {
        sim_store_kill_and_open(&store);
        ck_assert_uint_eq(sim_search_count(&store, ".index"), is->has_checkpoint ? 1 : 0);
        assert_served();
        sim_store_compact(&store);
        assert_served();
    }
}
END_TEST

static void begin_segment(void)
{
    sim_store_close(&store);
    sim_store_open(&store);
}

/* The compaction copies a deletion, for there may be something older; what is newer it does not
 * come to. Once that can't be read, reading the key is an error, and it is not gone. */
START_TEST(a_deletion_that_was_copied_may_be_older)
{
    put(KEY, "old");
    put("victim", "another that will rot");
    begin_segment();
    ck_assert_int_eq(sim_store_delete(&store, KEY), STATUS_OK);
    begin_segment();
    put("another victim", VICTIM);
    put_plain();
    begin_segment();
    rot("another that will rot");
    rot(VICTIM);
    sim_store_compact(&store);
    ck_assert_uint_eq(sim_search_count(&store, ".pack"), 1);
    assert_served();
    rot(KEY);
    sim_store_kill_and_open(&store);
    ck_assert_int_eq(sim_store_find(&store, KEY), STATUS_CORRUPT);
}
END_TEST

/* --- the tables --------------------------------------------------------------------------- */

/* Whatever was read first. */
START_TEST(a_key_has_the_copy_in_any_order)
{
    const struct recovery_entry original = {.hash = 1, .check = 2, .sequence = 5, .address = 7};
    struct recovery_entry copy = original;
    copy.address = 9;
    for (int i = 0; i < 2; i++) {
        struct recovery_table table;
        recovery_table_init(&table);
        ck_assert_int_eq(recovery_table_offer(&table, i == 0 ? &original : &copy), STATUS_OK);
        ck_assert_int_eq(recovery_table_offer(&table, i == 0 ? &copy : &original), STATUS_OK);
        ck_assert_uint_eq(recovery_table_find(&table, 1, 2)->address, 9);
        recovery_table_deinit(&table);
    }
}
END_TEST

static void take(struct recovery_pieces *found, uint64_t place, uint64_t address)
{
    const struct record record = {
        .kind = RECORD_PIECED, .sequence = 5, .keyspace_id = 1, .pieces_id = 3, .place = place};
    const struct recovery_pieces_found seen = {
        .record = &record, .address = {.units = address}, .size = 64};
    ck_assert_int_eq(recovery_pieces_take(found, &seen), STATUS_OK);
}

static void take_both(struct recovery_pieces *found, uint64_t address)
{
    take(found, pieces_encode_shape((struct pieces_shape){.size = SIZE, .shift = 14}), address);
    take(found, 1, address);
}

static void assert_has_copies(const struct recovery_pieces *found)
{
    const struct pieces *pieces = pieces_table_find(&found->table, 3);
    ck_assert_ptr_nonnull(pieces);
    ck_assert_uint_eq(pieces->header.units, 9);
    ck_assert_uint_eq(pieces_get(pieces, 1).address, 9);
}

START_TEST(a_string_in_pieces_has_the_copies_in_any_order)
{
    for (int i = 0; i < 2; i++) {
        struct recovery_pieces both;
        struct recovery_pieces other;
        recovery_pieces_init(&both);
        recovery_pieces_init(&other);
        take_both(&both, i == 0 ? 7 : 9);
        take_both(&other, i == 0 ? 9 : 7);
        ck_assert_int_eq(recovery_pieces_merge(&both, &other), STATUS_OK);
        assert_has_copies(&both);
        take_both(&other, i == 0 ? 7 : 9);
        assert_has_copies(&other);
        recovery_pieces_deinit(&both);
        recovery_pieces_deinit(&other);
    }
}
END_TEST

int main(void)
{
    log_set_level(LOG_NOTHING_LEVEL);
    TCase *tests = tcase_create("copies");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, what_was_copied_is_served_from_the_copy, 0, CASE_COUNT);
    tcase_add_test(tests, a_deletion_that_was_copied_may_be_older);
    tcase_add_test(tests, a_key_has_the_copy_in_any_order);
    tcase_add_test(tests, a_string_in_pieces_has_the_copies_in_any_order);
    return test_run("copies", tests);
}
