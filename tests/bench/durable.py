#!/usr/bin/python3
"""appendfsync always, scdb and redis-server side by side: what a durable SET costs, and what others
feel of it.

    durable.py [--rounds N] [--seconds S] [--clients 1,50] [--realtime]

Runs take turns between the two servers, so that what else the machine does hits both alike.

Writers: redis-benchmark, SETs of 100 bytes to 100,000 keys; SETs a second, and SETs for each
fdatasync. Readers: while 50 such writers run, one client GETs keys among those that are being
written; its p50 and p99. With --realtime (as root) once more for a reader that never waits for a
processor, as one on another machine would not. A last table has fdatasync itself, on the same disk:
after a write that extends the file, into space reserved by fallocate, and over zeros that were
written and synced before.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import measure

KEYS = 100000
VALUE_SIZE = 100
SYNCS = 500
GROUP_SIZE = 50 * 160  # what a sync has to bring to the disk when 50 clients wait for it
BLOCK = bytes(1 << 20)


def spread(values, digits=0):
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def sync_count(server):
    """fdatasyncs so far; of redis-server nothing is known."""
    if server.is_redis:
        return 0
    with server.connect() as connection:
        connection.sendall(b"*2\r\n$4\r\nINFO\r\n$4\r\nscdb\r\n")
        text = b""
        while b"\r\nlog_syncs:" not in text or not text.endswith(b"\r\n"):
            text += connection.recv(1 << 16)
    return int(text.split(b"\r\nlog_syncs:")[1].split(b"\r\n")[0])


def measure_writers(server, clients, seconds):
    """(SETs a second, p50 ms, p99 ms, SETs a sync) of about so many seconds."""
    probe = measure.benchmark(server, "set", 40 * clients, clients=clients, keys=KEYS)
    requests = max(int(probe[0] * seconds), 40 * clients)
    before = sync_count(server)
    rate, p50, p99, _ = measure.benchmark(server, "set", requests, clients=clients, keys=KEYS)
    syncs = sync_count(server) - before
    return rate, p50, p99, requests / syncs if syncs else 0


def measure_reader(server, seconds, prefix):
    """(GETs a second, p50 ms, p99 ms) of one reader, begun with the words of `prefix`, beside 50
    writers."""
    writers = subprocess.Popen(
        ["redis-benchmark", "-h", server.host, "-p", str(server.port), "-t", "set", "-q",
         "-n", "100000000", "-c", "50", "-d", str(VALUE_SIZE), "-r", str(KEYS)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(0.3)
        probe = measure.benchmark(server, "get", 200, clients=1, keys=KEYS, prefix=prefix)
        requests = max(int(probe[0] * seconds), 500)
        result = measure.benchmark(server, "get", requests, clients=1, keys=KEYS, prefix=prefix)
        if writers.poll() is not None:
            raise RuntimeError("the writers have ended before the reader")
    finally:
        writers.kill()
        writers.wait()
    return result[:3]


def alternate(servers, rounds, run):
    results = {name: [] for name in servers}
    for number in range(rounds):
        order = list(servers) if number % 2 == 0 else list(reversed(servers))
        for name in order:
            results[name].append(run(servers[name]))
    return results


def column(results, name, index):
    return [result[index] for result in results[name]]


def print_writers(servers, arguments):
    print("| clients | scdb SET/s | redis SET/s | ratio | scdb p50, p99 ms | redis p50, p99 ms "
          "| SETs a sync |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for clients in [int(word) for word in arguments.clients.split(",")]:
        results = alternate(
            servers,
            arguments.rounds,
            lambda server, count=clients: measure_writers(server, count, arguments.seconds),
        )
        rates = {name: column(results, name, 0) for name in servers}
        ratio = statistics.median(rates["scdb"]) / statistics.median(rates["redis"])
        cells = [str(clients), spread(rates["scdb"]), spread(rates["redis"]), f"{ratio:.2f}"]
        for name in ("scdb", "redis"):
            middles = [statistics.median(column(results, name, index)) for index in (1, 2)]
            cells.append(f"{middles[0]:.2f}, {middles[1]:.2f}")
        cells.append(f"{statistics.median(column(results, 'scdb', 3)):.1f}")
        print("| " + " | ".join(cells) + " |", flush=True)
    print()


def print_readers(servers, arguments, prefix):
    results = alternate(
        servers, arguments.rounds, lambda server: measure_reader(server, arguments.seconds, prefix)
    )
    how = ", realtime" if prefix else ""
    print(f"| a reader beside 50 writers{how} | scdb | redis | redis / scdb |")
    print("|---|---|---|---|")
    for title, index in (("p50 ms", 1), ("p99 ms", 2)):
        values = {name: column(results, name, index) for name in servers}
        ratio = statistics.median(values["redis"]) / statistics.median(values["scdb"])
        print(f"| {title} | {spread(values['scdb'], 3)} | {spread(values['redis'], 3)} "
              f"| {ratio:.1f} |")  # fmt: skip
    print(flush=True)


def sync_times(directory, reserved, zeroed):
    """Microseconds that each of SYNCS fdatasyncs took."""
    path = os.path.join(directory, "syncs")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        size = SYNCS * GROUP_SIZE
        if reserved:
            os.posix_fallocate(descriptor, 0, size)
        for offset in range(0, size if zeroed else 0, len(BLOCK)):
            os.pwrite(descriptor, BLOCK[: size - offset], offset)
        os.fsync(descriptor)
        times = []
        for i in range(SYNCS):
            os.pwrite(descriptor, b"x" * GROUP_SIZE, i * GROUP_SIZE)
            begin = time.perf_counter()
            os.fdatasync(descriptor)
            times.append((time.perf_counter() - begin) * 1e6)
    finally:
        os.close(descriptor)
        os.unlink(path)
    return times


def print_syncs(rounds):
    print(f"| fdatasync after {GROUP_SIZE} bytes | p50 us | p99 us |")
    print("|---|---|---|")
    kinds = {"that extend the file": (False, False), "in reserved space": (True, False),
             "over zeros": (True, True)}  # fmt: skip
    results = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory(prefix="scdb-bench-") as directory:
        for _ in range(rounds):
            for kind, (reserved, zeroed) in kinds.items():
                times = sorted(sync_times(directory, reserved, zeroed))
                results[kind].append((times[SYNCS // 2], times[SYNCS * 99 // 100]))
    for kind in kinds:
        print(f"| {kind} | {spread(column(results, kind, 0))} "
              f"| {spread(column(results, kind, 1))} |")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="appendfsync always, scdb and redis-server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a run")
    parser.add_argument("--clients", default="1,50")
    parser.add_argument("--realtime", action="store_true",
                        help="the reader once more, never waiting for a processor (chrt, as root)")  # fmt: skip
    arguments = parser.parse_args()

    print(f"{measure.machine()}; {arguments.rounds} rounds of {arguments.seconds} s, values of "
          f"{VALUE_SIZE} bytes,")  # fmt: skip
    print(f"{KEYS:,} keys; appendfsync always on both; the clients run on the same machine. "
          "Medians (smallest-largest).\n")  # fmt: skip
    always = [("appendfsync", "always")]
    with measure.Server(directives=always + [("threads", 0)]) as scdb, measure.Server(
        reference=True, directives=always + [("auto-aof-rewrite-percentage", 0)]
    ) as redis:
        servers = {"scdb": scdb, "redis": redis}
        for server in servers.values():
            measure.fill(server, KEYS, VALUE_SIZE)
        print_writers(servers, arguments)
        print_readers(servers, arguments, prefix=[])
        if arguments.realtime:
            print_readers(servers, arguments, prefix=["chrt", "-f", "10"])
    print_syncs(arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
