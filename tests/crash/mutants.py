#!/usr/bin/python3
"""Demands that the crash tests notice each mutant of src/engine/mutant.h.

    tests/crash/mutants.py BUILD [NAME...]

BUILD holds tests that were built with -DSCDB_MUTANTS (`make mutants` does all of it). Without a
mutant they must pass; with one, a test of PROGRAMS has to fail: first the cases by name, most of
which take no time, then the sweeps, as far as it takes. As many mutants are hunted at a time as there are
processors. Closes with "N passed, M failed".
"""

import concurrent.futures
import contextlib
import os
import re
import signal
import subprocess
import sys
import time

HEADER = os.path.join(os.path.dirname(__file__), "../../src/engine/mutant.h")
PROGRAMS = [
    ("unit/resurrection_test", {}),
    ("unit/sync_test", {}),
    ("unit/patch_test", {}),
    ("unit/backup_test", {}),
    ("crash/crash_sweep_test", {"SCDB_CRASH_POINTS": "2000000"}),
    ("crash/fault_sweep_test", {"SCDB_TEST_SCALE": "100"}),
]
BACKUP_RULES = ("11", "14")
SECONDS_MAX = 900  # what hangs ends
running = set()  # processes, each the first of a session of its own


def mutants():
    with open(HEADER) as header:
        return re.findall(r'X\((\w+), (\d+), "([^"]*)"\)', header.read())


def run(program, **settings):
    """(how it ended: 0 = well, None = it hung; its output)"""
    process = subprocess.Popen(
        [program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "CK_FORK": "no", **settings},  # no process outside of the session
    )
    running.add(process)
    try:
        output, _ = process.communicate(timeout=SECONDS_MAX)
        return process.returncode, output.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output.decode("utf-8", "replace")
    finally:
        running.discard(process)


def end(number, _):
    """We are told to end, which nobody tells those sessions."""
    for process in list(running):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    os._exit(128 + number)


def reason(output):
    for line in output.splitlines():
        if line.startswith("seed ") or "invariant broken" in line or ":F:" in line:
            return line[:150]
    return output[-150:].replace("\n", " ")


def programs_for(rule):
    """The test of backups takes as long as a sweep: it comes last where they are not concerned."""
    return sorted(PROGRAMS, key=lambda each: "backup" in each[0] and rule not in BACKUP_RULES)


def hunt(build, name, rule):
    """((the program that noticed, why it failed) or None, seconds)"""
    started = time.monotonic()
    found = None
    for program, settings in programs_for(rule):
        code, output = run(f"{build}/tests/{program}", SCDB_MUTANT=name, **settings)
        if code:
            found = program, reason(output)
            break
    return found, time.monotonic() - started


def main():
    build, chosen = sys.argv[1], sys.argv[2:]
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        unharmed = [
            (program, pool.submit(run, f"{build}/tests/{program}"))
            for program, _ in PROGRAMS[:4]
        ]
        hunts = [
            (name, rule, words, pool.submit(hunt, build, name, rule))
            for name, rule, words in mutants()
            if not chosen or name in chosen
        ]
        for program, job in unharmed:
            code, output = job.result()
            if code != 0:
                print(f"{program} fails without any mutant:\n{output}")
                failed += 1
        for name, rule, words, job in hunts:
            found, seconds = job.result()
            passed += found is not None
            failed += found is None
            verdict = f"{found[0]}: {found[1]}" if found else "NOT NOTICED"
            print(f"rule {rule:2} {name:24} {seconds:5.1f}s  {words}\n         {verdict}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
