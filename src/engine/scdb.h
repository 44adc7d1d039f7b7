/*
 * scdb.h - a persistent key-value store in a library: keys and values are bytes, in files.
 *
 * This header is the manual. Link with libscdb.so, or with libscdb.a and -pthread.
 *
 *     struct scdb *db;
 *     struct scdb_error error;
 *     if (scdb_open("data", NULL, &db, &error) != SCDB_OK) {
 *         fprintf(stderr, "%s\n", error.text);
 *         return 1;
 *     }
 *     scdb_set(db, scdb_string("visits"), scdb_string("41"), SCDB_NEVER);
 *     ...
 *     scdb_close(db);
 *
 * Design. A store is a directory. What is set or deleted is appended to the newest of its files and
 * never changed there, so a crash can't damage what was written before. Memory holds an index
 * (about 16 bytes a key, whatever the keys' and values' length), never the data; the kernel's page
 * cache keeps what is used often. Bytes that were overwritten or deleted are reclaimed by
 * compaction, while the store is in use: by scdb_compact(), or by itself where scdb_options say so.
 * All that is read has passed its checksum.
 *
 * What is safe when. When a write returns SCDB_OK it is in the page cache: it outlives this
 * process, however that ends. Whether it outlives the machine's is for scdb_options.sync to say.
 * What another thread's unfinished write has done may be read only when it is as safe as it is
 * going to be: a read waits for that, so nothing that was ever returned is undone by a crash. After
 * a crash the store holds all writes up to some point and none behind it, a batch as one.
 *
 * Threads. All functions may be called from any thread, at the same time, on one store, but for
 * scdb_close(), which must be the last call, and for the functions of a batch and of a view: those
 * belong to one thread at a time. No callback but that of scdb_set_log() is called with a lock
 * held, so it may use the store. After fork() only the parent may use a store that was open; should
 * it end without closing that, the child keeps the store locked as long as it lives.
 *
 * What it takes of the process. Four threads while a store is open for writing, up to three more
 * during scdb_open(); they take no signals but those of their own faults. A descriptor and a
 * mapping for each file of the store, 16 of them a GiB with the default segment_size when they are
 * full, for which the limit of open files may have to be raised. A handler of SIGBUS from the first
 * scdb_open() on, for a disk that fails under a mapping: it passes on what is not the library's;
 * who sets one later has to do so, too. Where a limit of file sizes may be set (RLIMIT_FSIZE),
 * ignore SIGXFSZ: a write beyond it is DISK_FULL then, else it ends the process.
 *
 * Processes. One process has a store open at a time, or several that only read it; one more is told
 * who has it.
 *
 * Ownership. A struct scdb_bytes borrows; arguments are copied before a call returns. What a
 * function hands out says how it is given back. Out parameters are untouched on failure.
 *
 * Limits. Keys up to 512 MiB, values up to 4 GiB less one byte. Small keys are cheaper.
 *
 * The format is that of scdb-server, which keeps database 0 where this library keeps its keys: each
 * opens the other's directory, though not at the same time.
 */
#ifndef SCDB_H
#define SCDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SCDB_API        __attribute__((visibility("default")))
#define SCDB_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SCDB_API
#define SCDB_MUST_CHECK
#endif

/* --- results --------------------------------------------------------------------------------- */

/*
 * Every function that can fail returns one of these; their numbers will not change. Unless said
 * otherwise, a function that fails has changed nothing.
 */
enum scdb_status {
    SCDB_OK = 0,
    SCDB_NOT_FOUND = 1,       /* there is no such key, or it has expired */
    SCDB_INVALID = 2,         /* an argument makes no sense */
    SCDB_TOO_LARGE = 3,       /* a key or a value is beyond the limits */
    SCDB_NO_MEMORY = 4,       /* malloc failed */
    SCDB_IO = 5,              /* the disk failed; after a write see scdb_set() */
    SCDB_CORRUPT = 6,         /* what is stored there fails its checksum; the log says where */
    SCDB_DISK_FULL = 7,       /* deleting and compacting go on */
    SCDB_INDEX_FULL = 8,      /* a new key would pass index_memory_limit */
    SCDB_KEY_LIMIT = 9,       /* a new key would pass max_keys */
    SCDB_LOCKED = 10,         /* another process has the store open */
    SCDB_NEWER_FORMAT = 11,   /* the store was written by a newer version of scdb */
    SCDB_WRITES_STOPPED = 12, /* the kernel could not make data durable, or somebody has taken away
                                 the store's files or its lock: reading goes on, writing does not
                                 until the store is opened again */
    SCDB_CLOSED = 13,         /* the store is being closed */
    SCDB_READ_ONLY = 14       /* it was opened read_only; or, opening: it can't be written to */
};

