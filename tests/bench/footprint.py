#!/usr/bin/python3
"""What a key takes, in memory and on the disk: scdb and its peers.

    footprint.py [--counts 1000000,5000000] [--value 100] [--session NAME]

For each count each server, fresh, gets so many keys of 16 bytes; then as many SETs of keys among
them by chance; then BGREWRITEAOF (in scdb: a compaction). After each step, when its work is done,
its own memory is taken (RssAnon + RssShmem: mapped files are the page cache's) beyond that of the
empty server, and the room of its directory on the disk. Results are kept; tables.py shows them.
"""

import argparse
import os
import sys
import time

import load
import measure
import results
import rows
import servers

REWRITE_SECONDS_MAX = 600


def disk_bytes(directory):
    """The blocks of all files below."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def rewrite(server):
    """A rewrite of the AOF, and its end."""
    server.ask("BGREWRITEAOF")
    deadline = time.monotonic() + REWRITE_SECONDS_MAX
    time.sleep(0.2)
    while server.info("persistence")["aof_rewrite_in_progress"] != "0":
        if time.monotonic() > deadline:
            raise SystemExit(f"{server.name}: no end of BGREWRITEAOF in {REWRITE_SECONDS_MAX} s")
        time.sleep(0.1)


def measure_server(server, count, value_size, log):
    row = rows.row("set", 16, "everysec", value_size)._replace(keys=count)
    server.start()
    load.run(server, row._replace(command="ping_mbulk"), 100000)  # buffers that any use makes
    server.settle()
    empty = measure.memory_bytes(server.pid)

    def note(step):
        server.settle()
        log.add(server=server.name, version=server.version(), keys=count, value=value_size,
                step=step, memory=measure.memory_bytes(server.pid) - empty,
                disk=disk_bytes(server.directory))  # fmt: skip

    # Bytes that don't compress, so that no file is small for that.
    measure.fill(server, count, value_size, value=os.urandom(value_size))
    note("filled")
    load.run(server, row, count)
    note("overwritten")
    rewrite(server)
    note("rewritten")


def main():
    parser = argparse.ArgumentParser(description="what a key takes")
    parser.add_argument("--counts", default="1000000,5000000")
    parser.add_argument("--value", type=int, default=100)
    parser.add_argument("--session")
    arguments = parser.parse_args()
    log = results.Log("footprint", arguments.session or results.new_session())
    for count in [int(word) for word in arguments.counts.split(",")]:
        for server in servers.one_by_one(servers.SYNC_DIRECTIVES["everysec"]):
            print(f"{count:,} keys in {server.name}", flush=True)
            measure_server(server, count, arguments.value, log)
    return 0


if __name__ == "__main__":
    sys.exit(main())
