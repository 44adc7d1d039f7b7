/* dispatch_test.c - MULTI and EXEC, and what is wrong with a command. Every row's reply is what
 * redis-server 7.0.15 answered to the same words; a table starts with an empty store. */
#include "commands/dispatch.h"
#include "commands/table.h"
#include "engine/prefetch.h"
#include "keyspace/keyspace.h"
#include "server/server_state.h"
#include "support/command_shell.h"
#include "support/test_run.h"
#include "support/word_split.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct shell_row transactions[] = {
    {"exec", "-ERR EXEC without MULTI\r\n"},
    {"discard", "-ERR DISCARD without MULTI\r\n"},
    {"multi", "+OK\r\n"},
    {"multi", "-ERR MULTI calls can not be nested\r\n"},
    {"set a 1", "+QUEUED\r\n"},
    {"get a", "+QUEUED\r\n"},
    {"exec", "*2\r\n+OK\r\n$1\r\n1\r\n"},
    {"multi", "+OK\r\n"},
    {"exec", "*0\r\n"},
    {"multi", "+OK\r\n"},
    {"set a 2", "+QUEUED\r\n"},
    {"discard", "+OK\r\n"},
    {"get a", "$1\r\n1\r\n"},
    {"multi", "+OK\r\n"},
    {"nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n"},
    {"set a 3", "+QUEUED\r\n"},
    {"exec", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
    {"get a", "$1\r\n1\r\n"},
    {"multi", "+OK\r\n"},
    {"set a", "-ERR wrong number of arguments for 'set' command\r\n"},
    {"exec", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
    {"multi", "+OK\r\n"},
    {"watch a", "-ERR WATCH inside MULTI is not allowed\r\n"},
    {"exec", "*0\r\n"},
    {"watch", "-ERR wrong number of arguments for 'watch' command\r\n"},
    {"unwatch", "+OK\r\n"},
    {"multi", "+OK\r\n"},
    {"exec x", "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
               "command\r\n"},
    {"exec", "-ERR EXEC without MULTI\r\n"},
    {"exec x", "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
               "command\r\n"},
    {"multi", "+OK\r\n"},
    {"incr a", "+QUEUED\r\n"},
    {"incr x x", "-ERR wrong number of arguments for 'incr' command\r\n"},
    {"exec", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
    {"multi", "+OK\r\n"},
    {"set s x", "+QUEUED\r\n"},
    {"incr s", "+QUEUED\r\n"},
    {"set t y", "+QUEUED\r\n"},
    {"exec", "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n+OK\r\n"},
    {"get t", "$1\r\ny\r\n"},
    {"multi", "+OK\r\n"},
    {"select 1", "+QUEUED\r\n"},
    {"set z 1", "+QUEUED\r\n"},
    {"exec", "*2\r\n+OK\r\n+OK\r\n"},
    {"get z", "$1\r\n1\r\n"},
    {"select 0", "+OK\r\n"},
    {"get z", "$-1\r\n"},
    {"multi", "+OK\r\n"},
    {"object foo", "-ERR unknown subcommand 'foo'. Try OBJECT HELP.\r\n"},
    {"exec", "-EXECABORT Transaction discarded because of previous errors.\r\n"},
    {"watch a", "+OK\r\n"},
    {"set a 5", "+OK\r\n"},
    {"multi", "+OK\r\n"},
    {"ping", "+QUEUED\r\n"},
    {"exec", "*-1\r\n"},
    {"multi", "+OK\r\n"},
    {"get a", "+QUEUED\r\n"},
    {"exec", "*1\r\n$1\r\n5\r\n"},
    {"watch a", "+OK\r\n"},
    {"set a 6", "+OK\r\n"},
    {"unwatch", "+OK\r\n"},
    {"multi", "+OK\r\n"},
    {"get a", "+QUEUED\r\n"},
    {"exec", "*1\r\n$1\r\n6\r\n"},
    {"multi", "+OK\r\n"},
    {"unwatch", "+QUEUED\r\n"},
    {"exec", "*1\r\n+OK\r\n"},
    {"discard x", "-ERR wrong number of arguments for 'discard' command\r\n"},
};

static const struct shell_row unknown[] = {
    {"foo", "-ERR unknown command 'foo', with args beginning with: \r\n"},
    {"foo a b c", "-ERR unknown command 'foo', with args beginning with: 'a' 'b' 'c' \r\n"},
    {"foo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccc",
     "-ERR unknown command 'foo', with args beginning with: "
     "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' "
     "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' \r\n"},
    {"'' a", "-ERR unknown command '', with args beginning with: 'a' \r\n"},
    {"''", "-ERR unknown command '', with args beginning with: \r\n"},
    {"get", "-ERR wrong number of arguments for 'get' command\r\n"},
    {"GET a b", "-ERR wrong number of arguments for 'get' command\r\n"},
    {"object", "-ERR wrong number of arguments for 'object' command\r\n"},
    {"config", "-ERR wrong number of arguments for 'config' command\r\n"},
    {"config foo", "-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n"},
    {"client foo", "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n"},
    {"set a", "-ERR wrong number of arguments for 'set' command\r\n"},
    {"COMMAND foo", "-ERR unknown subcommand 'foo'. Try COMMAND HELP.\r\n"},
    {"config get", "-ERR wrong number of arguments for 'config|get' command\r\n"},
};

static const struct shell_row resp3[] = {
    {"hello 3", NULL},
    {"get nosuch", "_\r\n"},
    {"set a 1 nx get", "_\r\n"},
    {"mget nosuch", "*1\r\n_\r\n"},
    {"getdel nosuch", "_\r\n"},
    {"object freq nosuch", "_\r\n"},
    {"randomkey", "$1\r\na\r\n"},
    {"set b mynewtext", "+OK\r\n"},
    {"set a ohmytext", "+OK\r\n"},
    {"lcs a b idx", "%2\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n*2\r\n*"
                    "2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n"},
    {"watch a", "+OK\r\n"},
    {"set a 2", "+OK\r\n"},
    {"multi", "+OK\r\n"},
    {"exec", "_\r\n"},
    {"exists a", ":1\r\n"},
    {"getex nosuch", "_\r\n"},
    {"getset nosuch 1", "_\r\n"},
};

START_TEST(transactions_as_redis)
{
    command_shell_expect(transactions, sizeof(transactions) / sizeof(transactions[0]));
}
END_TEST

START_TEST(unknown_as_redis)
{
    command_shell_expect(unknown, sizeof(unknown) / sizeof(unknown[0]));
}
END_TEST

START_TEST(resp3_as_redis)
{
    command_shell_expect(resp3, sizeof(resp3) / sizeof(resp3[0]));
}
END_TEST

/* --- several clients -------------------------------------------------------------------------- */

static void expect(struct command_shell *shell, size_t session, const char *command,
                   const char *reply)
{
    struct slice got = command_shell_say(shell, session, command, NULL);
    ck_assert_msg(strcmp(got.data, reply) == 0, "%s: got '%s', expected '%s'", command, got.data,
                  reply);
}

struct watch_row {
    const char *before;  /* by the watcher, commands separated by ';' */
    const char *between; /* by somebody else */
    bool executes;
};

static void say_all(struct command_shell *shell, size_t session, const char *commands)
{
    char copy[256];
    ck_assert_int_lt(snprintf(copy, sizeof(copy), "%s", commands), (int)sizeof(copy));
    char *rest = copy;
    for (char *one = strtok_r(copy, ";", &rest); one != NULL; one = strtok_r(NULL, ";", &rest)) {
        (void)command_shell_say(shell, session, one, NULL);
    }
}

/* Does what happens to w between WATCH and EXEC count as a change? */
static const struct watch_row watch_rows[] = {
    {"", "ping", true},
    {"", "get w", true},
    {"", "set w 1", false},
    {"", "set other 1", true},
    {"", "select 1;set w 1", true},
    {"", "del w", true},
    {"set w 1", "del w", false},
    {"set w 1", "set w 1", false},
    {"set w 1", "setnx w 2", true},
    {"set w 1", "set w 2 nx get", true},
    {"set w 1", "append w x", false},
    {"set w 1", "setrange w 0 ''", true},
    {"", "setrange w 0 ''", true},
    {"set w 1", "incrby w 0", false},
    {"set w 1", "touch w;exists w;type w;object encoding w", true},
    {"set w 1", "expire w 100", false},
    {"set w 1", "expire w 100 xx", true},
    {"set w 1", "expire w -1", false},
    {"set w 1", "persist w", true},
    {"set w 1 ex 100", "persist w", false},
    {"set w 1", "getex w", true},
    {"set w 1", "getex w persist", true},
    {"set w 1 ex 100", "getex w persist", false},
    {"set w 1", "getdel w", false},
    {"", "getdel w", true},
    {"set w 1", "rename w x", false},
    {"set w 1", "rename w w", true},
    {"set x 1", "rename x w", false},
    {"set w 1", "move w 1", false},
    {"set w 1", "copy w x", true},
    {"set x 1", "copy x w", false},
    {"set w 1", "flushdb", false},
    {"set w 1", "flushall", false},
    {"", "flushall", true},
    {"set w 1", "select 1;flushdb", true},
    {"", "swapdb 0 1", true},
    {"set w 1", "swapdb 0 1", false},
    {"set w 1", "swapdb 0 0", true},
    {"select 1;set w 1;select 0", "swapdb 0 1", false},
    {"set w 1", "mset a 1 w 2", false},
    {"set w 1", "msetnx a 1 w 2", true},
    {"set w 1", "multi;set w 2;exec", false},
    {"set w 1", "multi;set w 2;discard", true},
    {"set w 1 px 200", "ping", false}, /* expires while it is watched */
    {"set w 1 px 200", "set other 1;exists w", false},
};

START_TEST(watch_notices_changes)
{
    for (size_t i = 0; i < sizeof(watch_rows) / sizeof(watch_rows[0]); i++) {
        const struct watch_row *row = &watch_rows[i];
        struct command_shell *shell = command_shell_create(1);
        say_all(shell, 0, row->before);
        expect(shell, 0, "watch w", "+OK\r\n");
        bool expires = strstr(row->before, " px ") != NULL;
        command_shell_pass_ms(expires ? 201 : 0);
        say_all(shell, 1, row->between);
        expect(shell, 0, "multi", "+OK\r\n");
        expect(shell, 0, "ping", "+QUEUED\r\n");
        struct slice reply = command_shell_say(shell, 0, "exec", NULL);
        ck_assert_msg((strcmp(reply.data, "*1\r\n+PONG\r\n") == 0) == row->executes,
                      "row %zu: '%s' between: got '%s'", i, row->between, reply.data);
        command_shell_destroy(shell);
    }
}
END_TEST

/* What was gone before WATCH does not go again. */
START_TEST(watch_of_an_expired_key)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, 0, "set w 1 px 1", "+OK\r\n");
    command_shell_pass_ms(2);
    expect(shell, 0, "watch w", "+OK\r\n");
    expect(shell, 1, "exists w", ":0\r\n");
    expect(shell, 1, "flushall", "+OK\r\n");
    expect(shell, 0, "multi", "+OK\r\n");
    expect(shell, 0, "exec", "*0\r\n");
    command_shell_destroy(shell);
}
END_TEST

