/* compaction_choice.c - see compaction_choice.h. */
#include "engine/compaction_choice.h"

/* The smallest guard of all files, that of the file which has it, and that of the others. */
struct guards {
    uint64_t least;
    uint64_t second;
    size_t holder; /* SIZE_MAX: no file guards anything */
};

static struct guards find_guards(const struct compaction_file *files, size_t count)
{
    struct guards guards = {.least = UINT64_MAX, .second = UINT64_MAX, .holder = SIZE_MAX};
    for (size_t i = 0; i < count; i++) {
        uint64_t guard = files[i].guard_sequence;
        if (guard < guards.least) {
            guards.second = guards.least;
            guards.least = guard;
            guards.holder = i;
        } else if (guard < guards.second) {
            guards.second = guard;
        }
    }
    return guards;
}

void compaction_add_up(struct compaction_file *files, size_t count,
                       struct compaction_totals *totals)
{
    struct guards guards = find_guards(files, count);
    totals->bytes = 0;
    totals->live_bytes = 0;
    totals->kept_bytes = 0;
    totals->small_count = 0;
    totals->oldest_can_go = guards.holder != SIZE_MAX && files[guards.holder].can_go;
    for (size_t i = 0; i < count; i++) {
        struct compaction_file *file = &files[i];
        uint64_t limit = i == guards.holder ? guards.second : guards.least;
        if (file->kept_sequence <= limit) {
            file->kept_bytes = 0;
        }
        if (file->can_go) {
            totals->bytes += file->bytes;
            totals->live_bytes += file->live_bytes;
            totals->kept_bytes += file->kept_bytes;
            totals->small_count += compaction_is_small(file->bytes, totals->segment_size) ? 1 : 0;
        }
    }
}

/* --- when --------------------------------------------------------------------------------- */

static bool is_too_much_kept(const struct compaction_totals *totals)
{
    return totals->oldest_can_go &&
           totals->kept_bytes > totals->all_live_bytes / COMPACTION_KEPT_SHARE;
}

/* What is alive in the active segment will come to the closed ones, and die in others: as much of
 * their garbage does not count. In a store of few segments compactions would copy half as much
 * again if they did not wait for it. */
static bool has_more_garbage(const struct compaction_totals *totals, unsigned percentage)
{
    uint64_t garbage = compaction_garbage(totals);
    uint64_t alive_elsewhere = totals->all_live_bytes - totals->live_bytes;
    /* Not garbage * 100 > ...: that is too much for 64 bits long before the files are. */
    return garbage > alive_elsewhere &&
           garbage - alive_elsewhere > totals->bytes / 100 * percentage;
}

bool compaction_has_many_small(const struct compaction_totals *totals)
{
    if (totals->segment_size == 0) {
        return false;
    }
    uint64_t most = totals->all_live_bytes / totals->segment_size * COMPACTION_SMALL_PER_SEGMENT;
    if (totals->small_most > 0 && most > totals->small_most) {
        most = totals->small_most;
    }
    return totals->small_count > COMPACTION_SMALL_COUNT + most;
}

bool compaction_is_due(const struct compaction_totals *totals, unsigned percentage)
{
    if (percentage == 0) {
        return false;
    }
    return has_more_garbage(totals, percentage) || is_too_much_kept(totals) ||
           compaction_has_many_small(totals);
}

/* How far `level` is on the way from `from` to `to`. */
static unsigned permille(uint64_t level, uint64_t from, uint64_t to)
{
    if (level <= from) {
        return 0;
    }
    return level >= to ? 1000 : (unsigned)(1000.0 * (double)(level - from) / (double)(to - from));
}

/* What closed segments may hold beyond that: so much less as a packed segment in the making, which
 * never has more than what is alive, may take; and a quarter less of that to spare, for writers are
 * slowed and not stopped. */
static uint64_t room_besides(const struct compaction_totals *totals)
{
    uint64_t live = totals->all_live_bytes;
    uint64_t segment_size = totals->segment_size;
    return segment_size / 2 * 3 - (live < segment_size ? live : segment_size) / 4 * 5;
}

