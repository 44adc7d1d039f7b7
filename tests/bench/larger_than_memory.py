#!/usr/bin/python3
"""Data larger than memory: is it served, at which latencies, and is anything killed or lost?

    larger_than_memory.py [--data-mb 4096] [--memory-mb 256] [--seconds 20] [--verify COUNT]

Values of 1 KiB, so many times more of them than the server may have memory for: its page cache
included, where a cgroup can be made for it (version 1, or version 2 with the memory controller
delegated to us; in both as a child of our own group). Where none can, a stand-in says so: the
server's private memory is limited (RLIMIT_DATA), and its files are dropped from the page cache four
times a second.

It loads all keys; reads keys by chance; overwrites keys by chance while another client reads;
compacts; stops cleanly and starts; overwrites more; is killed (kill -9) and starts again. Then all
keys (or --verify so many, by chance, and all that were overwritten) are read and compared with what
was acknowledged. Latencies of GETs come from latency_recorder.c, one client without pauses.
"""

import argparse
import array
import contextlib
import os
import random
import subprocess
import sys
import threading
import time

import measure

VALUE_SIZE = 1024
PIPELINE = 64
RECORDER = os.environ.get("SCDB_LATENCY_RECORDER") or os.path.join(
    measure.ROOT, "build", "tests", "bench", "latency_recorder"
)


# --- the limit --------------------------------------------------------------------------------


