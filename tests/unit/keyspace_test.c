/* keyspace_test.c - databases, expiry and batches on a simulated disk. */
#include "keyspace/keyspace.h"

#include "keyspace/batch.h"
#include "keyspace/watch.h"
#include "support/keyspace_store.h"
#include "support/sim_search.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1000000

static struct keyspace_store store;
static struct engine *engine; /* the store's, as is the next */
static struct keyspace *keyspace;

static void note_opened(void)
{
    engine = store.store.engine;
    keyspace = store.keyspace;
}

static void set_up(void)
{
    struct engine_options options = sim_store_options(65536);
    options.database_count = 4;
    store.store.clock_ms = NOW;
    keyspace_store_begin(&store, &options);
    note_opened();
}

static void tear_down(void)
{
    keyspace_store_end(&store);
}

static void put_until(unsigned database, const char *key, const char *text, int64_t expiry_ms)
{
    struct slice part = slice_of_string(text);
    struct string_content content = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
    ck_assert_int_eq(keyspace_put_string(keyspace, database, slice_of_string(key), &content),
                     STATUS_OK);
}

static void put(unsigned database, const char *key, const char *text)
{
    put_until(database, key, text, EXPIRY_NONE);
}

static enum status read_value(unsigned database, const char *key, struct slice *out)
{
    struct value value;
    enum status status = keyspace_lookup(keyspace, database, slice_of_string(key), &value);
    return status == STATUS_OK ? keyspace_part(keyspace, &value, 0, SIZE_MAX, out) : status;
}

/* CHECKs that the key has this value; NULL: that it is absent. */
static void expect(unsigned database, const char *key, const char *text)
{
    struct slice bytes;
    enum status status = read_value(database, key, &bytes);
    if (text == NULL) {
        ck_assert_msg(status == STATUS_NOT_FOUND, "%s is there", key);
        return;
    }
    ck_assert_msg(status == STATUS_OK, "%s: %s", key, status_name(status));
    ck_assert_msg(slice_equal(bytes, slice_of_string(text)), "%s: expected %s", key, text);
}

static struct value find(unsigned database, const char *key)
{
    struct value value;
    ck_assert_int_eq(keyspace_find(keyspace, database, slice_of_string(key), &value), STATUS_OK);
    return value;
}

/* --- expiry --- */

START_TEST(the_moment_decides)
{
    put_until(0, "a", "1", NOW + 10);
    put_until(0, "b", "1", NOW + 20);
    expect(0, "a", "1");
    keyspace_set_now_ms(keyspace, NOW + 9);
    expect(0, "a", "1");
    keyspace_set_now_ms(keyspace, NOW + 11);
    expect(0, "a", NULL);
    expect(0, "b", "1");
    ck_assert_int_eq(keyspace_delete(keyspace, 0, SLICE_LITERAL("a")), STATUS_NOT_FOUND);
    keyspace_set_now_ms(keyspace, NOW + 21);
    expect(0, "b", NULL);
}
END_TEST

START_TEST(an_expiry_in_the_past_deletes)
{
    put(0, "a", "1");
    put(0, "b", "1");
    put_until(0, "a", "2", NOW);
    expect(0, "a", NULL);
    struct value value = find(0, "b");
    ck_assert_int_eq(keyspace_set_expiry(keyspace, 0, &value, NOW - 1), STATUS_OK);
    expect(0, "b", NULL);
    put_until(0, "absent", "2", NOW - 5);
    expect(0, "absent", NULL);
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 0);
}
END_TEST

START_TEST(an_expiry_in_the_past_is_a_change)
{
    struct watcher watcher = {0};
    struct watch_table *watches = keyspace_watches(keyspace);
    ck_assert_int_eq(watch_add(watches, &watcher, 0, SLICE_LITERAL("absent"), false), STATUS_OK);
    put_until(0, "absent", "2", NOW - 5);
    ck_assert(watcher.dirty);
    watch_forget_all(watches, &watcher);
}
END_TEST

