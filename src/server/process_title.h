/*
 * process_title.h - what ps shows in place of the command line.
 *
 * The kernel shows the bytes in which the process was given its arguments and its environment. They
 * are overwritten; what stood there was copied before. There is one such place in a process.
 *
 * Threads: process_title_init before any thread, the rest by one thread at a time (the execution
 * lock).
 */
#ifndef SCDB_SERVER_PROCESS_TITLE_H
#define SCDB_SERVER_PROCESS_TITLE_H

#include "base/slice.h"

#include <stdbool.h>

struct config;

/* First of all in main. Without memory for copies the title can't be set, and all else works. */
void process_title_init(int argc, char **argv);

/* Is it text with {title} {listen-addr} {port} {tls-port} {unixsocket} {config-file} {server-mode}
 * in it, and no other names in braces? "{{" is a brace. As in Redis, {title} and {server-mode}
 * alone are not enough. */
bool process_title_is_template(struct slice template);

/* Shows what `proc-title-template` says, unless `set-proc-title` is no. Too long, it is cut. */
void process_title_show(const struct config *config);

#endif
