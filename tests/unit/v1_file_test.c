/*
 * v1_file_test.c - the reader of the ancestor's files: stores that its engine wrote, stores of
 * random histories, and files in which each byte in turn is wrong or the last one.
 */
#include "import/v1_file.h"

#include "base/check.h"
#include "engine/checksum.h"
#include "support/test_random.h"
#include "support/test_run.h"
#include "support/v1_writer.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FIXTURES "tests/fixtures/v1/"
/* When the fixtures' short expiries are past, and the long ones not. */
#define NOW_S 1760000000

/* --- what is found ------------------------------------------------------------------------- */

/* One live key, by its checksums; kept sorted. */
struct found {
    uint64_t key;
    uint64_t value;
    uint64_t expiry_s;
};

struct found_list {
    struct found *items; /* owned */
    size_t count;
};

static int by_key(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

static void sort_list(struct found_list *list)
{
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof(*list->items), by_key);
    }
}

static void list_live(const struct v1_file *file, struct found_list *out)
{
    out->count = 0;
    out->items = malloc((file->item_count + 1) * sizeof(*out->items));
    CHECK(out->items != NULL);
    for (size_t i = 0; i < file->item_count; i++) {
        struct v1_entry entry = v1_file_entry(file, i);
        if (v1_entry_is_live(&entry, NOW_S)) {
            out->items[out->count++] = (struct found){
                .key = checksum_of(entry.key.data, entry.key.size, 0),
                .value = checksum_of(entry.value.data, entry.value.size, 0),
                .expiry_s = entry.expiry_s,
            };
        }
    }
    sort_list(out);
}

static const struct found *find_key(const struct found_list *list, uint64_t key)
{
    struct found wanted = {.key = key};
    return list->count == 0 ? NULL
                            : bsearch(&wanted, list->items, list->count, sizeof(wanted), by_key);
}

static bool is_same(const struct found *a, const struct found *b)
{
    return a->key == b->key && a->value == b->value && a->expiry_s == b->expiry_s;
}

static void expect_same(const struct found_list *found, const struct found_list *expected)
{
    ck_assert_uint_eq(found->count, expected->count);
    for (size_t i = 0; i < found->count; i++) {
        ck_assert(is_same(&found->items[i], &expected->items[i]));
    }
}

static void print_problems(const struct v1_file *file)
{
    for (size_t i = 0; i < file->problem_count; i++) {
        char text[V1_PROBLEM_TEXT_SIZE];
        v1_problem_describe(file, &file->problems[i], text);
        printf("%s\n", text);
    }
}

static void expect_sound(const struct v1_file *file)
{
    print_problems(file);
    ck_assert_uint_eq(file->problem_count, 0);
}

/* --- files --------------------------------------------------------------------------------- */

static void read_file(const char *directory, const char *name, struct buffer *out)
{
    char path[256];
    (void)snprintf(path, sizeof(path), FIXTURES "%s/%s", directory, name);
    FILE *stream = fopen(path, "rb");
    ck_assert_msg(stream != NULL, "%s: run the test in the source's directory", path);
    size_t size;
    do {
        CHECK(buffer_reserve(out, 1 << 16) == STATUS_OK);
        size = fread(out->data + out->size, 1, 1 << 16, stream);
        out->size += size;
    } while (size > 0);
    (void)fclose(stream);
    CHECK(buffer_append(out, "", 1) == STATUS_OK);
    out->size--;
}

static void read_live(const char *directory, struct found_list *out)
{
    struct buffer text = {0};
    read_file(directory, "live.tsv", &text);
    out->items = malloc((text.size + 1) * sizeof(*out->items));
    out->count = 0;
    CHECK(out->items != NULL);
    for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        struct found *item = &out->items[out->count++];
        char *next;
        item->key = strtoull(line, &next, 16);
        item->value = strtoull(next, &next, 16);
        item->expiry_s = strtoull(next, NULL, 10);
    }
    sort_list(out);
    buffer_deinit(&text);
}

