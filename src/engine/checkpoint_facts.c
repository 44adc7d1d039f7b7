/* checkpoint_facts.c - the facts of a checkpoint: files, live bytes, expiry marks. See
 * checkpoint.h. */
#include "engine/checkpoint.h"

#include "base/compare.h"
#include "base/little_endian.h"
#include "engine/checksum.h"

#include <stdlib.h>
#include <string.h>

/*
 * Bytes: u64 checksum of all that follows; u64 marks, u64 files; for each mark u64 sequence, i64
 * time; for each file the fields of FILE_SIZE bytes and its live bytes, u64 keyspace and u64 bytes
 * each; then the strings in pieces, to the end.
 */
#define HEAD_SIZE    24
#define MARK_SIZE    16
#define FILE_SIZE    32
#define LIVE_SIZE    16
#define FLAG_DAMAGED 1u

void checkpoint_facts_init(struct checkpoint_facts *facts)
{
    *facts = (struct checkpoint_facts){0};
    staircase_init(&facts->marks);
    buffer_init(&facts->strings);
}

void checkpoint_facts_deinit(struct checkpoint_facts *facts)
{
    staircase_deinit(&facts->marks);
    buffer_deinit(&facts->strings);
    free(facts->files);
    free(facts->lives);
    checkpoint_facts_init(facts);
}

enum status checkpoint_facts_add_file(struct checkpoint_facts *facts,
                                      const struct checkpoint_file *file)
{
    if (facts->file_count == facts->file_capacity) {
        size_t capacity = facts->file_capacity == 0 ? 16 : facts->file_capacity * 2;
        struct checkpoint_file *files = realloc(facts->files, capacity * sizeof(*files));
        if (files == NULL) {
            return STATUS_NO_MEMORY;
        }
        facts->files = files;
        facts->file_capacity = capacity;
    }
    struct checkpoint_file *added = &facts->files[facts->file_count++];
    *added = *file;
    added->live_count = 0;
    added->first_live = facts->live_count;
    return STATUS_OK;
}

enum status checkpoint_facts_add_live(struct checkpoint_facts *facts, uint64_t keyspace_id,
                                      uint64_t bytes)
{
    if (facts->live_count == facts->live_capacity) {
        size_t capacity = facts->live_capacity == 0 ? 16 : facts->live_capacity * 2;
        struct checkpoint_live *lives = realloc(facts->lives, capacity * sizeof(*lives));
        if (lives == NULL) {
            return STATUS_NO_MEMORY;
        }
        facts->lives = lives;
        facts->live_capacity = capacity;
    }
    facts->lives[facts->live_count++] =
        (struct checkpoint_live){.keyspace_id = keyspace_id, .bytes = bytes};
    facts->files[facts->file_count - 1].live_count++;
    return STATUS_OK;
}

static int compare_files(const void *a, const void *b)
{
    const struct checkpoint_file *left = a;
    const struct checkpoint_file *right = b;
    return compare_numbers(left->number, right->number);
}

void checkpoint_facts_sort(struct checkpoint_facts *facts)
{
    if (facts->file_count > 1) {
        qsort(facts->files, facts->file_count, sizeof(*facts->files), compare_files);
    }
}

const struct checkpoint_file *checkpoint_facts_find(const struct checkpoint_facts *facts,
                                                    uint64_t number)
{
    struct checkpoint_file wanted = {.number = number};
    return facts->file_count == 0 ? NULL
                                  : bsearch(&wanted, facts->files, facts->file_count,
                                            sizeof(*facts->files), compare_files);
}

/* --- bytes -------------------------------------------------------------------------------- */

static void encode_file(const struct checkpoint_file *file, uint8_t *into)
{
    little_endian_store64(into, file->number);
    little_endian_store64(into + 8, file->covered_end);
    little_endian_store32(into + 16, file->handle);
    little_endian_store32(into + 20, file->handle_count);
    little_endian_store32(into + 24, file->damaged ? FLAG_DAMAGED : 0);
    little_endian_store32(into + 28, file->live_count);
}

