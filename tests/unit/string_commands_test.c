/* string_commands_test.c - strings. Every row's reply is what
 * redis-server 7.0.15 answered to the same words; a table starts with an empty store. */
#include "support/command_shell.h"
#include "support/test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct shell_row strings[] = {
    {"set a 1", "+OK\r\n"},
    {"get a", "$1\r\n1\r\n"},
    {"GET a", "$1\r\n1\r\n"},
    {"get nosuch", "$-1\r\n"},
    {"set a 2 nx", "$-1\r\n"},
    {"set a 2 xx", "+OK\r\n"},
    {"get a", "$1\r\n2\r\n"},
    {"set b 2 xx", "$-1\r\n"},
    {"get b", "$-1\r\n"},
    {"set b 2 nx get", "$-1\r\n"},
    {"set b 3 get", "$1\r\n2\r\n"},
    {"set b 4 nx get", "$1\r\n3\r\n"},
    {"get b", "$1\r\n3\r\n"},
    {"set b 5 ex 0", "-ERR invalid expire time in 'set' command\r\n"},
    {"set b 5 ex x", "-ERR value is not an integer or out of range\r\n"},
    {"set b 5 ex", "-ERR syntax error\r\n"},
    {"set b 5 nx xx", "-ERR syntax error\r\n"},
    {"set b 5 foo", "-ERR syntax error\r\n"},
    {"set b 5 ex 100 keepttl", "-ERR syntax error\r\n"},
    {"set b", "-ERR wrong number of arguments for 'set' command\r\n"},
    {"set", "-ERR wrong number of arguments for 'set' command\r\n"},
    {"setnx a 9", ":0\r\n"},
    {"setnx n 9", ":1\r\n"},
    {"setex e 100 v", "+OK\r\n"},
    {"ttl e", ":100\r\n"},
    {"setex e 0 v", "-ERR invalid expire time in 'setex' command\r\n"},
    {"setex e -1 v", "-ERR invalid expire time in 'setex' command\r\n"},
    {"setex e x v", "-ERR value is not an integer or out of range\r\n"},
    {"psetex p 100000 v", "+OK\r\n"},
    {"ttl p", ":100\r\n"},
    {"psetex p 0 v", "-ERR invalid expire time in 'psetex' command\r\n"},
    {"set e w keepttl", "+OK\r\n"},
    {"ttl e", ":100\r\n"},
    {"set e w", "+OK\r\n"},
    {"ttl e", ":-1\r\n"},
    {"getset a 7", "$1\r\n2\r\n"},
    {"get a", "$1\r\n7\r\n"},
    {"getset fresh 1", "$-1\r\n"},
    {"getdel fresh", "$1\r\n1\r\n"},
    {"getdel fresh", "$-1\r\n"},
    {"mget a b nosuch a", "*4\r\n$1\r\n7\r\n$1\r\n3\r\n$-1\r\n$1\r\n7\r\n"},
    {"mset x 1 y 2 x 3", "+OK\r\n"},
    {"mget x y", "*2\r\n$1\r\n3\r\n$1\r\n2\r\n"},
    {"mset x", "-ERR wrong number of arguments for 'mset' command\r\n"},
    {"mset x 1 y", "-ERR wrong number of arguments for 'mset' command\r\n"},
    {"msetnx q 1 x 2", ":0\r\n"},
    {"get q", "$-1\r\n"},
    {"msetnx q 1 r 2", ":1\r\n"},
    {"mget q r", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"},
    {"msetnx q", "-ERR wrong number of arguments for 'msetnx' command\r\n"},
    {"strlen a", ":1\r\n"},
    {"strlen nosuch", ":0\r\n"},
    {"set e ''", "+OK\r\n"},
    {"strlen e", ":0\r\n"},
    {"get e", "$0\r\n\r\n"},
};