/* The keys of absent.tsv that the list holds, and how many lines there were. */
static size_t count_absent(const char *directory, const struct found_list *list, size_t *lines)
{
    struct buffer text = {0};
    size_t there = 0;
    *lines = 0;
    read_file(directory, "absent.tsv", &text);
    for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        size_t size = 0;
        unsigned byte;
        while (sscanf(line + 2 * size, "%2x", &byte) == 1 && line[2 * size] != '\t') {
            line[size++] = (char)byte;
        }
        there += find_key(list, checksum_of(line, size, 0)) != NULL;
        (*lines)++;
    }
    buffer_deinit(&text);
    return there;
}

static const struct {
    const char *directory;
    size_t live;
    size_t absent;
} fixtures[] = {
    {"readme7", 5, 2}, {"bin2000", 1878, 140},     {"small1000r2", 770, 130},
    {"quirks", 1, 4},  {"quirks-compacted", 2, 3},
};

START_TEST(original_files)
{
    const char *directory = fixtures[_i].directory;
    struct buffer bytes = {0};
    struct found_list expected;
    struct found_list found;
    struct v1_file file;
    struct error error;
    size_t absent;
    read_file(directory, "dump.scdb", &bytes);
    read_live(directory, &expected);
    v1_file_init(&file, buffer_slice(&bytes));
    ck_assert_int_eq(v1_file_scan(&file, &error), STATUS_OK);
    expect_sound(&file);
    ck_assert_int_eq(file.hash, V1_HASH_RUST);
    list_live(&file, &found);
    ck_assert_uint_eq(found.count, fixtures[_i].live);
    expect_same(&found, &expected);
    ck_assert_uint_eq(count_absent(directory, &found, &absent), 0);
    ck_assert_uint_eq(absent, fixtures[_i].absent);
    free(found.items);
    free(expected.items);
    v1_file_deinit(&file);
    buffer_deinit(&bytes);
}
END_TEST

#define STAGES (V1_COMPARING + 1)

struct steps {
    uint64_t last[STAGES];
    uint64_t total[STAGES];
    unsigned count[STAGES];
    unsigned rounds[STAGES]; /* each begins where fewer are done than before */
};

static void count_step(void *context, enum v1_stage stage, uint64_t done, uint64_t total)
{
    struct steps *steps = context;
    ck_assert_uint_gt(done, 0);
    ck_assert_uint_le(done, total);
    steps->rounds[stage] += done <= steps->last[stage] || steps->count[stage] == 0;
    steps->last[stage] = done;
    steps->total[stage] = total;
    steps->count[stage]++;
}

/* A scan can take long, where a file is large and its disk slow. */
START_TEST(tells_how_far_it_is)
{
    struct buffer bytes = {0};
    struct steps steps = {0};
    struct v1_file file;
    struct error error;
    read_file("bin2000", "dump.scdb", &bytes);
    v1_file_init(&file, buffer_slice(&bytes));
    file.progress.on_told = count_step;
    file.progress.context = &steps;
    ck_assert_int_eq(v1_file_scan(&file, &error), STATUS_OK);
    ck_assert_uint_eq(steps.total[V1_READING], bytes.size);
    ck_assert_uint_ge(steps.count[V1_READING], 7); /* of 9.7 MiB; one value is as large as a step */
    ck_assert_uint_eq(steps.rounds[V1_READING], 1); /* the entries stand behind the slots */
    ck_assert_uint_gt(steps.total[V1_SORTING], fixtures[1].live);
    ck_assert_uint_eq(steps.rounds[V1_SORTING], 3); /* slots; entries, to compare; what is kept */
    ck_assert_uint_ge(steps.count[V1_SORTING], 2 * steps.rounds[V1_SORTING]);
    ck_assert_uint_eq(steps.rounds[V1_CHECKING], 2); /* whose hash it is, and by that one */
    ck_assert_uint_gt(steps.total[V1_COMPARING], fixtures[1].live);
    ck_assert_uint_eq(steps.rounds[V1_COMPARING], 1);
    v1_file_deinit(&file);
    buffer_deinit(&bytes);
}
END_TEST

static void count_told(void *context, enum v1_stage stage, uint64_t done, uint64_t total)
{
    ck_assert_int_eq(stage, V1_SORTING);
    ck_assert_uint_le(done, total);
    ++*(unsigned *)context;
}

