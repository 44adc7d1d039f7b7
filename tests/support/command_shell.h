/*
 * command_shell.h - commands run in the test's own process: a store on a simulated disk, a server
 * without sockets and threads, and some sessions.
 *
 * One thread. Everything aborts (CHECK) when what it needs is not there. In programs that are
 * linked with --wrap=clock_unix_ms (see the Makefile) time stands still but for
 * command_shell_pass_ms().
 */
#ifndef SCDB_TESTS_SUPPORT_COMMAND_SHELL_H
#define SCDB_TESTS_SUPPORT_COMMAND_SHELL_H

#include "base/slice.h"
#include "server/server.h"
#include "server/session.h"

#include <stddef.h>
#include <stdint.h>

#define SHELL_SESSIONS 3

struct command_shell;

struct command_shell *command_shell_create(uint64_t seed);
void command_shell_destroy(struct command_shell *shell);

struct server *command_shell_server(struct command_shell *shell);
struct session *command_shell_session(struct command_shell *shell, size_t session);

/* So many milliseconds go by. */
void command_shell_pass_ms(int64_t milliseconds);

/* Runs one command; the reply, NUL-terminated, is borrowed until the session's next command. */
struct slice command_shell_run(struct command_shell *shell, size_t session,
                               const struct slice *arguments, size_t argument_count);

/* The same for words separated by blanks; '' is an empty word. The outcome goes to *execution
 * (may be NULL). */
struct slice command_shell_say(struct command_shell *shell, size_t session, const char *line,
                               enum execution *execution);

/* A command in words as above, and what redis-server answers to it; NULL: that is not compared. */
struct shell_row {
    const char *command;
    const char *reply;
};

/* Says the rows one after the other to a shell of their own, whose store is empty at first; fails
 * the test where an answer differs. */
void command_shell_expect(const struct shell_row *rows, size_t count);

#endif
