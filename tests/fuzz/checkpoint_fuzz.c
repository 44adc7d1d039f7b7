/*
 * checkpoint_fuzz.c - libFuzzer: a checkpoint of the index, whatever is in it: its header, its
 * facts, and blocks that an index is loaded from.
 *
 * The first byte of the input says what the rest is; odd numbers have the checksums put right
 * first, so that what lies behind them is reached too.
 */
#include "base/check.h"
#include "base/little_endian.h"
#include "engine/checkpoint.h"
#include "engine/checksum.h"
#include "engine/index.h"
#include "engine/record.h"

#include <stdlib.h>
#include <string.h>

#define SEED        7
#define FILE_NUMBER 3

static const uint8_t store_id[STORE_ID_SIZE] = "0123456789abcdef";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- header and facts ------------------------------------------------------------------------ */

static void try_header(uint8_t *bytes, size_t size, bool seal)
{
    struct checkpoint_header header;
    if (size != CHECKPOINT_HEADER_SIZE) {
        return;
    }
    if (seal) {
        size_t covered = CHECKPOINT_HEADER_SIZE - 8;
        uint64_t seed = record_seed(store_id, FILE_NUMBER);
        little_endian_store64(bytes + covered, checksum_of(bytes, covered, seed));
    }
    if (checkpoint_header_decode(bytes, store_id, FILE_NUMBER, &header) == STATUS_OK) {
        uint8_t again[CHECKPOINT_HEADER_SIZE];
        struct checkpoint_header same;
        checkpoint_header_encode(&header, store_id, again);
        CHECK(checkpoint_header_decode(again, store_id, FILE_NUMBER, &same) == STATUS_OK);
        CHECK(same.end.offset == header.end.offset && same.facts_size == header.facts_size);
    }
}

static void check_facts(const struct checkpoint_facts *facts)
{
    size_t lives = 0;
    for (size_t i = 0; i < facts->file_count; i++) {
        const struct checkpoint_file *file = &facts->files[i];
        CHECK(file->first_live == lives && file->live_count <= facts->live_count - lives);
        CHECK(checkpoint_facts_find(facts, file->number) == file);
        lives += file->live_count;
    }
    CHECK(lives == facts->live_count);
    for (size_t i = 1; i < facts->marks.count; i++) {
        CHECK(facts->marks.steps[i - 1].sequence < facts->marks.steps[i].sequence);
        CHECK(facts->marks.steps[i - 1].until_ms > facts->marks.steps[i].until_ms);
    }
}

static void try_facts(uint8_t *bytes, size_t size, bool seal)
{
    struct checkpoint_facts facts;
    struct checkpoint_facts same;
    struct buffer again;
    if (seal && size >= 8) {
        little_endian_store64(bytes, checksum_of(bytes + 8, size - 8, SEED));
    }
    checkpoint_facts_init(&facts);
    checkpoint_facts_init(&same);
    buffer_init(&again);
    if (checkpoint_facts_decode(bytes, size, SEED, &facts) == STATUS_OK) {
        check_facts(&facts);
        CHECK(checkpoint_facts_append(&facts, SEED, &again) == STATUS_OK);
        CHECK(checkpoint_facts_decode((const uint8_t *)again.data, again.size, SEED, &same) ==
              STATUS_OK);
        CHECK(same.file_count == facts.file_count && same.live_count == facts.live_count &&
              same.marks.count == facts.marks.count);
    }
    buffer_deinit(&again);
    checkpoint_facts_deinit(&same);
    checkpoint_facts_deinit(&facts);
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* One address in four is of a file that is gone. */
static bool translate(void *context, struct record_address *address)
{
    uint64_t *kept = context;
    if (address->units % 4 == 3) {
        return false;
    }
    address->units |= 4; /* an address is never 0 */
    (*kept)++;
    return true;
}

static bool translate_nothing(void *context, struct record_address *address)
{
    (void)context;
    (void)address;
    return true;
}

/* Adds the block at the beginning of the bytes; its size, 0 when it is none. */
static size_t add_block(struct index_loader *loader, uint8_t *bytes, size_t size, bool seal,
                        const struct index_translator *translator)
{
    size_t body_size;
    struct checkpoint_block block;
    struct index_image image;
    if (size < CHECKPOINT_BLOCK_HEADER_SIZE ||
        checkpoint_block_body_size(bytes, &body_size) != STATUS_OK ||
        body_size > size - CHECKPOINT_BLOCK_HEADER_SIZE) {
        return 0;
    }
    size_t whole = CHECKPOINT_BLOCK_HEADER_SIZE + body_size;
    if (seal) {
        struct checksum_stream stream;
        checksum_stream_init(&stream, SEED);
        checksum_stream_add(&stream, bytes + 8, whole - 8);
        little_endian_store64(bytes, checksum_stream_sum(&stream));
    }
    index_image_init(&image);
    CHECK(buffer_append(&image.bytes, bytes + CHECKPOINT_BLOCK_HEADER_SIZE, body_size) ==
          STATUS_OK);
    bool is_added = checkpoint_block_decode(bytes, SEED, &block, &image) == STATUS_OK &&
                    index_loader_add(loader, &image, translator) == STATUS_OK;
    index_image_deinit(&image);
    return is_added ? whole : 0;
}

/* An index that could be loaded is one: it can be copied, and loaded from the copy. */
static void check_copy(const struct index *index)
{
    struct index_budget budget = {0};
    const struct index_translator translator = {.translate = translate_nothing};
    struct index *same;
    struct index_loader loader;
    struct index_image image;
    CHECK(index_create(&budget, &same) == STATUS_OK);
    index_loader_init(&loader, same);
    index_image_init(&image);
    for (uint64_t hash = 0; hash < INDEX_HASH_END; hash = index_image_end(&image)) {
        CHECK(index_copy_table(index, hash, &image) == STATUS_OK);
        CHECK(index_loader_add(&loader, &image, &translator) == STATUS_OK);
    }
    CHECK(index_loader_finish(&loader) == STATUS_OK);
    CHECK(index_count(same) == index_count(index));
    index_verify(same);
    index_image_deinit(&image);
    index_loader_deinit(&loader);
    index_destroy(same);
}

static void try_blocks(uint8_t *bytes, size_t size, bool seal)
{
    uint64_t kept = 0;
    const struct index_translator translator = {.translate = translate, .context = &kept};
    struct index_budget budget = {.limit_bytes = (uint64_t)64 << 20};
    struct index *index;
    struct index_loader loader;
    CHECK(index_create(&budget, &index) == STATUS_OK);
    index_loader_init(&loader, index);
    size_t used = 0;
    size_t block_size = 1;
    while (block_size > 0 && used < size) {
        block_size = add_block(&loader, bytes + used, size - used, seal, &translator);
        used += block_size;
    }
    if (block_size > 0 && index_loader_finish(&loader) == STATUS_OK) {
        CHECK(index_count(index) == kept);
        index_verify(index);
        check_copy(index);
    }
    index_loader_deinit(&loader);
    index_verify(index);
    index_destroy(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    bool seal = (data[0] & 1) != 0;
    uint8_t *bytes = malloc(size - 1 > 0 ? size - 1 : 1); /* as large: reading beyond is noticed */
    CHECK(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    switch (data[0] >> 1 & 3) {
    case 0:
        try_header(bytes, size - 1, seal);
        break;
    case 1:
        try_facts(bytes, size - 1, seal);
        break;
    default:
        try_blocks(bytes, size - 1, seal);
        break;
    }
    free(bytes);
    return 0;
}
