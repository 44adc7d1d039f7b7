#!/bin/sh
# The example of docs/examples, built as a user would build it: with scdb.h and nothing else of this
# repository, once against libscdb.so and once against libscdb.a in the build folder $BUILD, and once
# with what `make install` has put where pkg-config finds it.
# $LIBRARY_FLAGS are what the libraries were compiled with (a sanitizer must be linked, too).
# Ends with "N passed, N failed".
set -u

BUILD=${BUILD:-build}
CC=${CC:-cc}
LIBRARY_FLAGS=${LIBRARY_FLAGS:-}
cd "$(dirname "$0")/../.." || exit 1

. redis-tests/support/expect.sh
mkdir "$scratch/include"
cp src/engine/scdb.h "$scratch/include"

# compile NAME FLAGS...: with flags that say where scdb.h and the library are
compile() {
    name=$1
    shift
    # shellcheck disable=SC2086  # flags are words
    $CC $LIBRARY_FLAGS -std=c11 -Wall -Wextra -Wpedantic -Werror \
        -o "$scratch/$name" docs/examples/counter.c "$@"
    expect "$name compiles" 0 $?
}

# use NAME: counts, lists, forgets, in a new directory
use() {
    counter=$scratch/$1
    data=$scratch/data-$1
    expect "$1: an empty store" "" "$("$counter" "$data" 2>&1)"
    expect "$1: counts" "" "$("$counter" "$data" apple pear 2>&1)"
    expect "$1: counts again" "" "$("$counter" "$data" apple plum 2>&1)"
    expect "$1: remembers" "apple 2
pear 1
plum 1" "$("$counter" "$data" 2>&1 | sort)"
    expect "$1: forgets" "" "$("$counter" "$data" -pear 2>&1)"
    expect "$1: forgets once" "pear: not found" "$("$counter" "$data" -pear 2>&1)"
    expect "$1: has forgotten" "apple 2
plum 1" "$("$counter" "$data" 2>&1 | sort)"
    "$counter" "$scratch/no/such/place" 2>"$scratch/error"
    expect "$1: can't open" 1 $?
    expect "$1: says where" 1 "$(grep -c "$scratch/no/such/place" "$scratch/error")"
}

compile shared -I"$scratch/include" -L"$BUILD" -lscdb -Wl,-rpath,"$(realpath "$BUILD")"
use shared
compile static -I"$scratch/include" "$BUILD/libscdb.a" -pthread
use static

root=$scratch/root
BUILD=$BUILD CC=$CC make -s install PREFIX="$root" >"$scratch/install" 2>&1
expect "make install" 0 $?
# shellcheck disable=SC2046  # flags are words
compile installed $(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --cflags --libs scdb) \
    -Wl,-rpath,"$root/lib"
use installed
expect "pkg-config tells the version of what is installed" \
    "$(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --modversion scdb)" \
    "$("$root/bin/scdb-check" --version | grep -o '[0-9][0-9.]*' | head -n 1)"

# Each finds what the other wrote.
expect "both read one store" "$("$scratch/static" "$scratch/data-static" | sort)" \
    "$("$scratch/shared" "$scratch/data-static" | sort)"

# Nothing but the library's own names gets into the program.
expect "libscdb.so exports its own names only" "" \
    "$(nm -D --defined-only "$BUILD/libscdb.so" | awk '$3 !~ /^scdb_/ { print $3 }')"
expect "libscdb.a exports its own names only" "" \
    "$(nm -g --defined-only "$BUILD/libscdb.a" | awk 'NF == 3 && $3 !~ /^scdb_/ { print $3 }')"

echo '#include <scdb.h>' >"$scratch/alone.c"
$CC -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$scratch/include" -fsyntax-only "$scratch/alone.c"
expect "scdb.h compiles alone as C99" 0 $?
if command -v c++ >/dev/null; then
    c++ -Wall -Wextra -Wpedantic -Werror -I"$scratch/include" -fsyntax-only -x c++ "$scratch/alone.c"
    expect "scdb.h compiles alone as C++" 0 $?
fi

conclude
