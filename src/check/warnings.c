/* warnings.c - see warnings.h. */
#include "check/warnings.h"

#include <inttypes.h>

#define SERVER_DATABASES 16 /* of one that was told nothing else */

static void report_maps(const struct live *live, struct report *report)
{
    if (!live->has_map) {
        report_note(report,
                    "no map of the databases could be read: keyspaces 1, 2 ... are taken for "
                    "databases 0, 1 ..., and what was flushed may be back");
    }
    if (live->store->source == CHECK_FROM_DIRECTORY) {
        report_note(report,
                    "no manifest could be read: what was flushed, swapped or deleted may be back, "
                    "as a compaction leaves out maps and deletions for which the manifest stands; "
                    "and where a segment is gone, which it would have named, keys are missing, or "
                    "have older values");
    }
    if (live->has_map && live->has_lost_map) {
        report_note(report,
                    "a map of the databases was lost that is newer than all that could be read: "
                    "what was flushed may be back, and databases may have changed places");
    }
}

void warnings_report(const struct live *live, const char *place, struct report *report)
{
    if (live->holes > 0) {
        report_note(report,
                    "a key whose deletion or newest value was in a lost place is there with "
                    "an older value, if one was found, and databases that a lost SWAPDB has "
                    "swapped are not; of a transaction that was durable, or may have been, and had "
                    "a part there, what is whole is kept");
    }
    report_maps(live, report);
    for (size_t i = live->mapped_count; i < live->database_count; i++) {
        report_note(report,
                    "the map that names keyspace %" PRIu64 " was lost: its %" PRIu64
                    " keys are database %zu %s",
                    live->databases[i].keyspace_id, live->databases[i].keys, i, place);
    }
}

/* As many databases as there are up to the last one of these with keys. */
static size_t count_needed(const struct live *live, size_t count)
{
    while (count > 0 && live->databases[count - 1].keys == 0) {
        count--;
    }
    return count;
}

void warnings_report_target(const struct live *live, bool with_strays, struct report *report)
{
    size_t strays = live->database_count - live->mapped_count;
    size_t needed = count_needed(live, with_strays ? live->database_count : live->mapped_count);
    if (strays > 0 && !with_strays) {
        report_note(report,
                    "%zu databases whose map was lost (%zu to %zu) are left out; with --strays "
                    "they come along, for a server with %zu databases",
                    strays, live->mapped_count, live->database_count - 1,
                    count_needed(live, live->database_count));
    }
    if (needed > SERVER_DATABASES || (needed > 0 && strays > 0)) {
        report_note(report,
                    "the server that is to get this needs at least %zu databases (its directive "
                    "'databases'): keys of one that it lacks would end up in another",
                    needed);
    }
}
