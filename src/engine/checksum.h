/*
 * checksum.h - XXH3, as the engine uses it. The only file that includes xxhash.h, so that all of
 * it is inlined into the few places that hash and nothing of it shows in libscdb's symbols.
 *
 * Pure functions, any thread; a stream belongs to one thread at a time. The same bytes under the
 * same seed give the same sum, whether in one piece or through a stream.
 */
#ifndef SCDB_ENGINE_CHECKSUM_H
#define SCDB_ENGINE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The sum of `size` bytes; `data` may be NULL when size is 0. */
static inline uint64_t checksum_of(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

/* The hash of a key under a store's secret (at least 136 bytes), which nobody outside knows: so
 * nobody can choose keys that collide. */
static inline uint64_t checksum_keyed(const void *data, size_t size, const uint8_t *secret,
                                      size_t secret_size)
{
    return XXH3_64bits_withSecret(data, size, secret, secret_size);
}

/* 64 further bits about a key, independent of checksum_keyed's. */
static inline uint64_t checksum_keyed_wide(const void *data, size_t size, const uint8_t *secret,
                                           size_t secret_size)
{
    return XXH3_128bits_withSecret(data, size, secret, secret_size).high64;
}

/* The sum of bytes that come in pieces. On the stack: 64-byte aligned, about 600 bytes. */
struct checksum_stream {
    XXH3_state_t state;
};

static inline void checksum_stream_init(struct checksum_stream *stream, uint64_t seed)
{
    XXH3_INITSTATE(&stream->state);
    (void)XXH3_64bits_reset_withSeed(&stream->state, seed);
}

static inline void checksum_stream_add(struct checksum_stream *stream, const void *data,
                                       size_t size)
{
    (void)XXH3_64bits_update(&stream->state, data, size);
}

static inline uint64_t checksum_stream_sum(const struct checksum_stream *stream)
{
    return XXH3_64bits_digest(&stream->state);
}

#endif
