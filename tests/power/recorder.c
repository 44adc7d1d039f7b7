/*
 * recorder.c - writes down what a program does to the files of one directory, in one order.
 *
 * Loaded into the real server with LD_PRELOAD, it stands between the program and the C library:
 * each call that changes a file or a name in the directory, or makes something durable, is noted
 * with its contents before it is made, and noted again with its result when it has returned. From
 * the notes redis-tests/power/disk.py makes the states that a power cut at any point could have
 * left.
 *
 * Order. Notes are appended to a file that is mapped into memory, under one mutex; a note's place
 * in the file is its time. What one thread has seen return before another begins is in this order
 * in the notes, too. The file's first page holds the count of bytes used, which other processes may
 * read: what a client has been told rests only on notes before the count that it reads after that.
 *
 * Settings, from the environment: SCDB_RECORD, the file to note into, made by the test, as long as
 * it may get; a program started later goes on where the one before ended. SCDB_RECORD_DIRECTORY,
 * the directory. SCDB_RECORD_LIE=fdatasync or =directory: successful syncs of files, or of the
 * directory, are noted as failed; =log, those of files called *.log: a disk that only pretends. The
 * program notices nothing, but a test that compares the notes with what it promised must.
 *
 * Not seen: changes through writable mappings, raw system calls and stdio. The test finds out
 * whether there were any, by comparing all notes together with the directory.
 */
/* Both names of each call are to be defined here, not one to be taken for the other. */
#undef _FILE_OFFSET_BITS

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT           __attribute__((visibility("default")))
#define DESCRIPTORS_MAX  65536
#define HEADER_SIZE      4096
#define PARTS_MAX        1024
#define FLAG_OVERFLOW    1
#define ALIGN_UP(size)   (((size) + 7) & ~(uint64_t)7)
#define WRITE_AT_THE_END UINT64_MAX /* the offset of a write() */

/* What a note is about; disk.py has the same numbers. */
enum kind {
    KIND_RETURNED = 1, /* of the call noted at `begin` */
    KIND_OPEN,
    KIND_CLOSE,
    KIND_WRITE,
    KIND_TRUNCATE,
    KIND_ALLOCATE,
    KIND_SYNC,
    KIND_SYNC_DIRECTORY,
    KIND_RENAME,
    KIND_REMOVE,
    KIND_LINK
};

/* One note; `payload_size` bytes follow, then zeros to a multiple of 8. */
struct note {
    uint64_t size; /* with payload and zeros */
    uint32_t kind;
    uint32_t process;
    int64_t descriptor;
    int64_t result; /* RETURNED: what the call returned; OPEN: flags */
    uint64_t begin;
    uint64_t offset; /* TRUNCATE: the length; ALLOCATE: the end */
    uint64_t payload_size;
};

/* The first page of the file. */
struct header {
    _Atomic uint64_t used; /* bytes, this page included */
    _Atomic uint64_t flags;
};

enum watched { NOT_WATCHED, WATCHED_FILE, WATCHED_LOG, WATCHED_DIRECTORY };

static struct header *header; /* NULL: nothing is recorded */
static uint64_t capacity;
static pthread_mutex_t note_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint8_t watched[DESCRIPTORS_MAX];
static char directory_path[PATH_MAX];
static struct stat directory_about;
static bool lies_about[WATCHED_DIRECTORY + 1];

static struct {
    int (*open)(const char *path, int flags, ...);
    int (*openat)(int directory, const char *path, int flags, ...);
    int (*close)(int descriptor);
    int (*closedir)(DIR *directory);
    ssize_t (*write)(int descriptor, const void *bytes, size_t size);
    ssize_t (*pwrite)(int descriptor, const void *bytes, size_t size, off_t offset);
    ssize_t (*pwritev)(int descriptor, const struct iovec *parts, int count, off_t offset);
    int (*fallocate)(int descriptor, int mode, off_t offset, off_t size);
    int (*ftruncate)(int descriptor, off_t size);
    int (*fdatasync)(int descriptor);
    int (*fsync)(int descriptor);
    int (*rename)(const char *from, const char *to);
    int (*renameat)(int from_directory, const char *from, int to_directory, const char *to);
    int (*unlink)(const char *path);
    int (*unlinkat)(int directory, const char *path, int flags);
    int (*linkat)(int from_directory, const char *from, int to_directory, const char *to,
                  int flags);
} real;

