/*
 * mapped_record.h - a record of a mapped file, verified whole; and a copy of its bytes.
 *
 * The caller sees to it that the file stays mapped. Any thread, outside of fault_guard_run().
 */
#ifndef SCDB_ENGINE_MAPPED_RECORD_H
#define SCDB_ENGINE_MAPPED_RECORD_H

#include "engine/record.h"

/* record_decode_whole(); IO: the disk can't deliver a page of it. */
enum status mapped_record_decode(const uint8_t *bytes, uint64_t available, uint64_t seed,
                                 struct record *out) MUST_CHECK;

/* memcpy(), from where a mapping may be. What was verified a moment before may have left memory
 * again, and then the disk can fail. IO: the disk can't deliver a page of it. */
enum status mapped_record_copy(void *into, const void *from, size_t size) MUST_CHECK;

#endif
