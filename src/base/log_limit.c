/* log_limit.c - see log_limit.h. */
#include "base/log_limit.h"

#include <stdatomic.h>

void log_limit_begin(struct log_limit *limit, int64_t now_ms)
{
    atomic_store(&limit->written_ms, now_ms);
}

bool log_limit_try(struct log_limit *limit, int64_t interval_ms, int64_t now_ms)
{
    int64_t before_ms = atomic_load(&limit->written_ms);
    bool is_due = before_ms == 0 || now_ms - before_ms >= interval_ms;
    return is_due && atomic_compare_exchange_strong(&limit->written_ms, &before_ms, now_ms);
}
