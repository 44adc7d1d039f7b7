/*
 * mapped_record.h - a record of a mapped file, verified whole.
 *
 * The caller sees to it that the file stays mapped. Any thread, outside of fault_guard_run().
 */
#ifndef SCDB_ENGINE_MAPPED_RECORD_H
#define SCDB_ENGINE_MAPPED_RECORD_H

#include "engine/record.h"

/* record_decode_whole(); IO: the disk can't deliver a page of it. */
enum status mapped_record_decode(const uint8_t *bytes, uint64_t available, uint64_t seed,
                                 struct record *out) MUST_CHECK;

#endif