/* A few words for people; a static string. */
SCDB_API const char *scdb_status_text(enum scdb_status status);

/* What went wrong, where, and what to do; always NUL-terminated. */
struct scdb_error {
    char text[512];
};

/* --- bytes and times ------------------------------------------------------------------------- */

/* Bytes that belong to somebody else; `data` may be NULL when `size` is 0. */
struct scdb_bytes {
    const void *data;
    size_t size;
};

static inline struct scdb_bytes scdb_bytes(const void *data, size_t size)
{
    struct scdb_bytes bytes;
    bytes.data = data;
    bytes.size = size;
    return bytes;
}

/* The bytes of a string, without its NUL. */
static inline struct scdb_bytes scdb_string(const char *string)
{
    return scdb_bytes(string, strlen(string));
}

/* Times are Unix time in milliseconds. This one never comes. */
#define SCDB_NEVER INT64_MAX

/* The time `ttl_ms` from now. */
SCDB_API int64_t scdb_after(int64_t ttl_ms);

/* --- opening and closing --------------------------------------------------------------------- */

struct scdb; /* an open store */

/* When a write that has returned outlives a failure of power or kernel. */
enum scdb_sync {
    SCDB_SYNC_EVERYSEC = 0, /* about a second later; past two seconds, writes wait, and who reads
                               what they have written */
    SCDB_SYNC_ALWAYS = 1,   /* at once: each write waits for the disk, many threads for one sync */
    SCDB_SYNC_NO = 2        /* when the kernel likes, or after scdb_sync() */
};

/* All zero is the default of everything: struct scdb_options options = {0}; (in C++ {}). A program
 * that overwrites or deletes wants compaction: scdb-server's defaults are an interval of 3600 and a
 * percentage of 40. */
struct scdb_options {
    enum scdb_sync sync;
    uint64_t segment_size;          /* of a new store's files, 1 MiB to 1 GiB; 0 = 64 MiB */
    uint64_t max_keys;              /* 0 = no limit */
    uint64_t index_memory_limit;    /* bytes of memory for the index; 0 = no limit */
    uint64_t compaction_interval_s; /* how often to look for bytes to reclaim; 0 = only when
                                       scdb_compact() is called */
    uint64_t compaction_percentage; /* look for them at once when more than this part of the files
                                       is garbage, 0 to 90, and slow writers where that is not
                                       enough; 0 = do neither */
    bool read_only;                 /* change nothing: see scdb_open() */
    uint64_t reserved[6];           /* 0 */
};

/*
 * Opens the store in directory `path`, making it when there is none (its parent must be there).
 * `options` may be NULL. After a crash what was written last is read again; `error` (may be NULL)
 * says where and why that is impossible. Close what `out` becomes with scdb_close().
 *
 * With options->read_only nothing in the directory is made or changed, so it may lie on a file
 * system that can't be written: what a crash left unfinished is passed over, and all that writes
 * returns READ_ONLY. Such a store may be open in several processes, but in none that writes.
 *
 * INVALID: also where an import has not come to its end (a file IMPORT.unfinished lies there, see
 * docs/import-v1.md): run it again, or remove that file to use what is there.
 * NO_MEMORY, IO, DISK_FULL, LOCKED, NEWER_FORMAT; CORRUPT: durable data is damaged;
 * READ_ONLY: the directory can't be written, and read_only was not asked for; NOT_FOUND: there is
 * no store, and none may be made.
 */
SCDB_API enum scdb_status scdb_open(const char *path, const struct scdb_options *options,
                                    struct scdb **out, struct scdb_error *error) SCDB_MUST_CHECK;

/*
 * Makes everything durable, then closes and frees; no other call may be running or follow. NULL is
 * fine. IO, DISK_FULL, WRITES_STOPPED: the store is closed all the same, but what was written last
 * may not be durable.
 */
SCDB_API enum scdb_status scdb_close(struct scdb *db);

/* --- one key --------------------------------------------------------------------------------- */

/*
 * Sets a key, whether it was there or not. From `expiry_ms` on it is not there any more; SCDB_NEVER
 * or scdb_after(60000), say.
 *
 * TOO_LARGE, INDEX_FULL, KEY_LIMIT, READ_ONLY: nothing has changed. DISK_FULL, IO, NO_MEMORY,
 * WRITES_STOPPED: nothing has changed, or the value is set but not as safe as asked for. In the
 * second case reading the key fails the same way until the disk takes the value, which is tried
 * again and again; a crash before that brings back the old one.
 */
