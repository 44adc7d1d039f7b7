/* eviction_test.c - which keys go when the data set is larger than its limit, and which stay. */
#include "keyspace/eviction.h"

#include "support/keyspace_store.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW        1000000
#define VALUE_SIZE 100

static struct keyspace_store store;
static struct engine *engine; /* the store's, as are the next two */
static struct keyspace *keyspace;
static struct eviction *eviction;

static void note_opened(void)
{
    engine = store.store.engine;
    keyspace = store.keyspace;
    eviction = keyspace_eviction(keyspace);
}

static void set_up(void)
{
    struct engine_options options = sim_store_options(1 << 20);
    options.database_count = 4;
    options.random_seed = 7;
    store.store.clock_ms = NOW;
    keyspace_store_begin(&store, &options);
    note_opened();
}

static void tear_down(void)
{
    keyspace_store_end(&store);
}

static void choose_policy(enum eviction_policy policy, uint64_t limit_bytes)
{
    eviction->policy = policy;
    eviction->limit_bytes = limit_bytes;
    keyspace_note_access(keyspace, true);
}

static struct slice key_of(char text[32], unsigned number)
{
    (void)snprintf(text, 32, "key-%08u", number);
    return slice_of_string(text);
}

static void put_until(unsigned database, unsigned number, int64_t expiry_ms)
{
    static const uint8_t value[VALUE_SIZE] = {0};
    char text[32];
    struct slice part = slice_make(value, sizeof(value));
    struct string_content content = {.parts = &part, .part_count = 1, .expiry_ms = expiry_ms};
    if (keyspace_put_string(keyspace, database, key_of(text, number), &content) != STATUS_OK) {
        ck_abort_msg("key %u could not be put", number);
    }
}

static void put(unsigned number)
{
    put_until(0, number, EXPIRY_NONE);
}

static void put_range(unsigned from, unsigned to, int64_t expiry_ms)
{
    for (unsigned i = from; i < to; i++) {
        put_until(0, i, expiry_ms);
    }
}

/* Reads the key; was it there? */
static bool read_key(unsigned number)
{
    char text[32];
    struct value value;
    return keyspace_lookup(keyspace, 0, key_of(text, number), &value) == STATUS_OK;
}

static bool is_there(unsigned number)
{
    keyspace_note_access(keyspace, false);
    bool there = read_key(number);
    keyspace_note_access(keyspace, true);
    return there;
}

static unsigned count_there(unsigned from, unsigned to)
{
    unsigned count = 0;
    for (unsigned i = from; i < to; i++) {
        count += is_there(i);
    }
    return count;
}

/* What one of our keys takes. */
static uint64_t record_bytes(void)
{
    put(99999999);
    uint64_t before = engine_live_bytes_locked(engine);
    put(99999998);
    uint64_t bytes = engine_live_bytes_locked(engine) - before;
    ck_assert_int_eq(keyspace_delete(keyspace, 0, SLICE_LITERAL("key-99999999")), STATUS_OK);
    ck_assert_int_eq(keyspace_delete(keyspace, 0, SLICE_LITERAL("key-99999998")), STATUS_OK);
    ck_assert_uint_eq(engine_live_bytes_locked(engine), 0);
    return bytes;
}

/* --- how well the policies choose --- */

#define UNIVERSE 10000
#define ROOM     1000 /* keys that fit */

/* Keys by popularity, so that the n-th is asked for in proportion to 1 / n^s. */
struct zipf {
    double sum[UNIVERSE];
};

static void zipf_init(struct zipf *zipf, double s)
{
    double sum = 0;
    for (unsigned i = 0; i < UNIVERSE; i++) {
        sum += 1 / pow(i + 1, s);
        zipf->sum[i] = sum;
    }
}

