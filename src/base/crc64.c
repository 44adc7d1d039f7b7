/* crc64.c - see crc64.h. Eight bytes at a time, by eight tables that are made when first needed. */
#include "base/crc64.h"

#include "base/little_endian.h"

#include <pthread.h>
#include <stddef.h>

/* 0xad93d23594c935a9 with its bits in reverse order. */
#define POLYNOMIAL 0x95ac9329ac4bc9b5ULL

#define STRIDE     8

/* tables[n][byte]: what a byte contributes when n more bytes follow it. */
static uint64_t tables[STRIDE][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static uint64_t shift_byte(uint64_t crc)
{
    for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) != 0 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
    }
    return crc;
}

static void fill_tables(void)
{
    for (size_t byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (size_t n = 0; n < STRIDE; n++) {
            crc = shift_byte(crc);
            tables[n][byte] = crc;
        }
    }
}

uint64_t crc64(uint64_t crc, struct slice bytes)
{
    (void)pthread_once(&tables_once, fill_tables);
    const uint8_t *data = (const uint8_t *)bytes.data;
    size_t at = 0;
    for (; bytes.size - at >= STRIDE; at += STRIDE) {
        uint64_t word = crc ^ little_endian_load64(data + at);
        crc = 0;
        for (size_t i = 0; i < STRIDE; i++) {
            crc ^= tables[STRIDE - 1 - i][word >> (8 * i) & 0xFF];
        }
    }
    for (; at < bytes.size; at++) {
        crc = tables[0][(crc ^ data[at]) & 0xFF] ^ crc >> 8;
    }
    return crc;
}