SCDB_API enum scdb_status scdb_set(struct scdb *db, struct scdb_bytes key, struct scdb_bytes value,
                                   int64_t expiry_ms) SCDB_MUST_CHECK;

/* Deletes a key. NOT_FOUND: it was not there. WRITES_STOPPED, NO_MEMORY, DISK_FULL and IO as in
 * scdb_set(). A key whose value is CORRUPT can be deleted, and set. */
SCDB_API enum scdb_status scdb_delete(struct scdb *db, struct scdb_bytes key) SCDB_MUST_CHECK;

/*
 * A copy of a key's value. Free *value with scdb_free(); it is never NULL, and a NUL that *size
 * does not count follows the bytes, so a stored string is one again. `size` may be NULL.
 *
 * NOT_FOUND, CORRUPT, NO_MEMORY; IO, DISK_FULL, WRITES_STOPPED: the value can't be read, or is one
 * that could not be brought to the disk; INVALID: scdb-server keeps a list, a hash or the like
 * here.
 */
SCDB_API enum scdb_status scdb_get(struct scdb *db, struct scdb_bytes key, void **value,
                                   size_t *size) SCDB_MUST_CHECK;

SCDB_API void scdb_free(void *value);

/* A value to look at without copying it. */
struct scdb_view {
    struct scdb_bytes value;
    int64_t expiry_ms; /* SCDB_NEVER: none */
    void *reserved[2];
};

/*
 * Borrows a key's value: a large one where it lies in the file, a small one as a copy. The bytes
 * stay the same, whatever happens to the key, until scdb_release(), which must come before
 * scdb_close(). Views keep files from being removed: don't hold them for long. If the disk fails
 * while you read the bytes of a view, the process gets a SIGBUS; scdb_get() returns SCDB_IO.
 *
 * Errors as in scdb_get().
 */
SCDB_API enum scdb_status scdb_borrow(struct scdb *db, struct scdb_bytes key,
                                      struct scdb_view *view) SCDB_MUST_CHECK;

/* Gives a view back. It may be released twice, or be all zero. */
SCDB_API void scdb_release(struct scdb_view *view);

/* When a key expires; SCDB_NEVER: it does not. NOT_FOUND, CORRUPT, and as in scdb_get(). */
SCDB_API enum scdb_status scdb_expiry(struct scdb *db, struct scdb_bytes key,
                                      int64_t *expiry_ms) SCDB_MUST_CHECK;

/* --- many keys ------------------------------------------------------------------------------- */

/* Writes that will be made together. */
struct scdb_batch;

/* NO_MEMORY. Free it with scdb_batch_destroy(). */
SCDB_API enum scdb_status scdb_batch_create(struct scdb_batch **out) SCDB_MUST_CHECK;
SCDB_API void scdb_batch_destroy(struct scdb_batch *batch);

/* Add a write to the batch, which keeps copies. They take effect in this order. TOO_LARGE,
 * NO_MEMORY. */
SCDB_API enum scdb_status scdb_batch_set(struct scdb_batch *batch, struct scdb_bytes key,
                                         struct scdb_bytes value,
                                         int64_t expiry_ms) SCDB_MUST_CHECK;
SCDB_API enum scdb_status scdb_batch_delete(struct scdb_batch *batch,
                                            struct scdb_bytes key) SCDB_MUST_CHECK;

/* Takes all writes off the batch, which can be filled again. */
SCDB_API void scdb_batch_clear(struct scdb_batch *batch);

/*
 * Makes all writes of the batch, or none: other threads see all or nothing, and so does who opens
 * the store after a crash. The batch is unchanged and can be written again. Deleting a key that is
 * not there does nothing. Others wait meanwhile, so keep batches below some thousands of writes.
 *
 * Errors as in scdb_set(). TOO_LARGE: the records are more than 1 GiB, or what they replace or
 * delete is, where a key that stands twice counts twice. DISK_FULL: there must be room for what the
 * batch replaces or deletes as well; scdb_delete() needs none. CORRUPT: a key's
 * present value can't be read, so it could not be put back; set or delete that key by itself first.
 * Should the disk die, or memory run out, in the midst of putting back what a failed batch had
 * changed, the process is aborted, and the next scdb_open() finds none of it.
 */
SCDB_API enum scdb_status scdb_batch_write(struct scdb *db,
                                           const struct scdb_batch *batch) SCDB_MUST_CHECK;

