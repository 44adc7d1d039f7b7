#!/usr/bin/python3
"""How long does a start take, with how many keys? scdb beside redis-server with the same data.

    restart.py [--keys 5000000] [--value 100] [--rounds 5] [--behind-mb 250] [--session NAME]

Four starts, each from the program's start to the first PONG, interleaved round by round:

  clean        scdb after a clean stop: the index comes from its checkpoint
  killed       scdb after kill -9, with --behind-mb of log since the last checkpoint
  lost         scdb with the checkpoint removed: all records are read
  redis log    redis-server, appendonly yes, everything in its incremental AOF (no rewrite)
  redis base   redis-server, appendonly yes, after BGREWRITEAOF: everything in an RDB base

Data is in the page cache. Keeps each start's time, and its processor time, which is what a busy
machine does not spoil; prints the medians of all numbers of keys in the session, their spread, and
the ratios to redis-server, of wall time.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

import footprint_tables
import measure
import results


class Store:
    """A directory with data that one of the two servers has written, started again and again."""

    def __init__(self, name, reference, directives):
        self.name = name
        self.reference = reference
        self.directives = list(directives)
        self.directory = tempfile.mkdtemp(prefix="scdb-restart-")

    def server(self):
        """A server that serves the directory; closing it leaves the directory alone."""
        server = measure.Server(reference=self.reference, directives=self.directives)
        os.rmdir(server.directory)
        os.symlink(self.directory, server.directory)
        return server

    def copy_to(self, name):
        """A second store with the same files."""
        other = Store(name, self.reference, self.directives)
        shutil.rmtree(other.directory)
        shutil.copytree(self.directory, other.directory)
        return other

    def keep(self):
        """Keeps the files as they are, for restore()."""
        shutil.copytree(self.directory, self.directory + ".kept")

    def restore(self):
        """Makes the files again what they were, also on the disk, so that the next start does
        not wait for the copy to be written."""
        shutil.rmtree(self.directory)
        shutil.copytree(self.directory + ".kept", self.directory)
        os.sync()

    def remove(self):
        shutil.rmtree(self.directory)
        shutil.rmtree(self.directory + ".kept", ignore_errors=True)


def remove_checkpoints(directory):
    for name in os.listdir(directory):
        if name.endswith(".index"):
            os.remove(os.path.join(directory, name))


def ask(server, *words):
    with server.connect() as connection:
        connection.settimeout(600)
        request = b"*%d\r\n" % len(words)
        for word in words:
            request += b"$%d\r\n%s\r\n" % (len(word), word.encode())
        connection.sendall(request)
        reply = b""
        while not reply.endswith(b"\r\n"):
            more = connection.recv(1 << 16)
            if not more:
                break
            reply += more
        return reply


def timed_start(store):
    """Seconds from the program's start to the first PONG, and of processor time until then. The
    server is ended so that the next start finds what this one found."""
    if store.name == "lost":
        remove_checkpoints(store.directory)
    if store.name == "killed":
        store.restore()  # a start makes what it has replayed durable: the next has less to do
    server = store.server()
    start = time.monotonic()
    server.start()
    taken = time.monotonic() - start
    used = measure.cpu_seconds(server.pid)
    if store.name == "clean":
        server.stop()
    else:
        server.kill()
    server.close()
    return taken, used


def overwrite(server, keys, value_size, total_bytes):
    """Sets random keys until so many bytes of records have been written."""
    value = b"y" * value_size
    chances = random.Random(1)
    count = total_bytes // (16 + value_size + 48)
    with server.connect() as connection:
        for start in range(0, count, 500):
            batch = min(500, count - start)
            connection.sendall(
                b"".join(
                    b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%b\r\n"
                    % (chances.randrange(keys), value_size, value)
                    for _ in range(batch)
                )
            )
            got = 0
            while got < batch * 5:
                got += len(connection.recv(1 << 16))


def make_scdb_stores(arguments):
    clean = Store("clean", False, [])
    server = clean.server()
    server.start()
    measure.fill(server, arguments.keys, arguments.value)
    server.stop()
    server.close()
    lost = clean.copy_to("lost")
    killed = clean.copy_to("killed")
    server = killed.server()
    server.start()
    overwrite(server, arguments.keys, arguments.value, arguments.behind_mb << 20)
    server.kill()
    server.close()
    killed.keep()
    return [clean, killed, lost]


def make_redis_stores(arguments):
    log = Store("redis log", True, [("appendonly", "yes"), ("auto-aof-rewrite-percentage", "0"),
                                    ("save", '""')])  # fmt: skip
    server = log.server()
    server.start()
    measure.fill(server, arguments.keys, arguments.value)
    server.stop()
    server.close()
    base = log.copy_to("redis base")
    server = base.server()
    server.start()
    ask(server, "BGREWRITEAOF")
    time.sleep(1)
    while b"aof_rewrite_in_progress:1" in ask(server, "INFO", "persistence"):
        time.sleep(0.5)
    server.stop()
    server.close()
    return [log, base]


def main():
    parser = argparse.ArgumentParser(description="how long a start takes")
    parser.add_argument("--keys", type=int, default=5000000)
    parser.add_argument("--value", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--behind-mb", type=int, default=250)
    parser.add_argument("--session")
    arguments = parser.parse_args()
    log = results.Log("restart", arguments.session or results.new_session())
    stores = make_scdb_stores(arguments) + make_redis_stores(arguments)
    try:
        for number in range(arguments.rounds):
            for store in stores:
                seconds, used = timed_start(store)
                log.add(start=store.name, keys=arguments.keys, value=arguments.value,
                        round=number, seconds=seconds, cpu_s=used)  # fmt: skip
    finally:
        for store in stores:
            store.remove()
    print(footprint_tables.restart(log.lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
