/* escape_test.c - what stands behind a backslash. */
#include "base/escape.h"

#include "support/test_run.h"

#include <check.h>
#include <string.h>

static const struct {
    const char *text;
    size_t size; /* of what is taken */
    char byte;
} cases[] = {
    {"n", 1, '\n'},     {"r", 1, '\r'},       {"t", 1, '\t'}, {"b", 1, '\b'},  {"a", 1, '\a'},
    {"\\", 1, '\\'},    {"\"", 1, '"'},       {"q", 1, 'q'},  {"x41", 3, 'A'}, {"x0a0", 3, '\n'},
    {"xfF", 3, '\xff'}, {"x", 1, 'x'},        {"x4", 1, 'x'}, {"x4g", 1, 'x'}, {"xg4", 1, 'x'},
    {"X41", 1, 'X'},    {"nothing", 1, '\n'},
};

START_TEST(takes_what_is_one)
{
    const char *text = cases[_i].text;
    const char *at = text;
    char byte = escape_take(&at, text + strlen(text));
    ck_assert_int_eq(byte, cases[_i].byte);
    ck_assert_uint_eq((size_t)(at - text), cases[_i].size);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, takes_what_is_one, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    return test_run("escape", core);
}