START_TEST(a_copy_with_an_expiry_in_the_past_is_a_change)
{
    struct watcher watcher = {0};
    struct watch_table *watches = keyspace_watches(keyspace);
    put(0, "a", "1");
    struct value value = find(0, "a");
    value.expiry_ms = NOW - 5;
    ck_assert_int_eq(watch_add(watches, &watcher, 0, SLICE_LITERAL("absent"), false), STATUS_OK);
    ck_assert_int_eq(keyspace_store_copy(keyspace, &value, 0, SLICE_LITERAL("absent")), STATUS_OK);
    expect(0, "absent", NULL);
    ck_assert(watcher.dirty);
    watch_forget_all(watches, &watcher);
}
END_TEST

START_TEST(expiry_changes_and_goes)
{
    put(0, "a", "text");
    struct value value = find(0, "a");
    ck_assert_int_eq(value.expiry_ms, EXPIRY_NONE);
    ck_assert_int_eq(keyspace_set_expiry(keyspace, 0, &value, NOW + 50), STATUS_OK);
    value = find(0, "a");
    ck_assert_int_eq(value.expiry_ms, NOW + 50);
    ck_assert_uint_eq(keyspace_expiring_count(keyspace, 0), 1);
    ck_assert_int_eq(keyspace_set_expiry(keyspace, 0, &value, EXPIRY_NONE), STATUS_OK);
    ck_assert_uint_eq(keyspace_expiring_count(keyspace, 0), 0);
    expect(0, "a", "text");
}
END_TEST

/* --- databases --- */

START_TEST(databases_are_apart)
{
    put(0, "a", "zero");
    put(1, "a", "one");
    ck_assert_int_eq(keyspace_swap(keyspace, 0, 1), STATUS_OK);
    expect(0, "a", "one");
    expect(1, "a", "zero");
    ck_assert_int_eq(keyspace_swap(keyspace, 2, 2), STATUS_OK);
    ck_assert_int_eq(keyspace_clear(keyspace, 0), STATUS_OK);
    expect(0, "a", NULL);
    expect(1, "a", "zero");
    ck_assert_int_eq(keyspace_clear_all(keyspace), STATUS_OK);
    expect(1, "a", NULL);
}
END_TEST

START_TEST(copies_keep_all)
{
    struct slice part = SLICE_LITERAL("text");
    struct string_content content = {
        .parts = &part, .part_count = 1, .expiry_ms = NOW + 100, .encoding = STRING_RAW};
    ck_assert_int_eq(keyspace_put_string(keyspace, 0, SLICE_LITERAL("a"), &content), STATUS_OK);
    struct value value = find(0, "a");
    ck_assert_int_eq(keyspace_store_copy(keyspace, &value, 3, SLICE_LITERAL("b")), STATUS_OK);
    value = find(3, "b");
    ck_assert_int_eq(value.expiry_ms, NOW + 100);
    ck_assert_int_eq(value.encoding, STRING_RAW);
    ck_assert_int_eq(value.type, TYPE_STRING);
    expect(3, "b", "text");
    expect(0, "a", "text");
}
END_TEST

/* --- batches --- */

static enum status put_pairs(const char *const words[], size_t word_count)
{
    struct slice pairs[64];
    for (size_t i = 0; i < word_count; i++) {
        pairs[i] = slice_of_string(words[i]);
    }
    return batch_put_strings(keyspace, 0,
                             &(struct batch_strings){.pairs = pairs, .count = word_count / 2});
}

START_TEST(pairs_are_all_put)
{
    static const char *const words[] = {"a", "1", "b", "2", "a", "3"};
    ck_assert_int_eq(put_pairs(words, 6), STATUS_OK);
    expect(0, "a", "3");
    expect(0, "b", "2");
    ck_assert_int_eq(put_pairs(words, 2), STATUS_OK);
    expect(0, "a", "1");
}
END_TEST

START_TEST(many_pairs_are_all_put)
{
    char texts[64][8];
    const char *words[64];
    for (size_t i = 0; i < 64; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%zu", i);
        words[i] = texts[i];
    }
    ck_assert_int_eq(put_pairs(words, 64), STATUS_OK);
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 32);
    expect(0, "62", "63");
}
END_TEST

