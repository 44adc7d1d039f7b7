/* process_title_test.c - templates of the process's title, right and wrong as redis-server 7.0 has
 * it. */
#include "server/process_title.h"

#include "support/test_run.h"

#include <check.h>

static const struct {
    struct slice template;
    bool is_right;
} rows[] = {
    {SLICE_LITERAL(""), false},
    {SLICE_LITERAL("  "), false},
    {SLICE_LITERAL(" {server-mode} {title} "), false},
    {SLICE_LITERAL("{title}."), true},
    {SLICE_LITERAL("plain"), true},
    {SLICE_LITERAL("{title} {listen-addr} {server-mode}"), true},
    {SLICE_LITERAL("{port}{tls-port}{unixsocket}{config-file}"), true},
    {SLICE_LITERAL("{{literal {title}"), true},
    {SLICE_LITERAL("}"), true},
    {SLICE_LITERAL("{"), false},
    {SLICE_LITERAL("{}"), false},
    {SLICE_LITERAL("{title"), false},
    {SLICE_LITERAL("{Title}"), false},
    {SLICE_LITERAL("{invalid-var}"), false},
    {SLICE_LITERAL("{title} {"), false},
};

START_TEST(templates)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(process_title_is_template(rows[i].template) == rows[i].is_right,
                      "'%s': expected %d", rows[i].template.data, (int)rows[i].is_right);
    }
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, templates);
    return test_run("process_title", core);
}
