/* checkpoint_take.c - see checkpoint_take.h. */
#include "engine/checkpoint_take.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/compare.h"
#include "base/log.h"
#include "engine/checkpoint.h"
#include "engine/checkpoint_pieces.h"
#include "engine/doubtful.h"
#include "engine/engine_state.h"
#include "engine/log_files.h"
#include "engine/map_facts.h"
#include "engine/mutant.h"
#include "engine/unlisted.h"

#include <stdlib.h>

/* Pages that wait for the disk are not left to one sync at the end: it would hold up the log's. */
#define SYNC_SIZE ((uint64_t)16 << 20)

struct taking {
    struct engine *engine;
    bool closing;
    struct file *file; /* owned */
    char name[FILE_NAME_SIZE_MAX];
    struct checkpoint_header header;
    struct checkpoint_facts facts;
    struct map_facts map;
    uint64_t seed;
    uint64_t next_keyspace_id; /* keyspaces from this id on are younger than the start */
    uint64_t start_position;
    struct covered *covered; /* owned: the files at the start, in the order of their numbers */
    size_t covered_count;
    struct index_image image;
    struct checkpoint_pieces strings;
    struct buffer pending; /* what is not written yet */
    uint64_t written;      /* bytes of the file before that */
    uint64_t synced;
};

/* Of this file everything before `end` is in the tables. */
struct covered {
    uint64_t number;
    uint64_t end;
};

/* --- the beginning ------------------------------------------------------------------------ */

static int compare_covered(const void *a, const void *b)
{
    const struct covered *left = a;
    const struct covered *right = b;
    return compare_numbers(left->number, right->number);
}

/* Notes where each file ends now, and begins to add up what changes in copied tables. */
static enum status note_files_locked(struct taking *taking)
{
    struct segment_table *segments = &taking->engine->segments;
    taking->covered = malloc((segments->segment_count + 1) * sizeof(*taking->covered));
    if (taking->covered == NULL) {
        return STATUS_NO_MEMORY;
    }
    size_t handle = 0;
    struct segment *segment;
    while ((segment = segment_table_next(segments, &handle)) != NULL) {
        taking->covered[taking->covered_count++] =
            (struct covered){.number = segment->number, .end = segment->end};
        segment_live_begin_copy(segment);
    }
    if (taking->covered_count > 1) {
        qsort(taking->covered, taking->covered_count, sizeof(*taking->covered), compare_covered);
    }
    return STATUS_OK;
}

static enum status begin(struct taking *taking)
{
    struct engine *engine = taking->engine;
    mutex_lock(&engine->lock);
    enum status status = note_files_locked(taking);
    if (status == STATUS_OK) {
        taking->header.start = engine->appender.place;
        taking->header.address_shift = engine->segments.shift;
        taking->next_keyspace_id = engine->spaces.next_id;
        taking->start_position = engine->appender.position;
        checkpoint_pieces_begin_locked(&taking->strings, &engine->spaces);
        engine->checkpoint.copying = true;
        engine->checkpoint.keyspace_id = 0;
        engine->checkpoint.cursor = 0;
    }
    mutex_unlock(&engine->lock);
    return status;
}

static void stop_copying(struct engine *engine)
{
    mutex_lock(&engine->lock);
    checkpoint_pieces_settle_locked(&engine->spaces);
    engine->checkpoint.copying = false;
    mutex_unlock(&engine->lock);
}

/* --- the file ----------------------------------------------------------------------------- */

static enum status create_file(struct taking *taking)
{
    struct engine *engine = taking->engine;
    mutex_lock(&engine->manifest_mutex);
    uint64_t number = engine->manifest.next_file_number++;
    mutex_unlock(&engine->manifest_mutex);
    taking->header.file_number = number;
    taking->header.created_ms = engine_unix_ms(engine);
    taking->seed = record_seed(engine->store_id, number);
    checkpoint_file_name(number, taking->name);
    taking->written = CHECKPOINT_HEADER_SIZE;
    return fs_open(engine->fs, taking->name, FILE_MODE_CREATE, &taking->file);
}

/* The file goes: nobody has heard of it. */
static void abandon_file(struct taking *taking)
{
    file_close(taking->file);
    taking->file = NULL;
    unlisted_remove(taking->engine->fs, taking->name);
}

