#!/usr/bin/python3
"""Pub/sub beside redis-server: the same conversations with both, and the same bytes from both; what
Redis leaves to chance (the order of patterns) is not compared. Starts both servers. Closes with
"N passed, N failed"."""

import os
import re
import selectors
import sys
import threading
import unittest
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import test_program  # noqa: E402  (after the path is set)
from marker_client import MarkerClient  # noqa: E402
from pair import ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401
from server import Server  # noqa: E402
from wire_client import Client, encode  # noqa: E402

SCALE = float(os.environ.get("SCDB_TEST_SCALE") or 1)
# Far above what it takes to serve fast readers, far below what waits when nobody paces publishers.
PEAK_MEGABYTES_MAX = 100


def blank_out(data):
    """Without what can't be equal: the version and ids in HELLO's reply."""
    data = re.sub(rb"\$\d+\r\n7\.\d+\.\d+\r\n", b"VERSION\r\n", data)
    return re.sub(rb"(\$2\r\nid\r\n):\d+", rb"\1:ID", data)


def converse(server, script):
    """A script is lines "CLIENT: command; command ...". Each client is heard after each line."""
    clients = {}
    story = []
    try:
        for line in script.strip().split("\n"):
            name, command = line.strip().split(": ", 1)
            if name not in clients:
                clients[name] = MarkerClient(server)
            clients[name].send("\r\n".join(command.split("; ")))
            story.append(line.strip())
            # First who has spoken: when that is answered, it was executed.
            order = sorted(clients, key=lambda who: (who != name, who))
            heard = {who: blank_out(clients[who].listen()) for who in order}
            story += [f"  {who} <- {data!r}" for who, data in sorted(heard.items()) if data]
    finally:
        for client in clients.values():
            client.close()
    return story


class Conversations(unittest.TestCase):
    maxDiff = None

    def compare(self, script):
        self.assertEqual(converse(ours, script), converse(theirs, script))

    def test_channels(self):
        self.compare(
            """
            a: subscribe one two one
            b: publish one 1
            b: publish three 3
            b: pubsub numsub one two three
            a: unsubscribe two four
            b: publish two 2
            a: unsubscribe one
            b: publish one 1
            b: pubsub channels
            a: get x
            a: unsubscribe
            a: unsubscribe x
            """
        )

    def test_patterns(self):
        self.compare(
            """
            a: psubscribe o*e
            b: publish one 1
            a: subscribe one
            b: publish one 2
            b: pubsub numpat
            c: psubscribe o*e
            b: pubsub numpat
            b: publish ooe 3
            a: punsubscribe
            b: publish one 4
            a: punsubscribe
            """
        )

    def test_shard_channels(self):
        self.compare(
            """
            a: ssubscribe one two
            b: spublish one 1
            b: publish one 2
            b: pubsub shardchannels t*
            b: pubsub shardnumsub one two three
            b: pubsub channels
            a: subscribe one
            b: publish one 3
            a: sunsubscribe one
            a: sunsubscribe
            a: ping
            c: multi; ssubscribe x; sunsubscribe; exec
            """
        )

    def test_what_resp2_forbids(self):
        self.compare(
            """
            a: subscribe one
            a: get
            a: get x
            a: client list
            a: publish one 1
            a: hello 3
            a: multi
            a: ping
            a: ping hello
            a: ping too many
            a: subscribe
            a: psubscribe p*
            a: unsubscribe
            a: get x
            a: reset
            a: get x
            b: publish one 1
            b: pubsub channels
            b: pubsub numpat
            """
        )

    def test_resp3(self):
        self.compare(
            """
            a: hello 3
            a: subscribe one
            b: publish one 1
            a: get x
            a: publish one 2
            a: ping
            a: unsubscribe two
            a: punsubscribe
            a: multi; publish one 3; ping x; publish one 4; exec
            a: hello 2
            a: get x
            b: publish one 5
            a: unsubscribe
            """
        )

    def test_without_replies(self):
        self.compare(
            """
            a: hello 3
            a: subscribe one
            a: client reply skip; publish one 1
            a: client reply skip; subscribe two
            a: publish two 2
            a: client reply off; publish one 3; subscribe three; publish three 4; client reply on
            """
        )

    def test_within_a_transaction(self):
        self.compare(
            """
            a: multi; subscribe one; publish one 1; ping; psubscribe p*; exec
            a: ping
            b: multi; publish one 1; publish nobody 1; exec
            a: unsubscribe; punsubscribe; multi; unsubscribe; punsubscribe; sunsubscribe; exec
            """
        )

    def test_wrong_arguments(self):
        self.compare(
            """
            a: subscribe
            a: psubscribe
            a: ssubscribe
            a: publish x
            a: spublish x
            a: publish x y z
            a: pubsub
            a: pubsub nothing
            a: pubsub channels a b
            a: pubsub shardchannels a b
            a: pubsub numpat x
            a: pubsub numsub
            a: pubsub shardnumsub
            a: command getkeys spublish a b
            a: command getkeys sunsubscribe
            """
        )


