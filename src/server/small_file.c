/* small_file.c - see small_file.h. */
#include "server/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool small_file_read_stream(FILE *stream, struct buffer *out)
{
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof(chunk), stream)) > 0) {
        if (buffer_append(out, chunk, size) != STATUS_OK) {
            return false;
        }
    }
    return ferror(stream) == 0;
}

bool small_file_read_or_wait(const char *path, struct buffer *out)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return false;
    }
    bool done = small_file_read_stream(stream, out);
    int saved = errno;
    (void)fclose(stream);
    errno = saved;
    return done;
}

/* -1 and errno on failure. */
static int open_without_waiting(const char *path)
{
    struct stat about;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &about) != 0 || !S_ISFIFO(about.st_mode)) {
        return descriptor; /* what can't be examined can't be read */
    }
    (void)close(descriptor);
    errno = ESPIPE;
    return -1;
}

bool small_file_read(const char *path, struct buffer *out)
{
    int descriptor = open_without_waiting(path);
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "r");
    bool done = stream != NULL && small_file_read_stream(stream, out);
    int saved = errno;
    if (stream != NULL) {
        (void)fclose(stream);
    } else if (descriptor >= 0) {
        (void)close(descriptor);
    }
    errno = saved;
    return done;
}

const char *small_file_words(int error_number)
{
    return error_number == ESPIPE
               ? "it is a pipe, which may never come to its end; put a file there"
               : strerror(error_number);
}

static bool write_all(int descriptor, struct slice text)
{
    while (text.size > 0) {
        ssize_t size = write(descriptor, text.data, text.size);
        if (size < 0 && errno != EINTR) {
            return false;
        }
        size_t taken = size < 0 ? 0 : (size_t)size;
        text = slice_part(text, taken, text.size - taken);
    }
    return true;
}

static void sync_directory_of(const char *path)
{
    char *copy = strdup(path);
    int directory = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        (void)fsync(directory);
        (void)close(directory);
    }
    free(copy);
}

bool small_file_replace(const char *path, struct slice text, mode_t mode_if_new)
{
    char temporary[4200];
    int size = snprintf(temporary, sizeof(temporary), "%s-%d.tmp", path, (int)getpid());
    if (size < 0 || (size_t)size >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return false;
    }
    struct stat old;
    mode_t mode = stat(path, &old) == 0 ? old.st_mode & 0777 : mode_if_new;
    /* What has this name is from a process of our number that died on its way: in a container all
     * have the same. */
    (void)unlink(temporary);
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) {
        return false;
    }
    bool done =
        fchmod(descriptor, mode) == 0 && write_all(descriptor, text) && fsync(descriptor) == 0;
    done = close(descriptor) == 0 && done;
    done = done && rename(temporary, path) == 0;
    if (!done) {
        int saved = errno;
        (void)unlink(temporary);
        errno = saved;
        return false;
    }
    sync_directory_of(path);
    return true;
}