/* At max-keys the second new key can't be made: then nothing else was changed either. */
START_TEST(pairs_that_fail_are_undone)
{
    static const char *const words[] = {"a", "new", "b", "2", "a", "newer", "c", "3"};
    put_until(0, "a", "old", NOW + 100);
    engine_set_max_keys_locked(engine, 2);
    ck_assert_int_eq(put_pairs(words, 8), STATUS_KEY_LIMIT);
    expect(0, "a", "old");
    ck_assert_int_eq(find(0, "a").expiry_ms, NOW + 100);
    expect(0, "b", NULL);
    expect(0, "c", NULL);
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
    ck_assert_int_eq(put_pairs(words, 6), STATUS_OK);
    expect(0, "a", "newer");
    expect(0, "b", "2");
}
END_TEST

/* What is put back may be larger than what the tail keeps in one piece. */
START_TEST(large_values_come_back_too)
{
    static const size_t sizes[] = {70000, 255 * 1024, 256 * 1024, 1000000};
    engine_set_max_keys_locked(engine, 1);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = malloc(sizes[i] + 1);
        ck_assert_ptr_nonnull(text);
        memset(text, 'v', sizes[i]);
        text[sizes[i]] = '\0';
        put(0, "a", text);
        static const char *const words[] = {"a", "new", "b", "2"};
        ck_assert_int_eq(put_pairs(words, 4), STATUS_KEY_LIMIT);
        expect(0, "a", text);
        expect(0, "b", NULL);
        put(0, "a", "small");
        free(text);
    }
}
END_TEST

START_TEST(moving_needs_no_room_for_a_key)
{
    put_until(0, "a", "1", NOW + 100);
    put(0, "b", "2");
    engine_set_max_keys_locked(engine, 2);
    struct value value = find(0, "a");
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 0, SLICE_LITERAL("c")), STATUS_OK);
    expect(0, "a", NULL);
    expect(0, "c", "1");
    ck_assert_int_eq(find(0, "c").expiry_ms, NOW + 100);
    value = find(0, "b");
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 1, SLICE_LITERAL("b")), STATUS_OK);
    expect(0, "b", NULL);
    expect(1, "b", "2");
    value = find(0, "c");
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 1, SLICE_LITERAL("b")), STATUS_OK);
    expect(1, "b", "1");
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 0);
}
END_TEST

/* --- what is unreadable --- */

/* Opens the store anew, so that it is read from its files, and damages the value there. */
static void damage(const char *text)
{
    keyspace_store_reopen(&store);
    note_opened();
    sim_search_flip(&store.store, "", slice_of_string(text), 0);
}

/* Damage is never served, nor written again under a fresh checksum. */
START_TEST(damage_is_told)
{
    put(0, "a", "some text to be damaged");
    damage("some text to be damaged");
    struct slice bytes;
    ck_assert_int_eq(read_value(0, "a", &bytes), STATUS_CORRUPT);
    struct value value = find(0, "a");
    ck_assert_int_eq(keyspace_set_expiry(keyspace, 0, &value, NOW + 100), STATUS_CORRUPT);
    ck_assert_int_eq(keyspace_store_copy(keyspace, &value, 0, SLICE_LITERAL("b")), STATUS_CORRUPT);
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 0, SLICE_LITERAL("b")), STATUS_CORRUPT);
    expect(0, "b", NULL);
    ck_assert_int_eq(find(0, "a").expiry_ms, EXPIRY_NONE);
}
END_TEST

START_TEST(damage_can_be_overwritten)
{
    static const char *const words[] = {"a", "new", "b", "2"};
    put(0, "a", "some text to be damaged");
    damage("some text to be damaged");
    engine_set_max_keys_locked(engine, 1);
    ck_assert_int_eq(put_pairs(words, 4), STATUS_KEY_LIMIT);
    expect(0, "a", "new"); /* what it was can't be put back */
    expect(0, "b", NULL);
    ck_assert_int_eq(keyspace_delete(keyspace, 0, SLICE_LITERAL("a")), STATUS_OK);
}
END_TEST

START_TEST(damage_can_be_deleted)
{
    put(0, "a", "some text to be damaged");
    damage("some text to be damaged");
    ck_assert_int_eq(keyspace_delete(keyspace, 0, SLICE_LITERAL("a")), STATUS_OK);
    expect(0, "a", NULL);
}
END_TEST

/* --- a full disk --- */

/* The disk is so large that the batch is what does not fit any more: a single small record, which
 * is put before each, still does. */
