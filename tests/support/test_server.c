/* test_server.c - see test_server.h. */
#include "support/test_server.h"

#include "base/check.h"
#include "base/log.h"
#include "commands/background.h"
#include "commands/dispatch.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "server/config.h"
#include "server/notify.h"
#include "server/server.h"
#include "support/test_directory.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 20000

struct test_server {
    struct test_directory directory;
    char path[TEST_DIRECTORY_PATH_SIZE + 16];
    struct sim_disk *disk;
    struct file_system *fs;
    struct config *config;
    struct server *server;
    struct engine *engine;
    struct keyspace *keyspace;
    pthread_t thread;
};

static void configure(struct test_server *server, const char *configuration)
{
    struct error error;
    char path_line[sizeof(server->path) + 32];
    (void)snprintf(server->path, sizeof(server->path), "%s/socket", server->directory.path);
    (void)snprintf(path_line, sizeof(path_line), "port 0\nunixsocket %s", server->path);
    CHECK(config_create(&server->config) == STATUS_OK);
    CHECK(config_load_text(server->config, "socket", slice_of_string(path_line), &error) ==
          STATUS_OK);
    CHECK(config_load_text(server->config, "test", slice_of_string(configuration), &error) ==
          STATUS_OK);
}

static void open_store(struct test_server *server)
{
    server->disk = sim_disk_create(1);
    server->fs = sim_disk_mount(server->disk);
    struct engine_options options = {
        .fs = server->fs,
        .database_count = 16,
        .segment_size = (uint64_t)1 << 20,
        .sync_policy = (enum sync_policy)config_number(server->config, CONFIG_APPENDFSYNC),
        .on_durable = server_on_durable,
        .on_expired_locked = notify_on_expired_locked,
        .hook_context = server->server};
    CHECK(engine_open(&options, &server->engine, NULL) == STATUS_OK);
    CHECK(keyspace_create(server->engine, &server->keyspace) == STATUS_OK);
}

static void *run(void *context)
{
    struct test_server *server = context;
    struct error error;
    CHECK(server_run(server->server, server->keyspace, &error) == STATUS_OK);
    return NULL;
}

struct test_server *test_server_start(const char *configuration)
{
    struct error error;
    struct test_server *server = calloc(1, sizeof(*server));
    CHECK(server != NULL);
    log_set_level(LOG_NOTHING_LEVEL);
    test_directory_create(&server->directory);
    configure(server, configuration);
    CHECK(server_create(server->config, dispatch_executor(), &server->server) == STATUS_OK);
    CHECK(server_listen(server->server, &error) == STATUS_OK);
    open_store(server);
    CHECK(pthread_create(&server->thread, NULL, run, server) == 0);
    return server;
}

void test_server_stop(struct test_server *server)
{
    server_request_shutdown(server->server, true);
    CHECK(pthread_join(server->thread, NULL) == 0);
    background_stop();
    keyspace_destroy(server->keyspace);
    CHECK(engine_close(server->engine) == STATUS_OK);
    fs_close(server->fs);
    sim_disk_destroy(server->disk);
    server_destroy(server->server);
    config_destroy(server->config);
    test_directory_destroy(&server->directory);
    free(server);
}

struct sim_disk *test_server_disk(struct test_server *server)
{
    return server->disk;
}

/* --- clients --------------------------------------------------------------------------------- */

int test_server_connect(struct test_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(client >= 0);
    CHECK(strlen(server->path) < sizeof(address.sun_path));
    memcpy(address.sun_path, server->path, strlen(server->path) + 1);
    CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
    return client;
}

static void append(struct buffer *out, const void *data, size_t size)
{
    CHECK(buffer_append(out, data, size) == STATUS_OK);
}

void test_request_slices(struct buffer *out, const struct slice *arguments, size_t count)
{
    char header[32];
    append(out, header, (size_t)snprintf(header, sizeof(header), "*%zu\r\n", count));
    for (size_t i = 0; i < count; i++) {
        append(out, header,
               (size_t)snprintf(header, sizeof(header), "$%zu\r\n", arguments[i].size));
        append(out, arguments[i].data, arguments[i].size);
        append(out, "\r\n", 2);
    }
}

void test_request(struct buffer *out, const char *words)
{
    struct slice arguments[32];
    size_t count = 0;
    while (*words != '\0') {
        size_t size = strcspn(words, " ");
        CHECK(count < 32);
        arguments[count++] = slice_make(words, size);
        words += size + (words[size] == ' ');
    }
    test_request_slices(out, arguments, count);
}

static void wait_for(int client, short what)
{
    struct pollfd poller = {.fd = client, .events = what};
    CHECK(poll(&poller, 1, PATIENCE_MS) == 1);
}

void test_send(int client, struct slice bytes)
{
    while (bytes.size > 0) {
        wait_for(client, POLLOUT);
        ssize_t size = send(client, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        CHECK(size > 0 || errno == EAGAIN);
        size_t sent = size > 0 ? (size_t)size : 0;
        bytes = slice_part(bytes, sent, bytes.size - sent);
    }
}

bool test_receive(int client, size_t size, struct buffer *out)
{
    CHECK(buffer_reserve(out, size) == STATUS_OK);
    while (size > 0) {
        wait_for(client, POLLIN);
        ssize_t got = recv(client, out->data + out->size, size, 0);
        if (got <= 0) {
            return false;
        }
        out->size += (size_t)got;
        size -= (size_t)got;
    }
    return true;
}

void test_expect_reply(int client, const char *reply)
{
    struct buffer got = {0};
    bool whole = test_receive(client, strlen(reply), &got);
    if (!whole || memcmp(got.data, reply, strlen(reply)) != 0) {
        (void)fprintf(stderr, "expected '%s', got '%.*s'\n", reply, (int)got.size, got.data);
        CHECK(whole);
        CHECK(memcmp(got.data, reply, strlen(reply)) == 0);
    }
    buffer_deinit(&got);
}

void test_expect(int client, const char *words, const char *reply)
{
    struct buffer request = {0};
    test_request(&request, words);
    test_send(client, buffer_slice(&request));
    buffer_deinit(&request);
    test_expect_reply(client, reply);
}

void test_expect_end(int client)
{
    char byte;
    wait_for(client, POLLIN);
    ssize_t got = recv(client, &byte, 1, 0);
    CHECK(got == 0 || (got < 0 && errno == ECONNRESET));
}
