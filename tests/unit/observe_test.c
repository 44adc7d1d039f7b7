/* observe_test.c - histograms, the slow log, latency events, and what is noted of commands. */
#include "server/histogram.h"
#include "server/latency.h"
#include "server/slowlog.h"
#include "support/command_shell.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- histograms ------------------------------------------------------------------------------ */

static struct histogram histogram;

START_TEST(a_step_stands_for_its_largest_value)
{
    /* As redis-server tells them, in nanoseconds. */
    static const struct {
        uint64_t value;
        uint64_t told;
    } pairs[] = {{0, 1},       {1, 1},       {255, 255},       {256, 257},
                 {1000, 1003}, {5000, 5023}, {100000, 100351}, {HISTOGRAM_VALUE_MAX, 1002438655}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        memset(&histogram, 0, sizeof(histogram));
        histogram_add(&histogram, pairs[i].value);
        ck_assert_uint_eq(histogram_value_at(&histogram, 50), pairs[i].told);
    }
    memset(&histogram, 0, sizeof(histogram));
    ck_assert_uint_eq(histogram_value_at(&histogram, 50), 0);
    histogram_add(&histogram, UINT64_MAX);
    ck_assert_uint_eq(histogram_value_at(&histogram, 100), 1002438655);
}
END_TEST

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

#define VALUES 5000

START_TEST(percentiles_are_right_to_one_percent)
{
    static uint64_t values[VALUES];
    struct test_random random;
    test_random_init(&random, test_seed("observe_test"));
    memset(&histogram, 0, sizeof(histogram));
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = 1 + test_random_below(&random, (uint64_t)1 << test_random_below(&random, 30));
        values[i] = values[i] > HISTOGRAM_VALUE_MAX ? HISTOGRAM_VALUE_MAX : values[i];
        histogram_add(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), compare);
    for (size_t i = 1; i <= 1000; i++) {
        double told = (double)histogram_value_at(&histogram, (double)i / 10);
        size_t last = i * VALUES / 1000 - 1;
        double right = (double)values[last];
        ck_assert_double_ge(told, right);
        ck_assert_double_le(told, right * 1.01 + 1);
    }
    for (uint64_t limit = 1; limit <= HISTOGRAM_VALUE_MAX; limit *= 3) {
        uint64_t highest;
        uint64_t count = histogram_count_up_to(&histogram, limit, &highest);
        size_t right = 0;
        while (right < VALUES && values[right] <= highest) {
            right++;
        }
        ck_assert_uint_eq(count, right);
    }
}
END_TEST

/* --- the slow log ---------------------------------------------------------------------------- */

static void expect_slice(struct slice slice, const char *text)
{
    ck_assert_msg(slice_equal(slice, slice_of_string(text)), "'%.*s' is not '%s'", (int)slice.size,
                  slice.data, text);
}

START_TEST(slow_entries_are_cut_and_bounded)
{
    struct slowlog slowlog = {0};
    struct slice arguments[40];
    char longest[200];
    memset(longest, 'A', sizeof(longest));
    for (size_t i = 0; i < 40; i++) {
        arguments[i] = SLICE_LITERAL("x");
    }
    arguments[1] = slice_make(longest, 128);
    arguments[2] = slice_make(longest, 200);
    struct slowlog_call call = {.microseconds = 7,
                                .address = SLICE_LITERAL("1.2.3.4:5"),
                                .name = SLICE_LITERAL("me"),
                                .arguments = arguments,
                                .argument_count = 40};
    slowlog_add(&slowlog, &call, 3);
    const struct slowlog_entry *entry = slowlog.newest;
    ck_assert_uint_eq(entry->argument_count, 32);
    expect_slice(entry->address, "1.2.3.4:5");
    expect_slice(entry->name, "me");
    ck_assert_uint_eq(entry->arguments[1].size, 128);
    ck_assert_uint_eq(entry->arguments[2].size, 128 + strlen("... (72 more bytes)"));
    expect_slice(slice_part(entry->arguments[2], 128, entry->arguments[2].size - 128),
                 "... (72 more bytes)");
    expect_slice(entry->arguments[30], "x");
    expect_slice(entry->arguments[31], "... (9 more arguments)");
    call.argument_count = 32;
    for (size_t i = 0; i < 4; i++) {
        slowlog_add(&slowlog, &call, 3);
    }
    expect_slice(slowlog.newest->arguments[31], "x");
    ck_assert_uint_eq(slowlog.count, 3);
    ck_assert_uint_eq(slowlog.newest->id, 4);
    ck_assert_uint_eq(slowlog.newest->older->older->id, 2);
    ck_assert_ptr_null(slowlog.newest->older->older->older);
    slowlog_clear(&slowlog);
    ck_assert_uint_eq(slowlog.count, 0);
    ck_assert_ptr_null(slowlog.newest);
    slowlog_add(&slowlog, &call, 3);
    ck_assert_uint_eq(slowlog.newest->id, 5);
    slowlog_clear(&slowlog);
}
END_TEST

