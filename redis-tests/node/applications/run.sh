#!/bin/sh
# A test of what build/node holds, which `make client-test` fills from package-lock.json, against the
# server that support/with_server has started: run.sh NODE FILE [VARIABLE=VALUE...], where NODE is the
# oldest version of node that what is tested runs on.
set -eu

needed=$1
file=$2
shift 2
major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
if [ "$major" -lt "$needed" ]; then
    echo "left out: $file $* wants node $needed, this is $(node --version)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
cd "$SCDB_NODE_APPLICATIONS"
exec env "$@" node --test --test-reporter=tap "$file"
