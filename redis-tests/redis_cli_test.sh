#!/bin/sh
# redis-cli against the server that support/with_server has started: sessions, RESP3, what comes on
# standard input, mass insertion, scans, the Unix socket. Ends with "N passed, N failed".
set -u

. "$(dirname "$0")/support/expect.sh"

cli() {
    redis-cli -h "$SCDB_HOST" -p "$SCDB_PORT" "$@"
}

cli flushall >/dev/null

expect 'ping' 'PONG' "$(cli ping)"
expect 'set' 'OK' "$(cli set greeting hello)"
expect 'get' 'hello' "$(cli get greeting)"
expect 'get of nothing' '' "$(cli get nothing)"
expect 'get of nothing, for people' '(nil)' "$(cli --no-raw get nothing)"
expect 'a number, for people' '(integer) 5' "$(cli --no-raw strlen greeting)"
expect 'a wrong command' "(error) ERR wrong number of arguments for 'get' command" \
    "$(cli --no-raw get)"
expect 'exit code with -e' '1' "$(cli -e get >/dev/null 2>&1; echo $?)"
expect 'another database' '1' "$(cli -n 5 incr counter)"
expect 'only there' '' "$(cli get counter)"
expect 'repeated with -r' '1 2 3' "$(cli -r 3 incr repeated | tr '\n' ' ' | sed 's/ $//')"

expect 'a session on standard input' 'OK|value|OK|QUEUED|QUEUED|1|6|' \
    "$(printf 'set key value\nget key\nmulti\nincr n\nappend key !\nexec\n' | cli | tr '\n' '|')"
expect 'and what it left' 'value!' "$(cli get key)"

printf 'first line\nsecond \000 line\n' >"$scratch/value"
cli -x set from-stdin <"$scratch/value" >/dev/null
cli get from-stdin >"$scratch/back"
printf '\n' >>"$scratch/value" # redis-cli ends what it prints with a newline
expect 'a value from standard input (-x)' 'same' \
    "$(cmp "$scratch/value" "$scratch/back" && echo same)"

expect 'RESP3: hello' '3' "$(cli -3 hello | sed -n '/^proto/{s/.* //;p;}')"
expect 'RESP3: null' '(nil)' "$(cli -3 --no-raw get nothing)"
expect 'RESP3: a map' '1# "maxclients" => "10000"' "$(cli -3 --no-raw config get maxclients)"
expect 'RESP3: set and get' 'OK
three' "$(printf 'set k3 three\nget k3\n' | cli -3)"

expect 'Unix socket' 'hello' "$(redis-cli -s "$SCDB_SOCKET" get greeting)"
expect_match 'Unix socket in CLIENT INFO' "*addr=$SCDB_SOCKET:0 *" \
    "$(redis-cli -s "$SCDB_SOCKET" client info)"

# Mass insertion: 20,000 commands in the protocol's own form.
cli flushall >/dev/null
awk 'BEGIN {
    for (i = 0; i < 20000; i++) {
        key = "mass:" i; value = "value " i;
        printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", length(key), key, length(value), value;
    }
}' >"$scratch/mass"
expect_match 'mass insertion (--pipe)' '*errors: 0, replies: 20000' "$(cli --pipe <"$scratch/mass")"
expect 'all of it is there' '20000' "$(cli dbsize)"
expect 'and right' 'value 12345' "$(cli get mass:12345)"

expect 'scan returns each key once' '20000 20000' \
    "$(cli --scan >"$scratch/keys"; echo "$(wc -l <"$scratch/keys") $(sort -u "$scratch/keys" | wc -l)")"
expect 'scan with a pattern' '10' "$(cli --scan --pattern 'mass:1999?' | wc -l)"

cli set big:string "$(awk 'BEGIN { for (i = 0; i < 5000; i++) printf "x" }')" >/dev/null
expect_match 'bigkeys' '*Biggest string found*big:string*has 5000 bytes*' \
    "$(cli --bigkeys | tr '\n' ' ')"
expect_match 'memkeys' '*Biggest string found*big:string*bytes*' "$(cli --memkeys | tr '\n' ' ')"
expect_match 'stat' '*keys*clients*20001*' "$(timeout 60 stdbuf -oL redis-cli -h "$SCDB_HOST" -p "$SCDB_PORT" \
    --stat -i 0.2 | head -4 | tr '\n' ' ')"
expect_match 'latency' '* * * *' "$(timeout 60 redis-cli -h "$SCDB_HOST" -p "$SCDB_PORT" \
    --latency --raw -i 1 | head -1)"

expect_match 'help from COMMAND DOCS' '*SET*' "$(printf 'help set\n' | cli)"
expect_match 'info' '*redis_version:*' "$(cli info server)"
expect_match 'keyspace' '*db0:keys=20001,*' "$(cli info keyspace)"
expect 'a command that does not exist' "ERR unknown command 'nonsense', with args beginning with: " \
    "$(cli nonsense | head -1)"
expect 'quoted input' 'tab	and"quote' "$(printf 'set q "tab\\tand\\"quote"\nget q\n' | cli | tail -1)"
expect 'csv' '"value 1",NULL' "$(cli --csv mget mass:1 nothing)"
expect 'flushall' 'OK' "$(cli flushall)"
expect 'empty' '0' "$(cli dbsize)"

conclude