enum status checkpoint_facts_append(const struct checkpoint_facts *facts, uint64_t seed,
                                    struct buffer *out)
{
    size_t size = HEAD_SIZE + facts->marks.count * MARK_SIZE + facts->file_count * FILE_SIZE +
                  facts->live_count * LIVE_SIZE + facts->strings.size;
    enum status status = buffer_reserve(out, size);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *start = (uint8_t *)out->data + out->size;
    uint8_t *into = start + HEAD_SIZE;
    little_endian_store64(start + 8, facts->marks.count);
    little_endian_store64(start + 16, facts->file_count);
    for (size_t i = 0; i < facts->marks.count; i++, into += MARK_SIZE) {
        little_endian_store64(into, facts->marks.steps[i].sequence);
        little_endian_store64(into + 8, (uint64_t)facts->marks.steps[i].until_ms);
    }
    for (size_t i = 0; i < facts->file_count; i++) {
        const struct checkpoint_file *file = &facts->files[i];
        encode_file(file, into);
        into += FILE_SIZE;
        for (size_t j = 0; j < file->live_count; j++, into += LIVE_SIZE) {
            little_endian_store64(into, facts->lives[file->first_live + j].keyspace_id);
            little_endian_store64(into + 8, facts->lives[file->first_live + j].bytes);
        }
    }
    if (facts->strings.size > 0) {
        memcpy(into, facts->strings.data, facts->strings.size);
    }
    little_endian_store64(start, checksum_of(start + 8, size - 8, seed));
    out->size += size;
    return STATUS_OK;
}

/* What is left to decode. */
struct cursor {
    const uint8_t *at;
    size_t left;
};

/* The next `size` bytes, NULL when there are fewer. */
static const uint8_t *take(struct cursor *cursor, size_t size)
{
    if (cursor->left < size) {
        return NULL;
    }
    const uint8_t *taken = cursor->at;
    cursor->at += size;
    cursor->left -= size;
    return taken;
}

static enum status decode_marks(struct cursor *cursor, uint64_t count, struct staircase *marks)
{
    enum status status = STATUS_OK;
    for (uint64_t i = 0; status == STATUS_OK && i < count; i++) {
        const uint8_t *from = take(cursor, MARK_SIZE);
        status = from == NULL ? STATUS_CORRUPT
                              : staircase_add(marks, little_endian_load64(from),
                                              (int64_t)little_endian_load64(from + 8));
    }
    return status;
}

static enum status decode_file(struct cursor *cursor, struct checkpoint_facts *out)
{
    const uint8_t *from = take(cursor, FILE_SIZE);
    if (from == NULL) {
        return STATUS_CORRUPT;
    }
    struct checkpoint_file file = {
        .number = little_endian_load64(from),
        .covered_end = little_endian_load64(from + 8),
        .handle = little_endian_load32(from + 16),
        .handle_count = little_endian_load32(from + 20),
        .damaged = (little_endian_load32(from + 24) & FLAG_DAMAGED) != 0,
    };
    uint32_t live_count = little_endian_load32(from + 28);
    if (out->file_count > 0 && out->files[out->file_count - 1].number >= file.number) {
        return STATUS_CORRUPT;
    }
    enum status status = checkpoint_facts_add_file(out, &file);
    for (uint32_t i = 0; status == STATUS_OK && i < live_count; i++) {
        from = take(cursor, LIVE_SIZE);
        status = from == NULL ? STATUS_CORRUPT
                              : checkpoint_facts_add_live(out, little_endian_load64(from),
                                                          little_endian_load64(from + 8));
    }
    return status;
}

enum status checkpoint_facts_decode(const uint8_t *bytes, size_t size, uint64_t seed,
                                    struct checkpoint_facts *out)
{
    if (size < HEAD_SIZE || little_endian_load64(bytes) != checksum_of(bytes + 8, size - 8, seed)) {
        return STATUS_CORRUPT;
    }
    uint64_t mark_count = little_endian_load64(bytes + 8);
    uint64_t file_count = little_endian_load64(bytes + 16);
    struct cursor cursor = {.at = bytes + HEAD_SIZE, .left = size - HEAD_SIZE};
    enum status status = decode_marks(&cursor, mark_count, &out->marks);
    for (uint64_t i = 0; status == STATUS_OK && i < file_count; i++) {
        status = decode_file(&cursor, out);
    }
    return status == STATUS_OK ? buffer_append(&out->strings, cursor.at, cursor.left) : status;
}
