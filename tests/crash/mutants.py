#!/usr/bin/python3
"""Demands that the crash tests notice each mutant of src/engine/mutant.h.

    tests/crash/mutants.py BUILD [NAME...]

BUILD holds tests that were built with -DSCDB_MUTANTS (`make mutants` does all of it). Without a
mutant they must pass; with one, a test of PROGRAMS has to fail: first the cases by name, which
take no time, then the sweeps, as far as it takes. Closes with "N passed, M failed".
"""

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
SECONDS_MAX = 900  # what hangs ends


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
    try:
        output, _ = process.communicate(timeout=SECONDS_MAX)
        return process.returncode, output.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the session is its own
        output, _ = process.communicate()
        return None, output.decode("utf-8", "replace")
    finally:
        if process.returncode is None:  # we are told to end, which nobody tells that session
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def end(number, _):
    sys.exit(128 + number)


def reason(output):
    for line in output.splitlines():
        if line.startswith("seed ") or "invariant broken" in line or ":F:" in line:
            return line[:150]
    return output[-150:].replace("\n", " ")


def hunt(build, name):
    """(the program that noticed, why it failed), or None"""
    for program, settings in PROGRAMS:
        code, output = run(f"{build}/tests/{program}", SCDB_MUTANT=name, **settings)
        if code:
            return program, reason(output)
    return None


def main():
    build = sys.argv[1]
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    passed = failed = 0
    for program, _ in PROGRAMS[:4]:
        code, output = run(f"{build}/tests/{program}", SCDB_CRASH_POINTS="20000")
        if code != 0:
            print(f"{program} fails without any mutant:\n{output}")
            failed += 1
    for name, rule, words in mutants():
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        started = time.monotonic()
        found = hunt(build, name)
        seconds = time.monotonic() - started
        passed += found is not None
        failed += found is None
        verdict = f"{found[0]}: {found[1]}" if found else "NOT NOTICED"
        print(f"rule {rule:2} {name:24} {seconds:5.1f}s  {words}\n         {verdict}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
