/*
 * version.h - what we are, and what we say to Redis clients that we are.
 */
#ifndef SCDB_BASE_VERSION_H
#define SCDB_BASE_VERSION_H

#define SCDB_VERSION "0.1.0"

/* The version of Redis whose behaviour clients may count on: they choose their path by it. */
#define REDIS_VERSION "7.2.0"

#endif