/* From either end on there are the entries `first` to `last`, in order, and none besides. */
static void expect_slow_entries(const struct slowlog *slowlog, uint64_t first, uint64_t last)
{
    const struct slowlog_entry *entry = slowlog->newest;
    ck_assert_uint_eq(slowlog->count, last - first + 1);
    for (uint64_t id = last + 1; id-- > first; entry = entry->older) {
        ck_assert_ptr_nonnull(entry);
        ck_assert_uint_eq(entry->id, id);
        ck_assert_ptr_eq(entry->newer == NULL ? slowlog->newest : entry->newer->older, entry);
        ck_assert_ptr_eq(entry->older == NULL ? slowlog->oldest : entry->older->newer, entry);
    }
    ck_assert_ptr_null(entry);
}

START_TEST(slow_entries_go_from_the_oldest_on)
{
    struct slowlog slowlog = {0};
    struct slowlog_call call = {.microseconds = 7, .address = SLICE_LITERAL("1.2.3.4:5")};
    for (uint64_t id = 0; id < 10; id++) {
        slowlog_add(&slowlog, &call, 5);
        expect_slow_entries(&slowlog, id < 5 ? 0 : id - 4, id);
    }
    slowlog_add(&slowlog, &call, 100); /* slowlog-max-len was raised */
    expect_slow_entries(&slowlog, 5, 10);
    slowlog_add(&slowlog, &call, 2); /* and lowered */
    expect_slow_entries(&slowlog, 10, 11);
    slowlog_add(&slowlog, &call, 1);
    expect_slow_entries(&slowlog, 12, 12);
    slowlog_add(&slowlog, &call, 0);
    ck_assert_uint_eq(slowlog.count, 0);
    ck_assert_ptr_null(slowlog.newest);
    ck_assert_ptr_null(slowlog.oldest);
    slowlog_add(&slowlog, &call, 3);
    slowlog_add(&slowlog, &call, 3);
    expect_slow_entries(&slowlog, 14, 15);
    slowlog_clear(&slowlog);
    ck_assert_ptr_null(slowlog.newest);
    ck_assert_ptr_null(slowlog.oldest);
}
END_TEST

/* --- latency events -------------------------------------------------------------------------- */

