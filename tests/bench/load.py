"""One run of a row's load on one server, and its figures.

The mixed load is five redis-benchmarks at the same time, for one sends one kind of command only:
four send GETs, one SETs, each on a fifth of the connections. (As processes of equal weight they
keep to these shares also where the clients are what limits.) Its latencies are the worst of the
five; "overlap" is the part of the time for which all of them ran.
"""

import time

import redis_benchmark

PROBE_SECONDS = 0.5
PROBE_REQUESTS = {1: 10000, 16: 50000, 64: 100000}
MARGIN = 1.15  # runs are to be that much longer than asked, because rates vary
MIXED_PARTS = 5  # of them one SETs
LATENCIES = ("p50", "p95", "p99", "p999", "max")
RESOLUTION_SECONDS = 0.001  # redis-benchmark says 0 of a probe that takes less


def parts_of(row, requests):
    """(command, requests, row) of each redis-benchmark that makes the load."""
    if row.command != "mixed":
        return [(row.command, whole(requests, row), row)]
    part = row._replace(clients=row.clients // MIXED_PARTS)
    commands = ["get"] * (MIXED_PARTS - 1) + ["set"]
    return [(command, whole(requests // MIXED_PARTS, part), part) for command in commands]


def whole(requests, row):
    """Full pipelines on all connections, at least two of each."""
    step = row.pipeline * row.clients
    return max(requests // step, 2) * step


def run(server, row, requests):
    """Runs about so many requests. Requests a second, of the server's CPU seconds, latencies."""
    parts = parts_of(row, requests)
    used, children, begin = server.cpu_seconds(), server.children_cpu_seconds(), time.monotonic()
    processes = [redis_benchmark.start(server, *part) for part in parts]
    found = [redis_benchmark.finish(process) for process in processes]
    elapsed = time.monotonic() - begin
    used = server.cpu_seconds() - used
    sent = sum(part[1] for part in parts)
    figures = {name: max(each[name] for each in found) for name in LATENCIES}
    seconds = max(max(each["seconds"] for each in found), RESOLUTION_SECONDS)
    figures.update(
        requests=sent,
        seconds=seconds,
        elapsed=elapsed,
        rate=found[0]["rate"] if len(found) == 1 else sent / seconds,
        cpu_s=used,
        children_cpu_s=server.children_cpu_seconds() - children,
        rate_cpu=sent / used,
        overlap=min(each["seconds"] for each in found) / seconds,
    )
    return figures


def calibrate(server, row, seconds):
    """How many requests take this server so long."""
    requests = PROBE_REQUESTS.get(row.pipeline, 50000) // (10 if row.sync == "always" else 1)
    while True:
        figures = run(server, row, requests)
        if figures["seconds"] >= PROBE_SECONDS:
            return enough(figures, row, seconds)
        requests *= 3


def enough(figures, row, seconds):
    """The same from what a run gave: the next should not be shorter than asked."""
    return whole(int(figures["rate"] * seconds * MARGIN), row)
