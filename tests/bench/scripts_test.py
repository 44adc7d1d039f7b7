#!/usr/bin/python3
"""The benchmarks' scripts, each run with a few keys: what is measured for hours once a month is not
to fail then for a name that has changed. Nothing is compared.

Ends with "N passed, N failed".
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS_MAX = 300  # what hangs ends

# A script with its arguments, and which of tables.py's tables shows what it keeps.
SCRIPTS = [
    ("footprint.py --counts 1000", "footprint"),
    ("idle.py --connections 20", "idle"),
    ("rewrite.py --keys 1000 --seconds 0.3 --rounds 1", "rewrite"),
    ("restart.py --keys 1000 --rounds 1 --behind-mb 1", "restart"),
    ("durable.py --rounds 1 --seconds 0.1 --clients 1,5", None),
    ("train.py --requests 2000", None),
    ("scale.py --counts 1000 --rounds 1 --requests 2000", None),
    ("scale.py --counts 1000 --rounds 1 --requests 2000 --redis", None),
    ("compaction.py --keys 1000 --rounds 1 --times 2 --worst", None),
]


def run(command, environment):
    """(is well, what it has printed)"""
    script, *arguments = command.split()
    try:
        found = subprocess.run(
            [sys.executable, os.path.join(HERE, script), *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True,
            timeout=SECONDS_MAX, check=False)  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        return False, f"not done after {problem.timeout} s"
    return found.returncode == 0, found.stdout


def problem_of(command, table, environment):
    """None, or what is wrong with the script, or with the table of its results."""
    is_well, text = run(command, environment)
    if is_well and table is not None:
        is_well, text = run(f"tables.py --only {table}", environment)
        is_well = is_well and "|---|" in text and "redis" in text
    return None if is_well else text


def main():
    failed = 0
    with tempfile.TemporaryDirectory(prefix="scdb-test-") as directory:
        environment = {**os.environ, "BENCH_RESULTS": directory}
        for command, table in SCRIPTS:
            problem = problem_of(command, table, environment)
            if problem is not None:
                failed += 1
                print(f"FAIL {command}\n{problem}")
    print(f"{len(SCRIPTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