START_TEST(a_second_has_one_sample)
{
    struct latency latency;
    struct latency_sample samples[LATENCY_SAMPLES];
    uint64_t longest;
    latency_init(&latency);
    ck_assert_uint_eq(latency_read(&latency, LATENCY_COMMAND, samples, &longest), 0);
    ck_assert(!latency_reset(&latency, LATENCY_COMMAND));
    for (uint64_t i = 1; i <= 3; i++) {
        latency_add(&latency, LATENCY_COMMAND, 10 * i);
    }
    size_t count = latency_read(&latency, LATENCY_COMMAND, samples, &longest);
    ck_assert(count == 1 || count == 2); /* the second may have ended in between */
    ck_assert_uint_eq(samples[count - 1].milliseconds, 30);
    ck_assert_uint_eq(longest, 30);
    /* Seconds that have passed: as if they had been noted then. */
    for (size_t i = 0; i < (size_t)2 * LATENCY_SAMPLES; i++) {
        struct latency_series *series = &latency.series[LATENCY_COMMAND];
        size_t last = (series->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES;
        series->samples[last].unix_seconds = (int64_t)i + 1;
        latency_add(&latency, LATENCY_COMMAND, i + 1);
    }
    ck_assert_uint_eq(latency_read(&latency, LATENCY_COMMAND, samples, &longest), LATENCY_SAMPLES);
    ck_assert_uint_eq(samples[0].milliseconds, LATENCY_SAMPLES + 1);
    ck_assert_uint_eq(samples[LATENCY_SAMPLES - 1].milliseconds, 2 * LATENCY_SAMPLES);
    ck_assert_uint_eq(latency_read(&latency, LATENCY_LOG_WRITE, samples, &longest), 0);
    ck_assert(latency_reset(&latency, LATENCY_COMMAND));
    latency_deinit(&latency);
}
END_TEST

/* --- commands -------------------------------------------------------------------------------- */

static void expect(struct command_shell *shell, const char *command, const char *reply)
{
    struct slice got = command_shell_say(shell, 0, command, NULL);
    ck_assert_msg(strstr(got.data, reply) != NULL, "%s: '%s' is not in '%s'", command, reply,
                  got.data);
}

START_TEST(passwords_stay_out_of_the_slow_log)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, "config set slowlog-log-slower-than 0", "+OK");
    expect(shell, "config set masterauth secret timeout 0", "+OK");
    expect(shell, "auth default secret", "");
    expect(shell, "hello 3 auth default secret setname me", "");
    expect(shell, "hello 2", "");
    expect(shell, "set secret x", "+OK");
    expect(shell, "config set slowlog-log-slower-than -1", "+OK");
    expect(shell, "ping", "+PONG");
    expect(shell, "slowlog len", ":6\r\n");
    expect(shell, "slowlog get 1", "$3\r\nset\r\n$6\r\nsecret\r\n$1\r\nx\r\n");
    expect(
        shell, "slowlog get",
        "$6\r\nconfig\r\n$3\r\nset\r\n$10\r\nmasterauth\r\n$10\r\n(redacted)\r\n$7\r\ntimeout\r\n"
        "$1\r\n0\r\n");
    expect(shell, "slowlog get", "$4\r\nauth\r\n$10\r\n(redacted)\r\n$10\r\n(redacted)\r\n");
    expect(shell, "slowlog get",
           "$4\r\nauth\r\n$10\r\n(redacted)\r\n$10\r\n(redacted)\r\n$7\r\nsetname\r\n$2\r\nme\r\n");
    expect(shell, "slowlog reset", "+OK");
    expect(shell, "slowlog len", ":0\r\n");
    command_shell_destroy(shell);
}
END_TEST

START_TEST(exec_is_not_logged_but_its_commands)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, "multi", "+OK");
    expect(shell, "config set slowlog-log-slower-than 0", "+QUEUED");
    expect(shell, "set a 1", "+QUEUED");
    expect(shell, "config set slowlog-log-slower-than -1", "+QUEUED");
    expect(shell, "exec", "*3\r\n");
    expect(shell, "slowlog len", ":2\r\n");
    command_shell_destroy(shell);
}
END_TEST

START_TEST(latencies_are_counted_while_they_are_to_be)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, "multi", "+OK");
    expect(shell, "get a", "+QUEUED");
    expect(shell, "config set latency-tracking no", "+QUEUED");
    expect(shell, "get a", "+QUEUED");
    expect(shell, "set a 1", "+QUEUED");
    expect(shell, "config set latency-tracking yes", "+QUEUED");
    expect(shell, "mget a", "+QUEUED");
    expect(shell, "exec", "*6\r\n");
    expect(shell, "latency histogram set", "*0\r\n");
    expect(shell, "latency histogram get", "$5\r\ncalls\r\n:1\r\n");
    expect(shell, "latency histogram mget", "$5\r\ncalls\r\n:1\r\n");
    command_shell_destroy(shell);
}
END_TEST

START_TEST(debug_is_for_those_who_may)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, "debug sleep 0", "-ERR DEBUG command not allowed.");
    expect(shell, "multi", "+OK");
    expect(shell, "debug sleep 0", "-ERR DEBUG command not allowed.");
    expect(shell, "exec", "-EXECABORT");
    command_shell_destroy(shell);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("observe");
    tcase_add_test(test, a_step_stands_for_its_largest_value);
    tcase_add_test(test, percentiles_are_right_to_one_percent);
    tcase_add_test(test, slow_entries_are_cut_and_bounded);
    tcase_add_test(test, slow_entries_go_from_the_oldest_on);
    tcase_add_test(test, a_second_has_one_sample);
    tcase_add_test(test, passwords_stay_out_of_the_slow_log);
    tcase_add_test(test, exec_is_not_logged_but_its_commands);
    tcase_add_test(test, latencies_are_counted_while_they_are_to_be);
    tcase_add_test(test, debug_is_for_those_who_may);
    return test_run("observe", test);
}
