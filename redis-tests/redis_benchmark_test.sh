#!/bin/sh
# redis-benchmark as a load on the server that support/with_server has started, and a look at what
# it has left: the counters must add up to the INCRs sent, every value must be a whole one.
# SCDB_REQUESTS sets the requests of each run (a multiple of 16: then none is sent in vain).
set -u

requests=${SCDB_REQUESTS:-8000}
. "$(dirname "$0")/support/expect.sh"

cli() {
    redis-cli -h "$SCDB_HOST" -p "$SCDB_PORT" "$@"
}

values_of() { # PATTERN: the values of all keys that match, a line each
    cli --scan --pattern "$1" | sed 's/^/GET /' | cli
}

sum_of_counters() {
    values_of 'counter:*' | awk '{ sum += $1 } END { print sum + 0 }'
}

# round NAME SIZE OPTIONS...: one run of all the commands, and what must be true afterwards.
round() {
    name=$1
    size=$2
    shift 2
    cli flushall >/dev/null
    redis-benchmark -h "$SCDB_HOST" -p "$SCDB_PORT" -q -n "$requests" -d "$size" \
        -t set,get,incr,mset,ping "$@" >"$scratch/out" 2>&1
    expect "$name: redis-benchmark ends well" 0 $?
    expect "$name: no error reply" 0 "$(grep -ci error "$scratch/out")"
    expect "$name: six commands measured" 6 \
        "$(tr '\r' '\n' <"$scratch/out" | grep -c 'requests per second')"
    expect "$name: the counters add up" "$requests" "$(sum_of_counters)"
    expect "$name: one value, of $size bytes, everywhere" "1 $size" \
        "$(values_of 'key:*' | sort -u | awk '{ n++; size = length($0) } END { print n, size }')"
    expect "$name: DBSIZE is what SCAN finds" "$(cli dbsize)" "$(cli --scan | sort -u | wc -l)"
}

round 'plain' 3
round 'pipelined' 100 -P 16 -r 1000
round '200 clients' 100 -c 200 -r 100000
round 'pipelined by 200 clients' 3000 -c 200 -P 16 -r 500
round 'Unix socket' 10 -s "$SCDB_SOCKET" -P 16 -r 100

expect 'still here' 'PONG' "$(cli ping)"
conclude