static const struct shell_row getex[] = {
    {"set a v ex 100", "+OK\r\n"},
    {"getex a", "$1\r\nv\r\n"},
    {"ttl a", ":100\r\n"},
    {"getex a persist", "$1\r\nv\r\n"},
    {"ttl a", ":-1\r\n"},
    {"getex a ex 200", "$1\r\nv\r\n"},
    {"ttl a", ":200\r\n"},
    {"getex a px 300000", "$1\r\nv\r\n"},
    {"ttl a", ":300\r\n"},
    {"getex a ex 0", "-ERR invalid expire time in 'getex' command\r\n"},
    {"getex nosuch ex 0", "$-1\r\n"},
    {"getex nosuch foo", "-ERR syntax error\r\n"},
    {"getex a foo", "-ERR syntax error\r\n"},
    {"getex a ex 1 persist", "-ERR syntax error\r\n"},
    {"getex a keepttl", "-ERR syntax error\r\n"},
    {"getex a exat 1", "$1\r\nv\r\n"},
    {"exists a", ":0\r\n"},
    {"getex a", "$-1\r\n"},
};

static const struct shell_row ranges[] = {
    {"append s hello", ":5\r\n"},
    {"object encoding s", "$6\r\nembstr\r\n"},
    {"append s ''", ":5\r\n"},
    {"object encoding s", "$3\r\nraw\r\n"},
    {"append s world", ":10\r\n"},
    {"get s", "$10\r\nhelloworld\r\n"},
    {"getrange s 0 4", "$5\r\nhello\r\n"},
    {"getrange s -5 -1", "$5\r\nworld\r\n"},
    {"getrange s 5 2", "$0\r\n\r\n"},
    {"getrange s 0 -1", "$10\r\nhelloworld\r\n"},
    {"getrange s -100 100", "$10\r\nhelloworld\r\n"},
    {"getrange s 9 100", "$1\r\nd\r\n"},
    {"getrange s 10 11", "$0\r\n\r\n"},
    {"getrange s -1 -5", "$0\r\n\r\n"},
    {"getrange s x 1", "-ERR value is not an integer or out of range\r\n"},
    {"getrange nosuch 0 1", "$0\r\n\r\n"},
    {"substr s 1 2", "$2\r\nel\r\n"},
    {"setrange s 5 WORLD", ":10\r\n"},
    {"get s", "$10\r\nhelloWORLD\r\n"},
    {"setrange s 12 !", ":13\r\n"},
    {"strlen s", ":13\r\n"},
    {"setrange s -1 x", "-ERR offset is out of range\r\n"},
    {"setrange s x x", "-ERR value is not an integer or out of range\r\n"},
    {"setrange s 5 ''", ":13\r\n"},
    {"setrange nosuch 5 ''", ":0\r\n"},
    {"exists nosuch", ":0\r\n"},
    {"setrange pad 3 x", ":4\r\n"},
    {"strlen pad", ":4\r\n"},
    {"object encoding pad", "$3\r\nraw\r\n"},
    {"setrange s 536870912 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"},
    {"setrange s 9223372036854775807 x",
     "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"},
    {"set n 12", "+OK\r\n"},
    {"append n 3", ":3\r\n"},
    {"get n", "$3\r\n123\r\n"},
    {"object encoding n", "$3\r\nraw\r\n"},
    {"incr n", ":124\r\n"},
    {"object encoding n", "$3\r\nint\r\n"},
};

