/*
 * escape.h - what stands behind a backslash in a text in double quotes, in requests that are typed
 * and in scdb.conf alike: \n \r \t \b \a, \xHH, or the byte itself. Pure.
 */
#ifndef SCDB_BASE_ESCAPE_H
#define SCDB_BASE_ESCAPE_H

/* Takes one from *at, which stands behind the backslash, before `end`, and is moved behind it.
 * Returns the byte that it stands for. */
char escape_take(const char **at, const char *end);

#endif
