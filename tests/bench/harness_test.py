#!/usr/bin/python3
"""What the measuring rests on, tested: redis-benchmark's text, CPU seconds, ratios, rows, tables.

Ends with "N passed, N failed".
"""

import os
import subprocess
import sys
import tempfile

import compare_tables
import load
import measure
import redis_benchmark
import results
import rows
import tables

TEXT = """SET: rps=0.0 (overall: nan) avg_msec=nan (overall: nan)\rSET: rps=9 (overall: 9.0)\r====== SET ======
  10000 requests completed in 0.09 seconds
  50 parallel clients
  100 bytes payload
  keep alive: 1

Latency by percentile distribution:
0.000% <= 0.103 milliseconds (cumulative count 2)
50.000% <= 0.231 milliseconds (cumulative count 5086)
99.805% <= 0.599 milliseconds (cumulative count 9982)
99.902% <= 0.655 milliseconds (cumulative count 9991)
100.000% <= 0.879 milliseconds (cumulative count 10000)
100.000% <= 0.879 milliseconds (cumulative count 10000)

Cumulative distribution of latencies:
0.020% <= 0.103 milliseconds (cumulative count 2)
99.890% <= 0.607 milliseconds (cumulative count 9989)
100.000% <= 0.903 milliseconds (cumulative count 10000)

Summary:
  throughput summary: 107526.88 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.243     0.096     0.231     0.351     0.439     0.879
"""

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\ninput()"
FAILED = []
PASSED = []


def expect(name, wanted, got):
    (PASSED if wanted == got else FAILED).append(name)
    if wanted != got:
        print(f"FAIL {name}\n  wanted: {wanted!r}\n  got:    {got!r}")


def refuses(name, call, *arguments):
    try:
        got = call(*arguments)
    except (redis_benchmark.BenchmarkError, SystemExit):
        PASSED.append(name)
    else:
        expect(name, "a refusal", got)


def test_text():
    found = redis_benchmark.parse(TEXT)
    expect("rate and time", (107526.88, 0.09), (found["rate"], found["seconds"]))
    expect("summary", (0.231, 0.351, 0.439, 0.879),
           tuple(found[name] for name in ("p50", "p95", "p99", "max")))  # fmt: skip
    expect("p99.9 is the first line from there on", 0.655, found["p999"])
    refuses("a run without its summary", redis_benchmark.parse, TEXT.split("Summary")[0])
    refuses("an error of the server", redis_benchmark.parse, "Error from server: ERR x\n" + TEXT)


def test_cpu():
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE) as process:
        while measure.cpu_seconds(process.pid) < 0.3 and process.poll() is None:
            pass
        clock = measure.cpu_seconds(process.pid)
        ticks = measure.ticks_of(process.pid, measure.OWN_FIELDS) / measure.TICKS
        after = measure.cpu_seconds(process.pid)
        expect("the CPU clock is utime + stime", True,
               clock - 3 / measure.TICKS <= ticks <= after + 3 / measure.TICKS)  # fmt: skip
        expect("a child is found", True, process.pid in measure.children(os.getpid()))
        before = measure.children_cpu_seconds(os.getpid())
        process.communicate(b"\n")
        expect("its CPU time counts before its end", True, before >= 0.3 - 3 / measure.TICKS)
    ended = measure.children_cpu_seconds(os.getpid())
    expect("and after it", True, ended >= before)


def test_rows():
    expect("names differ", len(rows.all_rows()), len({row.name for row in rows.all_rows()}))
    expect("the bars are rows", sorted(compare_tables.BARS),
           sorted(row.name for row in rows.pick("bars")))  # fmt: skip
    refuses("no such row", rows.pick, "get/2/everysec")
    for row in rows.all_rows():
        parts = load.parts_of(row, 1000003)
        whole = all(count % (part.pipeline * part.clients) == 0 for _, count, part in parts)
        expect(f"{row.name}: full pipelines on all connections", (True, row.clients),
               (whole, sum(part.clients for _, _, part in parts)))  # fmt: skip
        sets = sum(count for command, count, _ in parts if command == "set")
        if row.command == "mixed":
            expect(f"{row.name}: a fifth are SETs", sum(part[1] for part in parts), sets * 5)


def lines_of(rates):
    """Lines of a session: (round, server, rate) ..."""
    row = rows.pick("set/1/everysec")[0]._asdict()
    return [{"row": row, "round": number, "server": server, "rate_cpu": rate, "rate": rate}
            for number, server, rate in rates]  # fmt: skip


def test_ratios():
    lines = lines_of([(0, "scdb", 30), (0, "redis", 10), (1, "redis", 20), (1, "scdb", 20),
                      (2, "scdb", 99)])  # fmt: skip
    found = results.ratios(lines, "rate_cpu", "scdb", "redis")
    expect("ratios are of whole rounds", [3.0, 1.0], found)
    expect("median and spread", "**2.00** (1.00-3.00)", compare_tables.spread(found))
    expect("a bar that is reached", True, "| reached |" in compare_tables.bars(lines))
    expect("a bar that is missed", True, "| 50% of it |" in compare_tables.bars(
        lines_of([(0, "scdb", 6), (0, "redis", 10)])))  # fmt: skip


def test_pages():
    page = "a\n<!-- table: x -->\nold\n<!-- end of x -->\nb\n"
    expect("a table is replaced", "a\n<!-- table: x -->\nnew\n<!-- end of x -->\nb\n",
           tables.replace(page, "x", "new"))  # fmt: skip
    refuses("a page without the place", tables.replace, page, "y", "new")
    with open(os.path.join(measure.ROOT, "docs", "benchmarks.md"), encoding="utf-8") as file:
        text = file.read()
    for name, _, _ in tables.TABLES:
        expect(f"docs/benchmarks.md has a place for {name}", True,
               "new table" in tables.replace(text, name, "new table"))  # fmt: skip


def test_log():
    with tempfile.TemporaryDirectory(prefix="scdb-test-") as directory:
        results.DIRECTORY = directory
        for session, number in (("one", 1), ("two", 2), ("one", 3)):
            results.Log("file", session).add(number=number)
        newest = [line["number"] for line in results.of_session("file")]
        expect("the session written to last", [1, 3], newest)
        expect("a session by name", [2],
               [line["number"] for line in results.of_session("file", "two")])  # fmt: skip


def main():
    for test in (test_text, test_cpu, test_rows, test_ratios, test_pages, test_log):
        test()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