START_TEST(own_writes_count)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, 0, "watch w", "+OK\r\n");
    expect(shell, 0, "set w 1", "+OK\r\n");
    expect(shell, 0, "multi", "+OK\r\n");
    expect(shell, 0, "exec", "*-1\r\n");
    expect(shell, 0, "watch w", "+OK\r\n");
    expect(shell, 0, "multi", "+OK\r\n");
    expect(shell, 0, "set w 2", "+QUEUED\r\n");
    expect(shell, 0, "get w", "+QUEUED\r\n");
    expect(shell, 0, "exec", "*2\r\n+OK\r\n$1\r\n2\r\n");
    command_shell_destroy(shell);
}
END_TEST

/* --- what dispatch does around commands ------------------------------------------------------- */

START_TEST(reply_modes)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, 0, "client reply skip", "");
    expect(shell, 0, "ping", "");
    expect(shell, 0, "ping", "+PONG\r\n");
    expect(shell, 0, "client reply off", "");
    expect(shell, 0, "ping", "");
    expect(shell, 0, "nosuch", "");
    expect(shell, 0, "client reply skip", "");
    expect(shell, 0, "ping", "");
    expect(shell, 0, "ping", "");
    expect(shell, 0, "client reply on", "+OK\r\n");
    expect(shell, 0, "ping", "+PONG\r\n");
    command_shell_destroy(shell);
}
END_TEST

