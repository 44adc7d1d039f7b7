"""What the benchmarks share: a server's CPU time and memory, a filled store, redis-benchmark."""

import csv
import io
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "redis-tests", "support"))

from server import Server  # noqa: E402,F401  (for those who import this file)

TICKS = os.sysconf("SC_CLK_TCK")
FILL_PIPELINE = 500
KEY_DIGITS = 12
OWN_FIELDS = slice(11, 13)  # of /proc/PID/stat, counted behind the name: utime, stime
CHILDREN_FIELDS = slice(13, 15)
CPU_CLOCK = 2  # of a process, all its threads: what clock_getcpuclockid() makes its ids of


def cpu_seconds(pid):
    """User and system time that all threads of the process have taken so far, to the nanosecond:
    what utime + stime of /proc/PID/stat are in ticks of 10 ms."""
    return time.clock_gettime((~pid << 3) | CPU_CLOCK)


def children_cpu_seconds(pid):
    """The same of its children, those that run and those that have ended; in ticks."""
    total = ticks_of(pid, CHILDREN_FIELDS)
    for child in children(pid):
        total += ticks_of(child, OWN_FIELDS) + ticks_of(child, CHILDREN_FIELDS)
    return total / TICKS


def ticks_of(pid, fields):
    """Two fields of /proc/PID/stat, added; 0 of a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            words = file.read().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0
    return sum(int(word) for word in words[fields])


def children(pid):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/children", encoding="latin-1") as file:
                found += [int(word) for word in file.read().split()]
        except FileNotFoundError:
            continue
    return found


def memory_bytes(pid):
    """RssAnon + RssShmem: what is the process's own, not the page cache's."""
    total = 0
    with open(f"/proc/{pid}/status", encoding="latin-1") as file:
        for line in file:
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1]) * 1024
    return total


def fill(server, count, value_size, prefix=b"key:", value=None):
    """Sets the keys 0..count-1, named as redis-benchmark -r names them. Without `value` they get
    `value_size` bytes."""
    value = b"x" * value_size if value is None else value
    request = b"*3\r\n$3\r\nSET\r\n$%d\r\n%b%%012d\r\n$%d\r\n%b\r\n" % (
        len(prefix) + KEY_DIGITS, prefix, len(value), value.replace(b"%", b"%%")
    )  # fmt: skip
    with server.connect() as connection:
        for start in range(0, count, FILL_PIPELINE):
            end = min(start + FILL_PIPELINE, count)
            connection.sendall(b"".join(request % i for i in range(start, end)))
            wanted = (end - start) * len(b"+OK\r\n")
            got = b""
            while len(got) < wanted:
                more = connection.recv(1 << 16)
                if not more:
                    raise RuntimeError("the server has closed the connection")
                got += more
            if b"-" in got:
                raise RuntimeError(f"an error reply: {got[:200]!r}")


def benchmark(server, command, requests, pipeline=1, clients=50, size=100, keys=100000, prefix=()):
    """One run of redis-benchmark: (operations a second, p50 ms, p99 ms, operations a CPU second).
    `prefix` are words before its command, such as chrt's."""
    before = cpu_seconds(server.pid)
    result = subprocess.run(
        [*prefix, "redis-benchmark", "-h", server.host, "-p", str(server.port), "-t", command, "--csv",
         "-n", str(requests), "-P", str(pipeline), "-c", str(clients), "-d", str(size),
         "-r", str(keys)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )  # fmt: skip
    used = cpu_seconds(server.pid) - before
    lines = [line for line in result.stdout.splitlines() if line.startswith('"')]
    row = list(csv.DictReader(io.StringIO("\n".join(lines))))[-1]
    return (
        float(row["rps"]),
        float(row["p50_latency_ms"]),
        float(row["p99_latency_ms"]),
        requests / used if used else 0.0,
    )


def machine():
    """One line: what this was measured on."""
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="latin-1") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{model}, {os.cpu_count()} CPUs, {gib:.0f} GiB, Linux {os.uname().release}"
