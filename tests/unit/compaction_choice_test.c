/* compaction_choice_test.c - which files are compacted, when, and how hard writers are pressed. */
#include "engine/compaction_choice.h"

#include "support/test_run.h"

#include <check.h>

#define MIB     ((uint64_t)1 << 20)
#define SEGMENT (64 * MIB)

/* A closed file of a segment's size with so many percent of garbage. */
static struct compaction_file make_file(unsigned garbage, uint64_t last_sequence)
{
    return (struct compaction_file){.bytes = SEGMENT,
                                    .live_bytes = SEGMENT / 100 * (100 - garbage),
                                    .guard_sequence = garbage > 0 ? last_sequence : UINT64_MAX,
                                    .last_sequence = last_sequence,
                                    .can_go = true};
}

static struct compaction_totals add_up(struct compaction_file *files, size_t count)
{
    struct compaction_totals totals = {0};
    for (size_t i = 0; i < count; i++) {
        totals.all_live_bytes += files[i].live_bytes;
    }
    compaction_add_up(files, count, &totals);
    return totals;
}

static size_t choose(struct compaction_file *files, size_t count, unsigned garbage_least)
{
    struct compaction_totals totals = add_up(files, count);
    struct compaction_wish wish = {
        .next_sequence = 1000, .live_max = SEGMENT, .garbage_least = garbage_least};
    return compaction_choose(files, count, &totals, &wish);
}

/* --- what --------------------------------------------------------------------------------- */

START_TEST(the_one_with_most_garbage)
{
    struct compaction_file files[] = {make_file(30, 900), make_file(90, 900), make_file(70, 900)};
    ck_assert_uint_eq(choose(files, 3, 0), 2); /* 10 and 30 percent to copy; no 70 more */
    ck_assert(!files[0].chosen && files[1].chosen && files[2].chosen);
}
END_TEST

START_TEST(the_older_one)
{
    struct compaction_file files[] = {make_file(50, 990), make_file(50, 100), make_file(50, 900)};
    ck_assert_uint_eq(choose(files, 3, 0), 2);
    ck_assert(!files[0].chosen && files[1].chosen && files[2].chosen);
    /* But not for the sake of little. */
    struct compaction_file others[] = {make_file(90, 990), make_file(2, 1)};
    ck_assert_uint_eq(choose(others, 2, 5), 1);
    ck_assert(others[0].chosen);
}
END_TEST

START_TEST(not_more_than_a_segment_to_copy)
{
    struct compaction_file files[20];
    for (int i = 0; i < 20; i++) {
        files[i] = make_file(60, 900);
    }
    ck_assert_uint_eq(choose(files, 20, 0), 2);
    for (int i = 0; i < 20; i++) {
        files[i] = make_file(100, 900); /* nothing to copy */
    }
    ck_assert_uint_eq(choose(files, 20, 0), COMPACTION_ROUND_VICTIMS);
    struct compaction_file large = make_file(50, 900); /* one value, larger than a segment */
    large.bytes *= 10;
    large.live_bytes *= 10;
    ck_assert_uint_eq(choose(&large, 1, 0), 1);
}
END_TEST

START_TEST(no_more_than_is_enough)
{
    struct compaction_file files[] = {make_file(80, 900), make_file(70, 900), make_file(60, 900),
                                      make_file(20, 900)};
    struct compaction_totals totals = add_up(files, 4); /* 57 percent garbage; 46 without one */
    struct compaction_wish wish = {.next_sequence = 1000,
                                   .live_max = SEGMENT,
                                   .live_enough = SEGMENT / 10,
                                   .garbage_enough = 47};
    ck_assert_uint_eq(compaction_choose(files, 4, &totals, &wish), 1);
    ck_assert(files[0].chosen);
    /* To fall below 40 takes a second; and so does a packed segment that is not too small. */
    files[0].chosen = false;
    wish.garbage_enough = 40;
    ck_assert_uint_eq(compaction_choose(files, 4, &totals, &wish), 2);
    files[0].chosen = files[1].chosen = false;
    wish.garbage_enough = 47;
    wish.live_enough = SEGMENT / 100 * 25;
    ck_assert_uint_eq(compaction_choose(files, 4, &totals, &wish), 2);
    ck_assert(files[0].chosen && files[1].chosen);
}
END_TEST

