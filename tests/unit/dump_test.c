/* dump_test.c - strings as DUMP returns them. The bytes are those of redis-server 7.0.15. */
#include "keyspace/dump.h"

#include "base/crc64.h"
#include "commands/restore_options.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 3000

/* The payload with version and checksum behind it; the caller deinits. */
static struct buffer sealed(struct slice payload, unsigned version)
{
    struct buffer dump = {0};
    ck_assert_int_eq(buffer_append(&dump, payload.data, payload.size), STATUS_OK);
    unsigned char footer[10] = {(unsigned char)version, (unsigned char)(version >> 8)};
    ck_assert_int_eq(buffer_append(&dump, footer, 2), STATUS_OK);
    uint64_t crc = crc64(0, buffer_slice(&dump));
    for (size_t i = 0; i < 8; i++) {
        footer[2 + i] = (unsigned char)(crc >> (8 * i));
    }
    ck_assert_int_eq(buffer_append(&dump, footer + 2, 8), STATUS_OK);
    return dump;
}

struct row {
    struct slice string;
    struct slice payload;
};

#define ROW(string, payload)                                                                       \
    {                                                                                              \
        SLICE_LITERAL(string), SLICE_LITERAL(payload)                                              \
    }

static const struct row rows[] = {
    ROW("", "\0\0"),
    ROW("bar", "\0\3bar"),
    ROW("0", "\0\xc0\0"),
    ROW("-1", "\0\xc0\xff"),
    ROW("127", "\0\xc0\x7f"),
    ROW("128", "\0\xc1\x80\0"),
    ROW("-32768", "\0\xc1\0\x80"),
    ROW("32768", "\0\xc2\0\x80\0\0"),
    ROW("-2147483648", "\0\xc2\0\0\0\x80"),
    ROW("2147483648", "\0\x0a"
                      "2147483648"),
    ROW("007", "\0\3"
               "007"),
    ROW("aaaaaaaaaaaaaaaaaaaa", "\0\x14"
                                "aaaaaaaaaaaaaaaaaaaa"),
    ROW("aaaaaaaaaaaaaaaaaaaaa", "\0\xc3\x06\x15\x01\x61\x61\xe0\x0a\0"),
};

START_TEST(encodes_as_redis_does)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer expected = sealed(rows[i].payload, DUMP_VERSION);
        struct buffer dump = {0};
        ck_assert_int_eq(dump_encode_string(rows[i].string, true, &dump), STATUS_OK);
        ck_assert_msg(slice_equal(buffer_slice(&dump), buffer_slice(&expected)), "row %zu", i);
        buffer_deinit(&dump);
        buffer_deinit(&expected);
    }
}
END_TEST

/* Decodes a sound dump; the string must be this, or (NULL) the dump be refused. */
static void expect_string(struct slice payload, const struct slice *string)
{
    struct buffer dump = sealed(payload, DUMP_VERSION);
    struct buffer scratch = {0};
    struct slice found;
    ck_assert(dump_is_sound(buffer_slice(&dump)));
    enum status status = dump_decode_string(buffer_slice(&dump), &scratch, &found);
    ck_assert_int_eq(status, string != NULL ? STATUS_OK : STATUS_INVALID);
    ck_assert(string == NULL || slice_equal(found, *string));
    /* What is measured is what comes out. */
    size_t size;
    size_t scratch_size;
    if (dump_measure_string(buffer_slice(&dump), &size, &scratch_size) && string != NULL) {
        ck_assert_uint_eq(size, string->size);
        ck_assert_uint_eq(scratch_size, scratch.size);
    }
    dump.data[dump.size - 1] ^= 1;
    ck_assert_int_eq(dump_unpack_string(buffer_slice(&dump), &scratch, &found), STATUS_CORRUPT);
    buffer_deinit(&scratch);
    buffer_deinit(&dump);
}

