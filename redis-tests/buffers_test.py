#!/usr/bin/python3
"""What one client may have waiting, in either direction: requests that were sent and not executed,
replies, messages and invalidations that it does not read. What redis-server can do as well is done
there too. Starts both servers. Closes with "N passed, N failed"."""

import os
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import test_program  # noqa: E402  (after the path is set)
from pair import TestCase, on_both, ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401
from server import Server  # noqa: E402
from wire_client import encode  # noqa: E402

SCALE = float(os.environ.get("SCDB_TEST_SCALE") or 1)


class Buffers(TestCase):
    """What one client may have waiting, in either direction."""

    def set_for_this_test(self, client, name, value):
        before = client.ask("CONFIG", "GET", name).split(b"\r\n")[-2]
        self.addCleanup(lambda: self.client(ours).ask("CONFIG", "SET", name, before))
        self.assertEqual(client.ask("CONFIG", "SET", name, value), b"+OK\r\n")

    def test_all_of_a_pipeline_is_sent_before_anything_is_read(self):
        client = self.client(ours)
        self.set_for_this_test(client, "client-output-buffer-pause", "64kb")
        client.ask("SET", "k" * 1000, "v" * 1000)
        count = 40000  # more bytes than the sockets' buffers take, in either direction
        client.socket.sendall(b"*2\r\n$3\r\nGET\r\n$1000\r\n%s\r\n" % (b"k" * 1000) * count)
        left = count * (1000 + len("$1000\r\n\r\n"))
        while left > 0:
            left -= len(client.socket.recv(1 << 20))
        self.assertEqual(left, 0)

    def test_whole_requests_beyond_the_limit_wait(self):
        client = self.client(ours)
        self.set_for_this_test(client, "client-query-buffer-limit", "1mb")
        self.set_for_this_test(client, "client-output-buffer-pause", "64kb")
        client.ask("SET", "k" * 100, "v" * 1000)
        count = 20000
        requests = b"*2\r\n$3\r\nGET\r\n$100\r\n%s\r\n" % (b"k" * 100) * count
        sender = threading.Thread(target=client.socket.sendall, args=(requests,))
        sender.start()
        time.sleep(0.2)
        for _ in range(count):
            self.assertEqual(client.read()[:6], b"$1000\r")
        sender.join()

    def test_large_values_wait_until_they_are_read(self):
        """They take no memory, but each is read and verified while nobody else is served."""
        client, other = self.client(ours), self.client(ours)
        self.set_for_this_test(other, "client-output-buffer-pause", "1mb")
        value = b"v" * 1000000
        other.ask("SET", "large", value)
        other.ask("CONFIG", "RESETSTAT")
        count = 200
        client.socket.sendall(b"*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n" * count)
        self.assertEqual(client.read(), b"$1000000\r\n%s\r\n" % value)
        text = other.ask("INFO", "commandstats").decode()
        executed = int(text.split("cmdstat_get:calls=")[1].split(",")[0])
        self.assertLess(executed, count / 4)  # the sockets' buffers take some megabytes as well
        for _ in range(count - 1):
            self.assertEqual(client.read()[:10], b"$1000000\r\n")
        other.ask("DEL", "large")

    def assert_is_closed_unless_it_reads(self, silent, reading, change):
        """Each change is told to both; the sockets' buffers take some megabytes as well."""
        other = self.client(ours)
        self.set_for_this_test(other, "client-output-buffer-pause", "64kb")
        number = 0
        while silent.address.encode() in other.ask("CLIENT", "LIST"):
            self.assertLess(number, 1000)
            change(other, b"%d" % number + b"k" * 100000)
            self.assertIn(b"invalidate", reading.read())
            number += 1
        self.assertEqual(reading.ask("PING"), b"+PONG\r\n")

    def test_invalidations_that_nobody_reads_are_limited(self):
        silent, reading = self.client(ours), self.client(ours)
        for client in (silent, reading):
            client.ask("HELLO", 3)
            self.assertEqual(client.ask("CLIENT", "TRACKING", "ON", "BCAST"), b"+OK\r\n")
        change = lambda other, key: other.ask("SET", key, "v")  # noqa: E731
        self.assert_is_closed_unless_it_reads(silent, reading, change)

    def test_invalidations_for_another_are_limited_as_well(self):
        silent, reading = self.client(ours), self.client(ours)
        cached = {target: self.client(ours) for target in (silent, reading)}
        for target, client in cached.items():
            target.ask("HELLO", 3)
            target_id = target.ask("CLIENT", "ID")[1:-2]
            client.ask("HELLO", 3)
            client.ask("CLIENT", "TRACKING", "ON", "REDIRECT", target_id)

        def change(other, key):
            for client in cached.values():
                client.ask("GET", key)
            other.ask("SET", key, "v")

        self.assert_is_closed_unless_it_reads(silent, reading, change)

    def test_own_replies_are_no_invalidations(self):
        """Though much of them waits when one comes, and is sent in between."""
        client = self.client(ours)
        self.set_for_this_test(client, "client-output-buffer-pause", "1mb")
        client.ask("SET", "large", "v" * 10000)
        client.ask("HELLO", 3)
        client.ask("CLIENT", "TRACKING", "ON", "BCAST")
        commands = [("SET", "trigger", "v"), ["MGET"] + ["large"] * 150, ["MGET"] + ["large"] * 1500]
        for _ in range(max(3, int(20 * SCALE))):
            client.socket.sendall(b"".join(encode(*command) for command in commands))
            told = [client.read() for _ in range(4)]
            self.assertEqual(sorted(len(each) for each in told)[2:], [1501506, 15015007])

    def test_invalidations_that_are_read_too_slowly_are_limited(self):
        """Who comes late and then keeps pace stays; who falls back further and further does not.
        (Full sockets take bytes again in lumps of a megabyte.)"""
        slow, late, other = self.client(ours), self.client(ours), self.client(ours)
        self.set_for_this_test(other, "client-output-buffer-pause", "4mb")
        for client in (slow, late):
            client.ask("HELLO", 3)
            client.ask("CLIENT", "TRACKING", "ON", "BCAST")
        key = b"k" * 10000
        told = len(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$10000\r\n%s\r\n" % key)

        def waits(client):
            lines = other.ask("CLIENT", "LIST").decode().split("\n")
            line = [line for line in lines if f" addr={client.address} " in line]
            return int(line[0].split(" omem=")[1].split()[0]) if line else None

        count = 0
        while (waits(late) or 0) < 5e6:
            self.assertLess(count, 5000)
            other.ask("SET", key, "v")
            slow.discard(told // 10)
            count += 1
        for _ in range(1500):
            other.ask("SET", key, "v")
            late.discard(told)
            if waits(slow) is not None:
                slow.discard(told // 10)
        self.assertIsNone(waits(slow))
        self.assertIsNotNone(waits(late))

    def assert_is_closed_while_sending(self, client, data):
        with self.assertRaises((OSError, EOFError)) as raised:
            client.socket.sendall(data)
            client.read()
        self.assertNotIsInstance(raised.exception, TimeoutError)

    def test_an_incomplete_request_is_limited(self):
        client = self.client(ours)
        self.set_for_this_test(client, "client-query-buffer-limit", "4mb")
        value = b"v" * 3000000
        self.assertEqual(client.ask("SET", "k", value), b"+OK\r\n")
        self.assert_is_closed_while_sending(self.client(ours), b"*2\r\n$5000000\r\n" + 2 * value)
        # Their bytes are below the limit, what the server has to remember of them is not.
        small = b"*1000000\r\n" + b"$0\r\n\r\n" * 600000
        self.assert_is_closed_while_sending(self.client(ours), small)

    def test_what_a_transaction_has_queued_is_limited(self):
        client, other = self.client(ours), self.client(ours)
        self.set_for_this_test(other, "client-query-buffer-limit", "1mb")
        self.assertEqual(client.ask("MULTI"), b"+OK\r\n")
        with self.assertRaises((OSError, EOFError)):
            for _ in range(50):
                client.ask("SET", "k", "v" * 30000)
        self.assertEqual(other.ask("PING"), b"+PONG\r\n")

    def test_small_commands_in_a_transaction_count_with_all_that_they_take(self):
        client, other = self.client(ours), self.client(ours)
        self.set_for_this_test(other, "client-query-buffer-limit", "1mb")
        self.assertEqual(client.ask("MULTI"), b"+OK\r\n")
        with self.assertRaises((OSError, EOFError)):
            for _ in range(40):  # their arguments alone would come to 800 KB
                client.socket.sendall(b"*1\r\n$4\r\nPING\r\n" * 1000)
                for _ in range(1000):
                    client.read()
        self.assertEqual(other.ask("PING"), b"+PONG\r\n")

    def limit_replies(self, limit):
        before = "normal 0 0 0"
        self.addCleanup(
            lambda: self.client(ours).ask("CONFIG", "SET", "client-output-buffer-limit", before)
        )
        self.client(ours).ask("CONFIG", "SET", "client-output-buffer-limit", f"normal {limit} 0 0")

    def test_a_reply_beyond_the_hard_limit_is_not_made(self):
        """One of a command, and one of a transaction: each would be of 2 GB."""
        client, other = self.client(ours), self.client(ours)
        other.ask("SET", "k", "v" * 40000)
        self.limit_replies("1mb")
        peak = self.peak_memory(ours)
        count = 50000
        self.assert_is_closed_while_sending(client, encode("MGET", *["k"] * count))
        client = self.client(ours)
        client.ask("MULTI")
        client.socket.sendall(encode("GET", "k") * count)
        for _ in range(count):
            self.assertEqual(client.read(), b"+QUEUED\r\n")
        self.assert_is_closed_while_sending(client, encode("EXEC"))
        self.assertLess(self.peak_memory(ours) - peak, 500 << 20)
        self.assertEqual(other.ask("DEL", "k"), b":1\r\n")

    def test_replies_that_nobody_wants_are_no_reason_to_close(self):
        client = self.client(ours)
        client.ask("SET", "k", "v" * 40000)
        self.limit_replies("1mb")
        for mode in "OFF", "SKIP":
            client.send("CLIENT", "REPLY", mode)
            client.send("MGET", *["k"] * 1000)
            client.send("CLIENT", "REPLY", "ON")
            self.assertEqual(client.read(), b"+OK\r\n")
        self.assertEqual(client.ask("DEL", "k"), b":1\r\n")

    def receive_all(self, client):
        """Until the server closes."""
        received = []
        try:
            while received[-1:] != [b""]:
                received.append(client.socket.recv(1 << 20))
        except ConnectionError:
            pass  # it had not read all that was sent to it
        return b"".join(received)

    def test_nor_is_one_of_who_has_subscribed(self):
        """Nothing of it is sent, and nothing behind it is executed. Each would be 480 MB or more,
        of requests so short that the server reads each case in one piece."""
        subscribe, unsubscribe = encode("SUBSCRIBE", "x"), encode("UNSUBSCRIBE", "x")
        many, some = encode("MGET", *["k"] * 8000), encode("MGET", *["k"] * 160)
        cases = {
            "no more": subscribe + unsubscribe + many,
            "no more to all": subscribe + encode("UNSUBSCRIBE") + many,
            "no more since RESET": subscribe + encode("RESET") + many,
            "still": encode("HELLO", 3) + subscribe + many,
            "in EXEC": encode("MULTI") + subscribe + many + encode("EXEC"),
            "in EXEC, no more": encode("MULTI") + subscribe + unsubscribe + many + encode("EXEC"),
            "in EXEC, often": encode("MULTI")
            + (subscribe + some + unsubscribe + subscribe + some) * 50
            + encode("EXEC"),
        }
        for reference in (False, True):
            with Server(reference=reference) as server:
                other = self.client(server)
                other.ask("SET", "k", "v" * 60000)
                other.ask("CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0")
                peak = self.peak_memory(server)
                for name, requests in cases.items():
                    with self.subTest(case=name, reference=reference):
                        client = self.client(server)
                        client.socket.sendall(requests + encode("SET", "behind", "v"))
                        self.assertFalse(b"vvv" in self.receive_all(client))
                        self.assertEqual(other.ask("EXISTS", "behind"), b":0\r\n")
                        self.assertLess(self.peak_memory(server) - peak, 300 << 20)
                if not reference:
                    counted = b"client_output_buffer_limit_disconnections:%d\r\n" % len(cases)
                    self.assertIn(counted, other.ask("INFO", "stats"))

    @on_both
    def test_the_reply_to_a_subscriber_may_be_longer_than_others(self, server):
        client, other = self.client(server), self.client(server)
        other.ask("SET", "k", "v" * 40000)
        before = other.ask("CONFIG", "GET", "client-output-buffer-limit").split(b"\r\n")[-2]
        self.addCleanup(
            lambda: self.client(server).ask("CONFIG", "SET", "client-output-buffer-limit", before)
        )
        client.ask("HELLO", 3)
        client.ask("SUBSCRIBE", "x")
        for limits, count in (("normal 1mb 0 0", 500), ("pubsub 0 0 0", 1250)):
            other.ask("CONFIG", "SET", "client-output-buffer-limit", limits)
            client.send("MGET", *["k"] * count)
            size = len(f"*{count}\r\n") + count * len("$40000\r\n\r\n" + "v" * 40000)
            self.assertEqual(len(client.read()), size)
        other.ask("DEL", "k")

    def peak_memory(self, server):
        with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
            return int(status.read().split("VmHWM:")[1].split()[0]) << 10


if __name__ == "__main__":
    test_program.run_tests()
