#!/bin/sh
# node-redis and ioredis against the server that support/with_server has started. Installs them, at
# the versions of package-lock.json, where they are not yet (once for a checkout).
set -eu

cd "$(dirname "$0")"
major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
if [ "$major" -lt 18 ]; then
    echo "node 18 or newer is needed, this is $(node --version)" >&2
    exit 1
fi
stamp=node_modules/.installed
if ! cmp -s package-lock.json "$stamp"; then
    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
    cp package-lock.json "$stamp"
fi
# One after the other: both empty the server as they go.
code=0
for client in node_redis ioredis; do
    node --test --test-reporter=tap "$client.test.mjs" || code=1
done
exit $code
