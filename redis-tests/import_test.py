#!/usr/bin/python3
"""The ancestor's stores: refused at start, imported by scdb-server --import-v1, then served. Starts
the servers itself. Closes with "N passed, N failed"."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import server as support  # noqa: E402  (after the path is set)
import test_program  # noqa: E402

FIXTURES = os.path.join(support.ROOT, "tests", "fixtures", "v1")
SECONDS_MAX = 120

# What tests/fixtures/v1/readme7 holds: values and expiry, the second in which a key is still there.
README_KEYS = {
    b"hey": (b"Jane", -1),
    b"hola": (b"Santos", 4673367855),
    b"mulimuta": (b"Aligum\0", -1),
    b"oi": (b"Ronaldo", -1),
    b"salut": (b"French", 4673367855),
}


def ask(server, *words):
    """One request over a connection of its own; the reply, without types: bytes, numbers, lists."""
    with server.connect() as connection:
        stream = connection.makefile("rb")
        request = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            request += b"$%d\r\n%s\r\n" % (len(word), word)
        connection.sendall(request)
        return read_reply(stream)


def read_reply(stream):
    line = stream.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"$":
        return stream.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
    if kind == b"*":
        return [read_reply(stream) for _ in range(int(rest))]
    return int(rest) if kind == b":" else rest


class Import(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="scdb-import-")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.old = os.path.join(self.home, "old")
        self.new = os.path.join(self.home, "new")

    def take(self, name):
        os.mkdir(self.old)
        shutil.copy(os.path.join(FIXTURES, name, "dump.scdb"), self.old)
        with open(self.old_file, "rb") as file:
            self.old_bytes = file.read()

    @property
    def old_file(self):
        return os.path.join(self.old, "dump.scdb")

    def run_server(self, *options, program=None, environment=None):
        """A run that should end by itself: exit status and log."""
        done = subprocess.run(
            [program or support.scdb_path(), *options],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.home,
            timeout=SECONDS_MAX,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "backslashreplace")

    def run_import(self, *options, target=None):
        return self.run_server("--import-v1", self.old, "--dir", target or self.new, *options)

    def serve(self, directory):
        server = support.Server()
        shutil.rmtree(server.directory)
        server.directory = directory
        self.addCleanup(server.close)
        server.start()
        return server

    def damage(self, offset, byte):
        with open(self.old_file, "r+b") as file:
            file.seek(offset)
            file.write(byte)

    def check_readme_keys(self, server, expected):
        self.assertEqual(set(ask(server, "KEYS", "*")), set(expected))
        for key, (value, expiry) in expected.items():
            ends = (expiry + 1) * 1000 if expiry >= 0 else expiry
            self.assertEqual(ask(server, "PEXPIRETIME", key), ends)
            if not value.endswith(b"\0"):
                self.assertEqual(ask(server, "GET", key), value)

    def test_whole_way_in_place(self):
        self.take("readme7")
        options = ("--dir", self.old, "--port", str(support.free_port()))
        code, log = self.run_server(*options)
        self.assertEqual(code, 1)
        self.assertIn(self.old_file, log)
        self.assertIn(f"--import-v1 '{self.old}' --dir '{self.old}'", log)
        self.assertEqual(os.listdir(self.old), ["dump.scdb"])  # no empty store beside it

        code, log = self.run_import(target=self.old)
        self.assertEqual(code, 0, log)
        self.assertIn("Imported 5 keys from", log)
        with open(self.old_file, "rb") as file:
            self.assertEqual(file.read(), self.old_bytes)
        server = self.serve(self.old)
        self.check_readme_keys(server, README_KEYS)
        self.assertEqual(ask(server, "DBSIZE"), 5)

    def test_large_one(self):
        self.take("bin2000")
        code, log = self.run_import("--daemonize", "yes", "--databases", "3")
        self.assertEqual(code, 0, log)
        self.assertIn("Imported 1878 keys", log)
        server = self.serve(self.new)
        self.assertEqual(ask(server, "DBSIZE"), 1878)
        self.assertEqual(ask(server, "STRLEN", "big:1048576"), 1048576)
        with open(os.path.join(FIXTURES, "bin2000", "absent.tsv"), encoding="ascii") as lines:
            absent = [bytes.fromhex(line.split("\t")[0]) for line in lines]
        self.assertEqual(ask(server, "EXISTS", *absent), 0)

    def test_damaged_file(self):
        self.take("readme7")
        at = self.old_bytes.rindex(b"hola") - 1  # the size of the newest "hola"
        self.damage(at, b"\x05")
        code, log = self.run_import()
        self.assertEqual(code, 2, log)
        self.assertRegex(log, r"dump\.scdb: offset \d+: .*hola")
        self.assertIn("Imported 4 keys", log)
        left = {key: what for key, what in README_KEYS.items() if key != b"hola"}
        self.check_readme_keys(self.serve(self.new), left)

    def test_refusals(self):
        code, log = self.run_import()
        self.assertEqual(code, 1)
        self.assertIn(f"--import-v1 '{self.old}': No such file or directory", log)
        code, log = self.run_server("--import-v1")
        self.assertEqual(code, 1)
        self.assertIn("name the directory that holds dump.scdb", log)
        os.mkdir(self.old)
        code, log = self.run_import()
        self.assertEqual(code, 1)
        self.assertIn(f"there is no '{self.old_file}' to import", log)
        with open(self.old_file, "wb") as file:
            file.write(b"something else")
        code, log = self.run_import()
        self.assertEqual(code, 1)
        self.assertIn("it does not begin with 'Scdb versn 0.001'", log)
        os.remove(self.old_file)
        os.mkfifo(self.old_file)
        self.addCleanup(os.close, os.open(self.old_file, os.O_RDWR | os.O_NONBLOCK))
        for code, log in (self.run_import(), self.run_server("--dir", self.old)):
            self.assertEqual(code, 1)
            self.assertIn("can't open file 'dump.scdb': it is a named pipe", log)
        self.assertEqual(os.listdir(self.new), [])  # nothing was made of it

    def test_store_that_has_keys(self):
        self.take("readme7")
        server = self.serve(self.new)
        ask(server, "SET", "hey", "mine")
        ask(server, "MOVE", "hey", 7)
        code, log = self.run_import()
        self.assertEqual(code, 1)
        self.assertIn(f"in use by pid {server.pid}", log)
        server.stop()
        code, log = self.run_import()
        self.assertEqual(code, 1)
        self.assertIn("holds keys already (1)", log)
        server.start()  # it is not marked as unfinished
        self.assertEqual(ask(server, "DBSIZE"), 0)
        self.assertIn(b"db7:keys=1", ask(server, "INFO", "keyspace"))

    def test_full_limit_and_again(self):
        """An import that fails is marked, keeps the server from starting, and can be repeated."""
        self.take("small1000r2")
        code, log = self.run_import("--max-keys", "100")
        self.assertEqual(code, 1)
        self.assertIn("max-keys", log)
        self.assertIn("IMPORT.unfinished", os.listdir(self.new))
        code, log = self.run_server("--dir", self.new, "--port", str(support.free_port()))
        self.assertEqual(code, 1)
        self.assertIn("has not come to its end", log)
        code, log = self.run_import()
        self.assertEqual(code, 0, log)
        self.assertNotIn("IMPORT.unfinished", os.listdir(self.new))
        self.assertEqual(ask(self.serve(self.new), "DBSIZE"), 770)

    def check_precious_is_safe(self, advice):
        """A store with a mark that is not its own: nothing is served and nothing lost."""
        mark = os.path.join(self.new, "IMPORT.unfinished")
        for _ in range(2):
            code, log = self.run_server("--dir", self.new, "--port", str(support.free_port()))
            self.assertEqual(code, 1)
            self.assertIn(advice, log)
            code, log = self.run_import()
            self.assertEqual(code, 1)
            self.assertIn("an import never overwrites", log)
        os.remove(mark)
        server = self.serve(self.new)
        self.assertEqual(ask(server, "GET", "precious"), b"mine")
        server.stop()

    def make_precious(self, directory):
        server = self.serve(directory)
        ask(server, "SET", "precious", "mine")
        server.stop()

    def test_lost_manifest(self):
        """Beside the old file, a store of ours without its manifest is no place to import to."""
        self.take("readme7")
        self.assertEqual(self.run_import(target=self.old)[0], 0)
        self.make_precious(self.old)
        manifest = os.path.join(self.old, "MANIFEST")
        os.rename(manifest, manifest + ".away")
        for run in (
            lambda: self.run_server("--dir", self.old, "--port", str(support.free_port())),
            lambda: self.run_import(target=self.old),
        ):
            code, log = run()
            self.assertEqual(code, 1)
            self.assertIn("segment files, but the file MANIFEST is missing", log)
            self.assertNotIn("bring its keys over", log)
            self.assertNotIn("IMPORT.unfinished", os.listdir(self.old))
        os.rename(manifest + ".away", manifest)
        code, log = self.run_import(target=self.old)
        self.assertEqual(code, 1)
        self.assertIn("holds keys already (6)", log)
        server = self.serve(self.old)
        self.assertEqual(ask(server, "GET", "precious"), b"mine")

    def test_backup_over_a_failed_import(self):
        """The mark names the store that the import made, and not the one that came in its place."""
        self.take("small1000r2")
        self.assertEqual(self.run_import("--max-keys", "100")[0], 1)
        other = os.path.join(self.home, "other")
        self.make_precious(other)
        for name in os.listdir(self.new):
            if name != "IMPORT.unfinished":
                os.remove(os.path.join(self.new, name))
        shutil.copytree(other, self.new, dirs_exist_ok=True)
        self.check_precious_is_safe("not that it was into the store that is there now")

    def test_mark_of_an_earlier_version(self):
        """It is empty, and names no store: only one without keys is taken for an import's."""
        self.take("readme7")
        self.make_precious(self.new)
        mark = os.path.join(self.new, "IMPORT.unfinished")
        for text in (b"", b"0123456789abcdef" * 2 + b"\n", b"something else"):
            with open(mark, "wb") as file:
                file.write(text)
            self.check_precious_is_safe("remove that file to use the store")
        server = self.serve(self.new)
        ask(server, "FLUSHALL")
        server.stop()
        with open(mark, "wb"):
            pass
        code, log = self.run_import()
        self.assertEqual(code, 0, log)
        self.check_readme_keys(self.serve(self.new), README_KEYS)

    def test_tells_how_far_it_is(self):
        """From a disk that takes its time (support/fault_disk.c)."""
        self.take("bin2000")
        build = os.path.dirname(support.scdb_path())
        environment = {
            "LD_PRELOAD": os.path.join(build, "redis-tests", "fault_disk.so"),
            "SCDB_FAULTS": self.home,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
        with open(os.path.join(self.home, "slow-old-file"), "wb"):
            pass
        for program, words in (
            (support.scdb_path(), ("--import-v1", self.old, "--dir", self.new)),
            (support.check_path(), ("import-v1", self.old, self.new + "-2")),
        ):
            code, log = self.run_server(*words, program=program, environment=environment)
            self.assertEqual(code, 0, log)
            told = re.findall(r"Imported (\d+) of (\d+) keys \((\d+)%\)\.", log)
            self.assertTrue(told, log)
            for done, total, percent in told:
                self.assertLessEqual(int(done), int(total))
                self.assertEqual(int(percent), int(done) * 100 // int(total))

    def test_killed_in_the_midst(self):
        """Whenever it is killed, a server finds all keys, or doesn't start; and it can be repeated."""
        self.take("bin2000")
        unfinished = 0
        for step in range(8):
            target = f"{self.new}{step}"
            process = subprocess.Popen(
                [support.scdb_path(), "--import-v1", self.old, "--dir", target],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(0.004 * step)
            process.send_signal(signal.SIGKILL)
            process.wait()
            names = os.listdir(target) if os.path.exists(target) else []
            if "IMPORT.unfinished" in names or "MANIFEST" not in names:
                unfinished += 1
                code, log = self.run_import(target=target)
                self.assertEqual(code, 0, log)
            server = self.serve(target)
            self.assertEqual(ask(server, "DBSIZE"), 1878)
            server.stop()
        self.assertGreater(unfinished, 0)


if __name__ == "__main__":
    test_program.run_tests()
