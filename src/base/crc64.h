/*
 * crc64.h - the checksum of Redis's snapshots and of what DUMP returns.
 *
 * CRC-64 with the polynomial of David T. Jones ("An Improved 64-bit Cyclic Redundancy Check for
 * Protein Sequences", 0xad93d23594c935a9), bits reflected, beginning with 0 and nothing added at
 * the end: "123456789" gives e9c6d914c4b8d9ca. It keeps accidents out, not people.
 *
 * Any thread.
 */
#ifndef SCDB_BASE_CRC64_H
#define SCDB_BASE_CRC64_H

#include "base/slice.h"

#include <stdint.h>

/* The checksum of `bytes` behind others whose checksum is `crc` (0: behind none). */
uint64_t crc64(uint64_t crc, struct slice bytes);

#endif
