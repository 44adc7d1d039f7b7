/* check_verdict.c - see check_verdict.h. */
#include "support/check_verdict.h"

#include "base/check.h"
#include "check/findings.h"
#include "check/history.h"
#include "check/live.h"
#include "check/newer_packs.h"
#include "check/verify.h"

#include <stdio.h>
#include <stdlib.h>

/* A store that is being looked at. */
struct look {
    struct check_store store;
    struct history history;
    FILE *out;
};

static void must(enum status status, const struct error *error)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "%s: %s\n", status_name(status), error->text);
    }
    CHECK(status == STATUS_OK);
}

static uint64_t verify(struct look *look)
{
    struct report report = {.out = look->out};
    struct error error = {""};
    must(verify_store(&look->store, &look->history, true, &report, &error), &error);
    return report.problems;
}

static enum status pass_over(void *context, const struct live_record *found)
{
    (void)context;
    (void)found;
    return STATUS_OK;
}

static uint64_t read_live(struct look *look)
{
    struct report report = {.out = look->out};
    struct live_options options = {.is_quiet = true};
    struct live live;
    struct error error = {""};
    findings_report(&look->store, &report);
    findings_report_unfinished(&look->history, &report);
    must(live_build(&look->history, &options, &report, &live, &error), &error);
    must(live_visit(&live, pass_over, NULL), &error);
    live_deinit(&live);
    return report.problems;
}

struct check_verdict check_verdict(struct file_system *fs, char **said)
{
    struct look look;
    struct error error = {""};
    size_t said_size;
    struct check_verdict verdict;
    must(check_store_open(fs, &look.store, &error), &error);
    must(history_survey(&look.store, &look.history), &error);
    must(newer_packs_tell(&look.store, &look.history), &error);
    look.out = open_memstream(said, &said_size);
    CHECK(look.out != NULL);
    verdict.verified = verify(&look);
    verdict.read = read_live(&look);
    CHECK(fclose(look.out) == 0);
    history_deinit(&look.history);
    check_store_close(&look.store);
    return verdict;
}
