#!/bin/sh
# Fetches the source package of redis, whose tests we run, into a folder: fetch.sh FOLDER
#
# Uses the machine's own package sources with "deb-src" in place of "deb", in an apt state of its
# own: nothing of the machine's configuration changes. The tests are never part of this repository.
set -eu

folder=$1
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/sources.d"
cd "$folder"

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
    -o Dir::Cache=$folder/apt/cache"
# shellcheck disable=SC2086  # a list of options
{
    apt-get $options update -qq
    apt-get $options source -qq --download-only redis
}
dpkg-source -x redis_*.dsc redis >/dev/null
rm -rf apt

# scdb has no FUNCTION yet, which the harness calls before each block.
sed -i 's/^\( *\)r function flush$/\1catch {r function flush}/' redis/tests/support/server.tcl
