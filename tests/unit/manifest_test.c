/* manifest_test.c - the manifest: its list, its file, and that nothing wrong is believed. */
#include "engine/manifest.h"

#include "base/check.h"
#include "engine/checksum.h"
#include "engine/record.h"
#include "support/sim_disk.h"
#include "support/test_directory.h"
#include "support/test_random.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct test_directory directory;
static struct file_system *fs;
static struct manifest manifest;

static void fill(struct manifest *into)
{
    manifest_init(into);
    for (size_t i = 0; i < STORE_ID_SIZE; i++) {
        into->store_id[i] = (uint8_t)(i + 1);
    }
    for (size_t i = 0; i < STORE_SECRET_SIZE; i++) {
        into->secret[i] = (uint8_t)(i * 7);
    }
    into->generation = 41;
    into->segment_size = 1 << 20;
    into->next_file_number = 10;
    into->next_keyspace_id = 30;
    into->next_sequence = 1000;
    into->durable = (struct manifest_position){.file = 9, .offset = 4096, .sequence = 990};
    into->checkpoint_file = 8;
    into->map_sequence = 17;
    into->map = malloc(3 * sizeof(*into->map));
    into->map[0] = 29;
    into->map[1] = 0;
    into->map[2] = 5;
    into->map_count = 3;
    struct manifest_file log = {.number = 9, .kind = SEGMENT_LOG};
    struct manifest_file packed = {.number = 2,
                                   .kind = SEGMENT_PACKED,
                                   .end = 5000,
                                   .first_sequence = 1,
                                   .last_sequence = 900};
    ck_assert_int_eq(manifest_add(into, &log), STATUS_OK);
    ck_assert_int_eq(manifest_add(into, &packed), STATUS_OK);
}

static void set_up(void)
{
    test_directory_create(&directory);
    ck_assert_int_eq(file_posix_open_directory(directory.path, &fs, NULL), STATUS_OK);
    fill(&manifest);
}

static void tear_down(void)
{
    manifest_deinit(&manifest);
    fs_close(fs);
    test_directory_destroy(&directory);
}

static void assert_same(const struct manifest *a, const struct manifest *b)
{
    ck_assert_mem_eq(a->store_id, b->store_id, STORE_ID_SIZE);
    ck_assert_mem_eq(a->secret, b->secret, STORE_SECRET_SIZE);
    ck_assert_uint_eq(a->generation, b->generation);
    ck_assert_uint_eq(a->segment_size, b->segment_size);
    ck_assert_uint_eq(a->next_file_number, b->next_file_number);
    ck_assert_uint_eq(a->next_keyspace_id, b->next_keyspace_id);
    ck_assert_uint_eq(a->next_sequence, b->next_sequence);
    ck_assert_uint_eq(a->durable.file, b->durable.file);
    ck_assert_uint_eq(a->durable.offset, b->durable.offset);
    ck_assert_uint_eq(a->durable.sequence, b->durable.sequence);
    ck_assert_uint_eq(a->checkpoint_file, b->checkpoint_file);
    ck_assert_uint_eq(a->map_sequence, b->map_sequence);
    ck_assert_uint_eq(a->map_count, b->map_count);
    for (size_t i = 0; i < a->map_count; i++) {
        ck_assert_uint_eq(a->map[i], b->map[i]);
    }
    ck_assert_uint_eq(a->file_count, b->file_count);
    for (size_t i = 0; i < a->file_count; i++) {
        ck_assert_uint_eq(a->files[i].number, b->files[i].number);
        ck_assert_int_eq(a->files[i].kind, b->files[i].kind);
        ck_assert_uint_eq(a->files[i].end, b->files[i].end);
        ck_assert_uint_eq(a->files[i].first_sequence, b->files[i].first_sequence);
        ck_assert_uint_eq(a->files[i].last_sequence, b->files[i].last_sequence);
    }
}

/* MANIFEST as it lies there. */
static size_t load(uint8_t *into, size_t capacity)
{
    struct file *file;
    size_t size;
    ck_assert_int_eq(fs_open(fs, MANIFEST_NAME, FILE_MODE_READ, &file), STATUS_OK);
    ck_assert_int_eq(file_read(file, 0, into, capacity, &size), STATUS_OK);
    file_close(file);
    ck_assert_uint_lt(size, capacity);
    return size;
}

static void store(const uint8_t *bytes, size_t size)
{
    struct file *file;
    enum status status = fs_open(fs, MANIFEST_NAME, FILE_MODE_WRITE, &file);
    if (status == STATUS_NOT_FOUND) {
        status = fs_open(fs, MANIFEST_NAME, FILE_MODE_CREATE, &file);
    }
    ck_assert_int_eq(status, STATUS_OK);
    struct slice all = slice_make(bytes, size);
    ck_assert_int_eq(file_truncate(file, 0), STATUS_OK);
    ck_assert_int_eq(file_write(file, 0, &all, 1), STATUS_OK);
    file_close(file);
}

