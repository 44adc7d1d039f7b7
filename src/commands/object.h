/*
 * object.h - how Redis would keep a value: for OBJECT ENCODING and DEBUG OBJECT. Pure.
 */
#ifndef SCDB_COMMANDS_OBJECT_H
#define SCDB_COMMANDS_OBJECT_H

#include "keyspace/keyspace.h"

/* "int", "embstr", "raw" of a string that was loaded, unless it is longer than any embstr; a static
 * string. */
const char *object_encoding(const struct value *value);

#endif
