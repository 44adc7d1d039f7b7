#!/usr/bin/python3
"""Large values, which are written ahead of their commands: that replies and results are what they
would be without, whatever else the client sends, and whenever it goes. SCDB_SERVER=.../redis-server
runs it against Redis. Closes with "N passed, N failed"."""

import os
import socket
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import redis  # noqa: E402  (after the path is set)

import test_program  # noqa: E402
import wire  # noqa: E402
from server import Server  # noqa: E402

SIZE = (4 << 20) + 100000  # a little above what goes ahead of its command
AHEAD_WITHIN = 1 << 16  # of a file's beginning: its header, the record's, and checksums
VALUE = object()
LARGE = [bytes([i]) * 1000 + os.urandom(SIZE) for i in range(3)]


class TestCase(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.server.start()
        self.addCleanup(self.server.close)
        self.client = self.connect()

    def connect(self, **options):
        client = redis.Redis(unix_socket_path=self.server.socket_path, socket_timeout=60, **options)
        self.addCleanup(client.close)
        return client

    def is_ours(self):
        return not self.server.is_redis

    def segments(self):
        """Files of the log: a value that was written ahead of its command has begun one."""
        names = os.listdir(self.server.directory)
        return sum(name.endswith(".log") for name in names)


class Results(TestCase):
    def test_a_pipeline(self):
        before = self.segments() if self.is_ours() else 0
        pipe = self.client.pipeline(transaction=False)
        for i in range(3):
            pipe.set("small:%d" % i, i).set("large", LARGE[i]).strlen("large").get("small:%d" % i)
        expected = [word for i in range(3) for word in (True, True, len(LARGE[i]), b"%d" % i)]
        self.assertEqual(pipe.execute(), expected)
        self.assertTrue(self.client.get("large") == LARGE[2])
        if self.is_ours():
            self.assertGreaterEqual(self.segments(), before + 3)

    def test_options(self):
        client = self.client
        self.assertTrue(client.set("key", LARGE[0], ex=1000))
        self.assertTrue(990 < client.ttl("key") <= 1000)
        self.assertTrue(client.set("key", LARGE[1], keepttl=True))
        self.assertTrue(990 < client.ttl("key") <= 1000)
        self.assertIsNone(client.set("key", LARGE[2], nx=True))
        self.assertIsNone(client.set("absent", LARGE[2], xx=True))
        self.assertTrue(client.set("key", LARGE[2], get=True) == LARGE[1])
        self.assertEqual(client.ttl("key"), -1)
        self.assertTrue(client.getset("key", LARGE[0]) == LARGE[2])
        self.assertTrue(client.setex("key", 500, LARGE[1]))
        self.assertTrue(490 < client.ttl("key") <= 500)
        self.assertTrue(client.get("key") == LARGE[1])
        self.assertEqual(client.exists("absent"), 0)
        with self.assertRaises(redis.ResponseError):
            client.execute_command("SET", "key", LARGE[2], "EX", "never")
        with self.assertRaises(redis.ResponseError):
            client.execute_command("SETEX", "key", "-1", LARGE[2])
        client.set("key", LARGE[0], px=1)
        time.sleep(0.01)
        self.assertEqual(client.exists("key"), 0)

    def test_transactions(self):
        with self.client.pipeline() as pipe:
            pipe.set("a", LARGE[0]).set("b", 1).set("a", LARGE[1]).strlen("a")
            self.assertEqual(pipe.execute(), [True, True, True, len(LARGE[1])])
        with self.client.pipeline() as pipe:
            pipe.watch("a")
            self.client.set("a", LARGE[2])
            pipe.multi()
            pipe.set("b", 2)
            with self.assertRaises(redis.WatchError):
                pipe.execute()
        self.assertTrue(self.client.get("a") == LARGE[2])

    def test_reading(self):
        """In a pipeline, in a transaction, where no answer is wanted, and to the end of it."""
        self.client.set("a", LARGE[0])
        pipe = self.client.pipeline(transaction=False)
        pipe.get("a").set("b", 1).get("a").get("b").get("absent").get("a")
        got = pipe.execute()
        self.assertTrue(got == [LARGE[0], True, LARGE[0], b"1", None, LARGE[0]])
        with self.client.pipeline() as pipe:
            pipe.get("a").set("a", LARGE[1]).get("a")
            self.assertTrue(pipe.execute() == [LARGE[0], True, LARGE[1]])
        with self.server.connect() as link:
            for words in ((b"CLIENT", b"REPLY", b"OFF"), (b"GET", b"a"), (b"GET", b"b"),
                          (b"CLIENT", b"REPLY", b"ON"), (b"GET", b"b")):
                link.sendall(wire.encode(words))
            expected = b"+OK\r\n$1\r\n1\r\n"
            got = b""
            while len(got) < len(expected):
                got += link.recv(65536)
            self.assertEqual(got, expected)

    def test_after_kill(self):
        if not self.is_ours():
            self.skipTest("of scdb's durability")
        self.client.set("a", LARGE[0])
        self.client.set("a", LARGE[1])
        self.client.set("b", 1)
        self.client.set("c", LARGE[2])
        self.server.restart("kill")
        self.assertTrue(self.client.get("a") == LARGE[1])
        self.assertEqual(self.client.get("b"), b"1")
        self.assertTrue(self.client.get("c") == LARGE[2])
        self.assertEqual([n for n in os.listdir(self.server.directory) if n.endswith(".cut")], [])


class Ahead(TestCase):
    """Which values go ahead of their commands: such a one is the first thing in a log segment."""

    def setUp(self):
        super().setUp()
        self.client.set("filler", bytes(2 * AHEAD_WITHIN))  # or any value might be the first

    def went_ahead(self, value):
        for name in os.listdir(self.server.directory):
            if name.endswith(".log"):
                with open(os.path.join(self.server.directory, name), "rb") as file:
                    if value[:100] in file.read(AHEAD_WITHIN):
                        return True
        return False

    def assert_ahead(self, *words):
        """`VALUE` among the words stands for a value of its own; returns it."""
        value = os.urandom(SIZE)
        self.client.execute_command(*(value if word is VALUE else word for word in words))
        self.assertTrue(self.went_ahead(value), words)
        return value


class Conditions(Ahead):
    """Whether a value is put is told by a look ahead."""

    def setUp(self):
        super().setUp()
        if not self.is_ours():
            self.skipTest("of scdb's files")
        self.client.set("present", "small", ex=1000)
        self.client.set("lasting", "small")

    def test_what_is_not_put_does_not_go_ahead(self):
        for words in (("SET", "present", VALUE, "NX"), ("SETNX", "present", VALUE),
                      ("SET", "absent", VALUE, "XX"), ("SET", "absent", VALUE, "XX", "GET"),
                      ("SET", "absent", VALUE, "XX", "KEEPTTL")):
            value = os.urandom(SIZE)
            words = [value if word is VALUE else word for word in words]
            self.assertFalse(self.client.execute_command(*words))
            self.assertFalse(self.went_ahead(value))
        self.assertEqual(self.client.mget("present", "absent"), [b"small", None])

    def test_what_is_put_goes_ahead(self):
        self.assert_ahead("SETNX", "a", VALUE)
        self.assert_ahead("SET", "b", VALUE, "NX", "EX", 500)
        self.assert_ahead("SET", "lasting", VALUE, "XX")
        value = self.assert_ahead("SET", "present", VALUE, "KEEPTTL")
        self.assert_ahead("SET", "lasting", VALUE, "KEEPTTL")
        self.assert_ahead("SET", "new", VALUE, "KEEPTTL")
        self.assertTrue(self.client.get("present") == value)
        self.assertTrue(990 < self.client.ttl("present") <= 1000)
        self.assertTrue(490 < self.client.ttl("b") <= 500)
        self.assertEqual([self.client.ttl(key) for key in ("lasting", "new")], [-1, -1])

    def test_the_look_is_no_use_of_the_key(self):
        """It counts neither as a hit or a miss, nor as an access: OBJECT FREQ goes up by one."""
        self.client.execute_command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu",
                                    "lfu-log-factor", 0)
        self.client.set("key", "small")
        before = self.client.info("stats")
        rises = []
        for value in ("small", LARGE[0]):
            begun = self.client.object("FREQ", "key")
            self.assertIsNone(self.client.set("key", value, nx=True))
            rises.append(self.client.object("FREQ", "key") - begun)
        self.assertEqual(rises[0], rises[1])
        after = self.client.info("stats")
        self.assertEqual(after["keyspace_hits"] - before["keyspace_hits"], 4)  # those of OBJECT
        self.assertEqual(after["keyspace_misses"], before["keyspace_misses"])

    def test_in_a_pipeline(self):
        """The look comes when those before it are done, and what comes between counts."""
        pipe = self.client.pipeline(transaction=False)
        pipe.set("key", LARGE[0], nx=True).set("key", LARGE[1], nx=True).delete("key")
        pipe.set("key", LARGE[2], nx=True).expire("key", 500).set("key", LARGE[0], keepttl=True)
        pipe.ttl("key").strlen("key")
        got = pipe.execute()
        self.assertEqual(got[:6], [True, None, 1, True, True, True])
        self.assertTrue(490 < got[6] <= 500)
        self.assertTrue(self.client.get("key") == LARGE[0])

    def test_the_key_comes_or_goes_meanwhile(self):
        """Others set and delete the key while values are on their way: each answer is right for
        what the key held at that moment, and nothing lies about in the end."""
        other = self.connect()
        over = threading.Event()

        def meddle():
            while not over.is_set():
                other.set("key", "small", ex=1000)
                other.delete("key")

        thread = threading.Thread(target=meddle)
        thread.start()
        try:
            for i in range(8):
                self.assertIn(self.client.set("key", LARGE[0], nx=True), (True, None))
                self.assertIn(self.client.set("key", LARGE[1], xx=True), (True, None))
                self.assertTrue(self.client.set("key", LARGE[2], keepttl=True))
        finally:
            over.set()
            thread.join(60)
        self.server.restart("kill")
        self.client.connection_pool.disconnect()
        self.assertTrue(self.client.get("key") in (None, LARGE[2]))
        names = os.listdir(self.server.directory)
        self.assertEqual([name for name in names if name.endswith(".cut")], [])


