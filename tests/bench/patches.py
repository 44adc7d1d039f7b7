#!/usr/bin/python3
"""Commands that change or read a part of a large string, scdb and redis-server side by side.

    patches.py [--rounds N] [--sizes 100000,1000000,...]

One client over a Unix socket, `appendfsync everysec`, values of random bytes. A table with the milliseconds
that a call takes (the median of a round; then the smallest and the largest of the rounds), and the bytes
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
CALLS = ((1 << 16, 400), (10**5, 60), (10**6, 40), (10**7, 20), (10**9, 5))  # up to a size, so many
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


COMMANDS = {
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
    count = next(calls for limit, calls in CALLS if size <= limit)
    before = client.appended()
    times = []
    for _ in range(count):
        reply, took_ms = client.ask(*COMMANDS[name](client, size))
        if reply.startswith(b"-"):
            raise SystemExit(f"{name}: {reply!r}")
        times.append(took_ms)
    return statistics.median(times), (client.appended() - before) // count


def spread(values):
    texts = [f"{value:.3f}" if value < 1 else f"{value:.1f}" for value in sorted(values)]
    return f"{texts[len(texts) // 2]} ({texts[0]}-{texts[-1]})"


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
    print("| | size | scdb, ms | redis-server, ms | log, bytes a call |\n|---|---:|---|---|---:|")
    for name in COMMANDS:
        for size in sizes:
            ours, theirs = found[size, name, "scdb"], found[size, name, "redis-server"]
            log = statistics.median(appended for _, appended in ours)
            print(f"| {name} | {size:,} | {spread([ms for ms, _ in ours])} | {spread([ms for ms, _ in theirs])} | {log:,.0f} |")


if __name__ == "__main__":
    main()