/* How many comparisons a sort takes is the C library's affair. */
START_TEST(tells_no_more_than_all)
{
    unsigned told = 0;
    struct v1_progress progress = {.on_told = count_told, .context = &told};
    v1_progress_begin(&progress, V1_SORTING, 20000);
    for (uint64_t done = 1; done <= 40000; done++) {
        v1_progress_at(&progress, done);
    }
    ck_assert_uint_eq(told, 4);
}
END_TEST

/* --- files that are wrong ------------------------------------------------------------------ */

/* A sound file, and what is in it. */
struct original {
    struct buffer bytes;
    struct v1_layout layout;
    struct found_list live;
    struct found_list copies; /* every entry that is not deleted, old ones too */
};

static void original_init(struct original *original)
{
    struct v1_file file;
    struct error error;
    struct v1_entry entry;
    size_t capacity = original->bytes.size / 17 + 1;
    v1_file_init(&file, buffer_slice(&original->bytes));
    ck_assert_int_eq(v1_file_scan(&file, &error), STATUS_OK);
    expect_sound(&file);
    list_live(&file, &original->live);
    original->layout = file.layout;
    v1_file_deinit(&file);
    original->copies = (struct found_list){.items = malloc(capacity * sizeof(struct found))};
    CHECK(original->copies.items != NULL);
    for (uint64_t at = original->layout.entries_begin; at < original->bytes.size;
         at += entry.size) {
        CHECK(v1_entry_decode(buffer_slice(&original->bytes), at, &entry));
        if (!entry.is_deleted) {
            original->copies.items[original->copies.count++] = (struct found){
                .key = checksum_of(entry.key.data, entry.key.size, 0),
                .value = checksum_of(entry.value.data, entry.value.size, 0),
                .expiry_s = entry.expiry_s,
            };
        }
    }
}

static void original_deinit(struct original *original)
{
    free(original->live.items);
    free(original->copies.items);
    buffer_deinit(&original->bytes);
}

static bool holds(const struct found_list *list, const struct found *wanted)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_same(&list->items[i], wanted)) {
            return true;
        }
    }
    return false;
}

/* The key of the entry that has the byte at `at`, when no rule protects that byte: it is a part of
 * a value, an expiry, a mark of deletion, or of a key whose column the change leaves the same. */
static bool is_unprotected(const struct original *original, struct slice changed, uint64_t at,
                           uint64_t *key)
{
    struct v1_entry entry;
    struct v1_entry after;
    uint64_t offset = original->layout.entries_begin;
    if (at < offset) {
        return false;
    }
    do {
        CHECK(v1_entry_decode(buffer_slice(&original->bytes), offset, &entry));
        offset += entry.size;
    } while (offset <= at);
    *key = checksum_of(entry.key.data, entry.key.size, 0);
    if (at < entry.offset + 4 || !v1_entry_decode(changed, entry.offset, &after)) {
        return false;
    }
    return v1_hash_of(V1_HASH_RUST, after.key) % original->layout.columns ==
           v1_hash_of(V1_HASH_RUST, entry.key) % original->layout.columns;
}

/*
 * What is found in a damaged file was there before, but for what is said of the key `excepted`;
 * what is missing is reported. `with_copies`: older copies count as there, because the file has
 * what a compaction of the ancestor's leaves of them.
 */
static void check_damaged(const struct original *original, struct slice changed,
                          const uint64_t *excepted, bool with_copies)
{
    struct v1_file file;
    struct error error;
    struct found_list found = {0};
    char text[V1_PROBLEM_TEXT_SIZE];
    v1_file_init(&file, changed);
    enum status status = v1_file_scan(&file, &error);
    if (status != STATUS_OK) {
        ck_assert(status == STATUS_CORRUPT || status == STATUS_NOT_FOUND);
        v1_file_deinit(&file);
        return;
    }
    list_live(&file, &found);
    for (size_t i = 0; i < found.count && excepted == NULL; i++) {
        ck_assert(holds(with_copies ? &original->copies : &original->live, &found.items[i]));
    }
    for (size_t i = 0; i < original->live.count && file.problem_count == 0; i++) {
        const struct found *item = &original->live.items[i];
        const struct found *now = find_key(&found, item->key);
        bool is_excepted = excepted != NULL && *excepted == item->key;
        ck_assert(is_excepted || (now != NULL && is_same(now, item)));
    }
    for (size_t i = 0; i < file.problem_count; i++) {
        v1_problem_describe(&file, &file.problems[i], text);
        ck_assert_uint_gt(strlen(text), 0);
        ck_assert_uint_le(file.problems[i].offset, changed.size);
    }
    free(found.items);
    v1_file_deinit(&file);
}