START_TEST(decodes_every_form)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_string(rows[i].payload, &rows[i].string);
    }
    const struct slice bar = SLICE_LITERAL("bar");
    expect_string(SLICE_LITERAL("\0\x40\3bar"), &bar);
    expect_string(SLICE_LITERAL("\0\x80\0\0\0\3bar"), &bar);
    expect_string(SLICE_LITERAL("\0\x81\0\0\0\0\0\0\0\3bar"), &bar);
    expect_string(SLICE_LITERAL("\0\3bar and more"), &bar); /* as in Redis */
}
END_TEST

/* What the dump of a string with this payload is measured as; -1: as nothing. */
static void expect_measure(struct slice payload, int size, int scratch_size)
{
    struct buffer dump = sealed(payload, DUMP_VERSION);
    size_t found = 0;
    size_t scratch = 0;
    bool is_measured = dump_measure_string(buffer_slice(&dump), &found, &scratch);
    ck_assert_int_eq(is_measured, size >= 0);
    ck_assert_int_eq((int)found, size >= 0 ? size : 0);
    ck_assert_int_eq((int)scratch, scratch_size);
    buffer_deinit(&dump);
}

START_TEST(measures_without_decoding)
{
    size_t size;
    size_t scratch_size;
    expect_measure(SLICE_LITERAL("\0\3bar"), 3, 0);
    expect_measure(SLICE_LITERAL("\0\3bar and more"), 3, 0);
    expect_measure(SLICE_LITERAL("\0\xc3\x06\x15\x01\x61\x61\xe0\x0a\0"), 21, 21);
    expect_measure(SLICE_LITERAL("\0\xc0\1"), -1, 0); /* an integer is short */
    expect_measure(SLICE_LITERAL("\0\4bar"), -1, 0);
    expect_measure(SLICE_LITERAL("\1\3bar"), -1, 0);
    expect_measure(SLICE_LITERAL("\0\xc3\2\x80\x7f\xff\xff\xff\0a"), -1, 0);
    ck_assert(!dump_measure_string(SLICE_LITERAL("short"), &size, &scratch_size));
}
END_TEST

START_TEST(refuses_what_is_wrong)
{
    static const struct slice payloads[] = {
        SLICE_LITERAL(""),
        SLICE_LITERAL("\1\3bar"),      /* a list */
        SLICE_LITERAL("\xff"),         /* no type */
        SLICE_LITERAL("\0"),           /* no length */
        SLICE_LITERAL("\0\4bar"),      /* one byte short */
        SLICE_LITERAL("\0\x40"),       /* lengths cut off */
        SLICE_LITERAL("\0\x80\0\0\0"), /* ... */
        SLICE_LITERAL("\0\x81\xff\xff\xff\xff\xff\xff\xff\xf7"),
        SLICE_LITERAL("\0\x82\0\0\0\0"),                  /* no length begins so */
        SLICE_LITERAL("\0\xc0"),                          /* integers cut off */
        SLICE_LITERAL("\0\xc2\1\2\3"),                    /* ... */
        SLICE_LITERAL("\0\xc4\1\2\3\4"),                  /* no form */
        SLICE_LITERAL("\0\xc3\x06\x15\x01\x61"),          /* compressed bytes cut off */
        SLICE_LITERAL("\0\xc3\xc0\x15\x01\x61"),          /* a form where a length must be */
        SLICE_LITERAL("\0\xc3\0\0"),                      /* nothing compressed */
        SLICE_LITERAL("\0\xc3\2\0\0a"),                   /* to nothing */
        SLICE_LITERAL("\0\xc3\2\2\0a"),                   /* to fewer bytes than it says */
        SLICE_LITERAL("\0\xc3\3\5\x20\5a"),               /* from before the beginning */
        SLICE_LITERAL("\0\xc3\2\x80\x7f\xff\xff\xff\0a"), /* more than could be in it */
    };
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        expect_string(payloads[i], NULL);
    }
}
END_TEST

