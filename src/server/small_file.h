/*
 * small_file.h - small files of configuration: read whole, and replaced at one stroke.
 *
 * Any thread, but one at a time for a file. On failure errno says why.
 */
#ifndef SCDB_SERVER_SMALL_FILE_H
#define SCDB_SERVER_SMALL_FILE_H

#include "base/buffer.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

/* Appends the file's bytes. */
bool small_file_read(const char *path, struct buffer *out);

/* Appends what is left of a stream. */
bool small_file_read_stream(FILE *stream, struct buffer *out);

/* Writes a neighbour of the file, syncs it and puts it in its place, with the permissions of the
 * old one. On failure the file is as it was. */
bool small_file_replace(const char *path, struct slice text, mode_t mode_if_new);

#endif
