/* history_end.c - where the log ends, and what is missing of it there: the functions of history.h
 * that tell it, once the log is surveyed. */
#include "check/history.h"

/* The segment of the log that says it goes on from this one; NULL: none does. */
static const struct check_file *follower_of(const struct history *history,
                                            const struct check_file *file)
{
    for (size_t i = 0; i < history->log_count; i++) {
        const struct check_file *next = history->log[i];
        if (next->header_status == STATUS_OK && next->header.previous_file == file->number) {
            return next;
        }
    }
    return NULL;
}

/* Where it stands in the order of the log; log_count: nothing of the log was found in it. */
static size_t log_index_of(const struct history *history, const struct check_file *file)
{
    size_t i = 0;
    while (i < history->log_count && history->log[i] != file) {
        i++;
    }
    return i;
}

bool history_is_in_log(const struct history *history, const struct check_file *file)
{
    return log_index_of(history, file) < history->log_count;
}

uint64_t history_unsettled(const struct history *history, uint64_t sequence)
{
    uint64_t settled = history->settled_sequence;
    return sequence > settled ? sequence : settled + 1;
}

static bool is_behind_durable(const struct history *history, const struct check_file *file,
                              uint64_t sequence)
{
    return check_file_is_open_log(file) &&
           history_unsettled(history, sequence) > history->durable_sequence;
}

bool history_is_torn(const struct history *history, const struct check_file *file,
                     uint64_t sequence)
{
    return history_has_manifest(history) && is_behind_durable(history, file, sequence);
}

bool history_is_in_doubt(const struct history *history, const struct check_file *file,
                         uint64_t sequence)
{
    return !history_has_manifest(history) && is_behind_durable(history, file, sequence);
}

/* Has the next segment a damaged header, which can't say what it goes on from, and does it begin
 * with a record behind the one that is due? */
static bool is_cut_before_mute(const struct history *history, const struct check_file *file,
                               uint64_t due)
{
    size_t next = log_index_of(history, file) + 1;
    return next < history->log_count &&
           history_unsettled(history, due) < history->log[next]->begin_sequence;
}

enum history_lack history_find_lack(const struct history *history, const struct check_file *file,
                                    uint64_t offset, uint64_t due)
{
    const struct manifest_position *durable = &history->store->manifest.durable;
    if (!check_file_is_open_log(file)) {
        return HISTORY_LACKS_NOTHING; /* its end is known, and looked for elsewhere */
    }
    if (file->number == durable->file && offset < durable->offset) {
        return HISTORY_LACKS_DURABLE_END;
    }
    const struct check_file *follower = follower_of(history, file);
    bool is_cut = follower == NULL ? is_cut_before_mute(history, file, due)
                                   : due <= follower->header.previous_sequence;
    if (!is_cut) {
        return HISTORY_LACKS_NOTHING;
    }
    /* Between two sessions numbers are left out; without a manifest these can't be told apart. */
    bool may_be_step = follower == NULL && !history_has_manifest(history);
    if (may_be_step || history_is_in_doubt(history, file, due)) {
        return HISTORY_LACKS_END_IN_DOUBT;
    }
    return history_is_torn(history, file, due) ? HISTORY_LACKS_TORN_END : HISTORY_LACKS_DURABLE_END;
}

bool history_ends_before(const struct history *history, const struct check_file *file,
                         uint64_t offset)
{
    size_t i = log_index_of(history, file);
    bool is_followed =
        i < history->log_count ? i + 1 < history->log_count : follower_of(history, file) != NULL;
    return offset == file->limit && !is_followed;
}

bool history_goes_on_behind(const struct history *history, const struct check_file *file)
{
    bool has_mute = false;
    for (size_t i = 0; i < history->log_count; i++) {
        has_mute = has_mute || history->log[i]->header_status != STATUS_OK;
    }
    return has_mute || follower_of(history, file) != NULL;
}