static void pairs_meet_a_full_disk(size_t value_size)
{
    static char text[20000];
    memset(text, 'x', sizeof(text));
    struct slice large = slice_make(text, value_size);
    struct slice pairs[] = {SLICE_LITERAL("a"), large, SLICE_LITERAL("b"), large,
                            SLICE_LITERAL("c"), large};
    sim_disk_set_capacity(store.store.disk, sim_disk_used_bytes(store.store.disk));
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        ck_assert_int_eq(keyspace_clear(keyspace, 0), STATUS_OK);
        put(0, "a", "old");
        status =
            batch_put_strings(keyspace, 0, &(struct batch_strings){.pairs = pairs, .count = 3});
    }
    ck_assert_int_eq(status, STATUS_DISK_FULL);
    expect(0, "a", "old");
    expect(0, "b", NULL);
    expect(0, "c", NULL);
}

/* What is put in its place makes room, and needs none for what was there. */
START_TEST(moving_needs_no_room_for_what_it_replaces)
{
    size_t size = 300000;
    char *text = calloc(1, size + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'v', size);
    put(0, "large", text);
    put(0, "small", "1");
    sim_disk_set_capacity(store.store.disk, sim_disk_used_bytes(store.store.disk));
    struct value value = find(0, "small");
    ck_assert_int_eq(batch_move(keyspace, 0, &value, 0, SLICE_LITERAL("large")), STATUS_OK);
    expect(0, "large", "1");
    expect(0, "small", NULL);
    free(text);
}
END_TEST

START_TEST(pairs_are_all_or_nothing_on_a_full_disk)
{
    pairs_meet_a_full_disk(100);
}
END_TEST

START_TEST(large_pairs_are_all_or_nothing_on_a_full_disk)
{
    pairs_meet_a_full_disk(20000);
}
END_TEST

static void expire_large(int64_t expiry_ms, bool is_in_pieces)
{
    struct value value;
    ck_assert_int_eq(keyspace_find(keyspace, 0, SLICE_LITERAL("k"), &value), STATUS_OK);
    ck_assert_int_eq(keyspace_set_expiry(keyspace, 0, &value, expiry_ms), STATUS_OK);
    value = find(0, "k");
    ck_assert_int_eq(value.expiry_ms, expiry_ms);
    struct slice bytes;
    ck_assert_int_eq(read_value(0, "k", &bytes), STATUS_OK);
    ck_assert_uint_eq(bytes.size, 300000);
    ck_assert(entry_is_whole(&value.entry) != is_in_pieces);
}

/* What is set, gets an expiry and is then read many times stays one record, which can be sent from
 * its file; what has its expiry changed is not written again and again. */
START_TEST(only_a_change_of_an_expiry_makes_pieces)
{
    char *text = calloc(1, 300001);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', 300000);
    put(0, "k", text);
    expire_large(NOW + 100, false);
    expire_large(NOW + 200, true);
    expire_large(EXPIRY_NONE, true);
    expire_large(NOW + 300, true);
    put_until(0, "k", text, NOW + 100);
    expire_large(EXPIRY_NONE, true);
    free(text);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_test(core, the_moment_decides);
    tcase_add_test(core, an_expiry_in_the_past_deletes);
    tcase_add_test(core, an_expiry_in_the_past_is_a_change);
    tcase_add_test(core, a_copy_with_an_expiry_in_the_past_is_a_change);
    tcase_add_test(core, expiry_changes_and_goes);
    tcase_add_test(core, databases_are_apart);
    tcase_add_test(core, copies_keep_all);
    tcase_add_test(core, pairs_are_all_put);
    tcase_add_test(core, many_pairs_are_all_put);
    tcase_add_test(core, pairs_that_fail_are_undone);
    tcase_add_test(core, large_values_come_back_too);
    tcase_add_test(core, moving_needs_no_room_for_a_key);
    tcase_add_test(core, damage_is_told);
    tcase_add_test(core, damage_can_be_overwritten);
    tcase_add_test(core, damage_can_be_deleted);
    tcase_add_test(core, moving_needs_no_room_for_what_it_replaces);
    tcase_add_test(core, pairs_are_all_or_nothing_on_a_full_disk);
    tcase_add_test(core, large_pairs_are_all_or_nothing_on_a_full_disk);
    tcase_add_test(core, only_a_change_of_an_expiry_makes_pieces);
    return test_run("keyspace", core);
}