static unsigned zipf_next(const struct zipf *zipf, struct test_random *random)
{
    double throw = (double)(test_random_next(random) >> 11) / 9007199254740992.0;
    double wanted = throw *zipf->sum[UNIVERSE - 1];
    unsigned low = 0;
    unsigned high = UNIVERSE - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (zipf->sum[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* A cache in front of something slow: what is not there is put there. Returns the share of hits in
 * the second half, in percent. */
static double hit_rate(enum eviction_policy policy)
{
    const unsigned accesses = 100000;
    static struct zipf zipf;
    struct test_random random;
    zipf_init(&zipf, 0.9);
    test_random_init(&random, 42);
    ck_assert_int_eq(keyspace_clear_all(keyspace), STATUS_OK);
    choose_policy(policy, record_bytes() * ROOM);
    unsigned hits = 0;
    for (unsigned i = 0; i < accesses; i++) {
        unsigned number = zipf_next(&zipf, &random);
        if (read_key(number)) {
            hits += i >= accesses / 2;
            continue;
        }
        ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_DONE);
        put_until(0, number, policy < EVICT_ALLKEYS_LRU ? NOW + 1000000 : EXPIRY_NONE);
    }
    return hits * 100.0 / (accesses / 2.0);
}

START_TEST(the_used_keys_stay)
{
    double by_chance = hit_rate(EVICT_ALLKEYS_RANDOM);
    double by_recency = hit_rate(EVICT_ALLKEYS_LRU);
    double by_frequency = hit_rate(EVICT_ALLKEYS_LFU);
    printf("hits in percent: random %.1f, lru %.1f, lfu %.1f\n", by_chance, by_recency,
           by_frequency);
    ck_assert_double_gt(by_recency, by_chance + 4);
    ck_assert_double_gt(by_frequency, by_chance + 6);
    ck_assert_double_gt(hit_rate(EVICT_VOLATILE_LRU), by_chance + 3);
    ck_assert_double_gt(hit_rate(EVICT_VOLATILE_LFU), by_chance + 5);
}
END_TEST

/* A quarter of the room is for keys that are read again and again, while a stream of others passes
 * that nobody reads. Returns how many reads missed, out of 20,000. */
static unsigned misses_beside_a_stream(enum eviction_policy policy)
{
    unsigned misses = 0;
    ck_assert_int_eq(keyspace_clear_all(keyspace), STATUS_OK);
    choose_policy(policy, record_bytes() * ROOM);
    for (unsigned i = 0; i < 20 * ROOM; i++) {
        unsigned hot = i % (ROOM / 4);
        ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_DONE);
        put(ROOM + i);
        if (!read_key(hot)) {
            misses++;
            put(hot);
        }
    }
    return misses;
}

START_TEST(hot_keys_outlive_a_stream)
{
    unsigned by_chance = misses_beside_a_stream(EVICT_ALLKEYS_RANDOM);
    unsigned by_recency = misses_beside_a_stream(EVICT_ALLKEYS_LRU);
    unsigned by_frequency = misses_beside_a_stream(EVICT_ALLKEYS_LFU);
    printf("misses: random %u, lru %u, lfu %u\n", by_chance, by_recency, by_frequency);
    ck_assert_uint_gt(by_chance, 3000);
    ck_assert_uint_lt(by_recency, 600);
    ck_assert_uint_lt(by_frequency, 600);
}
END_TEST

/* --- which one of a sample --- */

START_TEST(the_worst_of_a_sample_goes)
{
    struct engine_sample samples[4] = {
        {.slot = {.clock = 2, .expiry_ms = 3000}},
        {.slot = {.clock = 3, .expiry_ms = 1000}},
        {.slot = {.clock = 1, .expiry_ms = 2000}},
        {.slot = {.clock = 1, .expiry_ms = EXPIRY_NONE}},
    };
    ck_assert_uint_eq(eviction_choose(EVICT_ALLKEYS_LRU, samples, 4), 2);
    ck_assert_uint_eq(eviction_choose(EVICT_ALLKEYS_LFU, samples, 2), 0);
    ck_assert_uint_eq(eviction_choose(EVICT_VOLATILE_LRU, samples, 3), 2);
    ck_assert_uint_eq(eviction_choose(EVICT_VOLATILE_LFU, samples, 3), 2);
    ck_assert_uint_eq(eviction_choose(EVICT_VOLATILE_TTL, samples, 4), 1);
    ck_assert_uint_eq(eviction_choose(EVICT_VOLATILE_TTL, samples, 1), 0);
    ck_assert_uint_eq(eviction_choose(EVICT_ALLKEYS_RANDOM, samples, 1), 0);
}
END_TEST

START_TEST(what_expires_first_goes_first)
{
    for (unsigned i = 0; i < 50; i++) {
        put_until(0, i, NOW + 1000000 - (int64_t)i * 2000);
    }
    eviction->samples = 50;
    choose_policy(EVICT_VOLATILE_TTL, 0);
    for (unsigned left = 50; left > 1; left--) {
        ck_assert_uint_eq(count_there(0, left), left);
        eviction->limit_bytes = engine_live_bytes_locked(engine) - 1;
        ck_assert_int_eq(eviction_run(keyspace, 1), EVICTION_DONE);
        ck_assert(!is_there(left - 1));
    }
}
END_TEST

/* --- what is bounded --- */

START_TEST(the_bound_holds_after_every_write)
{
    uint64_t bytes = record_bytes();
    for (int i = 0; i < EVICT_NOTHING; i++) {
        ck_assert_int_eq(keyspace_clear_all(keyspace), STATUS_OK);
        choose_policy((enum eviction_policy)i, bytes * 100);
        for (unsigned number = 0; number < 1000; number++) {
            ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_DONE);
            ck_assert_uint_le(engine_live_bytes_locked(engine), eviction->limit_bytes);
            put_until(number % 4, number, NOW + 1000000);
        }
        uint64_t left = 0;
        for (unsigned database = 0; database < 4; database++) {
            ck_assert_uint_gt(keyspace_count(keyspace, database), 0);
            left += keyspace_count(keyspace, database);
        }
        ck_assert_uint_ge(left, 80); /* what has an expiry takes 8 bytes more */
        ck_assert_uint_le(left, 101);
    }
    ck_assert_uint_gt(eviction->evicted_keys, 0);
}
END_TEST

