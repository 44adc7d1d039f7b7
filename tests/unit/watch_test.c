/* watch_test.c - who is flagged when a key changes, against a model that looks at every watch. */
#include "keyspace/watch.h"

#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define WATCHERS  8
#define DATABASES 3
#define KEYS      40

static struct watch_table *table;
static struct watcher watchers[WATCHERS];

static void set_up(void)
{
    ck_assert_int_eq(watch_table_create(7, &table), STATUS_OK);
    memset(watchers, 0, sizeof(watchers));
}

static void tear_down(void)
{
    for (size_t i = 0; i < WATCHERS; i++) {
        watch_forget_all(table, &watchers[i]);
    }
    ck_assert_uint_eq(watch_table_count(table), 0);
    watch_table_destroy(table);
}

static struct slice key_of(size_t number)
{
    static char text[16];
    return slice_make(text, (size_t)snprintf(text, sizeof(text), "key%zu", number));
}

START_TEST(flags_who_watches)
{
    ck_assert_int_eq(watch_add(table, &watchers[0], 0, SLICE_LITERAL("a"), true), STATUS_OK);
    ck_assert_int_eq(watch_add(table, &watchers[0], 0, SLICE_LITERAL("a"), true), STATUS_OK);
    ck_assert_int_eq(watch_add(table, &watchers[1], 1, SLICE_LITERAL("a"), true), STATUS_OK);
    ck_assert_int_eq(watch_add(table, &watchers[2], 0, SLICE_LITERAL(""), false), STATUS_OK);
    ck_assert_uint_eq(watchers[0].count, 1);
    ck_assert_uint_eq(watch_table_count(table), 3);
    watch_touch(table, 2, SLICE_LITERAL("a"));
    watch_touch(table, 0, SLICE_LITERAL("b"));
    ck_assert(!watchers[0].dirty && !watchers[1].dirty && !watchers[2].dirty);
    watch_touch(table, 0, SLICE_LITERAL("a"));
    ck_assert(watchers[0].dirty && !watchers[1].dirty && !watchers[2].dirty);
    watch_touch(table, 0, slice_make(NULL, 0));
    ck_assert(watchers[2].dirty);
    watch_forget_all(table, &watchers[0]);
    ck_assert(!watchers[0].dirty && watchers[0].count == 0);
    watch_touch(table, 0, SLICE_LITERAL("a"));
    ck_assert(!watchers[0].dirty);
}
END_TEST

static bool is_b(void *context, struct slice key)
{
    (void)context;
    return slice_is_word(key, "b");
}

START_TEST(flags_by_database)
{
    ck_assert_int_eq(watch_add(table, &watchers[0], 0, SLICE_LITERAL("a"), true), STATUS_OK);
    ck_assert_int_eq(watch_add(table, &watchers[1], 0, SLICE_LITERAL("b"), true), STATUS_OK);
    ck_assert_int_eq(watch_add(table, &watchers[2], 1, SLICE_LITERAL("b"), true), STATUS_OK);
    watch_touch_database(table, 0, is_b, NULL);
    ck_assert(!watchers[0].dirty && watchers[1].dirty && !watchers[2].dirty);
    watch_touch_database(table, 0, NULL, NULL);
    ck_assert(watchers[0].dirty && !watchers[2].dirty);
}
END_TEST

static void count_present(void *context, unsigned database, struct slice key, bool present)
{
    size_t *counts = context;
    ck_assert_uint_eq(database, 2);
    ck_assert_uint_eq(key.size, 1);
    counts[present ? 1 : 0]++;
}

START_TEST(tells_what_is_watched)
{
    ck_assert_int_eq(watch_add(table, &watchers[0], 2, SLICE_LITERAL("a"), true), STATUS_OK);
    ck_assert_int_eq(watch_add(table, &watchers[0], 2, SLICE_LITERAL("b"), false), STATUS_OK);
    ck_assert_int_eq(watch_add(table, &watchers[0], 2, SLICE_LITERAL("c"), true), STATUS_OK);
    size_t counts[2] = {0, 0};
    watch_each(&watchers[0], count_present, counts);
    ck_assert_uint_eq(counts[0], 1);
    ck_assert_uint_eq(counts[1], 2);
}
END_TEST

static bool model[WATCHERS][DATABASES][KEYS];
static bool dirty[WATCHERS];

static void step(struct test_random *random)
{
    size_t watcher = test_random_below(random, WATCHERS);
    unsigned database = (unsigned)test_random_below(random, DATABASES);
    size_t key = test_random_below(random, KEYS);
    switch (test_random_below(random, 10)) {
    case 0:
        watch_forget_all(table, &watchers[watcher]);
        memset(model[watcher], 0, sizeof(model[watcher]));
        dirty[watcher] = false;
        break;
    case 1:
    case 2:
        watch_touch(table, database, key_of(key));
        for (size_t i = 0; i < WATCHERS; i++) {
            dirty[i] |= model[i][database][key];
        }
        break;
    default:
        ck_assert_int_eq(watch_add(table, &watchers[watcher], database, key_of(key), true),
                         STATUS_OK);
        model[watcher][database][key] = true;
        break;
    }
}

START_TEST(agrees_with_the_model)
{
    struct test_random random;
    test_random_init(&random, test_seed("watch_test"));
    for (int round = 0; round < 20000; round++) {
        step(&random);
        size_t total = 0;
        for (size_t i = 0; i < WATCHERS; i++) {
            ck_assert_int_eq(watchers[i].dirty, dirty[i]);
            total += watchers[i].count;
        }
        ck_assert_uint_eq(watch_table_count(table), total);
    }
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_test(core, flags_who_watches);
    tcase_add_test(core, flags_by_database);
    tcase_add_test(core, tells_what_is_watched);
    tcase_add_test(core, agrees_with_the_model);
    return test_run("watch", core);
}
