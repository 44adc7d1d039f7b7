#!/usr/bin/python3
"""Does memory stay grown after a load has passed? scdb and its peers.

    peak.py [--peaks 4] [--session NAME]

A server with 1,000 keys of 10 KiB serves a mild load; then so many times 500 connections with 64
commands in a pipeline set, then get them. The most that the server's own memory (RssAnon +
RssShmem) had in each peak, and what it has some seconds after, beyond that after the mild load.
Results are kept; tables.py shows them.
"""

import argparse
import sys
import threading
import time

import load
import measure
import results
import rows
import servers

KEYS = 1000
SIZE = 10240
CLIENTS = 500
PIPELINE = 64
REQUESTS = {"set": CLIENTS * PIPELINE * 2, "get": CLIENTS * PIPELINE * 4}
REST_SECONDS = 8
SAMPLE_SECONDS = 0.02


class Highest(threading.Thread):
    """The most memory that a process has had, until stop()."""

    def __init__(self, pid):
        super().__init__()
        self.pid = pid
        self.most = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(SAMPLE_SECONDS):
            self.most = max(self.most, measure.memory_bytes(self.pid))

    def stop(self):
        self.over.set()
        self.join()
        return self.most


def measure_server(server, peaks, log):
    mild = rows.row("set", 1, "everysec", SIZE)._replace(keys=KEYS)
    heavy = mild._replace(pipeline=PIPELINE, clients=CLIENTS)
    server.start()
    measure.fill(server, KEYS, SIZE)
    for command in REQUESTS:
        load.run(server, mild._replace(command=command), 20000)
    time.sleep(REST_SECONDS)
    server.settle()
    before = measure.memory_bytes(server.pid)
    for number in range(peaks):
        highest = Highest(server.pid)
        highest.start()
        try:
            for command, requests in REQUESTS.items():
                load.run(server, heavy._replace(command=command), requests)
        finally:
            most = highest.stop()
        time.sleep(REST_SECONDS)
        server.settle()
        log.add(server=server.name, version=server.version(), peak=number, before=before,
                most=most - before, after=measure.memory_bytes(server.pid) - before)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="memory after a peak of load")
    parser.add_argument("--peaks", type=int, default=4)
    parser.add_argument("--session")
    arguments = parser.parse_args()
    log = results.Log("peak", arguments.session or results.new_session())
    for server in servers.one_by_one(servers.SYNC_DIRECTIVES["everysec"]):
        print(f"{arguments.peaks} peaks at {server.name}", flush=True)
        measure_server(server, arguments.peaks, log)
    return 0


if __name__ == "__main__":
    sys.exit(main())