class Several(Ahead):
    """MSET and MSETNX with large values among small ones."""

    def pairs(self, count=3):
        values = [value for i in range(count) for value in (b"small:%d" % i, LARGE[i % 3])]
        return {"key:%d" % i: value for i, value in enumerate(values)}

    def assert_pairs(self, pairs):
        self.assertTrue(self.client.mget(list(pairs)) == list(pairs.values()))

    def test_mset(self):
        for count in (1, 2, 5):
            self.assertTrue(self.client.mset(self.pairs(count)))
            self.assert_pairs(self.pairs(count))

    def test_they_go_ahead(self):
        if not self.is_ours():
            self.skipTest("of scdb's files")
        self.assert_ahead("MSET", "a", 1, "b", VALUE, "c", 2)
        self.assert_ahead("MSETNX", "d", 1, "e", 2, "f", VALUE)
        self.assert_ahead("MSET", "g", VALUE)

    def test_more_than_go_ahead(self):
        self.assertTrue(self.client.mset(self.pairs(12)))
        self.assert_pairs(self.pairs(12))

    def test_over_large_ones(self):
        """Which take part of the room: they would have to be put back."""
        self.client.mset({"key:%d" % i: LARGE[2] for i in range(6)})
        self.assertTrue(self.client.mset(self.pairs()))
        self.assert_pairs(self.pairs())

    def test_a_key_that_stands_twice(self):
        self.assertTrue(self.client.execute_command(
            "MSET", "a", LARGE[0], "b", 1, "a", LARGE[1], "b", LARGE[2], "c", LARGE[0], "c", 3))
        self.assertTrue(self.client.mget("a", "b", "c") == [LARGE[1], LARGE[2], b"3"])

    def test_one_that_expires_or_has_expired(self):
        self.client.set("key:0", 1, ex=1000)
        self.client.set("key:1", LARGE[2], px=1)
        time.sleep(0.01)
        self.assertTrue(self.client.mset(self.pairs()))
        self.assert_pairs(self.pairs())
        self.assertEqual(self.client.ttl("key:0"), -1)

    def test_msetnx(self):
        self.assertTrue(self.client.msetnx(self.pairs()))
        self.assert_pairs(self.pairs())
        self.assertFalse(self.client.msetnx({"a": LARGE[0], "key:0": 2, "b": LARGE[1]}))
        self.assertEqual(self.client.exists("a", "b"), 0)
        with self.assertRaises(redis.ResponseError):
            self.client.execute_command("MSETNX", "a", LARGE[0], "b")

    def test_events(self):
        """In the order of the pairs, none of one that goes ahead."""
        self.client.execute_command("CONFIG", "SET", "notify-keyspace-events", "E$")
        with self.client.pubsub() as hears:
            hears.psubscribe("__keyevent@0__:*")
            self.client.mset(self.pairs(2))
            self.client.set("end", 1)
            names = [(hears.get_message(timeout=60) or {}).get("data") for _ in range(6)]
        expected = [b"key:%d" % i for i in range(4)] + [b"end"]
        self.assertEqual([name for name in names if isinstance(name, bytes)], expected)

    def test_all_or_nothing(self):
        """max-keys is reached in its midst; and the store is right after a kill."""
        if not self.is_ours():
            self.skipTest("of scdb's limits")
        self.client.mset({"key:0": "old", "key:1": "old, too"})
        self.client.execute_command("CONFIG", "SET", "max-keys", 5)
        with self.assertRaises(redis.ResponseError):
            self.client.mset(self.pairs())
        for _ in range(2):
            self.assertTrue(self.client.mget("key:0", "key:1") == [b"old", b"old, too"])
            self.assertEqual(self.client.dbsize(), 3)
            self.server.restart("kill")
            self.client.connection_pool.disconnect()
        self.assertEqual([n for n in os.listdir(self.server.directory) if n.endswith(".cut")], [])

    def test_after_kill(self):
        if not self.is_ours():
            self.skipTest("of scdb's durability")
        self.client.mset(self.pairs())
        self.client.set("b", 1)
        self.server.restart("kill")
        self.client.connection_pool.disconnect()
        self.assert_pairs(self.pairs())
        self.assertEqual([n for n in os.listdir(self.server.directory) if n.endswith(".cut")], [])


