/* recovery_load.c - see recovery_load.h. */
#include "engine/recovery_load.h"

#include "base/log.h"
#include "engine/recovery_checkpoint.h"
#include "engine/recovery_scan_files.h"
#include "engine/recovery_settle.h"
#include "engine/recovery_threads.h"

#include <stdlib.h>

/* Taking an index from a checkpoint costs about so many times what reading as many bytes of a log
 * does. */
#define CHECKPOINT_COST 3

struct load {
    struct engine *engine;
    struct recovery_files *files;
    struct recovery_scan scan;
    struct recovery_checkpoint checkpoint;
    enum status files_status;
    enum status checkpoint_status;
    bool checkpoint_failed;
    struct error *error; /* borrowed: of the files */
    int64_t now_ms;      /* one moment for all keys */
};

/* --- the files ---------------------------------------------------------------------------- */

static bool belongs_to_history(const struct recovery_file *file)
{
    return !file->set_aside && file->end > SEGMENT_HEADER_SIZE &&
           (file->state == RECOVERY_PACKED || file->state == RECOVERY_SEALED ||
            file->state == RECOVERY_OPEN);
}

static enum status add_to_table(struct engine *engine, const struct recovery_file *file)
{
    struct segment *segment = file->segment;
    enum status status = segment_table_add(&engine->segments, segment);
    if (status != STATUS_OK) {
        return status;
    }
    segment_reference(segment); /* the table's; recovery keeps its own */
    segment->end = file->end;
    segment->first_sequence = file->header.first_sequence;
    segment->last_sequence = file->last_sequence;
    segment->judged_sequence = file->header.judged_sequence;
    segment->synced_end = file->end;
    segment->closed = true;
    segment->sealed = true;
    return STATUS_OK;
}

/* In the order of their numbers, and nobody else is there yet: so addresses ascend with the
 * numbers, which is how a record is told from its copy (recovery_table.h). */
static enum status add_files(struct load *load)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < load->files->count; i++) {
        if (belongs_to_history(&load->files->files[i])) {
            status = add_to_table(load->engine, &load->files->files[i]);
        }
    }
    return status;
}

/* The log behind the checkpoint says by its sequence numbers how many records it has. How many keys
 * they are of is a guess: most often nearly as many, as long as there are so many keys. */
static size_t guess_keys(const struct load *load)
{
    const struct checkpoint_header *header = &load->checkpoint.header;
    uint64_t records = 0;
    for (size_t i = 0; load->checkpoint.file != NULL && i < load->files->log_count; i++) {
        const struct recovery_file *file = load->files->log[i];
        uint64_t first = file->header.first_sequence > header->start.sequence
                             ? file->header.first_sequence
                             : header->start.sequence + 1;
        records += belongs_to_history(file) && file->last_sequence >= first
                       ? file->last_sequence - first + 1
                       : 0;
    }
    uint64_t keys = records < header->key_count ? records : header->key_count;
    return (size_t)(keys - keys / 8);
}

/* Reads what the checkpoint does not cover; without one, all. */
static enum status scan_files(struct load *load, struct error *error)
{
    const struct recovery_files *files = load->files;
    struct recovery_scan_part *parts = calloc(files->count + 1, sizeof(*parts));
    if (parts == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "out of memory while opening %zu files",
                         files->count);
    }
    size_t count = 0;
    uint64_t total_bytes = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct recovery_file *file = &files->files[i];
        uint64_t from = recovery_checkpoint_from(&load->checkpoint, file);
        if (belongs_to_history(file) && from < file->end) {
            parts[count++] = (struct recovery_scan_part){.file = file, .from = from};
            total_bytes += file->end - from;
        }
    }
    load->scan.progress.total_bytes = total_bytes;
    enum status status = recovery_scan_files(&load->scan, parts, count, guess_keys(load), error);
    free(parts);
    return status;
}

static void read_files(void *argument)
{
    struct load *load = argument;
    load->files_status = scan_files(load, load->error);
}

static void read_checkpoint(void *argument)
{
    struct load *load = argument;
    load->checkpoint_status = recovery_checkpoint_read(&load->checkpoint);
}

/* Reads what is behind the checkpoint, and beside it the checkpoint. */
static enum status read_both(struct load *load, struct error *error)
{
    load->error = error;
    if (recovery_threads_pay(load->engine,
                             CHECKPOINT_COST * load->checkpoint.header.facts_offset)) {
        recovery_threads_run(read_files, load, read_checkpoint, load);
    } else {
        read_files(load);
        if (load->files_status == STATUS_OK) {
            read_checkpoint(load);
        }
    }
    if (load->files_status != STATUS_OK) {
        return load->files_status;
    }
    load->checkpoint_failed = load->checkpoint_status != STATUS_OK;
    return load->checkpoint_failed
               ? error_set(error, load->checkpoint_status, "can't build the index: %s",
                           status_words(load->checkpoint_status))
               : STATUS_OK;
}

/* --- the map ------------------------------------------------------------------------------ */

