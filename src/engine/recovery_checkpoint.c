/* recovery_checkpoint.c - see recovery_checkpoint.h. */
#include "engine/recovery_checkpoint.h"

#include "base/log.h"
#include "engine/checkpoint_pieces.h"
#include "engine/checkpoint_read.h"
#include "engine/record.h"

#include <stdlib.h>

/* Which segment has a handle of the checkpoint's addresses; NULL: it is gone. */
struct recovery_handle {
    struct segment *segment;
    uint32_t first; /* the segment's first handle then */
};

/* --- does it fit? ------------------------------------------------------------------------- */

/* Does the log go as far as what the tables may hold? A file that is gone went because all of it
 * was durable. */
static bool is_within_log(const struct recovery_checkpoint *checkpoint,
                          const struct recovery_files *files)
{
    const struct manifest_position *end = &checkpoint->header.end;
    const struct recovery_file *file = recovery_files_find(files, end->file);
    return file == NULL || (!file->set_aside && file->end >= end->offset);
}

/* One past the greatest handle in the facts; 0: they can't be right. */
static size_t count_handles(const struct recovery_checkpoint *checkpoint)
{
    uint64_t limit = (uint64_t)1 << (SEGMENT_ADDRESS_BITS - checkpoint->header.address_shift);
    uint64_t count = 1;
    for (size_t i = 0; i < checkpoint->facts.file_count; i++) {
        const struct checkpoint_file *file = &checkpoint->facts.files[i];
        uint64_t end = (uint64_t)file->handle + file->handle_count;
        if (end > limit) {
            return 0;
        }
        count = end > count ? end : count;
    }
    return (size_t)count;
}

/* Connects the handles of then with the segments of now. */
static enum status map_handles(struct recovery_checkpoint *checkpoint,
                               const struct recovery_files *files)
{
    if (checkpoint->header.address_shift != checkpoint->engine->segments.shift) {
        return STATUS_CORRUPT;
    }
    checkpoint->handle_count = count_handles(checkpoint);
    if (checkpoint->handle_count == 0) {
        return STATUS_CORRUPT;
    }
    checkpoint->handles = calloc(checkpoint->handle_count, sizeof(*checkpoint->handles));
    if (checkpoint->handles == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < checkpoint->facts.file_count; i++) {
        const struct checkpoint_file *known = &checkpoint->facts.files[i];
        const struct recovery_file *file = recovery_files_find(files, known->number);
        struct segment *segment = file != NULL ? file->segment : NULL;
        for (uint32_t j = 0; segment != NULL && segment->in_table && j < known->handle_count; j++) {
            checkpoint->handles[known->handle + j] =
                (struct recovery_handle){.segment = segment, .first = known->handle};
        }
    }
    return STATUS_OK;
}

static enum status look_at(struct recovery_checkpoint *checkpoint,
                           const struct recovery_files *files)
{
    const struct engine *engine = checkpoint->engine;
    enum status status = checkpoint_read_header(
        checkpoint->file, engine->store_id, engine->manifest.checkpoint_file, &checkpoint->header);
    if (status == STATUS_OK) {
        status = checkpoint_read_facts(checkpoint->file, &checkpoint->header, checkpoint->seed,
                                       &checkpoint->facts);
    }
    if (status == STATUS_OK && !is_within_log(checkpoint, files)) {
        LOG_WARNING("the checkpoint of the index goes further than the log");
        status = STATUS_CORRUPT;
    }
    return status == STATUS_OK ? map_handles(checkpoint, files) : status;
}

enum status recovery_checkpoint_open(struct engine *engine, const struct recovery_files *files,
                                     struct recovery_checkpoint *checkpoint)
{
    uint64_t number = engine->manifest.checkpoint_file;
    *checkpoint = (struct recovery_checkpoint){.engine = engine};
    checkpoint_facts_init(&checkpoint->facts);
    /* A repair may cut the history where it was durable: behind what a checkpoint knows. */
    if (number == 0 || engine->options.repair) {
        return STATUS_OK;
    }
    char name[FILE_NAME_SIZE_MAX];
    checkpoint_file_name(number, name);
    checkpoint->seed = record_seed(engine->store_id, number);
    enum status status = fs_open(engine->fs, name, FILE_MODE_READ, &checkpoint->file);
    if (status != STATUS_OK) {
        checkpoint->file = NULL;
    } else {
        status = look_at(checkpoint, files);
    }
    if (status != STATUS_OK) {
        LOG_WARNING(
            "the checkpoint of the index, %s, can't be used: %s; all files are read instead", name,
            status_words(status));
        recovery_checkpoint_close(checkpoint);
    }
    return status == STATUS_NO_MEMORY ? status : STATUS_OK;
}

