#!/usr/bin/python3
"""redis-py, the blocking and the asyncio client, against the server that support/with_server has
started: redis_py_test.py [hiredis|python]. The word says who must read the replies, the parser of
python3-hiredis or redis-py's own; without it, whichever redis-py takes here. Closes with
"N passed, N failed"."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import unittest

PARSER = sys.argv[1] if len(sys.argv) > 1 else None
if PARSER == "python":
    sys.modules["hiredis"] = None  # can't be imported: redis-py does without

import redis  # noqa: E402  (after the lines above)
import redis.asyncio  # noqa: E402

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

import test_program  # noqa: E402  (after the path is set)

HOST = os.environ["SCDB_HOST"]
PORT = int(os.environ["SCDB_PORT"])
SOCKET = os.environ["SCDB_SOCKET"]


class Blocking(unittest.TestCase):
    def setUp(self):
        self.client = redis.Redis(HOST, PORT)
        self.client.flushall()

    def tearDown(self):
        self.client.close()

    @unittest.skipUnless(PARSER, "any parser will do")
    def test_replies_are_read_by_whom_they_should(self):
        wanted = {"hiredis": "HiredisParser", "python": "PythonParser"}[PARSER]
        self.assertEqual(redis.connection.DefaultParser.__name__, wanted)
        self.assertEqual(redis.asyncio.connection.DefaultParser.__name__, wanted)

    def test_sets_gets_and_deletes(self):
        self.assertIsNone(self.client.get("key"))
        self.assertTrue(self.client.set("key", "value"))
        self.assertEqual(self.client.get("key"), b"value")
        self.assertEqual(self.client.delete("key", "other"), 1)
        self.assertFalse(self.client.exists("key"))

    def test_any_bytes_are_keys_and_values(self):
        every = bytes(range(256))
        self.client.set(every, every * 1000)
        self.assertEqual(self.client.get(every), every * 1000)
        self.client.set("", "")
        self.assertEqual(self.client.get(""), b"")

    def test_set_options(self):
        self.assertTrue(self.client.set("key", "1", nx=True))
        self.assertIsNone(self.client.set("key", "2", nx=True))
        self.assertEqual(self.client.set("key", "3", xx=True, get=True), b"1")
        self.assertTrue(self.client.set("key", "4", ex=1000))
        self.assertTrue(self.client.set("key", "5", keepttl=True))
        self.assertTrue(990 < self.client.ttl("key") <= 1000)
        self.assertEqual(self.client.getex("key", persist=True), b"5")
        self.assertEqual(self.client.ttl("key"), -1)

    def test_expiry_is_kept_to_the_millisecond(self):
        value, milliseconds = None, 30
        while value is None:
            milliseconds *= 2  # a slow machine gets more time
            end = int(time.time() * 1000) + milliseconds
            self.client.set("key", "value", pxat=end)
            value = self.client.get("key")
            if value is None:
                self.assertGreaterEqual(time.time() * 1000, end)
        self.assertEqual(value, b"value")
        while time.time() * 1000 < end + 5:
            time.sleep(0.005)
        self.assertIsNone(self.client.get("key"))
        self.assertEqual(self.client.ttl("key"), -2)

    def test_expired_keys_are_removed_by_themselves(self):
        self.client.mset({f"key:{i}": "x" for i in range(100)})
        for i in range(100):
            self.client.pexpire(f"key:{i}", 20)
        self.client.set("stays", "here")
        deadline = time.monotonic() + 60
        while self.client.dbsize() > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.client.dbsize(), 1)
        self.assertLess(time.monotonic(), deadline)

    def test_numbers(self):
        self.assertEqual(self.client.incr("n", 41), 41)
        self.assertEqual(self.client.incr("n"), 42)
        self.assertEqual(self.client.incrbyfloat("n", 0.5), 42.5)
        with self.assertRaisesRegex(redis.ResponseError, "value is not an integer"):
            self.client.incr("n")

    def test_a_pipeline_that_is_no_transaction(self):
        pipeline = self.client.pipeline(transaction=False)
        for i in range(5000):
            pipeline.set(f"key:{i}", i).get(f"key:{i}")
        replies = pipeline.execute()
        self.assertEqual(replies[1::2], [b"%d" % i for i in range(5000)])

    def test_a_transaction(self):
        with self.client.pipeline(transaction=True) as pipeline:
            self.assertEqual(pipeline.set("a", 1).incr("a").get("a").execute(), [True, 2, b"2"])

    def test_an_error_in_a_transaction_stops_nothing_else(self):
        with self.client.pipeline() as pipeline:
            replies = pipeline.set("a", "x").incr("a").set("b", "y").execute(raise_on_error=False)
        self.assertIsInstance(replies[1], redis.ResponseError)
        self.assertEqual(self.client.get("b"), b"y")

    def test_watch_makes_increments_safe(self):
        """Four threads count to 400 with WATCH, MULTI, EXEC."""

        def count():
            client = redis.Redis(HOST, PORT)
            for _ in range(100):
                client.transaction(
                    lambda pipeline: self.increment(pipeline), "n", value_from_callable=False
                )
            client.close()

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.client.get("n"), b"400")

    @staticmethod
    def increment(pipeline):
        value = int(pipeline.get("n") or 0)
        pipeline.multi()
        pipeline.set("n", value + 1)

    def test_increments_of_many_threads_add_up(self):
        def count():
            client = redis.Redis(HOST, PORT)
            for _ in range(500):
                client.incr("n")
            client.close()

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.client.get("n"), b"4000")

    def test_a_scan_returns_each_key_once_while_others_write(self):
        keys = {f"stays:{i}".encode() for i in range(3000)}
        self.client.mset({key: "x" for key in keys})
        found = []
        for count, key in enumerate(self.client.scan_iter(match="stays:*", count=50)):
            found.append(key)
            self.client.set(f"new:{count}", "y")
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(set(found), keys)

    def test_databases(self):
        other = redis.Redis(HOST, PORT, db=7)
        other.set("key", "there")
        self.assertIsNone(self.client.get("key"))
        self.assertEqual(self.client.move("key", 7), False)
        self.client.swapdb(0, 7)
        self.assertEqual(self.client.get("key"), b"there")
        other.close()

    def test_large_values(self):
        value = os.urandom(5_000_000)
        self.client.set("large", value)
        self.assertEqual(self.client.get("large"), value)
        self.assertEqual(self.client.getrange("large", 4_999_990, -1), value[-10:])
        self.assertEqual(self.client.append("large", value), 10_000_000)
        self.assertEqual(self.client.copy("large", "copy"), True)
        self.assertEqual(self.client.get("copy"), value + value)

    def test_connection_options(self):
        client = redis.Redis(HOST, PORT, db=3, client_name="me", decode_responses=True)
        self.assertEqual(client.client_getname(), "me")
        client.set("key", "grüße")
        self.assertEqual(client.get("key"), "grüße")
        self.assertIn("db=3", client.execute_command("CLIENT", "INFO"))
        client.close()

    def test_unix_socket(self):
        client = redis.Redis(unix_socket_path=SOCKET)
        client.set("key", "value")
        self.assertEqual(self.client.get("key"), b"value")
        client.close()

    def test_a_password(self):
        """Clients come in with it only, and go on when it is gone."""
        self.client.config_set("requirepass", "secret")
        try:
            stranger = redis.Redis(HOST, PORT)
            with self.assertRaises(redis.AuthenticationError):
                stranger.ping()
            with self.assertRaises((redis.AuthenticationError, redis.ResponseError)):
                redis.Redis(HOST, PORT, password="wrong").ping()
            self.assertTrue(redis.Redis(HOST, PORT, password="secret").ping())
            self.assertTrue(redis.Redis(HOST, PORT, username="default", password="secret").ping())
        finally:
            redis.Redis(HOST, PORT, password="secret").config_set("requirepass", "")
        self.assertTrue(redis.Redis(HOST, PORT).ping())

    def test_a_lock(self):
        """What locks are made of where there are no scripts: SET NX PX."""
        self.assertTrue(self.client.set("lock", "mine", nx=True, px=1000000))
        self.assertIsNone(self.client.set("lock", "yours", nx=True, px=50))
        self.assertTrue(self.client.set("lock", "mine", xx=True, px=50))
        time.sleep(0.06)
        self.assertTrue(self.client.set("lock", "yours", nx=True, px=50))

    def test_publish_and_subscribe(self):
        with self.client.pubsub() as subscriber:
            subscriber.subscribe("news")
            subscriber.psubscribe("w*")
            told = [subscriber.get_message(timeout=60) for _ in range(2)]
            self.assertEqual([m["type"] for m in told], ["subscribe", "psubscribe"])
            self.assertEqual(self.client.publish("news", bytes(range(256))), 1)
            self.assertEqual(self.client.publish("weather", "sun"), 1)
            told = [subscriber.get_message(timeout=60) for _ in range(2)]
            self.assertEqual(
                [(m["type"], m["pattern"], m["channel"], m["data"]) for m in told],
                [
                    ("message", None, b"news", bytes(range(256))),
                    ("pmessage", b"w*", b"weather", b"sun"),
                ],
            )
            self.assertEqual(self.client.pubsub_numsub("news"), [(b"news", 1)])
            subscriber.ping("still there?")
            self.assertEqual(subscriber.get_message(timeout=60)["data"], b"still there?")

    def test_a_thread_that_listens(self):
        got = threading.Event()
        subscriber = self.client.pubsub()
        subscriber.subscribe(news=lambda message: got.set())
        listener = subscriber.run_in_thread(sleep_time=0.01)
        deadline = time.monotonic() + 60
        while not got.is_set() and time.monotonic() < deadline:
            self.client.publish("news", "x")
            got.wait(0.01)
        listener.stop()
        listener.join()
        self.assertTrue(got.is_set())

    def test_key_events(self):
        self.client.config_set("notify-keyspace-events", "KEA")
        try:
            with self.client.pubsub() as subscriber:
                subscriber.psubscribe("__key*__:*")
                subscriber.get_message(timeout=60)
                self.client.set("key", "value", px=20)
                told = [subscriber.get_message(timeout=60) for _ in range(6)]
        finally:
            self.client.config_set("notify-keyspace-events", "")
        events = [m["data"] for m in told if m["channel"] == b"__keyspace@0__:key"]
        self.assertEqual(events, [b"set", b"expire", b"expired"])

    def test_errors_are_exceptions_of_its_own(self):
        self.client.set("key", "text")
        with self.assertRaises(redis.ResponseError):
            self.client.execute_command("nonsense")
        with self.assertRaises(redis.DataError):
            self.client.set("key", "x", ex="soon")
        with self.assertRaisesRegex(redis.ResponseError, "DB index is out of range"):
            redis.Redis(HOST, PORT, db=99).ping()
        self.client.acl_setuser("reader", enabled=True, passwords=["+pass"], commands=["+get"])
        reader = redis.Redis(HOST, PORT, username="reader", password="pass")
        with self.assertRaises(redis.exceptions.NoPermissionError):
            reader.set("key", "x")
        with self.assertRaises(redis.exceptions.NoPermissionError):
            reader.get("key")
        self.assertEqual(self.client.acl_deluser("reader"), 1)
        with self.assertRaises(redis.RedisError):
            reader.get("key")  # its user is gone: the connection closes, now or a moment ago
        with self.assertRaisesRegex(redis.RedisError, "WRONGPASS"):
            reader.get("key")  # and can't come back
        reader.close()

    def test_what_waits_is_given_up_after_the_time_it_has(self):
        hurried = redis.Redis(HOST, PORT, socket_timeout=0.05)
        self.assertTrue(hurried.ping())
        self.client.client_pause(200, all=False)
        with self.assertRaises(redis.TimeoutError):
            hurried.set("key", "value")
        self.client.client_unpause()
        self.assertTrue(self.client.set("key", "value"))
        hurried.close()

    def test_data_is_there_after_a_restart(self):
        for how in ("stop", "kill"):
            self.client.set("key", how)
            subprocess.check_call([os.environ["SCDB_RESTART"], how])
            self.assertEqual(self.client.get("key"), how.encode())  # connects anew by itself

    def test_a_subscriber_comes_back_after_a_restart(self):
        subscriber = self.client.pubsub()
        subscriber.subscribe("news")
        self.assertEqual(subscriber.get_message(timeout=60)["type"], "subscribe")
        subprocess.check_call([os.environ["SCDB_RESTART"]])
        with self.assertRaises(redis.ConnectionError):
            subscriber.get_message(timeout=60)
        self.assertEqual(subscriber.get_message(timeout=60)["type"], "subscribe")
        self.assertEqual(self.client.publish("news", "again"), 1)
        self.assertEqual(subscriber.get_message(timeout=60)["data"], b"again")
        subscriber.close()

    def test_what_the_server_says_of_itself(self):
        info = self.client.info()
        self.assertIn("redis_version", info)
        self.assertGreaterEqual(info["connected_clients"], 1)
        self.client.set("key", "value")
        self.assertEqual(self.client.info("keyspace")["db0"]["keys"], 1)
        self.assertEqual(self.client.config_get("maxclients"), {"maxclients": "10000"})
        self.assertIn("get", self.client.command())
        self.assertGreater(self.client.memory_usage("key"), 0)
        self.assertEqual(self.client.role()[0], b"master")

    def test_hello_3_on_a_bare_connection(self):
        connection = redis.Connection(HOST, PORT)
        connection.connect()
        connection.send_command("HELLO", "2")
        reply = connection.read_response()
        fields = dict(zip(reply[::2], reply[1::2]))
        self.assertEqual(fields[b"server"], b"redis")
        self.assertEqual(fields[b"proto"], 2)
        self.assertEqual(fields[b"mode"], b"standalone")
        connection.disconnect()

    def test_a_client_that_is_killed_comes_back(self):
        other = redis.Redis(HOST, PORT, single_connection_client=True)
        number = other.client_id()
        self.assertEqual(self.client.client_kill_filter(_id=number), 1)
        deadline = time.monotonic() + 60
        while any(int(c["id"]) == number for c in self.client.client_list()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        other.close()


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = redis.asyncio.Redis(host=HOST, port=PORT)
        await self.client.flushall()

    async def asyncTearDown(self):
        await self.client.close()

    async def test_sets_and_gets(self):
        await self.client.set("key", "value")
        self.assertEqual(await self.client.get("key"), b"value")
        self.assertEqual(await self.client.delete("key"), 1)
        self.assertIsNone(await self.client.get("key"))

    async def test_many_at_once(self):
        await asyncio.gather(*(self.client.incr("n") for _ in range(500)))
        self.assertEqual(await self.client.get("n"), b"500")

    async def test_a_pipeline(self):
        async with self.client.pipeline(transaction=True) as pipeline:
            for i in range(200):
                pipeline.set(f"key:{i}", i)
            self.assertEqual(await pipeline.execute(), [True] * 200)
        self.assertEqual(await self.client.dbsize(), 200)

    async def test_scan(self):
        await self.client.mset({f"key:{i}": i for i in range(500)})
        found = [key async for key in self.client.scan_iter(count=7)]
        self.assertEqual(len(found), 500)
        self.assertEqual(len(set(found)), 500)

    async def test_expiry(self):
        await self.client.set("key", "value", px=30)
        await asyncio.sleep(0.04)
        self.assertIsNone(await self.client.get("key"))

    async def test_unix_socket(self):
        client = redis.asyncio.Redis(unix_socket_path=SOCKET)
        await client.set("key", "value")
        self.assertEqual(await self.client.get("key"), b"value")
        await client.close()

    async def test_values_of_any_bytes_and_large_ones(self):
        for value in (bytes(range(256)), os.urandom(3_000_000), b""):
            await self.client.set("key", value)
            self.assertEqual(await self.client.get("key"), value)

    async def test_publish_and_subscribe(self):
        async with self.client.pubsub() as subscriber:
            await subscriber.subscribe("news")
            await subscriber.psubscribe("w*")
            for kind in (b"subscribe", b"psubscribe"):
                self.assertEqual((await subscriber.get_message(timeout=60))["type"], kind.decode())
            self.assertEqual(await self.client.publish("news", "one"), 1)
            self.assertEqual(await self.client.publish("weather", "sun"), 1)
            told = [await subscriber.get_message(timeout=60) for _ in range(2)]
            self.assertEqual([m["data"] for m in told], [b"one", b"sun"])

    async def test_errors_are_exceptions_of_its_own(self):
        await self.client.set("key", "text")
        with self.assertRaisesRegex(redis.ResponseError, "value is not an integer"):
            await self.client.incr("key")
        with self.assertRaisesRegex(redis.ResponseError, "unknown command 'nonsense'"):
            await self.client.execute_command("nonsense")

    async def test_a_password(self):
        await self.client.config_set("requirepass", "secret")
        try:
            with self.assertRaises(redis.AuthenticationError):
                await redis.asyncio.Redis(host=HOST, port=PORT).ping()
            known = redis.asyncio.Redis(host=HOST, port=PORT, password="secret", db=3)
            self.assertTrue(await known.set("key", "there"))
            await known.close()
        finally:
            await self.client.config_set("requirepass", "")
        self.assertIsNone(await self.client.get("key"))

    async def test_data_is_there_after_a_restart(self):
        await self.client.set("key", "kept")
        subprocess.check_call([os.environ["SCDB_RESTART"], "kill"])
        with self.assertRaises(redis.ConnectionError):
            await self.client.get("key")
        self.assertEqual(await self.client.get("key"), b"kept")  # the next call connects again

    async def test_watch(self):
        other = redis.asyncio.Redis(host=HOST, port=PORT)
        async with self.client.pipeline() as pipeline:
            await pipeline.watch("key")
            await other.set("key", "changed")
            pipeline.multi()
            pipeline.set("key", "mine")
            with self.assertRaises(redis.WatchError):
                await pipeline.execute()
        await other.close()


if __name__ == "__main__":
    # What stands on the command line is the parser.
    test_program.run_tests([])