/* The manifest gets the newest map, with as many databases as are asked for at least. */
static enum status finish_map(struct load *load)
{
    struct manifest *manifest = &load->engine->manifest;
    size_t wanted = load->engine->options.database_count;
    size_t count = load->scan.map_count > wanted ? load->scan.map_count : wanted;
    uint64_t *map = realloc(load->scan.map, count * sizeof(*map));
    if (map == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = load->scan.map_count; i < count; i++) {
        map[i] = load->scan.next_keyspace_id++;
    }
    free(manifest->map);
    manifest->map = map;
    manifest->map_count = count;
    manifest->map_sequence = load->scan.map_sequence;
    manifest->next_keyspace_id = load->scan.next_keyspace_id;
    load->scan.map = NULL;
    struct spaces *spaces = &load->engine->spaces;
    /* No limit yet: a store that was written can be opened. */
    enum status status = spaces_init(spaces, map, count, load->scan.next_keyspace_id, 0);
    if (status == STATUS_OK) {
        spaces->map_sequence = load->scan.map_sequence;
    }
    return status;
}

/* --- the result --------------------------------------------------------------------------- */

/* The marks of the checkpoint's time count, too. */
static enum status add_known_marks(struct load *load)
{
    const struct staircase *known = &load->checkpoint.facts.marks;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < known->count; i++) {
        status =
            staircase_add(&load->scan.marks, known->steps[i].sequence, known->steps[i].until_ms);
    }
    return status;
}

/* From the files' records to the index. */
static enum status build(struct load *load, struct error *error)
{
    bool has_checkpoint = load->checkpoint.file != NULL;
    enum status status = has_checkpoint ? read_both(load, error) : scan_files(load, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = finish_map(load);
    if (status == STATUS_OK && has_checkpoint) {
        status = add_known_marks(load);
        if (status == STATUS_OK) {
            status = recovery_checkpoint_adopt(&load->checkpoint);
            load->checkpoint_failed = status != STATUS_OK;
            load->engine->recovered_keys = spaces_key_count(&load->engine->spaces);
        }
    }
    if (status == STATUS_OK) {
        struct recovery_settlement settlement = {
            .engine = load->engine, .table = &load->scan.table, .now_ms = load->now_ms};
        status = has_checkpoint ? recovery_settle_on_checkpoint(&settlement)
                                : recovery_settle_alone(&settlement);
    }
    if (status == STATUS_OK) {
        status = recovery_pieces_settle(load->engine, &load->scan.pieces);
    }
    return status == STATUS_OK
               ? status
               : error_set(error, status, "can't build the index: %s", status_words(status));
}

/* All that a checkpoint that turned out damaged has brought is forgotten. */
static enum status start_over(struct load *load)
{
    LOG_WARNING("the checkpoint of the index is damaged: all files are read instead");
    struct engine *engine = load->engine;
    recovery_checkpoint_close(&load->checkpoint);
    spaces_deinit(&engine->spaces);
    for (size_t i = 0; i < load->files->count; i++) {
        struct segment *segment = load->files->files[i].segment;
        if (segment != NULL) {
            segment_live_reset(segment);
            segment->damaged = false;
        }
    }
    engine->manifest.checkpoint_file = 0;
    engine->recovered_keys = 0;
    engine->expiry.removed = 0;
    engine->expiry.until_ms = INT64_MIN;
    recovery_scan_deinit(&load->scan);
    return recovery_scan_init(&load->scan, engine);
}

/* What the next checkpoint, the expiry cycle and INFO want to know. */
static void note_result(struct load *load)
{
    struct engine *engine = load->engine;
    struct checkpoint_state *state = &engine->checkpoint;
    state->sequence = load->checkpoint.file != NULL ? load->checkpoint.header.start.sequence : 0;
    state->other_bytes = atomic_load(&load->scan.progress.done_bytes);
    engine->recovered_records = atomic_load(&load->scan.progress.records);
    engine->expiry.marks = load->scan.marks;
    staircase_init(&load->scan.marks);
    engine->spaces.budget.limit_bytes = engine->options.index_memory_limit;
}

static enum status load_all(struct load *load, struct error *error)
{
    enum status status = add_files(load);
    if (status == STATUS_OK) {
        status = recovery_checkpoint_open(load->engine, load->files, &load->checkpoint);
    }
    if (status != STATUS_OK) {
        return error_set(error, status, "can't build the index: %s", status_words(status));
    }
    if (load->checkpoint.file == NULL) {
        load->engine->manifest.checkpoint_file = 0;
        return build(load, error);
    }
    status = build(load, error);
    if (load->checkpoint_failed && status != STATUS_NO_MEMORY) {
        status = start_over(load);
        return status == STATUS_OK ? build(load, error) : status;
    }
    return status;
}

enum status recovery_load(struct engine *engine, struct recovery_files *files, struct error *error)
{
    struct load load = {.engine = engine, .files = files, .now_ms = engine_unix_ms(engine)};
    enum status status = recovery_scan_init(&load.scan, engine);
    if (status == STATUS_OK) {
        status = load_all(&load, error);
    } else {
        status = error_set(error, status, "can't build the index: %s", status_words(status));
    }
    if (status == STATUS_OK) {
        note_result(&load);
    }
    recovery_checkpoint_close(&load.checkpoint);
    recovery_scan_deinit(&load.scan);
    return status;
}
