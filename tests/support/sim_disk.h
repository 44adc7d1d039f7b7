/*
 * sim_disk.h - a disk in memory that crashes and fails on demand, behind engine/file.h.
 *
 * A disk outlives the file systems mounted on it, as a real one outlives processes. It holds two
 * states: what a process sees (the "cache"), and what a power cut leaves (the "platter").
 *
 * The rules, chosen to allow all that real file systems have been seen to do, and nothing else:
 *
 *  1. A write changes the cache at once. It reaches the platter sector by sector (512 bytes, each
 *     whole or not at all), in any order: some sectors at random moments, all at sync(). A sector
 *     written several times may be on the platter in any of its versions.
 *  2. A file's length reaches the platter apart from its data, at a random moment or at sync().
 *     Bytes within the length that did not reach it read as zero.
 *  3. Cutting a file (truncate) is on the platter at once, or not before the next sync(); in the
 *     second case nothing else of the file is either.
 *  4. A name (created, linked, renamed, removed) reaches the platter at sync_directory(), or by
 * chance at a power cut: each change or not, in any combination, but a change never without those
 * before it that concern one of its names. A rename happens whole or not at all. sync() of a file
 * does nothing for its name; sync_directory() nothing for any data.
 *  5. The changing call at which the disk crashes may have had its effect, none, or a part of it;
 *     from then on every call fails with IO, until sim_disk_restart().
 *  6. After a power cut the cache is what the platter holds. After a kill (only the process dies)
 *     the cache stays, and what was not durable still is not.
 *  7. A sync() that fails has brought some of the sectors to the platter. The others never come
 *     there unless they are written again, and the next sync() succeeds all the same (as on Linux).
 *     So it is with names: of the changes that a sync_directory() should have brought to the
 *     platter and did not, none comes there any more, until the name is changed again. That the
 *     next one would succeed shows where a new session begins: as long as names_lost is set in the
 *     file system it fails (file.h).
 *  8. reserve() allocates: writes inside what is allocated never meet a full disk. A write or
 *     reservation beyond it gives DISK_FULL when the capacity is used up; the write has then put
 *     down a part of its bytes. Files without a name count as long as they are open.
 *
 * All chances come from the seed. Thread-safe (one mutex); what threads do in another order gets
 * other chances.
 */
#ifndef SCDB_TESTS_SUPPORT_SIM_DISK_H
#define SCDB_TESTS_SUPPORT_SIM_DISK_H

#include "engine/file.h"
#include "support/sim_inode.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_DISK_SECTOR_SIZE 512

struct sim_disk;

/* X(NAME, "name", does it change the disk?) */
#define SIM_CALL_LIST(X)                                                                           \
    X(CREATE, "create", true)                                                                      \
    X(RESERVE, "reserve", true)                                                                    \
    X(WRITE, "write", true)                                                                        \
    X(TRUNCATE, "truncate", true)                                                                  \
    X(SYNC, "sync", true)                                                                          \
    X(RENAME, "rename", true)                                                                      \
    X(REMOVE, "remove", true)                                                                      \
    X(LINK, "link", true)                                                                          \
    X(SYNC_DIRECTORY, "sync_directory", true)                                                      \
    X(OPEN, "open", false)                                                                         \
    X(READ, "read", false)                                                                         \
    X(MAP, "map", false)                                                                           \
    X(SIZE, "size", false)                                                                         \
    X(LIST, "list", false)                                                                         \
    X(LOCK, "lock", false)                                                                         \
    X(FREE_SPACE, "free_space", false)

enum sim_call {
#define SIM_CALL_ENUM(name, words, changing) SIM_##name,
    SIM_CALL_LIST(SIM_CALL_ENUM)
#undef SIM_CALL_ENUM
        SIM_CALL_COUNT
};

const char *sim_call_name(enum sim_call call);

enum sim_crash {
    SIM_POWER_CUT, /* what is not on the platter is gone */
    SIM_KILL       /* kill -9: the page cache stays */
};

/* An empty disk without faults; CHECKs that there is memory. */
struct sim_disk *sim_disk_create(uint64_t seed);

/* Everything mounted on it must have been closed, and every file. */
void sim_disk_destroy(struct sim_disk *disk);

/* A file system on the disk, owned by the caller, closed with fs_close. It stays usable across
 * crashes and restarts. Two of them are two processes to the lock. */
struct file_system *sim_disk_mount(struct sim_disk *disk);

/* The same for another directory of the disk, which is made durably when it is not there. Names are
 * then "directory/name" to the functions below. At most SIM_DIRECTORIES_MAX with the first one. */
#define SIM_DIRECTORIES_MAX 4
struct file_system *sim_disk_mount_directory(struct sim_disk *disk, const char *directory);

