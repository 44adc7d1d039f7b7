/* memory_return_test.c - free pages between pieces in use go back; what is in use stays. */
#include "base/check.h"
#include "server/memory_return.h"
#include "support/test_run.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_COUNT 4096
#define PIECE_SIZE  16384 /* 64 MiB of them; small enough to come from the heap */
#define KEEP_EVERY  64

static char *pieces[PIECE_COUNT];

static uint64_t own_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    char line[128];
    unsigned long long kib = 0;
    while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "RssAnon: %llu", &kib) != 1) {
    }
    (void)fclose(file);
    return kib;
}

static void fill_heap(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pieces[i] = malloc(PIECE_SIZE);
        CHECK(pieces[i] != NULL);
        memset(pieces[i], (int)i, PIECE_SIZE);
    }
}

/* Leaves some, so that the heap can't shrink from its end. */
static void free_most(void)
{
    for (size_t i = 0; i < PIECE_COUNT; i++) {
        if (i % KEEP_EVERY != KEEP_EVERY - 1) {
            free(pieces[i]);
            pieces[i] = NULL;
        }
    }
}

static void free_rest(void)
{
    for (size_t i = 0; i < PIECE_COUNT; i++) {
        free(pieces[i]);
        pieces[i] = NULL;
    }
}

START_TEST(a_peak_goes_back)
{
    struct memory_return memory = {0};
    ck_assert(!memory_return_tick(&memory, 1000));
    uint64_t before_kib = own_kib();
    fill_heap(PIECE_COUNT);
    free_most();
    ck_assert_uint_gt(own_kib(), before_kib + 32 * 1024);
    ck_assert(!memory_return_tick(&memory, 5999));
    ck_assert(memory_return_tick(&memory, 6000));
    ck_assert_uint_lt(own_kib(), before_kib + 8 * 1024);
    for (size_t i = KEEP_EVERY - 1; i < PIECE_COUNT; i += KEEP_EVERY) {
        ck_assert_int_eq(pieces[i][PIECE_SIZE - 1], (char)i);
    }
    free_rest();
}
END_TEST

/* Memory that is in use, be it never so much, is tried for once, not again and again. */
START_TEST(what_is_in_use_is_tried_once)
{
    struct memory_return memory = {0};
    ck_assert(!memory_return_tick(&memory, 1000));
    fill_heap(PIECE_COUNT);
    ck_assert(memory_return_tick(&memory, 7000));
    ck_assert(!memory_return_tick(&memory, 13000));
    ck_assert(!memory_return_tick(&memory, 19000));
    free_rest();
}
END_TEST

/* Blocks that fit into a heap, after one that does not, which the C library takes as a hint to keep
 * more. */
static void *use_and_free(void *context)
{
    size_t large_size = (size_t)24 << 20;
    char *large = malloc(large_size);
    CHECK(large != NULL);
    memset(large, 1, large_size);
    free(large);
    fill_heap(PIECE_COUNT / 2);
    free_rest();
    *(uint64_t *)context = own_kib();
    return NULL;
}

START_TEST(a_thread_keeps_little_of_what_it_freed)
{
    memory_return_begin();
    uint64_t before_kib = own_kib();
    uint64_t after_kib = 0;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, use_and_free, &after_kib), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_lt(after_kib, before_kib + 8 * 1024);
}
END_TEST

/* A sanitizer's allocator keeps what is freed, so that it can tell of its use. */
static bool has_own_allocator(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

int main(void)
{
    TCase *cases = tcase_create("memory_return");
    if (!has_own_allocator()) {
        tcase_add_test(cases, a_peak_goes_back);
        tcase_add_test(cases, a_thread_keeps_little_of_what_it_freed);
    }
    tcase_add_test(cases, what_is_in_use_is_tried_once);
    return test_run("memory_return", cases);
}
