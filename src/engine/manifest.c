/*
 * manifest.c - see manifest.h; docs/file-format.md describes every byte.
 *
 * The file is a prefix that never changes between versions (magic, version, sizes, a checksum of
 * its own), so that even an old program can tell a newer manifest from a damaged one; a header; the
 * map; the list of files; a checksum of everything before it.
 */
#include "engine/manifest.h"

#include "base/check.h"
#include "base/little_endian.h"
#include "base/log.h"
#include "engine/advice.h"
#include "engine/checksum.h"
#include "engine/mutant.h"
#include "engine/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Prefix and header as they lie in the file; used for their offsets only. */
struct layout {
    char magic[8];
    uint32_t format_version;
    uint32_t header_size; /* sizeof(struct layout) of the version that wrote it */
    uint64_t total_size;  /* of the whole file */
    uint64_t prefix_checksum;
    /* the prefix ends here */
    uint8_t store_id[STORE_ID_SIZE];
    uint8_t secret[STORE_SECRET_SIZE];
    uint64_t generation;
    uint64_t segment_size;
    uint64_t next_file_number;
    uint64_t next_keyspace_id;
    uint64_t next_sequence;
    uint64_t durable_file;
    uint64_t durable_offset;
    uint64_t durable_sequence;
    uint64_t checkpoint_file;
    uint64_t map_sequence;
    uint32_t map_count;
    uint32_t file_count;
};

#define AT(field)         offsetof(struct layout, field)
#define PREFIX_SIZE       AT(store_id)
#define HEADER_SIZE       sizeof(struct layout)
#define MAP_ENTRY_SIZE    8
#define FILE_ENTRY_SIZE   40
#define CHECKSUM_SIZE     8
#define MANIFEST_SIZE_MAX ((uint64_t)256 << 20)
/* Entries of a list: keeps sizes far from overflow. */
#define MANIFEST_COUNT_MAX ((size_t)1 << 22)

static_assert(AT(prefix_checksum) == 24 && PREFIX_SIZE == 32, "on-disk offsets");
static_assert(AT(store_id) == MANIFEST_STORE_ID_OFFSET, "on-disk offset");
static_assert(AT(secret) == 48 && AT(generation) == 240, "on-disk offsets");
static_assert(AT(segment_size) == 248 && AT(next_file_number) == 256, "on-disk offsets");
static_assert(AT(next_keyspace_id) == 264 && AT(next_sequence) == 272, "on-disk offsets");
static_assert(AT(durable_file) == 280 && AT(durable_offset) == 288, "on-disk offsets");
static_assert(AT(durable_sequence) == 296 && AT(checkpoint_file) == 304, "on-disk offsets");
static_assert(AT(map_sequence) == 312 && AT(map_count) == 320, "on-disk offsets");
static_assert(AT(file_count) == 324 && HEADER_SIZE == 328, "on-disk offsets");

static const char magic[8] = {'s', 'c', 'd', 'b', 'm', 'a', 'n', '\n'};

/* --- the struct --------------------------------------------------------------------------- */

void manifest_init(struct manifest *manifest)
{
    memset(manifest, 0, sizeof(*manifest));
    manifest->format_version = FORMAT_VERSION_PLAIN;
}

void manifest_deinit(struct manifest *manifest)
{
    free(manifest->map);
    free(manifest->files);
    manifest_init(manifest);
}

enum status manifest_copy(const struct manifest *from, struct manifest *to)
{
    CHECK(to->map == NULL && to->files == NULL);
    struct manifest copy = *from;
    /* One byte more, so that an empty list is an allocation too and NULL means failure. */
    copy.map = malloc(from->map_count * sizeof(*copy.map) + 1);
    copy.files = malloc(from->file_count * sizeof(*copy.files) + 1);
    if (copy.map == NULL || copy.files == NULL) {
        free(copy.map);
        free(copy.files);
        return STATUS_NO_MEMORY;
    }
    if (from->map_count > 0) {
        memcpy(copy.map, from->map, from->map_count * sizeof(*copy.map));
    }
    if (from->file_count > 0) {
        memcpy(copy.files, from->files, from->file_count * sizeof(*copy.files));
    }
    copy.file_capacity = from->file_count;
    *to = copy;
    return STATUS_OK;
}