START_TEST(no_eviction_is_a_failure)
{
    uint64_t bytes = record_bytes();
    put_range(0, 10, NOW + 1000000);
    choose_policy(EVICT_NOTHING, bytes * 20);
    ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_DONE);
    eviction->limit_bytes = bytes * 5;
    ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_FAILED);
    ck_assert_uint_eq(count_there(0, 10), 10);
    eviction->limit_bytes = 0;
    ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_DONE);
    ck_assert_uint_eq(eviction->evicted_keys, 0);
}
END_TEST

static void reopen_read_only(void)
{
    keyspace_store_leave(&store);
    sim_store_close(&store.store);
    store.store.fs->read_only = true;
    sim_store_open(&store.store);
    keyspace_store_enter(&store);
    note_opened();
}

/* Where keys may go and the store can't delete them, calling again at once is of no use. */
START_TEST(a_store_that_can_not_be_written_is_no_reason_to_try_again)
{
    uint64_t bytes = record_bytes();
    put_range(0, 10, EXPIRY_NONE);
    reopen_read_only();
    choose_policy(EVICT_ALLKEYS_LRU, bytes * 5);
    ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_STUCK);
    ck_assert_uint_eq(count_there(0, 10), 10);
}
END_TEST

START_TEST(volatile_policies_spare_lasting_keys)
{
    uint64_t bytes = record_bytes();
    for (int i = EVICT_VOLATILE_LRU; i <= EVICT_VOLATILE_TTL; i++) {
        ck_assert_int_eq(keyspace_clear_all(keyspace), STATUS_OK);
        put_range(0, 5000, EXPIRY_NONE);
        put_range(5000, 5100, NOW + 1000000);
        choose_policy((enum eviction_policy)i, bytes * 4000);
        ck_assert_int_eq(eviction_run(keyspace, 1000), EVICTION_FAILED);
        ck_assert_uint_eq(count_there(0, 5000), 5000);
        ck_assert_uint_eq(count_there(5000, 5100), 0);
    }
}
END_TEST

START_TEST(a_step_is_bounded)
{
    uint64_t bytes = record_bytes();
    put_range(0, 1000, EXPIRY_NONE);
    choose_policy(EVICT_ALLKEYS_LRU, bytes * 10);
    for (unsigned left = 1000; left > 10 + 64; left -= 64) {
        ck_assert_uint_eq(keyspace_count(keyspace, 0), left);
        ck_assert_int_eq(eviction_run(keyspace, 64), EVICTION_PENDING);
    }
    ck_assert_int_eq(eviction_run(keyspace, 64), EVICTION_DONE);
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 10);
    ck_assert_uint_eq(eviction->evicted_keys, 990);
}
END_TEST

START_TEST(what_went_stays_away)
{
    uint64_t bytes = record_bytes();
    put_range(0, 1000, EXPIRY_NONE);
    choose_policy(EVICT_ALLKEYS_RANDOM, bytes * 300);
    ck_assert_int_eq(eviction_run(keyspace, 1000), EVICTION_DONE);
    bool there[1000];
    for (unsigned i = 0; i < 1000; i++) {
        there[i] = is_there(i);
    }
    keyspace_store_reopen(&store);
    note_opened();
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 300);
    for (unsigned i = 0; i < 1000; i++) {
        ck_assert_msg(is_there(i) == there[i], "key %u", i);
    }
}
END_TEST

START_TEST(watchers_are_told)
{
    uint64_t bytes = record_bytes();
    struct watcher watcher = {0};
    char text[32];
    put(1);
    ck_assert_int_eq(keyspace_watch(keyspace, &watcher, 0, key_of(text, 1)), STATUS_OK);
    choose_policy(EVICT_ALLKEYS_LFU, bytes / 2);
    ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_DONE);
    ck_assert(!keyspace_is_unchanged(keyspace, &watcher));
    watch_forget_all(keyspace_watches(keyspace), &watcher);
}
END_TEST

/* A key that has expired is no victim, but makes room all the same. */
START_TEST(the_expired_make_room)
{
    uint64_t bytes = record_bytes();
    put_range(0, 10, NOW + 1);
    keyspace_set_now_ms(keyspace, NOW + 2);
    choose_policy(EVICT_VOLATILE_LRU, bytes * 5);
    ck_assert_int_eq(eviction_run(keyspace, 16), EVICTION_DONE);
    ck_assert_uint_le(engine_live_bytes_locked(engine), bytes * 5);
    ck_assert_uint_eq(eviction->evicted_keys, 0);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_set_timeout(core, 60);
    tcase_add_test(core, the_used_keys_stay);
    tcase_add_test(core, hot_keys_outlive_a_stream);
    tcase_add_test(core, the_worst_of_a_sample_goes);
    tcase_add_test(core, what_expires_first_goes_first);
    tcase_add_test(core, the_bound_holds_after_every_write);
    tcase_add_test(core, no_eviction_is_a_failure);
    tcase_add_test(core, a_store_that_can_not_be_written_is_no_reason_to_try_again);
    tcase_add_test(core, volatile_policies_spare_lasting_keys);
    tcase_add_test(core, a_step_is_bounded);
    tcase_add_test(core, what_went_stays_away);
    tcase_add_test(core, watchers_are_told);
    tcase_add_test(core, the_expired_make_room);
    return test_run("eviction", core);
}
