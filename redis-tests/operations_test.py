#!/usr/bin/python3
"""What an operator does, and what a machine does to a server: backups under load, stores that are only
read, disks that fill up, limits of the system. Starts real servers. Where it may, it runs in a mount namespace of its own, whose mounts are gone
with it. Closes with "N passed, N failed"."""

import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import redis  # noqa: E402  (after the path is set)

import test_program  # noqa: E402
from server import Server, ServerError, check_path, scdb_path  # noqa: E402
from wire_client import encode  # noqa: E402

OWN_NAMESPACE = "SCDB_TEST_OWN_MOUNTS"
FILES_LEFT_MAX = 10  # segments of a store that is empty: in use, in stock


def enter_namespace():
    """Starts this program again where it may mount, if it may; returns if not, or if it has."""
    if OWN_NAMESPACE in os.environ or not shutil.which("unshare"):
        return
    may = subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False)
    if may.returncode == 0:
        os.environ[OWN_NAMESPACE] = "yes"
        os.execvp("unshare", ["unshare", "-m", sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


def mount(*arguments):
    """False, with the reason printed: it can't be done here."""
    if OWN_NAMESPACE not in os.environ:
        print("skipped: no mount namespace of our own", file=sys.stderr)
        return False
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"skipped: mount {' '.join(arguments)}: {done.stderr.strip()}", file=sys.stderr)
    return done.returncode == 0


class TestCase(unittest.TestCase):
    def server(self, directives=(), directory=None):
        server = Server(directives=directives)
        self.addCleanup(server.close)
        if directory:
            server.directory = directory
        return server

    def script(self, server, words):
        """A program that is these words, with what follows them."""
        path = os.path.join(server.home, "limited-scdb")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec " + " ".join(words) + ' "$@"\n')
        os.chmod(path, 0o700)
        return path

    def client(self, server, **options):
        client = redis.Redis(host=server.host, port=server.port, socket_timeout=60, **options)
        self.addCleanup(client.close)
        return client

    def refused_start(self, server):
        """What the log says of a start that fails."""
        with self.assertRaises(ServerError) as raised:
            server.start()
        server.kill()
        return str(raised.exception)

    def refusal(self, kind, call, *arguments):
        with self.assertRaises(kind) as raised:
            call(*arguments)
        return str(raised.exception)


class Counter(threading.Thread):
    """Writes counter:N = 1, 2, 3 ... , each together with a twin, in a MULTI."""

    def __init__(self, server, number):
        super().__init__()
        self.client = redis.Redis(host=server.host, port=server.port, socket_timeout=60)
        self.number = number
        self.acknowledged = 0
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.stopping.is_set():
                value = self.acknowledged + 1
                with self.client.pipeline(transaction=True) as pipe:
                    pipe.set(f"counter:{self.number}", value).set(f"twin:{self.number}", value)
                    pipe.set(f"filler:{self.number}:{value % 200}", b"x" * 2000)
                    pipe.execute()
                self.acknowledged = value
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join()
        self.client.close()


def snapshot(directory):
    """Names, sizes, times and contents of all files below."""
    found = {}
    for place, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            about = os.stat(path)
            with open(path, "rb") as file:
                content = file.read()
            found[path] = (about.st_size, about.st_mtime_ns, about.st_ctime_ns, hash(content))
    return found


class Backup(TestCase):
    def check(self, directory, low, high):
        """The copy in `directory` has, of each counter, a value from low to high."""
        before = snapshot(directory)
        copy = self.server([("read-only", "yes")], directory)
        copy.start()
        client = self.client(copy)
        for number, (least, most) in enumerate(zip(low, high)):
            value = int(client.get(f"counter:{number}") or 0)
            self.assertEqual(int(client.get(f"twin:{number}") or 0), value)
            self.assertTrue(least <= value <= most, f"{least} <= {value} <= {most}")
            if value > 0:
                self.assertEqual(client.get(f"filler:{number}:{value % 200}"), b"x" * 2000)
        copy.stop()
        self.assertEqual(snapshot(directory), before)

    def test_under_load(self):
        server = self.server([("segment-size", "1mb"), ("compaction-interval", "1")])
        server.start()
        client = self.client(server)
        counters = [Counter(server, number) for number in range(4)]
        for counter in counters:
            counter.start()
        bounds = []
        for i in range(8):
            time.sleep(0.3)
            low = [counter.acknowledged for counter in counters]
            self.assertEqual(client.execute_command("BACKUP", f"backup-{i}"), b"OK")
            bounds.append((low, [counter.acknowledged + 1 for counter in counters]))
            if i % 3 == 0:
                client.execute_command("COMPACT")
        for counter in counters:
            counter.stop()
            self.assertIsNone(counter.failure)
        server.stop()  # it shares the files, and may give back reserved space of theirs
        for i, (low, high) in enumerate(bounds):
            self.check(os.path.join(server.directory, f"backup-{i}"), low, high)

        # Back to the fourth, in the place of the original, and on from there.
        backup = os.path.join(server.directory, "backup-3")
        restored = self.server(directory=os.path.join(server.home, "restored"))
        shutil.copytree(backup, restored.directory)
        restored.start()
        client = self.client(restored)
        value = int(client.get("counter:0"))
        self.assertTrue(bounds[3][0][0] <= value <= bounds[3][1][0])
        client.set("counter:0", "restored")
        restored.stop()
        restored.start()
        self.assertEqual(self.client(restored).get("counter:0"), b"restored")

    def test_refusals(self):
        server = self.server()
        server.start()
        client = self.client(server)
        client.set("a", "1")
        backup = os.path.join(server.home, "here")

        def refused(*arguments):
            return self.refusal(redis.ResponseError, client.execute_command, "BACKUP", *arguments)

        self.assertEqual(client.execute_command("BACKUP", backup), b"OK")
        self.assertIn("not an empty directory", refused(backup))
        self.assertIn("not an empty directory", refused("."))
        self.assertIn("No such file or directory", refused("no/parent"))
        self.assertIn("empty, too long", refused(""))
        self.assertIn("empty, too long", refused(b"a\0b"))
        self.assertIn("empty, too long", refused("a" * 5000))
        self.assertIn("File name too long", refused("a" * 250))
        for name in ("MANIFEST", "MANIFEST.tmp", "LOCK", "0" * 18 + "99.log", "IMPORT.unfinished"):
            for path in (name, os.path.join(server.directory, name), name + ".partial"):
                self.assertIn("choose another name", refused(path))
        os.symlink("nowhere", os.path.join(server.home, "data", "dangling"))
        self.assertIn("exists already", refused("dangling"))
        self.assertIn("wrong number of arguments", refused())
        with client.pipeline(transaction=True) as pipe:
            pipe.execute_command("BACKUP", "multi")
            self.assertIn("not allowed inside", self.refusal(redis.ResponseError, pipe.execute))
        self.assertEqual(sorted(os.listdir(server.home)), ["data", "here", "log", "socket"])
        server.restart()  # nothing is in the way of a manifest
        self.assertEqual(self.client(server).get("a"), b"1")

    def another_file_system(self, server):
        place = os.path.join(server.home, "mounted")
        os.mkdir(place)
        if not mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", place):
            self.skipTest("no mount")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        return place

    def test_a_file_that_somebody_has_changed(self):
        """A backup that no server would start on is none."""
        server = self.server([("segment-size", "1mb")])
        server.start()
        client = self.client(server)
        for number in range(60):
            client.set(f"k{number}", os.urandom(50000))
        client.execute_command("BACKUP", "first")
        name = sorted(os.listdir(os.path.join(server.directory, "first")))[1]
        path = os.path.join(server.directory, name)
        kept = path + ".kept"
        os.rename(path, kept)
        with open(kept, "rb") as file:
            content = file.read()
        for change, words in (
            (lambda: None, "is missing"),
            (lambda: self.write(path, os.urandom(len(content))), "another has come"),
            (lambda: self.write(path, content[:300000]), "is cut off"),
        ):
            change()
            text = self.refusal(redis.ResponseError, client.execute_command, "BACKUP", "second")
            self.assertIn(f"the store's file {name} ", text)
            self.assertIn(words, text)
            self.assertIn("before this one is stopped", text)
            self.assertIn(text.removeprefix("ERR "), server.read_log())
            self.assertFalse(os.path.exists(os.path.join(server.directory, "second.partial")))
        os.rename(kept, path)
        client.execute_command("BACKUP", "second")

    def write(self, path, content):
        with open(path, "wb") as file:
            file.write(content)

    def test_another_file_system(self):
        server = self.server()
        place = self.another_file_system(server)
        server.start()
        client = self.client(server)
        client.set("a", "1")
        text = self.refusal(
            redis.ResponseError, client.execute_command, "BACKUP", os.path.join(place, "b")
        )
        self.assertIn("another file system", text)
        self.assertEqual(os.listdir(place), [])
        text = self.refusal(redis.ResponseError, client.execute_command, "BACKUP", place)
        self.assertIn("mounted", text)
        self.assertEqual(os.listdir(place), [])
        self.assertFalse(os.path.exists(place + ".partial"))
        self.assertEqual(client.execute_command("BACKUP", "b"), b"OK")

    def test_a_new_store_in_place_of_a_mounted_file_system(self):
        server = self.server()
        place = self.another_file_system(server)
        server.start()
        self.client(server).set("a", "1")
        server.stop()
        done = subprocess.run(
            [check_path(), "repair", server.directory, place], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("mounted", done.stderr)
        self.assertFalse(os.path.exists(place + ".incomplete"))
        inside = os.path.join(place, "new")
        subprocess.run([check_path(), "repair", server.directory, inside], check=True)
        server.directory = inside
        server.start()
        self.assertEqual(self.client(server).get("a"), b"1")


class ReadOnly(TestCase):
    WRITES = [
        ("SET", "a", "2"),
        ("DEL", "nothing"),
        ("EXPIRE", "a", "10"),
        ("FLUSHALL",),
        ("SWAPDB", "0", "1"),
        ("COMPACT",),
        ("BGREWRITEAOF",),
    ]

    def filled(self):
        server = self.server()
        server.start()
        client = self.client(server)
        client.set("a", "1")
        client.set("large", b"x" * 1000000)
        return server

    def look(self, server):
        """Serves the directory read-only, and tries to change it."""
        reader = self.server([("read-only", "yes")], server.directory)
        reader.start()
        client = self.client(reader)
        self.assertEqual(client.get("a"), b"1")
        self.assertEqual(client.get("large"), b"x" * 1000000)
        for words in self.WRITES:
            text = self.refusal(redis.exceptions.ReadOnlyError, client.execute_command, *words)
            self.assertIn("opened read-only", text)
        with client.pipeline(transaction=True) as pipe:
            pipe.get("a").set("a", "2")
            self.assertIn("opened read-only", self.refusal(redis.RedisError, pipe.execute))
        text = self.refusal(redis.RedisError, client.execute_command, "BACKUP", "copy")
        self.assertIn("copy its directory instead", text)  # also where none could be made
        self.assertTrue(client.save())
        self.assertEqual(client.info("scdb")["read_only"], 1)
        self.assertIn("immutable", self.refusal(
            redis.ResponseError, client.execute_command, "CONFIG", "SET", "read-only", "no"))
        self.assertEqual(client.get("a"), b"1")
        return reader

    def test_by_choice(self):
        server = self.filled()
        server.kill()  # the log's end is as a crash leaves it
        before = snapshot(server.directory)
        changed_before = os.stat(server.directory).st_mtime_ns
        one = self.look(server)
        other = self.look(server)
        self.assertIn("in use by a process that reads it", self.refused_start(server))
        one.stop()
        other.stop()
        self.assertEqual(snapshot(server.directory), before)
        self.assertEqual(os.stat(server.directory).st_mtime_ns, changed_before)
        server.start()
        self.client(server).set("a", "2")

    def test_a_file_system_that_is_mounted_read_only(self):
        server = self.server()
        if not mount("-t", "tmpfs", "-o", "size=16m", "tmpfs", server.directory):
            self.skipTest("no mount")
        self.addCleanup(subprocess.run, ["umount", "-l", server.directory], check=True)
        server.start()
        client = self.client(server)
        client.set("a", "1")
        client.set("large", b"x" * 1000000)
        server.kill()
        self.assertTrue(mount("-o", "remount,ro", server.directory))
        self.look(server).stop()
        text = self.refused_start(server)
        self.assertIn("mounted read-only", text)
        self.assertIn("'read-only yes'", text)
        self.assertTrue(mount("-o", "remount,rw", server.directory))
        server.start()
        self.assertEqual(self.client(server).get("a"), b"1")

    def test_there_is_no_store(self):
        server = self.server([("read-only", "yes")])
        self.assertIn("holds no store", self.refused_start(server))
        self.assertEqual(os.listdir(server.directory), [])

    def test_the_manifest_is_missing(self):
        server = self.filled()
        server.stop()
        os.remove(os.path.join(server.directory, "MANIFEST"))
        before = snapshot(server.directory)
        reader = self.server([("read-only", "yes")], server.directory)
        for which in (reader, server):
            log = self.refused_start(which)
            self.assertRegex(log, r"holds \d+ segment files, but the file MANIFEST is missing")
            self.assertIn("scdb-check repair DIR NEWDIR", log)
            self.assertEqual(set(before), set(snapshot(server.directory)))


class Strangers(TestCase):
    def test_a_segment_of_another_store(self):
        servers = [self.server([("segment-size", "1mb")]) for _ in range(2)]
        for server in servers:
            server.start()
            for number in range(60):
                self.client(server).set(f"k{number}", os.urandom(50000))
            server.stop()
        one, other = (os.path.join(server.directory, f"{1:020}.log") for server in servers)
        shutil.copyfile(one, one + ".kept")
        shutil.copyfile(other, one)
        log = self.refused_start(servers[0])
        self.assertIn(f"{1:020}.log is damaged: it is a file of another store", log)
        os.rename(one + ".kept", one)
        servers[0].start()
        self.assertEqual(self.client(servers[0]).dbsize(), 60)


class SpecialFiles(TestCase):
    """What is no regular file is not opened: a named pipe would keep the server waiting for ever."""

    def in_place_of(self, path):
        """Somebody writes into the pipe, so that who opens it does not wait."""
        if os.path.exists(path):
            os.remove(path)
        os.mkfifo(path)
        self.addCleanup(os.close, os.open(path, os.O_RDWR | os.O_NONBLOCK))

    def test_in_the_store(self):
        for name in ("MANIFEST", "LOCK", "IMPORT.unfinished", "0" * 19 + "1.log"):
            for directives in ([], [("read-only", "yes")]):
                server = self.server()
                server.start()
                self.client(server).set("a", "1")
                server.stop()
                server.directives = directives
                self.in_place_of(os.path.join(server.directory, name))
                log = self.refused_start(server)
                self.assertIn(f"can't open file '{name}': it is a named pipe", log)
                self.assertIn("move it out of the directory", log)
                self.assertRegex(log, f"scdb can't go on: .*{name}.*no regular file")

    def test_in_place_of_the_configuration(self):
        server = self.server()
        server.configuration = os.path.join(server.home, "conf")
        with open(server.configuration, "w", encoding="ascii") as file:
            file.write("timeout 0\n")
        server.directives = [("aclfile", os.path.join(server.home, "users"))]
        open(server.directives[0][1], "w", encoding="ascii").close()
        server.start()
        client = self.client(server)
        self.in_place_of(server.configuration)
        self.in_place_of(server.directives[0][1])
        for words in (("CONFIG", "REWRITE"), ("ACL", "LOAD")):
            self.assertIn("it is a pipe", self.refusal(
                redis.ResponseError, client.execute_command, *words))
        self.assertTrue(client.ping())
        server.stop()
        server.configuration = None
        self.assertIn("it is a pipe", self.refused_start(server))

    def test_a_pipe_configures_at_the_start(self):
        """As in `scdb-server <(a program)`."""
        server = self.server()
        server.configuration = os.path.join(server.home, "pipe")
        os.mkfifo(server.configuration)
        writer = threading.Thread(target=self.write, args=(server.configuration, "timeout 77\n"))
        writer.start()
        server.start()
        writer.join()
        self.assertEqual(self.client(server).config_get("timeout"), {"timeout": "77"})

    def write(self, path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)


class Filler(threading.Thread):
    """Sets keys of its own until it is told to stop; remembers what was acknowledged, and what was
    refused with which words."""

    def __init__(self, server, number):
        super().__init__()
        self.client = redis.Redis(host=server.host, port=server.port, socket_timeout=60)
        self.number = number
        self.acknowledged = {}
        self.accepted = 0
        self.refusals = []
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            i = 0
            while not self.stopping.is_set():
                key = f"filler:{self.number}:{i % 3000}"
                value = f"{i}:" + "x" * (i * 37 % 6000)
                i += 1
                try:
                    self.client.set(key, value)
                    self.acknowledged[key] = value
                    self.accepted += 1
                except redis.ResponseError as refusal:
                    if "the disk is full" not in str(refusal):
                        raise
                    self.refusals.append(str(refusal))
                    time.sleep(0.01)
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join()
        self.client.close()


def wait_for(condition, seconds=60):
    """Polls; the bound is only there so that a failure ends."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain")
        time.sleep(0.02)


def make_ext4(test, path, megabytes):
    if not shutil.which("mkfs.ext4"):
        test.skipTest("no mkfs.ext4")
    with open(path, "wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", path], check=True)


class FullDisk(TestCase):
    BALLAST = 4 << 20

    def fill(self, server):
        """Four writers, until each has been refused several times."""
        fillers = [Filler(server, number) for number in range(4)]
        for filler in fillers:
            filler.start()
        wait_for(lambda: all(len(f.refusals) > 3 or f.failure for f in fillers))
        return fillers

    def expect(self, client, fillers, deleted=()):
        for filler in fillers:
            keys = list(filler.acknowledged)
            for begin in range(0, len(keys), 100):
                some = keys[begin:begin + 100]
                for key, value in zip(some, client.mget(some)):
                    expected = None if key in deleted else filler.acknowledged[key].encode()
                    self.assertEqual(value, expected, key)

    def delete(self, client, key):
        """Room for tombstones is kept, but not for any number of them. COMPACT makes more."""
        try:
            self.assertEqual(client.delete(key), 1)
        except redis.ResponseError as refusal:
            self.assertIn("the disk is full", str(refusal))
            client.execute_command("COMPACT")
            self.assertEqual(client.delete(key), 1)

    def run_on(self, server, place):
        """`place` is the small file system; the server's directory lies in it."""
        ballast = os.path.join(place, "ballast")
        with open(ballast, "wb") as file:
            file.write(b"b" * self.BALLAST)
        server.start()
        client = self.client(server)
        fillers = self.fill(server)
        self.assertEqual([f.failure for f in fillers if f.failure], [])
        text = fillers[0].refusals[-1]
        self.assertRegex(text, r"the disk is full: the store needs \d+ bytes more")
        # Full, and used all the same.
        some = list(fillers[0].acknowledged)[0]
        self.assertIsNotNone(client.get(some))
        self.assertTrue(client.ping())
        self.assertTrue(client.config_set("maxclients", 500))
        # Room returns: writes go on by themselves, until it is full once more.
        counts = [filler.accepted for filler in fillers]
        os.unlink(ballast)
        wait_for(lambda: all(f.failure or f.accepted > c + 50 for f, c in zip(fillers, counts)))
        refused = [len(filler.refusals) for filler in fillers]
        wait_for(lambda: all(f.failure or len(f.refusals) > r for f, r in zip(fillers, refused)))
        for filler in fillers:
            filler.stop()
            self.assertIsNone(filler.failure)
        self.expect(client, fillers)
        # Full again: what deletes works, and makes room.
        deleted = set(list(fillers[0].acknowledged) + list(fillers[1].acknowledged))
        for key in deleted:
            self.delete(client, key)
        client.execute_command("COMPACT")
        self.assertTrue(client.set("room", "x" * 100000))
        self.expect(client, fillers, deleted)
        server.kill()
        server.start()
        client = self.client(server)
        self.expect(client, fillers, deleted)
        self.assertEqual(client.get("room"), b"x" * 100000)
        client.flushall()
        client.execute_command("COMPACT")
        self.assertTrue(client.set("room", "x" * 1000000))
        server.stop()

    def test_tmpfs(self):
        server = self.server([("segment-size", "1mb")])
        if not mount("-t", "tmpfs", "-o", "size=20m", "tmpfs", server.directory):
            self.skipTest("no mount")
        self.addCleanup(subprocess.run, ["umount", "-l", server.directory], check=True)
        self.run_on(server, server.directory)

    def test_ext4(self):
        server = self.server([("segment-size", "1mb"), ("appendfsync", "always")])
        image = os.path.join(server.home, "image")
        make_ext4(self, image, 24)
        if not mount("-o", "loop", image, server.directory):
            self.skipTest("no mount")
        self.addCleanup(subprocess.run, ["umount", "-l", server.directory], check=True)
        server.directory = os.path.join(server.directory, "store")
        self.run_on(server, os.path.dirname(server.directory))


class SlowReader(TestCase):
    """Who has asked for large values and does not read them keeps no files that are gone."""

    def mapped_files(self, server):
        """Segments that the server has mapped, with names or without."""
        with open(f"/proc/{server.pid}/maps", encoding="utf-8") as file:
            return sum(server.directory in line for line in file)

    def anonymous_bytes(self, server):
        with open(f"/proc/{server.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"RssAnon:\s+(\d+)", file.read())[1]) << 10

    def silent_client(self, server):
        reader = socket.socket()
        self.addCleanup(reader.close)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((server.host, server.port))
        return reader

    def wait_until(self, is_true):
        deadline = time.monotonic() + 60
        while not is_true():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_files_go_and_replies_stay(self):
        server = self.server([("segment-size", "1mb"), ("threads", "2")])
        server.start()
        client = self.client(server)
        values = [b"%05d" % number * 20000 for number in range(160)]
        for number, value in enumerate(values):
            client.set(f"key:{number}", value)
        reader = self.silent_client(server)
        reader.sendall(b"".join(encode("GET", f"key:{number}") for number in range(len(values))))
        self.wait_until(lambda: client.info("commandstats").get("cmdstat_get", {}).get("calls") == len(values))
        self.assertGreater(self.mapped_files(server), FILES_LEFT_MAX + 5)
        client.flushall()
        client.execute_command("COMPACT")
        self.wait_until(lambda: self.mapped_files(server) <= FILES_LEFT_MAX)
        with reader.makefile("rb") as replies:
            for value in values:
                self.assertEqual(replies.readline(), b"$100000\r\n")
                self.assertEqual(replies.read(len(value) + 2), value + b"\r\n")
        server.stop()

    def test_one_value_named_often_is_not_copied_as_often(self):
        server = self.server([("segment-size", "1mb"), ("client-output-buffer-pause", "1mb")])
        server.start()
        client = self.client(server)
        client.set("key", b"x" * 100000)
        reader = self.silent_client(server)
        reader.sendall(encode("MGET", *["key"] * 1000))
        self.wait_until(lambda: client.info("commandstats").get("cmdstat_mget", {}).get("calls") == 1)
        client.flushall()
        client.execute_command("COMPACT")
        before = self.anonymous_bytes(server)
        for _ in range(30):  # in which 12 MiB could be copied
            time.sleep(0.1)
            self.assertLess(self.anonymous_bytes(server), before + (6 << 20))
        with reader.makefile("rb") as reply:
            self.assertEqual(reply.readline(), b"*1000\r\n")
            for _ in range(1000):
                self.assertEqual(reply.readline(), b"$100000\r\n")
                self.assertEqual(reply.read(100002), b"x" * 100000 + b"\r\n")
        server.stop()


class FailingDisk(TestCase):
    SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN, _IOR('X', 125, __u32)
    WITHOUT_FLUSHING = 2

    def shut_down(self, place):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, self.SHUTDOWN, struct.pack("I", self.WITHOUT_FLUSHING))
        except OSError as failure:
            self.skipTest(f"no FS_IOC_SHUTDOWN: {failure}")
        finally:
            os.close(descriptor)

    def refused(self, server, *command):
        """Until it is: a reply that rests on what was lost never leaves."""
        for _ in range(10):
            try:
                self.client(server, retry=None).execute_command(*command)
            except redis.ConnectionError:
                continue
            except redis.ResponseError as refusal:
                return str(refusal)
        return "never refused"

    def run_on(self, policy):
        server = self.server([("segment-size", "1mb"), ("appendfsync", policy)])
        place = server.directory
        image = os.path.join(server.home, "image")
        make_ext4(self, image, 24)
        if not mount("-o", "loop", image, place):
            self.skipTest("no mount")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        server.directory = os.path.join(place, "store")
        server.start()
        client = self.client(server)
        for i in range(200):
            self.assertTrue(client.set(f"key:{i}", f"{i}" * 500))
        self.assertEqual(client.execute_command("WAITAOF", 1, 0, 0), [1, 0])
        self.shut_down(place)
        text = self.refused(server, "SET", "lost", "x" * 1000)
        self.assertIn("MISCONF Writing has stopped for good", text)
        self.assertRegex(text, "an fdatasync of the log failed|a write to the log failed")
        for command in ("SET key:1 2", "DEL key:2", "FLUSHALL", "SAVE"):
            self.assertIn("MISCONF", self.refused(server, *command.split()), command)
        client = self.client(server)
        self.assertEqual(client.get("key:7"), b"7" * 500)  # reading goes on
        self.assertEqual(client.info("persistence")["aof_last_write_status"], "err")
        server.kill()
        subprocess.run(["umount", place], check=True)
        # A mount before the kernel has let the old one go would get that.
        wait_for(lambda: not subprocess.check_output(["losetup", "--associated", image]))
        self.assertTrue(mount("-o", "loop", image, place))
        server.start()
        client = self.client(server)
        for i in range(200):
            self.assertEqual(client.get(f"key:{i}"), f"{i}".encode() * 500, i)
        self.assertTrue(client.set("key:1", "again"))
        server.stop()

    def test_every_write_fails_from_now_on(self):
        for policy in ("always", "everysec"):
            with self.subTest(policy=policy):
                self.run_on(policy)


class Limits(TestCase):
    """What the system gives a process has an end: errors, and no crash."""

    def limited(self, *limits, segment_size="1mb", maxclients="10000"):
        """A server under limits that it can't raise, started by a script of ours."""
        server = self.server([("segment-size", segment_size), ("compaction-interval", "0"), ("maxclients", maxclients)])
        words = ["prlimit", *limits, server.path]
        if os.geteuid() == 0:
            words = ["setpriv", "--bounding-set=-sys_resource", *words]
        for word in words[0], "prlimit":
            if not shutil.which(word):
                self.skipTest(f"there is no {word}")
        server.path = self.script(server, words)
        return server

    def fill(self, client, most):
        """Sets large keys until one is refused, or there are `most`; how many were acknowledged, and
        the refusal."""
        for i in range(most):
            try:
                client.set(f"key:{i}", str(i) * 1000 + "x" * 400000)
            except redis.ResponseError as refusal:
                return i, str(refusal)
        return most, None

    def expect(self, client, count):
        for i in range(count):
            self.assertEqual(client.get(f"key:{i}"), (str(i) * 1000 + "x" * 400000).encode())

    def cpu_seconds(self, server):
        with open(f"/proc/{server.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def files(self, server):
        """How many segments there are, and how many bytes they take."""
        names = [name for name in os.listdir(server.directory) if name.endswith((".log", ".pack"))]
        sizes = [os.stat(os.path.join(server.directory, name)).st_blocks * 512 for name in names]
        return len(names), sum(sizes)

    def test_file_descriptors(self):
        server = self.limited("--nofile=100:100")
        server.start()
        client = self.client(server)
        count, refusal = self.fill(client, 400)
        self.assertIsNotNone(refusal)
        for _ in range(100):
            with self.assertRaises(redis.ResponseError):
                client.set("more", "x" * 400000)
        self.assertIn("raise the limit of open files (ulimit -n)", server.read_log())
        told = server.read_log().count("Too many open files")
        self.assertIn(told, range(1, 10))  # a line a minute, not one for each
        # Each attempt may get a segment's file, and then none to list it in: that file goes again.
        self.assertLessEqual(self.files(server)[0], 100)
        # Whoever knocks now is not let in; the server waits, and does not spin.
        waiting = [server.connect() for _ in range(5)]
        before = self.cpu_seconds(server)
        idle = self.files(server)
        time.sleep(2)
        self.assertLess(self.cpu_seconds(server) - before, 1)
        self.assertLessEqual(self.files(server)[0], 100)
        self.assertLess(self.files(server)[1] - idle[1], 2 << 20)  # at most one attempt is under way
        self.expect(client, count)
        self.assertEqual(client.delete("key:0"), 1)
        for connection in waiting:
            connection.close()
        server.kill()
        server.path = self.script(server, ["prlimit", "--nofile=4096", scdb_path()])
        server.start()
        client = self.client(server)
        self.assertIsNone(client.get("key:0"))
        self.assertIsNotNone(client.get(f"key:{count - 1}"))

    def test_the_error_tells_what_to_raise(self):
        """And with that it goes on, also while the server runs."""
        server = self.limited("--nofile=4096:4096")
        server.start()
        client = self.client(server)
        change = ["prlimit", "--pid", str(server.pid)]
        subprocess.run([*change, "--nofile=100:4096"], check=True)
        count, refusal = self.fill(client, 400)
        self.assertIn("no more files can be opened: raise the limit of open files", refusal or "none")
        self.assertIn("prlimit", refusal)
        text = self.refusal(redis.ResponseError, client.mset, {"more": "x" * 400000, "again": "x" * 400000})
        self.assertIn("raise the limit of open files", text)
        self.assertIsNone(client.get("more"))
        subprocess.run([*change, "--nofile=4096:4096"], check=True)
        self.assertTrue(client.set("more", "x" * 400000))
        self.expect(client, count)

    def test_the_last_descriptor(self):
        """A segment gets it, and the manifest that would list the segment gets none."""
        server = self.limited("--nofile=100:100")
        server.start()
        client = self.client(server)
        count, refusal = self.fill(client, 400)
        self.assertIsNotNone(refusal)
        others = []
        for free in range(4):
            for _ in range(3 if os.environ.get("SCDB_SANITIZED") else 20):
                with self.assertRaises(redis.ResponseError):
                    client.set("more", "x" * 400000)
            with self.assertRaises(redis.ResponseError):
                client.set("large", "x" * (5 << 20))
            self.assertLessEqual(self.files(server)[0], 100, f"{free} clients less")
            others.append(server.connect())
        self.expect(client, count)

    def open_file_limits(self, server):
        with open(f"/proc/{server.pid}/limits", encoding="ascii") as file:
            for line in file:
                if line.startswith("Max open files"):
                    return [int(word) for word in line.split()[3:5]]
        return None

    def test_all_descriptors_that_are_allowed_are_used(self):
        server = self.limited("--nofile=256:3000", maxclients="100")
        server.start()
        self.assertEqual(self.open_file_limits(server), [3000, 3000])
        self.assertTrue(self.client(server).config_set("maxclients", 50))
        self.assertEqual(self.open_file_limits(server), [3000, 3000])

    def test_large_values_leave_descriptors_to_others(self):
        """One of 4 MiB and more begins a segment, as long as these are few."""
        if os.environ.get("SCDB_SANITIZED"):
            self.skipTest("a third of a GiB, and nothing that sanitizers look for")
        server = self.limited("--nofile=100:100", segment_size="64mb")
        server.start()
        client = self.client(server)
        value = "x" * (4 << 20)
        for i in range(80):
            self.assertTrue(client.set(f"key:{i}", value))
        self.assertIn(self.files(server)[0], range(20, 50))

    def test_maxclients_is_what_is_in_force(self):
        server = self.limited("--nofile=300:300")
        server.configuration = os.path.join(server.home, "conf")
        with open(server.configuration, "w", encoding="ascii") as file:
            file.write("timeout 0\n")
        server.start()
        client = self.client(server)
        told = int(client.config_get("maxclients")["maxclients"])
        self.assertTrue(200 <= told < 300, told)
        self.assertEqual(client.info("clients")["maxclients"], told)
        self.assertIn(f"maxclients is {told} here, in place of 10000", server.read_log())
        for connection in [server.connect() for _ in range(told - 1)]:
            self.addCleanup(connection.close)
        with server.connect() as refused:
            self.assertIn(b"max number of clients", refused.recv(100))
        client.execute_command("CONFIG", "REWRITE")  # as in Redis
        with open(server.configuration, encoding="ascii") as file:
            self.assertIn(f"maxclients {told}\n", file.read())

    def test_clients_leave_descriptors_to_the_store(self):
        server = self.limited("--nofile=120:120")
        server.start()
        client = self.client(server)
        self.assertTrue(client.set("a", "1"))
        others = [server.connect() for _ in range(200)]
        count, refusal = self.fill(client, 30)
        self.assertEqual((count, refusal), (30, None))
        self.expect(client, count)
        for connection in others:
            connection.close()
        self.assertTrue(client.ping())

    def test_size_of_a_file(self):
        server = self.limited(f"--fsize={3 << 20}:{1 << 40}", segment_size="16mb")
        server.start()
        client = self.client(server)
        count, refusal = self.fill(client, 100)
        self.assertIn("OOM", refusal)
        for _ in range(100):
            with self.assertRaises(redis.ResponseError):
                client.set("one more", "x" * 400000)
        log = server.read_log()
        self.assertIn("File too large; raise the limit of the system (ulimit -f)", log)
        self.assertLess(log.count("File too large"), 5)  # a line a minute, not one a write
        self.expect(client, count)
        subprocess.run(["prlimit", "--pid", str(server.pid), f"--fsize={1 << 40}:"], check=True)
        wait_for(lambda: self.fill(client, 20) == (20, None))
        self.expect(client, 20)

    def test_address_space(self):
        if os.environ.get("SCDB_SANITIZED"):
            self.skipTest("sanitizers reserve more address space than there is memory")
        server = self.limited(f"--as={700 << 20}")
        server.start()
        client = self.client(server)
        count, refusal = self.fill(client, 1500)
        self.assertIsNotNone(refusal)
        self.assertIn("OOM", refusal)
        self.expect(client, min(count, 50))
        self.assertEqual(client.delete("key:0"), 1)
        server.kill()
        server.path = scdb_path()
        server.start()
        client = self.client(server)
        self.assertIsNone(client.get("key:0"))
        self.assertIsNotNone(client.get(f"key:{count - 1}"))


class SystemCalls(TestCase):
    """Under the filter of a unit of systemd that allows what a service commonly needs."""

    def test_none_is_made_that_a_service_does_not_need(self):
        if os.environ.get("SCDB_SANITIZED"):
            self.skipTest("sanitizers make system calls of their own")
        words = [os.path.join(HERE, "support", "under_systemd")]
        if subprocess.run([*words, "true"], check=False).returncode != 0:
            self.skipTest("there are no filters of system calls here")
        server = self.server([("segment-size", "1mb"), ("maxclients", "1000"), ("oom-score-adj", "yes")])
        words.append(server.path)
        server.path = self.script(server, words)
        server.start()
        client = self.client(server)
        for i in range(100):
            client.set(f"key:{i % 50}", str(i) * 10000)
        self.assertGreater(client.execute_command("COMPACT"), 0)
        self.assertTrue(client.bgsave())
        self.assertEqual(client.execute_command("BACKUP", os.path.join(server.home, "backup")), b"OK")
        self.assertIn("used_memory_rss", client.info("everything"))
        client.execute_command("MEMORY", "PURGE")
        client.flushall()
        client.config_set("maxclients", 2000)
        server.restart()
        self.assertEqual(self.client(server).dbsize(), 0)


class StandardStreams(TestCase):
    def test_those_that_are_closed_are_no_files_of_the_server(self):
        server = self.server()
        server.path = self.script(server, ["<&-", ">&-", "2>&-", server.path])
        server.start()
        self.assertTrue(self.client(server).set("key", "value"))
        streams = [os.readlink(f"/proc/{server.pid}/fd/{number}") for number in range(3)]
        self.assertEqual(streams, ["/dev/null"] * 3)


class OomScore(TestCase):
    def score(self, server):
        with open(f"/proc/{server.pid}/oom_score_adj", encoding="ascii") as file:
            return int(file.read())

    def test_is_set_and_put_back(self):
        server = self.server([("oom-score-adj", "absolute"), ("oom-score-adj-values", "700 0 0")])
        server.start()
        client = self.client(server)
        self.assertEqual(self.score(server), 700)
        client.config_set("oom-score-adj", "no")
        before = self.score(server)
        self.assertEqual(before, self.score_of_ours())
        client.config_set("oom-score-adj-values", "3 0 0")
        self.assertEqual(self.score(server), before)
        client.config_set("oom-score-adj", "yes")
        self.assertEqual(self.score(server), min(before + 3, 1000))
        client.config_set("oom-score-adj-values", "2000 0 0")
        self.assertEqual(self.score(server), 1000)
        client.config_set("oom-score-adj", "no")
        self.assertEqual(self.score(server), before)

    def score_of_ours(self):
        with open("/proc/self/oom_score_adj", encoding="ascii") as file:
            return int(file.read())

    def test_is_refused_without_the_privilege(self):
        """And nothing has changed then."""
        server = self.server()
        if os.geteuid() == 0:
            words = ["setpriv", "--bounding-set=-sys_resource", server.path]
            server.path = self.script(server, words)
        server.start()
        client = self.client(server)
        before = self.score(server)
        client.config_set("oom-score-adj-values", "-1 0 0")
        with self.assertRaisesRegex(redis.ResponseError, "Failed to set current oom_score_adj"):
            client.config_set("oom-score-adj", "yes")
        self.assertEqual(client.config_get("oom-score-adj"), {"oom-score-adj": "no"})
        self.assertEqual(self.score(server), before)
        self.assertIn("Unable to write oom_score_adj", server.read_log())
        client.config_set("oom-score-adj-values", "1 0 0")
        client.config_set("oom-score-adj", "yes")
        self.assertEqual(self.score(server), before + 1)


if __name__ == "__main__":
    enter_namespace()
    test_program.run_tests()
