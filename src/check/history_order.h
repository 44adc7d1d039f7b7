/*
 * history_order.h - the log segments of a store in the order in which they were written, those with
 * a damaged header among them.
 *
 * Private to history.c. One thread.
 */
#ifndef SCDB_CHECK_HISTORY_ORDER_H
#define SCDB_CHECK_HISTORY_ORDER_H

#include "check/history.h"

/* Sets the history's `log`: all in which something of the log is found. Reads those whose header
 * does not tell where they begin up to their first record, and sets their begin_sequence.
 * NO_MEMORY. history_deinit() in any case. */
enum status history_order_log(struct check_store *store, struct history *history) MUST_CHECK;

#endif