static enum status flush(struct taking *taking)
{
    struct slice part = buffer_slice(&taking->pending);
    enum status status = file_write(taking->file, taking->written, &part, 1);
    if (status != STATUS_OK) {
        return status;
    }
    taking->written += part.size;
    taking->pending.size = 0;
    if (taking->written - taking->synced >= SYNC_SIZE) {
        taking->synced = taking->written;
        status = file_sync(taking->file);
    }
    return status;
}

/* --- copying ------------------------------------------------------------------------------ */

/* The database's keyspace with the smallest id above `after` that is as old as the start; NULL when
 * there is none. */
static struct engine_keyspace *next_keyspace_locked(const struct taking *taking, uint64_t after)
{
    const struct spaces *spaces = &taking->engine->spaces;
    struct engine_keyspace *next = NULL;
    for (size_t i = 0; i < spaces->count; i++) {
        struct engine_keyspace *keyspace = spaces->databases[i];
        if (keyspace->id > after && keyspace->id < taking->next_keyspace_id &&
            (next == NULL || keyspace->id < next->id)) {
            next = keyspace;
        }
    }
    return next;
}

/* Copies the next table into the image. NOT_FOUND: all have been. */
static enum status copy_table(struct taking *taking, struct checkpoint_block *block)
{
    struct engine *engine = taking->engine;
    struct checkpoint_state *state = &engine->checkpoint;
    mutex_lock(&engine->lock);
    struct engine_keyspace *keyspace = spaces_find(&engine->spaces, state->keyspace_id);
    if (keyspace == NULL || state->cursor == INDEX_HASH_END) {
        /* All of it is copied, or it was flushed and nobody will ask for it. */
        keyspace = next_keyspace_locked(taking, state->keyspace_id);
        state->keyspace_id = keyspace != NULL ? keyspace->id : taking->next_keyspace_id;
        state->cursor = 0;
    }
    enum status status = STATUS_NOT_FOUND;
    if (keyspace != NULL) {
        status = index_copy_table(keyspace->index, state->cursor, &taking->image);
    }
    if (status == STATUS_OK) {
        block->keyspace_id = keyspace->id;
        state->cursor = index_image_end(&taking->image);
    }
    mutex_unlock(&engine->lock);
    return status;
}

/* Copies some strings in pieces ahead of the moment when all must be there. */
static enum status copy_strings(struct taking *taking, bool *is_done)
{
    struct engine *engine = taking->engine;
    mutex_lock(&engine->lock);
    enum status status =
        checkpoint_pieces_copy_locked(&taking->strings, &engine->spaces, taking->next_keyspace_id,
                                      CHECKPOINT_PIECES_HOLD, is_done);
    mutex_unlock(&engine->lock);
    *is_done = *is_done || checkpoint_pieces_are_enough(&taking->strings);
    return status;
}

static enum status copy_all_strings(struct taking *taking)
{
    bool is_done = false;
    while (!is_done) {
        enum status status = copy_strings(taking, &is_done);
        if (status != STATUS_OK) {
            return status;
        }
        if (!taking->closing && maintenance_interlude(taking->engine)) {
            return STATUS_CLOSED;
        }
    }
    return STATUS_OK;
}

static enum status copy_tables(struct taking *taking)
{
    struct checkpoint_header *header = &taking->header;
    enum status status;
    bool has_strings = false;
    struct checkpoint_block block = {0};
    while ((status = copy_table(taking, &block)) == STATUS_OK) {
        block.ordinal = header->block_count++;
        header->key_count += taking->image.count;
        status = checkpoint_block_append(&block, &taking->image, taking->seed, &taking->pending);
        if (status == STATUS_OK) {
            status = flush(taking);
        }
        if (status == STATUS_OK && !has_strings) {
            status = copy_strings(taking, &has_strings);
        }
        if (status != STATUS_OK) {
            return status;
        }
        if (!taking->closing && maintenance_interlude(taking->engine)) {
            return STATUS_CLOSED;
        }
    }
    return status == STATUS_NOT_FOUND ? copy_all_strings(taking) : status;
}

/* --- the facts ---------------------------------------------------------------------------- */

static uint64_t covered_end(const struct taking *taking, uint64_t number)
{
    struct covered wanted = {.number = number};
    const struct covered *found = bsearch(&wanted, taking->covered, taking->covered_count,
                                          sizeof(*taking->covered), compare_covered);
    return found != NULL ? found->end : 0;
}

