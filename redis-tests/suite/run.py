#!/usr/bin/python3
"""Redis's own published tests against scdb-server.

    run.py [--mode external|spawned|both] [--all] [--jobs N] [--try-skipped] [--seconds N] [FILE...]

A FILE is named as the tests name it: unit/type/string. Without any, the files of expected.txt are
run, with --all every file of the suite that skips.txt does not leave out as a whole. Each is run in
both modes (harness.py says what they are), one after another unless --jobs says otherwise.

The tests come from the distribution's source package, fetched once into SCDB_SUITE (default:
build/suite). skips.txt lists what is not run and why; --try-skipped runs that, too, and shows what
of it passes. expected.txt says how many tests of each file pass in each mode; fewer, or any failure,
is a regression. A file that falls short is run once more: some of these tests look at the clock.

Closes with "N passed, N failed": tests that passed in a mode, and failures. SCDB_SERVER=PATH tests
another server, such as a redis-server.
"""

import argparse
import concurrent.futures
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import harness  # noqa: E402  (after the line above)
import lists  # noqa: E402

ROOT = os.path.abspath(os.path.join(lists.HERE, "..", ".."))


def fetch(folder):
    """The unpacked source package, fetched when it isn't there. Ends the run when it can't be."""
    sources = os.path.join(folder, "redis")
    if not os.access(os.path.join(sources, "runtest"), os.X_OK):
        print(f"fetching Redis's tests into {folder}", flush=True)
        command = [os.path.join(lists.HERE, "fetch.sh"), folder]
        if subprocess.call(command, stdin=subprocess.DEVNULL) != 0:
            print("0 passed, 1 failed")
            sys.exit(1)
    return sources


def all_files(sources):
    listed = subprocess.run(
        ["./runtest", "--list-tests"], cwd=sources, stdout=subprocess.PIPE, check=True, text=True
    )
    return [line for line in listed.stdout.split() if line.startswith("unit/")]


class Run:
    """One run over some files, and what it has counted."""

    def __init__(self, sources, arguments):
        self.sources, self.arguments = sources, arguments
        self.skips = lists.Skips()
        self.expected = lists.expected()
        self.passed = self.failed = 0
        self.modes = harness.MODES if arguments.mode == "both" else (arguments.mode,)

    def file_in_mode(self, file, mode):
        """(Outcome, what it falls short by: a list of words)."""
        names = self.skips.names(file, mode) or []
        wanted = self.expected.get(file, {}).get(mode, 0)
        for attempt in range(2):
            begin = time.monotonic()
            outcome, output = harness.run_file(
                self.sources,
                file,
                mode,
                [] if self.arguments.try_skipped else names,
                self.arguments.seconds,
            )
            outcome.seconds = time.monotonic() - begin
            with open(self.log_path(file, mode), "w", encoding="utf-8") as log:
                log.write(output)
            shortfalls = [f"FAILED {name}" for name in outcome.failed]
            if outcome.problem:
                shortfalls.append("ENDED  " + outcome.problem)
            if len(outcome.passed) < wanted:
                shortfalls.append(f"SHORT  {len(outcome.passed)} passed, {wanted} are expected to")
            if not shortfalls or self.arguments.try_skipped or self.arguments.once:
                break
        return outcome, shortfalls, attempt

    def log_path(self, file, mode):
        folder = os.path.join(os.path.dirname(self.sources), "logs")
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, f"{file.replace('/', '-')}.{mode}.log")

    def report(self, file, mode, outcome, shortfalls, attempt):
        self.passed += len(outcome.passed)
        self.failed += len(shortfalls)
        wanted = self.expected.get(file, {}).get(mode)
        print(
            f"{'FAIL' if shortfalls else 'ok':4} {file:24} {mode:8}"
            f" {len(outcome.passed):4} passed {len(outcome.failed):3} failed"
            f" {len(outcome.listed):3} listed {len(outcome.tagged):3} tagged {outcome.seconds:5.1f}s"
            f"{'' if wanted is None else f', {wanted} expected'}"
            f"{' (at the second attempt)' if attempt and not shortfalls else ''}"
        )
        for line in shortfalls:
            print("       " + line)
        if shortfalls:
            print("       " + self.log_path(file, mode))
        if self.arguments.try_skipped:
            for name in outcome.passed:
                if self.skips.is_listed(file, mode, name):
                    print(f"       PASSES {name}")
        sys.stdout.flush()

    def go(self, files):
        jobs = []
        with concurrent.futures.ThreadPoolExecutor(self.arguments.jobs) as pool:
            for file in files:
                for mode in self.modes:
                    if self.skips.names(file, mode) is not None or self.arguments.try_skipped:
                        job = pool.submit(self.file_in_mode, file, mode)
                        jobs.append((file, mode, job))
            for file, mode, job in jobs:
                self.report(file, mode, *job.result())
        for file in files:
            if file in self.skips.files and not self.arguments.try_skipped:
                print(f"left {file:24} {self.skips.files[file]}")
        print(f"{self.passed} passed, {self.failed} failed")
        return self.passed > 0 and self.failed == 0


def on_terminate(_number, _frame):
    harness.stop_all()
    os._exit(143)  # threads that wait for what has just been ended are not waited for


def main():
    signal.signal(signal.SIGTERM, on_terminate)
    signal.signal(signal.SIGINT, on_terminate)
    parser = argparse.ArgumentParser(description="Redis's own tests against scdb-server")
    parser.add_argument("--mode", choices=(*harness.MODES, "both"), default="both")
    parser.add_argument("--all", action="store_true", help="every file of the suite")
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    parser.add_argument("--try-skipped", action="store_true", help="run what skips.txt lists, too")
    parser.add_argument("--once", action="store_true", help="no second attempt")
    parser.add_argument("--seconds", type=int, default=300, help="limit for each file")
    parser.add_argument("files", nargs="*", metavar="FILE")
    arguments = parser.parse_args()
    try:
        folder = os.environ.get("SCDB_SUITE") or os.path.join(ROOT, "build", "suite")
        sources = fetch(os.path.abspath(folder))
        run = Run(sources, arguments)
        files = arguments.files or list(run.expected)
        if arguments.all:
            files = all_files(sources)
        is_good = run.go(files)
    except (lists.ListError, RuntimeError, harness.ServerError) as error:
        print(f"{error}\n0 passed, 1 failed")
        is_good = False
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