START_TEST(not_what_can_not_go)
{
    struct compaction_file files[] = {make_file(90, 900), make_file(20, 900), make_file(0, 900)};
    files[0].can_go = false;
    ck_assert_uint_eq(choose(files, 3, 0), 1);
    ck_assert(files[1].chosen);
    files[1].chosen = false;
    ck_assert_uint_eq(choose(files, 3, 30), 0);
}
END_TEST

/* --- small files -------------------------------------------------------------------------- */

#define SMALL_FILES 200

/* Wholly alive, as no garbage would ever make them victims. */
static void make_small_files(struct compaction_file *files, uint64_t bytes)
{
    for (size_t i = 0; i < SMALL_FILES; i++) {
        files[i] = make_file(0, 900);
        files[i].bytes = files[i].live_bytes = bytes;
    }
}

START_TEST(small_ones_when_they_are_many)
{
    struct compaction_file files[SMALL_FILES];
    make_small_files(files, 100);
    files[3] = make_file(90, 900);
    for (size_t count = 1; count < SMALL_FILES; count++) {
        struct compaction_totals totals = {.segment_size = SEGMENT};
        compaction_add_up(files, count, &totals);
        ck_assert_uint_eq(totals.small_count, count - (count > 3 ? 1 : 0));
        bool is_due = totals.small_count > COMPACTION_SMALL_COUNT;
        ck_assert(compaction_has_many_small(&totals) == is_due);
        ck_assert(!compaction_is_due(&totals, 0) && compaction_is_due(&totals, 95) == is_due);
    }
    struct compaction_totals totals = {.segment_size = SEGMENT};
    compaction_add_up(files, SMALL_FILES, &totals);
    struct compaction_wish wish = {.next_sequence = 1000, .live_max = SEGMENT};
    ck_assert_uint_eq(compaction_choose(files, SMALL_FILES, &totals, &wish), SMALL_FILES - 1);
    ck_assert(!files[3].chosen);
}
END_TEST

/* However large they are, there are less of them after a round: it takes sixteen at least. */
START_TEST(a_segment_of_small_ones)
{
    struct compaction_file files[SMALL_FILES];
    make_small_files(files, SEGMENT / COMPACTION_SMALL_PART - 8);
    struct compaction_totals totals = {.segment_size = SEGMENT, .all_live_bytes = 10 * SEGMENT};
    compaction_add_up(files, SMALL_FILES, &totals);
    ck_assert(compaction_has_many_small(&totals));
    struct compaction_wish wish = {.next_sequence = 1000, .live_max = SEGMENT};
    ck_assert_uint_eq(compaction_choose(files, SMALL_FILES, &totals, &wish), COMPACTION_SMALL_PART);
    /* A large store may have more. */
    totals.all_live_bytes = 100 * SEGMENT;
    ck_assert(!compaction_has_many_small(&totals));
    /* But not more than the process can open. */
    totals.small_most = SMALL_FILES - COMPACTION_SMALL_COUNT;
    ck_assert(!compaction_has_many_small(&totals));
    totals.small_most--;
    ck_assert(compaction_has_many_small(&totals));
}
END_TEST

START_TEST(a_sixteenth_is_not_small)
{
    struct compaction_file files[SMALL_FILES];
    make_small_files(files, SEGMENT / COMPACTION_SMALL_PART);
    struct compaction_totals totals = {.segment_size = SEGMENT};
    compaction_add_up(files, SMALL_FILES, &totals);
    ck_assert_uint_eq(totals.small_count, 0);
}
END_TEST

/* --- tombstones that wait ----------------------------------------------------------------- */

START_TEST(kept_ones_are_no_garbage)
{
    struct compaction_file files[] = {make_file(1, 500), make_file(90, 900)};
    files[1].kept_bytes = files[1].bytes - files[1].live_bytes;
    files[1].kept_sequence = 800;
    files[1].guard_sequence = 900;
    struct compaction_totals totals = add_up(files, 2); /* the first may hold what they hide */
    ck_assert_uint_eq(totals.kept_bytes, files[1].kept_bytes);
    ck_assert_uint_eq(compaction_garbage(&totals), SEGMENT - files[0].live_bytes);
    files[0].guard_sequence = UINT64_MAX; /* nothing is dead in it any more */
    totals = add_up(files, 2);
    ck_assert_uint_eq(totals.kept_bytes, 0);
    ck_assert_uint_gt(compaction_garbage(&totals), SEGMENT / 10 * 8);
}
END_TEST

