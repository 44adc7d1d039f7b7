/*
 * check_agreement_test.c - where a log segment has lost its end or its header, scdb-check and the
 * server agree.
 *
 * A random history (crash_run.h) is cut off by kill -9 or a power cut. Of copies of its disk one or
 * two log segments whose end no manifest knows lose what lies behind some place: they are cut off
 * there, have zeros from there on, or have the name under which recovery sets segments aside. Or
 * they lose their headers, alone or besides. In one copy of two the header of a packed segment is
 * left over, which may tell that the log has lost its end. Then the store opens, and no command of
 * scdb-check finds damage; or it is refused, and all of them do.
 */
#include "base/check.h"
#include "base/log.h"
#include "engine/engine_state.h"
#include "engine/manifest.h"
#include "engine/record_scanner.h"
#include "support/check_verdict.h"
#include "support/crash_run.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define RUNS            40
#define SESSIONS        3
#define STEPS_MAX       80 /* of a session */
#define COPIES          12 /* of a session's disk */
#define EDGES_MAX       512
#define PACK_NUMBER_GAP 1000

enum manner { CUT_OFF, ZEROS, SET_ASIDE, BAD_HEADER, NO_HEADER, MANNERS };

static bool leaves_packs;
static unsigned opened;
static unsigned refused;
static unsigned refused_for_a_pack;
static uint64_t lost_sequence; /* of the last record before a place where something was lost */

/* --- what gets lost ------------------------------------------------------------------------- */

/* One of the log segments whose end the manifest does not know; NULL: there is none. */
static const struct manifest_file *choose_segment(struct crash_run *copy,
                                                  const struct manifest *manifest)
{
    const struct manifest_file *chosen = NULL;
    uint64_t seen = 0;
    for (size_t i = 0; i < manifest->file_count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        if (file->kind == SEGMENT_LOG && file->end == 0 && crash_run_one_in(copy, ++seen)) {
            chosen = file;
        }
    }
    return chosen;
}

/* Mostly between two records, where no trace is left; else in one's header. (Of a record that loses
 * its value only, the server says so when it is read.) */
static uint64_t choose_offset(struct crash_run *copy, struct file *file, uint64_t seed,
                              uint64_t size)
{
    uint64_t edges[EDGES_MAX] = {SEGMENT_HEADER_SIZE};
    uint64_t sequences[EDGES_MAX] = {0};
    size_t count = 1;
    struct record_scanner scanner;
    struct scanned_record scanned;
    uint64_t start = size < SEGMENT_HEADER_SIZE ? size : SEGMENT_HEADER_SIZE;
    CHECK(record_scanner_init_file(&scanner, file, seed, start, size) == STATUS_OK);
    while (count < EDGES_MAX && record_scanner_next(&scanner, &scanned) == STATUS_OK) {
        sequences[count] = scanned.record.sequence;
        edges[count++] = scanner.offset;
    }
    record_scanner_deinit(&scanner);
    uint64_t within = crash_run_one_in(copy, 4)
                          ? crash_run_below(copy, RECORD_HEADER_SIZE / RECORD_ALIGNMENT)
                          : 0;
    size_t chosen = (size_t)crash_run_below(copy, count);
    uint64_t offset = edges[chosen] + within * RECORD_ALIGNMENT;
    lost_sequence = sequences[chosen];
    return offset < size ? offset : size;
}

static void write_zeros(struct file *file, uint64_t offset, uint64_t size)
{
    uint8_t *zeros = calloc(1, (size_t)(size - offset) + 1);
    CHECK(zeros != NULL);
    struct slice part = slice_make(zeros, (size_t)(size - offset));
    CHECK(file_write(file, offset, &part, 1) == STATUS_OK);
    free(zeros);
}

static void set_aside(struct crash_run *copy, const char *name)
{
    char cut[FILE_NAME_SIZE_MAX + 8];
    (void)snprintf(cut, sizeof(cut), "%s.cut", name);
    CRASH_TRACE("%s is set aside\n", name);
    CHECK(fs_rename(copy->fs, name, cut) == STATUS_OK);
}