START_TEST(authentication)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, 0, "config set requirepass secret", "+OK\r\n");
    struct session *session = command_shell_session(shell, 1);
    expect(shell, 1, "ping", "+PONG\r\n"); /* was there before the password */
    session->authenticated = false;
    expect(shell, 1, "ping", "-NOAUTH Authentication required.\r\n");
    expect(shell, 1, "nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    expect(shell, 1, "get", "-ERR wrong number of arguments for 'get' command\r\n");
    expect(shell, 1, "exec",
           "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n");
    expect(shell, 1, "auth secret", "+OK\r\n");
    expect(shell, 1, "ping", "+PONG\r\n");
    command_shell_destroy(shell);
}
END_TEST

/* The keys that are looked up ahead of a command. */
static struct prefetch_group foresee(struct command_shell *shell, size_t session, const char *line)
{
    struct slice words[WORD_SPLIT_MAX];
    size_t count = word_split(line, words);
    struct request_words request = {table_find(words[0]), words, count};
    struct server *server = command_shell_server(shell);
    struct prefetch_group group = {.count = 0};
    engine_lock(server->engine);
    dispatch_foresee(server, command_shell_session(shell, session), &request, &group);
    engine_unlock(server->engine);
    return group;
}

START_TEST(keys_are_foreseen)
{
    struct command_shell *shell = command_shell_create(1);
    ck_assert_uint_eq(foresee(shell, 0, "get a").count, 1);
    ck_assert(!foresee(shell, 0, "get a").keys[0].is_written);
    ck_assert(foresee(shell, 0, "set a 1").keys[0].is_written);
    ck_assert_uint_eq(foresee(shell, 0, "mset a 1 b 2 c").count, 3);
    ck_assert_uint_eq(foresee(shell, 0, "ping a").count, 0);
    ck_assert_uint_eq(foresee(shell, 0, "nosuch a").count, 0);
    expect(shell, 0, "multi", "+OK\r\n"); /* a command is queued, and looks nothing up */
    ck_assert_uint_eq(foresee(shell, 0, "get a").count, 0);
    command_shell_destroy(shell);
}
END_TEST

