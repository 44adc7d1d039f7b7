/* key_commands_test.c - keys of any type, their time, databases. Every row's reply is what
 * redis-server 7.0.15 answered to the same words; a table starts with an empty store. */
#include "support/command_shell.h"
#include "support/test_run.h"

#include <check.h>
#include <string.h>

static const struct shell_row keys[] = {
    {"del a", ":0\r\n"},
    {"set a 1", "+OK\r\n"},
    {"set b 2", "+OK\r\n"},
    {"del a b c a", ":2\r\n"},
    {"exists a", ":0\r\n"},
    {"set a 1", "+OK\r\n"},
    {"exists a a b", ":2\r\n"},
    {"touch a b a", ":2\r\n"},
    {"unlink a", ":1\r\n"},
    {"type a", "+none\r\n"},
    {"set a 1", "+OK\r\n"},
    {"type a", "+string\r\n"},
    {"rename nosuch b", "-ERR no such key\r\n"},
    {"rename nosuch nosuch", "-ERR no such key\r\n"},
    {"rename a b", "+OK\r\n"},
    {"get b", "$1\r\n1\r\n"},
    {"exists a", ":0\r\n"},
    {"rename b b", "+OK\r\n"},
    {"renamenx b b", ":0\r\n"},
    {"set a 2", "+OK\r\n"},
    {"renamenx a b", ":0\r\n"},
    {"renamenx a c", ":1\r\n"},
    {"renamenx nosuch x", "-ERR no such key\r\n"},
    {"get c", "$1\r\n2\r\n"},
    {"set t v ex 100", "+OK\r\n"},
    {"rename t u", "+OK\r\n"},
    {"ttl u", ":100\r\n"},
    {"set u2 v", "+OK\r\n"},
    {"rename u2 u", "+OK\r\n"},
    {"ttl u", ":-1\r\n"},
    {"copy b b", "-ERR source and destination objects are the same\r\n"},
    {"copy b d", ":1\r\n"},
    {"copy b d", ":0\r\n"},
    {"get d", "$1\r\n1\r\n"},
    {"copy c d replace", ":1\r\n"},
    {"get d", "$1\r\n2\r\n"},
    {"copy nosuch d replace", ":0\r\n"},
    {"get d", "$1\r\n2\r\n"},
    {"copy c x db 1", ":1\r\n"},
    {"copy c x db 99", "-ERR DB index is out of range\r\n"},
    {"copy c x db x", "-ERR value is not an integer or out of range\r\n"},
    {"copy c x db", "-ERR syntax error\r\n"},
    {"copy c c db 1", ":1\r\n"},
    {"copy c x foo", "-ERR syntax error\r\n"},
    {"move c 0", "-ERR source and destination objects are the same\r\n"},
    {"move c 1", ":0\r\n"},
    {"move c 99", "-ERR DB index is out of range\r\n"},
    {"move c x", "-ERR value is not an integer or out of range\r\n"},
    {"move nosuch 1", ":0\r\n"},
    {"move b 1", ":1\r\n"},
    {"exists b", ":0\r\n"},
    {"select 1", "+OK\r\n"},
    {"keys x", "*1\r\n$1\r\nx\r\n"},
    {"get b", "$1\r\n1\r\n"},
    {"get c", "$1\r\n2\r\n"},
    {"select 99", "-ERR DB index is out of range\r\n"},
    {"select -1", "-ERR DB index is out of range\r\n"},
    {"select x", "-ERR value is not an integer or out of range\r\n"},
    {"dbsize", ":3\r\n"},
    {"swapdb 0 1", "+OK\r\n"},
    {"dbsize", ":3\r\n"},
    {"swapdb 0 99", "-ERR DB index is out of range\r\n"},
    {"swapdb x 0", "-ERR invalid first DB index\r\n"},
    {"swapdb 0 x", "-ERR invalid second DB index\r\n"},
    {"swapdb 1 1", "+OK\r\n"},
    {"flushdb", "+OK\r\n"},
    {"dbsize", ":0\r\n"},
    {"flushdb foo", "-ERR syntax error\r\n"},
    {"flushall async", "+OK\r\n"},
    {"flushall sync", "+OK\r\n"},
    {"flushall x", "-ERR syntax error\r\n"},
    {"select 0", "+OK\r\n"},
    {"dbsize", ":0\r\n"},
    {"randomkey", "$-1\r\n"},
};

