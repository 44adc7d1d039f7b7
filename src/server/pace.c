/* pace.c - see pace.h. */
#include "server/pace.h"

#include "base/clock.h"

#include <sys/prctl.h>

/* As long as two or three requests take; with falling asleep and waking it becomes 30 or more. Less
 * than the round trip of a network. */
#define REST_US 20
/* Fewer reads in a millisecond are made as they come: not even one more would come in the moment.
 */
#define READS_MIN (1000 / REST_US)
/* Fewer clients in a millisecond are served as they come. */
#define CLIENTS_MIN 16
/* Only so small a part of the clients may have waited for the worker. */
#define CLIENTS_PER_READ 8
/* More requests make a turn that is worth it, as those of one pipeline do. */
#define REQUESTS_MAX 8
/* The kernel would make 50 us more of it. */
#define TIMER_SLACK_NS 1000

void pace_begin_thread(void)
{
    (void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
}

void pace_note_read(struct pace *pace, bool is_first)
{
    pace->reads++;
    pace->turn_reads++;
    pace->clients += is_first ? 1 : 0;
}

void pace_end_reads(struct pace *pace, size_t requests, int64_t now_ms)
{
    pace->turn_requests = requests;
    if (now_ms != pace->ms) {
        bool is_next = now_ms == pace->ms + 1;
        pace->clients_before = is_next ? pace->clients : 0;
        pace->reads_before = is_next ? pace->reads : 0;
        pace->clients = 0;
        pace->reads = 0;
        pace->ms = now_ms;
    }
}

bool pace_begin_turn(struct pace *pace)
{
    size_t reads = pace->turn_reads;
    pace->turn_reads = 0;
    return reads > 0 && pace->turn_requests <= REQUESTS_MAX && pace->reads_before >= READS_MIN &&
           pace->clients_before >= CLIENTS_MIN && reads * CLIENTS_PER_READ <= pace->clients_before;
}

void pace_rest(void)
{
    clock_sleep_us(REST_US);
}