static void flip_each_byte(struct original *original, size_t step, bool with_copies)
{
    char *bytes = original->bytes.data;
    struct buffer changed = {0};
    CHECK(buffer_append(&changed, bytes, original->bytes.size) == STATUS_OK);
    for (size_t at = 0; at < changed.size; at += step) {
        const char values[] = {(char)(bytes[at] ^ 1), (char)(bytes[at] ^ (char)0x80),
                               (char)~bytes[at], 0};
        for (size_t i = 0; i < sizeof(values); i++) {
            uint64_t key;
            changed.data[at] = values[i];
            bool excepted = is_unprotected(original, buffer_slice(&changed), at, &key);
            check_damaged(original, buffer_slice(&changed), excepted ? &key : NULL, with_copies);
        }
        changed.data[at] = bytes[at];
    }
    buffer_deinit(&changed);
}

/* Of a file that is cut off, the bytes behind the cut must not be touched: it gets memory of its
 * own size, so that a sanitizer sees it. */
static void cut_at_each_byte(struct original *original, size_t step, bool with_copies)
{
    for (size_t size = 0; size < original->bytes.size; size += step) {
        char *cut = malloc(size + 1);
        CHECK(cut != NULL);
        memcpy(cut + 1, original->bytes.data, size);
        check_damaged(original, slice_make(cut + 1, size), NULL, with_copies);
        free(cut);
    }
}

static void set_text(struct v1_writer *writer, const char *key, const char *value,
                     uint64_t expiry_s)
{
    CHECK(v1_writer_set(writer, slice_of_string(key), slice_of_string(value), expiry_s));
}

static const struct v1_shape small = {
    .hash = V1_HASH_RUST, .block_size = 512, .max_keys = 60, .redundant_blocks = 1};

/* Some of everything in less than 2 KiB. */
static void write_small(struct v1_writer *writer)
{
    char key[32];
    char value[64];
    v1_writer_init(writer, &small);
    for (int i = 0; i < 12; i++) {
        (void)snprintf(key, sizeof(key), "key number %d", i);
        (void)snprintf(value, sizeof(value), "%0*d", 3 + i * 2, i);
        set_text(writer, key, value, i % 5 == 1 ? NOW_S + 1000 : 0);
    }
    set_text(writer, "key number 3", "another value, longer than before", 0);
    v1_writer_delete(writer, slice_of_string("key number 4"));
    v1_writer_delete(writer, slice_of_string("key number 5"));
    set_text(writer, "key number 5", "back", 0);
    set_text(writer, "key number 6", "gone", 1000);
    set_text(writer, "", "of no name", 0);
    set_text(writer, "without a value", "", 0);
    set_text(writer, "key number 3", "a third value", NOW_S);
}

START_TEST(each_byte_of_a_small_file)
{
    struct v1_writer writer;
    write_small(&writer);
    struct original original = {.bytes = writer.file};
    original_init(&original);
    ck_assert_uint_eq(original.live.count, 12);
    flip_each_byte(&original, 1, false);
    cut_at_each_byte(&original, 1, false);
    original_deinit(&original);
}
END_TEST

START_TEST(each_byte_of_an_original_file)
{
    /* The grids are large and mostly empty. */
    static const char *const directories[] = {"readme7", "quirks", "quirks-compacted"};
    struct original original = {0};
    read_file(directories[_i], "dump.scdb", &original.bytes);
    original_init(&original);
    size_t step = test_scale() < 1 ? 7 : 1;
    flip_each_byte(&original, step, _i > 0);
    cut_at_each_byte(&original, step, _i > 0);
    original_deinit(&original);
}
END_TEST