static const struct shell_row numbers[] = {
    {"incr n", ":1\r\n"},
    {"incr n", ":2\r\n"},
    {"decr n", ":1\r\n"},
    {"incrby n 10", ":11\r\n"},
    {"decrby n 3", ":8\r\n"},
    {"get n", "$1\r\n8\r\n"},
    {"incrby n x", "-ERR value is not an integer or out of range\r\n"},
    {"incrby n 9223372036854775807", "-ERR increment or decrement would overflow\r\n"},
    {"decrby n -9223372036854775808", "-ERR decrement would overflow\r\n"},
    {"set n 9223372036854775807", "+OK\r\n"},
    {"incr n", "-ERR increment or decrement would overflow\r\n"},
    {"decr n", ":9223372036854775806\r\n"},
    {"set n -9223372036854775808", "+OK\r\n"},
    {"decr n", "-ERR increment or decrement would overflow\r\n"},
    {"set n 01", "+OK\r\n"},
    {"incr n", "-ERR value is not an integer or out of range\r\n"},
    {"set n x", "+OK\r\n"},
    {"incr n", "-ERR value is not an integer or out of range\r\n"},
    {"incrby n", "-ERR wrong number of arguments for 'incrby' command\r\n"},
    {"incrbyfloat f 1.5", "$3\r\n1.5\r\n"},
    {"incrbyfloat f 1.5", "$1\r\n3\r\n"},
    {"object encoding f", "$6\r\nembstr\r\n"},
    {"incr f", ":4\r\n"},
    {"object encoding f", "$3\r\nint\r\n"},
    {"incrbyfloat f -0.1", "$3\r\n3.9\r\n"},
    {"incrbyfloat f x", "-ERR value is not a valid float\r\n"},
    {"incrbyfloat f inf", "-ERR increment would produce NaN or Infinity\r\n"},
    {"incrbyfloat f -inf", "-ERR increment would produce NaN or Infinity\r\n"},
    {"incrbyfloat f nan", "-ERR value is not a valid float\r\n"},
    {"incrbyfloat n 1", "-ERR value is not a valid float\r\n"},
    {"set n 5", "+OK\r\n"},
    {"incrbyfloat n 0.1", "$3\r\n5.1\r\n"},
    {"get n", "$3\r\n5.1\r\n"},
    {"incrbyfloat n 1e4000",
     "$4000\r\n999999999999999999996546387309962378493249258350695763130150833304326194330634235548"
     "182164186550927986276445207312367354021760221736759234417212588195052799996142858243435475450"
     "187095821429074130114301467044502626084944345627533374234082255914622044077450269914711681830"
     "777556677357120649203631296339736876182607953816161203672468102798041894507185733380201957318"
     "437640797473774210058296343958130247474660582807106816226609535024910936098193169594212325387"
     "236235572071786785993199711696782353517534488641743594882749266842422451493159696512492842655"
     "731300727200365418160663782964871802633262344596465959941168867361240121701259812055748928873"
     "533443711847934559082701316042663433403614597161129409449926793009764515831692424208444400504"
     "627578931685426469896253751960480464820255883181332019908227481067854696666210627249700699618"
     "652920204661219792796503066301605361205568206085517098902106999847630466816686879832784930554"
     "451695863054570543626786812396309041984072078629509329792323316698930718549346800596351355605"
     "227392652481506453586303495117711566598560617166670824275619896230386187135471918138196137967"
     "176193898470450507392161890714427244982891583908397803799328045255958696550419936825613465027"
     "146884424717482364627866356743713273930651694331128514456889581781152127023433502320280992343"
     "931353716868579231427277166784731040245945314918349069276953832951624324292710544717597495656"
     "594985925988025726662343243166098675125860081634832083772785235237181889664834370094785299105"
     "896943354170513234512252404843468832513832293308518372165567213786539635847103506721416736061"
     "711952760527235477144743756093290878935518104108197897176234655756823076757402730229346054496"
     "875208176865682487999437635516392030038509591968867867090776098718766179343471717576035065141"
     "953795610318291012136488463726210226320429532927962036053620376131519455405318893421840931624"
     "641073865620385213899249244440402634221049961914087685592127798877867694789215280685495078506"
     "801472712553673970265696261196440143618793488580342061128674513483866541536569140911046403869"
     "466889934487984582294276337303971968860281044443992803713546889827456535363005944625616997868"
     "906559342084845603827436656722529954935268365077016055190811601172388031517638139082174408719"
     "115901484046640842203646326418292843478018116774697739874304244941310521546388412380157872674"
     "696772133455872452047111533586251643528328239383214050025976237079590719541812226030833100603"
     "021010496251168945891286948052102543013404738222814135055439439021018832686353875308319032957"
     "814961739273532534560729380401978961310720443972905532410692112632267102006670931701283593692"
     "569559469491012129199113304035245402941589542133062792457606820047089253679243514307913738277"
     "444034619600259399968366935317655368005431792164842358163978166423171645953951045675326533799"
     "825666452920085293904946885541928909778530329494644975225879188295479455875333874823517517373"
     "007317846625968391643704488907528287791686962799128979218358684967929118907413640552698863210"
     "473761320595915047363159961659256484295243985803317970236819975330669836220140150647940769923"
     "639652151965466159713230973738197390314188954803171318177196896586136000705584679127671259261"
     "147561284797464789860158552766622773892968912821261968114440990558897494398092794843195009826"
     "834645964923030568997854202993279243648645289673592500419478258751647345762435263948009010950"
     "729573502046045672563814595702231739778420903399872125496106089091663409488098355275050888166"
     "934930834777283450438830308711334187810414161221578833020683598118389550166550202002064058921"
     "084890241600315636162687316083622556634775026951259974678686017132680683102908765366034116470"
     "880880245402288169904939213957401675614619264441582083959079789705055192233494740600473887233"
     "204284408928530233441790599638119017161016884531643553346123590208606793593500506300145052217"
     "458177244309653838919998912873167932654534827895778806176201880701760251518685320558987590991"
     "070807933360504701011573847810547675055015002062986435782554344195697219027272995120664827634"
     "9901340672\r\n"},
    {"set n 3.0e3", "+OK\r\n"},
    {"incrbyfloat n 200", "$4\r\n3200\r\n"},
    {"set n 5 ex 100", "+OK\r\n"},
    {"incr n", ":6\r\n"},
    {"ttl n", ":100\r\n"},
    {"incrbyfloat n 1", "$1\r\n7\r\n"},
    {"ttl n", ":100\r\n"},
};

