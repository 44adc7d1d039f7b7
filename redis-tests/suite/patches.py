"""What is changed in the copy of Redis's tests that is run, each change with its reason.

Few and small: they keep a block of tests going that would otherwise end where a command is missing.
What a test asks of the server is never made less.
"""

import os

# (file, what stands there, what stands there instead, why)
RELOAD = (
    "scdb does not read its files again while it runs: the same is asked of a server that is started "
    "again"
)
PATCHES = [
    (
        "tests/support/server.tcl",
        "proc restart_server {level wait_ready rotate_logs {reconnect 1} {shutdown sigterm}} {",
        "proc restart_server {level wait_ready rotate_logs {reconnect 1} {shutdown sigterm}} {\n"
        "    if {$::external} { exec $::env(SCDB_RESTART); reconnect $level; return }",
        "a server that was up before is started anew by who has started it",
    ),
    (
        "tests/unit/introspection.tcl",
        "set skip_configs {",
        "set skip_configs {\n            read-only\n            segment-size\n            threads",
        "directives of our own that can't be set while the server runs, beside those of Redis",
    ),
    (
        "tests/unit/other.tcl",
        "r debug reload\n        r get x",
        "restart_server 0 true false\n        r get x",
        RELOAD,
    ),
    (
        "tests/unit/other.tcl",
        "r debug reload\n        set ttl",
        "restart_server 0 true false\n        waitForBgrewriteaof r\n        set ttl",
        RELOAD + ", which then compacts what was flushed",
    ),
    (
        "tests/unit/other.tcl",
        "r debug loadaof\n        set ttl",
        "restart_server 0 true false\n        set ttl",
        RELOAD,
    ),
    (
        "tests/unit/aofrw.tcl",
        "r debug loadaof\n            set d2 [debug_digest]\n\n",
        "restart_server 0 true false\n            set d2 [debug_digest]\n\n",
        RELOAD,
    ),
    ("tests/unit/expire.tcl", "r debug loadaof", "restart_server 0 true false", RELOAD),
    (
        "tests/unit/client-eviction.tcl",
        "r debug replybuffer resizing",
        "# r debug replybuffer resizing",
        "a client's replies have no buffer here that could be kept from shrinking",
    ),
    (
        "tests/unit/tracking.tcl",
        "r setbit big-key 1600000 0 ;",
        "r set big-key [string repeat x 200000] ;",
        "zeros of a large string take no room here, so nothing would have to be evicted for them",
    ),
    (
        "tests/unit/acl-v2.tcl",
        "test {Test general keyspace commands require some type of permission to execute} {",
        "test {Test general keyspace commands require some type of permission to execute} {\n"
        "        r ACL setuser command-test +@all %R~read* %W~write* %RW~rw*",
        "the user is made by a test before it, which needs MIGRATE and other data types",
    ),
    (
        "tests/unit/keyspace.tcl",
        "test {MOVE basic usage} {",
        "test {MOVE basic usage} {\n        r flushdb",
        "the test before it, which needs streams, ends with it",
    ),
]


def apply(folder):
    """Changes the copy in `folder`. A text that isn't there is an error: Redis's tests have changed,
    and the list has to follow."""
    for file, old, new, why in PATCHES:
        path = os.path.join(folder, file)
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            text = source.read()
        if old not in text:
            raise RuntimeError(f"{file} has changed, the patch no longer fits ({why}): {old!r}")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as target:
            target.write(text.replace(old, new))
