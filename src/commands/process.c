/* process.c - see process.h. */
#include "commands/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* "RssAnon:      1234 kB" somewhere in the text of /proc/self/status, as bytes. */
static uint64_t find_size(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 10) * 1024;
}

void process_memory_read(struct process_memory *out)
{
    *out = (struct process_memory){0};
    struct sysinfo machine;
    if (sysinfo(&machine) == 0) {
        out->machine = (uint64_t)machine.totalram * machine.mem_unit;
    }
    int descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return;
    }
    char text[4096];
    ssize_t size = read(descriptor, text, sizeof(text) - 1);
    (void)close(descriptor);
    if (size <= 0) {
        return;
    }
    text[size] = '\0';
    out->resident = find_size(text, "\nVmRSS:");
    out->anonymous = find_size(text, "\nRssAnon:") + find_size(text, "\nRssShmem:");
    out->file = find_size(text, "\nRssFile:");
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

void process_cpu_read(struct process_cpu *out)
{
    *out = (struct process_cpu){0};
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        out->system = microseconds(usage.ru_stime);
        out->user = microseconds(usage.ru_utime);
    }
    if (getrusage(RUSAGE_THREAD, &usage) == 0) {
        out->system_thread = microseconds(usage.ru_stime);
        out->user_thread = microseconds(usage.ru_utime);
    }
}
