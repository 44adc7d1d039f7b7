#!/bin/sh
# Redis's own published tests against scdb-server: run.sh [FILE...] (default: all in expected.txt)
#
# The tests come from the distribution's source package, fetched once into SCDB_SUITE (default:
# build/suite). They run in their "external" mode, one file at a time, each against a fresh server
# and with a time limit: a reply that never comes would hang the harness. expected.txt says how many
# tests of each file pass today; fewer are a failure. Closes with "N passed, N failed": failed counts
# the files that fell short.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
suite=${SCDB_SUITE:-$root/build/suite}
limit=${SCDB_SUITE_SECONDS:-300}

if [ ! -x "$suite/redis/runtest" ]; then
    echo "fetching Redis's tests into $suite"
    "$here/fetch.sh" "$suite" >"$suite.log" 2>&1 || {
        cat "$suite.log"
        exit 1
    }
fi
# One block of this file is kept from external servers for no reason that we would have: it looks at
# used_memory, which is what maxmemory bounds here, too.
sed -i '/maxmemory external:skip/{N;/Without maxmemory/s/ external:skip//}' \
    "$suite/redis/tests/unit/maxmemory.tcl"
for program in redis-cli redis-benchmark; do
    ln -sf "$(command -v "$program")" "$suite/redis/src/$program"
done

if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046  # one word each
    set -- $(awk '!/^#/ && NF { print $1 }' "$here/expected.txt")
fi

# The harness listens on a port of its own: not the same as that of another run.
base_port=$((22000 + $$ % 400 * 100))

passed=0
short=0
for file in "$@"; do
    log=$suite/$(echo "$file" | tr / -).log
    # shellcheck disable=SC2016  # the inner shell's variables
    "$root/redis-tests/support/with_server" sh -c '
        cd "$1" && exec timeout "$2" ./runtest --host "$SCDB_HOST" --port "$SCDB_PORT" --durable --baseport "$4" \
            --single "$3" --tags "-needs:debug -needs:repl"' \
        sh "$suite/redis" "$limit" "$file" "$base_port" >"$log" 2>&1
    ok=$(grep -c '\[.*ok.*\]: ' "$log")
    bad=$(grep -c '^[^*]*err.*]: ' "$log")
    wanted=$(awk -v file="$file" '$1 == file { print $2 }' "$here/expected.txt")
    word=ok
    if [ "$ok" -lt "${wanted:-0}" ]; then
        word=SHORT
        short=$((short + 1))
    fi
    printf '%-5s %-24s %4d passed %4d failed (expected %s) %s\n' "$word" "$file" "$ok" "$bad" \
        "${wanted:-nothing}" "$log"
    passed=$((passed + ok))
done
echo "$passed passed, $short failed"
[ "$short" -eq 0 ]