static const struct shell_row encodings[] = {
    {"set a 9999", "+OK\r\n"},
    {"object encoding a", "$3\r\nint\r\n"},
    {"object refcount a", ":2147483647\r\n"},
    {"set a 10000", "+OK\r\n"},
    {"object refcount a", ":1\r\n"},
    {"set a -1", "+OK\r\n"},
    {"object refcount a", ":1\r\n"},
    {"set a 0", "+OK\r\n"},
    {"object refcount a", ":2147483647\r\n"},
    {"copy a b", ":1\r\n"},
    {"object encoding b", "$3\r\nint\r\n"},
    {"object refcount b", ":1\r\n"},
    {"copy b c", ":1\r\n"},
    {"object refcount c", ":1\r\n"},
    {"incr b", ":1\r\n"},
    {"object refcount b", ":2147483647\r\n"},
    {"rename c d", "+OK\r\n"},
    {"object refcount d", ":1\r\n"},
    {"set t text", "+OK\r\n"},
    {"object encoding t", "$6\r\nembstr\r\n"},
    {"object refcount t", ":1\r\n"},
    {"append t x", ":5\r\n"},
    {"copy t u", ":1\r\n"},
    {"object encoding u", "$3\r\nraw\r\n"},
    {"set l aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "+OK\r\n"},
    {"object encoding l", "$6\r\nembstr\r\n"},
    {"set l aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "+OK\r\n"},
    {"object encoding l", "$3\r\nraw\r\n"},
    {"set l 9223372036854775808", "+OK\r\n"},
    {"object encoding l", "$6\r\nembstr\r\n"},
    {"incrbyfloat w 5", "$1\r\n5\r\n"},
    {"object encoding w", "$6\r\nembstr\r\n"},
    {"object refcount w", ":1\r\n"},
    {"copy w v", ":1\r\n"},
    {"object encoding v", "$6\r\nembstr\r\n"},
    {"object idletime a", ":0\r\n"},
    {"object freq a", "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                      "Please note that when switching between policies at runtime LRU and LFU "
                      "data will take some time to adjust.\r\n"},
    {"object freq nosuch", "$-1\r\n"},
    {"object encoding nosuch", "$-1\r\n"},
    {"object idletime nosuch", "$-1\r\n"},
    {"object", "-ERR wrong number of arguments for 'object' command\r\n"},
    {"object foo", "-ERR unknown subcommand 'foo'. Try OBJECT HELP.\r\n"},
    {"object encoding", "-ERR wrong number of arguments for 'object|encoding' command\r\n"},
    {"object help x", "-ERR wrong number of arguments for 'object|help' command\r\n"},
};

static const struct shell_row lcs[] = {
    {"set a ohmytext", "+OK\r\n"},
    {"set b mynewtext", "+OK\r\n"},
    {"lcs a b", "$6\r\nmytext\r\n"},
    {"lcs a b len", ":6\r\n"},
    {"lcs a b idx", "*4\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n*2\r\n*"
                    "2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n"},
    {"lcs a b idx withmatchlen",
     "*4\r\n$7\r\nmatches\r\n*2\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n*3\r\n*2\r\n:"
     "2\r\n:3\r\n*2\r\n:0\r\n:1\r\n:2\r\n$3\r\nlen\r\n:6\r\n"},
    {"lcs a b idx minmatchlen 4",
     "*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n$3\r\nlen\r\n:6\r\n"},
    {"lcs a b idx minmatchlen 4 withmatchlen", "*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:"
                                               "7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n"},
    {"lcs a b idx minmatchlen -1",
     "*4\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n*2\r\n*2\r\n:2\r\n:"
     "3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n"},
    {"lcs a b minmatchlen 4", "$6\r\nmytext\r\n"},
    {"lcs a b len idx", "-ERR If you want both the length and indexes, please just use IDX.\r\n"},
    {"lcs a b foo", "-ERR syntax error\r\n"},
    {"lcs a b minmatchlen", "-ERR syntax error\r\n"},
    {"lcs a b minmatchlen x", "-ERR value is not an integer or out of range\r\n"},
    {"lcs a nosuch", "$0\r\n\r\n"},
    {"lcs nosuch nosuch2 len", ":0\r\n"},
    {"lcs a nosuch idx", "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n"},
    {"set c aaa", "+OK\r\n"},
    {"set d aaaa", "+OK\r\n"},
    {"lcs c d idx",
     "*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:0\r\n:2\r\n*2\r\n:1\r\n:3\r\n$3\r\nlen\r\n:3\r\n"},
    {"lcs d c", "$3\r\naaa\r\n"},
    {"lcs a", "-ERR wrong number of arguments for 'lcs' command\r\n"},
};

START_TEST(strings_as_redis)
{
    command_shell_expect(strings, sizeof(strings) / sizeof(strings[0]));
}
END_TEST

START_TEST(getex_as_redis)
{
    command_shell_expect(getex, sizeof(getex) / sizeof(getex[0]));
}
END_TEST

START_TEST(ranges_as_redis)
{
    command_shell_expect(ranges, sizeof(ranges) / sizeof(ranges[0]));
}
END_TEST

START_TEST(numbers_as_redis)
{
    command_shell_expect(numbers, sizeof(numbers) / sizeof(numbers[0]));
}
END_TEST

START_TEST(encodings_as_redis)
{
    command_shell_expect(encodings, sizeof(encodings) / sizeof(encodings[0]));
}
END_TEST

START_TEST(lcs_as_redis)
{
    command_shell_expect(lcs, sizeof(lcs) / sizeof(lcs[0]));
}
END_TEST

/* What is large leaves by reference, and is the same. */
START_TEST(large_values_come_back)
{
    struct command_shell *shell = command_shell_create(1);
    size_t size = (size_t)200 * 1000;
    char *value = malloc(size);
    for (size_t i = 0; i < size; i++) {
        value[i] = (char)(i * 7 + i / 256);
    }
    struct slice set[] = {SLICE_LITERAL("set"), SLICE_LITERAL("large"), slice_make(value, size)};
    ck_assert_str_eq(command_shell_run(shell, 0, set, 3).data, "+OK\r\n");
    struct slice reply = command_shell_say(shell, 0, "get large", NULL);
    ck_assert_uint_eq(reply.size, strlen("$200000\r\n") + size + 2);
    ck_assert_mem_eq(reply.data, "$200000\r\n", strlen("$200000\r\n"));
    ck_assert_mem_eq(reply.data + strlen("$200000\r\n"), value, size);
    reply = command_shell_say(shell, 0, "getrange large 100000 199998", NULL);
    ck_assert_uint_eq(reply.size, strlen("$99999\r\n") + 99999 + 2);
    ck_assert_mem_eq(reply.data + strlen("$99999\r\n"), value + 100000, 99999);
    free(value);
    command_shell_destroy(shell);
}
END_TEST

int main(void)
{
    TCase *core = tcase_create("core");
    tcase_add_test(core, strings_as_redis);
    tcase_add_test(core, getex_as_redis);
    tcase_add_test(core, ranges_as_redis);
    tcase_add_test(core, numbers_as_redis);
    tcase_add_test(core, encodings_as_redis);
    tcase_add_test(core, lcs_as_redis);
    tcase_add_test(core, large_values_come_back);
    return test_run("string commands", core);
}