START_TEST(the_oldest_goes_when_many_wait)
{
    struct compaction_file files[] = {make_file(10, 900), make_file(1, 500), make_file(30, 950)};
    files[2].kept_bytes = SEGMENT / 100 * 29;
    files[2].kept_sequence = 940;
    struct compaction_totals totals = add_up(files, 3);
    ck_assert(!compaction_is_due(&totals, 40));
    ck_assert_uint_eq(choose(files, 3, 20), 0);
    files[2].live_bytes /= 2;
    files[2].kept_bytes = SEGMENT / 100 * 64;
    totals = add_up(files, 3);
    ck_assert(compaction_is_due(&totals, 40));
    ck_assert(!compaction_is_due(&totals, 0));
    ck_assert_uint_eq(choose(files, 3, 20), 1);
    ck_assert(files[1].chosen);
    /* When that one can't go, nothing helps: it is not tried for ever. */
    files[1].can_go = false;
    totals = add_up(files, 3);
    ck_assert(!compaction_is_due(&totals, 40));
}
END_TEST

/* --- when ------------------------------------------------------------------------------------ */

START_TEST(due_above_the_percentage)
{
    struct compaction_file files[] = {make_file(30, 900), make_file(48, 900)};
    struct compaction_totals totals = add_up(files, 2);
    ck_assert(!compaction_is_due(&totals, 40));
    ck_assert(compaction_is_due(&totals, 38));
    ck_assert(!compaction_is_due(&totals, 0));
    totals.all_live_bytes += SEGMENT / 2; /* in the active segment: a quarter of them less */
    ck_assert(!compaction_is_due(&totals, 15));
    ck_assert(compaction_is_due(&totals, 13));
    totals.all_live_bytes += 2 * SEGMENT;
    ck_assert(!compaction_is_due(&totals, 1));
    struct compaction_totals none = {0};
    ck_assert(!compaction_is_due(&none, 40));
}
END_TEST

START_TEST(pressed_more_and_more)
{
    struct compaction_totals totals = {
        .live_bytes = 100 * SEGMENT, .all_live_bytes = 100 * SEGMENT, .segment_size = SEGMENT};
    struct compaction_pressure before = {0};
    /* start is 166.7 segments, most 200.25, slow 189.1 */
    for (uint64_t segments = 100; segments < 210; segments++) {
        totals.bytes = segments * SEGMENT;
        struct compaction_pressure now = compaction_press(&totals, 40);
        ck_assert_uint_ge(now.urgency, before.urgency);
        ck_assert_uint_ge(now.slowness, before.slowness);
        ck_assert_int_eq(now.urgency > 0, segments > 166);
        ck_assert_int_eq(now.slowness > 0, segments > 189);
        ck_assert_int_eq(now.slowness == 1000, segments > 200);
        ck_assert_msg(now.slowness == 0 || now.urgency == 1000, "slowed before all was done");
        before = now;
    }
}
END_TEST

/* A store that has next to nothing alive: its first closed segment is all garbage, and nobody waits
 * for it to go. */
START_TEST(nobody_waits_in_a_small_store)
{
    struct compaction_totals totals = {
        .bytes = SEGMENT, .all_live_bytes = 1000, .segment_size = SEGMENT};
    ck_assert_uint_eq(compaction_press(&totals, 40).slowness, 0);
    totals.bytes = 2 * SEGMENT;
    ck_assert_uint_eq(compaction_press(&totals, 40).slowness, 1000);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("compaction_choice");
    tcase_add_test(tests, the_one_with_most_garbage);
    tcase_add_test(tests, the_older_one);
    tcase_add_test(tests, not_more_than_a_segment_to_copy);
    tcase_add_test(tests, no_more_than_is_enough);
    tcase_add_test(tests, not_what_can_not_go);
    tcase_add_test(tests, small_ones_when_they_are_many);
    tcase_add_test(tests, a_segment_of_small_ones);
    tcase_add_test(tests, a_sixteenth_is_not_small);
    tcase_add_test(tests, kept_ones_are_no_garbage);
    tcase_add_test(tests, the_oldest_goes_when_many_wait);
    tcase_add_test(tests, due_above_the_percentage);
    tcase_add_test(tests, pressed_more_and_more);
    tcase_add_test(tests, nobody_waits_in_a_small_store);
    return test_run("compaction_choice", tests);
}