/* The first directory for reading only. */
struct file_system *sim_disk_mount_read_only(struct sim_disk *disk);

/* --- crashes ------------------------------------------------------------------------------ */

/* The disk crashes at the `calls`-th changing call from now on (1 = the next). 0 = never. */
void sim_disk_crash_after(struct sim_disk *disk, uint64_t calls);

/* Now, between two calls. */
void sim_disk_crash_now(struct sim_disk *disk);

bool sim_disk_crashed(struct sim_disk *disk);

/* The call at which the disk crashed last, and the name of the file ("" when there is none):
 * borrowed until the next call of this function. SIM_CALL_COUNT: it was between two calls. */
enum sim_call sim_disk_crash_call(struct sim_disk *disk, const char **name);

/* The machine, or the process, starts again: locks are free, faults that were not yet met are
 * forgotten. CHECKs that the dead process's files are closed and unmapped (which finds leaks). */
void sim_disk_restart(struct sim_disk *disk, enum sim_crash kind);

/* A power cut that loses as much of what was not durable, of the bytes of files and of names; then
 * as above. */
void sim_disk_restart_losing(struct sim_disk *disk, enum sim_loss bytes, enum sim_loss names);

/* --- every step --------------------------------------------------------------------------- */

/* A changing call that is about to be made. */
struct sim_step {
    enum sim_call call;
    const char *name; /* of the file; "" = none */
    /* of a write: */
    uint64_t offset;
    const struct slice *parts;
    size_t part_count;
};

/* Called before each changing call, without the disk's mutex, by the thread that makes the call:
 * it may take copies of the disk. NULL: no more. Not while other threads use the disk. */
typedef void sim_disk_witness(void *context, const struct sim_step *step);
void sim_disk_set_witness(struct sim_disk *disk, sim_disk_witness *witness, void *context);

/* The same disk once more, crashed, with chances of its own: to be restarted. It shares memory with
 * the original, which must rest until the copy is destroyed. Faults are not copied. */
struct sim_disk *sim_disk_clone(struct sim_disk *disk, uint64_t seed);

/* A write that the copy was taken before: a part of it, by chance all or nothing, is done. */
void sim_disk_write_a_part(struct sim_disk *clone, const struct sim_step *step);

/* Is all there as it would be after a power cut? */
bool sim_disk_is_durable(struct sim_disk *disk);

/* Are all changes of names durable? */
bool sim_disk_names_are_durable(struct sim_disk *disk);

/* --- faults ------------------------------------------------------------------------------- */

/* The n-th (1 = the next) to the (n + count - 1)-th call of this kind fails with `status`; one such
 * rule for each kind of call. n = 0: no longer. A failed write has put down a part of its bytes. */
void sim_disk_fail(struct sim_disk *disk, enum sim_call call, uint64_t n, uint64_t count,
                   enum status status);

/* Bytes that the files may take together; 0 = no limit. */
void sim_disk_set_capacity(struct sim_disk *disk, uint64_t bytes);

/* From now on reserve() only sets the length, as on file systems that can't reserve. */
void sim_disk_ignore_reservations(struct sim_disk *disk, bool ignore);

/* Flips bits of a byte, in the cache and on the platter: a disk that lies. NOT_FOUND: there is no
 * such file, or it is shorter. */
enum status sim_disk_flip(struct sim_disk *disk, const char *name, uint64_t offset,
                          uint8_t mask) MUST_CHECK;

/* --- meanwhile --------------------------------------------------------------------------- */

/* Called before each read, write and sync of a file, without the disk's mutex, by the thread that
 * makes the call: so a test of one thread can have things happen in the midst of others. The hook
 * may make calls itself, and is not called for those. */
typedef void sim_disk_hook(void *context, enum sim_call call, const char *name);

/* NULL: no more, and then not while other threads use the disk. One thread at a time is in it; the
 * calls that others make meanwhile have none. */
void sim_disk_set_hook(struct sim_disk *disk, sim_disk_hook *hook, void *context);

/* Is all in memory (as by default), or nothing? What find_cached() says. */
void sim_disk_set_cold(struct sim_disk *disk, bool is_cold);

/* --- what happened ------------------------------------------------------------------------ */

uint64_t sim_disk_calls(struct sim_disk *disk, enum sim_call call);
uint64_t sim_disk_changing_calls(struct sim_disk *disk);
uint64_t sim_disk_used_bytes(struct sim_disk *disk);
uint64_t sim_disk_dropped_bytes(struct sim_disk *disk); /* by drop_cache() */
uint64_t sim_disk_reads_ahead(struct sim_disk *disk);   /* calls of read_ahead() */

#endif