static const struct shell_row times[] = {
    {"set a 1", "+OK\r\n"},
    {"ttl a", ":-1\r\n"},
    {"pttl a", ":-1\r\n"},
    {"expiretime a", ":-1\r\n"},
    {"pexpiretime a", ":-1\r\n"},
    {"ttl nosuch", ":-2\r\n"},
    {"expiretime nosuch", ":-2\r\n"},
    {"expire a 100", ":1\r\n"},
    {"ttl a", ":100\r\n"},
    {"persist a", ":1\r\n"},
    {"persist a", ":0\r\n"},
    {"ttl a", ":-1\r\n"},
    {"expire a 100 xx", ":0\r\n"},
    {"expire a 100 gt", ":0\r\n"},
    {"expire a 100 lt", ":1\r\n"},
    {"expire a 200 nx", ":0\r\n"},
    {"expire a 50 gt", ":0\r\n"},
    {"expire a 200 gt", ":1\r\n"},
    {"ttl a", ":200\r\n"},
    {"expire a 300 lt", ":0\r\n"},
    {"expire a 100 lt", ":1\r\n"},
    {"expire a 100 xx lt", ":0\r\n"},
    {"expire a 10 nx xx",
     "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"},
    {"expire a 10 gt lt", "-ERR GT and LT options at the same time are not compatible\r\n"},
    {"expire a 10 foo", "-ERR Unsupported option foo\r\n"},
    {"expire a x", "-ERR value is not an integer or out of range\r\n"},
    {"expire a 9223372036854775807", "-ERR invalid expire time in 'expire' command\r\n"},
    {"pexpire a 9223372036854775807", "-ERR invalid expire time in 'pexpire' command\r\n"},
    {"expireat a 99999999999", ":1\r\n"},
    {"expiretime a", ":99999999999\r\n"},
    {"pexpireat a 99999999999999", ":1\r\n"},
    {"pexpiretime a", ":99999999999999\r\n"},
    {"expiretime a", ":100000000000\r\n"},
    {"pexpireat a 99999999999499", ":1\r\n"},
    {"expiretime a", ":99999999999\r\n"},
    {"pexpireat a 9223372036854775807", ":1\r\n"},
    {"pexpiretime a", ":9223372036854775807\r\n"},
    {"expiretime a", ":9223372036854776\r\n"},
    {"pexpireat a 9223372036854775807 gt", ":0\r\n"},
    {"persist a", ":1\r\n"},
    {"pexpireat a 9223372036854775807 gt", ":0\r\n"},
    {"set a 1 pxat 9223372036854775807", "+OK\r\n"},
    {"pexpiretime a", ":9223372036854775807\r\n"},
    {"expire nosuch 10", ":0\r\n"},
    {"persist nosuch", ":0\r\n"},
    {"expire a -1", ":1\r\n"},
    {"exists a", ":0\r\n"},
    {"set a 1", "+OK\r\n"},
    {"expireat a 1", ":1\r\n"},
    {"exists a", ":0\r\n"},
    {"set a 1 pxat 1", "+OK\r\n"},
    {"exists a", ":0\r\n"},
    {"set a 1 ex 9223372036854775", "-ERR invalid expire time in 'set' command\r\n"},
    {"set a 1 px 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n"},
};

static const struct shell_row scans[] = {
    {"scan 0", "*2\r\n$1\r\n0\r\n*0\r\n"},
    {"scan x", "-ERR invalid cursor\r\n"},
    {"scan 0 count 0", "-ERR syntax error\r\n"},
    {"scan 0 count x", "-ERR value is not an integer or out of range\r\n"},
    {"scan 0 match", "-ERR syntax error\r\n"},
    {"scan 0 type", "-ERR syntax error\r\n"},
    {"scan 0 foo bar", "-ERR syntax error\r\n"},
    {"scan -", "-ERR invalid cursor\r\n"},
    {"set a 1", "+OK\r\n"},
    {"scan 0", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
    {"scan 0 match b*", "*2\r\n$1\r\n0\r\n*0\r\n"},
    {"scan 0 match a*", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
    {"scan 0 type string", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
    {"scan 0 type LIST", "*2\r\n$1\r\n0\r\n*0\r\n"},
    {"scan 0 count 5 match a", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
    {"keys *", "*1\r\n$1\r\na\r\n"},
    {"keys b*", "*0\r\n"},
    {"keys a", "*1\r\n$1\r\na\r\n"},
    {"keys", "-ERR wrong number of arguments for 'keys' command\r\n"},
    {"randomkey", "$1\r\na\r\n"},
    {"scan 0 count 9223372036854775807", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
};

START_TEST(keys_as_redis)
{
    command_shell_expect(keys, sizeof(keys) / sizeof(keys[0]));
}
END_TEST

START_TEST(times_as_redis)
{
    command_shell_expect(times, sizeof(times) / sizeof(times[0]));
}
END_TEST

START_TEST(scans_as_redis)
{
    command_shell_expect(scans, sizeof(scans) / sizeof(scans[0]));
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, keys_as_redis);
    tcase_add_test(core, times_as_redis);
    tcase_add_test(core, scans_as_redis);
    return test_run("key commands", core);
}
