#!/usr/bin/python3
"""MIGRATE: keys go from scdb to scdb, from scdb to redis-server and back, whole and with what they
have. Starts both servers. Closes with "N passed, N failed"."""

import os
import socket
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import test_program  # noqa: E402  (after the path is set)
from server import Server  # noqa: E402
from wire_client import Client  # noqa: E402

ours = Server()
another = Server()
theirs = Server(reference=True)


def setUpModule():
    for server in (ours, another, theirs):
        server.start()


def tearDownModule():
    for server in (ours, another, theirs):
        server.close()


class TestCase(unittest.TestCase):
    def client(self, server):
        client = Client(server)
        self.addCleanup(client.close)
        self.assertEqual(client.ask("FLUSHALL"), b"+OK\r\n")
        return client

    def busy(self):
        """A server that accepts connections and never says anything."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener.getsockname()[1]


def between_servers(test):
    """Runs test(self, source, target, server of the target) for each way."""

    def run(self):
        for name, source, target in (
            ("to scdb", ours, another),
            ("to redis-server", ours, theirs),
            ("from redis-server", theirs, ours),
        ):
            with self.subTest(name):
                test(self, self.client(source), self.client(target), target)

    return run


class Start(unittest.TestCase):
    """scdb is started where redis-server ran: its files stay, and the log says that they are not read."""

    def files(self, directory):
        found = {}
        for folder, _, names in os.walk(directory):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
        return found

    def test_in_the_directory_of_redis_server(self):
        redis, scdb = Server(reference=True), Server()
        self.addCleanup(redis.close)
        self.addCleanup(scdb.close)
        redis.start()
        client = Client(redis)
        self.addCleanup(client.close)
        for request in ("SET", "key", "value"), ("SAVE",):
            self.assertEqual(client.ask(*request), b"+OK\r\n")
        redis.stop()
        before = self.files(redis.directory)
        scdb.directory = redis.directory
        scdb.start()
        for name in "dump.rdb", "appendonlydir":
            self.assertIn(f"the store has no keys, and '{name}'", scdb.read_log())
        client = Client(scdb)
        self.addCleanup(client.close)
        client.ask("SET", "key", "value")
        warnings = scdb.read_log().count("dump.rdb")
        scdb.restart()
        self.assertEqual(scdb.read_log().count("dump.rdb"), warnings)
        after = self.files(redis.directory)
        self.assertEqual({name: after[name] for name in before}, before)


class AppendOnlyFile(TestCase):
    """Written as commands, it can be sent to scdb: all databases and expiries."""

    def test_is_sent_by_redis_cli(self):
        redis = Server(reference=True, directives=[("aof-use-rdb-preamble", "no")])
        self.addCleanup(redis.close)
        redis.start()
        source, target = self.client(redis), self.client(ours)
        source.ask("SET", "key", "value", "EX", "1000")
        source.ask("APPEND", "key", bytes(range(256)))
        source.ask("SELECT", "3")
        source.ask("SETBIT", "bits", "100", "1")
        source.ask("RPUSH", "list", "1")
        source.ask("BGREWRITEAOF")
        deadline = time.monotonic() + 60
        while b"aof_rewrite_in_progress:0" not in source.ask("INFO", "persistence"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        folder = os.path.join(redis.directory, "appendonlydir")
        (name,) = (name for name in os.listdir(folder) if name.endswith(".base.aof"))
        with open(os.path.join(folder, name), "rb") as commands:
            sent = subprocess.run(
                ["redis-cli", "-h", ours.host, "-p", str(ours.port), "--pipe"],
                stdin=commands, capture_output=True, timeout=60, check=False,
            )
        self.assertIn(b"unknown command 'RPUSH', with args beginning with: 'list'", sent.stdout + sent.stderr)
        self.assertIn(b"errors: 1, ", sent.stdout)
        for database in "0", "3":
            for client in source, target:
                client.ask("SELECT", database)
            for request in ("GET", "key"), ("PEXPIRETIME", "key"), ("GET", "bits"):
                self.assertEqual(target.ask(*request), source.ask(*request))


class Moves(TestCase):
    @between_servers
    def test_values_and_their_expiry(self, source, target, server):
        values = {"text": b"Some Value", "number": b"-12345", "empty": b"", "any": bytes(range(256))}
        values["large"] = b"".join(b"%d " % i for i in range(300000))
        for key, value in values.items():
            source.ask("SET", key, value)
        source.ask("SET", "expiring", "v", "PX", 100000)
        for key, value in values.items():
            reply = source.ask("MIGRATE", "127.0.0.1", server.port, key, 9, 60000)
            self.assertEqual(reply, b"+OK\r\n", key)
            self.assertEqual(source.ask("EXISTS", key), b":0\r\n")
            self.assertEqual(target.ask("SELECT", 9), b"+OK\r\n")
            self.assertEqual(target.ask("GET", key), b"$%d\r\n%s\r\n" % (len(value), value))
            self.assertEqual(target.ask("TTL", key), b":-1\r\n")
        source.ask("MIGRATE", "localhost", server.port, "expiring", 9, 60000)
        self.assertTrue(0 < int(target.ask("PTTL", "expiring")[1:]) <= 100000)

    @between_servers
    def test_many_keys(self, source, target, server):
        names = [f"key:{i}" for i in range(5000)]
        for name in names:
            source.send("SET", name, name * 20)
        for _ in names:
            source.read()
        target.ask("SET", "key:7", "taken")
        move = ["MIGRATE", "127.0.0.1", server.port, "", 0, 60000]
        self.assertEqual(
            source.ask(*move, "KEYS", "nokey", *names),
            b"-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n",
        )
        self.assertEqual(source.ask("KEYS", "*"), b"*1\r\n$5\r\nkey:7\r\n")
        self.assertEqual(target.ask("DBSIZE"), b":5000\r\n")
        self.assertEqual(source.ask(*move, "COPY", "REPLACE", "KEYS", "key:7"), b"+OK\r\n")
        self.assertEqual(target.ask("STRLEN", "key:7"), b":100\r\n")
        self.assertEqual(source.ask("DBSIZE"), b":1\r\n")

    def test_a_list_stays_where_it_is(self):
        source, target = self.client(theirs), self.client(ours)
        source.ask("MSET", "a", "1", "b", "2")
        source.ask("RPUSH", "list", "1", "2")
        refusal = b"ERR Bad data format: the value is not a string, and scdb has no others\r\n"
        answer = source.ask("MIGRATE", ours.host, str(ours.port), "", "0", "5000", "KEYS", "a", "list", "b")
        self.assertEqual(answer, b"-ERR Target instance replied with error: " + refusal)
        self.assertEqual(target.ask("MGET", "a", "b"), b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n")
        self.assertEqual(source.ask("KEYS", "*"), b"*1\r\n$4\r\nlist\r\n")

    def test_replies_are_those_of_redis(self):
        questions = """
            x 9 5000 KEYS a b
            nokey 9 5000
            big 9 5000 foo
            big 9 5000 AUTH
            big 9 5000 AUTH2 a
            big 9 5000 AUTH xx
            big 9 5000 AUTH2 default xx
            big 9 5000 AUTH2 nobody xx
            big 99 5000
            big 9 x
            big x 9
            big 9 5000 copy
            big 9 5000 copy
            big 9 5000 copy replace
            big 9 5000 AUTH2 default xx replace
            big 9 5000
        """
        sources, targets = (ours, theirs), (theirs, another)
        self.client(another)
        for client in [self.client(source) for source in sources]:
            client.ask("SET", "big", "v" * 1000)
        for line in questions.strip().splitlines():
            key, *rest = line.split()
            answers = []
            for source, target in zip(sources, targets):
                client = Client(source)
                self.addCleanup(client.close)
                answers.append(client.ask("MIGRATE", "127.0.0.1", target.port, key, *rest))
                answers[-1] += client.ask("EXISTS", "big")
            self.assertEqual(answers[0], answers[1], line)


class Kept(TestCase):
    """Connections that are kept for a while."""

    def setUp(self):
        self.source, self.target = self.client(ours), self.client(another)
        self.move = ["MIGRATE", "127.0.0.1", another.port, "k", 0, 60000]

    def info(self, client, name):
        text = client.ask("INFO", "stats").decode()
        return int(text.split(f"\r\n{name}:")[1].split("\r\n")[0])

    def test_one_for_many_keys(self):
        for i in range(50):
            self.source.ask("SET", f"k{i}", i)
        before = self.info(self.target, "total_connections_received")
        for i in range(50):
            reply = self.source.ask("MIGRATE", "127.0.0.1", another.port, f"k{i}", i % 3, 60000)
            self.assertEqual(reply, b"+OK\r\n")
            self.assertGreater(self.info(self.source, "migrate_cached_sockets"), 0)
        opened = self.info(self.target, "total_connections_received") - before
        self.assertLessEqual(opened, 1)  # 0: a test before has left one
        for database, count in ((0, 17), (1, 17), (2, 16)):
            self.target.ask("SELECT", database)
            self.assertEqual(self.target.ask("DBSIZE"), b":%d\r\n" % count)

    def test_behind_an_error(self):
        self.target.ask("SET", "k", "taken")
        for _ in range(3):
            self.source.ask("SET", "k", "v")
            self.assertIn(b"BUSYKEY", self.source.ask(*self.move))
        self.assertEqual(self.source.ask(*self.move, "REPLACE"), b"+OK\r\n")
        self.assertEqual(self.target.ask("GET", "k"), b"$1\r\nv\r\n")

    def test_nobody_gets_one_that_another_has_logged_in(self):
        self.target.ask("ACL", "SETUSER", "mover", "on", ">secret", "~*", "+@all")
        self.target.ask("CONFIG", "SET", "requirepass", "other")
        self.target.ask("CLIENT", "KILL", "TYPE", "normal")  # what was kept without a password
        self.source.ask("SET", "k", "v")
        try:
            self.assertEqual(self.source.ask(*self.move, "AUTH2", "mover", "secret"), b"+OK\r\n")
            self.target.ask("FLUSHALL")
            for words in ([], ["AUTH2", "mover", "wrong"], ["AUTH", "wrong"]):
                self.source.ask("SET", "k", "v")
                reply = self.source.ask(*self.move, *words)
                self.assertIn(b"Target instance replied with error", reply, words)
                self.assertEqual(self.target.ask("DBSIZE"), b":0\r\n")
            self.assertEqual(self.source.ask(*self.move, "AUTH", "other"), b"+OK\r\n")
        finally:
            self.target.ask("CONFIG", "SET", "requirepass", "")

    def test_the_other_server_is_started_anew(self):
        self.source.ask("SET", "k", "v")
        self.assertEqual(self.source.ask(*self.move), b"+OK\r\n")
        another.restart()
        self.source.ask("SET", "k", "w")
        self.assertEqual(self.source.ask(*self.move, "REPLACE"), b"+OK\r\n")

    def test_one_that_breaks_when_it_is_used(self):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(60)
        self.addCleanup(listener.close)
        move = ["MIGRATE", "127.0.0.1", listener.getsockname()[1], "k", 0, 60000]
        first = None
        for is_broken in (False, True):
            self.source.ask("SET", "k", "v")
            self.source.send(*move)
            if is_broken:
                self.take_request(first)
                first.close()
            first, _ = listener.accept()
            self.take_request(first)
            first.sendall(b"+OK\r\n+OK\r\n")
            self.assertEqual(self.source.read(), b"+OK\r\n")
        self.addCleanup(first.close)

    def test_the_server_stops_while_it_is_used(self):
        """Nobody is called again then."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        move = ["MIGRATE", "127.0.0.1", listener.getsockname()[1], "k", 0, 60000]
        with Server() as server:
            source = self.client(server)
            source.ask("SET", "k", "v")
            source.send(*move)
            connection, _ = listener.accept()
            self.addCleanup(connection.close)
            self.take_request(connection)
            connection.sendall(b"+OK\r\n+OK\r\n")
            self.assertEqual(source.read(), b"+OK\r\n")
            source.ask("SET", "k", "v")
            source.send(*move)
            self.take_request(connection)
            server.stop()
        listener.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            listener.accept()

    def take_request(self, connection):
        connection.settimeout(60)
        got = b""
        while b"RESTORE" not in got or not got.endswith(b"\r\n"):
            more = connection.recv(65536)
            self.assertNotEqual(more, b"", "the connection has ended")
            got += more


