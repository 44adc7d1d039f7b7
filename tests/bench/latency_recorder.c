/*
 * latency_recorder.c - asks a server for one key after the other, and tells how long each answer
 * took.
 *
 *   latency_recorder SOCKET KEYS VALUE_SIZE [PAUSE_US]
 *
 * connects to the Unix socket, GETs key:0 .. key:KEYS-1 by chance, with a rest of PAUSE_US (500)
 * between answers, until SIGTERM, SIGINT or the end of its standard input; then it prints requests,
 * p50, p99, p99.9 and max in microseconds, and the ten longest with the second in which they began
 * (CLOCK_MONOTONIC, as in traces of the server) and how long of it this process itself was ready to
 * run and had no processor. So a pause of the server is told from one of the client. Of each of the
 * server's threads that was there in the beginning (it is the process at the other end of the
 * socket) it tells how long it ran meanwhile, and how long it was ready to run and did not, where
 * that is a millisecond or more. Of what all wait for, a processor that the host took away, nothing
 * is known.
 *
 * One thread, and no allocation while it measures but for the growing list of results.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WORST_COUNT   10
#define THREADS_MAX   32
#define NAME_SIZE     16
#define WORTH_TELLING 1000 /* microseconds */

/* What the kernel counts for a thread. */
struct times {
    int64_t ran_us;
    int64_t waited_us; /* ready to run, without a processor */
};

struct sample {
    int64_t began_us;
    int64_t took_us;
    int64_t unscheduled_us;
    struct times threads[THREADS_MAX]; /* of the server */
};

struct thread {
    int schedstat;
    char name[NAME_SIZE];
};