/* A wound may be in a value, so nothing is said of values; but no key may appear that never was,
 * other than by the chance of 1 to 512 that a damaged one is in its column all the same. */
static size_t count_strange_keys(const struct original *original, struct slice changed)
{
    struct v1_file file;
    struct error error;
    size_t strange = 0;
    v1_file_init(&file, changed);
    if (v1_file_scan(&file, &error) == STATUS_OK) {
        for (size_t i = 0; i < file.item_count; i++) {
            struct v1_entry entry = v1_file_entry(&file, i);
            uint64_t key = checksum_of(entry.key.data, entry.key.size, 0);
            bool is_known = false;
            for (size_t j = 0; j < original->copies.count && !is_known; j++) {
                is_known = original->copies.items[j].key == key;
            }
            strange += !is_known && !entry.is_deleted;
        }
    }
    v1_file_deinit(&file);
    return strange;
}

/* Files with several wounds at random. */
START_TEST(random_damage)
{
    struct test_random random;
    struct original original = {0};
    test_random_init(&random, test_seed("v1_file_test"));
    read_file("small1000r2", "dump.scdb", &original.bytes);
    original_init(&original);
    struct buffer changed = {0};
    size_t strange = 0;
    int rounds = (int)(300 * test_scale());
    for (int round = 0; round < rounds; round++) {
        changed.size = 0;
        CHECK(buffer_append(&changed, original.bytes.data, original.bytes.size) == STATUS_OK);
        for (uint64_t left = 1 + test_random_below(&random, 20); left > 0; left--) {
            size_t at = (size_t)test_random_below(&random, changed.size);
            size_t size = 1 + (size_t)test_random_below(&random, 40);
            size = size < changed.size - at ? size : changed.size - at;
            if (test_random_one_in(&random, 2)) {
                memset(changed.data + at, 0, size);
            } else {
                test_random_fill(&random, changed.data + at, size);
            }
        }
        strange += count_strange_keys(&original, buffer_slice(&changed));
    }
    /* Of some ten wounded keys in a round; deleted ones whose mark was hit count, too. */
    ck_assert_uint_le(strange, (size_t)rounds / 20 + 5);
    buffer_deinit(&changed);
    original_deinit(&original);
}
END_TEST

/* --- single cases -------------------------------------------------------------------------- */

static struct v1_file scanned;

static void scan(const struct v1_writer *writer)
{
    struct error error;
    v1_file_deinit(&scanned);
    v1_file_init(&scanned, buffer_slice(&writer->file));
    ck_assert_int_eq(v1_file_scan(&scanned, &error), STATUS_OK);
}

static void expect_problems(const enum v1_problem_kind *kinds, size_t count)
{
    print_problems(&scanned);
    ck_assert_uint_eq(scanned.problem_count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(scanned.problems[i].kind, kinds[i]);
    }
}

/* NULL: the key must not be there. */
static void expect_value(const char *key, const char *value)
{
    for (size_t i = 0; i < scanned.item_count; i++) {
        struct v1_entry entry = v1_file_entry(&scanned, i);
        if (slice_equal(entry.key, slice_of_string(key)) && v1_entry_is_live(&entry, NOW_S)) {
            ck_assert_msg(value != NULL, "%s is there", key);
            ck_assert(slice_equal(entry.value, slice_of_string(value)));
            return;
        }
    }
    ck_assert_msg(value == NULL, "%s is not there", key);
}

START_TEST(a_small_file)
{
    struct v1_writer writer;
    write_small(&writer);
    scan(&writer);
    expect_sound(&scanned);
    expect_value("key number 3", "a third value"); /* in the second of its expiry */
    expect_value("key number 4", NULL);
    expect_value("key number 5", "back");
    expect_value("key number 6", NULL);
    expect_value("", "of no name");
    expect_value("without a value", "");
    v1_writer_deinit(&writer);
}
END_TEST

