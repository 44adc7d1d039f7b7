#!/usr/bin/python3
"""Does the cost of GET and SET grow with the number of keys? How much memory does a key take?

    scale.py [--counts 10000,100000,1000000] [--rounds N] [--requests N] [--redis]

For each count a fresh server is filled with so many keys of 100 bytes, then GET and SET of random
ones among them are measured with redis-benchmark -P 16. Prints a markdown table: operations a
second, microseconds of the server's CPU time for one, and bytes of RssAnon + RssShmem for each key
beyond those of the empty server. With --redis the same for redis-server.
"""

import argparse
import statistics
import sys
import time

import measure

VALUE_SIZE = 100
SETTLE_SECONDS = 1.5


def measure_count(count, arguments):
    """One row of the table."""
    threads = [] if arguments.redis else [("threads", 0)]
    with measure.Server(reference=arguments.redis, directives=threads) as server:
        measure.benchmark(server, "ping", 1000)  # buffers that any use of the server makes
        empty = measure.memory_bytes(server.pid)
        start = time.monotonic()
        measure.fill(server, count, VALUE_SIZE)
        filled = time.monotonic() - start
        time.sleep(SETTLE_SECONDS)
        per_key = (measure.memory_bytes(server.pid) - empty) / count
        results = {"get": [], "set": []}
        for _ in range(arguments.rounds):
            for command, rows in results.items():
                rows.append(
                    measure.benchmark(server, command, arguments.requests, pipeline=16, keys=count)
                )
        after = (measure.memory_bytes(server.pid) - empty) / count
    cells = [f"{count:,}", f"{per_key:.1f}", f"{after:.1f}", f"{filled:.1f}"]
    for command in ("get", "set"):
        cells.append(f"{statistics.median([row[0] for row in results[command]]):,.0f}")
        rates = [row[3] for row in results[command] if row[3]]
        cells.append(f"{1e6 / statistics.median(rates):.2f}" if rates else "?")
    return cells


def main():
    parser = argparse.ArgumentParser(description="cost and memory by the number of keys")
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400000)
    parser.add_argument("--redis", action="store_true", help="measure redis-server instead")
    arguments = parser.parse_args()
    print(f"{measure.machine()}; values of {VALUE_SIZE} bytes, -P 16, medians of "
          f"{arguments.rounds} runs\n")  # fmt: skip
    print("| keys | bytes a key, filled | after overwriting | fill s | GET op/s | GET CPU us "
          "| SET op/s | SET CPU us |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for count in [int(word) for word in arguments.counts.split(",")]:
        print("| " + " | ".join(measure_count(count, arguments)) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
