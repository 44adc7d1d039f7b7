/* event_classes_test.c - the letters of notify-keyspace-events, read and written. */
#include "server/event_classes.h"

#include "support/test_run.h"

#include <check.h>

static void expect(const char *letters, uint32_t classes, const char *usual)
{
    uint32_t parsed = 0;
    char text[EVENT_CLASS_COUNT + 1];
    ck_assert(event_classes_parse(slice_of_string(letters), &parsed));
    ck_assert_uint_eq(parsed, classes);
    ck_assert_uint_eq(event_classes_format(parsed, text), strlen(usual));
    ck_assert_str_eq(text, usual);
}

#define BOTH ((uint32_t)EVENT_TO_KEYSPACE | EVENT_TO_KEYEVENT)

START_TEST(letters_have_a_usual_form)
{
    expect("", 0, "");
    expect("E$Kg", BOTH | EVENT_STRING | EVENT_GENERIC, "g$KE");
    expect("KEA", BOTH | 0x3FF, "AKE");
    expect("g$lshzxetd", 0x3FF, "A");
    expect("g$lshzxet", 0x1FF, "g$lshzxet");
    expect("nmn", (uint32_t)EVENT_NEW | EVENT_MISSED, "nm");
}
END_TEST

START_TEST(an_a_hides_an_n)
{
    expect("AnmE", 0x3FF | EVENT_NEW | EVENT_MISSED | EVENT_TO_KEYEVENT, "AEm");
}
END_TEST

START_TEST(other_letters_are_refused)
{
    uint32_t classes = 7;
    ck_assert(!event_classes_parse(SLICE_LITERAL("KEQ"), &classes));
    ck_assert(!event_classes_parse(SLICE_LITERAL("K E"), &classes));
    ck_assert(!event_classes_parse(SLICE_LITERAL("K\0"), &classes));
    ck_assert(!event_classes_parse(SLICE_LITERAL("a"), &classes));
    ck_assert_uint_eq(classes, 7);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("letters");
    tcase_add_test(test, letters_have_a_usual_form);
    tcase_add_test(test, an_a_hides_an_n);
    tcase_add_test(test, other_letters_are_refused);
    return test_run("event classes", test);
}