/* --- the start ---------------------------------------------------------------------------- */

static void find(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (symbol == NULL) {
        (void)fprintf(stderr, "recorder: the C library has no %s\n", name);
        abort();
    }
    memcpy(function, &symbol, sizeof(symbol));
}

static void find_all(void)
{
    find(&real.open, "open");
    find(&real.openat, "openat");
    find(&real.close, "close");
    find(&real.closedir, "closedir");
    find(&real.write, "write");
    find(&real.pwrite, "pwrite");
    find(&real.pwritev, "pwritev");
    find(&real.fallocate, "fallocate");
    find(&real.ftruncate, "ftruncate");
    find(&real.fdatasync, "fdatasync");
    find(&real.fsync, "fsync");
    find(&real.rename, "rename");
    find(&real.renameat, "renameat");
    find(&real.unlink, "unlink");
    find(&real.unlinkat, "unlinkat");
    find(&real.linkat, "linkat");
}

static void map_notes(const char *path)
{
    struct stat about;
    int descriptor = real.open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &about) != 0) {
        (void)fprintf(stderr, "recorder: can't open %s: %s\n", path, strerror(errno));
        abort();
    }
    capacity = (uint64_t)about.st_size;
    void *memory = mmap(NULL, (size_t)capacity, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    (void)real.close(descriptor);
    if (memory == MAP_FAILED) {
        (void)fprintf(stderr, "recorder: can't map %s: %s\n", path, strerror(errno));
        abort();
    }
    header = memory;
    uint64_t nothing = 0;
    (void)atomic_compare_exchange_strong(&header->used, &nothing, HEADER_SIZE);
}

__attribute__((constructor)) static void start(void)
{
    find_all();
    const char *path = getenv("SCDB_RECORD");
    const char *directory = getenv("SCDB_RECORD_DIRECTORY");
    const char *lie = getenv("SCDB_RECORD_LIE");
    if (path == NULL || directory == NULL) {
        return;
    }
    if (stat(directory, &directory_about) != 0 || strlen(directory) >= sizeof(directory_path)) {
        (void)fprintf(stderr, "recorder: there is no directory %s\n", directory);
        abort();
    }
    (void)snprintf(directory_path, sizeof(directory_path), "%s", directory);
    if (lie != NULL) {
        lies_about[WATCHED_FILE] = strcmp(lie, "fdatasync") == 0;
        lies_about[WATCHED_LOG] = strcmp(lie, "log") == 0 || lies_about[WATCHED_FILE];
        lies_about[WATCHED_DIRECTORY] = strcmp(lie, "directory") == 0;
    }
    map_notes(path);
}

/* --- notes -------------------------------------------------------------------------------- */

/* Appends a note with what the parts hold; returns its place, 0 when the file is full. */
static uint64_t append_note(struct note *note, const struct iovec *parts, int part_count)
{
    for (int i = 0; i < part_count; i++) {
        note->payload_size += parts[i].iov_len;
    }
    note->process = (uint32_t)getpid();
    note->size = sizeof(*note) + ALIGN_UP(note->payload_size);
    (void)pthread_mutex_lock(&note_mutex);
    uint64_t place = atomic_load(&header->used);
    if (note->size > capacity - place) {
        atomic_fetch_or(&header->flags, FLAG_OVERFLOW);
        place = 0;
    } else {
        uint8_t *into = (uint8_t *)header + place;
        memcpy(into, note, sizeof(*note));
        into += sizeof(*note);
        for (int i = 0; i < part_count; i++) {
            memcpy(into, parts[i].iov_base, parts[i].iov_len);
            into += parts[i].iov_len;
        }
        /* Last: a process that is killed leaves no half of a note. */
        atomic_store(&header->used, place + note->size);
    }
    (void)pthread_mutex_unlock(&note_mutex);
    return place;
}

static uint64_t note_call(enum kind kind, int descriptor, uint64_t offset)
{
    struct note note = {.kind = kind, .descriptor = descriptor, .offset = offset};
    return append_note(&note, NULL, 0);
}