/* A word of the header, or all of it. */
static void lose_header(struct crash_run *copy, struct file *file, enum manner manner)
{
    uint8_t header[SEGMENT_HEADER_SIZE];
    size_t size;
    CHECK(file_read(file, 0, header, sizeof(header), &size) == STATUS_OK);
    if (size < sizeof(header)) {
        return; /* gone already */
    }
    size_t word = (size_t)crash_run_below(copy, SEGMENT_HEADER_SIZE / 8) * 8;
    if (manner == NO_HEADER) {
        memset(header, 0, sizeof(header));
    } else {
        for (size_t i = 0; i < 8; i++) {
            header[word + i] ^= 0xff;
        }
    }
    struct slice part = slice_make(header, sizeof(header));
    CHECK(file_write(file, 0, &part, 1) == STATUS_OK);
}

static void lose_part_of(struct crash_run *copy, const struct manifest *manifest,
                         const struct manifest_file *segment)
{
    char name[FILE_NAME_SIZE_MAX];
    struct file *file;
    uint64_t size;
    segment_file_name(SEGMENT_LOG, segment->number, name);
    if (fs_open(copy->fs, name, FILE_MODE_WRITE, &file) != STATUS_OK) {
        return; /* gone already */
    }
    enum manner manner = (enum manner)crash_run_below(copy, MANNERS);
    CHECK(file_size(file, &size) == STATUS_OK);
    uint64_t offset =
        choose_offset(copy, file, record_seed(manifest->store_id, segment->number), size);
    CRASH_TRACE("%s of %" PRIu64 " bytes, from %" PRIu64 " on: %d\n", name, size, offset,
                (int)manner);
    if (manner == CUT_OFF) {
        CHECK(file_truncate(file, offset) == STATUS_OK);
    } else if (manner == ZEROS && offset < size) {
        write_zeros(file, offset, size);
    } else if (manner == BAD_HEADER || manner == NO_HEADER) {
        lose_header(copy, file, manner);
    }
    file_close(file);
    if (manner == SET_ASIDE) {
        set_aside(copy, name);
    }
}

static void lose_a_part(struct crash_run *copy)
{
    struct manifest manifest;
    struct error error;
    CHECK(manifest_read(copy->fs, &manifest, &error) == STATUS_OK);
    const struct manifest_file *segment = choose_segment(copy, &manifest);
    if (segment != NULL) {
        lose_part_of(copy, &manifest, segment);
    }
    manifest_deinit(&manifest);
}

/* --- what was left over --------------------------------------------------------------------- */

/* Somewhere between what the manifest knows and what was appended last, or where the log may have
 * come to its end. */
static uint64_t choose_judged(struct crash_run *copy, uint64_t known, uint64_t next_sequence)
{
    return crash_run_one_in(copy, 2) && lost_sequence >= known
               ? lost_sequence + crash_run_below(copy, 3)
               : known + crash_run_below(copy, next_sequence - known + 1);
}

/* The header of a packed segment that no manifest lists. */
static void leave_a_pack(struct crash_run *copy, uint64_t next_sequence)
{
    struct manifest manifest;
    struct error error;
    CHECK(manifest_read(copy->fs, &manifest, &error) == STATUS_OK);
    uint64_t judged = choose_judged(copy, manifest.next_sequence - 1, next_sequence);
    struct segment_header header = {.kind = SEGMENT_PACKED,
                                    .file_number = manifest.next_file_number + PACK_NUMBER_GAP,
                                    .capacity = SEGMENT_HEADER_SIZE,
                                    .judged_sequence = judged};
    char name[FILE_NAME_SIZE_MAX];
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    struct slice part = slice_make(bytes, sizeof(bytes));
    struct file *file;
    segment_file_name(SEGMENT_PACKED, header.file_number, name);
    segment_header_encode(&header, manifest.store_id, bytes);
    CRASH_TRACE("%s is left over, judged at %" PRIu64 " of %" PRIu64 "\n", name, judged,
                next_sequence);
    CHECK(fs_open(copy->fs, name, FILE_MODE_CREATE, &file) == STATUS_OK);
    CHECK(file_write(file, 0, &part, 1) == STATUS_OK);
    file_close(file);
    manifest_deinit(&manifest);
}

