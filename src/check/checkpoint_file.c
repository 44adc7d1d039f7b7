/* checkpoint_file.c - see checkpoint_file.h. */
#include "check/checkpoint_file.h"

#include "engine/checkpoint_pieces.h"
#include "engine/checkpoint_read.h"
#include "engine/record.h"

#include <inttypes.h>

struct reader {
    struct file *file;
    uint64_t seed;
    uint64_t offset; /* where the next part is looked for: what a message names */
    struct checkpoint_header header;
};

static enum status read_blocks(struct reader *reader)
{
    struct checkpoint_block_reader blocks;
    checkpoint_block_reader_init(&blocks, reader->file, &reader->header, reader->seed);
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = checkpoint_block_reader_next(&blocks);
    }
    reader->offset = blocks.offset;
    checkpoint_block_reader_deinit(&blocks);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status read_strings(struct slice bytes)
{
    struct checkpoint_pieces_reader reader = {.left = bytes};
    struct piece piece;
    uint64_t ordinal;
    enum status status;
    while ((status = checkpoint_pieces_next_string(&reader)) == STATUS_OK) {
        while ((status = checkpoint_pieces_next_piece(&reader, &ordinal, &piece)) == STATUS_OK) {
        }
        if (status != STATUS_NOT_FOUND) {
            return status;
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status read_facts(struct reader *reader)
{
    struct checkpoint_facts facts;
    checkpoint_facts_init(&facts);
    enum status status = checkpoint_read_facts(reader->file, &reader->header, reader->seed, &facts);
    if (status == STATUS_OK) {
        status = read_strings(buffer_slice(&facts.strings));
    }
    checkpoint_facts_deinit(&facts);
    return status;
}

static enum status read_all(struct reader *reader, const struct check_store *store)
{
    enum status status = checkpoint_read_header(reader->file, store->store_id,
                                                store->manifest.checkpoint_file, &reader->header);
    if (status == STATUS_OK) {
        status = read_blocks(reader);
    }
    return status == STATUS_OK ? read_facts(reader) : status;
}

enum status checkpoint_file_verify(const struct check_store *store, struct report *report,
                                   struct error *error)
{
    uint64_t number = store->manifest.checkpoint_file;
    if (number == 0) {
        return STATUS_OK;
    }
    char name[FILE_NAME_SIZE_MAX];
    checkpoint_file_name(number, name);
    struct reader reader = {.seed = record_seed(store->store_id, number)};
    enum status status = fs_open(store->fs, name, FILE_MODE_READ, &reader.file);
    if (status == STATUS_OK) {
        status = read_all(&reader, store);
        file_close(reader.file);
    }
    if (check_store_is_refusal(status)) {
        return check_store_refused(status, name, error);
    }
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status != STATUS_OK) {
        report_problem(
            report,
            "%s offset %" PRIu64 ": the checkpoint of the index is not valid (%s). "
            "Nothing is lost by it: the next start reads the segments instead, and makes "
            "a new one",
            name, reader.offset, status_words(status));
        return STATUS_OK;
    }
    (void)fprintf(report->out,
                  "%s: checkpoint, %" PRIu64 " bytes, %" PRIu64
                  " keys, up to sequence number %" PRIu64 "\n",
                  name, reader.header.facts_offset + reader.header.facts_size,
                  reader.header.key_count, reader.header.end.sequence);
    return STATUS_OK;
}