START_TEST(an_empty_file)
{
    struct v1_writer writer;
    v1_writer_init(&writer, &small);
    scan(&writer);
    expect_sound(&scanned);
    ck_assert_uint_eq(scanned.item_count, 0);
    v1_writer_deinit(&writer);
}
END_TEST

/* The entry was appended, and then the slot was not written. */
START_TEST(an_entry_that_was_not_indexed)
{
    static const enum v1_problem_kind kinds[] = {V1_UNINDEXED};
    static const char *const keys[] = {"key number 0", "key number 4", "new"};
    struct v1_writer writer;
    write_small(&writer);
    (void)v1_writer_append(&writer, slice_of_string(keys[_i]), slice_of_string("newer"), 0);
    scan(&writer);
    expect_problems(kinds, 1);
    expect_value(keys[_i], "newer");
    v1_writer_deinit(&writer);
}
END_TEST

/* It may be one whose key is damaged, so neither it nor what it would replace is believed. */
START_TEST(entries_that_the_index_does_not_know)
{
    static const enum v1_problem_kind kinds[] = {V1_UNREACHABLE, V1_UNREACHABLE};
    struct v1_writer writer;
    write_small(&writer);
    (void)v1_writer_append(&writer, slice_of_string("key number 0"), slice_of_string("newer"), 0);
    (void)v1_writer_append(&writer, slice_of_string("new"), slice_of_string("unheard of"), 0);
    set_text(&writer, "last", "one", 0);
    scan(&writer);
    expect_problems(kinds, 2);
    expect_value("key number 0", NULL);
    expect_value("new", NULL);
    expect_value("last", "one");
    v1_writer_deinit(&writer);
}
END_TEST

/* With other damage, what the index does not lead to may be old. */
START_TEST(entries_out_of_reach_in_a_damaged_file)
{
    static const enum v1_problem_kind kinds[] = {V1_SLOT_OUTSIDE, V1_UNREACHABLE};
    struct v1_writer writer;
    write_small(&writer);
    uint64_t slot = v1_writer_find_slot(&writer, slice_of_string("key number 3"));
    v1_writer_put_slot(&writer, slot, writer.file.size);
    scan(&writer);
    expect_problems(kinds, 2);
    ck_assert_uint_eq(scanned.problems[0].offset, slot);
    expect_value("key number 3", NULL);
    expect_value("key number 2", "0000002");
    v1_writer_deinit(&writer);
}
END_TEST

START_TEST(a_slot_into_the_midst)
{
    static const enum v1_problem_kind kinds[] = {V1_SLOT_AMID, V1_UNREACHABLE};
    struct v1_writer writer;
    write_small(&writer);
    uint64_t slot = v1_writer_find_slot(&writer, slice_of_string("key number 7"));
    v1_writer_put_slot(&writer, slot, v1_writer_slot(&writer, slot) + 5);
    scan(&writer);
    expect_problems(kinds, 2);
    expect_value("key number 6", NULL);
    expect_value("key number 7", NULL);
    expect_value("key number 8", "0000000000000000008");
    v1_writer_deinit(&writer);
}
END_TEST

START_TEST(a_slot_to_anothers_entry)
{
    static const enum v1_problem_kind kinds[] = {V1_WRONG_COLUMN, V1_UNREACHABLE};
    struct v1_writer writer;
    write_small(&writer);
    uint64_t slot = v1_writer_find_slot(&writer, slice_of_string("key number 7"));
    uint64_t other = v1_writer_find_slot(&writer, slice_of_string("key number 8"));
    v1_writer_put_slot(&writer, slot, v1_writer_slot(&writer, other));
    scan(&writer);
    expect_problems(kinds, 2);
    expect_value("key number 7", NULL);
    expect_value("key number 8", "0000000000000000008");
    v1_writer_deinit(&writer);
}
END_TEST

START_TEST(two_slots_to_one_entry)
{
    static const enum v1_problem_kind kinds[] = {V1_SLOT_SHARED};
    struct v1_writer writer;
    write_small(&writer);
    uint64_t slot = v1_writer_find_slot(&writer, slice_of_string("without a value"));
    ck_assert_uint_eq(v1_writer_slot(&writer, slot + 512), 0); /* below it, in the other block */
    v1_writer_put_slot(&writer, slot + 512, v1_writer_slot(&writer, slot));
    scan(&writer);
    expect_problems(kinds, 1);
    expect_value("without a value", "");
    v1_writer_deinit(&writer);
}
END_TEST

