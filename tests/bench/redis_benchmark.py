"""redis-benchmark as a load: started, waited for, and its text read.

The text has more than --csv: the lines of the distribution by percentile, of which the first at or
above 99.9 % (99.902 %) is taken for p99.9, so it is an upper bound. Latencies are the client's, in
milliseconds; each request of a pipeline gets the time until the first reply of it arrives.
"""

import re
import subprocess

PERCENTILE = re.compile(r"^(\d+\.\d+)% <= (\d+\.\d+) milliseconds \(cumulative count \d+\)$", re.M)
RATE = re.compile(r"^\s*throughput summary: (\d+\.\d+) requests per second$", re.M)
SECONDS = re.compile(r"^\s*\d+ requests completed in (\d+\.\d+) seconds$", re.M)
SUMMARY = re.compile(r"^\s*avg\s+min\s+p50\s+p95\s+p99\s+max\n\s*(.+)$", re.M)
P999 = 99.9

MGET_KEYS = 10
TESTS = ("get", "set", "incr", "ping_mbulk")


class BenchmarkError(Exception):
    """redis-benchmark failed, or said something that can't be read; the text holds what it said."""


def command_words(command):
    """What redis-benchmark is told to send."""
    if command in TESTS:
        return ["-t", command]
    if command == "mget":
        return ["mget"] + ["key:__rand_int__"] * MGET_KEYS
    raise ValueError(f"no load is known for {command!r}")


def start(server, command, requests, row):
    """The process. `row` has pipeline, clients, size and keys."""
    words = ["redis-benchmark", "-h", server.host, "-p", str(server.port), "-n", str(requests),
             "-P", str(row.pipeline), "-c", str(row.clients), "-d", str(row.size),
             "-r", str(row.keys), "--precision", "3"]  # fmt: skip
    return subprocess.Popen(
        words + command_words(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def parse(text):
    """Figures from what a run has printed."""
    text = text.replace("\r", "\n")
    rate, seconds, summary = RATE.search(text), SECONDS.search(text), SUMMARY.search(text)
    tail = [float(value) for share, value in PERCENTILE.findall(text) if float(share) >= P999]
    if not (rate and seconds and summary and tail) or "Error" in text:
        raise BenchmarkError(f"redis-benchmark has said:\n{text[-3000:]}")
    _, _, p50, p95, p99, longest = [float(word) for word in summary.group(1).split()]
    return {
        "rate": float(rate.group(1)),
        "seconds": float(seconds.group(1)),
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "p999": tail[0],
        "max": longest,
    }


def finish(process):
    """Waits for the end; the figures."""
    text, _ = process.communicate()
    if process.returncode != 0:
        raise BenchmarkError(f"redis-benchmark ended with {process.returncode}:\n{text[-3000:]}")
    return parse(text)
