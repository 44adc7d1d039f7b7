#!/usr/bin/python3
"""The load from which `make trained` takes its profile: ordinary commands, one at a time and in
pipelines, on so few keys that most SETs replace a value and compaction has work.

The server that SCDB_SERVER names counts as it runs and writes its counters when it stops; what
this prints is only how far it is.
"""

import argparse

import redis_benchmark
import rows
import servers

KEYS = 300000
COMMANDS = ("set", "get", "incr", "mget", "ping_mbulk")
REQUESTS = 400000
REQUESTS_ONE_BY_ONE = 60000  # which take longer


def train(server, requests):
    for pipeline in rows.PIPELINES:
        count = min(requests, REQUESTS_ONE_BY_ONE) if pipeline == 1 else requests
        for command in COMMANDS:
            load = rows.row(command, pipeline, "everysec")._replace(keys=KEYS)
            figures = redis_benchmark.finish(redis_benchmark.start(server, command, count, load))
            print(f"  {load.name}: {figures['rate']:,.0f} requests a second, counted", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each load")
    requests = parser.parse_args().requests
    server = servers.make("scdb", None, servers.SYNC_DIRECTIVES["everysec"])
    try:
        server.start()
        train(server, requests)
    finally:
        server.close()


if __name__ == "__main__":
    main()
