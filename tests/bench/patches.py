#!/usr/bin/python3
"""Commands that change or read a part of a large string, scdb and redis-server side by side.

    patches.py [--rounds N] [--sizes 100000,1000000,...]

One client over a Unix socket, `appendfsync everysec`, values of random bytes. A table with the milliseconds
that a call takes (of each round the median; of those the median, the smallest and the largest), and the bytes
that scdb appended to its log for one, from INFO."""

import argparse
import os
import random
import socket
import statistics
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "redis-tests", name) for name in ("support", "differential")]

import wire  # noqa: E402  (after the path is set)
from server import Server  # noqa: E402

SIZES = "16384,100000,1000000,10000000,100000000"
CALLS = 400  # of one whose cost does not grow with the value
CALLS_WHOLE = ((1 << 16, 400), (10**5, 60), (10**6, 40), (10**7, 20), (10**9, 5))  # others, up to a size
KEY = b"value"


class Client:
    def __init__(self, server):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(300)
        self.socket.connect(server.socket_path)
        self.data = bytearray()

    def ask(self, *words):
        """The reply, and the milliseconds until it was all there."""
        request = wire.encode([w if isinstance(w, bytes) else str(w).encode() for w in words])
        began = time.perf_counter()
        self.socket.sendall(request)
        while (end := wire.reply_end(self.data, 0)) < 0:
            more = self.socket.recv(1 << 22)
            if not more:
                raise EOFError
            self.data += more
        took_ms = (time.perf_counter() - began) * 1000
        reply = bytes(self.data[:end])
        del self.data[:end]
        return reply, took_ms

    def appended(self):
        """Bytes of the log so far; 0 of redis-server."""
        text = self.ask("INFO", "everything")[0]
        found = text.split(b"\r\nlog_appended_position:")
        return int(found[1].split(b"\r\n")[0]) if len(found) > 1 else 0


def flipped(client, size):
    """A SETBIT that changes something."""
    offset = random.randrange(size * 8)
    bit = client.ask("GETBIT", KEY, offset)[0]
    return "SETBIT", KEY, offset, 1 - int(bit[1:-2])


FIRST = "SETBIT, the first"  # which is to put a large value into pieces
COMMANDS = {
    FIRST: flipped,
    "SETBIT": flipped,
    "SETRANGE, 100 bytes": lambda _, size: ("SETRANGE", KEY, random.randrange(size - 100), os.urandom(100)),
    "APPEND, 100 bytes": lambda _, size: ("APPEND", KEY, os.urandom(100)),
    "EXPIRE": lambda _, size: ("EXPIRE", KEY, random.randrange(10000, 20000)),
    "GETRANGE, 100 bytes": lambda _, size: ("GETRANGE", KEY, at := random.randrange(size - 100), at + 99),
    "BITCOUNT": lambda _, size: ("BITCOUNT", KEY),
    "GET": lambda _, size: ("GET", KEY),
}


def run(client, size, name):
    """(median ms, bytes appended) of a call."""
    count = 1 if name == FIRST else CALLS
    if name in ("BITCOUNT", "GET"):
        count = next(calls for limit, calls in CALLS_WHOLE if size <= limit)
    before = client.appended()
    times = []
    for _ in range(count):
        reply, took_ms = client.ask(*COMMANDS[name](client, size))
        if reply.startswith(b"-"):
            raise SystemExit(f"{name}: {reply!r}")
        times.append(took_ms)
    return statistics.median(times), (client.appended() - before) // count


def short(number):
    return f"{number:.2f}" if number < 1 else f"{number:.1f}" if number < 10 else f"{number:.0f}"


def spread(values):
    """The median, and what there was besides when it looks different."""
    texts = [short(value) for value in sorted(values)]
    low, middle, high = texts[0], texts[len(texts) // 2], texts[-1]
    return middle if low == high else f"{middle} ({low}-{high})"


def show(found, sizes):
    def row(name, what, cells):
        print(f"| {name} | {what} | {' | '.join(cells)} |")

    print(f"| | | {' | '.join(f'{size:,}' for size in sizes)} |")
    print("|---|---|" + "---|" * len(sizes))
    for name in COMMANDS:
        for number, who in enumerate(("scdb", "redis-server")):
            times = [[ms for ms, _ in found[size, name, who]] for size in sizes]
            row("" if number else name, who, map(spread, times))
        log = [statistics.median(appended for _, appended in found[size, name, "scdb"]) for size in sizes]
        if max(log) > 99:  # else it is none of the command's, but the marks of syncs
            row("", "log, bytes", [f"{appended:,.0f}" for appended in log])


def main():
    parser = argparse.ArgumentParser(description="parts of large strings, scdb beside redis-server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default=SIZES)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    found = {}
    with Server() as ours, Server(reference=True) as theirs:
        for _ in range(arguments.rounds):
            for who, server in (("scdb", ours), ("redis-server", theirs)):
                client = Client(server)
                for size in sizes:
                    client.ask("SET", KEY, os.urandom(size))
                    for name in COMMANDS:
                        found.setdefault((size, name, who), []).append(run(client, size, name))
                client.socket.close()
    show(found, sizes)


if __name__ == "__main__":
    main()
