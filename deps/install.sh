#!/bin/sh
# Installs what is missing for a purpose, by package name with apt-get, and nothing else.
#
#     deps/install.sh build|test|lint|clients|upstream|coverage|suite|bench|all ...
#
# Where nothing is missing it touches neither the network nor the machine. On a system without
# apt-get it names what is missing and fails, so that it can be installed by hand.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

usage() {
    echo "usage: deps/install.sh build|test|lint|clients|upstream|coverage|suite|bench|all ..." >&2
    exit 2
}

# Is what the package brings there, from wherever it came?
is_present() { # "kind:name"
    kind=${1%%:*}
    name=${1#*:}
    case $kind in
    command) command -v "$name" >/dev/null 2>&1 ;;
    file) [ -e "$name" ] ;;
    library) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$name" ;;
    runtime) # of clang: what -fsanitize links with
        command -v clang >/dev/null 2>&1 &&
            ls "$(clang -print-resource-dir)"/lib/*/libclang_rt."$name"* >/dev/null 2>&1
        ;;
    perl) perl "-M$name" -e 1 2>/dev/null ;;
    php) command -v php >/dev/null 2>&1 && php -m | grep -qx "$name" ;;
    ruby) command -v ruby >/dev/null 2>&1 && ruby -r "$name" -e '' 2>/dev/null ;;
    python) [ -x /usr/bin/python3 ] && /usr/bin/python3 -c "import $name" 2>/dev/null ;;
    *)
        echo "deps/install.sh: unknown kind '$kind' in a package list" >&2
        exit 2
        ;;
    esac
}

list_missing() { # purpose
    while read -r package stand_in; do
        case $package in '' | '#'*) continue ;; esac
        is_present "$stand_in" || printf '%s\n' "$package"
    done <"$here/$1.packages"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

[ $# -gt 0 ] || usage
purposes=
for purpose in "$@"; do
    case $purpose in
    all) purposes="build test lint suite" ;;
    *)
        [ -r "$here/$purpose.packages" ] || usage
        purposes="$purposes $purpose"
        ;;
    esac
done

missing=
for purpose in $purposes; do
    for package in $(list_missing "$purpose"); do
        case " $missing " in
        *" $package "*) ;;
        *) missing="$missing $package" ;;
        esac
    done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "deps/install.sh: missing here (Debian's package names):$missing" >&2
    echo "deps/install.sh: there is no apt-get; please install them and try again" >&2
    exit 1
fi

echo "deps/install.sh: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A stale list of one repository must not stop what the others can deliver: install decides.
as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$log" 2>&1 || cat "$log" >&2
# shellcheck disable=SC2086  # a list of names
if ! as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "deps/install.sh: apt-get could not install:$missing" >&2
    exit 1
fi