/* A file within a file: what looks like entries in a value is none. */
START_TEST(a_value_that_looks_like_entries)
{
    struct v1_writer writer;
    struct v1_writer inner;
    write_small(&inner);
    write_small(&writer);
    CHECK(v1_writer_set(&writer, slice_of_string("file"), buffer_slice(&inner.file), 0));
    set_text(&writer, "last", "one", 0);
    scan(&writer);
    expect_sound(&scanned);
    expect_value("last", "one");
    ck_assert_uint_eq(scanned.item_count, 16);
    v1_writer_deinit(&writer);
    v1_writer_deinit(&inner);
}
END_TEST

/* Two keys of 16 bytes whose hashes are equal: one half of each makes the product zero. */
START_TEST(keys_with_one_hash)
{
    uint8_t keys[2][16];
    uint8_t secret[XXH_SECRET_DEFAULT_SIZE];
    struct v1_writer writer;
    XXH3_generateSecret_fromSeed(secret, 0);
    memcpy(keys[0], secret, 16);
    memcpy(keys[1], secret, 16);
    keys[0][8] ^= 77;
    keys[1][0] ^= 77;
    struct slice a = slice_make(keys[0], 16);
    struct slice b = slice_make(keys[1], 16);
    ck_assert_uint_eq(v1_hash_of(V1_HASH_RUST, a), v1_hash_of(V1_HASH_RUST, b));
    write_small(&writer);
    CHECK(v1_writer_set(&writer, a, slice_of_string("old a"), 0));
    CHECK(v1_writer_set(&writer, b, slice_of_string("b"), 0));
    CHECK(v1_writer_set(&writer, a, slice_of_string("a"), 0));
    scan(&writer);
    expect_sound(&scanned);
    ck_assert_uint_eq(scanned.item_count, 16);
    struct v1_entry last = v1_file_entry(&scanned, 15);
    struct v1_entry before = v1_file_entry(&scanned, 14);
    ck_assert(slice_equal(last.value, slice_of_string("a")));
    ck_assert(slice_equal(before.value, slice_of_string("b")));
    v1_writer_deinit(&writer);
}
END_TEST

START_TEST(not_such_a_file)
{
    struct error error;
    struct v1_writer writer;
    static const char text[] = "ScdbIndex v0.001 and so on, which is another file of the ancestor";
    v1_file_init(&scanned, slice_make(text, sizeof(text)));
    ck_assert_int_eq(v1_file_scan(&scanned, &error), STATUS_NOT_FOUND);
    v1_file_init(&scanned, slice_make(NULL, 0));
    ck_assert_int_eq(v1_file_scan(&scanned, &error), STATUS_NOT_FOUND);
    write_small(&writer);
    v1_file_init(&scanned, slice_part(buffer_slice(&writer.file), 0, 99));
    ck_assert_int_eq(v1_file_scan(&scanned, &error), STATUS_CORRUPT);
    ck_assert_str_eq(error.text, "it ends within its header, after 99 bytes");
    /* More blocks than any number of bytes has room for. */
    memset(writer.file.data + 20, 0xff, 8);
    v1_file_init(&scanned, buffer_slice(&writer.file));
    ck_assert_int_eq(v1_file_scan(&scanned, &error), STATUS_CORRUPT);
    v1_writer_deinit(&writer);
}
END_TEST

START_TEST(key_text)
{
    char text[16];
    v1_key_describe(slice_of_string("plain key"), text, sizeof(text));
    ck_assert_str_eq(text, "plain key");
    v1_key_describe(slice_make("\0\xff'", 3), text, sizeof(text));
    ck_assert_str_eq(text, "\\x00\\xff\\x27");
    v1_key_describe(slice_of_string("much longer than that"), text, sizeof(text));
    ck_assert_str_eq(text, "much long...");
}
END_TEST

/* --- random histories ---------------------------------------------------------------------- */

