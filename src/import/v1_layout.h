/*
 * v1_layout.h - the ancestor's file ("Scdb versn 0.001"), byte by byte.
 *
 * scdb, py_scdb and go-scdb keep a store in one file: a header, a grid of slots, and behind it the
 * entries in the order in which they were written. docs/import-v1.md describes it. What is here
 * takes bytes apart and judges nothing that needs more than one entry: v1_file.h does that.
 *
 * Pure functions, any thread. Slices borrow from the bytes of the file.
 */
#ifndef SCDB_IMPORT_V1_LAYOUT_H
#define SCDB_IMPORT_V1_LAYOUT_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define V1_TITLE       SLICE_LITERAL("Scdb versn 0.001")
#define V1_HEADER_SIZE 100
#define V1_SLOT_SIZE   8

/* Where the parts of a file lie. Slot s stands in column s % columns of block s / columns. */
struct v1_layout {
    uint64_t columns;
    uint64_t slot_count;
    uint64_t entries_begin; /* offset of the first entry; at most the size of the file */
    bool has_stray_bytes;   /* the part of the header that should be zero is not */
};

/* NOT_FOUND: this is no file of the ancestor's. CORRUPT: its header can't be right, or the file
 * ends within its grid; `error` says what is wrong. */
enum status v1_layout_decode(struct slice bytes, struct v1_layout *out,
                             struct error *error) MUST_CHECK;

/* Where slot `slot` itself stands. */
uint64_t v1_slot_offset(uint64_t slot);

/* What the slot says: the offset of an entry, 0 = none. The slot must be one of the layout's. */
uint64_t v1_slot_decode(struct slice bytes, uint64_t slot);

struct v1_entry {
    uint64_t offset;
    uint64_t size; /* of all of it; the next entry follows */
    struct slice key;
    struct slice value;
    uint64_t expiry_s; /* Unix time, 0 = none; in the second itself it is still there */
    bool is_deleted;
};

/* False: no entry can begin here; its lengths contradict each other or the file's end. */
bool v1_entry_decode(struct slice bytes, uint64_t offset, struct v1_entry *out);

#endif