static uint64_t note_names(enum kind kind, const char *first, const char *second, int flags)
{
    struct note note = {.kind = kind, .descriptor = -1, .result = flags};
    struct iovec parts[] = {
        {.iov_base = (void *)(uintptr_t)first, .iov_len = strlen(first) + 1},
        {.iov_base = (void *)(uintptr_t)second, .iov_len = strlen(second) + 1},
    };
    return append_note(&note, parts, 2);
}

/* Keeps errno, which belongs to the call. */
static void note_return(uint64_t begin, int64_t result)
{
    int error_number = errno;
    struct note note = {.kind = KIND_RETURNED, .result = result, .begin = begin};
    (void)append_note(&note, NULL, 0);
    errno = error_number;
}

/* --- what is watched ---------------------------------------------------------------------- */

static enum watched watched_of(int descriptor)
{
    return header != NULL && descriptor >= 0 && descriptor < DESCRIPTORS_MAX
               ? (enum watched)atomic_load(&watched[descriptor])
               : NOT_WATCHED;
}

static bool is_watched_file(int descriptor)
{
    enum watched what = watched_of(descriptor);
    return what == WATCHED_FILE || what == WATCHED_LOG;
}

static enum watched kind_of_file(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".log") == 0 ? WATCHED_LOG : WATCHED_FILE;
}

/* The name that a path has in the directory, NULL when it lies elsewhere. */
static const char *name_in_directory(int at, const char *path)
{
    if (header == NULL) {
        return NULL;
    }
    if (watched_of(at) == WATCHED_DIRECTORY && strchr(path, '/') == NULL) {
        return path;
    }
    size_t size = strlen(directory_path);
    bool is_inside = strncmp(path, directory_path, size) == 0 && path[size] == '/';
    return is_inside && strchr(path + size + 1, '/') == NULL ? path + size + 1 : NULL;
}

static void watch(int descriptor, enum watched what)
{
    if (descriptor >= 0 && descriptor < DESCRIPTORS_MAX) {
        atomic_store(&watched[descriptor], (uint8_t)what);
    }
}

/* After an open that was not of a file in the directory: it may be the directory itself. */
static int opened_elsewhere(int descriptor)
{
    struct stat about;
    bool is_directory = header != NULL && descriptor >= 0 && fstat(descriptor, &about) == 0 &&
                        about.st_dev == directory_about.st_dev &&
                        about.st_ino == directory_about.st_ino;
    watch(descriptor, is_directory ? WATCHED_DIRECTORY : NOT_WATCHED);
    return descriptor;
}

/* Before a descriptor is closed: then its number may be another thread's at once. */
static void forget(int descriptor)
{
    if (is_watched_file(descriptor)) {
        (void)note_call(KIND_CLOSE, descriptor, 0);
    }
    watch(descriptor, NOT_WATCHED);
}

/* --- the calls ---------------------------------------------------------------------------- */

