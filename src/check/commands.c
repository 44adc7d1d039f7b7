/* commands.c - see commands.h; the table is at the end. */
#include "check/commands.h"

#include "base/clock.h"
#include "base/log.h"
#include "check/findings.h"
#include "check/history.h"
#include "check/live.h"
#include "check/newer_packs.h"
#include "check/salvage.h"
#include "check/stat.h"
#include "check/verify.h"
#include "check/warnings.h"
#include "engine/engine.h"
#include "import/v1_import.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

/* A store that is being looked at. */
struct look {
    const struct check_arguments *arguments;
    struct file_system *fs;
    struct check_store store;
    struct history history;
    struct report report;
};

static int failed(const struct error *error)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "scdb-check: %s\n", error->text);
    return CHECK_EXIT_FAILED;
}

static int outcome(const struct report *report)
{
    return report->problems > 0 ? CHECK_EXIT_DAMAGED : CHECK_EXIT_SOUND;
}

/* Opens the directory for reading, and keeps servers from opening it to write meanwhile. */
static enum status open_directory(const char *path, struct file_system **out, struct error *error)
{
    struct file_system *fs;
    enum status status = file_posix_open_directory_read_only(path, &fs, error);
    if (status != STATUS_OK) {
        return status;
    }
    char holder[128] = "";
    status = fs_lock(fs, ENGINE_LOCK_NAME, holder, sizeof(holder));
    if (status == STATUS_OK) {
        *out = fs;
        return STATUS_OK;
    }
    fs_close(fs);
    if (status == STATUS_LOCKED) {
        return error_set(error, status,
                         "the store in '%s' is open: %s has it. What a server is writing can't be "
                         "checked; stop it first, or check a copy or backup",
                         path, holder);
    }
    return error_set(error, status, "can't lock file '%s/" ENGINE_LOCK_NAME "': %s", path,
                     status_words(status));
}

/* Opens the store at the first path and calls `run`; lines of the report go to `out`. */
static int look_into(const struct check_arguments *arguments, FILE *out,
                     int (*run)(struct look *look))
{
    struct look look = {.arguments = arguments, .report.out = out};
    struct error error;
    enum status status = open_directory(arguments->paths[0], &look.fs, &error);
    if (status != STATUS_OK) {
        return failed(&error);
    }
    int result = CHECK_EXIT_FAILED;
    status = check_store_open(look.fs, &look.store, &error);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "scdb-check: '%s': %s\n", arguments->paths[0], error.text);
    } else {
        status = history_survey(&look.store, &look.history);
        if (status == STATUS_OK) {
            status = newer_packs_tell(&look.store, &look.history);
        }
        if (status == STATUS_OK) {
            result = run(&look);
        } else {
            (void)error_set(&error, status, "can't read the log: %s", status_words(status));
            result = failed(&error);
        }
        history_deinit(&look.history);
        check_store_close(&look.store);
    }
    fs_close(look.fs);
    return result;
}

/* Finds what is alive; whatever is wrong goes to the report. */
static enum status find_live(struct look *look, struct live *live, struct error *error)
{
    struct live_options options = {.older = look->arguments->older,
                                   .is_quiet = look->arguments->is_quiet,
                                   .now_ms = clock_unix_ms()};
    findings_report(&look->store, &look->report);
    findings_report_unfinished(&look->history, &look->report);
    return live_build(&look->history, &options, &look->report, live, error);
}

/* --- verify ------------------------------------------------------------------------------- */

static int verify(struct look *look)
{
    struct error error;
    enum status status = verify_store(&look->store, &look->history, look->arguments->is_quiet,
                                      &look->report, &error);
    if (status != STATUS_OK) {
        return failed(&error);
    }
    if (look->report.problems == 0) {
        (void)puts("The store is sound.");
    } else {
        (void)printf("The store is damaged in %" PRIu64
                     " places; `scdb-check repair %s NEWDIR` salvages the rest.\n",
                     look->report.problems, look->arguments->paths[0]);
    }
    return outcome(&look->report);
}

static int run_verify(const struct check_arguments *arguments)
{
    return look_into(arguments, stdout, verify);
}

/* --- stat --------------------------------------------------------------------------------- */

static int stat_store(struct look *look)
{
    struct live live;
    struct error error;
    enum status status = find_live(look, &live, &error);
    if (status == STATUS_OK) {
        status = live_try_values(&live);
        if (status != STATUS_OK) {
            (void)error_set(&error, status, "can't read the store: %s", status_words(status));
        }
    }
    if (status == STATUS_OK) {
        warnings_report(&live, "here", &look->report);
        stat_print(&live, stdout);
    }
    live_deinit(&live);
    return status == STATUS_OK ? outcome(&look->report) : failed(&error);
}

static int run_stat(const struct check_arguments *arguments)
{
    return look_into(arguments, stderr, stat_store);
}

/* --- dump --------------------------------------------------------------------------------- */

/* Before the first key: it may be on its way to a server at once. */
static void warn_of_dump(const struct live *live, const struct check_arguments *arguments,
                         struct report *report)
{
    warnings_report(live, "here", report);
    if (arguments->dump.format == DUMP_RESP) {
        warnings_report_target(live, arguments->dump.with_strays, report);
    }
}

static int dump(struct look *look)
{
    struct live live;
    struct error error;
    enum status status = find_live(look, &live, &error);
    if (status == STATUS_OK) {
        warn_of_dump(&live, look->arguments, &look->report);
        status = dump_write(&live, &look->arguments->dump, stdout);
        if (status != STATUS_OK) {
            (void)error_set(&error, status, "the store can't be dumped: %s", status_words(status));
        }
    }
    live_deinit(&live);
    if (ferror(stdout) != 0) {
        return CHECK_EXIT_FAILED; /* the program's end tells of it, for whatever command */
    }
    return status == STATUS_OK ? outcome(&look->report) : failed(&error);
}

