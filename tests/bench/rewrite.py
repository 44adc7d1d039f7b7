#!/usr/bin/python3
"""What those who are served feel of a compaction, beside what they feel of redis-server's
BGREWRITEAOF.

    rewrite.py [--keys 1000000] [--value 100] [--seconds 15] [--rounds 3] [--rate 20000]
               [--session NAME]

Each server with so many keys has random ones overwritten at a steady rate, in pipelines of 16,
while latency_recorder.c asks for one key after the other; once undisturbed, and once with one
BGREWRITEAOF (in scdb: a compaction of all that has garbage) after the other. What the recorder has
found is kept; tables.py shows it. Automatic rewriting and compaction are off, so that "undisturbed"
is just that.
"""

import argparse
import multiprocessing
import sys
import time

import compaction
import results
import servers

MANUAL = {
    True: [("auto-aof-rewrite-percentage", 0)],
    False: [("compaction-interval", 0), ("compaction-garbage-percentage", 0)],
}


def rewrite_until(server, deadline):
    """One rewrite after the other; how many have ended."""
    count = 0
    while time.monotonic() < deadline:
        if server.info("persistence")["aof_rewrite_in_progress"] == "0":
            server.ask("BGREWRITEAOF")
            count += 1
        time.sleep(0.05)
    while server.info("persistence")["aof_rewrite_in_progress"] != "0":
        time.sleep(0.05)
    return count


def measure_latency(server, options, is_disturbed, seed):
    """What the recorder finds while the writer writes, and the number of rewrites meanwhile."""
    total = int(options.rate * options.seconds)
    writer = multiprocessing.Process(
        target=compaction.write, args=(server.socket_path, options, seed, total)
    )
    recorder = compaction.start_recorder(server.socket_path, options, [])
    writer.start()
    rewrites = 0
    if is_disturbed:
        rewrites = rewrite_until(server, time.monotonic() + options.seconds)
    writer.join()
    figures, _ = compaction.stop_recorder(recorder)
    if writer.exitcode != 0:
        raise SystemExit("the writer has failed")
    return figures, rewrites


def main():
    parser = argparse.ArgumentParser(description="latency while a log is rewritten")
    parser.add_argument("--keys", type=int, default=1000000)
    parser.add_argument("--value", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=20000, help="SETs a second")
    parser.add_argument("--session")
    options = parser.parse_args()
    options.rate *= options.value  # compaction.write() counts bytes of values
    log = results.Log("rewrite", options.session or results.new_session())
    running = servers.make_all(servers.SYNC_DIRECTIVES["everysec"])
    try:
        for server in running:
            server.directives += MANUAL[server.is_redis]
            server.start()
            compaction.write(server.socket_path, options, None, options.keys * options.value)
        for number in range(options.rounds):
            for server in running:
                for is_disturbed in (False, True):
                    server.settle()
                    figures, rewrites = measure_latency(server, options, is_disturbed, number)
                    log.add(server=server.name, version=server.version(), keys=options.keys,
                            value=options.value, rate=options.rate / options.value, round=number,
                            rewrites=rewrites, disturbed=is_disturbed,
                            **figures)  # fmt: skip
                    print(server.name, "rewriting" if is_disturbed else "undisturbed", figures,
                          rewrites, flush=True)  # fmt: skip
    finally:
        for server in running:
            server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