/* The index of the first file with a number of at least `number`. */
static size_t place_of(const struct manifest *manifest, uint64_t number)
{
    size_t low = 0;
    size_t high = manifest->file_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (manifest->files[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct manifest *manifest, size_t place, uint64_t number)
{
    return place < manifest->file_count && manifest->files[place].number == number;
}

enum status manifest_add(struct manifest *manifest, const struct manifest_file *file)
{
    size_t place = place_of(manifest, file->number);
    if (is_at(manifest, place, file->number)) {
        return STATUS_EXISTS;
    }
    if (manifest->file_count == manifest->file_capacity) {
        size_t capacity = manifest->file_capacity + manifest->file_capacity / 2 + 8;
        struct manifest_file *files = realloc(manifest->files, capacity * sizeof(*files));
        if (files == NULL) {
            return STATUS_NO_MEMORY;
        }
        manifest->files = files;
        manifest->file_capacity = capacity;
    }
    struct manifest_file added = *file; /* `file` may lie in the list that moves */
    memmove(manifest->files + place + 1, manifest->files + place,
            (manifest->file_count - place) * sizeof(*manifest->files));
    manifest->files[place] = added;
    manifest->file_count++;
    return STATUS_OK;
}

void manifest_drop(struct manifest *manifest, uint64_t number)
{
    size_t place = place_of(manifest, number);
    if (!is_at(manifest, place, number)) {
        return;
    }
    manifest->file_count--;
    memmove(manifest->files + place, manifest->files + place + 1,
            (manifest->file_count - place) * sizeof(*manifest->files));
}

struct manifest_file *manifest_find(const struct manifest *manifest, uint64_t number)
{
    size_t place = place_of(manifest, number);
    return is_at(manifest, place, number) ? &manifest->files[place] : NULL;
}

/* --- bytes -> struct ---------------------------------------------------------------------- */

/* The whole file in memory. */
struct image {
    uint8_t *bytes; /* owned */
    uint64_t size;
};

static uint64_t image_size(size_t map_count, size_t file_count)
{
    return HEADER_SIZE + map_count * (uint64_t)MAP_ENTRY_SIZE +
           file_count * (uint64_t)FILE_ENTRY_SIZE + CHECKSUM_SIZE;
}

static enum status damaged(struct error *error, const char *what)
{
    return error_set(error, STATUS_CORRUPT,
                     "file '" MANIFEST_NAME "' is damaged: %s. " ADVICE_DAMAGED, what);
}

/* Believes the prefix, and nothing else. */
static enum status check_prefix(const struct image *image, struct error *error)
{
    const uint8_t *bytes = image->bytes;
    if (image->size < PREFIX_SIZE) {
        return damaged(error, "it is too short");
    }
    if (memcmp(bytes, magic, sizeof(magic)) != 0) {
        return damaged(error, "it does not begin, at offset 0, as a manifest does");
    }
    uint64_t sum = checksum_of(bytes, AT(prefix_checksum), 0);
    if (little_endian_load64(bytes + AT(prefix_checksum)) != sum) {
        return damaged(error, "the checksum of its first 24 bytes (at offset 24) does not match");
    }
    uint32_t version = little_endian_load32(bytes + AT(format_version));
    if (version > FORMAT_VERSION) {
        return error_set(error, STATUS_NEWER_FORMAT,
                         "file '" MANIFEST_NAME "' says that the store has format version %" PRIu32
                         ", this program knows versions up to %d; use the program that wrote it or "
                         "a newer one",
                         version, FORMAT_VERSION);
    }
    if (little_endian_load32(bytes + AT(header_size)) != HEADER_SIZE) {
        return damaged(error, "its header (at offset 12) has an impossible size");
    }
    if (little_endian_load64(bytes + AT(total_size)) != image->size) {
        return damaged(error, "its length is not the one that it says at offset 16");
    }
    return STATUS_OK;
}

static enum status check_whole(const struct image *image, struct error *error)
{
    const uint8_t *bytes = image->bytes;
    if (image->size < image_size(0, 0)) {
        return damaged(error, "it is too short");
    }
    uint64_t seed = record_seed(bytes + AT(store_id), 0);
    uint64_t sum = checksum_of(bytes, (size_t)(image->size - CHECKSUM_SIZE), seed);
    if (little_endian_load64(bytes + image->size - CHECKSUM_SIZE) != sum) {
        return damaged(error,
                       "the checksum in its last 8 bytes, of all from offset 0 on, does not match");
    }
    uint64_t map_count = little_endian_load32(bytes + AT(map_count));
    uint64_t file_count = little_endian_load32(bytes + AT(file_count));
    if (map_count > MANIFEST_COUNT_MAX || file_count > MANIFEST_COUNT_MAX ||
        image_size((size_t)map_count, (size_t)file_count) != image->size) {
        return damaged(error, "its lists do not fill it (counts at offset 320)");
    }
    return STATUS_OK;
}

static void decode_header(const uint8_t *bytes, struct manifest *out)
{
    out->format_version = little_endian_load32(bytes + AT(format_version));
    memcpy(out->store_id, bytes + AT(store_id), STORE_ID_SIZE);
    memcpy(out->secret, bytes + AT(secret), STORE_SECRET_SIZE);
    out->generation = little_endian_load64(bytes + AT(generation));
    out->segment_size = little_endian_load64(bytes + AT(segment_size));
    out->next_file_number = little_endian_load64(bytes + AT(next_file_number));
    out->next_keyspace_id = little_endian_load64(bytes + AT(next_keyspace_id));
    out->next_sequence = little_endian_load64(bytes + AT(next_sequence));
    out->durable.file = little_endian_load64(bytes + AT(durable_file));
    out->durable.offset = little_endian_load64(bytes + AT(durable_offset));
    out->durable.sequence = little_endian_load64(bytes + AT(durable_sequence));
    out->checkpoint_file = little_endian_load64(bytes + AT(checkpoint_file));
    out->map_sequence = little_endian_load64(bytes + AT(map_sequence));
}

static enum status decode_lists(const uint8_t *bytes, struct manifest *out)
{
    out->map_count = little_endian_load32(bytes + AT(map_count));
    out->file_count = little_endian_load32(bytes + AT(file_count));
    out->file_capacity = out->file_count;
    out->map = malloc(out->map_count * sizeof(*out->map) + 1);
    out->files = malloc(out->file_count * sizeof(*out->files) + 1);
    if (out->map == NULL || out->files == NULL) {
        return STATUS_NO_MEMORY;
    }
    const uint8_t *next = bytes + HEADER_SIZE;
    for (size_t i = 0; i < out->map_count; i++) {
        out->map[i] = little_endian_load64(next);
        next += MAP_ENTRY_SIZE;
    }
    for (size_t i = 0; i < out->file_count; i++) {
        out->files[i] = (struct manifest_file){
            .number = little_endian_load64(next),
            .kind = (enum segment_kind)little_endian_load32(next + 8),
            .end = little_endian_load64(next + 16),
            .first_sequence = little_endian_load64(next + 24),
            .last_sequence = little_endian_load64(next + 32),
        };
        next += FILE_ENTRY_SIZE;
    }
    return STATUS_OK;
}

/* A correct checksum over contents that can't be: written by a faulty program. */
static enum status check_contents(const struct manifest *manifest, struct error *error)
{
    if (manifest->segment_size == 0) {
        return damaged(error, "its segment size (at offset 248) is 0");
    }
    if (manifest->checkpoint_file >= manifest->next_file_number && manifest->checkpoint_file != 0) {
        return damaged(error, "its checkpoint (at offset 304) has a number not yet given");
    }
    for (size_t i = 0; i < manifest->map_count; i++) {
        if (manifest->map[i] >= manifest->next_keyspace_id) {
            return damaged(error, "a database has a keyspace id not yet given");
        }
    }
    for (size_t i = 0; i < manifest->file_count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        if ((file->kind != SEGMENT_LOG && file->kind != SEGMENT_PACKED) ||
            file->number >= manifest->next_file_number ||
            (i > 0 && file->number <= manifest->files[i - 1].number)) {
            return damaged(error, "its list of files is not in order");
        }
    }
    return STATUS_OK;
}

static enum status decode(const struct image *image, struct manifest *out, struct error *error)
{
    enum status status = check_prefix(image, error);
    if (status == STATUS_OK) {
        status = check_whole(image, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(image->bytes != NULL);
    struct manifest manifest;
    manifest_init(&manifest);
    decode_header(image->bytes, &manifest);
    status = decode_lists(image->bytes, &manifest);
    if (status == STATUS_OK) {
        status = check_contents(&manifest, error);
    } else {
        (void)error_set(error, status, "no memory for the lists of file '" MANIFEST_NAME "'");
    }
    if (status != STATUS_OK) {
        manifest_deinit(&manifest);
        return status;
    }
    *out = manifest;
    return STATUS_OK;
}

/* Reads the file into memory that the caller then owns (also after a failure, when not NULL). */
static enum status load(struct file *file, struct image *image, struct error *error)
{
    uint64_t size;
    enum status status = file_size(file, &size);
    if (status == STATUS_OK && size > MANIFEST_SIZE_MAX) {
        return damaged(error, "it is longer than any manifest");
    }
    size_t read_size = 0;
    if (status == STATUS_OK) {
        image->bytes = malloc((size_t)size + 1);
        image->size = size;
        status = image->bytes == NULL ? STATUS_NO_MEMORY
                                      : file_read(file, 0, image->bytes, (size_t)size, &read_size);
    }
    if (status != STATUS_OK) {
        return error_set(error, status, "can't read file '" MANIFEST_NAME "': %s",
                         status_words(status));
    }
    return read_size == size ? STATUS_OK : damaged(error, "it is shorter than its length");
}

enum status manifest_read(struct file_system *fs, struct manifest *out, struct error *error)
{
    return manifest_read_file(fs, MANIFEST_NAME, out, error);
}

enum status manifest_read_file(struct file_system *fs, const char *name, struct manifest *out,
                               struct error *error)
{
    struct file *file;
    enum status status = fs_open(fs, name, FILE_MODE_READ, &file);
    if (status != STATUS_OK) {
        return error_set(error, status, "can't open file '%s': %s", name, status_words(status));
    }
    struct image image = {.bytes = NULL, .size = 0};
    status = load(file, &image, error);
    file_close(file);
    if (status == STATUS_OK) {
        status = decode(&image, out, error);
    }
    free(image.bytes);
    return status;
}

/* --- struct -> bytes ---------------------------------------------------------------------- */

static void encode_header(const struct manifest *manifest, uint64_t generation, uint64_t total,
                          uint8_t *bytes)
{
    memcpy(bytes + AT(magic), magic, sizeof(magic));
    little_endian_store32(bytes + AT(format_version), manifest->format_version);
    little_endian_store32(bytes + AT(header_size), (uint32_t)HEADER_SIZE);
    little_endian_store64(bytes + AT(total_size), total);
    little_endian_store64(bytes + AT(prefix_checksum), checksum_of(bytes, AT(prefix_checksum), 0));
    memcpy(bytes + AT(store_id), manifest->store_id, STORE_ID_SIZE);
    memcpy(bytes + AT(secret), manifest->secret, STORE_SECRET_SIZE);
    little_endian_store64(bytes + AT(generation), generation);
    little_endian_store64(bytes + AT(segment_size), manifest->segment_size);
    little_endian_store64(bytes + AT(next_file_number), manifest->next_file_number);
    little_endian_store64(bytes + AT(next_keyspace_id), manifest->next_keyspace_id);
    little_endian_store64(bytes + AT(next_sequence), manifest->next_sequence);
    little_endian_store64(bytes + AT(durable_file), manifest->durable.file);
    little_endian_store64(bytes + AT(durable_offset), manifest->durable.offset);
    little_endian_store64(bytes + AT(durable_sequence), manifest->durable.sequence);
    little_endian_store64(bytes + AT(checkpoint_file), manifest->checkpoint_file);
    little_endian_store64(bytes + AT(map_sequence), manifest->map_sequence);
    little_endian_store32(bytes + AT(map_count), (uint32_t)manifest->map_count);
    little_endian_store32(bytes + AT(file_count), (uint32_t)manifest->file_count);
}

uint64_t manifest_size(const struct manifest *manifest)
{
    return image_size(manifest->map_count, manifest->file_count);
}

static enum status encode(const struct manifest *manifest, uint64_t generation, struct image *out)
{
    CHECK(manifest->map_count <= MANIFEST_COUNT_MAX && manifest->file_count <= MANIFEST_COUNT_MAX);
    CHECK(check_contents(manifest, NULL) == STATUS_OK);
    uint64_t total = image_size(manifest->map_count, manifest->file_count);
    uint8_t *bytes = calloc(1, (size_t)total);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    encode_header(manifest, generation, total, bytes);
    uint8_t *next = bytes + HEADER_SIZE;
    for (size_t i = 0; i < manifest->map_count; i++) {
        little_endian_store64(next, manifest->map[i]);
        next += MAP_ENTRY_SIZE;
    }
    for (size_t i = 0; i < manifest->file_count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        little_endian_store64(next, file->number);
        little_endian_store32(next + 8, (uint32_t)file->kind);
        little_endian_store64(next + 16, file->end);
        little_endian_store64(next + 24, file->first_sequence);
        little_endian_store64(next + 32, file->last_sequence);
        next += FILE_ENTRY_SIZE;
    }
    uint64_t seed = record_seed(manifest->store_id, 0);
    little_endian_store64(next, checksum_of(bytes, (size_t)(next - bytes), seed));
    *out = (struct image){.bytes = bytes, .size = total};
    return STATUS_OK;
}

static enum status write_image(struct file_system *fs, const struct image *image)
{
    struct file *file;
    enum status status = fs_open(fs, MANIFEST_TEMPORARY_NAME, FILE_MODE_CREATE, &file);
    if (status != STATUS_OK) {
        return status;
    }
    struct slice all = slice_make(image->bytes, (size_t)image->size);
    status = file_write(file, 0, &all, 1);
    if (status == STATUS_OK && !MUTANT(MANIFEST_UNSYNCED)) {
        status = file_sync(file);
    }
    file_close(file);
    return status;
}

/* A complete, synced MANIFEST.tmp; one left over from a crash is replaced. On failure none is left
 * that takes up room. */
static enum status write_temporary(struct file_system *fs, const struct image *image)
{
    enum status status = fs_remove(fs, MANIFEST_TEMPORARY_NAME);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    status = write_image(fs, image);
    if (status != STATUS_OK && fs_remove(fs, MANIFEST_TEMPORARY_NAME) != STATUS_OK) {
        LOG_VERBOSE("no %s is left, or one that is not whole", MANIFEST_TEMPORARY_NAME);
    }
    return status;
}

enum status manifest_replace(struct file_system *fs, struct manifest *manifest, bool *may_be_new)
{
    uint64_t generation = manifest->generation + 1;
    struct image image;
    *may_be_new = false;
    enum status status = encode(manifest, generation, &image);
    if (status != STATUS_OK) {
        return status;
    }
    status = write_temporary(fs, &image);
    free(image.bytes);
    if (status == STATUS_OK) {
        status = fs_rename(fs, MANIFEST_TEMPORARY_NAME, MANIFEST_NAME);
        /* From here on, also when it failed, as a rule: nobody knows what is on the disk. */
        *may_be_new = !fs_rename_is_undone(status) && !MUTANT(REMOVED_IN_DOUBT);
    }
    if (status == STATUS_OK && !MUTANT(MANIFEST_NAME_UNSYNCED)) {
        status = fs_sync_directory(fs);
    }
    if (status == STATUS_OK) {
        manifest->generation = generation;
    }
    return status;
}