static int run_dump(const struct check_arguments *arguments)
{
    return look_into(arguments, stderr, dump);
}

/* --- repair ------------------------------------------------------------------------------- */

static int repair(struct look *look)
{
    const char *path = look->arguments->paths[1];
    struct live live;
    struct error error;
    uint64_t saved = 0;
    enum status status = find_live(look, &live, &error);
    if (status == STATUS_OK) {
        status = salvage_into(&live, path, &saved, &error);
    }
    if (status == STATUS_OK) {
        warnings_report(&live, "of the new store", &look->report);
        (void)printf("%" PRIu64 " keys are in the new store %s; %" PRIu64
                     " had expired; the values of %" PRIu64 " could not be read.\n",
                     saved, path, live.expired_keys, live.unreadable_keys);
    }
    live_deinit(&live);
    return status == STATUS_OK ? outcome(&look->report) : failed(&error);
}

static int run_repair(const struct check_arguments *arguments)
{
    return look_into(arguments, stdout, repair);
}

/* --- import-v1 ---------------------------------------------------------------------------- */

/* A server's default. */
#define IMPORT_DATABASES 16

static bool is_missing(const char *path)
{
    struct stat about;
    return lstat(path, &about) != 0 && errno == ENOENT;
}

static int run_import(const struct check_arguments *arguments)
{
    if (!arguments->is_quiet) {
        log_set_level(LOG_NOTICE_LEVEL); /* progress, and a summary */
    }
    struct error error;
    struct file_system *fs;
    bool is_new = is_missing(arguments->paths[1]);
    enum status status = file_posix_open_directory(arguments->paths[1], &fs, &error);
    if (status != STATUS_OK) {
        return failed(&error);
    }
    struct engine_options options = {
        .fs = fs, .database_count = IMPORT_DATABASES, .sync_policy = SYNC_NO};
    struct v1_import_result result;
    status = v1_import(arguments->paths[0], &options, &result, &error);
    fs_close(fs);
    if (status != STATUS_OK && is_new) {
        file_posix_remove_directory(arguments->paths[1]); /* the old file was no use */
    }
    if (status != STATUS_OK) {
        return failed(&error);
    }
    (void)printf("%" PRIu64 " keys are in the new store %s; %" PRIu64 " had expired; %" PRIu64
                 " places of the old file can't be read.\n",
                 result.imported_keys, arguments->paths[1], result.expired_keys, result.problems);
    return result.problems > 0 ? CHECK_EXIT_DAMAGED : CHECK_EXIT_SOUND;
}

/* --- the table ---------------------------------------------------------------------------- */

const struct check_command check_commands[] = {
    {"verify", 1, "DIR", " ", "reads every file and checks every checksum; a report on stdout",
     "Reads the manifest, each segment and each record, verifies the checksums of headers, keys "
     "and\n"
     "values, and whether the segments hang together. Prints a line for each file, a line that\n"
     "begins with \"damaged: \" for whatever is wrong, with file and offset, and one that begins\n"
     "with \"note: \" for what is unusual but no damage, such as the torn end that a crash "
     "leaves.\n",
     run_verify},
    {"repair", 2, "DIR NEWDIR [--older]", " --older ",
     "salvages what is whole into a new store, and lists what is lost",
     "Makes a new store in NEWDIR, which must not exist or be empty, with the newest version of "
     "each\n"
     "key whose record is whole: past damaged places, with a damaged or missing manifest, with\n"
     "damaged segment headers. Deletions, expiries and flushes count as far as they can be read.\n"
     "Lists what is lost (\"damaged: \" file, offset, and the key where it is known). DIR stays as "
     "it\n"
     "is. Until all is done the new store has the name NEWDIR.incomplete.\n\n"
     "  --older   where the newest value of a key fails its checksum, an older one that is still\n"
     "            there is taken; without it the key is left out\n",
     run_repair},
    {"stat", 1, "DIR", " ", "what the store holds, as lines \"name:value\" on stdout",
     "Prints the store's id and versions, its segments, live and dead bytes, and for each "
     "database\n"
     "the number of keys. On stderr are listed what is damaged of the segments, the keys whose\n"
     "values can't be read, and what may not be as it was.\n",
     run_stat},
    {"dump", 1, "DIR [--text | --resp [--strays]]", " --text --resp --strays ",
     "all live keys on stdout",
     "  --text    (the default) a line for each key: its database, its expiry in Unix "
     "milliseconds\n"
     "            or -, and \"key\" \"value\", with \\xHH for bytes that are not printable ASCII\n"
     "  --resp    commands for `redis-cli --pipe`: SELECT, and SET with PXAT where a key "
     "expires;\n"
     "            for a server with at least as many databases: keys of one that it lacks would\n"
     "            end up in another. stderr tells how many, where a server's 16 may not do\n"
     "  --strays  with --resp: also databases whose map was lost, which have numbers behind the\n"
     "            others (16, say). As text they are always there\n\n"
     "What is damaged, and what may not be as it was, is listed on stderr.\n",
     run_dump},
    {"import-v1", 2, "OLDDIR NEWDIR", " ", "brings a store of scdb's ancestor (dump.scdb) over",
     "Reads OLDDIR/dump.scdb and writes every key that is there and has not expired into database "
     "0\n"
     "of a new store in NEWDIR, which may be the same directory; the old file stays as it is. "
     "What\n"
     "can't be read is listed on stderr. `scdb-server --import-v1` does the same, with the "
     "settings\n"
     "of a configuration file.\n",
     run_import},
    {NULL, 0, NULL, NULL, NULL, NULL, NULL},
};
