/*
 * acl_password.h - passwords are kept as their SHA-256, in hexadecimal.
 *
 * What is guarded is a password that somebody chose badly against whoever reads the configuration,
 * not against guessing at leisure: SHA-256 is what Redis keeps, so its files work here and ours
 * there. Pure, any thread.
 */
#ifndef SCDB_SERVER_ACL_PASSWORD_H
#define SCDB_SERVER_ACL_PASSWORD_H

#include "base/slice.h"

#include <stdbool.h>

#define ACL_HASH_SIZE 64 /* characters */

/* The hash of a password, with a NUL behind it. */
void acl_password_hash(struct slice password, char hash[ACL_HASH_SIZE + 1]);

/* Does the text look like a hash: 64 characters out of 0-9 and a-f? */
bool acl_password_is_hash(struct slice text);

/* Compares two hashes in a time that does not depend on what they have in common. */
bool acl_password_is_same_hash(struct slice a, struct slice b);

#endif