#define MODEL_KEYS 200

struct model_key {
    char key[24];
    char value[40];
    uint64_t expiry_s;
    bool is_there;
};

static void model_step(struct test_random *random, struct v1_writer *writer,
                       struct model_key *model)
{
    struct model_key *key = &model[test_random_below(random, MODEL_KEYS)];
    if (test_random_one_in(random, 4)) {
        v1_writer_delete(writer, slice_of_string(key->key));
        key->is_there = false;
        return;
    }
    char value[40];
    uint64_t expiry_s =
        test_random_one_in(random, 3) ? NOW_S - 2 + test_random_below(random, 5) : 0;
    (void)snprintf(value, sizeof(value), "%0*" PRIx64, (int)test_random_below(random, 30),
                   test_random_next(random));
    if (v1_writer_set(writer, slice_of_string(key->key), slice_of_string(value), expiry_s)) {
        memcpy(key->value, value, sizeof(value));
        key->expiry_s = expiry_s;
        key->is_there = true;
    }
}

START_TEST(random_histories)
{
    struct test_random random;
    struct model_key model[MODEL_KEYS] = {0};
    struct v1_writer writer;
    struct v1_shape shape = {.hash = (enum v1_hash)_i,
                             .block_size = 1024,
                             .max_keys = 150, /* so that some columns are full */
                             .redundant_blocks = 1};
    test_random_init(&random, test_seed("v1_file_test"));
    v1_writer_init(&writer, &shape);
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        (void)snprintf(model[i].key, sizeof(model[i].key), "%zu:%0*d", i, (int)(i % 17), 0);
    }
    for (int step = 0; step < 3000; step++) {
        model_step(&random, &writer, model);
        if (step % 100 == 99) {
            scan(&writer);
            expect_sound(&scanned);
            ck_assert_int_eq(scanned.hash, shape.hash);
            for (size_t i = 0; i < MODEL_KEYS; i++) {
                bool is_live =
                    model[i].is_there && (model[i].expiry_s == 0 || model[i].expiry_s >= NOW_S);
                expect_value(model[i].key, is_live ? model[i].value : NULL);
            }
        }
    }
    v1_writer_deinit(&writer);
}
END_TEST

static void tear_down(void)
{
    v1_file_deinit(&scanned);
}

static Suite *v1_file_suite(void)
{
    Suite *suite = suite_create("v1_file");
    TCase *found = tcase_create("found");
    tcase_add_checked_fixture(found, NULL, tear_down);
    tcase_add_loop_test(found, original_files, 0, sizeof(fixtures) / sizeof(fixtures[0]));
    tcase_add_test(found, tells_how_far_it_is);
    tcase_add_test(found, tells_no_more_than_all);
    tcase_add_test(found, a_small_file);
    tcase_add_test(found, an_empty_file);
    tcase_add_test(found, a_value_that_looks_like_entries);
    tcase_add_test(found, keys_with_one_hash);
    tcase_add_test(found, key_text);
    tcase_add_loop_test(found, random_histories, 0, V1_HASH_COUNT);
    suite_add_tcase(suite, found);
    TCase *damaged = tcase_create("damaged");
    tcase_set_timeout(damaged, 120);
    tcase_add_checked_fixture(damaged, NULL, tear_down);
    tcase_add_test(damaged, not_such_a_file);
    tcase_add_loop_test(damaged, an_entry_that_was_not_indexed, 0, 3);
    tcase_add_test(damaged, entries_that_the_index_does_not_know);
    tcase_add_test(damaged, entries_out_of_reach_in_a_damaged_file);
    tcase_add_test(damaged, a_slot_into_the_midst);
    tcase_add_test(damaged, a_slot_to_anothers_entry);
    tcase_add_test(damaged, two_slots_to_one_entry);
    tcase_add_test(damaged, each_byte_of_a_small_file);
    tcase_add_loop_test(damaged, each_byte_of_an_original_file, 0, 3);
    tcase_add_test(damaged, random_damage);
    suite_add_tcase(suite, damaged);
    return suite;
}

int main(void)
{
    return test_run_suite(v1_file_suite());
}
