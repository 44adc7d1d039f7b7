#!/usr/bin/python3
"""Client libraries' own tests against scdb-server: run.py [hiredis|phpredis|redigo ...]

The tests come from the distribution: hiredis's and phpredis's with their source packages, which are
fetched once into SCDB_UPSTREAM (default: build/upstream), redigo's with its package. needs.txt says
which must fail, and why. One that fails and isn't there is a failure of ours, and so is one that is
there and passes, so that the list only shrinks. Closes with "N passed, N failed, N skipped".
"""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(HERE, "..", "support")
sys.path.insert(0, SUPPORT)

from server import ROOT, Server, scdb_path  # noqa: E402  (after the path is set)

FOLDER = os.path.abspath(os.environ.get("SCDB_UPSTREAM") or os.path.join(ROOT, "build", "upstream"))
TEST_SECONDS_MAX = 120
LISTED_SECONDS_MAX = 5  # of a test that is expected to fail: some wait for what never comes
PROGRAM_SECONDS_MAX = 600


class Unusable(Exception):
    """The tests can't be had, or can't be built; the text says why."""


def source_of(package):
    """The folder of an unpacked source package."""
    path = os.path.join(FOLDER, package)
    if not os.path.isdir(path):
        fetched = run([os.path.join(SUPPORT, "fetch_source"), FOLDER, package])
        if fetched.returncode != 0:
            raise Unusable(fetched.stdout)
    return path


def run(command, seconds_max=PROGRAM_SECONDS_MAX, **options):
    """Runs a command to its end, or to that of its time; what it said is in .stdout, as text."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            timeout=seconds_max,
            check=False,
            **options,
        )
    except subprocess.TimeoutExpired as late:
        said = (late.stdout or b"").decode("utf-8", "backslashreplace")
        return subprocess.CompletedProcess(command, 1, f"{said}\nnot done after {seconds_max} s\n")


def environment_of(server):
    return {**os.environ, "SCDB_HOST": server.host, "SCDB_PORT": str(server.port)}


def hiredis(_listed):
    """(name, what became of it) of each test. The tests of throughput use lists only."""
    folder = source_of("hiredis")
    built = run(["make", "-s", "hiredis-test"], cwd=folder)
    if built.returncode != 0:
        raise Unusable(built.stdout)
    with Server() as server:
        place = ["-h", server.host, "-p", str(server.port), "-s", server.socket_path]
        said = run([os.path.join(folder, "hiredis-test"), *place, "--skip-throughput"]).stdout
    for number, name, result in re.findall(r"^#(\d+) (.*): \S*?(PASSED|FAILED)", said, re.M):
        yield f"{number} {name}", result


def phpredis(listed):
    """Each test runs in a process of its own: many end the program when they fail."""
    source = source_of("php-redis")
    [version] = [name for name in os.listdir(source) if name.startswith("redis-5")]
    folder = os.path.join(source, version, "tests")
    with open(os.path.join(folder, "RedisTest.php"), encoding="utf-8") as file:
        names = re.findall(r"public function (test\w+)", file.read())
    with Server() as server:
        for name in names:
            # The programs that it starts get the installed extension, not one built beside it.
            environment = {**environment_of(server), "TEST_PHP_ARGS": "-q"}
            options = {"cwd": folder, "env": environment}
            seconds_max = LISTED_SECONDS_MAX if name in listed else TEST_SECONDS_MAX
            # Ends what the test has started with it.
            command = ["timeout", "-s", "KILL", str(seconds_max)]
            command += ["php", os.path.join(HERE, "phpredis.php"), name]
            said = run(command, **options).stdout
            result = re.search(r"^(PASSED|SKIPPED)$", said, re.M)
            yield name, result.group(1) if result else "FAILED"


def redigo(_listed):
    """Starts its servers itself, with directives on the command line."""
    with Server() as server:  # for the directory, which goes with it
        server.stop()
        wrapper = os.path.join(server.home, "redis-server")
        with open(wrapper, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\ncd "{server.directory}" && exec "{scdb_path()}" "$@"\n')
        os.chmod(wrapper, 0o755)
        path = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
        cache = {"GOCACHE": os.path.join(FOLDER, "go"), "GOFLAGS": "-count=1"}
        command = ["go", "test", "-v", "github.com/gomodule/redigo/redis", "-args"]
        command += ["-redis-server", wrapper]
        said = run(command, env={**os.environ, **path, **cache}).stdout
    if "[setup failed]" in said or "[build failed]" in said:
        raise Unusable(said)
    words = {"PASS": "PASSED", "FAIL": "FAILED", "SKIP": "SKIPPED"}
    for result, name in re.findall(r"^--- (PASS|FAIL|SKIP): (\S+)", said, re.M):
        yield name, words[result]


LIBRARIES = {"hiredis": hiredis, "phpredis": phpredis, "redigo": redigo}


def read_needs():
    """{(library, name): reason}"""
    needs = {}
    with open(os.path.join(HERE, "needs.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                library, names, reason = (part.strip() for part in line.split("|"))
                for name in names.split(","):
                    needs[library, name.strip()] = reason
    return needs


def judge(library, needs):
    """Runs a library's tests; (passed, failed, skipped)."""
    passed = failed = skipped = 0
    seen = set()
    listed = {name for of, name in needs if of == library}
    for name, result in LIBRARIES[library](listed):
        seen.add(name)
        is_listed = name in listed
        if result == "SKIPPED" or (is_listed and result == "FAILED"):
            skipped += 1
        elif result == "PASSED" and not is_listed:
            passed += 1
        else:
            failed += 1
            print(f"{library}: {name} {'is in needs.txt, but passes' if is_listed else 'fails'}")
    for name in sorted(listed - seen):
        failed += 1
        print(f"{library}: {name} is in needs.txt, but was not run")
    print(f"{library}: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return passed, failed, skipped


def main():
    needs = read_needs()
    total = [0, 0, 0]
    for library in sys.argv[1:] or LIBRARIES:
        try:
            counts = judge(library, needs)
        except Unusable as problem:
            print(f"{library}: {problem}")
            counts = (0, 1, 0)
        total = [sum(pair) for pair in zip(total, counts)]
    print("{} passed, {} failed, {} skipped".format(*total))
    sys.exit(1 if total[1] or not total[0] else 0)


if __name__ == "__main__":
    main()