static void destroy_list(struct engine_keyspace **list)
{
    while (*list != NULL) {
        struct engine_keyspace *keyspace = *list;
        *list = keyspace->next;
        spaces_destroy_keyspace(keyspace);
    }
}

void recovery_checkpoint_close(struct recovery_checkpoint *checkpoint)
{
    if (checkpoint->file != NULL) {
        file_close(checkpoint->file);
    }
    checkpoint->file = NULL;
    destroy_list(&checkpoint->keyspaces);
    destroy_list(&checkpoint->incomplete);
    checkpoint_facts_deinit(&checkpoint->facts);
    free(checkpoint->handles);
    checkpoint->handles = NULL;
}

uint64_t recovery_checkpoint_from(const struct recovery_checkpoint *checkpoint,
                                  const struct recovery_file *file)
{
    uint64_t from = SEGMENT_HEADER_SIZE;
    if (checkpoint->file == NULL) {
        return from;
    }
    const struct checkpoint_file *known =
        checkpoint_facts_find(&checkpoint->facts, file->entry.number);
    if (known != NULL && known->covered_end > from) {
        /* A sync mark at its end may never have been written. */
        from = known->covered_end < file->end ? known->covered_end : file->end;
    }
    return from;
}

/* --- loading ------------------------------------------------------------------------------ */

static bool translate(void *context, struct record_address *address)
{
    struct recovery_checkpoint *checkpoint = context;
    unsigned shift = checkpoint->header.address_shift;
    uint64_t number = address->units >> shift;
    if (number >= checkpoint->handle_count) {
        checkpoint->is_broken = true;
        return false;
    }
    const struct recovery_handle *handle = &checkpoint->handles[number];
    if (handle->segment == NULL) {
        return false;
    }
    uint64_t offset = (address->units - ((uint64_t)handle->first << shift)) * SEGMENT_UNIT_SIZE;
    if (offset < SEGMENT_HEADER_SIZE || offset >= handle->segment->end) {
        checkpoint->is_broken = true;
        return false;
    }
    *address = segment_address_of(&checkpoint->engine->segments, handle->segment, offset);
    return true;
}

/* The keyspaces one after the other. */
struct loading {
    struct recovery_checkpoint *checkpoint;
    struct checkpoint_block_reader blocks;
    uint64_t last_id; /* of the keyspace that was loaded last */
};

/* Loads the keyspace whose first block has been read, and reads on to the first of the next. Where
 * blocks are missing at its end it is not whole, and stays empty. */
static enum status load_keyspace(struct loading *loading, struct engine_keyspace *keyspace,
                                 bool *is_whole)
{
    const struct index_translator translator = {.translate = translate,
                                                .context = loading->checkpoint};
    struct index_loader loader;
    index_loader_init(&loader, keyspace->index);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && loading->blocks.block.keyspace_id == keyspace->id) {
        status = index_loader_add(&loader, &loading->blocks.image, &translator);
        if (status == STATUS_OK) {
            status = checkpoint_block_reader_next(&loading->blocks);
        }
    }
    bool ended = status == STATUS_OK || status == STATUS_NOT_FOUND;
    if (ended) {
        enum status finished = index_loader_finish(&loader);
        *is_whole = finished == STATUS_OK;
        status = finished == STATUS_OK || finished == STATUS_CORRUPT ? status : finished;
    }
    index_loader_deinit(&loader);
    return status;
}

/* Which keyspaces databases map to is not known: so all are loaded. */
static enum status load_next_keyspace(struct loading *loading)
{
    struct recovery_checkpoint *checkpoint = loading->checkpoint;
    uint64_t id = loading->blocks.block.keyspace_id;
    if (id <= loading->last_id) {
        return STATUS_CORRUPT; /* out of order, or it came before */
    }
    loading->last_id = id;
    struct engine_keyspace *keyspace;
    enum status status = spaces_create_keyspace(&checkpoint->engine->spaces, id, &keyspace);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_whole = false;
    status = load_keyspace(loading, keyspace, &is_whole);
    struct engine_keyspace **list = is_whole ? &checkpoint->keyspaces : &checkpoint->incomplete;
    keyspace->next = *list;
    *list = keyspace;
    return status;
}

enum status recovery_checkpoint_read(struct recovery_checkpoint *checkpoint)
{
    struct loading loading = {.checkpoint = checkpoint};
    checkpoint_block_reader_init(&loading.blocks, checkpoint->file, &checkpoint->header,
                                 checkpoint->seed);
    enum status status = checkpoint_block_reader_next(&loading.blocks);
    while (status == STATUS_OK) {
        status = load_next_keyspace(&loading);
    }
    checkpoint_block_reader_deinit(&loading.blocks);
    if (status == STATUS_NOT_FOUND) {
        status = checkpoint->is_broken ? STATUS_CORRUPT : STATUS_OK;
    }
    return status;
}

