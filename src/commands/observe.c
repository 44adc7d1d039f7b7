/* observe.c - see observe.h. */
#include "commands/observe.h"

#include "base/clock.h"
#include "commands/text.h"
#include "server/config.h"
#include "server/latency.h"
#include "server/monitors.h"
#include "server/server.h"
#include "server/slowlog.h"
#include "server/statistics.h"

static struct slice shown(const struct call *call, size_t index)
{
    const struct command *command = call->command;
    bool is_hidden =
        command->hides != NULL && command->hides(call->arguments, call->argument_count, index);
    return is_hidden ? SLICE_LITERAL(OBSERVE_REDACTED) : call->arguments[index];
}

/* --- MONITOR --- */

/* +1339518083.107412 [0 127.0.0.1:60866] "set" "x" "y" */
static void write_line(const struct call *call, unsigned database, struct text *line)
{
    const struct session *session = call->session;
    int64_t now_us = clock_unix_us();
    text_format(line, "+%lld.%06lld [%u %s%s]", (long long)(now_us / 1000000),
                (long long)(now_us % 1000000), database, session->is_unix_socket ? "unix:" : "",
                session->address);
    for (size_t i = 0; i < call->argument_count; i++) {
        text_add(line, SLICE_LITERAL(" "));
        text_add_quoted(line, shown(call, i));
    }
    text_add(line, SLICE_LITERAL("\r\n"));
}

void observe_show(const struct call *call)
{
    if (!server_is_monitored_locked(call->server)) {
        return;
    }
    struct text line;
    text_init(&line);
    write_line(call, call->session->database, &line);
    if (!line.failed) {
        monitors_feed(call->server, buffer_slice(&line.bytes));
    }
    text_deinit(&line);
}

/* --- the slow log --- */

static void log_slow(const struct call *call, uint64_t microseconds, size_t count_max)
{
    struct slice arguments[SLOWLOG_ARGUMENTS_MAX];
    size_t count = call->argument_count;
    /* Those behind are only counted. */
    for (size_t i = 0; i < count && i < SLOWLOG_ARGUMENTS_MAX; i++) {
        arguments[i] = shown(call, i);
    }
    slowlog_add(server_slowlog_locked(call->server),
                &(struct slowlog_call){.microseconds = microseconds,
                                       .address = slice_of_string(call->session->address),
                                       .name = session_name(call->session),
                                       .arguments = arguments,
                                       .argument_count = count},
                count_max);
}

static void note_slow(const struct call *call, uint64_t microseconds)
{
    const struct config *config = server_config(call->server);
    int64_t limit = config_number(config, CONFIG_SLOWLOG_LOG_SLOWER_THAN);
    size_t count_max = (size_t)config_number(config, CONFIG_SLOWLOG_MAX_LEN);
    bool is_slow = limit >= 0 && microseconds >= (uint64_t)limit;
    if (is_slow && (call->command->flags & COMMAND_SKIP_SLOWLOG) == 0 && count_max > 0) {
        log_slow(call, microseconds, count_max);
    }
}

/* --- latency --- */

static void note_latency(const struct call *call, uint64_t microseconds)
{
    int64_t threshold =
        config_number(server_config(call->server), CONFIG_LATENCY_MONITOR_THRESHOLD);
    uint64_t milliseconds = microseconds / 1000;
    if (threshold > 0 && milliseconds >= (uint64_t)threshold) {
        bool is_fast = (call->command->flags & COMMAND_FAST) != 0;
        latency_add(server_latency(call->server), is_fast ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                    milliseconds);
    }
}

void observe_call(const struct call *call, int64_t begin_us)
{
    struct statistics *statistics = server_statistics(call->server);
    bool is_over = call->session->blocked == BLOCK_NONE;
    uint64_t microseconds = statistics_end_command_locked(statistics, call->command, begin_us,
                                                          is_over && statistics->tracks_latency);
    if (microseconds >= statistics->notable_us) {
        note_latency(call, microseconds);
        if (is_over) {
            note_slow(call, microseconds);
        }
    }
    if ((call->command->flags & (COMMAND_SKIP_MONITOR | COMMAND_ADMIN)) == 0) {
        observe_show(call);
    }
}
