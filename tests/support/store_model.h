/*
 * store_model.h - what a store should hold: a trivial model, its history, and the comparison.
 *
 * The history is a list of whole commands (a group is one command) behind a base that is known to
 * be durable. After a crash the store must be in the state after some prefix of it: that is the
 * only thing that is asked, and it implies that no group is torn and nothing dead comes back.
 *
 * Time. A key whose expiry has come must be absent. When the clock has been set back since it came,
 * the key may be there or not, until an expiry mark is in the history (STORE_EXPIRE).
 *
 * One thread.
 */
#ifndef SCDB_TESTS_SUPPORT_STORE_MODEL_H
#define SCDB_TESTS_SUPPORT_STORE_MODEL_H

#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_MODEL_DATABASES 3
#define STORE_MODEL_KEYS      48
#define STORE_CHANGES_MAX     8

enum store_key_state { STORE_ABSENT, STORE_PRESENT, STORE_UNREADABLE };

struct store_key {
    enum store_key_state state; /* a model's keys are never unreadable */
    size_t size;
    uint64_t checksum; /* of the value */
    int64_t expiry_ms;
    uint8_t type;
    uint8_t encoding;
};

struct store_model {
    struct store_key keys[STORE_MODEL_DATABASES][STORE_MODEL_KEYS];
};

enum store_change_kind {
    STORE_PUT,
    STORE_DELETE,
    STORE_CLEAR,
    STORE_CLEAR_ALL,
    STORE_SWAP,
    STORE_EXPIRE /* all that the expiry cycle finds due at until_ms is dead for good */
};

struct store_change {
    enum store_change_kind kind;
    unsigned database;
    unsigned other; /* of a swap */
    unsigned key;
    struct store_key value; /* of a put */
    int64_t until_ms;
};

struct store_command {
    struct store_change changes[STORE_CHANGES_MAX];
    size_t count;
    uint64_t position; /* written or durable up to here: so is the command */
};

struct store_history {
    struct store_model base;        /* durable */
    struct store_model now;         /* base with all commands */
    struct store_command *commands; /* owned */
    size_t count;
    size_t capacity;
    size_t written; /* of the commands, how many survive a kill */
};

void store_model_apply(struct store_model *model, const struct store_change *change);

/* The name of a key; static strings are not used: `into` has 32 bytes. */
struct slice store_model_key_name(unsigned key, char *into);

/* What a value of these bytes looks like in the model. */
struct store_key store_model_value(struct slice bytes, int64_t expiry_ms, uint8_t type,
                                   uint8_t encoding);

/* Is `seen` what the model says, the clock being at now_ms and never yet beyond high_ms? Else
 * `where` (at least 160 bytes) tells the first difference. */
bool store_model_matches(const struct store_model *model, const struct store_model *seen,
                         int64_t now_ms, int64_t high_ms, char *where);

/* An all-zero history is that of an empty store. */
void store_history_deinit(struct store_history *history);

/* Adds a command that has been carried out. */
void store_history_add(struct store_history *history, const struct store_command *command);

/* Commands up to these positions are written, and durable. */
void store_history_note(struct store_history *history, uint64_t written, uint64_t durable);

/* All of it is durable (a store that was closed well). */
void store_history_note_closed(struct store_history *history);

/* What a store shows after a crash, and what is known of how it got there. */
struct store_sighting {
    const struct store_model *seen;
    int64_t now_ms;
    int64_t high_ms;                  /* see store_model_matches() */
    size_t required;                  /* at least so many commands must have survived */
    const struct store_command *last; /* one that may have followed; NULL = none */
};

/* Like store_history_settle(), but changes no history: *match is the state found. */
bool store_history_find(const struct store_history *history, const struct store_sighting *sighting,
                        struct store_model *match, bool *ambiguous, char *where);

/*
 * After a crash: finds the longest prefix of the commands whose state is the one seen. On success
 * the history is that prefix, all of it durable, and *ambiguous tells that other prefixes look the
 * same as long as the clock isn't set back. Else `where` tells how the state after all commands
 * differs.
 */
bool store_history_settle(struct store_history *history, const struct store_sighting *sighting,
                          bool *ambiguous, char *where);

/* Reads all keys of a store, lock not held; values are verified. With `cross_check` also that
 * scanning the databases shows exactly those keys, each once (CHECKs). */
void store_model_read(struct engine *engine, struct store_model *seen, bool cross_check);

#endif