/* --- taking over what was loaded ---------------------------------------------------------- */

/* One that was flushed while it was copied may lack blocks, and no map names it any more. */
static bool lacks_blocks(const struct recovery_checkpoint *checkpoint)
{
    const struct engine_keyspace *keyspace = checkpoint->incomplete;
    while (keyspace != NULL && spaces_find(&checkpoint->engine->spaces, keyspace->id) == NULL) {
        keyspace = keyspace->next;
    }
    return keyspace != NULL;
}

static void adopt_keyspaces(struct recovery_checkpoint *checkpoint)
{
    while (checkpoint->keyspaces != NULL) {
        struct engine_keyspace *keyspace = checkpoint->keyspaces;
        checkpoint->keyspaces = keyspace->next;
        keyspace->next = NULL;
        spaces_adopt(&checkpoint->engine->spaces, keyspace);
    }
}

static enum status load_live_bytes(const struct recovery_checkpoint *checkpoint,
                                   const struct checkpoint_file *known, struct segment *segment)
{
    const struct spaces *spaces = &checkpoint->engine->spaces;
    for (size_t i = 0; i < known->live_count; i++) {
        const struct checkpoint_live *live = &checkpoint->facts.lives[known->first_live + i];
        if (spaces_find(spaces, live->keyspace_id) == NULL) {
            continue;
        }
        if (live->bytes > segment->end - SEGMENT_HEADER_SIZE - segment->live_bytes) {
            return STATUS_CORRUPT;
        }
        enum status status = segment_live_prepare(segment, live->keyspace_id);
        if (status != STATUS_OK) {
            return status;
        }
        segment_live_change(segment, live->keyspace_id, (int64_t)live->bytes, false);
    }
    segment->damaged = known->damaged;
    return STATUS_OK;
}

/* Where a record is now; 0, when its file has gone. Then it was copied, and the copy is read. */
static uint64_t translated(struct recovery_checkpoint *checkpoint, uint64_t units)
{
    struct record_address address = {.units = units};
    return units != 0 && translate(checkpoint, &address) ? address.units : 0;
}

static enum status load_string(struct recovery_checkpoint *checkpoint,
                               struct checkpoint_pieces_reader *reader)
{
    const struct pieces *known = &reader->string;
    struct engine_keyspace *keyspace = spaces_find(&checkpoint->engine->spaces, known->keyspace_id);
    struct pieces *pieces = NULL;
    enum status status = STATUS_OK;
    if (keyspace != NULL && pieces_table_find(&keyspace->pieces, known->id) != NULL) {
        return STATUS_CORRUPT;
    }
    if (keyspace != NULL) {
        status = pieces_table_add(&keyspace->pieces, known->id, known->keyspace_id, &pieces);
    }
    if (status == STATUS_OK && pieces != NULL) {
        pieces->shape = known->shape;
        pieces->hash = known->hash;
        pieces->header_sequence = known->header_sequence;
        pieces->header.units = translated(checkpoint, known->header.units);
    }
    uint64_t ordinal;
    struct piece piece;
    while (status == STATUS_OK &&
           (status = checkpoint_pieces_next_piece(reader, &ordinal, &piece)) == STATUS_OK) {
        if (pieces != NULL) {
            status = pieces_table_reserve(&keyspace->pieces, pieces, ordinal, ordinal + 1);
        }
        if (status == STATUS_OK && pieces != NULL) {
            piece.address = translated(checkpoint, piece.address) & PIECE_ADDRESS_MAX;
            pieces_set(pieces, ordinal, piece);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status load_strings(struct recovery_checkpoint *checkpoint)
{
    struct checkpoint_pieces_reader reader = {.left = buffer_slice(&checkpoint->facts.strings)};
    enum status status;
    while ((status = checkpoint_pieces_next_string(&reader)) == STATUS_OK) {
        status = load_string(checkpoint, &reader);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return status == STATUS_NOT_FOUND && !checkpoint->is_broken ? STATUS_OK : STATUS_CORRUPT;
}

enum status recovery_checkpoint_adopt(struct recovery_checkpoint *checkpoint)
{
    if (lacks_blocks(checkpoint)) {
        return STATUS_CORRUPT;
    }
    adopt_keyspaces(checkpoint);
    enum status status = load_strings(checkpoint);
    for (size_t i = 0; status == STATUS_OK && i < checkpoint->facts.file_count; i++) {
        const struct checkpoint_file *known = &checkpoint->facts.files[i];
        struct segment *segment =
            known->handle_count > 0 ? checkpoint->handles[known->handle].segment : NULL;
        if (segment != NULL) {
            status = load_live_bytes(checkpoint, known, segment);
        }
    }
    return status;
}
