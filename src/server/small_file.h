/*
 * small_file.h - small files of configuration: read whole, and replaced at one stroke.
 *
 * Any thread, but one at a time for a file. On failure errno says why, and small_file_words() says
 * it in words.
 */
#ifndef SCDB_SERVER_SMALL_FILE_H
#define SCDB_SERVER_SMALL_FILE_H

#include "base/buffer.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

/* Appends the file's bytes. Never waits for others, so it may be called while clients are served:
 * a pipe, whose writer may never come or never end, is a failure (ESPIPE). */
bool small_file_read(const char *path, struct buffer *out);

/* The same at the start, when a pipe is as good as a file: it is read to its end. */
bool small_file_read_or_wait(const char *path, struct buffer *out);

/* A static string, or strerror()'s. */
const char *small_file_words(int error_number);

/* Appends what is left of a stream. */
bool small_file_read_stream(FILE *stream, struct buffer *out);

/* Writes a neighbour of the file, syncs it and puts it in its place, with the permissions of the
 * old one. On failure the file is as it was. */
bool small_file_replace(const char *path, struct slice text, mode_t mode_if_new);

#endif