class Between(TestCase):
    """What happens while keys are on their way."""

    def start(self, source, port, key="k"):
        """Others are served, and have seen that the client waits."""
        source.send("MIGRATE", "127.0.0.1", port, key, 0, 60000)
        self.assertFalse(source.has_answer(0.1))

    def test_a_key_that_was_written_stays(self):
        source, other, target = self.client(ours), Client(ours), self.client(another)
        self.addCleanup(other.close)
        source.ask("SET", "k", "before")
        target.ask("CLIENT", "PAUSE", 100000, "WRITE")
        self.start(source, another.port)
        self.assertEqual(other.ask("SET", "k", "after"), b"+OK\r\n")
        target.ask("CLIENT", "UNPAUSE")
        reply = source.read()
        self.assertTrue(reply.startswith(b"-ERR 1 of the keys were written here while"), reply)
        self.assertEqual(other.ask("GET", "k"), b"$5\r\nafter\r\n")
        self.assertEqual(target.ask("GET", "k"), b"$6\r\nbefore\r\n")

    def test_a_large_string_that_was_changed_where_it_lies_stays(self):
        source, other, target = self.client(ours), Client(ours), self.client(another)
        self.addCleanup(other.close)
        source.ask("SET", "k", "x" * 1000000)
        source.ask("SETRANGE", "k", 0, "in pieces")  # from here on a change need not write the header
        target.ask("CLIENT", "PAUSE", 100000, "WRITE")
        self.start(source, another.port)
        self.assertEqual(other.ask("SETRANGE", "k", 500000, "after"), b":1000000\r\n")
        target.ask("CLIENT", "UNPAUSE")
        self.assertTrue(source.read().startswith(b"-ERR 1 of the keys were written here while"))
        self.assertEqual(other.ask("GETRANGE", "k", 500000, 500004), b"$5\r\nafter\r\n")

    def test_a_key_that_was_deleted_is_no_harm(self):
        source, other, target = self.client(ours), Client(ours), self.client(another)
        self.addCleanup(other.close)
        source.ask("SET", "k", "v")
        target.ask("CLIENT", "PAUSE", 100000, "WRITE")
        self.start(source, another.port)
        self.assertEqual(other.ask("DEL", "k"), b":1\r\n")
        target.ask("CLIENT", "UNPAUSE")
        self.assertEqual(source.read(), b"+OK\r\n")

    def wait_for(self, client, command, reply):
        deadline = time.monotonic() + 60
        while client.ask(*command) != reply and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(client.ask(*command), reply)

    def test_a_client_that_is_killed_keeps_its_keys(self):
        source, other, target = self.client(ours), self.client(ours), self.client(another)
        other.ask("SET", "k", "v")
        number = source.id()
        target.ask("CLIENT", "PAUSE", 100000, "WRITE")
        self.start(source, another.port)
        self.assertEqual(other.ask("CLIENT", "KILL", "ID", number), b":1\r\n")
        target.ask("CLIENT", "UNPAUSE")
        self.wait_for(target, ["EXISTS", "k"], b":1\r\n")
        self.assertEqual(other.ask("EXISTS", "k"), b":1\r\n")

    def test_a_client_that_leaves_has_moved_its_keys(self):
        """And what it had sent behind that is executed: Redis notices only then that it has gone."""
        for server in (ours, theirs):
            for is_closed in (False, True):
                with self.subTest(server=server.path, is_closed=is_closed):
                    source, other, target = (self.client(each) for each in (server, server, another))
                    other.ask("SET", "k", "v")
                    target.ask("CLIENT", "PAUSE", 100000, "WRITE")
                    self.start(source, another.port)
                    source.send("SET", "after", "1")
                    source.socket.shutdown(socket.SHUT_WR)
                    if is_closed:
                        source.close()
                    time.sleep(0.2)
                    target.ask("CLIENT", "UNPAUSE")
                    self.wait_for(other, ["EXISTS", "after"], b":1\r\n")
                    self.assertEqual(target.ask("EXISTS", "k"), b":1\r\n")
                    self.assertEqual(other.ask("EXISTS", "k"), b":0\r\n")
                    if not is_closed:
                        self.assertEqual([source.read(), source.read()], [b"+OK\r\n"] * 2)
                        self.assertTrue(source.is_closed())

    def test_who_watches_and_listens_is_told(self):
        source, other, target = self.client(ours), Client(ours), self.client(another)
        self.addCleanup(other.close)
        other.ask("CONFIG", "SET", "notify-keyspace-events", "Eg")
        source.ask("SET", "k", "v")
        other.ask("WATCH", "k")
        self.assertEqual(source.ask("MIGRATE", "127.0.0.1", another.port, "k", 0, 60000), b"+OK\r\n")
        other.ask("MULTI")
        other.ask("PING")
        self.assertEqual(other.ask("EXEC"), b"*-1\r\n")
        other.ask("SUBSCRIBE", "__keyevent@0__:del")
        source.ask("SET", "k", "v")
        target.ask("DEL", "k")
        self.assertEqual(source.ask("MIGRATE", "127.0.0.1", another.port, "k", 0, 60000), b"+OK\r\n")
        self.assertEqual(
            other.read(), b"*3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:del\r\n$1\r\nk\r\n"
        )

    def test_who_keeps_copies_is_told_though_no_command_follows(self):
        source, other, target = self.client(ours), self.client(ours), self.client(another)
        told = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$4\r\nkept\r\n"
        target.ask("DEL", "kept")
        other.ask("HELLO", 3)
        self.assertEqual(other.ask("CLIENT", "TRACKING", "ON", "BCAST"), b"+OK\r\n")
        source.ask("SET", "kept", "v")
        self.assertEqual(other.read(), told)
        self.assertEqual(
            source.ask("MIGRATE", "127.0.0.1", another.port, "kept", 0, 60000), b"+OK\r\n"
        )
        self.assertEqual(other.read(), told)

    def test_a_server_that_says_nothing(self):
        source = self.client(ours)
        source.ask("SET", "k", "v")
        reply = source.ask("MIGRATE", "127.0.0.1", self.busy(), "k", 0, 100)
        self.assertEqual(reply, b"-IOERR error or timeout reading to target instance\r\n")
        self.assertEqual(source.ask("EXISTS", "k"), b":1\r\n")

    def test_a_server_that_is_not_there(self):
        """Redis begins to write before it knows that nobody listens."""
        for server in (theirs, ours):
            source = self.client(server)
            source.ask("SET", "k", "v")
            with self.subTest(server.path), socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))  # nobody listens there
                port = taken.getsockname()[1]
                reply = source.ask("MIGRATE", "127.0.0.1", port, "k", 0, 60000)
                self.assertEqual(reply, b"-IOERR error or timeout writing to target instance\r\n")
                reply = source.ask("MIGRATE", "x" * 300, port, "k", 0, 60000)
                self.assertEqual(reply, b"-IOERR error or timeout connecting to the client\r\n")
        self.assertEqual(source.ask("EXISTS", "k"), b":1\r\n")

    def test_not_within_a_transaction(self):
        source = self.client(ours)
        source.ask("SET", "k", "v")
        source.ask("MULTI")
        source.ask("MIGRATE", "127.0.0.1", another.port, "k", 0, 100)
        self.assertIn(b"-ERR MIGRATE waits for another server", source.ask("EXEC"))

    def test_the_server_stops_meanwhile(self):
        with Server() as server:
            source = self.client(server)
            source.ask("SET", "k", "v")
            source.send("MIGRATE", "127.0.0.1", self.busy(), "k", 0, 2000000000)
            self.assertFalse(source.has_answer(0.1))
            server.restart()
            again = Client(server)
            self.addCleanup(again.close)
            self.assertEqual(again.ask("GET", "k"), b"$1\r\nv\r\n")


if __name__ == "__main__":
    test_program.run_tests()