/* Those that a group has no room for are counted, as they take their time, too. */
START_TEST(keys_are_left_out)
{
    struct command_shell *shell = command_shell_create(1);
    struct prefetch_group few = foresee(shell, 0, "mget 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16");
    ck_assert_uint_eq(few.count, PREFETCH_GROUP_MAX);
    ck_assert_uint_eq(few.left_out, 0);
    struct prefetch_group many =
        foresee(shell, 0,
                "mset 1 x 2 x 3 x 4 x 5 x 6 x 7 x 8 x 9 x 10 x 11 x 12 x 13 x 14 x 15 x "
                "16 x 17 x 18 x 19");
    ck_assert_uint_eq(many.count, PREFETCH_GROUP_MAX);
    ck_assert_uint_eq(many.left_out, 3);
    command_shell_destroy(shell);
}
END_TEST

START_TEST(nothing_is_foreseen_for_who_has_not_logged_in)
{
    struct command_shell *shell = command_shell_create(1);
    expect(shell, 0, "config set requirepass secret", "+OK\r\n");
    command_shell_session(shell, 1)->authenticated = false;
    ck_assert_uint_eq(foresee(shell, 1, "get a").count, 0);
    expect(shell, 1, "auth secret", "+OK\r\n");
    ck_assert_uint_eq(foresee(shell, 1, "get a").count, 1);
    command_shell_destroy(shell);
}
END_TEST

static enum execution outcome(struct command_shell *shell, size_t session, const char *command)
{
    enum execution execution;
    struct slice reply = command_shell_say(shell, session, command, &execution);
    ck_assert(execution != POSTPONED || reply.size == 0);
    return execution;
}

