/*
 * v1_file.h - what the bytes of an ancestor's file say: its keys, and what can't be read of it.
 *
 * The index decides, as it does for the ancestor: the first slot of a key's column that leads to
 * an entry of the key. That the last entry of a key is the newest holds no longer once the ancestor
 * has compacted the file.
 *
 * The layout has no checksums, so what must be true of a sound file is checked instead:
 *   1. the entries follow each other without a gap, from the end of the grid to the file's end;
 *   2. each slot leads to the beginning of an entry, and no two slots to the same one;
 *   3. each entry stands in the column that its key's hash gives;
 *   4. of each key, the index leads to the newest entry, or to none that is older.
 * What breaks a rule is a problem, and what it makes doubtful is not among the keys. A changed bit
 * in a value, an expiry or the mark of deletion breaks none and can't be found.
 *
 * A struct v1_file borrows the bytes and owns its arrays. Nothing but its arrays is allocated, and
 * v1_file_deinit() may be called after a v1_file_scan() that was left in its midst (fault_guard.h).
 * One thread at a time.
 */
#ifndef SCDB_IMPORT_V1_FILE_H
#define SCDB_IMPORT_V1_FILE_H

#include "import/v1_hash.h"
#include "import/v1_layout.h"
#include "import/v1_progress.h"

#include <stddef.h>

enum v1_problem_kind {
    V1_STRAY_HEADER, /* bytes of the header that should be zero are not */
    V1_SLOT_OUTSIDE, /* a slot leads to where no entries are */
    V1_SLOT_AMID,    /* a slot leads into the midst of an entry */
    V1_SLOT_SHARED,  /* a second slot of a column leads to the same entry */
    V1_NO_ENTRIES,   /* a range of bytes is not whole entries */
    V1_WRONG_COLUMN, /* a slot leads to an entry whose key belongs elsewhere */
    V1_UNREACHABLE,  /* no slot leads to the newest entry of a key, which is not among the keys */
    V1_UNINDEXED     /* the same of the file's last entry, when all else is sound: the ancestor
                        ended before it wrote the slot. It is among the keys */
};

struct v1_problem {
    enum v1_problem_kind kind;
    uint64_t offset; /* in the file: of the slot, the bytes, the entry */
    uint64_t target; /* SLOT_...: where it leads; NO_ENTRIES: where the range ends */
};

/* Room for what v1_problem_describe() writes, with its NUL. */
#define V1_PROBLEM_TEXT_SIZE 320

struct v1_item;

struct v1_file {
    struct slice bytes;
    struct v1_layout layout;
    enum v1_hash hash;
    struct v1_item *slots; /* owned; while scanning: the slots in use, in the order of targets */
    size_t slot_count;
    size_t slot_capacity;
    struct v1_item *items; /* owned; the deciding entries, in the order of offsets */
    size_t item_count;
    size_t item_capacity;
    struct v1_problem *problems; /* owned; in the order in which they were found */
    size_t problem_count;
    size_t problem_capacity;
    struct v1_progress progress;
};

/* `bytes` is the whole file, borrowed until v1_file_deinit. Who wants to be told of progress sets
 * progress.on_told and .context then. */
void v1_file_init(struct v1_file *file, struct slice bytes);
void v1_file_deinit(struct v1_file *file);

/* Reads all but the values. Once for each v1_file. NOT_FOUND: no file of the ancestor's; CORRUPT:
 * nothing of it can be read; NO_MEMORY. `error` says more, in words that follow "FILE: ". */
enum status v1_file_scan(struct v1_file *file, struct error *error) MUST_CHECK;

/* The entry that decides about the `index`th of item_count keys, in the order in which they stand
 * in the file. It may be deleted or expired. */
struct v1_entry v1_file_entry(const struct v1_file *file, size_t index);

/* Is the key there for a reader at that time (Unix, s)? */
bool v1_entry_is_live(const struct v1_entry *entry, uint64_t now_s);

/* Says where, what, and which key if that can be told: one line, without its end. */
void v1_problem_describe(const struct v1_file *file, const struct v1_problem *problem,
                         char text[V1_PROBLEM_TEXT_SIZE]);

/* Writes a key for people into `text`, cut off with "..." where there is no room. */
void v1_key_describe(struct slice key, char *text, size_t text_size);

#endif
