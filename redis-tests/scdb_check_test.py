#!/usr/bin/python3
"""scdb-check on stores that the real server wrote: verify, stat, dump and repair, on sound stores and on
copies with flipped bytes, lost files and torn ends. Random damage prints its seed; SCDB_TEST_SEED=n
repeats it. Closes with "N passed, N failed"."""

import ctypes
import functools
import hashlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest

import redis

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import test_program  # noqa: E402  (after the path is set)
from server import ROOT, Server, ServerError, check_path  # noqa: E402

CHECK = check_path()
FIXTURES = os.path.join(ROOT, "tests", "fixtures", "v1")
SEED = int(os.environ.get("SCDB_TEST_SEED", time.time_ns() & 0xFFFFFFFF))
FLIPS = max(8, int(100 * float(os.environ.get("SCDB_TEST_SCALE", "1"))))
HEADER_SIZE = 128
SOUND, DAMAGED, USAGE, FAILED = range(4)
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24
ESCAPE = re.compile(rb'\\(?:x([0-9a-f]{2})|(.))')
LINE = re.compile(rb'(\d+) (-|\d+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"')

home = None  # of all stores
rich = None  # many keys in several files, see write_rich(); never changed
plain = None  # a few keys in one log segment, see write_plain(); never changed


class Store:
    """A directory that a server left behind, and what it held."""

    def __init__(self, directory, contents, versions):
        self.directory = directory
        self.contents = contents  # (database, key) -> (value, expiry in ms or None)
        self.versions = versions  # (database, key) -> every value it ever had

    def files(self, ending=""):
        names = (name for name in os.listdir(self.directory) if name.endswith(ending))
        return sorted(os.path.join(self.directory, name) for name in names)

    def copy(self):
        directory = os.path.join(tempfile.mkdtemp(dir=home), "store")
        shutil.copytree(self.directory, directory)
        return Store(directory, self.contents, self.versions)

    def find(self, wanted):
        """(path, offset) of bytes that one segment has."""
        for path in self.files(".log") + self.files(".pack"):
            with open(path, "rb") as file:
                offset = file.read().find(wanted)
            if offset >= 0:
                return path, offset
        raise AssertionError(f"{wanted} is in no segment")


def check(*arguments, expect=None):
    """Runs scdb-check: (exit code, stdout, stderr)."""
    done = subprocess.run([CHECK, *arguments], capture_output=True, timeout=300, check=False)
    if done.returncode not in range(4) or (expect is not None and done.returncode != expect):
        raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def unescape(text):
    return ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else m[2], text)


@functools.lru_cache(maxsize=4)  # megabytes of escapes, and most damage leaves them as they were
def read_dump(text):
    """(database, key) -> (value, expiry), to be read only."""
    found = {}
    for line in text.splitlines():
        database, expiry, key, value = LINE.fullmatch(line).groups()
        name = (int(database), unescape(key))
        assert name not in found, name
        found[name] = (unescape(value), None if expiry == b"-" else int(expiry))
    return types.MappingProxyType(found)


def dump(directory):
    """What `dump` says: (database, key) -> (value, expiry)."""
    done = subprocess.run([CHECK, "dump", directory], capture_output=True, timeout=300, check=False)
    assert done.returncode in (SOUND, DAMAGED), done
    return read_dump(done.stdout)


def contents_of(server):
    """What the server itself says."""
    found = {}
    for database in range(16):
        client = redis.Redis(port=server.port, db=database)
        for key in client.scan_iter(count=1000):
            expiry = client.execute_command("PEXPIRETIME", key)
            found[database, key] = (client.get(key), None if expiry < 0 else expiry)
    return found