START_TEST(pauses)
{
    struct command_shell *shell = command_shell_create(1);
    struct server *server = command_shell_server(shell);
    server->pause_mode = PAUSE_WRITE;
    server->pause_until_ms = INT64_MAX;
    ck_assert_int_eq(outcome(shell, 0, "get a"), EXECUTED);
    ck_assert_int_eq(outcome(shell, 0, "set a 1"), POSTPONED);
    ck_assert_int_eq(outcome(shell, 0, "set a"), EXECUTED); /* an error comes at once */
    ck_assert_int_eq(outcome(shell, 0, "multi"), EXECUTED);
    ck_assert_int_eq(outcome(shell, 0, "get a"), EXECUTED);
    ck_assert_int_eq(outcome(shell, 0, "exec"), EXECUTED);
    server->pause_mode = PAUSE_OFF;
    ck_assert_int_eq(outcome(shell, 0, "multi"), EXECUTED);
    ck_assert_int_eq(outcome(shell, 0, "set a 1"), EXECUTED);
    server->pause_mode = PAUSE_WRITE;
    ck_assert_int_eq(outcome(shell, 0, "exec"), POSTPONED);
    ck_assert_int_eq(outcome(shell, 0, "discard"), EXECUTED);
    server->pause_mode = PAUSE_ALL;
    ck_assert_int_eq(outcome(shell, 0, "get a"), POSTPONED);
    server->pause_mode = PAUSE_OFF;
    expect(shell, 0, "get a", "$-1\r\n");
    command_shell_destroy(shell);
}
END_TEST

START_TEST(counts)
{
    struct command_shell *shell = command_shell_create(1);
    struct server *server = command_shell_server(shell);
    struct statistics *statistics = server->statistics;
    expect(shell, 0, "set a x", "+OK\r\n");
    (void)command_shell_say(shell, 0, "incr a", NULL);
    (void)command_shell_say(shell, 0, "incr", NULL);
    (void)command_shell_say(shell, 0, "nosuch", NULL);
    say_all(shell, 0, "multi;incr a;incr b;exec");
    const struct command_statistics *incr =
        statistics_of_command_locked(statistics, table_find(SLICE_LITERAL("incr")));
    ck_assert_uint_eq(incr->calls, 3);
    ck_assert_uint_eq(incr->failed, 2);
    ck_assert_uint_eq(incr->rejected, 1);
    const struct command_statistics *exec =
        statistics_of_command_locked(statistics, table_find(SLICE_LITERAL("exec")));
    ck_assert_uint_eq(exec->calls, 1);
    ck_assert_uint_eq(exec->failed, 0);
    ck_assert_uint_eq(statistics->error_replies, 4);
    say_all(shell, 0, "get a;get nosuch;mget a nosuch;exists a;strlen nosuch;ttl a;set a 1 nx");
    struct keyspace_statistics *hits = keyspace_statistics(server->keyspace);
    ck_assert_uint_eq(hits->hits, 4);
    ck_assert_uint_eq(hits->misses, 3);
    command_shell_destroy(shell);
}
END_TEST

/* The table itself. */
START_TEST(rows_are_found)
{
    table_init();
    table_init();
    char name[COMMAND_NAME_SIZE_MAX];
    for (size_t i = 0; i < table_count(); i++) {
        const struct command *command = table_at(i);
        ck_assert_ptr_eq(table_find(slice_of_string(command->name)), command);
        ck_assert_str_eq(table_full_name(command, name), command->name);
    }
    for (size_t i = 0; i < table_row_count(); i++) {
        const struct command *row = table_row_at(i);
        ck_assert_uint_eq(table_row_number(row), i);
        if (row->parent != NULL) {
            ck_assert_ptr_eq(table_find_subcommand(row->parent, slice_of_string(row->name)), row);
        }
    }
    ck_assert_ptr_nonnull(table_find(SLICE_LITERAL("GeT")));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("ge")));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("get\0")));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("")));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("nosuchcommandoflength")));
    const struct command *object = table_find(SLICE_LITERAL("OBJECT"));
    ck_assert_str_eq(table_full_name(table_find_subcommand(object, SLICE_LITERAL("FREQ")), name),
                     "object|freq");
}
END_TEST

