#!/usr/bin/python3
"""Flips bits in the files of a real server's store; what is wrong must be found, never served.

    flip.py [--count N] [--seed N]

A server is filled, stopped cleanly or killed (kill -9) three seconds after its last write, and
started again and again on its files with one bit flipped: in each file, whatever its name, COUNT
bytes at random. Then either it refuses to start and names the file and an offset, or each key has
its value or gives an error; none is silently gone, none that was deleted is back. (All bytes of a
store are flipped by tests/crash/flip_test.c, without a server around the engine.)
Closes with "N passed, N failed", counting flips.
"""

import argparse
import os
import random
import shutil
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.path.insert(0, os.path.join(HERE, "..", "differential"))

import test_program  # noqa: E402  (after the path is set)
import wire  # noqa: E402
from kill9 import Connection  # noqa: E402
from server import Server, ServerError  # noqa: E402

KEY_COUNT = 40
IDLE_SECONDS = 3


def value_of(number):
    return b"<%d>" % number * (number % 7 * 30 + 1)


def fill(server):
    """Writes, overwrites, deletes, flushes, compacts; returns {database: {key: value}}."""
    connection = Connection(server)
    ask = connection.ask
    keys = [b"key:%d" % number for number in range(KEY_COUNT)]
    expected = {0: {}, 1: {}}
    for generation in range(2):
        for number, key in enumerate(keys[generation * 10 :]):
            ask([b"set", key, value_of(number + generation * 100)])
            expected[0][key] = value_of(number + generation * 100)
    ask([b"select", b"1"], [b"set", b"flushed", b"1"], [b"flushdb"], [b"set", b"one", b"1"])
    ask([b"select", b"0"], [b"del", keys[3], keys[20]], [b"compact"])
    ask([b"set", keys[5], b"expired", b"px", b"1"], [b"mset", keys[6], b"six", keys[7], b"seven"])
    ask([b"set", keys[8], b"long", b"ex", b"100000"], [b"swapdb", b"0", b"1"], [b"del", b"one"])
    for key in (keys[3], keys[20], keys[5]):
        del expected[0][key]
    expected[0].update({keys[6]: b"six", keys[7]: b"seven", keys[8]: b"long"})
    ask([b"set", b"last", b"word"])
    connection.close()
    return {0: {b"last": b"word"}, 1: expected[0]}, keys + [b"one", b"flushed", b"last"]


def look(server, expected, keys):
    """What is wrong with the answers: a text, or None. Errors are right answers."""
    connection = Connection(server)
    for database, values in expected.items():
        connection.ask([b"select", b"%d" % database])
        for key in keys:
            reply = connection.ask([b"get", key])[0]
            if reply.startswith(b"-"):
                continue
            value = wire.parse(reply)[0][1]
            if value != values.get(key):
                return f"database {database}, {key!r}: {value!r:.80}, not {values.get(key)!r:.80}"
    connection.close()
    return None


def try_flip(server, files, flip, expected, keys):
    """Starts the server on the files with a bit flipped; what is wrong, or None."""
    name, offset, bit = flip
    shutil.rmtree(server.directory)
    os.mkdir(server.directory)
    for other, data in files.items():
        data = bytearray(data)
        if other == name:
            data[offset] ^= 1 << bit
        with open(os.path.join(server.directory, other), "wb") as file:
            file.write(data)
    if os.path.exists(server.log):
        os.remove(server.log)
    try:
        server.start()
    except ServerError as error:
        text = str(error)
        refused = [line for line in text.split("\n") if "offset" in line and name in line]
        return None if refused else f"refused without naming {name} and an offset:\n{text}"
    problem = look(server, expected, keys)
    if problem is None and not server.is_running():
        problem = f"the server crashed:\n{server.read_log()}"
    server.kill()
    return problem


def run(ends_cleanly, count, rand):
    """(passed, failed) flips of one store."""
    passed = failed = 0
    server = Server(directives=[("segment-size", "1mb")])
    try:
        server.start()
        expected, keys = fill(server)
        if ends_cleanly:
            server.stop()
        else:
            time.sleep(IDLE_SECONDS)
            server.kill()
        files = {}
        for name in sorted(os.listdir(server.directory)):
            with open(os.path.join(server.directory, name), "rb") as file:
                files[name] = file.read()
        for name, data in files.items():
            # Most of a segment may be space that is only reserved.
            used = len(data.rstrip(b"\x00")) or len(data)
            for _ in range(count if data else 0):
                flip = (name, rand.randrange(used), rand.randrange(8))
                problem = try_flip(server, files, flip, expected, keys)
                passed += problem is None
                failed += problem is not None
                if problem is not None:
                    print(f"{name}, offset {flip[1]}, bit {flip[2]}: {problem}", flush=True)
    finally:
        server.kill()
        server.close()
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description="flips bits in a real server's files")
    parser.add_argument("--count", type=int, default=int(os.environ.get("SCDB_FLIPS", "6")))
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    seed = test_program.choose_seed(arguments.seed, f"flip.py --count {arguments.count}")
    rand = random.Random(seed)
    ends = (True, False)
    test_program.close(*test_program.add_up(run(end, arguments.count, rand) for end in ends))


if __name__ == "__main__":
    main()
