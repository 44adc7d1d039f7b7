/*
 * version.h - what these programs call themselves.
 */
#ifndef SCDB_BASE_VERSION_H
#define SCDB_BASE_VERSION_H

#define SCDB_VERSION "0.1.0"

/* The version of Redis that clients are told: they choose by it what they send. */
#define SCDB_REDIS_VERSION "7.2.0"

#endif
