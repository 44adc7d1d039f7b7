/*
 * test_server.h - the real server in the test's own process: its threads, sockets and commands, on
 * a simulated disk.
 *
 * It listens on a Unix socket in a directory of its own. One server at a time; one thread calls.
 * Everything aborts (CHECK) when what it needs is not there.
 */
#ifndef SCDB_TESTS_SUPPORT_TEST_SERVER_H
#define SCDB_TESTS_SUPPORT_TEST_SERVER_H

#include "base/buffer.h"
#include "base/slice.h"
#include "support/sim_disk.h"

#include <stdbool.h>
#include <stddef.h>

struct test_server;

/* Starts one, with lines of a configuration file. */
struct test_server *test_server_start(const char *configuration);

/* Stops it as SHUTDOWN does, and checks that the store closes well. */
void test_server_stop(struct test_server *server);

struct sim_disk *test_server_disk(struct test_server *server);

/* A client's socket, blocking; reading gives up (aborts) after 20 seconds. close() it. */
int test_server_connect(struct test_server *server);

/* Appends a request of words separated by blanks. */
void test_request(struct buffer *out, const char *words);

/* Appends a request of the given arguments. */
void test_request_slices(struct buffer *out, const struct slice *arguments, size_t count);

void test_send(int client, struct slice bytes);

/* Reads exactly so many bytes; false: the connection ended before. */
bool test_receive(int client, size_t size, struct buffer *out);

/* Sends the words as a request and compares the reply's bytes. */
void test_expect(int client, const char *words, const char *reply);

/* Reads and compares. */
void test_expect_reply(int client, const char *reply);

/* The server closes the connection, having sent nothing more. */
void test_expect_end(int client);

#endif