def fields(server, command):
    client = MarkerClient(server)
    client.send(command)
    text = client.listen().decode()
    client.close()
    return text


class Descriptions(unittest.TestCase):
    def test_info_and_client_list(self):
        for server in (ours, theirs):
            client = MarkerClient(server)
            for line in ("hello 3", "subscribe a b", "psubscribe c*", "ssubscribe d e f"):
                client.send(line)
            client.listen()
            listed = fields(server, "client list type pubsub")
            self.assertRegex(listed, r"flags=P db=0 sub=2 psub=1 ssub=3 multi=-1 ")
            info = fields(server, "info stats")
            for line in ("pubsub_channels:2", "pubsub_patterns:1", "pubsubshard_channels:3"):
                self.assertIn(line + "\r\n", info)
            self.assertEqual(fields(server, "client kill type pubsub"), ":1\r\n")
            self.assertEqual(client.socket.recv(100), b"")
            self.assertIn("pubsub_channels:0\r\n", fields(server, "info stats"))
            client.close()

    def test_quit(self):
        for server in (ours, theirs):
            client = MarkerClient(server)
            client.send("subscribe a")
            client.listen()
            client.send("quit")
            data = b""
            while piece := client.socket.recv(100):
                data += piece
            self.assertEqual(data, b"+OK\r\n")
            client.close()


def place(server, pairs):
    """Clients on one worker of two, and as many on the other: they are dealt out in turn."""
    clients = [Client(server) for _ in range(2 * pairs)]
    for client in clients:
        client.ask("PING")
    return clients[::2], clients[1::2]


def bulk(word):
    return b"$%d\r\n%s\r\n" % (len(word), word)


