/*
 * startup.h - what happens before the server runs, and after. Main thread, no others.
 */
#ifndef SCDB_SERVER_STARTUP_H
#define SCDB_SERVER_STARTUP_H

#include "base/status.h"

struct config;
struct engine;
struct engine_options;
struct file_system;

#define STARTUP_PATH_MAX 4096

/* The exit status of an import that is complete except for what the old file has lost. */
#define STARTUP_EXIT_INCOMPLETE 2

/* The program: reads the configuration, calls `run`, and turns the outcome into lines of the log
 * (or of stderr, before there is one) and an exit status: 1 for a failure, else *exit_status, which
 * is 0 unless `run` sets it. */
int startup_main(int argc, char **argv,
                 enum status (*run)(struct config *config, int *exit_status, struct error *error));

/* Signals, background, the store's directory (made when missing, gone to, its absolute path in
 * `directory` and, from here on, in the configuration), log. */
enum status startup_prepare(struct config *config, char directory[STARTUP_PATH_MAX],
                            struct error *error) MUST_CHECK;

/* The directory as a file system, for reading only if `read-only` says so. The caller closes it. */
enum status startup_open_directory(const struct config *config, const char *directory,
                                   struct file_system **out, struct error *error) MUST_CHECK;

/* What the configuration says of the store in `fs`; without hooks. */
struct engine_options startup_store_options(const struct config *config, struct file_system *fs);

/* The store is open, and so no other server has it: writes the pid file, which may be that of such
 * another until then, and a line on what was found on the disk. */
void startup_begin(const struct config *config, struct engine *engine);

/* After startup_begin: takes the pid file away. */
void startup_end(const struct config *config);

#endif