static enum status add_file_locked(struct taking *taking, const struct segment *segment)
{
    struct checkpoint_file file = {
        .number = segment->number,
        .covered_end = covered_end(taking, segment->number),
        .handle = segment->handle,
        .handle_count = segment->handle_count,
        .damaged = segment->damaged,
    };
    enum status status = checkpoint_facts_add_file(&taking->facts, &file);
    for (size_t i = 0; status == STATUS_OK && i < segment->live_count; i++) {
        const struct segment_live *live = &segment->live[i];
        uint64_t bytes = segment_live_in_copy(live);
        if (live->keyspace_id < taking->next_keyspace_id && bytes > 0) {
            status = checkpoint_facts_add_live(&taking->facts, live->keyspace_id, bytes);
        }
    }
    return status;
}

static enum status copy_marks_locked(struct taking *taking)
{
    const struct staircase *marks = &taking->engine->expiry.marks;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < marks->count; i++) {
        status =
            staircase_add(&taking->facts.marks, marks->steps[i].sequence, marks->steps[i].until_ms);
    }
    return status;
}

/* What fits the tables as they were copied. */
static enum status gather_facts(struct taking *taking)
{
    struct engine *engine = taking->engine;
    mutex_lock(&engine->lock);
    /* A string that has expired since its slot was copied has no array in the file. What says so is
     * among the marks then, and the slot goes when the file is read. */
    enum status status = expiry_pay_mark_locked(engine, INT64_MIN);
    status = status == STATUS_OK ? copy_marks_locked(taking) : status;
    if (status == STATUS_OK) {
        status = map_facts_take_locked(&engine->spaces, &taking->map);
    }
    size_t handle = 0;
    const struct segment *segment;
    while (status == STATUS_OK &&
           (segment = segment_table_next(&engine->segments, &handle)) != NULL) {
        status = add_file_locked(taking, segment);
    }
    /* As of the same moment as the live bytes, so that the two agree. */
    bool is_done;
    if (status == STATUS_OK) {
        status = checkpoint_pieces_copy_locked(&taking->strings, &engine->spaces,
                                               taking->next_keyspace_id, UINT64_MAX, &is_done);
    }
    checkpoint_pieces_settle_locked(&engine->spaces);
    engine->checkpoint.copying = false;
    mutex_unlock(&engine->lock);
    if (status == STATUS_OK) {
        status = checkpoint_pieces_append(&taking->strings, &taking->map, &taking->facts.strings);
    }
    taking->header.knows_pieces = taking->facts.strings.size > 0;
    checkpoint_facts_sort(&taking->facts);
    return status;
}

/* Rule 12 of docs/durability.md: the log is durable up to all that the tables may hold. */
static enum status sync_log(struct taking *taking)
{
    struct engine *engine = taking->engine;
    bool is_durable = taking->closing || MUTANT(CHECKPOINT_AHEAD_OF_LOG);
    enum status status = is_durable ? STATUS_OK : engine_sync(engine);
    mutex_lock(&engine->lock);
    taking->header.end = engine->durable_place;
    mutex_unlock(&engine->lock);
    return status;
}

/* --- the end ------------------------------------------------------------------------------ */

static enum status write_end(struct taking *taking)
{
    struct checkpoint_header *header = &taking->header;
    header->facts_offset = taking->written + taking->pending.size;
    enum status status = checkpoint_facts_append(&taking->facts, taking->seed, &taking->pending);
    if (status == STATUS_OK) {
        header->facts_size = taking->written + taking->pending.size - header->facts_offset;
        status = flush(taking);
    }
    uint8_t bytes[CHECKPOINT_HEADER_SIZE];
    checkpoint_header_encode(header, taking->engine->store_id, bytes);
    struct slice part = slice_make(bytes, sizeof(bytes));
    if (status == STATUS_OK) {
        status = file_write(taking->file, 0, &part, 1);
    }
    if (status == STATUS_OK) {
        status = file_sync(taking->file);
    }
    return status == STATUS_OK ? fs_sync_directory(taking->engine->fs) : status;
}

/* The manifest lists the new checkpoint instead of `*old`, or that one is given up. */
static enum status list(struct taking *taking, uint64_t *old)
{
    struct engine *engine = taking->engine;
    mutex_lock(&engine->lock);
    struct log_facts facts = log_files_facts_locked(engine);
    mutex_unlock(&engine->lock);
    mutex_lock(&engine->manifest_mutex);
    log_files_apply(engine, &facts);
    if (!MUTANT(CHECKPOINT_MAP_OLD)) {
        map_facts_give(&taking->map,
                       &engine->manifest); /* rule 10: the log may not be read for it */
    }
    *old = engine->manifest.checkpoint_file;
    engine->manifest.checkpoint_file = taking->header.file_number;
    bool may_be_listed = false;
    enum status status = MUTANT(CHECKPOINT_GONE)
                             ? STATUS_OK
                             : doubtful_replace(engine, &engine->manifest, &may_be_listed);
    if (status != STATUS_OK) {
        engine->manifest.checkpoint_file = *old;
        doubtful_withdraw(engine, taking->name, may_be_listed);
    }
    mutex_unlock(&engine->manifest_mutex);
    return status;
}