class Dumps(Ahead):
    """RESTORE: the dump is checked and unpacked ahead, too."""

    def setUp(self):
        super().setUp()
        self.plain = os.urandom(SIZE)
        self.packed = os.urandom(SIZE // 2) + bytes(SIZE // 2)  # LZF brings it to half
        self.dumps = [self.dump(value) for value in (self.plain, self.packed)]
        self.assertLess(len(self.dumps[1]), SIZE)

    def dump(self, value):
        """By way of APPEND, with which nothing goes ahead."""
        self.client.append("source", value)
        dump = self.client.dump("source")
        self.client.delete("source")
        return dump


    @staticmethod
    def damaged(dump):
        return dump[:5000] + bytes([dump[5000] ^ 1]) + dump[5001:]

    def error(self, *words):
        with self.assertRaises(redis.ResponseError) as caught:
            self.client.execute_command(*words)
        return str(caught.exception)

    def test_restored(self):
        for value, dump in zip((self.plain, self.packed), self.dumps):
            self.assertTrue(self.client.restore("a", 0, dump, replace=True))
            self.assertTrue(self.client.get("a") == value)
            self.assertEqual(self.client.ttl("a"), -1)
            self.assertTrue(self.client.restore("a", 500000, dump, replace=True))
            self.assertTrue(490 < self.client.ttl("a") <= 500)
            self.assertTrue(self.client.get("a") == value)
            self.assertIn("BUSYKEY", self.error("RESTORE", "a", 0, dump))
            self.client.delete("a")
            self.assertTrue(self.client.restore("a", 1, dump, absttl=True))
            self.assertEqual(self.client.exists("a"), 0)

    def test_it_goes_ahead(self):
        if not self.is_ours():
            self.skipTest("of scdb's files")
        value = os.urandom(SIZE)
        dump = self.dump(value)
        self.assertFalse(self.went_ahead(value))
        self.client.restore("a", 0, dump)
        self.assertTrue(self.went_ahead(value))

    def test_refused(self):
        for dump in self.dumps:
            for name in ("a", "b"):
                self.assertIn("payload version or checksum",
                              self.error("RESTORE", name, 0, self.damaged(dump)))
            self.assertIn("Invalid TTL", self.error("RESTORE", "a", -1, dump))
            self.assertIn("syntax error", self.error("RESTORE", "a", 0, dump, "NONSENSE"))
        self.assertEqual(self.client.exists("a", "b"), 0)

    def test_in_a_pipeline(self):
        """Each finds what its own dump holds."""
        pipe = self.client.pipeline(transaction=False)
        for name, dump in (("a", self.dumps[0]), ("b", self.dumps[1]),
                           ("c", self.damaged(self.dumps[1])), ("a", self.dumps[1])):
            pipe.execute_command("RESTORE", name, 0, dump).strlen(name)
        got = pipe.execute(raise_on_error=False)
        self.assertEqual(got[:4], [b"OK", SIZE, b"OK", SIZE])
        self.assertIn("checksum", str(got[4]))
        self.assertEqual(got[5], 0)
        self.assertIn("BUSYKEY", str(got[6]))
        self.assertTrue(self.client.mget("a", "b") == [self.plain, self.packed])


class Others(TestCase):
    def test_who_may_not_write_writes_nothing(self):
        if not self.is_ours():
            self.skipTest("of scdb's files")
        self.client.execute_command("ACL", "SETUSER", "reader", "on", "nopass", "~*", "+get")
        before = self.segments()
        reader = self.connect(username="reader", password="any")
        with self.assertRaises(redis.exceptions.NoPermissionError):
            reader.set("key", LARGE[0])
        self.assertEqual(self.segments(), before)

    def test_a_pause(self):
        self.client.set("key", 1)
        self.client.execute_command("CLIENT", "PAUSE", 100000, "WRITE")
        writer = self.connect()
        thread = threading.Thread(target=lambda: writer.set("key", LARGE[0]))
        thread.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.is_held("set"):
            time.sleep(0.01)
        self.assertEqual(self.client.get("key"), b"1")
        self.client.execute_command("CLIENT", "UNPAUSE")
        thread.join(60)
        self.assertTrue(self.client.get("key") == LARGE[0])

    def is_held(self, command):
        found = [each for each in self.client.client_list() if each["cmd"] == command]
        return any("b" in each["flags"] for each in found)

    def test_clients_that_go(self):
        """In the midst of it, by themselves or killed: the key has one value or the other."""
        self.client.set("key", LARGE[0])
        for i in range(12):
            with self.server.connect() as link:
                link.sendall(wire.encode((b"SET", b"key", LARGE[1 + i % 2])))
                link.sendall(wire.encode((b"GET", b"key")))
                time.sleep(0.002 * i)
                if i % 3 == 0:
                    self.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.assertIn(self.client.get("key"), LARGE)
        self.assertTrue(self.client.set("key", LARGE[0]))
        self.assertTrue(self.client.get("key") == LARGE[0])

    def test_a_reader_that_sends_no_more(self):
        if not self.is_ours():
            self.skipTest("Redis closes such a connection")
        self.client.set("key", LARGE[0])
        with self.server.connect() as link:
            link.sendall(wire.encode((b"GET", b"key")))
            link.shutdown(socket.SHUT_WR)
            got = bytearray()
            while more := link.recv(1 << 20):
                got += more
        self.assertTrue(bytes(got) == b"$%d\r\n%b\r\n" % (len(LARGE[0]), LARGE[0]))

    def test_readers_while_it_changes(self):
        """Each gets one value or the other, whole."""
        self.client.set("key", LARGE[0])
        seen = []
        reader = self.connect()

        def read():
            for _ in range(30):
                seen.append(reader.get("key"))

        thread = threading.Thread(target=read)
        thread.start()
        for i in range(12):
            self.client.set("key", LARGE[i % 3])
            self.client.delete("key") if i % 4 == 3 else None
        thread.join(60)
        self.assertEqual(len(seen), 30)
        self.assertTrue(all(value is None or value in LARGE for value in seen))

    def test_a_stop(self):
        """While values are on their way: the store is whole, and nothing lies about."""
        self.client.set("key", LARGE[0])
        for delay in (0, 0.005, 0.02):
            links = [self.server.connect() for _ in range(3)]
            for link in links:
                link.sendall(wire.encode((b"SET", b"key", LARGE[1])))
            time.sleep(delay)
            self.server.restart()
            for link in links:
                link.close()
            self.client.connection_pool.disconnect()
            self.assertIn(self.client.get("key"), LARGE)
        if self.is_ours():
            names = os.listdir(self.server.directory)
            self.assertEqual([name for name in names if name.endswith(".cut")], [])


if __name__ == "__main__":
    test_program.run_tests()
