/* text_test.c - text put together piece by piece, and sizes for people. */
#include "commands/text.h"

#include "support/test_run.h"

#include <check.h>
#include <string.h>

static void check_text(const struct text *text, const char *expected)
{
    ck_assert(!text->failed);
    ck_assert_uint_eq(text->bytes.size, strlen(expected));
    ck_assert_mem_eq(text->bytes.data, expected, text->bytes.size);
}

START_TEST(puts_together)
{
    struct text text;
    text_init(&text);
    text_add(&text, SLICE_LITERAL("a"));
    text_format(&text, "%s=%d;", "b", 1);
    text_format(&text, "%s", "");
    text_add(&text, SLICE_LITERAL(""));
    check_text(&text, "ab=1;");
    text_deinit(&text);
}
END_TEST

/* Every length around the room that is there at first. */
START_TEST(formats_any_length)
{
    char line[1001];
    for (size_t size = 0; size < sizeof(line); size++) {
        memset(line, 'x', size);
        line[size] = '\0';
        struct text text;
        text_init(&text);
        text_format(&text, "%s", line);
        check_text(&text, line);
        text_deinit(&text);
    }
}
END_TEST

static const struct {
    uint64_t bytes;
    const char *words;
} sizes[] = {
    {0, "0B"},
    {1023, "1023B"},
    {1024, "1.00K"},
    {943928, "921.80K"},
    {1048576, "1.00M"},
    {1435424, "1.37M"},
    {25274793984, "23.54G"},
    {(uint64_t)5 << 40, "5.00T"},
    {(uint64_t)1 << 50, "1.00P"},
    {UINT64_MAX, "16.00E"},
};

START_TEST(writes_sizes)
{
    struct text text;
    text_init(&text);
    text_add_size(&text, sizes[_i].bytes);
    check_text(&text, sizes[_i].words);
    text_deinit(&text);
}
END_TEST

START_TEST(replies_verbatim)
{
    struct text text;
    struct reply reply;
    text_init(&text);
    reply_init(&reply);
    text_format(&text, "hi\n");
    reply.protocol = 2;
    text_reply(&text, &reply);
    reply.protocol = 3;
    text_reply(&text, &reply);
    ck_assert(
        slice_equal(buffer_slice(&reply.bytes), SLICE_LITERAL("$3\r\nhi\n\r\n=7\r\ntxt:hi\n\r\n")));
    text.failed = true;
    text_reply(&text, &reply);
    ck_assert(reply.failed);
    reply_deinit(&reply);
    text_deinit(&text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, puts_together);
    tcase_add_test(tcase, formats_any_length);
    tcase_add_loop_test(tcase, writes_sizes, 0, sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(tcase, replies_verbatim);
    return test_run("text", tcase);
}
