#!/usr/bin/python3
"""What somebody does in the directory of a server that runs: files are removed, moved, replaced, cut,
and a second server is started on it. Closes with "N passed, N failed"."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import redis  # noqa: E402  (after the path is set)

import test_program  # noqa: E402
from server import Server, ServerError, check_path, verify_store  # noqa: E402

WAIT_SECONDS_MAX = 60


class TestCase(unittest.TestCase):
    def server(self, directives=(), directory=None):
        server = Server(directives=directives)
        self.addCleanup(server.close)
        server.directory = directory or server.directory
        return server

    def running(self, directives=()):
        server = self.server(directives)
        server.start()
        return server

    def client(self, server):
        client = redis.Redis(host=server.host, port=server.port, socket_timeout=60)
        self.addCleanup(client.close)
        return client

    def path(self, server, name):
        return os.path.join(server.directory, name)

    def wait_for(self, condition):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertTrue(condition())

    def refusal(self, client, *command):
        """The error of a command; None: it was done."""
        try:
            client.execute_command(*command)
        except redis.ResponseError as error:
            return str(error)
        return None

    def wait_until_stopped(self, client):
        """Writes until that is refused; the keys that were acknowledged, and the refusal."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        written = []
        refusal = None
        while refusal is None and time.monotonic() < deadline:
            key = f"while:{len(written)}".encode()
            try:
                refusal = self.refusal(client, "SET", key, "1")
            except redis.ConnectionError:  # its reply was held, and will not leave any more
                continue
            if refusal is None:
                written.append(key)
        return written, refusal or ""

    def expect(self, client, keys):
        for key in keys:
            self.assertEqual(client.get(key), b"1", key)

    def segment_of(self, server, text):
        """The name of the segment that holds this text."""
        for name in os.listdir(server.directory):
            if name.endswith(".log"):
                with open(self.path(server, name), "rb") as file:
                    if text in file.read():
                        return name
        self.fail(f"{text} is nowhere")
        return None