static enum status read_status(struct error *error)
{
    struct manifest read;
    error->text[0] = '\0';
    enum status status = manifest_read(fs, &read, error);
    if (status == STATUS_OK) {
        manifest_deinit(&read);
    } else {
        ck_assert_ptr_nonnull(strstr(error->text, MANIFEST_NAME));
    }
    return status;
}

START_TEST(list_keeps_its_order)
{
    struct manifest list;
    manifest_init(&list);
    static const uint64_t numbers[] = {5, 1, 9, 3, 7, 2, 8, 4, 6, 20, 15, 11};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        struct manifest_file file = {.number = numbers[i], .kind = SEGMENT_LOG};
        ck_assert_int_eq(manifest_add(&list, &file), STATUS_OK);
        ck_assert_int_eq(manifest_add(&list, &file), STATUS_EXISTS);
        ck_assert_uint_eq(manifest_find(&list, numbers[i])->number, numbers[i]);
    }
    ck_assert_uint_eq(list.file_count, 12);
    manifest_drop(&list, 5);
    manifest_drop(&list, 5);
    manifest_drop(&list, 100);
    ck_assert_uint_eq(list.file_count, 11);
    ck_assert_ptr_null(manifest_find(&list, 5));
    ck_assert_ptr_null(manifest_find(&list, 0));
    ck_assert_ptr_null(manifest_find(&list, 21));
    for (size_t i = 1; i < list.file_count; i++) {
        ck_assert_uint_lt(list.files[i - 1].number, list.files[i].number);
    }
    manifest_deinit(&list);
}
END_TEST

START_TEST(copies_are_deep)
{
    struct manifest copy;
    manifest_init(&copy);
    ck_assert_int_eq(manifest_copy(&manifest, &copy), STATUS_OK);
    assert_same(&manifest, &copy);
    copy.map[0] = 1;
    manifest_drop(&copy, 9);
    ck_assert_uint_eq(manifest.map[0], 29);
    ck_assert_ptr_nonnull(manifest_find(&manifest, 9));
    manifest_deinit(&copy);
    struct manifest empty;
    manifest_init(&empty);
    ck_assert_int_eq(manifest_copy(&empty, &copy), STATUS_OK);
    manifest_deinit(&copy);
}
END_TEST

START_TEST(written_and_read)
{
    struct error error;
    ck_assert_int_eq(read_status(&error), STATUS_NOT_FOUND);
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    ck_assert_uint_eq(manifest.generation, 42);
    struct manifest read;
    ck_assert_int_eq(manifest_read(fs, &read, &error), STATUS_OK);
    assert_same(&manifest, &read);
    manifest_deinit(&read);

    manifest.map_count = 0;
    manifest_drop(&manifest, 2);
    manifest_drop(&manifest, 9);
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    ck_assert_int_eq(manifest_read(fs, &read, &error), STATUS_OK);
    assert_same(&manifest, &read);
    manifest_deinit(&read);
}
END_TEST

/* Before the rename the old one is there for sure, and when the rename was refused; else nobody
 * knows. */
START_TEST(a_failure_tells_whether_the_new_one_may_be_there)
{
    static const struct {
        enum sim_call call;
        enum status status;
        bool may_be_new;
    } cases[] = {{SIM_REMOVE, STATUS_IO, false},       {SIM_CREATE, STATUS_IO, false},
                 {SIM_WRITE, STATUS_IO, false},        {SIM_SYNC, STATUS_IO, false},
                 {SIM_RENAME, STATUS_REFUSED, false},  {SIM_RENAME, STATUS_DISK_FULL, false},
                 {SIM_RENAME, STATUS_IO, true},        {SIM_RENAME, STATUS_NO_MEMORY, true},
                 {SIM_SYNC_DIRECTORY, STATUS_IO, true}};
    struct sim_disk *disk = sim_disk_create(1);
    struct file_system *sim = sim_disk_mount(disk);
    ck_assert_int_eq(manifest_write(sim, &manifest), STATUS_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool may_be_new = !cases[i].may_be_new;
        uint64_t generation = manifest.generation;
        sim_disk_fail(disk, cases[i].call, 1, 1, cases[i].status);
        ck_assert_int_eq(manifest_replace(sim, &manifest, &may_be_new), cases[i].status);
        ck_assert_msg(may_be_new == cases[i].may_be_new, "%s: %s", sim_call_name(cases[i].call),
                      status_name(cases[i].status));
        ck_assert_uint_eq(manifest.generation, generation);
        struct manifest read;
        struct error error;
        ck_assert_int_eq(manifest_read(sim, &read, &error), STATUS_OK);
        ck_assert(may_be_new || read.generation == generation);
        manifest_deinit(&read);
    }
    fs_close(sim);
    sim_disk_destroy(disk);
}
END_TEST

/* These bytes are in files out there: when this test fails, the format has changed. */
START_TEST(bytes_are_frozen)
{
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    uint8_t bytes[1000];
    size_t size = load(bytes, sizeof(bytes));
    ck_assert_uint_eq(size, 328 + 3 * 8 + 2 * 40 + 8);
    ck_assert_mem_eq(bytes, "scdbman\n\1\0\0\0\x48\1\0\0", 16);
    ck_assert_uint_eq(checksum_of(bytes, size, 0), 7959150381273649370u);
}
END_TEST