/* The C library's headers have names of their own for the parameters. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

EXPORT int openat(int directory, const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    const char *name = name_in_directory(directory, path);
    if (name == NULL || (flags & O_DIRECTORY) != 0) {
        return opened_elsewhere(real.openat(directory, path, flags, mode));
    }
    uint64_t begin = note_names(KIND_OPEN, name, "", flags);
    int descriptor = real.openat(directory, path, flags, mode);
    watch(descriptor, kind_of_file(name));
    note_return(begin, descriptor);
    return descriptor;
}

EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return openat(AT_FDCWD, path, flags, mode);
}

EXPORT int close(int descriptor)
{
    forget(descriptor);
    return real.close(descriptor);
}

EXPORT int closedir(DIR *directory)
{
    forget(dirfd(directory));
    return real.closedir(directory);
}

static ssize_t write_parts(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    struct note note = {.kind = KIND_WRITE, .descriptor = descriptor, .offset = (uint64_t)offset};
    uint64_t begin = append_note(&note, parts, count);
    ssize_t written = real.pwritev(descriptor, parts, count, offset);
    note_return(begin, written);
    return written;
}

EXPORT ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    return is_watched_file(descriptor) ? write_parts(descriptor, parts, count, offset)
                                       : real.pwritev(descriptor, parts, count, offset);
}

EXPORT ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    return is_watched_file(descriptor) ? write_parts(descriptor, &part, 1, offset)
                                       : real.pwrite(descriptor, bytes, size, offset);
}

EXPORT ssize_t write(int descriptor, const void *bytes, size_t size)
{
    if (!is_watched_file(descriptor)) {
        return real.write(descriptor, bytes, size);
    }
    struct note note = {.kind = KIND_WRITE, .descriptor = descriptor, .offset = WRITE_AT_THE_END};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    uint64_t begin = append_note(&note, &part, 1);
    ssize_t written = real.write(descriptor, bytes, size);
    note_return(begin, written);
    return written;
}

EXPORT int fallocate(int descriptor, int mode, off_t offset, off_t size)
{
    if (!is_watched_file(descriptor)) {
        return real.fallocate(descriptor, mode, offset, size);
    }
    struct note note = {.kind = KIND_ALLOCATE,
                        .descriptor = descriptor,
                        .result = mode,
                        .offset = (uint64_t)(offset + size)};
    uint64_t begin = append_note(&note, NULL, 0);
    int result = real.fallocate(descriptor, mode, offset, size);
    note_return(begin, result);
    return result;
}

EXPORT int ftruncate(int descriptor, off_t size)
{
    if (!is_watched_file(descriptor)) {
        return real.ftruncate(descriptor, size);
    }
    uint64_t begin = note_call(KIND_TRUNCATE, descriptor, (uint64_t)size);
    int result = real.ftruncate(descriptor, size);
    note_return(begin, result);
    return result;
}

/* fsync or fdatasync, of a file or of the directory. */
static int sync_watched(int descriptor, int (*sync)(int descriptor))
{
    enum watched what = watched_of(descriptor);
    if (what == NOT_WATCHED) {
        return sync(descriptor);
    }
    bool is_directory = what == WATCHED_DIRECTORY;
    uint64_t begin = note_call(is_directory ? KIND_SYNC_DIRECTORY : KIND_SYNC, descriptor, 0);
    int result = sync(descriptor);
    note_return(begin, lies_about[what] ? -1 : result);
    return result;
}

EXPORT int fdatasync(int descriptor)
{
    return sync_watched(descriptor, real.fdatasync);
}

EXPORT int fsync(int descriptor)
{
    return sync_watched(descriptor, real.fsync);
}

EXPORT int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    const char *old_name = name_in_directory(from_directory, from);
    const char *new_name = name_in_directory(to_directory, to);
    if (old_name == NULL || new_name == NULL) {
        return real.renameat(from_directory, from, to_directory, to);
    }
    uint64_t begin = note_names(KIND_RENAME, old_name, new_name, 0);
    int result = real.renameat(from_directory, from, to_directory, to);
    note_return(begin, result);
    return result;
}

EXPORT int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORT int unlinkat(int directory, const char *path, int flags)
{
    const char *name = name_in_directory(directory, path);
    if (name == NULL) {
        return real.unlinkat(directory, path, flags);
    }
    uint64_t begin = note_names(KIND_REMOVE, name, "", 0);
    int result = real.unlinkat(directory, path, flags);
    note_return(begin, result);
    return result;
}

EXPORT int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    const char *old_name = name_in_directory(from_directory, from);
    const char *new_name = name_in_directory(to_directory, to);
    if (old_name == NULL || new_name == NULL) {
        return real.linkat(from_directory, from, to_directory, to, flags);
    }
    uint64_t begin = note_names(KIND_LINK, old_name, new_name, 0);
    int result = real.linkat(from_directory, from, to_directory, to, flags);
    note_return(begin, result);
    return result;
}

/* --- the same by other names -------------------------------------------------------------- */

_Static_assert(sizeof(off_t) == sizeof(off64_t), "a 64-bit machine");

EXPORT int open64(const char *path, int flags, ...) __attribute__((alias("open")));
EXPORT int openat64(int directory, const char *path, int flags, ...)
    __attribute__((alias("openat")));
EXPORT ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset)
    __attribute__((alias("pwrite")));
EXPORT ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset)
    __attribute__((alias("pwritev")));
EXPORT int fallocate64(int descriptor, int mode, off64_t offset, off64_t size)
    __attribute__((alias("fallocate")));
EXPORT int ftruncate64(int descriptor, off64_t size) __attribute__((alias("ftruncate")));
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
