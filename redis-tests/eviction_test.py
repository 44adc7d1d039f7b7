#!/usr/bin/python3
"""maxmemory: a cache on a real server. The bound holds while several clients write on several workers,
what shall not go stays, and the errors are those of redis-server, which is asked as well. Starts
the servers that it needs. Closes with "N passed, N failed"."""

import os
import random
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import redis  # noqa: E402

import test_program  # noqa: E402
from server import Server  # noqa: E402  (after the path is set)

LIMIT = 2 << 20
VALUE = 1000
RECORD_MAX = VALUE + 200
SEGMENT = 1 << 20
WAIT_SECONDS = 120

SEED = int(os.environ.get("SCDB_TEST_SEED") or random.randrange(1 << 32))


def client_of(server, **options):
    return redis.Redis(server.host, server.port, decode_responses=True, **options)


def used(client):
    return client.info("memory")["used_memory"]


def settle(condition):
    """Waits until the background has done its work; it has no deadline of its own."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about")
        time.sleep(0.01)


class EvictionCase(unittest.TestCase):
    directives = ()

    def setUp(self):
        self.server = Server(directives=[("segment-size", SEGMENT), *self.directives])
        self.server.start()
        self.client = client_of(self.server)

    def tearDown(self):
        self.client.close()
        self.server.close()

    def fill(self, count, prefix="key", **options):
        pipeline = self.client.pipeline(transaction=False)
        for i in range(count):
            pipeline.set(f"{prefix}:{i}", "x" * VALUE, **options)
        return pipeline.execute(raise_on_error=False)

    def count(self, prefix):
        return sum(1 for _ in self.client.scan_iter(prefix + ":*", count=1000))


class Bound(EvictionCase):
    directives = (("maxmemory", LIMIT), ("maxmemory-policy", "allkeys-lru"))

    def write(self, number, rounds, failures):
        dice = random.Random(SEED + number)
        client = client_of(self.server)
        try:
            for _ in range(rounds):
                pipeline = client.pipeline(transaction=False)
                for _ in range(50):
                    key = f"key:{dice.randrange(20000)}"
                    pipeline.get(key)
                    pipeline.set(key, "x" * dice.randrange(VALUE))
                pipeline.execute()
        except Exception as error:  # pylint: disable=broad-except  # told to the main thread
            failures.append(error)
        client.close()

    def test_it_holds_under_load_on_several_workers(self):
        failures = []
        writers = [
            threading.Thread(target=self.write, args=(i, 60, failures)) for i in range(6)
        ]
        for writer in writers:
            writer.start()
        looks = 0
        while any(writer.is_alive() for writer in writers):
            self.assertLessEqual(used(self.client), LIMIT + RECORD_MAX)
            looks += 1
        for writer in writers:
            writer.join()
        self.assertEqual(failures, [], f"seed {SEED}")
        self.assertGreater(looks, 0)
        info = self.client.info()
        self.assertGreater(info["evicted_keys"], 1000)
        self.assertEqual(info["maxmemory"], LIMIT)
        self.assertEqual(info["maxmemory_human"], "2.00M")
        self.assertEqual(info["maxmemory_policy"], "allkeys-lru")
        # It is used, too: nothing goes before it has to.
        self.assertGreater(info["used_memory"], LIMIT * 9 // 10)
        self.client.execute_command("COMPACT")
        self.assertLessEqual(self.client.info("scdb")["disk_bytes"], 2 * LIMIT + 4 * SEGMENT)

    def test_the_keys_in_use_stay(self):
        for _ in range(40):
            self.fill(200, prefix="hot", nx=True)
            for _ in range(2):
                pipeline = self.client.pipeline(transaction=False)
                for i in range(200):
                    pipeline.get(f"hot:{i}")
                pipeline.execute()
            stream = self.client.pipeline(transaction=False)
            for _ in range(300):
                stream.set(f"cold:{random.random()}", "x" * VALUE)
            stream.execute()
        # Of the hot a random choice would leave about every seventh missing.
        self.assertGreater(self.count("hot"), 190)

    def test_one_large_value_makes_room_for_itself(self):
        self.fill(3000)
        self.client.set("large", "x" * (LIMIT * 9 // 10))
        settle(lambda: used(self.client) <= LIMIT)

    def test_a_lower_limit_is_come_down_to_in_the_background(self):
        self.fill(3000)
        before = self.client.dbsize()
        self.client.config_set("maxmemory", LIMIT // 8)
        settle(lambda: used(self.client) <= LIMIT // 8)
        self.assertLess(self.client.dbsize(), before // 4)
        self.assertGreater(self.client.dbsize(), before // 16)
        self.client.config_resetstat()
        self.assertEqual(self.client.info("stats")["evicted_keys"], 0)
        self.client.config_set("maxmemory", 0)
        self.fill(3000)
        self.assertGreater(used(self.client), LIMIT)
        self.assertEqual(self.client.info("stats")["evicted_keys"], 0)

    def test_what_went_stays_away_after_a_crash(self):
        self.fill(5000)
        settle(lambda: used(self.client) <= LIMIT)
        there = sorted(self.client.scan_iter(count=1000))
        self.assertLess(len(there), 2500)
        self.server.kill()
        self.server.start()
        self.client = client_of(self.server)
        self.assertEqual(sorted(self.client.scan_iter(count=1000)), there)

    def test_subscribers_are_told(self):
        listener = client_of(self.server)
        with listener.pubsub() as channel:
            channel.psubscribe("__key*__:evicted", "__key*__:key:*")
            settle(lambda: self.client.pubsub_numpat() == 2)
            self.client.config_set("notify-keyspace-events", "KEe")
            self.fill(50)
            self.client.config_set("maxmemory", 1)  # in the background
            told = {"evicted": set(), "key": set()}

            def is_told():
                message = channel.get_message(timeout=1)
                if message is not None and message["type"] == "pmessage":
                    name = message["channel"].split(":", 1)[1]
                    kind = "evicted" if name == "evicted" else "key"
                    told[kind].add(message["data"] if kind == "evicted" else name)
                    self.assertIn("evicted", (name, message["data"]))
                return len(told["evicted"]) == len(told["key"]) == 50

            settle(is_told)
            self.assertEqual(told["evicted"], told["key"])
        listener.close()

    def test_a_watched_key_that_goes_aborts_the_transaction(self):
        self.client.set("watched", "x")
        with self.client.pipeline() as pipeline:
            pipeline.watch("watched")
            self.client.config_set("maxmemory", 1)
            settle(lambda: self.client.dbsize() == 0)
            self.client.config_set("maxmemory", 0)
            pipeline.multi()
            pipeline.get("watched")
            self.assertRaises(redis.WatchError, pipeline.execute)


class Volatile(EvictionCase):
    def test_what_has_no_expiry_stays(self):
        for policy in ("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"):
            with self.subTest(policy=policy):
                self.client.config_set("maxmemory", 0)
                self.client.flushall()
                self.fill(500, prefix="lasting")
                self.client.config_set("maxmemory", LIMIT)
                self.client.config_set("maxmemory-policy", policy)
                self.assertNotIn(False, map(bool, self.fill(3000, prefix="passing", ex=10000)))
                self.assertEqual(self.count("lasting"), 500)
                self.assertLessEqual(used(self.client), LIMIT + RECORD_MAX)
                refused = [
                    reply
                    for reply in self.fill(3000, prefix="lasting")
                    if isinstance(reply, redis.ResponseError)
                ]
                self.assertEqual(self.count("passing"), 0)
                self.assertGreater(len(refused), 1000)
                self.assertIn("used memory > 'maxmemory'", str(refused[-1]))

    def test_ttl_takes_the_soonest(self):
        self.client.config_set("maxmemory-samples", 64)
        self.client.config_set("maxmemory-policy", "volatile-ttl")
        pipeline = self.client.pipeline(transaction=False)
        for i in range(60):
            pipeline.set(f"key:{i}", "x" * VALUE, ex=10000 + 10 * ((i * 37) % 60))
        pipeline.execute()
        self.client.config_set("maxmemory", used(self.client) // 2)
        settle(lambda: self.client.dbsize() <= 30)
        left = [self.client.ttl(key) for key in self.client.scan_iter()]
        self.assertGreater(min(left), 10000 + 10 * 25)


class NoEviction(unittest.TestCase):
    """The same conversation with both servers; each has something, and a limit of one byte."""

    # No policy that may evict while the limit is so low: redis-server does it at every command.
    conversation = (
        "SET a 1", "CONFIG SET maxmemory 1", "SET b 2", "SET a 2", "APPEND a x", "INCR n", "GET a",
        "EXISTS a", "EXPIRE a 1000", "PERSIST a", "MULTI", "GET a", "EXEC", "MULTI", "SET b 1",
        "DISCARD", "CONFIG SET maxmemory 0", "MULTI", "SET b 1", "GET b", "CONFIG SET maxmemory 1",
        "EXEC", "EXISTS b", "MULTI", "PING", "EXEC", "OBJECT FREQ a", "OBJECT IDLETIME a",
        "CONFIG SET maxmemory 0", "CONFIG SET maxmemory-policy allkeys-lfu", "OBJECT IDLETIME a", "OBJECT IDLETIME nosuch",
        "CONFIG SET maxmemory-policy volatile-lru", "CONFIG SET maxmemory 1", "SET b 2", "OBJECT FREQ a",
        "CONFIG GET maxmemory", "CONFIG GET maxmemory-policy", "CONFIG GET maxmemory-samples",
        "CONFIG SET maxmemory-samples 0", "CONFIG SET maxmemory-policy lru", "DEL a",
        "CONFIG SET maxmemory 100mb", "CONFIG GET maxmemory", "SET a 1",
    )  # fmt: skip

    @classmethod
    def answers(cls, server):
        other = client_of(server)
        with server.connect() as connection:
            stream = connection.makefile("rb")
            answers = []
            for line in cls.conversation:
                if line.startswith("CONFIG SET"):
                    # By another connection, as one that is in a transaction would queue it.
                    try:
                        answers.append(other.execute_command(*line.split()))
                    except redis.ResponseError as error:
                        answers.append(str(error))
                    continue
                connection.sendall(line.encode() + b"\r\n")
                answers.append(cls.read(stream))
        other.close()
        return answers

    @classmethod
    def read(cls, stream):
        line = stream.readline()
        if line[:1] == b"$" and int(line[1:]) >= 0:
            return line + stream.read(int(line[1:]) + 2)
        if line[:1] == b"*":
            return line + b"".join(cls.read(stream) for _ in range(int(line[1:])))
        return line

    def test_the_answers_are_those_of_redis(self):
        with Server(reference=True) as theirs, Server() as ours:
            expected = self.answers(theirs)
            found = self.answers(ours)
        for line, one, other in zip(self.conversation, found, expected):
            self.assertEqual(one, other, line)


class Frequency(EvictionCase):
    directives = (("maxmemory-policy", "allkeys-lfu"),)

    def test_uses_are_counted(self):
        self.client.set("key", "value")
        first = self.client.object("freq", "key")
        for _ in range(100):
            self.client.exists("key")
            self.client.ttl("key")
            self.client.type("key")
            self.client.memory_usage("key")
        self.assertEqual(self.client.object("freq", "key"), first)
        for _ in range(200):
            self.client.get("key")
        self.assertGreater(self.client.object("freq", "key"), first)
        self.assertEqual(self.client.object("freq", "key"), 8)

    def test_no_touch_is_no_use(self):
        self.client.set("key", "value")
        first = self.client.object("freq", "key")
        quiet = client_of(self.server, single_connection_client=True)
        quiet.execute_command("CLIENT", "NO-TOUCH", "ON")
        for _ in range(100):
            quiet.get("key")
        self.assertEqual(self.client.object("freq", "key"), first)
        quiet.touch("key")
        self.assertEqual(self.client.object("freq", "key"), first + 1)
        quiet.close()


if __name__ == "__main__":
    test_program.run_tests()