START_TEST(left_over_temporary_is_replaced)
{
    struct file *file;
    ck_assert_int_eq(fs_open(fs, MANIFEST_TEMPORARY_NAME, FILE_MODE_CREATE, &file), STATUS_OK);
    ck_assert_int_eq(file_reserve(file, 5000), STATUS_OK);
    file_close(file);
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    struct error error;
    ck_assert_int_eq(read_status(&error), STATUS_OK);
}
END_TEST

START_TEST(no_flipped_bit_and_no_truncation_passes)
{
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    uint8_t bytes[1000];
    size_t size = load(bytes, sizeof(bytes));
    struct error error;
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        store(bytes, size);
        ck_assert_int_eq(read_status(&error), STATUS_CORRUPT);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        store(bytes, i);
        ck_assert_int_eq(read_status(&error), STATUS_CORRUPT);
    }
    store(bytes, size + 1);
    ck_assert_int_eq(read_status(&error), STATUS_CORRUPT);
    store(bytes, size);
    ck_assert_int_eq(read_status(&error), STATUS_OK);
}
END_TEST

/* Checksums as a program would write them that means what it writes. */
static void seal(uint8_t *bytes, size_t size)
{
    uint64_t sum = checksum_of(bytes, 24, 0);
    memcpy(bytes + 24, &sum, 8);
    sum = checksum_of(bytes, size - 8, record_seed(bytes + 32, 0));
    memcpy(bytes + size - 8, &sum, 8);
}

START_TEST(newer_format_is_told_from_damage)
{
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    uint8_t bytes[1000];
    size_t size = load(bytes, sizeof(bytes));
    struct error error;
    bytes[8] = FORMAT_VERSION + 1;
    bytes[12] ^= 0xff; /* its header has another size, its rest another shape */
    memset(bytes + 32, 0xaa, size - 32);
    store(bytes, size);
    ck_assert_int_eq(read_status(&error), STATUS_CORRUPT);
    seal(bytes, size);
    memset(bytes + size - 8, 0xaa, 8);
    store(bytes, size);
    ck_assert_int_eq(read_status(&error), STATUS_NEWER_FORMAT);
    store(bytes, 32);
    ck_assert_int_eq(read_status(&error), STATUS_NEWER_FORMAT);
}
END_TEST

/* A right checksum over nonsense: written by a faulty program, refused all the same. */
START_TEST(sealed_nonsense_is_refused)
{
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    uint8_t good[1000];
    size_t size = load(good, sizeof(good));
    static const struct {
        size_t offset;
        uint8_t byte;
    } changes[] = {
        {12, 0x40},        {16, 0xff},        {250, 0},           {304, 10},
        {320, 2},          {320, 4},          {323, 0xff},        {324, 1},
        {327, 0xff},       {328, 30},         {328, 0xff},        {328 + 24, 9},
        {328 + 24 + 8, 3}, {328 + 24 + 8, 0}, {328 + 24 + 40, 2}, {328 + 24 + 40, 10},
    };
    struct error error;
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        uint8_t bytes[1000];
        memcpy(bytes, good, size);
        bytes[changes[i].offset] = changes[i].byte;
        seal(bytes, size);
        store(bytes, size);
        enum status status = read_status(&error);
        ck_assert_msg(status == STATUS_CORRUPT, "byte %zu: %s", changes[i].offset,
                      status_name(status));
    }
}
END_TEST

START_TEST(random_bytes_are_refused)
{
    struct test_random random;
    test_random_init(&random, test_seed("manifest_test random_bytes_are_refused"));
    ck_assert_int_eq(manifest_write(fs, &manifest), STATUS_OK);
    uint8_t good[1000];
    size_t size = load(good, sizeof(good));
    struct error error;
    for (int round = 0; round < 500; round++) {
        uint8_t bytes[1000];
        memcpy(bytes, good, size);
        size_t from = 32 + (size_t)test_random_below(&random, size - 32);
        size_t count = 1 + (size_t)test_random_below(&random, 16);
        count = count < size - from ? count : size - from;
        test_random_fill(&random, bytes + from, count);
        seal(bytes, size);
        store(bytes, size);
        enum status status = read_status(&error); /* many fields may hold any number */
        ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("manifest");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, list_keeps_its_order);
    tcase_add_test(tests, copies_are_deep);
    tcase_add_test(tests, written_and_read);
    tcase_add_test(tests, a_failure_tells_whether_the_new_one_may_be_there);
    tcase_add_test(tests, bytes_are_frozen);
    tcase_add_test(tests, left_over_temporary_is_replaced);
    tcase_add_test(tests, no_flipped_bit_and_no_truncation_passes);
    tcase_add_test(tests, newer_format_is_told_from_damage);
    tcase_add_test(tests, sealed_nonsense_is_refused);
    tcase_add_test(tests, random_bytes_are_refused);
    return test_run("manifest", tests);
}