/* With one byte changed a name finds its command only if that is the other case of a letter. */
START_TEST(names_differ_in_each_byte)
{
    table_init();
    for (size_t i = 0; i < table_count(); i++) {
        const struct command *command = table_at(i);
        char name[COMMAND_NAME_SIZE_MAX];
        size_t size = strlen(command->name);
        memcpy(name, command->name, size);
        for (size_t at = 0; at < size; at++) {
            for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
                name[at] = (char)byte;
                bool is_same =
                    (byte | (isupper((int)byte) ? 0x20U : 0U)) == (unsigned char)command->name[at];
                ck_assert_msg((table_find(slice_make(name, size)) == command) == is_same,
                              "%s with byte %zu changed to %u", command->name, at, byte);
            }
            name[at] = command->name[at];
        }
    }
}
END_TEST

static enum status rename_to(const char *from, const char *to)
{
    return table_rename(slice_of_string(from), slice_of_string(to));
}

/* Each test runs in a process of its own, so no other sees these names. */
START_TEST(rows_are_renamed)
{
    table_init();
    size_t count = table_count();
    const struct command *config = table_find(SLICE_LITERAL("config"));
    const struct command *get = table_find(SLICE_LITERAL("get"));
    const struct command *set = table_find(SLICE_LITERAL("set"));
    ck_assert_int_eq(rename_to("nosuch", "a"), STATUS_NOT_FOUND);
    ck_assert_int_eq(rename_to("config|get", "a"), STATUS_NOT_FOUND);
    ck_assert_int_eq(rename_to("get", "SET"), STATUS_EXISTS);
    ck_assert_int_eq(rename_to("get", "GET"), STATUS_OK);
    ck_assert_ptr_eq(table_find(SLICE_LITERAL("get")), get);

    ck_assert_int_eq(rename_to("CONFIG", "b840fc02d524045429941cc15f59e41cb7be6c52"), STATUS_OK);
    ck_assert_ptr_null(table_find(SLICE_LITERAL("config")));
    ck_assert_ptr_eq(table_find(SLICE_LITERAL("B840fc02d524045429941cc15f59e41cb7be6c52")), config);
    ck_assert_ptr_null(table_find(SLICE_LITERAL("b840fc02d524045429941cc15f59e41cb7be6c5")));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("b840fc02d524045429941cc15f59e41cb7be6c53")));
    ck_assert_uint_eq(table_count(), count);

    /* Names move up in the order of the lines. */
    ck_assert_int_eq(rename_to("get", "fetch"), STATUS_OK);
    ck_assert_int_eq(rename_to("set", "get"), STATUS_OK);
    ck_assert_ptr_eq(table_find(SLICE_LITERAL("get")), set);
    ck_assert_ptr_eq(table_find(SLICE_LITERAL("fetch")), get);
    ck_assert_ptr_null(table_find(SLICE_LITERAL("set")));

    ck_assert(table_is_callable(config->subcommands));
    ck_assert_int_eq(rename_to("b840fc02d524045429941cc15f59e41cb7be6c52", ""), STATUS_OK);
    ck_assert(!table_is_callable(config) && !table_is_callable(config->subcommands));
    ck_assert(table_is_callable(set));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("b840fc02d524045429941cc15f59e41cb7be6c52")));
    ck_assert_ptr_null(table_find(SLICE_LITERAL("")));
    ck_assert_uint_eq(table_count(), count - 1);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, transactions_as_redis);
    tcase_add_test(core, unknown_as_redis);
    tcase_add_test(core, resp3_as_redis);
    tcase_add_test(core, watch_notices_changes);
    tcase_add_test(core, watch_of_an_expired_key);
    tcase_add_test(core, own_writes_count);
    tcase_add_test(core, reply_modes);
    tcase_add_test(core, authentication);
    tcase_add_test(core, keys_are_foreseen);
    tcase_add_test(core, keys_are_left_out);
    tcase_add_test(core, nothing_is_foreseen_for_who_has_not_logged_in);
    tcase_add_test(core, pauses);
    tcase_add_test(core, counts);
    tcase_add_test(core, rows_are_found);
    tcase_add_test(core, names_differ_in_each_byte);
    tcase_add_test(core, rows_are_renamed);
    return test_run("dispatch", core);
}