def own_group(version):
    """The directory of the memory cgroup that we are in, or None."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = [line.split() for line in file]
    for _, controllers, path in lines:
        is_wanted = controllers == "" if version == 2 else "memory" in controllers.split(",")
        for _, mount, kind, options, *_ in mounts:
            right = (
                kind == "cgroup2" if version == 2
                else kind == "cgroup" and "memory" in options.split(",")
            )  # fmt: skip
            if is_wanted and right and os.path.isdir(mount + path):
                return mount + path
    return None


class Group:
    """A cgroup for the server, below our own."""

    def __init__(self, parent, version, limit):
        self.version = version
        self.path = os.path.join(parent, f"scdb-bench-{os.getpid()}")
        self.words = f"cgroup version {version}, memory of all kinds"
        os.mkdir(self.path)
        try:
            name = "memory.max" if version == 2 else "memory.limit_in_bytes"
            self.write(name, limit)
            if version == 2 or os.path.exists(os.path.join(self.path, "memory.swappiness")):
                with contextlib.suppress(OSError):
                    self.write("memory.swap.max" if version == 2 else "memory.swappiness", 0)
        except OSError:
            os.rmdir(self.path)
            raise

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(str(value))

    def read(self, name):
        with open(os.path.join(self.path, name), encoding="ascii") as file:
            return file.read()

    def command(self):
        return f'echo $$ > "{self.path}/cgroup.procs" || exit 1'

    def killed(self):
        text = self.read("memory.events" if self.version == 2 else "memory.oom_control")
        counts = dict(line.split() for line in text.splitlines())
        return int(counts.get("oom_kill", 0))

    def report(self):
        most = self.read("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes")
        return f"most in use {int(most) >> 20} MiB, killed for want of memory: {self.killed()}"

    def close(self):
        for _ in range(100):  # the group is busy until its last process is gone
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)


class StandIn:
    """No cgroup: private memory by RLIMIT_DATA, the page cache by dropping it."""

    def __init__(self, limit):
        self.words = "stand-in: RLIMIT_DATA, page cache dropped four times a second"
        self.limit = limit
        self.directory = None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.drop, daemon=True)
        self.thread.start()

    def command(self):
        return f"ulimit -d {self.limit >> 10} || exit 1"

    def drop(self):
        while not self.stopped.wait(0.25):
            for entry in os.scandir(self.directory) if self.directory else ():
                with contextlib.suppress(OSError):
                    descriptor = os.open(entry.path, os.O_RDONLY)
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                    os.close(descriptor)

    def killed(self):
        return 0

    def report(self):
        return "page cache not counted"

    def close(self):
        self.stopped.set()
        self.thread.join()


def make_limit(limit):
    for version in (2, 1):
        parent = own_group(version)
        if parent is not None:
            with contextlib.suppress(OSError):
                return Group(parent, version, limit)
    return StandIn(limit)


# --- the data ---------------------------------------------------------------------------------


class Data:
    """What has been acknowledged: the generation of each key's value."""

    def __init__(self, count):
        self.generations = array.array("H", bytes(2 * count))
        self.touched = set()

    def value(self, number):
        stamp = b"%d:%d;" % (number, self.generations[number])
        return (stamp * (VALUE_SIZE // len(stamp) + 1))[:VALUE_SIZE]

    def set_request(self, number):
        key = b"key:%d" % number
        return b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (
            len(key), key, VALUE_SIZE, self.value(number))  # fmt: skip

    def get_request(self, number):
        key = b"key:%d" % number
        return b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(key), key)

    def overwrite_request(self, number):
        self.generations[number] += 1
        self.touched.add(number)
        return self.set_request(number)


def take(connection, size):
    """So many bytes of replies."""
    parts = []
    while size > 0:
        got = connection.recv(min(size, 1 << 20))
        if not got:
            raise RuntimeError("the server has closed the connection")
        parts.append(got)
        size -= len(got)
    return b"".join(parts)


def take_ok(connection, count):
    replies = take(connection, 5 * count)
    if replies != b"+OK\r\n" * count:
        raise RuntimeError(f"not OK: {replies[:200]!r}")


def command(server, *words):
    """The reply's first line."""
    with server.connect(timeout=1800) as connection:
        connection.sendall(" ".join(words).encode() + b"\r\n")
        line = b""
        while not line.endswith(b"\r\n"):
            line += connection.recv(1)
    if line.startswith(b"-"):
        raise RuntimeError(line.decode())
    return line


# --- the steps --------------------------------------------------------------------------------


def load(server, data):
    count = len(data.generations)
    with server.connect(timeout=600) as connection:
        for first in range(0, count, PIPELINE):
            numbers = range(first, min(first + PIPELINE, count))
            connection.sendall(b"".join(data.set_request(number) for number in numbers))
            take_ok(connection, len(numbers))


def start_reader(server, count):
    return subprocess.Popen(
        [RECORDER, server.socket_path, str(count), str(VALUE_SIZE), "0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def stop_reader(reader):
    """Its figures: requests, and latencies in ms."""
    text, _ = reader.communicate()
    if reader.returncode != 0:
        raise RuntimeError("the reader has failed")
    pairs = [line.split() for line in text.splitlines() if not line.startswith("worst")]
    return {name: int(value) / (1 if name == "requests" else 1000) for name, value in pairs}


def overwrite(server, data, seconds, chance):
    """One SET after the other: the same figures as the reader's."""
    times = []
    end = time.monotonic() + seconds
    with server.connect(timeout=600) as connection:
        while time.monotonic() < end:
            request = data.overwrite_request(chance.randrange(len(data.generations)))
            begin = time.perf_counter()
            connection.sendall(request)
            take_ok(connection, 1)
            times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    return {
        "requests": len(times),
        "p50": times[len(times) // 2],
        "p99": times[len(times) * 99 // 100],
        "p99.9": times[len(times) * 999 // 1000],
        "max": times[-1],
    }


def overwrite_in_bulk(server, data, count, chance):
    """So many SETs by chance, in pipelines."""
    with server.connect(timeout=600) as connection:
        for _ in range(0, count, PIPELINE):
            numbers = [chance.randrange(len(data.generations)) for _ in range(PIPELINE)]
            connection.sendall(b"".join(data.overwrite_request(number) for number in numbers))
            take_ok(connection, PIPELINE)


def verify(server, data, numbers):
    """How many of the keys do not have the value that was acknowledged."""
    wrong = 0
    with server.connect(timeout=600) as connection:
        for first in range(0, len(numbers), PIPELINE):
            some = numbers[first : first + PIPELINE]
            connection.sendall(b"".join(data.get_request(number) for number in some))
            for number in some:
                # What is missing or an error is shorter: then nothing further can be compared.
                wanted = b"$%d\r\n%b\r\n" % (VALUE_SIZE, data.value(number))
                got = take(connection, 5)
                if got[:1] != b"$" or got[1:2] == b"-":
                    raise RuntimeError(f"key:{number} is lost: {got!r}")
                wrong += got + take(connection, len(wanted) - 5) != wanted
    return wrong


class Steps:
    def __init__(self):
        print("| step | seconds | requests | p50 ms | p99 ms | p99.9 ms | max ms |")
        print("|---|---|---|---|---|---|---|", flush=True)

    @contextlib.contextmanager
    def step(self, name, figures):
        begin = time.monotonic()
        yield
        cells = [name, f"{time.monotonic() - begin:.1f}"]
        cells += [f"{figures['requests']:,.0f}" if figures else ""]
        cells += [f"{figures[key]:.2f}" if figures else ""
                  for key in ("p50", "p99", "p99.9", "max")]  # fmt: skip
        print("| " + " | ".join(cells) + " |", flush=True)


def run_latencies(steps, server, data, seconds, chance):
    count = len(data.generations)
    gets, sets, besides = {}, {}, {}
    with steps.step("GETs by chance", gets):
        reader = start_reader(server, count)
        time.sleep(seconds)
        gets.update(stop_reader(reader))
    with steps.step("SETs by chance", sets):
        reader = start_reader(server, count)
        sets.update(overwrite(server, data, seconds, chance))
        besides.update(stop_reader(reader))
    with steps.step("GETs beside those", besides):
        pass


def run(server, limit, data, arguments):
    chance = random.Random(arguments.seed)
    steps = Steps()
    with steps.step("load", None):
        load(server, data)
    run_latencies(steps, server, data, arguments.seconds, chance)
    with steps.step("a sixteenth overwritten in bulk", None):
        overwrite_in_bulk(server, data, len(data.generations) // 16, chance)
    with steps.step("COMPACT", None):
        command(server, "COMPACT")
    with steps.step("stop", None):
        server.stop()
    with steps.step("start", None):
        server.start()
    with steps.step("more overwritten in bulk", None):
        overwrite_in_bulk(server, data, len(data.generations) // 64, chance)
    server.kill()
    with steps.step("start after kill -9", None):
        server.start()
    keys = int(command(server, "DBSIZE")[1:])
    numbers = range(len(data.generations))
    if arguments.verify:
        some = chance.sample(numbers, min(arguments.verify, len(numbers)))
        numbers = sorted({*some, *chance.sample(sorted(data.touched), min(
            arguments.verify, len(data.touched)))})  # fmt: skip
    with steps.step(f"{len(numbers):,} keys compared", None):
        wrong = verify(server, data, numbers)
    print(f"\n{keys:,} keys of {len(data.generations):,}, {wrong} wrong values; {limit.report()}")
    return keys == len(data.generations) and wrong == 0 and limit.killed() == 0


def main():
    parser = argparse.ArgumentParser(description="data larger than memory")
    parser.add_argument("--data-mb", type=int, default=4096)
    parser.add_argument("--memory-mb", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--verify", type=int, default=0, help="so many keys only (0: all)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    limit = make_limit(arguments.memory_mb << 20)
    print(f"{measure.machine()}; load {os.getloadavg()[0]:.0f}; {arguments.data_mb} MiB in values "
          f"of {VALUE_SIZE} bytes,")  # fmt: skip
    print(f"{arguments.memory_mb} MiB of memory ({limit.words}); seed {arguments.seed}\n")
    server = measure.Server(directives=[("threads", 0)])
    try:
        script = os.path.join(server.home, "limited")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n{limit.command()}\nexec "{server.path}" "$@"\n')
        os.chmod(script, 0o700)
        server.path = script
        if isinstance(limit, StandIn):
            limit.directory = server.directory
        server.start()
        good = run(server, limit, Data(arguments.data_mb << 10), arguments)
    finally:
        server.close()
        limit.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