def flip(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def fingerprint(directory):
    """Names, contents and times of everything."""
    found = []
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        with open(path, "rb") as file:
            found.append((name, hashlib.sha256(file.read()).digest(), os.stat(path).st_mtime_ns))
    return found


class Writer:
    """Sets and deletes, and remembers every value."""

    def __init__(self, server, database=0):
        self.client = redis.Redis(port=server.port, db=database)
        self.database = database
        self.versions = {}

    def set(self, key, value, **options):
        self.client.set(key, value, **options)
        self.versions.setdefault((self.database, key), set()).add(value)


def kill_when_durable(server):
    """Ends the server by kill -9; what damage there is then is not taken for a torn end."""
    redis.Redis(port=server.port).save()
    time.sleep(0.3)  # the mark that tells of the sync is written within 0.1
    server.kill()


def keep(server, name, versions):
    """Ends the server once all is durable, and keeps a copy of its store."""
    contents = contents_of(server)
    kill_when_durable(server)
    directory = os.path.join(home, name)
    shutil.copytree(server.directory, directory)
    return Store(directory, contents, versions)


def write_plain():
    """A log segment with versions, deletions and expiries of few keys; no maps, no groups."""
    with Server(directives=[("appendfsync", "always")]) as server:
        writer = Writer(server)
        for version in range(4):
            for key in range(12):
                name = b"key-%d" % key
                value = b"value-%d-%d-" % (key, version) + b"." * (key * 20)
                writer.set(name, value, px=10**9 if key % 3 == 0 else None)
        writer.client.delete("key-3", "key-4")
        return keep(server, "plain", writer.versions)


def write_rich():
    """Packed and log segments; flushed, swapped and expired keys; transactions; a large value."""
    with Server(directives=[("segment-size", "1mb"), ("appendfsync", "everysec")]) as server:
        client = redis.Redis(port=server.port)
        for version in range(3):
            pipeline = client.pipeline(transaction=False)
            for key in range(4000):
                pipeline.set(b"key-%d" % key, b"%d-%d-" % (key, version) + b"x" * 100)
            pipeline.execute()
        client.execute_command("COMPACT")
        client.set("large", (bytes(range(256)) + b"." * 3840) * 750)
        client.mset({b"many-%d" % key: b"m" * key for key in range(500)})
        client.delete(*(b"key-%d" % key for key in range(0, 1000, 2)))
        client.set("short", "gone", px=1)
        client.set("long", "stays", px=10**9)
        client.set(b'odd \x00\xff"\\\r\n', b'\x00"\\\n\xfe')
        client.set("", "the empty key")
        for database in (1, 2, 3):
            other = redis.Redis(port=server.port, db=database)
            other.mset({b"of-%d-%d" % (database, key): b"old" for key in range(100)})
        redis.Redis(port=server.port, db=1).flushdb()
        redis.Redis(port=server.port, db=1).set("after", "the flush")
        client.swapdb(2, 3)
        return keep(server, "rich", {})


def setUpModule():
    global home, rich, plain
    home = tempfile.mkdtemp(prefix="scdb-check-test-")
    print(f"SCDB_TEST_SEED={SEED}", flush=True)
    rich = write_rich()
    plain = write_plain()


def tearDownModule():
    shutil.rmtree(home, ignore_errors=True)


class TestCase(unittest.TestCase):
    maxDiff = 2000

    def repair(self, store, *options, expect=None):
        """(exit code, report, what is in the new store)"""
        target = os.path.join(tempfile.mkdtemp(dir=home), "new")
        code, report, _ = check("repair", store.directory, target, *options, expect=expect)
        check("verify", target, expect=SOUND)
        return code, report, dump(target)

    def differences(self, store, found):
        names = set(store.contents) | set(found)
        return {name for name in names if store.contents.get(name) != found.get(name)}


class Sound(TestCase):
    def test_every_command_leaves_the_store_as_it_was(self):
        before = fingerprint(rich.directory)
        check("verify", rich.directory, expect=SOUND)
        check("stat", rich.directory, expect=SOUND)
        check("dump", rich.directory, expect=SOUND)
        self.repair(rich, expect=SOUND)
        self.assertEqual(fingerprint(rich.directory), before)

    def test_verify_has_a_line_for_each_file(self):
        _, report, _ = check("verify", rich.directory, expect=SOUND)
        for path in rich.files(".log") + rich.files(".pack"):
            self.assertIn(os.path.basename(path), report)
        self.assertIn("The store is sound.", report)
        self.assertNotIn("damaged", report)
        self.assertTrue(rich.files(".pack"), "the test wants a packed segment")
        self.assertGreater(len(rich.files(".log")), 1, "and more than one of the log")

    def test_dump_is_what_the_server_said(self):
        self.assertEqual(self.differences(rich, dump(rich.directory)), set())
        self.assertEqual(dump(plain.directory), plain.contents)

    def test_resp_fills_another_server(self):
        _, commands, _ = check("dump", "--resp", plain.directory, expect=SOUND)
        done = subprocess.run(
            [CHECK, "dump", rich.directory, "--resp"], capture_output=True, check=True
        )
        self.assertIn("PXAT", commands)
        with Server() as server:
            subprocess.run(
                ["redis-cli", "-p", str(server.port), "--pipe"],
                input=done.stdout,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            self.assertEqual(self.differences(rich, contents_of(server)), set())

    def test_stat_counts(self):
        _, text, _ = check("stat", rich.directory, expect=SOUND)
        said = dict(line.split(":", 1) for line in text.splitlines())
        self.assertEqual(int(said["keys"]), len(rich.contents))
        for database in {name[0] for name in rich.contents}:
            keys = [name for name in rich.contents if name[0] == database]
            expiring = [name for name in keys if rich.contents[name][1] is not None]
            self.assertTrue(
                said[f"db{database}"].startswith(f"keys={len(keys)},expires={len(expiring)},"),
                said[f"db{database}"],
            )
        self.assertEqual(
            int(said["live_bytes"]) + int(said["dead_bytes"]), int(said["record_bytes"])
        )
        self.assertGreater(int(said["dead_bytes"]), 0)

    def test_stat_agrees_with_the_server(self):
        store = rich.copy()
        with Server() as server:
            server.stop()
            shutil.rmtree(server.directory)
            shutil.copytree(store.directory, server.directory)
            server.start()
            live = redis.Redis(port=server.port).info("scdb")["live_bytes"]
            server.stop()
        _, text, _ = check("stat", rich.directory)
        self.assertIn(f"\nlive_bytes:{live}\n", text)

    def test_repair_of_a_sound_store_copies_it(self):
        code, report, found = self.repair(rich, expect=SOUND)
        self.assertEqual(self.differences(rich, found), set())
        self.assertNotIn("damaged", report)

    def test_after_a_clean_stop(self):
        with Server() as server:
            redis.Redis(port=server.port).set("key", "value")
            server.stop()
            check("verify", server.directory, expect=SOUND)
            self.assertEqual(dump(server.directory), {(0, b"key"): (b"value", None)})

    def test_an_empty_store(self):
        with Server() as server:
            server.stop()
            check("verify", server.directory, expect=SOUND)
            self.assertEqual(dump(server.directory), {})


class Refused(TestCase):
    def test_a_new_store_within_the_old_one(self):
        inside = os.path.join(plain.directory, "new")
        before = sorted(os.listdir(plain.directory))
        for name in (inside, inside + "/", inside + "//"):
            _, _, error = check("repair", plain.directory, name, expect=FAILED)
            self.assertIn("outside", error)
            self.assertEqual(sorted(os.listdir(plain.directory)), before)

    def test_while_a_server_has_the_store(self):
        with Server() as server:
            for arguments in (["verify"], ["stat"], ["dump"]):
                _, _, error = check(*arguments, server.directory, expect=FAILED)
                self.assertIn(f"pid {server.pid} ", error)
            check("repair", server.directory, os.path.join(home, "never"), expect=FAILED)
            self.assertFalse(os.path.exists(os.path.join(home, "never")))

    def test_where_no_store_is(self):
        missing = os.path.join(home, "missing")
        _, _, error = check("verify", missing, expect=FAILED)
        self.assertIn(f"'{missing}'", error)
        self.assertNotIn("'dir'", error)  # that is a directive of the server
        self.assertFalse(os.path.exists(missing))
        os.mkdir(missing)
        _, _, error = check("verify", missing, expect=FAILED)
        self.assertIn(f"'{missing}': there is no store", error)
        self.assertEqual(os.listdir(missing), [])

    def check_leaves(self, store, name, limit=None):
        """No command takes the file for lost: each says which one could not be opened, and why."""
        new = store.directory + ".new"
        for order in (["verify"], ["stat"], ["dump"], ["repair"]):
            words = [CHECK, *order, store.directory] + ([new] if order == ["repair"] else [])
            done = subprocess.run(words, capture_output=True, preexec_fn=limit, check=False)
            self.assertEqual(done.returncode, FAILED, done)
            self.assertIn(b"can't open file '" + name, done.stderr)
            self.assertNotIn(b"damaged", done.stdout + done.stderr)
        self.assertFalse(os.path.exists(new))

    def test_files_that_the_system_does_not_let_us_open(self):
        for ending in ("MANIFEST", ".pack"):
            store = rich.copy()
            path = store.files(ending)[0]
            os.rename(path, store.directory + ".elsewhere")
            os.symlink(store.directory + ".elsewhere", path)
            self.check_leaves(store, os.path.basename(path).encode())

    def test_something_else_in_place_of_a_file(self):
        """A pipe would keep its reader waiting; here somebody writes, so that it can be opened."""
        for ending in ("MANIFEST", ".pack", ".log"):
            for make in (os.mkfifo, os.mkdir):
                store = rich.copy()
                path = store.files(ending)[0]
                os.remove(path)
                make(path)
                if make is os.mkfifo:
                    self.addCleanup(os.close, os.open(path, os.O_RDWR | os.O_NONBLOCK))
                self.check_leaves(store, os.path.basename(path).encode())
                shutil.rmtree(store.directory)

    def test_something_else_in_place_of_the_checkpoint(self):
        with Server() as server:
            redis.Redis(port=server.port).set("key", "value")
            server.stop()
            (name,) = [name for name in os.listdir(server.directory) if name.endswith(".index")]
            path = os.path.join(server.directory, name)
            os.remove(path)
            os.mkfifo(path)
            self.addCleanup(os.close, os.open(path, os.O_RDWR | os.O_NONBLOCK))
            _, _, error = check("verify", server.directory, expect=FAILED)
            self.assertIn(f"can't open file '{name}': it is a named pipe", error)
            self.assertIn("move it out of the directory", error)
            self.assertEqual(dump(server.directory), {(0, b"key"): (b"value", None)})

    def test_an_unlisted_segment_that_cant_be_read(self):
        """It may be newer than the manifest; the user root reads all, but for these privileges."""

        def obey_permissions():
            for privilege in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
                ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, privilege, 0, 0, 0)

        store = rich.copy()
        name = "00000000000000099999.log"
        path = os.path.join(store.directory, name)
        open(path, "w", encoding="ascii").close()
        check("verify", store.directory, expect=SOUND)
        os.chmod(path, 0)
        self.check_leaves(store, name.encode(), obey_permissions)

    def test_more_files_than_may_be_open(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))

        self.check_leaves(rich, b"0", limit)

    def test_the_limit_of_open_files_is_raised(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (6, 1024))

        words = [CHECK, "verify", rich.directory]
        done = subprocess.run(words, capture_output=True, preexec_fn=limit, check=False)
        self.assertEqual(done.returncode, SOUND, done)

    def test_output_that_finds_no_room(self):
        orders = [["--help"], ["dump", "--help"]]
        orders += [[word, rich.directory] for word in ("verify", "stat", "dump")]
        orders.append(["dump", "--resp", plain.directory])
        for arguments in orders:
            with open("/dev/full", "wb") as full:
                done = subprocess.run(
                    [CHECK, *arguments], stdout=full, stderr=subprocess.PIPE, check=False
                )
            self.assertEqual(done.returncode, FAILED, arguments)
            self.assertEqual(done.stderr.count(b"can't write to the standard output"), 1, done)

    def test_a_directory_that_is_not_empty(self):
        target = tempfile.mkdtemp(dir=home)
        open(os.path.join(target, "precious"), "w", encoding="ascii").close()
        _, _, error = check("repair", plain.directory, target, expect=FAILED)
        self.assertIn("exists already", error)
        self.assertEqual(os.listdir(target), ["precious"])

    def test_a_directory_that_can_have_no_other_name(self):
        place = tempfile.mkdtemp(dir=home)
        for name in ("", ".", "./", place + "/.", place + "/.."):
            words = [CHECK, "repair", rich.directory, name]
            done = subprocess.run(words, capture_output=True, cwd=place, check=False)
            self.assertEqual(done.returncode, FAILED, name)
            self.assertIn(b"can't be the name of a new directory", done.stderr)
        self.assertEqual(os.listdir(place), [])

    def test_a_directory_that_has_no_place(self):
        target = os.path.join(tempfile.mkdtemp(dir=home), "none", "new")
        _, _, error = check("repair", plain.directory, target, expect=FAILED)
        self.assertIn("the directory that it is to lie in must be there", error)

    def test_a_disk_without_room(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (500000, 500000))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it

        target = os.path.join(tempfile.mkdtemp(dir=home), "new")
        words = [CHECK, "repair", rich.directory, target]
        done = subprocess.run(words, capture_output=True, preexec_fn=limit, check=False)
        self.assertEqual(done.returncode, FAILED, done)
        self.assertIn(f"is left in '{target}.incomplete'".encode(), done.stderr)

    def test_an_empty_directory_is_fine(self):
        target = tempfile.mkdtemp(dir=home)
        check("repair", plain.directory, target + "/", expect=SOUND)
        self.assertEqual(dump(target), plain.contents)
        self.assertFalse(os.path.exists(target + ".incomplete"))

    def test_what_an_interrupted_run_left(self):
        target = os.path.join(home, "interrupted")
        os.mkdir(target + ".incomplete")
        _, _, error = check("repair", plain.directory, target, expect=FAILED)
        self.assertIn(".incomplete", error)
        self.assertFalse(os.path.exists(target))

    def test_wrong_arguments(self):
        for arguments in (
            [],
            ["verify"],
            ["verify", "a", "b"],
            ["repair", "a"],
            ["mend", "a"],
            ["verify", "a", "--older"],
            ["stat", "--resp", "a"],
        ):
            check(*arguments, expect=USAGE)

    def test_help(self):
        for command in ("verify", "repair", "stat", "dump", "import-v1"):
            _, text, _ = check(command, "--help", expect=SOUND)
            self.assertIn("scdb-check " + command, text)
            self.assertIn("Exit codes", text)
            self.assertIn("scdb-check " + command, check("--help", expect=SOUND)[1])