/* A key that a scan has found; `key` is borrowed for the call. */
struct scdb_key {
    struct scdb_bytes key;
    uint64_t value_size;
    int64_t expiry_ms;
};

typedef void scdb_visit(void *context, const struct scdb_key *key);

/*
 * Looks at `count` keys or a few more, or at all that are left, and visits those that have not
 * expired. Begin with *cursor 0; it becomes where to go
 * on, and 0 again at the end. The order means nothing. The store may change meanwhile, between
 * calls and in `visit`: a key that is there from the first call to the last is visited exactly
 * once. Keys whose records can't be read are left out.
 *
 * NO_MEMORY (nothing was visited), IO, DISK_FULL, WRITES_STOPPED.
 */
SCDB_API enum scdb_status scdb_scan(struct scdb *db, uint64_t *cursor, size_t count,
                                    scdb_visit *visit, void *context) SCDB_MUST_CHECK;

/* Deletes all keys, at once whatever their number. Errors as in scdb_delete(). */
SCDB_API enum scdb_status scdb_clear(struct scdb *db) SCDB_MUST_CHECK;

/* --- the disk -------------------------------------------------------------------------------- */

/* Makes all that has been written durable, and waits for it. IO, DISK_FULL, WRITES_STOPPED. */
SCDB_API enum scdb_status scdb_sync(struct scdb *db) SCDB_MUST_CHECK;

struct scdb_compaction {
    uint64_t reclaimed_bytes; /* what the files take less than before */
    uint64_t copied_bytes;
    uint64_t files_removed;
};

/* Reclaims the space of all that was overwritten, deleted or has expired, and waits for it; other
 * threads are served meanwhile. `out` may be NULL. READ_ONLY: nothing is done. NO_MEMORY, IO,
 * DISK_FULL, WRITES_STOPPED, CLOSED: some space may have been reclaimed. */
SCDB_API enum scdb_status scdb_compact(struct scdb *db,
                                       struct scdb_compaction *out) SCDB_MUST_CHECK;

/*
 * Makes a copy of the store, as it is at one moment during the call, in the directory `path`: made
 * by the call, or there and empty, on the same file system. No data is copied: full files are
 * shared, as hard links, by the store and the copy, and neither changes them. Other threads are
 * served meanwhile. The copy can be opened like any store. `error` (may be NULL) says why it could
 * not be made; then nothing of it is left. If the process or the machine dies meanwhile, the
 * directory can't be taken for a store.
 *
 * INVALID: `path` is on another file system, or exists and is not empty, or is what a file of the
 * store may be called; CORRUPT: a file of the store is missing or no longer what it was; IO,
 * DISK_FULL, NO_MEMORY, WRITES_STOPPED, READ_ONLY.
 */
SCDB_API enum scdb_status scdb_backup(struct scdb *db, const char *path,
                                      struct scdb_error *error) SCDB_MUST_CHECK;

struct scdb_statistics {
    uint64_t keys;
    uint64_t live_bytes;      /* of the keys' newest records */
    uint64_t record_bytes;    /* of all records in the files: the rest can be reclaimed */
    uint64_t disk_bytes;      /* of the files */
    uint64_t files;           /* that hold records */
    uint64_t index_bytes;     /* of memory */
    uint64_t undurable_bytes; /* written, and lost if the machine fails now */
    uint64_t expired_keys;    /* removed because their time had come, since the store was opened */
    uint64_t syncs;           /* since then */
    uint64_t compactions;     /* since then */
    uint64_t corrupt_records; /* met since then */
    bool writes_stopped;
    bool compaction_running;
    uint64_t reserved[8]; /* 0 */
};

SCDB_API void scdb_statistics(struct scdb *db, struct scdb_statistics *out);

/* --- the log --------------------------------------------------------------------------------- */

enum scdb_log_level { SCDB_LOG_DEBUG, SCDB_LOG_VERBOSE, SCDB_LOG_NOTICE, SCDB_LOG_WARNING };

/* `text` is one line without its end, borrowed for the call. */
typedef void scdb_log(enum scdb_log_level level, const char *text);

/*
 * Where the library says what it has met: a record that fails its checksum, with file and offset; a
 * disk that is full, or works again. One function for the process, called on any thread, possibly
 * with a lock held: it must be quick and must not call the library. NULL, as at the start: nowhere.
 */
SCDB_API void scdb_set_log(scdb_log *log);

#ifdef __cplusplus
}
#endif

#endif
