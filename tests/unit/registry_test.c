/* registry_test.c - sessions by id and in order; mailboxes; counters. */
#include "server/command.h"
#include "server/mailbox.h"
#include "server/session_registry.h"
#include "server/statistics.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS 1000

static struct session sessions[SESSIONS];

static void expect_registered(const struct session_registry *registry, const bool *present)
{
    const struct session *each = registry->first;
    const struct session *last = NULL;
    size_t count = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        ck_assert_ptr_eq(session_registry_find(registry, i + 1), present[i] ? &sessions[i] : NULL);
        if (present[i]) {
            ck_assert_ptr_eq(each, &sessions[i]);
            ck_assert_ptr_eq(each->previous, last);
            last = each;
            each = each->next;
            count++;
        }
    }
    ck_assert_ptr_null(each);
    ck_assert_ptr_eq(registry->last, last);
    ck_assert_uint_eq(registry->count, count);
}

START_TEST(sessions_are_found_and_stay_in_order)
{
    struct test_random random;
    struct session_registry registry;
    bool present[SESSIONS] = {false};
    test_random_init(&random, test_seed("registry_test"));
    ck_assert_int_eq(session_registry_init(&registry), STATUS_OK);
    for (size_t i = 0; i < 20000; i++) {
        size_t which = test_random_below(&random, SESSIONS);
        sessions[which].id = which + 1;
        if (present[which]) {
            session_registry_remove(&registry, &sessions[which]);
        } else {
            session_registry_add(&registry, &sessions[which]);
        }
        present[which] = !present[which];
        if (i % 1000 == 0) {
            expect_registered(&registry, present);
        }
    }
    expect_registered(&registry, present);
    for (size_t i = 0; i < SESSIONS; i++) {
        if (present[i]) {
            session_registry_remove(&registry, &sessions[i]);
        }
    }
    session_registry_deinit(&registry);
}
END_TEST

START_TEST(messages_come_out_in_order)
{
    struct mailbox mailbox;
    ck_assert_int_eq(mailbox_init(&mailbox), STATUS_OK);
    ck_assert_ptr_null(mailbox_take(&mailbox));
    for (uint64_t i = 0; i < 5; i++) {
        struct message message = {.kind = MESSAGE_CLOSE, .session_id = i};
        ck_assert_int_eq(mailbox_post(&mailbox, &message), STATUS_OK);
    }
    uint64_t wakes = 0;
    ck_assert_int_eq(read(mailbox.descriptor, &wakes, sizeof(wakes)), sizeof(wakes));
    ck_assert_uint_eq(wakes, 1);
    struct message *message = mailbox_take(&mailbox);
    for (uint64_t i = 0; i < 5; i++) {
        struct message *next = message->next;
        ck_assert_uint_eq(message->session_id, i);
        free(message);
        message = next;
    }
    ck_assert_ptr_null(message);
    ck_assert_int_eq(mailbox_post(&mailbox, &(struct message){.kind = MESSAGE_RETRY}), STATUS_OK);
    mailbox_deinit(&mailbox);
}
END_TEST

START_TEST(calls_and_errors_are_counted)
{
    static const struct command get = {.name = "get"};
    static const struct command set = {.name = "set"};
    struct statistics *statistics;
    ck_assert_int_eq(statistics_create(&statistics), STATUS_OK);
    int64_t begin_us = statistics_begin_command_locked(statistics);
    (void)statistics_end_command_locked(statistics, &get, begin_us, false);
    /* The end of one is the beginning of the next. */
    begin_us = statistics_begin_command_locked(statistics);
    (void)usleep(2000);
    ck_assert_uint_ge(statistics_end_command_locked(statistics, &get, begin_us, false), 2000);
    begin_us = statistics_begin_command_locked(statistics);
    (void)statistics_end_command_locked(statistics, &set, begin_us, false);
    statistics_failed_locked(statistics, &set);
    statistics_end_hold_locked(statistics);
    statistics_rejected_locked(statistics, &set);
    statistics_error_locked(statistics, SLICE_LITERAL("ERR no"));
    statistics_error_locked(statistics, SLICE_LITERAL("WRONGTYPE no"));
    statistics_error_locked(statistics, SLICE_LITERAL("ERR again"));
    const struct command_statistics *of_get = statistics_of_command_locked(statistics, &get);
    const struct command_statistics *of_set = statistics_of_command_locked(statistics, &set);
    ck_assert_uint_eq(of_get->calls, 2);
    ck_assert_uint_ge(of_get->microseconds, 2000);
    ck_assert_uint_eq(of_set->calls, 1);
    ck_assert_uint_eq(of_set->failed, 1);
    ck_assert_uint_eq(of_set->rejected, 1);
    ck_assert_uint_eq(atomic_load(&statistics->commands_processed), 3);
    ck_assert_uint_eq(statistics->error_replies, 3);
    ck_assert_uint_eq(statistics->error_count, 2);
    ck_assert_str_eq(statistics->errors[0].code, "ERR");
    ck_assert_uint_eq(statistics->errors[0].count, 2);
    statistics_reset_locked(statistics);
    ck_assert_uint_eq(of_get->calls, 0);
    ck_assert_ptr_eq(of_get->command, &get);
    ck_assert_uint_eq(statistics->error_count, 0);
    statistics_destroy(statistics);
}
END_TEST

/* As if commands had ended at these times: the hold begins with whatever it is. */
START_TEST(the_time_of_day_follows_the_clock_of_the_hold)
{
    struct statistics *statistics;
    ck_assert_int_eq(statistics_create(&statistics), STATUS_OK);
    int64_t hold_us = statistics_begin_command_locked(statistics);
    int64_t hold_ms = statistics_begin_unix_ms_locked(statistics);
    static const int64_t passed_us[] = {0, 1, 999, 1000, 1001, 1999, 2000, 7999, 8000, 1234567};
    for (size_t i = 0; i < sizeof(passed_us) / sizeof(passed_us[0]); i++) {
        statistics->clock_us = hold_us + passed_us[i];
        ck_assert_int_eq(statistics_begin_unix_ms_locked(statistics) - hold_ms,
                         passed_us[i] / 1000);
    }
    statistics_end_hold_locked(statistics);
    statistics->unix_ms = 0;
    ck_assert_int_gt(statistics_begin_unix_ms_locked(statistics), 0); /* it has asked again */
    statistics_destroy(statistics);
}
END_TEST

START_TEST(rates_are_means_of_the_last_samples)
{
    struct statistics *statistics;
    ck_assert_int_eq(statistics_create(&statistics), STATUS_OK);
    for (int64_t i = 1; i <= 1 + STATISTICS_SAMPLES; i++) {
        statistics_sample(statistics, i * 100);
        atomic_fetch_add(&statistics->commands_processed, 50);
    }
    ck_assert_uint_eq(atomic_load(&statistics->commands_rate.per_second), 500);
    atomic_store(&statistics->commands_processed, 0);
    statistics_sample(statistics, 2000);
    ck_assert_uint_lt(atomic_load(&statistics->commands_rate.per_second), 500);
    statistics_destroy(statistics);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("registry");
    tcase_add_test(test, sessions_are_found_and_stay_in_order);
    tcase_add_test(test, messages_come_out_in_order);
    tcase_add_test(test, calls_and_errors_are_counted);
    tcase_add_test(test, the_time_of_day_follows_the_clock_of_the_hold);
    tcase_add_test(test, rates_are_means_of_the_last_samples);
    return test_run("registry", test);
}