struct recorder {
    int socket;
    int schedstat; /* -1 = this kernel tells nothing */
    uint64_t random_state;
    unsigned long keys;
    size_t answer_size;
    char *answer;
    uint32_t *times_us;
    size_t count;
    size_t capacity;
    struct sample worst[WORST_COUNT]; /* by falling time */
    struct thread threads[THREADS_MAX];
    size_t thread_count;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void fail(const char *what)
{
    fprintf(stderr, "latency_recorder: %s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Since the thread began; zeros when it has gone, or the kernel tells nothing. */
static struct times times_of(int schedstat)
{
    char text[128];
    ssize_t size = schedstat < 0 ? -1 : pread(schedstat, text, sizeof(text) - 1, 0);
    if (size <= 0) {
        return (struct times){0};
    }
    text[size] = '\0';
    char *rest;
    int64_t ran_us = strtoll(text, &rest, 10) / 1000;
    return (struct times){.ran_us = ran_us, .waited_us = strtoll(rest, NULL, 10) / 1000};
}

/* Opens what the kernel tells of a thread of the process; false: nothing. */
static bool open_thread(int process, const char *number, struct thread *out)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%.16s/comm", process, number);
    FILE *file = fopen(path, "re");
    bool is_named = file != NULL && fgets(out->name, sizeof(out->name), file) != NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%.16s/schedstat", process, number);
    out->schedstat = is_named ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    for (char *each = out->name; is_named && *each != '\0'; each++) {
        *each = (char)(isgraph((unsigned char)*each) ? *each : *each == '\n' ? '\0' : '_');
    }
    return out->schedstat >= 0;
}

static void find_threads(struct recorder *recorder)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    char path[64];
    if (getsockopt(recorder->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return;
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)peer.pid);
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && recorder->thread_count < THREADS_MAX &&
           (entry = readdir(directory)) != NULL) {
        struct thread *next = &recorder->threads[recorder->thread_count];
        if (entry->d_name[0] != '.' && open_thread((int)peer.pid, entry->d_name, next)) {
            recorder->thread_count++;
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

static void read_times(const struct recorder *recorder, struct times *out)
{
    for (size_t i = 0; i < recorder->thread_count; i++) {
        out[i] = times_of(recorder->threads[i].schedstat);
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        fail("the socket's path is too long");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fail(path);
    }
    return descriptor;
}

static uint64_t next_random(struct recorder *recorder)
{
    uint64_t x = recorder->random_state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    recorder->random_state = x;
    return x;
}

static void ask(struct recorder *recorder)
{
    char key[32];
    char request[96];
    int key_size = snprintf(key, sizeof(key), "key:%lu",
                            (unsigned long)(next_random(recorder) % recorder->keys));
    int size =
        snprintf(request, sizeof(request), "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", key_size, key);
    if (send(recorder->socket, request, (size_t)size, MSG_NOSIGNAL) != size) {
        fail("sending to the server");
    }
}

/* A value of the right size, or nothing more is measured. */
static void take_answer(struct recorder *recorder)
{
    size_t got = 0;
    while (got < recorder->answer_size) {
        ssize_t size =
            recv(recorder->socket, recorder->answer + got, recorder->answer_size - got, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            fail("reading from the server");
        }
        got += (size_t)size;
        if (recorder->answer[0] != '$' || (got > 1 && recorder->answer[1] == '-')) {
            errno = 0;
            fail("an answer that is no value");
        }
    }
}

static void keep(struct recorder *recorder, const struct sample *sample)
{
    if (recorder->count == recorder->capacity) {
        recorder->capacity = recorder->capacity == 0 ? (size_t)1 << 20 : recorder->capacity * 2;
        uint32_t *grown =
            realloc(recorder->times_us, recorder->capacity * sizeof(*recorder->times_us));
        if (grown == NULL) {
            fail("more results");
        }
        recorder->times_us = grown;
    }
    recorder->times_us[recorder->count++] = (uint32_t)sample->took_us;
    size_t place = WORST_COUNT;
    while (place > 0 && sample->took_us > recorder->worst[place - 1].took_us) {
        place--;
    }
    if (place < WORST_COUNT) {
        memmove(&recorder->worst[place + 1], &recorder->worst[place],
                (WORST_COUNT - 1 - place) * sizeof(*sample));
        recorder->worst[place] = *sample;
    }
}

static void rest(long pause_us)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct timespec wait = {.tv_sec = pause_us / 1000000, .tv_nsec = pause_us % 1000000 * 1000};
    char ignored[64];
    if (ppoll(&input, 1, &wait, NULL) > 0 && read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0) {
        stopped = 1;
    }
}

static int compare_times(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void print_threads(const struct recorder *recorder, const struct sample *sample)
{
    for (size_t i = 0; i < recorder->thread_count; i++) {
        const struct times *times = &sample->threads[i];
        if (times->ran_us >= WORTH_TELLING || times->waited_us >= WORTH_TELLING) {
            printf(" %s ran %lld waited %lld", recorder->threads[i].name, (long long)times->ran_us,
                   (long long)times->waited_us);
        }
    }
}

/* One request and its answer. */
static void take_sample(struct recorder *recorder)
{
    struct sample sample;
    struct times before[THREADS_MAX] = {{0}};
    read_times(recorder, before);
    int64_t unscheduled_us = times_of(recorder->schedstat).waited_us;
    sample.began_us = now_us();
    ask(recorder);
    take_answer(recorder);
    sample.took_us = now_us() - sample.began_us;
    sample.unscheduled_us = times_of(recorder->schedstat).waited_us - unscheduled_us;
    read_times(recorder, sample.threads);
    for (size_t i = 0; i < recorder->thread_count; i++) {
        sample.threads[i].ran_us -= before[i].ran_us;
        sample.threads[i].waited_us -= before[i].waited_us;
    }
    keep(recorder, &sample);
}

static void report(struct recorder *recorder)
{
    size_t count = recorder->count;
    if (count == 0) {
        errno = 0;
        fail("nothing was measured");
    }
    qsort(recorder->times_us, count, sizeof(*recorder->times_us), compare_times);
    printf("requests %zu\np50 %u\np99 %u\np99.9 %u\nmax %u\n", count, recorder->times_us[count / 2],
           recorder->times_us[count - 1 - count / 100],
           recorder->times_us[count - 1 - count / 1000], recorder->times_us[count - 1]);
    for (size_t i = 0; i < WORST_COUNT && i < count; i++) {
        const struct sample *sample = &recorder->worst[i];
        printf("worst %lld unscheduled %lld at %.6f", (long long)sample->took_us,
               (long long)sample->unscheduled_us, (double)sample->began_us / 1e6);
        print_threads(recorder, sample);
        printf("\n");
    }
}

int main(int count, char **arguments)
{
    if (count < 4 || count > 5) {
        fprintf(stderr, "usage: latency_recorder SOCKET KEYS VALUE_SIZE [PAUSE_US]\n");
        return 2;
    }
    char head[32];
    size_t value_size = strtoul(arguments[3], NULL, 10);
    int head_size = snprintf(head, sizeof(head), "$%zu\r\n", value_size);
    struct recorder recorder = {
        .socket = connect_to(arguments[1]),
        .schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC),
        .random_state = 0x9e3779b97f4a7c15,
        .keys = strtoul(arguments[2], NULL, 10),
        .answer_size = (size_t)head_size + value_size + 2,
    };
    long pause_us = count == 5 ? strtol(arguments[4], NULL, 10) : 500;
    recorder.answer = malloc(recorder.answer_size);
    if (recorder.keys == 0 || pause_us < 0 || recorder.answer == NULL) {
        errno = EINVAL;
        fail("the arguments");
    }
    find_threads(&recorder);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    while (!stopped) {
        take_sample(&recorder);
        rest(pause_us);
    }
    report(&recorder);
    free(recorder.times_us);
    free(recorder.answer);
    close(recorder.socket);
    return 0;
}