START_TEST(checks_version_and_checksum)
{
    for (unsigned version = 1; version <= DUMP_VERSION + 1; version++) {
        struct buffer dump = sealed(SLICE_LITERAL("\0\3bar"), version);
        ck_assert_int_eq(dump_is_sound(buffer_slice(&dump)), version <= DUMP_VERSION);
        for (size_t i = 0; i < dump.size; i++) {
            dump.data[i] ^= 1;
            ck_assert(!dump_is_sound(buffer_slice(&dump)));
            dump.data[i] ^= 1;
            ck_assert(!dump_is_sound(slice_part(buffer_slice(&dump), 0, i)));
        }
        buffer_deinit(&dump);
    }
}
END_TEST

START_TEST(what_was_encoded_comes_back)
{
    struct test_random random;
    test_random_init(&random, test_seed("dump_test"));
    for (int round = 0; round < (int)(ROUNDS * test_scale()); round++) {
        size_t size = test_random_below(&random, test_random_one_in(&random, 20) ? 40000 : 100);
        uint64_t variety = 1 + test_random_below(&random, 20);
        char *bytes = malloc(size + 1);
        ck_assert_ptr_nonnull(bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (char)('0' + test_random_below(&random, variety));
        }
        struct slice string = slice_make(bytes, size);
        struct buffer dump = {0};
        struct buffer scratch = {0};
        struct slice found;
        bool compress = test_random_one_in(&random, 2);
        ck_assert_int_eq(dump_encode_string(string, compress, &dump), STATUS_OK);
        ck_assert(dump_is_sound(buffer_slice(&dump)));
        ck_assert_int_eq(dump_decode_string(buffer_slice(&dump), &scratch, &found), STATUS_OK);
        ck_assert(slice_equal(found, string));
        buffer_deinit(&scratch);
        buffer_deinit(&dump);
        free(bytes);
    }
}
END_TEST

START_TEST(options)
{
    static const struct {
        const char *words[4];
        enum client_error error;
        bool replace;
        bool is_absolute;
    } cases[] = {
        {{NULL}, ERROR_NONE, false, false},
        {{"replace"}, ERROR_NONE, true, false},
        {{"ABSTTL", "REPLACE"}, ERROR_NONE, true, true},
        {{"idletime", "0", "replace"}, ERROR_NONE, true, false},
        {{"idletime", "1", "idletime", "2"}, ERROR_NONE, false, false},
        {{"freq", "255"}, ERROR_NONE, false, false},
        {{"freq", "256"}, ERROR_FREQ_RANGE, false, false},
        {{"freq", "-1"}, ERROR_FREQ_RANGE, false, false},
        {{"idletime", "-1"}, ERROR_IDLETIME_NEGATIVE, false, false},
        {{"idletime", "x"}, ERROR_NOT_INTEGER, false, false},
        {{"idletime"}, ERROR_SYNTAX, false, false},
        {{"idletime", "1", "freq", "1"}, ERROR_SYNTAX, false, false},
        {{"freq", "1", "idletime", "1"}, ERROR_SYNTAX, false, false},
        {{"nonsense"}, ERROR_SYNTAX, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice words[4];
        size_t count = 0;
        while (count < 4 && cases[i].words[count] != NULL) {
            words[count] = slice_of_string(cases[i].words[count]);
            count++;
        }
        struct restore_options found = {false, false};
        ck_assert_int_eq(restore_options_parse(words, count, &found), cases[i].error);
        ck_assert_int_eq(found.replace, cases[i].replace);
        ck_assert_int_eq(found.is_absolute, cases[i].is_absolute);
    }
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, encodes_as_redis_does);
    tcase_add_test(core, decodes_every_form);
    tcase_add_test(core, measures_without_decoding);
    tcase_add_test(core, refuses_what_is_wrong);
    tcase_add_test(core, checks_version_and_checksum);
    tcase_add_test(core, what_was_encoded_comes_back);
    tcase_add_test(core, options);
    return test_run("dump", core);
}
