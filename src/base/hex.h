/*
 * hex.h - bytes as text: two hexadecimal digits each, in lower case. Pure.
 */
#ifndef SCDB_BASE_HEX_H
#define SCDB_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Writes 2 * `size` digits to `digits`, and a NUL behind them. */
void hex_encode(const uint8_t *bytes, size_t size, char *digits);

#endif
