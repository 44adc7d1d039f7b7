#!/bin/sh
# Fetches the source package of redis 7.0, whose tests we run, into a folder: fetch.sh FOLDER
set -eu

folder=$1
if ! "$(dirname "$0")/../support/fetch_source" "$folder" redis || [ ! -x "$folder/redis/runtest" ]; then
    echo "Redis's test suite is not there: it is the folder redis, with runtest in it, of SCDB_SUITE=DIR" >&2
    exit 1
fi