struct compaction_pressure compaction_press(const struct compaction_totals *totals,
                                            unsigned percentage)
{
    double needed = (double)(totals->all_live_bytes + totals->kept_bytes);
    uint64_t start = (uint64_t)(needed / (1.0 - percentage / 100.0));
    uint64_t doubled = totals->all_live_bytes * 2;
    uint64_t most = (doubled > start ? doubled : start) + room_besides(totals);
    uint64_t slow = start + (most - start) / 3 * 2;
    return (struct compaction_pressure){
        .urgency = permille(totals->bytes, start, slow),
        .slowness = permille(totals->bytes, slow, most),
    };
}

/* --- what --------------------------------------------------------------------------------- */

static uint64_t garbage_of(const struct compaction_file *file)
{
    return file->bytes - file->live_bytes - file->kept_bytes;
}

/* The square of the benefit, which orders files the same way. */
static double benefit_of(const struct compaction_file *file, uint64_t next_sequence)
{
    double age =
        next_sequence > file->last_sequence ? (double)(next_sequence - file->last_sequence) : 1.0;
    double cost = (double)(file->bytes + file->live_bytes + file->kept_bytes);
    double gain = (double)garbage_of(file) / cost;
    return gain * gain * age;
}

static bool is_worth(const struct compaction_file *file, const struct compaction_wish *wish)
{
    uint64_t garbage = garbage_of(file);
    return file->can_go && !file->chosen && garbage > 0 &&
           garbage >= file->bytes / 100 * wish->garbage_least;
}

static struct compaction_file *find_best(struct compaction_file *files, size_t count,
                                         const struct compaction_wish *wish)
{
    struct compaction_file *best = NULL;
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_worth(&files[i], wish)) {
            double benefit = benefit_of(&files[i], wish->next_sequence);
            if (best == NULL || benefit > most) {
                best = &files[i];
                most = benefit;
            }
        }
    }
    return best;
}

/* A round in the making. */
struct round {
    size_t victims;
    uint64_t copied;                /* bytes that it has to copy */
    struct compaction_totals after; /* as they will be */
};

static void choose(struct round *round, struct compaction_file *file)
{
    file->chosen = true;
    round->victims++;
    round->copied += file->live_bytes + file->kept_bytes;
    round->after.bytes -= garbage_of(file);
}

static bool is_enough(const struct round *round, const struct compaction_wish *wish)
{
    return round->copied >= wish->live_enough &&
           !has_more_garbage(&round->after, wish->garbage_enough);
}

static bool has_room(const struct round *round, const struct compaction_file *file,
                     const struct compaction_wish *wish)
{
    return round->victims == 0 ||
           round->copied + file->live_bytes + file->kept_bytes <= wish->live_max;
}

/* In any order: those that are not full in the end are merged with the next. */
static void choose_small(struct round *round, struct compaction_file *files, size_t count,
                         const struct compaction_wish *wish)
{
    for (size_t i = 0; i < count && round->victims < COMPACTION_ROUND_SMALL; i++) {
        if (files[i].can_go && compaction_is_small(files[i].bytes, round->after.segment_size) &&
            has_room(round, &files[i], wish)) {
            choose(round, &files[i]);
        }
    }
}

static void choose_best(struct round *round, struct compaction_file *files, size_t count,
                        const struct compaction_wish *wish)
{
    while (round->victims < COMPACTION_ROUND_VICTIMS) {
        struct compaction_file *best = find_best(files, count, wish);
        if (best == NULL || (round->victims > 0 && is_enough(round, wish)) ||
            !has_room(round, best, wish)) {
            break;
        }
        choose(round, best);
    }
}

size_t compaction_choose(struct compaction_file *files, size_t count,
                         const struct compaction_totals *totals, const struct compaction_wish *wish)
{
    struct round round = {.after = *totals};
    if (compaction_has_many_small(totals)) {
        choose_small(&round, files, count, wish);
        return round.victims;
    }
    if (is_too_much_kept(totals)) {
        /* Whatever its garbage: it is what the kept ones wait for. */
        choose(&round, &files[find_guards(files, count).holder]);
    }
    choose_best(&round, files, count, wish);
    return round.victims;
}
