"""The servers that are compared: scdb, redis-server, and whatever PEER names.

PEER=path may be another server of Redis's protocol that takes redis-server's options, or another
build of scdb-server (then it is called "scdb-peer"). Both kinds run with their defaults: the number
of threads, compaction, and when the AOF is rewritten. WORKERS=2 adds scdb with two workers.
"""

import os
import time

import measure

SYNC_DIRECTIVES = {
    "everysec": [("appendfsync", "everysec")],
    "always": [("appendfsync", "always")],
    "none": [("appendfsync", "no")],  # both still write each command to their logs
}
DEFAULT_THREADS = [("threads", 0)]
WORKERS_NAME = "scdb-%dw"

QUIET_SHARE = 0.03  # of a processor
QUIET_SECONDS = 0.4
QUIET_SECONDS_MAX = 30


class BenchServer(measure.Server):
    """A server with a name, for tables."""

    def __init__(self, name, directives=(), path=None, reference=False, threads=True):
        """`threads`: the default number of them; else the directives say it."""
        super().__init__(path=path, reference=reference)
        self.name = name
        if path:
            self.is_redis = "scdb" not in os.path.basename(path)
        self.directives = list(directives)
        if threads and not self.is_redis:
            self.directives += DEFAULT_THREADS

    def version(self):
        """What the server says of itself: a name and a version."""
        fields = {**self.info("server"), **self.info("scdb")}
        for field in ("scdb_version", "valkey_version", "redis_version"):
            if field in fields:
                return f"{field.split('_')[0]} {fields[field]}"
        return "unknown"

    def ask(self, *words):
        """The text of a bulk string or status reply to a command, an error's included."""
        with self.connect() as connection, connection.makefile("rb") as replies:
            parts = [b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words]
            connection.sendall(b"*%d\r\n" % len(parts) + b"".join(parts))
            line = replies.readline().decode().rstrip("\r\n")
            if line.startswith("$"):
                return replies.read(max(int(line[1:]), 0)).decode()
            return line

    def info(self, section):
        """The fields of a section of INFO."""
        text = self.ask("INFO", section)
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def cpu_seconds(self):
        return measure.cpu_seconds(self.pid)

    def children_cpu_seconds(self):
        """Of those that a server forks: redis-server's rewrites of its AOF."""
        return measure.children_cpu_seconds(self.pid)

    def settle(self):
        """Waits until the work that a load has left behind is done: compaction, a rewrite of the
        AOF (in a child), the last fdatasync. Returns the server's CPU seconds meanwhile."""
        before = self.cpu_seconds()
        deadline = time.monotonic() + QUIET_SECONDS_MAX
        while time.monotonic() < deadline:
            used, start = self.cpu_seconds() + self.children_cpu_seconds(), time.monotonic()
            time.sleep(QUIET_SECONDS)
            used = self.cpu_seconds() + self.children_cpu_seconds() - used
            if used / (time.monotonic() - start) < QUIET_SHARE:
                break
        return self.cpu_seconds() - before


def peers_wanted():
    """(name, path or None for the installed redis-server) of each, scdb first."""
    wanted = [("scdb", None), ("redis", None)]
    path = os.environ.get("PEER")
    if path:
        name = os.path.basename(path).removesuffix("-server")
        wanted.append(("scdb-peer" if name == "scdb" else name, os.path.abspath(path)))
    workers = os.environ.get("WORKERS")
    if workers:
        wanted.append((WORKERS_NAME % int(workers), None))
    return wanted


def make(name, path, directives):
    """A server by the name that peers_wanted() gave; not started."""
    if path or name == "scdb":
        return BenchServer(name, directives, path)
    if name == "redis":
        return BenchServer(name, directives, reference=True)
    workers = [("threads", int(os.environ["WORKERS"]))]
    return BenchServer(name, directives + workers, threads=False)


def make_all(directives):
    return [make(name, path, list(directives)) for name, path in peers_wanted()]


def one_by_one(directives):
    """Each server in its turn, which is closed when the next one's comes."""
    for server in make_all(directives):
        try:
            yield server
        finally:
            server.close()
