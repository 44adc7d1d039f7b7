/* store_name_test.c - which names are a store's: those that its files really get, and no others. */
#include "engine/store_name.h"

#include "engine/checkpoint.h"
#include "engine/file.h"
#include "engine/segment_header.h"
#include "support/test_run.h"

#include <check.h>
#include <stdio.h>

static void expect_numbered(const char *name, bool is_segment)
{
    uint64_t number = 0;
    ck_assert_int_eq(store_name_is_segment(name, &number), is_segment);
    ck_assert(store_name_is_numbered(name, &number));
    ck_assert_uint_eq(number, 12);
    ck_assert(store_name_is_ours(name));
}

START_TEST(numbered_files)
{
    char name[FILE_NAME_SIZE_MAX];
    segment_file_name(SEGMENT_LOG, 12, name);
    expect_numbered(name, true);
    char cut[FILE_NAME_SIZE_MAX + 8];
    (void)snprintf(cut, sizeof(cut), "%s" STORE_NAME_CUT_ENDING, name);
    ck_assert(store_name_is_cut(cut));
    ck_assert(store_name_is_ours(cut));
    ck_assert(!store_name_is_cut(name));
    segment_file_name(SEGMENT_PACKED, 12, name);
    expect_numbered(name, true);
    checkpoint_file_name(12, name);
    expect_numbered(name, false);
}
END_TEST

START_TEST(files_with_names_of_their_own)
{
    static const char *const names[] = {"MANIFEST", "MANIFEST.tmp", "LOCK", "RESERVE",
                                        "IMPORT.unfinished"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        uint64_t number;
        ck_assert_msg(store_name_is_ours(names[i]), "%s", names[i]);
        ck_assert(!store_name_is_numbered(names[i], &number));
    }
}
END_TEST

START_TEST(strangers)
{
    static const char *const names[] = {"",
                                        "12.log",
                                        "manifest",
                                        "MANIFEST.",
                                        "MANIFEST.tmp2",
                                        "LOCK.old",
                                        "backup",
                                        "00000000000000000012",
                                        "00000000000000000012.logs",
                                        "000000000000000000012.log",
                                        "0000000000000000001x.log",
                                        "00000000000000000012.pack.cut",
                                        "x.cut"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        uint64_t number;
        ck_assert_msg(!store_name_is_ours(names[i]), "%s", names[i]);
        ck_assert(!store_name_is_numbered(names[i], &number));
        ck_assert(!store_name_is_cut(names[i]));
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("store_name");
    tcase_add_test(tests, numbered_files);
    tcase_add_test(tests, files_with_names_of_their_own);
    tcase_add_test(tests, strangers);
    return test_run("store_name", tests);
}
