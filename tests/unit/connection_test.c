/* connection_test.c - a client whose socket the system does not watch. */
#include "support/test_run.h"
#include "support/test_server.h"

#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_bool refuses;

/* In the C library's place, for libevent: no more sockets than fs.epoll.max_user_watches. */
__attribute__((visibility("default"))) int epoll_ctl(int epfd, int op, int fd,
                                                     struct epoll_event *event)
{
    if (op == EPOLL_CTL_ADD && atomic_load(&refuses)) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

START_TEST(a_client_that_can_not_be_watched_is_closed)
{
    struct test_server *server = test_server_start("threads 1");
    int first = test_server_connect(server);
    test_expect(first, "PING", "+PONG\r\n");
    atomic_store(&refuses, true);
    int refused = test_server_connect(server);
    test_expect_end(refused);
    atomic_store(&refuses, false);
    test_expect(first, "PING", "+PONG\r\n");
    int second = test_server_connect(server);
    test_expect(second, "PING", "+PONG\r\n");
    (void)close(first);
    (void)close(refused);
    (void)close(second);
    test_server_stop(server);
}
END_TEST

int main(void)
{
    TCase *test = tcase_create("connection");
    tcase_add_test(test, a_client_that_can_not_be_watched_is_closed);
    return test_run("connection", test);
}
