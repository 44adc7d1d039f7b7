/*
 * compaction_choice.h - which files to compact, and when: arithmetic, no I/O, no locks.
 *
 * Garbage is what a compaction would give back: dead bytes, but not those that have to be kept,
 * tombstones and marks that still hide something in another file ("kept bytes").
 *
 * Levels of what closed segments hold. With L live bytes, those of the active segment too, K kept
 * ones and a garbage percentage p:
 *
 *   start   (L + K) / (1 - p)                  compaction starts
 *   slow    two thirds of the way to `most`    writers are slowed, more and more
 *   most    max(2 L, start) + 1/4 segment      what closed segments hold when writers outrun it;
 *                                              up to 3/2 segments where L is less than one
 *
 * Besides, the disk holds the active segment, at most one packed segment in the making (no larger
 * than L), the next segment of the log, and a little of those behind it: so the files stay below 2
 * L and 4 segments, if p is at most 40.
 *
 * Small files. A file that holds only what is alive would never be a victim of garbage, and a round
 * may leave one of a few records: there would be one more for each segment written, without end,
 * until the process may open or map no more. So small files (compaction_is_small) are merged,
 * whatever their garbage, once there are more of them than
 *
 *   16 + 4 L / segment                         small files at most
 *
 * (or than the process has descriptors for, see compaction_pace.h).
 *
 * A round merges all of them, or as many as a segment takes: 16 at least, for none has more than a
 * sixteenth of one. What comes out is full, and is not merged again, but for at most one that is
 * small. So what is copied is copied once, and that one (a sixteenth of a segment at most) again
 * for each 16 that have come.
 */
#ifndef SCDB_ENGINE_COMPACTION_CHOICE_H
#define SCDB_ENGINE_COMPACTION_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kept bytes beyond this part of the live bytes make the oldest file a victim. */
#define COMPACTION_KEPT_SHARE 8

/* At most so many victims in a round that nobody asked for. */
#define COMPACTION_ROUND_VICTIMS 8

/* A file that holds less than this part of a segment is small. Not a larger one: a large value in a
 * segment of its own (staged.h), with the default size, is no small file. */
#define COMPACTION_SMALL_PART 16

/* At most so many small files in a round: each has to be asked what it guards. */
#define COMPACTION_ROUND_SMALL 1024

/* So many small files stay, and so many more for each segment's worth of live bytes. */
#define COMPACTION_SMALL_COUNT       16
#define COMPACTION_SMALL_PER_SEGMENT 4

/* A closed segment, as the choice sees it. */
struct compaction_file {
    uint64_t bytes;          /* of records */
    uint64_t live_bytes;     /* of them */
    uint64_t kept_bytes;     /* of the dead ones, those that a compaction had to keep */
    uint64_t kept_sequence;  /* the newest of those */
    uint64_t guard_sequence; /* tombstones newer than this may hide something in it; UINT64_MAX:
                                nothing dead is in it (rule 8 of docs/durability.md) */
    uint64_t last_sequence;
    bool can_go; /* closed (to be chosen: sealed), with records, and not damaged */
    bool chosen; /* the answer */
};

struct compaction_totals {
    uint64_t bytes; /* of closed segments that are not damaged */
    uint64_t live_bytes;
    uint64_t kept_bytes;     /* without those that nothing needs any more */
    uint64_t all_live_bytes; /* the active segment's, too */
    uint64_t segment_size;   /* 0: no file counts as small */
    uint64_t small_count;    /* of files that can go; to be set to 0 where none shall be merged */
    uint64_t small_most;     /* so many may stay in any case; 0: no such limit */
    bool oldest_can_go;      /* the file with the smallest guard_sequence */
};

/* Sets kept_bytes to 0 where what was kept hides nothing any more, and adds the files up
 * (all_live_bytes, segment_size and small_most are the caller's). */
void compaction_add_up(struct compaction_file *files, size_t count,
                       struct compaction_totals *totals);

static inline uint64_t compaction_garbage(const struct compaction_totals *totals)
{
    return totals->bytes - totals->live_bytes - totals->kept_bytes;
}

/* Has a file with so many bytes of records so little that it should not be one of its own? */
static inline bool compaction_is_small(uint64_t bytes, uint64_t segment_size)
{
    return bytes < segment_size / COMPACTION_SMALL_PART;
}

/* Are there so many small files that some should be merged? */
bool compaction_has_many_small(const struct compaction_totals *totals);

/* Is more than `percentage` of the closed segments garbage, not counting as garbage as much as is
 * alive in the active one; or so much kept that the oldest file should go; or are there too many
 * small files? 0 = never. */
bool compaction_is_due(const struct compaction_totals *totals, unsigned percentage);

struct compaction_wish {
    uint64_t next_sequence; /* the age of files is counted from here */
    uint64_t live_max;      /* bytes to be copied at most, if one victim does not have more */
    unsigned garbage_least; /* percent of its bytes that a victim has at least */
    /* When so many bytes are to be copied, and without the victims no compaction would be due at
     * this percentage, it is enough: what others hold will be cheaper to get later. */
    uint64_t live_enough;
    unsigned garbage_enough;
};

/*
 * Chooses the victims of a round, after compaction_add_up(). Returns how many. Where there are too
 * many small files, those; else what has garbage, the best first.
 *
 * The benefit of a file is garbage / (bytes + live) * sqrt(age): what is gained for what is read
 * and written, and old files first, for what is in them has shown that it lives long, while a young
 * file's bytes will die if one waits. (LFS weights with the age itself: better where few keys take
 * most writes, worse where all are written alike. docs/architecture.md has the figures.)
 */
size_t compaction_choose(struct compaction_file *files, size_t count,
                         const struct compaction_totals *totals,
                         const struct compaction_wish *wish);

/* Permille, 0 to 1000: how far from `start` to `slow` the closed segments are, and from `slow` to
 * `most`. */
struct compaction_pressure {
    unsigned urgency;
    unsigned slowness;
};

/* `percentage`: 1 to 99. segment_size must be set. */
struct compaction_pressure compaction_press(const struct compaction_totals *totals,
                                            unsigned percentage);

#endif