class Lock(TestCase):
    """Who has the store has it, whatever becomes of the file LOCK."""

    def remove(self, path):
        os.unlink(path)

    def replace(self, path):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write("pid 1 on host restored\n")
        os.rename(path + ".new", path)

    def refused_start(self, server):
        with self.assertRaises(ServerError) as raised:
            server.start()
        server.kill()
        return str(raised.exception)

    def test_removed_or_replaced(self):
        for change in self.remove, self.replace:
            with self.subTest(change=change.__name__):
                server = self.running()
                client = self.client(server)
                client.set("a", "1")
                before = os.stat(self.path(server, "LOCK")).st_ino
                change(self.path(server, "LOCK"))
                text = self.refused_start(self.server(directory=server.directory))
                self.assertIn("the directory is in use by", text)
                reader = self.server([("read-only", "yes")], server.directory)
                self.assertIn("the directory is in use by", self.refused_start(reader))
                check = subprocess.run([check_path(), "verify", server.directory],
                                       capture_output=True, text=True, check=False)  # fmt: skip
                self.assertIn("is open: ", check.stderr)
                self.wait_for(lambda: "removed or replaced" in server.read_log())
                self.assertNotEqual(os.stat(self.path(server, "LOCK")).st_ino, before)
                with open(self.path(server, "LOCK"), encoding="ascii") as file:
                    self.assertIn(f"pid {server.pid} on host", file.read())
                text = self.refused_start(self.server(directory=server.directory))
                self.assertIn(f"in use by pid {server.pid} on host", text)
                client.set("a", "2")
                server.kill()
                verify_store(server.directory)
                server.start()
                self.assertEqual(self.client(server).get("a"), b"2")

    def test_another_has_it(self):
        """One that locks nothing but the file: of another machine, or of an older version."""
        server = self.running()
        client = self.client(server)
        client.set("a", "1")
        self.replace(self.path(server, "LOCK"))
        with open(self.path(server, "LOCK"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # should the server be quicker, it has it until it ends
            written, refusal = self.wait_until_stopped(client)
        self.assertIn("MISCONF Writing has stopped for good: another process has locked the store", refusal)
        self.assertIn("stop both", refusal)
        self.assertIn("pid 1 on host restored", server.read_log())
        self.assertEqual(client.info("scdb")["writes_stopped"], 1)
        self.assertEqual(client.get("a"), b"1")
        server.kill()
        server.start()
        client = self.client(server)
        self.assertEqual(client.get("a"), b"1")
        self.expect(client, written)

    def test_a_reader_needs_no_lock_file(self):
        """In a copy there is none, and none is made; a writer is kept out all the same."""
        server = self.running()
        self.client(server).set("a", "1")
        copy = os.path.join(server.home, "copy")
        self.client(server).execute_command("BACKUP", copy)
        self.assertFalse(os.path.exists(os.path.join(copy, "LOCK")))
        reader = self.server([("read-only", "yes")], copy)
        reader.start()
        self.assertIn("in use by a process that reads it", self.refused_start(self.server(directory=copy)))
        self.assertFalse(os.path.exists(os.path.join(copy, "LOCK")))
        self.assertEqual(self.client(reader).get("a"), b"1")
        reader.stop()
        writer = self.server(directory=copy)
        writer.start()
        self.assertEqual(self.client(writer).get("a"), b"1")


class LogFile(TestCase):
    """The file that the server appends to."""

    def remove(self, path):
        os.unlink(path)

    def move(self, path):
        os.rename(path, path + ".old")

    def replace(self, path):
        shutil.copy(path, path + ".new")
        os.rename(path + ".new", path)

    def open_file(self, server, name):
        """As the log tells how to find it."""
        directory = f"/proc/{server.pid}/fd"
        for number in os.listdir(directory):
            path = os.path.join(directory, number)
            if name in os.readlink(path):
                return path
        self.fail(f"{name} is not open")
        return None

    def test_is_gone_and_is_put_back(self):
        for change in self.remove, self.move, self.replace:
            for mode in ("always", "everysec"):
                with self.subTest(change=change.__name__, mode=mode):
                    self.lose_and_put_back(change, mode)

    def lose_and_put_back(self, change, mode):
        server = self.running([("appendfsync", mode)])
        client = self.client(server)
        client.set("first", "what the first key has")
        name = self.segment_of(server, b"what the first key has")
        change(self.path(server, name))
        written, refusal = self.wait_until_stopped(client)
        self.assertIn("the file of the log was removed, moved, replaced or cut", refusal)
        self.assertIn("follow what the log says of that file", refusal)
        self.assertEqual(client.info("scdb")["writes_stopped"], 1)
        self.assertEqual(client.get("first"), b"what the first key has")
        self.assertIn(name, server.read_log())
        self.assertIn(f"/proc/{server.pid}/fd/N", server.read_log())
        saved = os.path.join(server.home, "saved")
        shutil.copyfile(self.open_file(server, name), saved)
        server.kill()
        shutil.copyfile(saved, self.path(server, name))
        server.start()
        client = self.client(server)
        self.assertEqual(client.get("first"), b"what the first key has")
        self.expect(client, written)
        self.assertTrue(client.set("first", "again"))
        server.stop()
        verify_store(server.directory)

    def test_is_cut(self):
        server = self.running()
        client = self.client(server)
        client.set("first", "what the first key has")
        name = self.segment_of(server, b"what the first key has")
        os.truncate(self.path(server, name), 4096)
        _, refusal = self.wait_until_stopped(client)
        self.assertIn("the file of the log was removed, moved, replaced or cut", refusal)
        self.assertIn(f"'{name}' of the store was cut", server.read_log())
        self.assertEqual(client.get("first"), b"what the first key has")
        server.kill()

    def test_all_files_are_gone(self):
        server = self.running()
        client = self.client(server)
        client.set("first", "what the first key has")
        for name in os.listdir(server.directory):
            os.unlink(self.path(server, name))
        _, refusal = self.wait_until_stopped(client)
        self.assertIn("the file of the log was removed, moved, replaced or cut", refusal)
        self.assertEqual(client.get("first"), b"what the first key has")
        server.kill()

    def test_the_directory_is_moved(self):
        """The server goes on in the one that it has; what has its name now is another store."""
        server = self.running()
        client = self.client(server)
        client.set("a", "1")
        moved = server.directory + ".moved"
        os.rename(server.directory, moved)
        os.mkdir(server.directory)
        other = self.server(directory=server.directory)
        other.start()
        self.client(other).set("a", "another")
        client.set("b", "2")
        server.stop()
        verify_store(moved)
        server.directory = moved
        server.start()
        self.assertEqual(self.client(server).mget("a", "b"), [b"1", b"2"])
        self.assertEqual(self.client(other).get("a"), b"another")


class SealedSegment(TestCase):
    """One that is only read any more."""

    def filled(self):
        """A server that runs, and the name of the segment where its keys are."""
        server = self.running()
        client = self.client(server)
        client.set("a", "what the first key has")
        client.set("b", "x" * 100000)
        client.set("c", "y" * 10000)
        server.restart()
        return server, self.segment_of(server, b"what the first key has")

    def test_is_gone_and_is_told(self):
        server, name = self.filled()
        client = self.client(server)
        os.unlink(self.path(server, name))
        self.wait_for(lambda: f"'{name}' of the store was removed" in server.read_log())
        client.set("d", "1")
        self.assertEqual(client.get("a"), b"what the first key has")
        self.assertEqual(client.get("b"), b"x" * 100000)
        server.kill()

    def test_what_cant_be_read_is_an_error(self):
        """Behind the end of a file that was cut the kernel has no page: as where a disk fails."""
        server, name = self.filled()
        client = self.client(server)
        os.truncate(self.path(server, name), 4096)
        for command in (("GET", "b"), ("GETRANGE", "b", "50000", "50001"), ("APPEND", "c", "1"),
                        ("STRLEN", "c"), ("DUMP", "b"), ("RENAME", "b", "c")):  # fmt: skip
            self.assertRegex(
                self.refusal(client, *command) or "none",
                "input/output error: the disk can't deliver the stored value, "
                f"at offset [0-9]+ of {name}; the key can still be overwritten or deleted. Look "
                "at the disk, then see what 'scdb-check verify' finds, with the server stopped",
                command,
            )
        self.assertEqual(client.get("a"), b"what the first key has")
        self.assertTrue(client.set("b", "2"))
        self.assertEqual(client.get("b"), b"2")
        self.assertEqual(client.delete("c"), 1)
        self.assertIsNone(client.get("c"))
        self.wait_for(lambda: f"'{name}' of the store was cut" in server.read_log())
        self.assertIn("input/output error", server.read_log())
        self.assertGreater(client.info("scdb")["corrupt_records"], 0)
        server.kill()


if __name__ == "__main__":
    test_program.run_tests()