/* --- what is found -------------------------------------------------------------------------- */

static void compare(struct crash_run *copy)
{
    char *said;
    struct error error = {""};
    struct check_verdict found = check_verdict(copy->fs, &said);
    enum status status = crash_run_open(copy, false, &error);
    CRASH_TRACE("%s: %s\n%s", status_name(status), error.text, said);
    CRASH_CHECK(copy, status == STATUS_OK || status == STATUS_CORRUPT, "%s: %s",
                status_name(status), error.text);
    CRASH_CHECK(copy, (found.verified > 0) == (status != STATUS_OK), "verify: %s: %s", error.text,
                said);
    CRASH_CHECK(copy, (found.read > 0) == (status != STATUS_OK), "repair: %s: %s", error.text,
                said);
    opened += status == STATUS_OK ? 1 : 0;
    refused += status == STATUS_OK ? 0 : 1;
    refused_for_a_pack += strstr(error.text, ".pack was made when") != NULL ? 1 : 0;
    free(said);
}

static void look_at_copy(struct crash_run *run)
{
    struct crash_run copy = *run;
    uint64_t next_sequence = run->engine->appender.next_sequence;
    copy.engine = NULL;
    memset(&copy.history, 0, sizeof(copy.history)); /* nobody asks for it */
    test_random_init(&copy.random, test_random_next(&run->random));
    copy.disk = sim_disk_clone(run->disk, test_random_next(&copy.random));
    lost_sequence = 0;
    copy.fs = sim_disk_mount(copy.disk);
    sim_disk_restart(copy.disk, crash_run_one_in(&copy, 2) ? SIM_KILL : SIM_POWER_CUT);
    lose_a_part(&copy);
    if (crash_run_one_in(&copy, 2)) {
        lose_a_part(&copy);
    }
    if (leaves_packs && crash_run_one_in(&copy, 2)) {
        leave_a_pack(&copy, next_sequence);
    }
    compare(&copy);
    sim_disk_crash_now(copy.disk);
    if (copy.engine != NULL) {
        enum status status = engine_close(copy.engine);
        (void)status; /* of a disk that is gone */
    }
    crash_run_end(&copy);
}

static void agreement_run(uint64_t seed)
{
    struct crash_run run;
    crash_run_begin(&run, seed);
    run.segment_size = 4096;
    run.large_value_size = 6000;
    for (int session = 0; session < SESSIONS; session++) {
        crash_run_open_and_settle(&run);
        crash_run_live(&run, 1 + crash_run_below(&run, STEPS_MAX));
        for (int i = 0; i < COPIES; i++) {
            look_at_copy(&run);
        }
        crash_run_end_session(&run);
    }
    crash_run_open_and_settle(&run);
    crash_run_close(&run);
    crash_run_end(&run);
}

START_TEST(lost_ends)
{
    leaves_packs = true;
    crash_run_repeat("check_agreement_test lost_ends", agreement_run, RUNS);
    printf("%u stores were opened, %u refused, %u of them for a packed segment\n", opened, refused,
           refused_for_a_pack);
    ck_assert_uint_gt(opened, 0);
    ck_assert_uint_gt(refused_for_a_pack, 0);
    ck_assert_uint_gt(refused, refused_for_a_pack);
}
END_TEST

/* A seed that has found something: pieces behind a header that was lost with a segment. */
START_TEST(pieces_without_their_header)
{
    log_set_level(LOG_NOTHING_LEVEL);
    leaves_packs = false;
    agreement_run(UINT64_C(3975941214290781429));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("check_agreement");
    tcase_set_timeout(tests, 0); /* SCDB_TEST_SCALE may make it as long as it likes */
    tcase_add_test(tests, lost_ends);
    tcase_add_test(tests, pieces_without_their_header);
    return test_run("check_agreement", tests);
}
