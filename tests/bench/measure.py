"""What the benchmarks share: a server's CPU time and memory, a filled store, redis-benchmark."""

import csv
import io
import os
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "redis-tests", "support"))

from server import Server  # noqa: E402,F401  (for those who import this file)

TICKS = os.sysconf("SC_CLK_TCK")
FILL_PIPELINE = 500


def cpu_seconds(pid):
    """User and system time that the process has taken so far."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(pid):
    """RssAnon + RssShmem: what is the process's own, not the page cache's."""
    total = 0
    with open(f"/proc/{pid}/status", encoding="latin-1") as file:
        for line in file:
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1]) * 1024
    return total


def fill(server, count, value_size):
    """Sets the keys 0..count-1, named as redis-benchmark -r names them."""
    value = b"x" * value_size
    with server.connect() as connection:
        for start in range(0, count, FILL_PIPELINE):
            end = min(start + FILL_PIPELINE, count)
            connection.sendall(
                b"".join(
                    b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%b\r\n" % (i, value_size, value)
                    for i in range(start, end)
                )
            )
            wanted = (end - start) * len(b"+OK\r\n")
            got = b""
            while len(got) < wanted:
                more = connection.recv(1 << 16)
                if not more:
                    raise RuntimeError("the server has closed the connection")
                got += more
            if b"-" in got:
                raise RuntimeError(f"an error reply: {got[:200]!r}")


def benchmark(server, command, requests, pipeline=1, clients=50, size=100, keys=100000):
    """One run of redis-benchmark: (operations a second, p50 ms, p99 ms, operations a CPU second)."""
    before = cpu_seconds(server.pid)
    result = subprocess.run(
        ["redis-benchmark", "-h", server.host, "-p", str(server.port), "-t", command, "--csv",
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
    return f"{model}, {os.cpu_count()} CPUs, Linux {os.uname().release}"
