/*
 * startup.h - what happens before the server runs, and after. Main thread, no others.
 */
#ifndef SCDB_SERVER_STARTUP_H
#define SCDB_SERVER_STARTUP_H

#include "base/status.h"

struct config;
struct engine;

#define STARTUP_PATH_MAX 4096

/* The program: reads the configuration, calls `run`, and turns the outcome into lines of the log
 * (or of stderr, before there is one) and an exit status. */
int startup_main(int argc, char **argv,
                 enum status (*run)(struct config *config, struct error *error));

/* Signals, background, the store's directory (made when missing, gone to, its absolute path in
 * `directory`), log. */
enum status startup_prepare(const struct config *config, char directory[STARTUP_PATH_MAX],
                            struct error *error) MUST_CHECK;

/* The store is open, and so no other server has it: writes the pid file, which may be that of such
 * another until then, and a line on what was found on the disk. */
void startup_begin(const struct config *config, struct engine *engine);

/* After startup_begin: takes the pid file away. */
void startup_end(const struct config *config);

#endif
