#!/usr/bin/python3
"""scdb and redis-server side by side: redis-benchmark at -P 1, 16, 64, appendonly yes, everysec.

    compare.py [--rounds N] [--scale FACTOR] [--commands set,get,incr,mset] [--pipelines 1,16,64]

Runs take turns between the two servers, so that what else the machine does hits both alike. Prints
a markdown table of medians with their spread (smallest to largest), of operations a second and of
operations a second of the server's CPU time.
"""

import argparse
import statistics
import sys

import measure

REQUESTS = {1: 100000, 16: 400000, 64: 800000}
MSET_SHARE = 5  # a MSET of redis-benchmark sets ten keys: fewer of them take as long


def spread(values):
    middle = statistics.median(values)
    return f"{middle / 1000:.0f}k ({min(values) / 1000:.0f}-{max(values) / 1000:.0f})"


def measure_row(servers, command, pipeline, arguments):
    """Results for each server: lists of (rate, p50, p99, rate of a CPU second)."""
    requests = int(REQUESTS.get(pipeline, 400000) * arguments.scale)
    if command == "mset":
        requests //= MSET_SHARE
    requests -= requests % pipeline
    results = {name: [] for name in servers}
    for number in range(arguments.rounds):
        order = list(servers) if number % 2 == 0 else list(reversed(servers))
        for name in order:
            results[name].append(measure.benchmark(servers[name], command, requests, pipeline))
    return results


def print_row(command, pipeline, results):
    cells = [command.upper(), str(pipeline)]
    medians = {}
    for column in (0, 3):
        for name in ("scdb", "redis"):
            values = [result[column] for result in results[name]]
            medians[name, column] = statistics.median(values)
            cells.append(spread(values))
        cells.append(f"{medians['scdb', column] / medians['redis', column]:.2f}")
    for name in ("scdb", "redis"):
        cells.append(f"{statistics.median([result[2] for result in results[name]]):.2f}")
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description="scdb and redis-server side by side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the requests of a run")
    parser.add_argument("--commands", default="set,get,incr,mset")
    parser.add_argument("--pipelines", default="1,16,64")
    arguments = parser.parse_args()

    print(f"{measure.machine()}; {arguments.rounds} rounds, 50 clients, values of 100 bytes,")
    print("100,000 keys; appendfsync everysec on both; the client runs on the same machine.\n")
    print("| command | -P | scdb op/s | redis op/s | ratio | scdb op/CPU s | redis op/CPU s "
          "| ratio | scdb p99 ms | redis p99 ms |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    everysec = [("appendfsync", "everysec")]
    with measure.Server(directives=everysec + [("threads", 0)]) as scdb, measure.Server(
        reference=True, directives=everysec
    ) as redis:
        servers = {"scdb": scdb, "redis": redis}
        for server in servers.values():
            measure.fill(server, 100000, 100)
        for command in arguments.commands.split(","):
            for pipeline in [int(word) for word in arguments.pipelines.split(",")]:
                print_row(command, pipeline, measure_row(servers, command, pipeline, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