class Progress(TestCase):
    def test_long_work_says_how_far_it_is(self):
        """On a disk that takes its time (support/fault_disk.c)."""
        with Server(directives=[("segment-size", "1mb")]) as server:
            client = redis.Redis(port=server.port)
            for number in range(120):
                client.set(f"key-{number}", number.to_bytes(2, "big") * 30000)
            server.stop()
            store = Store(shutil.copytree(server.directory, os.path.join(home, "long")), {}, {})
        faults = tempfile.mkdtemp(dir=home)
        with open(os.path.join(faults, "slow-read"), "w", encoding="ascii"):
            pass
        environment = {
            **os.environ,
            "LD_PRELOAD": os.path.join(os.path.dirname(CHECK), "redis-tests", "fault_disk.so"),
            "SCDB_FAULTS": faults,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
        new = os.path.join(faults, "new")
        for words, work in (
            (["verify", store.directory], "verifying"),
            (["dump", store.directory], "reading"),
            (["repair", store.directory, new], "reading"),
            (["verify", store.directory, "--quiet"], None),
        ):
            done = subprocess.run(
                [CHECK, *words], env=environment, capture_output=True, text=True, check=False
            )
            self.assertEqual(done.returncode, SOUND, done.stderr)
            if work:
                self.assertRegex(done.stderr, rf"(?m)^{work}: \d+% of \d+ MiB$")
                self.assertRegex(done.stderr, rf"(?m)^{work}: 100% of \d+ MiB$")
            else:
                self.assertEqual(done.stderr, "")


class Values(TestCase):
    """A value that is damaged is named, and only its key is lost."""

    def damage(self, store):
        path, offset = store.find(b"value-7-3-")
        flip(path, offset + 3)
        return os.path.basename(path)

    def test_verify_names_file_offset_and_key(self):
        store = plain.copy()
        name = self.damage(store)
        _, report, _ = check("verify", store.directory, expect=DAMAGED)
        lines = [line for line in report.splitlines() if line.startswith("damaged: ")]
        self.assertEqual(len(lines), 1, report)
        self.assertRegex(lines[0], rf'{name} offset \d+: the value of key "key-7" ')
        self.assertIn(f"scdb-check repair {store.directory} NEWDIR", report)

    def test_repair_leaves_the_key_out(self):
        store = plain.copy()
        self.damage(store)
        _, report, found = self.repair(store, expect=DAMAGED)
        self.assertEqual(self.differences(plain, found), {(0, b"key-7")})
        self.assertNotIn((0, b"key-7"), found)
        self.assertIn('"key-7"', report)

    def test_older_takes_the_version_before(self):
        store = plain.copy()
        self.damage(store)
        _, report, found = self.repair(store, "--older", expect=DAMAGED)
        self.assertEqual(self.differences(plain, found), {(0, b"key-7")})
        self.assertTrue(found[0, b"key-7"][0].startswith(b"value-7-2-"))
        self.assertIn('"key-7"', report)

    def test_stat_tells_of_it(self):
        """As the other commands do, which read the values anyway."""
        store = plain.copy()
        name = self.damage(store)
        _, text, error = check("stat", store.directory, expect=DAMAGED)
        self.assertRegex(error, rf'damaged: {name} offset \d+: the value of key "key-7" ')
        said = dict(line.split(":", 1) for line in text.splitlines())
        self.assertEqual(said["unreadable_keys"], "1")
        self.assertEqual(int(said["keys"]), len(plain.contents) - 1)

    def test_a_piece(self):
        """Every command names the place and the key once, and counts the key as lost."""
        with Server() as server:
            client = redis.Redis(port=server.port)
            client.set("large", os.urandom(200000))
            client.set("other", os.urandom(200000), px=10**9)
            client.setrange("large", 100000, "a word that is looked for")
            client.setrange("other", 5, "another")
            client.set("small", "value")
            kill_when_durable(server)
            directory = os.path.join(home, "pieces")
            shutil.copytree(server.directory, directory)
        store = Store(directory, {}, {})
        _, text, _ = check("stat", directory, expect=SOUND)
        before = dict(line.split(":", 1) for line in text.splitlines())
        path, offset = store.find(b"a word that is looked for")
        flip(path, offset)
        line = rf"damaged: {os.path.basename(path)} offset (\d+): piece 6 of the value of key \"large\" "
        target = os.path.join(home, "repaired-pieces")
        for order in (["verify"], ["stat"], ["dump"], ["repair"]):
            more = [target] if order == ["repair"] else []
            _, out, error = check(*order, directory, *more, expect=DAMAGED)
            found = re.findall(line, out + error)
            self.assertEqual(len(found), 1, out[:2000] + error)
            self.assertTrue(0 < offset - int(found[0]) <= 16384 + 64, found)
            self.assertEqual((out + error).count("damaged: "), 1, out[:2000] + error)
            if order == ["stat"]:
                after = dict(line.split(":", 1) for line in out.splitlines())
        self.assertIn("2 keys are in the new store", out)
        self.assertIn("the values of 1 could not be read", out)
        self.assertEqual((before["keys"], before["unreadable_keys"]), ("3", "0"))
        self.assertEqual((after["keys"], after["unreadable_keys"]), ("2", "1"))
        self.assertTrue(after["db0"].startswith("keys=2,expires=1,"), after["db0"])
        lost = int(before["live_bytes"]) - int(after["live_bytes"])
        self.assertTrue(200000 < lost < 210000, lost)

    def test_a_piece_without_its_header(self):
        """Then nothing tells the key, which is not the empty one."""
        with Server() as server:
            client = redis.Redis(port=server.port)
            client.set("large", os.urandom(200000))
            client.setrange("large", 100000, "a word that is looked for")
            kill_when_durable(server)
            directory = os.path.join(home, "headless-piece")
            shutil.copytree(server.directory, directory)
        store = Store(directory, {}, {})
        path, offset = store.find(b"a word that is looked for")
        flip(path, offset)
        with open(path, "rb") as file:
            flip(path, file.read().rindex(b"large") - 10)
        _, report, _ = check("verify", directory, expect=DAMAGED)
        self.assertIn("piece 6 of the value of a key that no header tells (", report)
        self.assertNotIn('""', report)

    def test_one_that_is_overwritten_is_no_loss(self):
        store = plain.copy()
        path, offset = store.find(b"value-7-1-")
        flip(path, offset)
        check("verify", store.directory, expect=DAMAGED)
        _, _, found = self.repair(store, expect=SOUND)
        self.assertEqual(found, plain.contents)

    def test_a_large_one(self):
        store = rich.copy()
        path, offset = store.find(bytes(range(256)) + b"." * 3000)
        flip(path, offset + 2000000, 7)
        _, report, found = self.repair(store, expect=DAMAGED)
        self.assertEqual(self.differences(rich, found), {(0, b"large")})
        self.assertIn('"large"', report)

    def test_the_server_serves_the_others(self):
        """And its error says where: so the tool's word can be compared with the server's."""
        store = plain.copy()
        self.damage(store)
        with Server(directives=[("enable-debug-command", "yes")]) as server:
            server.stop()
            shutil.rmtree(server.directory)
            shutil.copytree(store.directory, server.directory)
            server.start()
            client = redis.Redis(port=server.port)
            _, report, _ = check("verify", store.directory, expect=DAMAGED)
            file, offset = re.search(r"damaged: (\S+) offset (\d+): .*\"key-7\"", report).groups()
            where = f"fails its checksum, at offset {offset} of {file};"
            for words in (["GET"], ["APPEND", "x"], ["GET"]):  # the log names it once, they always
                with self.assertRaisesRegex(redis.ResponseError, where):
                    client.execute_command(words[0], "key-7", *words[1:])
            self.assertTrue(client.get("key-8").startswith(b"value-8-3-"))
            for digest in (["DIGEST"], ["DIGEST-VALUE", "key-8", "key-7"]):
                with self.assertRaises(redis.ResponseError):
                    client.execute_command("DEBUG", *digest)
            client.delete("key-7")
            self.assertEqual(len(client.execute_command("DEBUG", "DIGEST")), 40)


class Records(TestCase):
    """A record whose header is damaged is a gap; what follows is found again."""

    def test_one_gap(self):
        store = plain.copy()
        path, offset = store.find(b"key-5value-5-3-")
        flip(path, offset - 20)
        _, report, _ = check("verify", store.directory, expect=DAMAGED)
        self.assertRegex(report, rf"damaged: {os.path.basename(path)} offset \d+: no valid record in")
        self.assertRegex(report, r"sequence number \d+ where \d+ is due")
        _, report, found = self.repair(store, expect=DAMAGED)
        self.assertEqual(self.differences(plain, found), {(0, b"key-5")})
        self.assertTrue(found[0, b"key-5"][0].startswith(b"value-5-2-"), "an older one is there")
        self.assertRegex(report, r"note: .*older value")

    def test_a_page_of_zeros(self):
        store = rich.copy()
        path = store.files(".pack")[0]
        with open(path, "r+b") as file:
            file.seek(8192)
            file.write(bytes(4096))
        check("verify", store.directory, expect=DAMAGED)
        _, _, found = self.repair(store, expect=DAMAGED)
        lost = self.differences(rich, found)
        self.assertLess(len(lost), 4096 // 100)
        self.assertTrue(lost)
        self.assertFalse(lost & set(found), "packed segments hold one version of each key")

    def test_the_server_names_the_commands(self):
        store = plain.copy()
        path, offset = store.find(b"key-5value-5-3-")
        flip(path, offset - 20)
        server = Server()
        self.addCleanup(shutil.rmtree, server.home, True)
        shutil.rmtree(server.directory)
        shutil.copytree(store.directory, server.directory)
        with self.assertRaises(Exception) as caught:
            server.start()
        self.assertIn(os.path.basename(path), str(caught.exception))
        self.assertIn("scdb-check repair DIR NEWDIR", str(caught.exception))

    def test_the_repaired_store_is_served(self):
        store = rich.copy()
        path, offset = store.find(b"many-250" + b"m" * 250)
        flip(path, offset - 10)
        server = Server()
        self.addCleanup(server.close)
        os.rmdir(server.directory)
        check("repair", store.directory, server.directory, expect=DAMAGED)
        server.start()
        found = contents_of(server)
        server.stop()
        self.assertEqual(self.differences(rich, found), {(0, b"many-250")})


class Files(TestCase):
    def test_no_manifest(self):
        store = rich.copy()
        os.remove(os.path.join(store.directory, "MANIFEST"))
        _, report, _ = check("verify", store.directory, expect=DAMAGED)
        self.assertIn("MANIFEST is missing", report)
        _, _, found = self.repair(store, expect=DAMAGED)
        self.assertEqual(self.differences(rich, found), set())

    def test_a_damaged_manifest(self):
        size = os.path.getsize(os.path.join(rich.directory, "MANIFEST"))
        for offset in range(0, size, 97):
            with self.subTest(offset=offset):
                store = rich.copy()
                flip(os.path.join(store.directory, "MANIFEST"), offset)
                _, report, _ = check("verify", store.directory, expect=DAMAGED)
                self.assertIn("MANIFEST is not valid", report)
                self.assertEqual(self.differences(rich, dump(store.directory)), set())
                shutil.rmtree(store.directory)

    def test_a_manifest_in_the_making(self):
        """After a crash between the two names, what is whole counts."""
        store = rich.copy()
        manifest = os.path.join(store.directory, "MANIFEST")
        os.rename(manifest, manifest + ".tmp")
        _, report, found = self.repair(store, expect=DAMAGED)
        self.assertIn("MANIFEST.tmp", report)
        self.assertEqual(self.differences(rich, found), set())

    def test_damaged_headers(self):
        store = rich.copy()
        for path in store.files(".log") + store.files(".pack"):
            flip(path, 50)
        _, report, _ = check("verify", store.directory, expect=DAMAGED)
        self.assertIn("header is not valid", report)
        _, again, found = self.repair(store, expect=DAMAGED)
        for command in ("stat", "dump"):
            self.assertIn("header is not valid", check(command, store.directory, expect=DAMAGED)[2])
        said = [
            sorted(line for line in text.split("\n") if "header is not valid" in line)
            for text in (report, again)
        ]
        self.assertEqual(*said)
        self.assertEqual(self.differences(rich, found), set())

    def test_damaged_headers_and_no_manifest(self):
        """One header that still names the store is enough: the guess is tried on the records."""
        store = rich.copy()
        os.remove(os.path.join(store.directory, "MANIFEST"))
        for path in store.files(".log") + store.files(".pack"):
            flip(path, 50)
        _, _, found = self.repair(store, expect=DAMAGED)
        self.assertEqual(self.differences(rich, found), set())

    def test_damaged_headers_and_a_damaged_manifest(self):
        """The store's id is in the manifest only, whose checksum does not match."""
        store = rich.copy()
        flip(os.path.join(store.directory, "MANIFEST"), 250)
        for path in store.files(".log") + store.files(".pack"):
            with open(path, "r+b") as file:
                file.write(bytes(HEADER_SIZE))
        _, _, found = self.repair(store, expect=DAMAGED)
        self.assertEqual(self.differences(rich, found), set())

    def test_only_a_checkpoint(self):
        """It is said what lies there, and that it is nothing to repair."""
        with Server() as server:
            redis.Redis(port=server.port).set("key", "value")
            server.stop()
            for name in os.listdir(server.directory):
                if not name.endswith(".index"):
                    os.remove(os.path.join(server.directory, name))
            target = os.path.join(home, "from-a-checkpoint")
            for order in (["verify"], ["stat"], ["dump"], ["repair"]):
                more = [target] if order == ["repair"] else []
                _, _, error = check(*order, server.directory, *more, expect=FAILED)
                self.assertIn("only 1 checkpoints of the index (*.index)", error)
                self.assertIn("restore a backup", error)
                self.assertNotIn("there is no store", error)
            self.assertFalse(os.path.exists(target))

    def test_a_directory_where_the_next_manifest_is_written(self):
        """No server starts with it; what the store holds can be read all the same."""
        store = plain.copy()
        os.mkdir(os.path.join(store.directory, "MANIFEST.tmp"))
        _, _, error = check("verify", store.directory, expect=FAILED)
        self.assertIn("'MANIFEST.tmp'", error)
        self.assertIn("Move it out of the directory", error)
        self.assertEqual(dump(store.directory), plain.contents)

    def test_nothing_tells_the_store(self):
        store = plain.copy()
        os.remove(os.path.join(store.directory, "MANIFEST"))
        for path in store.files(".log"):
            with open(path, "r+b") as file:
                file.write(bytes(HEADER_SIZE))
        _, _, error = check("verify", store.directory, expect=FAILED)
        self.assertIn("store's id", error)

    def test_a_damaged_checkpoint(self):
        """It is found, and nothing is lost by it."""
        with Server() as server:
            writer = redis.Redis(port=server.port)
            writer.mset({b"key-%d" % key: b"value" for key in range(1000)})
            server.stop()
            _, report, _ = check("verify", server.directory, expect=SOUND)
            self.assertRegex(report, r"\d{20}\.index: checkpoint, \d+ bytes, 1000 keys")
            directory = os.path.join(home, "checkpoint")
            shutil.copytree(server.directory, directory)
        store = Store(directory, {}, {})
        (path,) = store.files(".index")
        size = os.path.getsize(path)
        for offset in (0, 100, 300, size // 2, size - 20):
            flip(path, offset)
            _, report, _ = check("verify", directory, expect=DAMAGED)
            self.assertIn(f"damaged: {os.path.basename(path)} offset", report, offset)
            flip(path, offset)
        os.truncate(path, size - 1)
        check("verify", directory, expect=DAMAGED)
        os.remove(path)
        check("verify", directory, expect=DAMAGED)
        self.assertEqual(len(dump(directory)), 1000)

    def test_a_segment_is_missing(self):
        store = rich.copy()
        path = store.files(".pack")[0]
        os.remove(path)
        _, report, _ = check("verify", store.directory, expect=DAMAGED)
        self.assertIn(f"{os.path.basename(path)}: the file is missing", report)
        _, report, found = self.repair(store, expect=DAMAGED)
        self.assertIn(os.path.basename(path), report)
        self.assertIn((0, b"large"), found)
        for name in found:
            self.assertEqual(found[name], rich.contents[name])

    def test_a_manifest_of_an_older_time(self):
        server = Server(directives=[("segment-size", "1mb")])
        self.addCleanup(shutil.rmtree, server.home, True)
        server.start()
        client = redis.Redis(port=server.port)
        client.set("a", "1")
        manifest = os.path.join(server.directory, "MANIFEST")
        shutil.copy(manifest, server.home)
        client.mset({b"key-%d" % key: b"x" * 10000 for key in range(300)})
        server.kill()
        shutil.move(os.path.join(server.home, "MANIFEST"), manifest)
        names = os.listdir(server.directory)
        _, report, _ = check("verify", server.directory, expect=DAMAGED)
        self.assertIn("damaged: MANIFEST is older than", report)
        with self.assertRaisesRegex(ServerError, "Put the newest MANIFEST back"):
            server.start()
        self.assertEqual(sorted(names), sorted(os.listdir(server.directory)))
        os.remove(manifest)
        self.assertEqual(len(dump(server.directory)), 301)

    def test_a_sealed_segment_is_cut_short(self):
        store = rich.copy()
        path = store.files(".pack")[0]
        os.truncate(path, os.path.getsize(path) // 2)
        _, report, found = self.repair(store, expect=DAMAGED)
        self.assertRegex(report, rf"{os.path.basename(path)}: it has \d+ bytes, of \d+")
        for name in found:
            self.assertEqual(found[name], rich.contents[name])

    def test_another_store_in_the_same_directory(self):
        store = rich.copy()
        for path in plain.files(".log"):
            target = os.path.join(store.directory, os.path.basename(path))
            if not os.path.exists(target):
                shutil.copy(path, target)
        _, report, _ = check("verify", store.directory, expect=SOUND)
        self.assertRegex(report, r"note: \d+ segment files .* do not belong")
        os.remove(os.path.join(store.directory, "MANIFEST"))
        self.assertEqual(self.differences(rich, dump(store.directory)), set())


class Ends(TestCase):
    """What a crash leaves at the end of the log is no damage."""

    def last(self, store):
        """The log segment that was written last, and where its records end."""
        for path in reversed(store.files(".log")):
            with open(path, "rb") as file:
                used = file.read().rstrip(b"\0")
            if used:
                return path, len(used)
        raise AssertionError("nothing in any log segment")

    def test_garbage_behind_it(self):
        store = plain.copy()
        path, end = self.last(store)
        with open(path, "r+b") as file:
            file.seek((end + 8) // 8 * 8)
            file.write(b"what a torn write might leave here" * 3)
        _, report, _ = check("verify", store.directory, expect=SOUND)
        self.assertIn("note: ", report)
        self.assertEqual(report.count("the log ends here"), 1, report)
        _, report, found = self.repair(store, expect=SOUND)
        self.assertEqual(found, plain.contents)
        self.assertEqual(report.count("note: "), 1, report)
        self.assertNotIn("damaged", report)
        for command in ("stat", "dump"):
            _, _, report = check(command, store.directory, expect=SOUND)
            self.assertRegex(report, rf"note: {os.path.basename(path)} offset \d+: no valid record")

    def test_a_torn_value(self):
        """For a server, which starts without a word of damage, the one before it counts."""
        with Server(directives=[("appendfsync", "no")]) as server:
            client = redis.Redis(port=server.port)
            client.set("key", "the old value")
            client.set("other", "1")
            client.set("key", "the new value")
            server.kill()
            store = Store(os.path.join(home, "torn-value"), {}, {})
            shutil.copytree(server.directory, store.directory)
            flip(*store.find(b"the new value"))
            contents = {(0, b"key"): (b"the old value", None), (0, b"other"): (b"1", None)}
            check("verify", store.directory, expect=SOUND)
            _, report, found = self.repair(store, expect=SOUND)
            self.assertEqual(found, contents)
            self.assertRegex(report, r'note: .* the value of key "key" .* is left out')
            shutil.rmtree(server.directory)
            shutil.copytree(store.directory, server.directory)
            server.start()
            self.assertEqual(contents_of(server), contents)

    def test_a_start_that_was_interrupted(self):
        """It had set the last segment aside, and not yet written a manifest that lacks it."""
        with Server(directives=[("appendfsync", "no"), ("segment-size", "1mb")]) as server:
            client = redis.Redis(port=server.port)
            for key in range(30):
                client.set(f"key-{key}", b"x" * 100000)
            server.kill()
            store = Store(os.path.join(home, "interrupted-start"), {}, {})
            shutil.copytree(server.directory, store.directory)
            _, report, _ = check("verify", store.directory, expect=SOUND)
            ends = re.findall(r"^(\d+\.log): log, .* to (\d+)$", report, re.M)
            name = max(ends, key=lambda end: int(end[1]))[0]
            path = os.path.join(store.directory, name)
            os.rename(path, path + ".cut")
            _, report, _ = check("verify", store.directory, expect=SOUND)
            self.assertRegex(report, rf"note: {name}: a start that was interrupted")
            _, _, found = self.repair(store, expect=SOUND)
            shutil.rmtree(server.directory)
            shutil.copytree(store.directory, server.directory)
            server.start()
            self.assertEqual(contents_of(server), found)
            self.assertTrue(10 <= len(found) < 30, len(found))

    def half_a_transaction(self, name):
        """What kill -9 leaves when the last of an MSET's ten records was not written."""
        with Server(directives=[("appendfsync", "no")]) as server:
            client = redis.Redis(port=server.port)
            client.set("before", "1")
            client.mset({b"of-the-group-%d" % key: b"value" for key in range(10)})
            server.kill()
            directory = os.path.join(home, name)
            shutil.copytree(server.directory, directory)
        store = Store(directory, {}, {})
        path, offset = store.find(b"of-the-group-9")
        os.truncate(path, offset - 40)
        return store

    def test_half_a_transaction(self):
        """All or nothing: a group that has no end never happened."""
        store = self.half_a_transaction("half")
        _, report, _ = check("verify", store.directory, expect=SOUND)
        self.assertRegex(report, r"midst of a group .* 9 records")
        self.assertEqual(report.count("note: "), 1, report)
        _, _, found = self.repair(store, expect=SOUND)
        self.assertEqual(found, {(0, b"before"): (b"1", None)})

    def test_one_end_is_noted_once(self):
        """Where the log breaks off within a group, that is its end; not also what lies behind."""
        for number in (0, 5, 8):
            store = self.half_a_transaction(f"broken-{number}")
            flip(*store.find(b"of-the-group-%d" % number))
            _, report, _ = check("verify", store.directory, expect=SOUND)
            self.assertEqual(report.count("note: "), 1, report)
            _, _, found = self.repair(store, expect=SOUND)
            self.assertEqual(found, {(0, b"before"): (b"1", None)}, number)


class Databases(TestCase):
    def test_flushed_stays_flushed_without_a_manifest(self):
        with Server() as server:
            client = redis.Redis(port=server.port)
            other = redis.Redis(port=server.port, db=5)
            client.set("flushed", "1")
            other.set("other", "2")
            client.flushdb()
            client.set("new", "3")
            client.swapdb(0, 5)
            server.stop()
            os.remove(os.path.join(server.directory, "MANIFEST"))
            found = dump(server.directory)
        self.assertEqual(found, {(5, b"new"): (b"3", None), (0, b"other"): (b"2", None)})

    def test_a_lost_map_loses_no_key(self):
        """What only a lost map can have named becomes a database of its own, and is reported."""
        with Server() as server:
            client = redis.Redis(port=server.port)
            client.set("flushed", "1")
            client.flushdb()
            client.set("new", "3")
            kill_when_durable(server)
            directory = os.path.join(home, "lost-map")
            shutil.copytree(server.directory, directory)
        store = Store(directory, {}, {})
        path, offset = store.find(b"flushed1")
        flip(path, offset + 8 + 20)  # in the header of the record behind it
        _, report, found = self.repair(store, expect=DAMAGED)
        self.assertEqual(found[16, b"new"], (b"3", None))
        self.assertRegex(report, r"note: the map .* database 16 of the new store")

    def strays(self, name, count):
        """A copy of a store without its manifest, of which no map is left: all databases were
        emptied, and then each got a key."""
        with Server() as server:
            clients = [redis.Redis(port=server.port, db=number) for number in range(count)]
            for client in clients:
                client.set("flushed", "1")
            clients[0].flushall()
            for number, client in enumerate(clients):
                client.set(f"key-{number}", f"in {number}")
            clients[0].execute_command("COMPACT")
            server.stop()
            store = Store(os.path.join(home, name), {}, {})
            shutil.copytree(server.directory, store.directory)
        os.remove(os.path.join(store.directory, "MANIFEST"))
        return store

    def test_strays_are_numbered_as_they_were_made(self):
        store = self.strays("strays", 8)
        expected = {(16 + n, b"key-%d" % n): (b"in %d" % n, None) for n in range(8)}
        for _ in range(3):
            self.assertEqual(dump(store.directory), expected)
        _, text, error = check("stat", store.directory, expect=DAMAGED)
        self.assertRegex(text, r"(?m)^db16:keys=1,.*,keyspace=17,stray=1$")
        self.assertIn("the map that names keyspace 17 was lost: its 1 keys are database 16", error)

    def test_resp_leaves_strays_out(self):
        """A server of 16 databases would put the keys of all others into one that it has."""
        store = self.strays("resp-strays", 3)
        _, text, error = check("dump", "--resp", store.directory, expect=DAMAGED)
        self.assertEqual(text, "")
        self.assertRegex(error, r"note: 3 databases .* \(16 to 18\) are left out; with --strays")
        self.assertIn("note: no manifest could be read: what was flushed", error)
        _, text, error = check("dump", "--resp", "--strays", store.directory, expect=DAMAGED)
        self.assertIn("needs at least 19 databases", error)
        self.assertNotIn("left out", error)
        with Server(directives=[("databases", "19")]) as server:
            subprocess.run(
                ["redis-cli", "-p", str(server.port), "--pipe"],
                input=text.encode(),
                stdout=subprocess.DEVNULL,
                check=True,
            )
            for number in range(3):
                client = redis.Redis(port=server.port, db=16 + number)
                self.assertEqual(client.get(f"key-{number}"), b"in %d" % number)

    def test_resp_tells_how_many_databases_it_needs(self):
        with Server(directives=[("databases", "40")]) as server:
            redis.Redis(port=server.port, db=2).set("key", "value")
            server.stop()
            _, _, error = check("dump", "--resp", server.directory, expect=SOUND)
            self.assertNotIn("note: ", error)
            server.start()
            redis.Redis(port=server.port, db=30).set("key", "value")
            server.stop()
            _, _, error = check("dump", "--resp", server.directory, expect=SOUND)
            self.assertIn("note: the server that is to get this needs at least 31 databases", error)
            _, _, error = check("dump", server.directory, expect=SOUND)
            self.assertNotIn("note: ", error)

    def test_expired_stays_expired(self):
        with Server() as server:
            client = redis.Redis(port=server.port)
            client.set("gone", "1", px=1)
            client.set("stays", "2", px=10**9)
            server.stop()
            time.sleep(0.005)
            self.assertEqual(set(dump(server.directory)), {(0, b"stays")})


class Import(TestCase):
    def test_an_ancestors_store(self):
        target = os.path.join(home, "imported")
        before = fingerprint(os.path.join(FIXTURES, "readme7"))
        _, text, _ = check("import-v1", os.path.join(FIXTURES, "readme7"), target, expect=SOUND)
        found = dump(target)
        self.assertEqual(found[0, b"hey"], (b"Jane", None))
        self.assertEqual(found[0, b"salut"], (b"French", 4673367856000))
        self.assertIn(f"{len(found)} keys are in the new store", text)
        self.assertEqual(fingerprint(os.path.join(FIXTURES, "readme7")), before)

    def test_an_unfinished_one(self):
        """What may be a part of the keys doesn't pass for a sound store, whatever is asked."""
        store = plain.copy()
        with open(os.path.join(store.directory, "IMPORT.unfinished"), "wb"):
            pass
        target = store.directory + ".new"
        for command in (("verify",), ("stat",), ("dump",), ("repair", target)):
            _, out, error = check(command[0], store.directory, *command[1:], expect=DAMAGED)
            said = out + error
            self.assertIn("damaged: file IMPORT.unfinished: an import has not come to its end", said)
            self.assertNotIn("The store is sound", said)

    def test_no_such_store(self):
        target = os.path.join(home, "not-imported")
        for source in (home, os.path.join(home, "nowhere")):
            _, _, error = check("import-v1", source, target, expect=FAILED)
            self.assertIn("dump.scdb", error)
            self.assertFalse(os.path.exists(target), "nothing is made of nothing")
        os.mkdir(target)
        check("import-v1", home, target, expect=FAILED)
        self.assertTrue(os.path.exists(target), "what was there stays")


class Flips(TestCase):
    """One bit anywhere: at most one key is other than it was, and that is said."""

    def test_random_bits(self):
        chance = random.Random(SEED)
        for _ in range(FLIPS):
            store = plain.copy()
            path = chance.choice(store.files("MANIFEST") + store.files(".log"))
            with open(path, "rb") as file:
                used = len(file.read().rstrip(b"\0"))
            offset, bit = chance.randrange(max(used, 1)), chance.randrange(8)
            flip(path, offset, bit)
            where = f"{os.path.basename(path)} {offset} bit {bit}; SCDB_TEST_SEED={SEED}"
            verified, report, _ = check("verify", store.directory)
            code, _, lost = check("dump", store.directory)
            found = dump(store.directory)
            if chance.randrange(10) == 0:
                self.assertEqual(self.repair(store)[2], found, where)
            different = self.differences(plain, found)
            self.assertLessEqual(len(different), 1, where)
            for name in different:
                self.assertEqual(code, DAMAGED, where)
                self.assertIn("damaged: ", lost, where)
                self.assertTrue(verified == DAMAGED, where + report)
                if name in found:
                    self.assertIn(found[name][0], plain.versions[name], where)
            shutil.rmtree(os.path.dirname(store.directory))


if __name__ == "__main__":
    test_program.run_tests()