/* Rule 13: the manifest on the disk does not list it any more. */
static void remove_old(struct engine *engine, uint64_t number)
{
    if (number == 0) {
        return; /* there was none */
    }
    char name[FILE_NAME_SIZE_MAX];
    checkpoint_file_name(number, name);
    mutex_lock(&engine->removal_mutex); /* not while a backup links it */
    unlisted_remove(engine->fs, name);
    mutex_unlock(&engine->removal_mutex);
}

static void note_taken(const struct taking *taking, int64_t started_ms)
{
    struct engine *engine = taking->engine;
    struct checkpoint_state *state = &engine->checkpoint;
    mutex_lock(&engine->lock);
    state->position = taking->start_position;
    state->sequence = taking->header.start.sequence;
    state->other_bytes = 0;
    state->taken++;
    state->size_bytes = taking->written;
    state->duration_ms = (uint64_t)(clock_monotonic_ms() - started_ms);
    mutex_unlock(&engine->lock);
    LOG_DEBUG("checkpoint of %llu keys in %llu ms: %s",
              (unsigned long long)taking->header.key_count, (unsigned long long)state->duration_ms,
              taking->name);
}

static enum status fill_file(struct taking *taking)
{
    enum status status = copy_tables(taking);
    if (status == STATUS_OK) {
        status = gather_facts(taking);
    } else {
        stop_copying(taking->engine);
    }
    if (status == STATUS_OK) {
        status = sync_log(taking);
    }
    return status == STATUS_OK ? write_end(taking) : status;
}

/* From the file's making to its place in the manifest. */
static enum status make_file(struct taking *taking)
{
    enum status status = doubtful_settle(taking->engine);
    status = status == STATUS_OK ? create_file(taking) : status;
    if (status != STATUS_OK) {
        return status;
    }
    status = begin(taking);
    if (status == STATUS_OK) {
        status = fill_file(taking);
    }
    if (status != STATUS_OK) {
        abandon_file(taking);
        return status;
    }
    file_close(taking->file);
    uint64_t old = 0;
    status = list(taking, &old);
    if (status == STATUS_OK) {
        remove_old(taking->engine, old); /* else either may be listed */
    }
    return status;
}

/* Does the checkpoint that is in force say all there is to say? */
static bool is_current(struct engine *engine)
{
    mutex_lock(&engine->lock);
    const struct checkpoint_state *state = &engine->checkpoint;
    bool current = state->sequence == engine->appender.place.sequence && state->other_bytes == 0;
    mutex_unlock(&engine->lock);
    return current;
}

static void note_taking(struct engine *engine, bool taking)
{
    mutex_lock(&engine->lock);
    engine->checkpoint.taking = taking;
    mutex_unlock(&engine->lock);
}

enum status checkpoint_take(struct engine *engine, bool closing)
{
    if (engine->fs->read_only) {
        return STATUS_READ_ONLY;
    }
    if (closing && is_current(engine)) {
        return STATUS_OK;
    }
    int64_t started_ms = clock_monotonic_ms();
    struct taking taking = {.engine = engine, .closing = closing};
    checkpoint_facts_init(&taking.facts);
    index_image_init(&taking.image);
    buffer_init(&taking.pending);
    note_taking(engine, true);
    enum status status = make_file(&taking);
    note_taking(engine, false);
    if (status == STATUS_OK) {
        note_taken(&taking, started_ms);
    } else if (status != STATUS_CLOSED) {
        LOG_WARNING("no checkpoint of the index could be made: %s; opening will read more of the "
                    "log instead",
                    status_words(status));
        mutex_lock(&engine->lock);
        engine->checkpoint.retry_ms = clock_monotonic_ms() + CHECKPOINT_RETRY_MS;
        mutex_unlock(&engine->lock);
    }
    buffer_deinit(&taking.pending);
    index_image_deinit(&taking.image);
    checkpoint_facts_deinit(&taking.facts);
    checkpoint_pieces_deinit(&taking.strings);
    map_facts_deinit(&taking.map);
    free(taking.covered);
    return status;
}