def find_peak(server):
    """The most memory that the server ever had, in megabytes."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


class Readers(threading.Thread):
    """Read as fast as they can what clients are sent, up to so many bytes each."""

    def __init__(self, clients, size):
        super().__init__()
        self.sockets = [client.socket for client in clients]
        self.size = size
        self.got = [0] * len(clients)
        self.sums = [0] * len(clients)  # of the bytes, in their order
        self.closed = 0

    def read(self, number):
        data = self.sockets[number].recv(min(1 << 20, self.size - self.got[number]))
        self.got[number] += len(data)
        self.sums[number] = zlib.crc32(data, self.sums[number])
        self.closed += 0 if data else 1
        return data and self.got[number] < self.size

    def run(self):
        with selectors.DefaultSelector() as selector:
            for number, each in enumerate(self.sockets):
                selector.register(each, selectors.EVENT_READ, number)
            while selector.get_map():
                for key, _ in selector.select():
                    if not self.read(key.data):
                        selector.unregister(key.fileobj)


class FanOut(unittest.TestCase):
    """Subscribers that are served by another worker than those who publish. What they have not been
    sent yet must not pile up, whoever is faster; all else may wait for it."""

    def setUp(self):
        self.server = Server(directives=[("threads", "2"), ("notify-keyspace-events", "E$")])
        self.server.start()
        self.addCleanup(self.server.close)

    def publish(self, publisher, requests, window):
        """Sends them, so many at a time, and waits for their replies."""
        for begin in range(0, len(requests), window):
            part = requests[begin : begin + window]
            publisher.socket.sendall(b"".join(part))
            for _ in part:
                self.assertIn(publisher.read()[:1], b":+*")

    def check_peak(self):
        if not os.environ.get("SCDB_SANITIZED"):
            self.assertLess(find_peak(self.server), PEAK_MEGABYTES_MAX)

    def check(self, others, channel, told, requests, window):
        """`told` is what each of the others is to be told of these requests, in this order."""
        publishers, subscribers = place(self.server, others)
        for subscriber in subscribers:
            subscriber.ask("SUBSCRIBE", channel)
        messages = [
            b"*3\r\n" + bulk(b"message") + bulk(channel.encode()) + bulk(message) for message in told
        ]
        readers = Readers(subscribers, sum(map(len, messages)))
        readers.start()
        self.publish(publishers[0], requests, window)
        readers.join()
        self.assertEqual(readers.closed, 0)
        self.assertEqual(readers.got, [readers.size] * others)
        total = 0
        for message in messages:
            total = zlib.crc32(message, total)
        self.assertEqual(readers.sums, [total] * others)
        self.check_peak()
        for client in publishers + subscribers:
            client.close()

    def check_publish(self, others, size, count, window):
        count = max(window, int(count * SCALE))
        told = [b"%08d" % number + b"x" * (size - 8) for number in range(count)]
        self.check(others, "news", told, [encode("PUBLISH", "news", each) for each in told], window)

    def test_small_messages_one_at_a_time(self):
        self.check_publish(100, 1000, 4000, 1)

    def test_small_messages_in_a_pipeline(self):
        self.check_publish(100, 1000, 4000, 1000)

    def test_middling_messages(self):
        self.check_publish(50, 10000, 1000, 16)

    def test_large_messages(self):
        self.check_publish(20, 65536, 400, 1)

    def test_large_messages_in_a_pipeline(self):
        self.check_publish(5, 65536, 1500, 64)

    def test_transactions(self):
        told = [b"%08d" % number + b"x" * 5000 for number in range(int(2000 * SCALE) // 10 * 10)]
        requests = []
        for begin in range(0, len(told), 10):
            requests += [encode("MULTI")]
            requests += [encode("PUBLISH", "news", each) for each in told[begin : begin + 10]]
            requests += [encode("EXEC")]
        self.check(40, "news", told, requests, 120)

    def test_keyspace_events(self):
        keys = [b"%08d" % number + b"x" * 992 for number in range(int(4000 * SCALE))]
        requests = [encode("SET", key, "") for key in keys]
        self.check(100, "__keyevent@0__:set", keys, requests, 500)

    def test_who_does_not_read_holds_up_nobody(self):
        publishers, subscribers = place(self.server, 4)
        for subscriber in subscribers:
            subscriber.ask("SUBSCRIBE", "news")
        request = encode("PUBLISH", "news", b"x" * 65536)
        message = b"*3\r\n" + bulk(b"message") + bulk(b"news") + bulk(b"x" * 65536)
        count = int(64 + 1000 * SCALE)
        readers = Readers(subscribers[1:], len(message) * count)
        readers.start()
        self.publish(publishers[0], [request] * count, 8)
        readers.join()
        self.assertEqual(readers.closed, 0)
        self.assertEqual(readers.got, [readers.size] * 3)
        self.check_peak()


if __name__ == "__main__":
    test_program.run_tests()
