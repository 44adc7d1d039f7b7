/*
 * config_special.h - directives with a syntax of their own.
 *
 * Each config_special_* function is a row's `normalise` (config.h): pure except for the buffer that
 * it appends to, which it may leave half filled on failure. The words for a refused value are
 * Redis's, and as there a value of several words has one blank between two, and no others (but
 * addresses, which get this form when they are read). Any thread.
 */
#ifndef SCDB_SERVER_CONFIG_SPECIAL_H
#define SCDB_SERVER_CONFIG_SPECIAL_H

#include "base/buffer.h"
#include "base/slice.h"

/* Values of `supervised`. */
enum supervised { SUPERVISED_UPSTART, SUPERVISED_SYSTEMD, SUPERVISED_AUTO, SUPERVISED_NO };

/* What any of the functions below answers when memory runs out. */
extern const char config_special_no_memory[];

/* At most 16 words, one blank between them. */
const char *config_special_addresses(struct slice value, struct slice current, struct buffer *text);

/* "class hard soft seconds" any number of times; classes not named keep their limits. */
const char *config_special_output_limits(struct slice value, struct slice current,
                                         struct buffer *text);

const char *config_special_save(struct slice value, struct slice current, struct buffer *text);
const char *config_special_events(struct slice value, struct slice current, struct buffer *text);
const char *config_special_oom_values(struct slice value, struct slice current,
                                      struct buffer *text);
const char *config_special_percentiles(struct slice value, struct slice current,
                                       struct buffer *text);
const char *config_special_title(struct slice value, struct slice current, struct buffer *text);
const char *config_special_shutdown(struct slice value, struct slice current, struct buffer *text);
const char *config_special_hostname(struct slice value, struct slice current, struct buffer *text);
const char *config_special_replicaof(struct slice value, struct slice current, struct buffer *text);
const char *config_special_tls_port(struct slice value, struct slice current, struct buffer *text);
const char *config_special_hz(struct slice value, struct slice current, struct buffer *text);

#endif
