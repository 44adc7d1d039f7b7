#!/bin/sh
# Fetches the source package of redis 7.0, whose tests we run, into a folder: fetch.sh FOLDER
#
# Uses the machine's own package sources with "deb-src" in place of "deb", in an apt state of its
# own: nothing of the machine's configuration changes. The tests are never part of this repository.
set -eu

folder=$1
mkdir -p "$folder"
cd "$folder"
folder=$PWD
rm -rf apt redis
mkdir -p apt/lists/partial apt/cache/archives/partial apt/sources.d

fail() {
    echo "Redis's test suite could not be fetched: $1" >&2
    echo "It comes from the distribution's source package 'redis' (7.0) with 'apt-get source', which" >&2
    echo "takes a network and a package source that has 'deb-src'. Without them, unpack that package" >&2
    echo "into a folder DIR/redis and say SCDB_SUITE=DIR." >&2
    exit 1
}

if [ -r /etc/apt/sources.list ]; then
    sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >apt/sources.list
else
    : >apt/sources.list
fi
for file in /etc/apt/sources.list.d/*.sources; do
    [ -r "$file" ] || continue
    grep -qE '^URIs:.*(debian|ubuntu)' "$file" || continue
    sed 's/^Types:.*/Types: deb-src/' "$file" >"apt/sources.d/$(basename "$file")"
done

options="-o Dir::Etc::SourceList=$folder/apt/sources.list
    -o Dir::Etc::SourceParts=$folder/apt/sources.d
    -o Dir::State::Lists=$folder/apt/lists
    -o Dir::Cache=$folder/apt/cache
    -o Acquire::Retries=3"
# shellcheck disable=SC2086  # a list of options
apt-get $options update -qq || fail "apt-get update failed"
# shellcheck disable=SC2086
apt-get $options source -qq --download-only redis || fail "apt-get source redis failed"
dpkg-source -x redis_*.dsc redis >/dev/null || fail "the source package could not be unpacked"
rm -rf apt
[ -x redis/runtest ] || fail "the source package has no ./runtest"
