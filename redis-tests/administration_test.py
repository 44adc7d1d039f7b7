#!/usr/bin/python3
"""Clients that act on each other and on the server: CLIENT KILL, PAUSE and UNBLOCK, passwords, INFO,
and the commands that wait for the disk. What redis-server can do as well is done there too, and the
answers compared. Starts both servers. Closes with "N passed, N failed"."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import test_program  # noqa: E402  (after the path is set)
from pair import TestCase, on_both, ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401
from server import Server  # noqa: E402
from wire_client import Client, encode  # noqa: E402


class List(TestCase):
    @on_both
    def test_the_last_command(self, server):
        me, other = self.client(server), self.client(server)
        number = other.id()
        for command, shown in (
            (["CONFIG", "GET", "hz"], b"config|get"),
            (["NONSENSE"], b"NULL"),
            (["GET"], b"get"),
            (["CLIENT", "NONSENSE"], b"NULL"),
        ):
            other.ask(*command)
            with self.subTest(command=command):
                self.assertIn(b" cmd=%s user=" % shown, me.ask("CLIENT", "LIST", "ID", number))

    @on_both
    def test_the_order_of_flags(self, server):
        me, other = self.client(server), self.client(server)
        number = other.id()
        for command in (["CLIENT", "NO-EVICT", "ON"], ["MONITOR"], ["SUBSCRIBE", "channel"]):
            other.ask(*command)
        self.assertIn(b" flags=OPe ", me.ask("CLIENT", "LIST", "ID", number))


class Kill(TestCase):
    @on_both
    def test_by_id(self, server):
        me, other = self.client(server), self.client(server)
        self.assertEqual(me.ask("CLIENT", "KILL", "ID", other.id()), b":1\r\n")
        self.assertTrue(other.is_closed())
        self.assertNotIn(other.address.encode(), me.ask("CLIENT", "LIST"))

    @on_both
    def test_by_address(self, server):
        me, other, third = (self.client(server) for _ in range(3))
        self.assertEqual(me.ask("CLIENT", "KILL", other.address), b"+OK\r\n")
        self.assertTrue(other.is_closed())
        self.assertEqual(
            me.ask("CLIENT", "KILL", "ADDR", third.address, "TYPE", "normal"), b":1\r\n"
        )
        self.assertTrue(third.is_closed())

    @on_both
    def test_all_but_me(self, server):
        me, *others = (self.client(server) for _ in range(4))
        self.assertEqual(me.ask("CLIENT", "KILL", "TYPE", "normal"), b":3\r\n")
        self.assertTrue(all(other.is_closed() for other in others))
        self.assertEqual(me.ask("CLIENT", "LIST").count(b"id="), 1)

    @on_both
    def test_me(self, server):
        first, second = self.client(server), self.client(server)
        self.assertEqual(first.ask("CLIENT", "KILL", first.address), b"+OK\r\n")
        self.assertTrue(first.is_closed())
        killed = second.ask("CLIENT", "KILL", "ID", second.id(), "SKIPME", "no")
        self.assertEqual(killed, b":1\r\n")
        self.assertTrue(second.is_closed())


class Pause(TestCase):
    """A test that fails in a pause of a minute does not leave it to the next one."""

    def tearDown(self):
        for server in (ours, theirs):
            self.client(server).ask("CLIENT", "UNPAUSE")

    @on_both
    def test_writes_wait(self, server):
        me, other = self.client(server), self.client(server)
        begin = time.monotonic()
        me.ask("CLIENT", "PAUSE", 400, "WRITE")
        self.assertEqual(other.ask("SET", "k", "v"), b"+OK\r\n")
        self.assertGreater(time.monotonic() - begin, 0.39)
        me.ask("CLIENT", "PAUSE", 6000000, "WRITE")
        self.assertEqual(other.ask("GET", "k"), b"$1\r\nv\r\n")

    @on_both
    def test_all_wait(self, server):
        me, other = self.client(server), self.client(server)
        begin = time.monotonic()
        me.ask("CLIENT", "PAUSE", 400)
        self.assertEqual(other.ask("PING"), b"+PONG\r\n")
        self.assertGreater(time.monotonic() - begin, 0.39)

    @on_both
    def test_who_waits_is_shown_until_unpause(self, server):
        me, other = self.client(server), self.client(server)
        me.ask("CLIENT", "PAUSE", 600000, "WRITE")
        other.send("SET", "k", "v")
        self.assertFalse(other.has_answer(0.2))
        self.assertIn(b"flags=b ", me.ask("CLIENT", "LIST"))
        self.assertIn(b"\r\nblocked_clients:1\r\n", me.ask("INFO", "clients"))
        self.assertEqual(me.ask("CLIENT", "UNPAUSE"), b"+OK\r\n")
        self.assertEqual(other.read(), b"+OK\r\n")

    @on_both
    def test_shorter_after_one_called_off(self, server):
        """The first pause's end was waited for once, whatever came later."""
        me, other = self.client(server), self.client(server)
        me.ask("CLIENT", "PAUSE", 6000000, "WRITE")
        other.send("SET", "k", "v")
        self.assertFalse(other.has_answer(0.1))
        me.ask("CLIENT", "UNPAUSE")
        self.assertEqual(other.read(), b"+OK\r\n")
        me.ask("CLIENT", "PAUSE", 200)
        self.assertEqual(other.ask("PING"), b"+PONG\r\n")

    @on_both
    def test_who_monitors_goes_on(self, server):
        me, monitor = self.client(server), self.client(server)
        monitor.ask("MONITOR")
        me.ask("CLIENT", "PAUSE", 600000, "ALL")
        self.assertEqual(monitor.ask("PING"), b"+PONG\r\n")
        self.assertIn(b'"PING"', monitor.read())
        self.assertEqual(monitor.ask("CLIENT", "UNPAUSE"), b"+OK\r\n")
        self.assertEqual(me.ask("PING"), b"+PONG\r\n")

    @on_both
    def test_the_longest(self, server):
        """Beyond it the sum with the time overflows, and the pause has passed."""
        me, other = self.client(server), self.client(server)
        self.assertEqual(me.ask("CLIENT", "PAUSE", 2**63 - 1, "ALL"), b"+OK\r\n")
        self.assertEqual(other.ask("SET", "k", "v"), b"+OK\r\n")
        self.assertEqual(me.ask("CLIENT", "PAUSE", 2**63 - 2**42, "WRITE"), b"+OK\r\n")
        other.send("SET", "k", "v")
        self.assertFalse(other.has_answer(0.1))

    @on_both
    def test_longer_one_counts(self, server):
        me, other = self.client(server), self.client(server)
        begin = time.monotonic()
        me.ask("CLIENT", "PAUSE", 600, "WRITE")
        me.ask("CLIENT", "PAUSE", 1, "WRITE")
        self.assertEqual(other.ask("SET", "k", "v"), b"+OK\r\n")
        self.assertGreater(time.monotonic() - begin, 0.59)

    @on_both
    def test_transactions(self, server):
        me, other = self.client(server), self.client(server)
        reads = self.client(server)
        reads.ask("SET", "k", "v")
        for client, command in ((reads, ["GET", "k"]), (other, ["SET", "k", "w"])):
            client.ask("MULTI")
            self.assertEqual(client.ask(*command), b"+QUEUED\r\n")
        me.ask("CLIENT", "PAUSE", 600000, "WRITE")
        self.assertEqual(reads.ask("EXEC"), b"*1\r\n$1\r\nv\r\n")
        other.send("EXEC")
        self.assertFalse(other.has_answer(0.2))
        me.ask("CLIENT", "UNPAUSE")
        self.assertEqual(other.read(), b"*1\r\n+OK\r\n")


    def leave(self, server, mode, how):
        """Some that write and end their sides in a pause of a second; what they are told."""
        me, others = self.client(server), [self.client(server) for _ in range(5)]
        me.ask("FLUSHALL")
        me.ask("CLIENT", "PAUSE", 1000, mode)
        for number, other in enumerate(others):
            other.socket.sendall(encode("PING") + encode("SET", "k%d" % number, "v"))
            other.socket.shutdown(socket.SHUT_WR)
            if how == "close":
                other.close()
        time.sleep(0.3)
        if mode == "WRITE":  # else who asks has to wait as well
            self.assertIn(b"\r\nconnected_clients:1\r\n", me.ask("INFO", "clients"))
            self.assertIn(b"\r\nblocked_clients:0\r\n", me.ask("INFO", "clients"))
        self.assertEqual(me.ask("PING"), b"+PONG\r\n")
        time.sleep(1 if mode == "WRITE" else 0.2)
        self.assertEqual(me.ask("DBSIZE"), b":0\r\n")
        me.close()
        return [] if how == "close" else [other.socket.recv(100) for other in others]

    @on_both
    def test_who_goes_has_not_asked(self, server):
        for mode, told in (("WRITE", [b"+PONG\r\n"] * 5), ("ALL", [b""] * 5)):
            with self.subTest(mode=mode):
                self.assertEqual(self.leave(server, mode, "close"), [])
                self.assertEqual(self.leave(server, mode, "half"), told)

    @on_both
    def test_whose_replies_wait_when_it_goes_has_not_asked_either(self, server):
        """Redis throws them away, here they can be read until the pause is over."""
        me, other = self.client(server), self.client(server)
        me.ask("FLUSHALL")
        me.ask("SET", "large", "x" * (8 << 20))
        me.ask("CLIENT", "PAUSE", 1000, "WRITE")
        other.socket.sendall(encode("GET", "large") * 4 + encode("SET", "k", "v"))
        other.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(me.ask("SET", "after", "pause"), b"+OK\r\n")
        self.assertEqual(me.ask("EXISTS", "k"), b":0\r\n")
        self.assertTrue(other.socket.recv(1))
        other.close()
        time.sleep(0.2)
        self.assertEqual(me.ask("EXISTS", "k"), b":0\r\n")


class Gone(TestCase):
    """Who ends its side before it has been answered."""

    @on_both
    def test_what_follows_a_command_that_makes_durable(self, server):
        me = self.client(server)
        me.ask("CONFIG", "SET", "save", "3600 1")
        self.addCleanup(self.client(server).ask, "CONFIG", "SET", "save", "")
        for command in ("FLUSHALL", "SAVE"):
            for is_closed in (False, True):
                with self.subTest(command=command, is_closed=is_closed):
                    me.ask("FLUSHALL")
                    leaves = self.client(server)
                    requests = [encode("SET", "k%d" % number, "v") for number in range(1000)]
                    leaves.socket.sendall(encode(command) + b"".join(requests))
                    leaves.socket.shutdown(socket.SHUT_WR)
                    if is_closed:
                        leaves.close()
                        deadline = time.monotonic() + 10
                        while me.ask("DBSIZE") != b":1000\r\n" and time.monotonic() < deadline:
                            time.sleep(0.01)
                    else:
                        replies = leaves.socket.makefile("rb").read()
                        self.assertEqual(replies, b"+OK\r\n" * 1001)
                    self.assertEqual(me.ask("DBSIZE"), b":1000\r\n")


class Timeout(TestCase):
    @on_both
    def test_who_listens_stays(self, server):
        me = self.client(server)
        idle, monitors, subscribes = (self.client(server) for _ in range(3))
        monitors.ask("MONITOR")
        subscribes.ask("SUBSCRIBE", "channel")
        me.ask("CONFIG", "SET", "timeout", 1)
        self.addCleanup(lambda: self.client(server).ask("CONFIG", "SET", "timeout", 0))
        self.assertTrue(idle.is_closed())
        time.sleep(2.5)
        listing = self.client(server).ask("CLIENT", "LIST").decode()
        self.assertIn(monitors.address, listing)
        self.assertIn(subscribes.address, listing)
        self.assertNotIn(idle.address, listing)


class Password(TestCase):
    @on_both
    def test_of_clients_that_were_there_before(self, server):
        me, before = self.client(server), self.client(server)
        self.assertEqual(me.ask("CONFIG", "SET", "requirepass", "secret"), b"+OK\r\n")
        try:
            later = Client(server)
            self.addCleanup(later.close)
            self.assertEqual(before.ask("PING"), b"+PONG\r\n")
            self.assertTrue(later.ask("PING").startswith(b"-NOAUTH "))
            for wrong in ("", "s", "secre", "secrets", "SECRET"):
                self.assertTrue(later.ask("AUTH", wrong).startswith(b"-WRONGPASS "))
            self.assertEqual(later.ask("AUTH", "secret"), b"+OK\r\n")
            self.assertEqual(later.ask("PING"), b"+PONG\r\n")
            before.ask("RESET")
            self.assertTrue(before.ask("PING").startswith(b"-NOAUTH "))
        finally:
            self.assertEqual(me.ask("CONFIG", "SET", "requirepass", ""), b"+OK\r\n")
        self.assertEqual(before.ask("PING"), b"+PONG\r\n")


class Forbidden(TestCase):
    """DEBUG, and to load modules, where the configuration allows neither: by default."""

    COMMANDS = (["DEBUG", "SLEEP", "0"], ["MODULE", "LOAD", "x"], ["MODULE", "UNLOAD", "x"])

    def check(self, client):
        for command in self.COMMANDS:
            error = b"-ERR %s command not allowed. " % command[0].encode()
            self.assertEqual(client.ask(*command)[: len(error)], error)

    @on_both
    def test_is_not_queued(self, server):
        me = self.client(server)
        me.ask("MULTI")
        self.check(me)
        self.assertRegex(me.ask("EXEC"), b"^-EXECABORT ")

    @on_both
    def test_is_told_to_everybody(self, server):
        me = self.client(server)
        me.ask("CONFIG", "SET", "requirepass", "secret")
        try:
            stranger = Client(server)
            self.addCleanup(stranger.close)
            self.assertRegex(stranger.ask("MODULE", "LIST"), b"^-NOAUTH ")
            self.check(stranger)
        finally:
            me.ask("CONFIG", "SET", "requirepass", "")


class PasswordTakenAway(TestCase):
    @on_both
    def test_ends_the_limits_of_strangers(self, server):
        me = self.client(server)
        self.assertEqual(me.ask("CONFIG", "SET", "requirepass", "secret"), b"+OK\r\n")
        stranger = Client(server)
        self.addCleanup(stranger.close)
        self.assertTrue(stranger.ask("PING").startswith(b"-NOAUTH "))
        self.assertEqual(me.ask("CONFIG", "SET", "requirepass", ""), b"+OK\r\n")
        self.assertEqual(stranger.ask("SET", "k", "v" * 100000), b"+OK\r\n")
        self.assertEqual(stranger.ask("DEL", *range(20)), b":0\r\n")


def fields(client, *sections):
    section, found = None, []
    for line in client.ask("INFO", *sections).split(b"\r\n"):
        if line.startswith(b"# "):
            section = line
        elif b":" in line and section is not None:
            found.append((section, line.split(b":")[0]))
    return found


class Info(TestCase):
    def test_has_every_field(self):
        for sections in ((), ("server", "memory"), ("CLIENTS",), ("default",), ("everything",)):
            with self.subTest(sections=sections):
                a, b = self.client(ours), self.client(theirs)
                for client in (a, b):
                    client.ask("SET", "k", "v")
                counted = (b"# Commandstats", b"# Errorstats", b"# Latencystats")
                found = set(fields(a, *sections))
                wanted = [field for field in fields(b, *sections) if field[0] not in counted]
                self.assertEqual([field for field in wanted if field not in found], [])

    def test_sections(self):
        client = self.client(ours)
        self.assertEqual(client.ask("INFO", "nonsense"), b"$0\r\n\r\n")
        self.assertIn(b"# Scdb\r\nscdb_version:", client.ask("INFO"))
        self.assertNotIn(b"# Commandstats", client.ask("INFO"))
        self.assertIn(b"# Commandstats", client.ask("INFO", "server", "COMMANDSTATS"))

    def test_counts_commands(self):
        client = self.client(ours)
        client.ask("CONFIG", "RESETSTAT")
        for _ in range(3):
            client.ask("GET", "k")
        client.ask("GET")
        client.ask("CLIENT", "ID")
        text = client.ask("INFO", "commandstats", "errorstats")
        usec = rb"usec=\d+,usec_per_call=\d+\.\d\d"
        self.assertRegex(text, rb"\r\ncmdstat_get:calls=3,%s,rejected_calls=1," % usec)
        self.assertRegex(text, rb"\r\ncmdstat_client\|id:calls=1,")
        self.assertRegex(text, rb"\r\nerrorstat_ERR:count=1\r\n")


class Disk(TestCase):
    """What waits for the disk: only here."""

    def fill(self, client, count=20000, rounds=2):
        for _ in range(rounds):
            for i in range(count):
                client.send("SET", "fill:%d" % i, b"x" * 500)
            for _ in range(count):
                self.assertEqual(client.read(), b"+OK\r\n")

    def scdb(self, client, name):
        text = client.ask("INFO", "scdb", "persistence").decode()
        return int(text.split("\r\n%s:" % name)[1].split("\r\n")[0])

    def test_compact(self):
        waits, other = self.client(ours), self.client(ours)
        self.fill(waits)
        before = self.scdb(other, "file_bytes")
        waits.send("COMPACT")
        waits.send("GET", "fill:1")
        served = 0
        while not waits.has_answer():
            self.assertEqual(other.ask("SET", "served", served), b"+OK\r\n")
            served += 1
        reclaimed = int(waits.read()[1:])
        self.assertEqual(waits.read(), b"$500\r\n%s\r\n" % (b"x" * 500))
        self.assertGreater(reclaimed, 9000000)
        self.assertLess(self.scdb(other, "file_bytes"), before - 9000000)
        self.assertGreaterEqual(self.scdb(other, "compactions"), 1)

    def test_compact_async_and_errors(self):
        client = self.client(ours)
        started = b"+Background compaction started\r\n"
        self.assertEqual(client.ask("COMPACT", "ASYNC"), started)
        self.assertEqual(client.ask("compact", "x"), b"-ERR syntax error\r\n")
        self.assertEqual(client.ask("COMPACT", "ASYNC", "x"), b"-ERR syntax error\r\n")
        client.ask("MULTI")
        client.ask("COMPACT")
        self.assertEqual(client.ask("EXEC"), b"*1\r\n" + started)

    def test_clients_that_leave_while_they_wait(self):
        killer = self.client(ours)
        self.fill(killer)
        leaves, killed = self.client(ours), self.client(ours)
        number = killed.id()
        for client in (leaves, killed):
            client.send("COMPACT")
            client.send("SET", "after", "COMPACT")
        leaves.close()
        self.assertEqual(killer.ask("CLIENT", "KILL", "ID", number), b":1\r\n")
        self.assertEqual(killer.ask("COMPACT")[:1], b":")

    def test_save(self):
        client = self.client(ours)
        saves = self.scdb(client, "rdb_saves")
        client.ask("SET", "k", "v")
        self.assertEqual(client.ask("SAVE"), b"+OK\r\n")
        self.assertEqual(self.scdb(client, "rdb_changes_since_last_save"), 0)
        self.assertEqual(client.ask("BGSAVE"), b"+Background saving started\r\n")
        deadline = time.monotonic() + 30
        while self.scdb(client, "rdb_saves") < saves + 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(self.scdb(client, "rdb_saves"), saves + 2)
        self.assertLess(abs(int(client.ask("LASTSAVE")[1:]) - time.time()), 60)

    def test_waitaof(self):
        client = self.client(ours)
        for _ in range(3):
            client.ask("SET", "k", "v")
            self.assertEqual(client.ask("WAITAOF", 1, 0, 0), b"*2\r\n:1\r\n:0\r\n")
            self.assertEqual(client.ask("WAITAOF", 0, 0, 0), b"*2\r\n:1\r\n:0\r\n")
        self.assertEqual(
            client.ask("WAITAOF", 2, 0, 0),
            b"-ERR value is out of range, value must between 0 and 1\r\n",
        )

    def test_replies_that_nobody_wants(self):
        """CLIENT REPLY drops also those that come late."""
        client = self.client(ours)
        client.ask("CONFIG", "SET", "save", "3600 1")
        self.addCleanup(self.client(ours).ask, "CONFIG", "SET", "save", "")
        for command in (["FLUSHALL"], ["SAVE"], ["WAITAOF", 1, 0, 0], ["COMPACT"], ["PING"]):
            client.ask("SET", "k", "v")
            client.send("CLIENT", "REPLY", "SKIP")
            client.send(*command)
            self.assertEqual(client.ask("ECHO", "skipped"), b"$7\r\nskipped\r\n", command)
            client.ask("SET", "k", "v")
            client.send("CLIENT", "REPLY", "OFF")
            client.send(*command)
            self.assertEqual(client.ask("CLIENT", "REPLY", "ON"), b"+OK\r\n")
            self.assertEqual(client.ask("ECHO", "on"), b"$2\r\non\r\n", command)

    def test_stops_while_clients_wait(self):
        for command in (["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"], None):
            with self.subTest(command=command), Server() as server:
                clients = [self.client(server) for _ in range(9)]
                self.fill(clients[0], 5000)
                for i, client in enumerate(clients):
                    client.send("SET", "waits", i)
                    client.send(*(["COMPACT"], ["SAVE"], ["WAITAOF", 1, 0, 0])[i % 3])
                if command:
                    self.client(server).send(*command)
                    self.assertEqual(server.process.wait(60), 0, server.read_log())
                    server.start()  # on the same data
                    self.assertEqual(self.client(server).ask("DBSIZE"), b":5001\r\n")
                # otherwise the end of `with` sends SIGTERM and looks at the exit code

    def test_what_follows_a_shutdown_is_not_executed(self):
        for mode in ("SAVE", "NOSAVE"):
            with self.subTest(mode=mode), Server() as server:
                client = self.client(server)
                requests = (
                    ("SET", "before", 1),
                    ("SHUTDOWN", "nonsense"),
                    ("SHUTDOWN", "ABORT"),
                    ("INCR", "before"),
                    ("SHUTDOWN", mode),
                    ("SET", "after", 1),
                    ("GET", "after"),
                )
                client.socket.sendall(b"".join(encode(*request) for request in requests))
                replies = client.socket.makefile("rb").read()
                self.assertEqual(
                    replies,
                    b"+OK\r\n-ERR syntax error\r\n-ERR No shutdown in progress.\r\n:2\r\n",
                )
                self.assertEqual(server.process.wait(60), 0, server.read_log())
                server.start()  # on the same data
                self.assertEqual(self.client(server).ask("KEYS", "*"), b"*1\r\n$6\r\nbefore\r\n")
                # Whoever asks for it need not wait for the end.
                leaves = self.client(server)
                leaves.socket.sendall(encode("SHUTDOWN", mode) + encode("SET", "after", 1))
                leaves.close()
                self.assertEqual(server.process.wait(60), 0, server.read_log())
                server.start()
                self.assertEqual(self.client(server).ask("EXISTS", "after"), b":0\r\n")

    def test_a_signal_can_be_called_off_while_it_is_held_up(self):
        with Server(directives=[("enable-debug-command", "yes")]) as server:
            client = self.client(server)
            none = b"-ERR No shutdown in progress.\r\n"
            self.assertEqual(client.ask("SHUTDOWN", "ABORT"), none)
            self.assertEqual(client.ask("DEBUG", "PAUSE-CRON", 1), b"+OK\r\n")
            for number in (signal.SIGTERM, signal.SIGINT):
                self.assertEqual(client.ask("SHUTDOWN", "ABORT"), none)
                server.process.send_signal(number)
                deadline = time.monotonic() + 60
                while (reply := client.ask("SHUTDOWN", "ABORT")) == none:
                    self.assertLess(time.monotonic(), deadline)
                self.assertEqual(reply, b"+OK\r\n")
            self.assertIn("Shutdown manually aborted", server.read_log())
            self.assertEqual(client.ask("DEBUG", "PAUSE-CRON", 0), b"+OK\r\n")
            time.sleep(0.3)  # some ticks: none of them may follow the signal
            self.assertEqual(client.ask("PING"), b"+PONG\r\n")
            client.ask("DEBUG", "PAUSE-CRON", 1)
            server.process.send_signal(signal.SIGTERM)
            while "when DEBUG PAUSE-CRON is over" not in server.read_log().split("aborted")[-1]:
                self.assertLess(time.monotonic(), deadline)
            client.ask("DEBUG", "PAUSE-CRON", 0)
            self.assertEqual(server.process.wait(60), 0, server.read_log())

    def test_connections_end_when_the_store_is_closed(self):
        """`redis-cli shutdown` followed by a copy of the directory, or by a start, must be safe."""
        for command in (["SHUTDOWN"], ["SHUTDOWN", "NOSAVE"]):
            with self.subTest(command=command), Server() as server:
                pid_file = os.path.join(server.home, "pid")
                server.stop()
                server.directives = [("pidfile", pid_file)]
                server.start()
                clients = [self.client(server) for _ in range(5)]
                for client in clients:
                    client.id()  # by now it is known to have been accepted
                self.fill(clients[0], 5000)
                self.assertTrue(os.path.exists(pid_file))
                clients[0].send(*command)
                for client in clients:
                    with self.assertRaises((EOFError, ConnectionError)):
                        client.read()
                    self.assertFalse(os.path.exists(pid_file))
                    with open(os.path.join(server.directory, "LOCK"), "rb") as lock:
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.assertEqual(server.process.wait(60), 0, server.read_log())


class WithoutEffect(unittest.TestCase):
    def test_the_log_has_a_line_for_each_reason(self):
        directives = [("hz", 10), ("list-compress-depth", 1), ("dynamic-hz", "no")]
        with Server(directives=directives) as server:
            lines = [line.split(" effect (", 1)[1] for line in server.read_log().splitlines()
                     if "Configuration without effect" in line]  # fmt: skip
        self.assertEqual(
            lines,
            [
                "no work of the server is done by ticks): dynamic-hz, hz",
                "values have no in-memory encodings to choose from): list-compress-depth",
            ],
        )


class WebRequest(TestCase):
    """A browser that was talked into sending commands in the body of a request."""

    REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET stolen 1\r\n"

    def test_ends_the_connection(self):
        client, other = self.client(ours), self.client(ours)
        client.socket.sendall(self.REQUEST)
        self.assertTrue(client.is_closed())
        self.assertEqual(other.ask("EXISTS", "stolen"), b":0\r\n")

    def test_while_large_values_are_on_their_way(self):
        client, other = self.client(ours), self.client(ours)
        other.ask("SET", "large", b"v" * 3000000)
        for _ in range(20):
            client.send("GET", "large")
        time.sleep(0.2)  # by now some have left in part
        client.send("GET", "large")
        client.socket.sendall(self.REQUEST)
        address = client.address.encode()
        deadline = time.monotonic() + 30
        while address in other.ask("CLIENT", "LIST") and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertNotIn(address, other.ask("CLIENT", "LIST"))
        self.assertEqual(other.ask("DEL", "large"), b":1\r\n")


class ProtectedMode(TestCase):
    """Without a password only this machine is served, until somebody on it says otherwise."""

    def other_address(self):
        """An address of this machine that is not the loopback's."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # sends nothing
                address = probe.getsockname()[0]
            except OSError:
                address = "127.0.0.1"
        if address.startswith("127."):
            self.skipTest("there is no other address on this machine")
        return address

    def first_answer(self, address, port):
        with socket.create_connection((address, port), timeout=30) as connection:
            try:
                connection.sendall(b"PING\r\n")
            except OSError:
                pass  # closed already; what it said counts
            return connection.recv(1000)

    def test_can_be_switched_at_run_time(self):
        address = self.other_address()
        for reference in (False, True):
            with self.subTest(reference=reference), Server(reference=reference) as server:
                server.stop()
                server.host = "0.0.0.0"
                server.start()
                client = self.client(server)
                denied = b"-DENIED Redis is running in protected mode"
                self.assertEqual(self.first_answer(address, server.port)[: len(denied)], denied)
                self.assertEqual(client.ask("CONFIG", "SET", "protected-mode", "no"), b"+OK\r\n")
                self.assertEqual(self.first_answer(address, server.port), b"+PONG\r\n")
                client.ask("CONFIG", "SET", "protected-mode", "yes")
                client.ask("CONFIG", "SET", "requirepass", "secret")
                self.assertEqual(self.first_answer(address, server.port)[:7], b"-NOAUTH")


class RenamedCommands(TestCase):
    LINES = """
        rename-command CONFIG b840fc02d524045429941cc15f59e41cb7be6c52
        rename-command flushdb badger
        rename-command FLUSHALL ""
        rename-command EVAL ""
        rename-command get fetch
        rename-command set get
        user bob on nopass ~* &* +get +flushdb
    """
    QUESTIONS = """
        config get save
        b840fc02d524045429941cc15f59e41cb7be6c52 get maxclients
        B840FC02D524045429941CC15F59E41CB7BE6C52 nosuch
        b840fc02d524045429941cc15f59e41cb7be6c52 get
        b840fc02d524045429941cc15f59e41cb7be6c52
        flushdb
        badger x y
        flushall
        eval 1 0
        set a b
        get a b
        fetch
        fetch a
        badger
        fetch a
        multi
        get a
        get a 1
        exec
        command info get fetch set flushdb badger flushall config
        command list filterby pattern flush*
        command list filterby pattern config|ge*
        command getkeys set a b
        command getkeys get a b
        command getkeys fetch a
        acl dryrun bob get a b
        acl dryrun bob fetch a
        acl dryrun bob flushdb
        acl dryrun bob badger
        acl setuser bob +flushall
        acl setuser bob +badger
        acl setuser bob -config|get
        client list id x
        object nosuch
        auth bob x
        get a b
        fetch a
        badger
    """

    def start(self, server):
        server.configuration = os.path.join(server.home, "conf")
        with open(server.configuration, "w", encoding="ascii") as file:
            file.write(textwrap.dedent(self.LINES))
        server.start()
        self.addCleanup(server.close)
        return server

    def test_as_redis(self):
        clients = [
            self.client(self.start(server)) for server in (Server(), Server(reference=True))
        ]
        for line in self.QUESTIONS.strip().splitlines():
            scdb, redis = (client.ask(*line.split()) for client in clients)
            self.assertEqual(scdb, redis, line)

    def test_rewrite_keeps_them(self):
        server = self.start(Server())
        config = "b840fc02d524045429941cc15f59e41cb7be6c52"
        client = self.client(server)
        self.assertEqual(client.ask(config, "SET", "maxclients", "1234"), b"+OK\r\n")
        self.assertEqual(client.ask(config, "REWRITE"), b"+OK\r\n")
        server.restart()
        client = self.client(server)
        self.assertIn(b"1234", client.ask(config, "GET", "maxclients"))
        self.assertIn(b"unknown command", client.ask("FLUSHALL"))

    def test_a_wrong_line_is_told_with_what_to_do(self):
        for value, words in (
            ("nosuch x", "'rename-command nosuch x': there is no such command; correct"),
            ("get set", "another command has the new name; choose"),
        ):
            with tempfile.TemporaryDirectory() as directory:
                path = os.path.join(directory, "conf")
                with open(path, "w", encoding="ascii") as file:
                    file.write("rename-command " + value)
                command = [ours.path, path, "--port", "0", "--dir", directory]
                result = subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
                )
            self.assertEqual(result.returncode, 1)
            said = (result.stdout + result.stderr).decode()
            self.assertIn("conf, line 1: ", said)
            self.assertIn(words, said)


class StartedIn(Server):
    """A server with a working directory and arguments of its own, reached by its Unix socket."""

    def __init__(self, directory, path, arguments):
        super().__init__(path)
        self.working_directory = directory
        self.arguments = arguments

    def _spawn(self):
        command = [self.path, *self.arguments, "--port", "0", "--unixsocket", self.socket_path]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.working_directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def connect(self, timeout=60):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(self.socket_path)
        return connection


class Directory(TestCase):
    """`dir` is told as the absolute path that it has led to, and written so: programs for backups look
    there, wherever they or the server were started."""

    def run_in(self, directory, path, *arguments):
        """A server that is started in `directory`; a client of it."""
        server = StartedIn(directory, path, arguments)
        self.addCleanup(server.close)
        server.start()
        return self.client(server), server

    def test_is_absolute(self):
        for reference in (ours, theirs):
            with self.subTest(reference.path), tempfile.TemporaryDirectory() as home:
                home = os.path.realpath(home)
                configuration = os.path.join(home, "conf")
                with open(configuration, "w", encoding="ascii") as file:
                    file.write("# where it was started\n")
                for directory in ("here", "there", "here/data"):
                    os.mkdir(os.path.join(home, directory))
                here = os.path.join(home, "here")
                data = os.path.join(here, "data").encode()
                told = b"*2\r\n$3\r\ndir\r\n$%d\r\n%s\r\n" % (len(data), data)
                client, server = self.run_in(here, reference.path, configuration, "--dir", "data")
                self.assertEqual(client.ask("CONFIG", "GET", "dir"), told)
                self.assertEqual(client.ask("SET", "k", "v"), b"+OK\r\n")
                self.assertEqual(client.ask("SAVE"), b"+OK\r\n")
                self.assertEqual(client.ask("CONFIG", "REWRITE"), b"+OK\r\n")
                server.stop()
                with open(configuration, "rb") as file:
                    self.assertIn(b"\ndir ", file.read().replace(b'"', b"").replace(data, b""))
                client, server = self.run_in(os.path.join(home, "there"), reference.path, configuration)
                self.assertEqual(client.ask("CONFIG", "GET", "dir"), told)
                self.assertEqual(client.ask("GET", "k"), b"$1\r\nv\r\n")
                server.stop()

    def test_by_default_too(self):
        with tempfile.TemporaryDirectory() as home:
            client, server = self.run_in(home, ours.path)
            answer = client.ask("CONFIG", "GET", "dir").decode()
            self.assertTrue(answer.endswith("\r\n%s/scdb-data\r\n" % os.path.realpath(home)), answer)
            server.stop()


class NoListener(unittest.TestCase):
    def test_a_server_that_nobody_could_reach_does_not_start(self):
        for directives in ("--port", "0"), ("--bind", "-192.0.2.1"):
            with tempfile.TemporaryDirectory() as directory:
                command = [ours.path, "--dir", directory, *directives]
                result = subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
                )
                self.assertEqual(result.returncode, 1)
                self.assertIn(b"Configured to not listen anywhere, exiting.", result.stdout)
                if not ours.is_redis:
                    self.assertIn(b"no client could connect: set 'port'", result.stdout)
                    self.assertEqual(os.listdir(directory), [])


class Supervised(unittest.TestCase):
    """`daemonize yes`: who waits for the process that it has started must not see it end."""

    def info_of(self, path, process):
        """INFO, from whoever serves there. The process that was started may have ended before."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() in (None, 0):
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(60)
                    connection.connect(path)
                    connection.sendall(b"INFO server\r\nQUIT\r\n")
                    with connection.makefile("rb") as replies:
                        return dict(line.split(":", 1) for line in
                                    replies.read().decode().splitlines() if ":" in line)
            except OSError:
                time.sleep(0.01)
        return self.fail("nobody serves")

    def start(self, server, mode, supervisor):
        """Does the process that was started serve? And what INFO says of who watches over it."""
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "socket")
            names = ("NOTIFY_SOCKET", "UPSTART_JOB")
            environment = {name: os.environ[name] for name in os.environ if name not in names}
            words = [server.path, "--dir", home, "--port", "0", "--unixsocket", path, "--save", "",
                     "--daemonize", "yes", "--supervised", mode, "--pidfile", os.path.join(home, "pid")]
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.bind(os.path.join(home, "notify"))
                if supervisor:
                    environment["NOTIFY_SOCKET"] = os.path.join(home, "notify")
                process = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, env=environment)
                try:
                    told = self.info_of(path, process)
                    if int(told["process_id"]) != process.pid:
                        os.kill(int(told["process_id"]), signal.SIGKILL)
                        self.assertEqual(process.wait(60), 0)
                finally:
                    process.kill()
                    process.wait()
            return int(told["process_id"]) == process.pid, told["process_supervised"]

    @on_both
    def test_who_is_watched_over_stays_in_the_foreground(self, server):
        self.assertEqual(self.start(server, "systemd", True), (True, "systemd"))
        self.assertEqual(self.start(server, "auto", True), (True, "systemd"))
        self.assertEqual(self.start(server, "auto", False), (False, "no"))
        self.assertEqual(self.start(server, "systemd", False), (False, "no"))
        self.assertEqual(self.start(server, "upstart", True), (False, "no"))
        self.assertEqual(self.start(server, "no", True), (False, "no"))


class SecondServer(TestCase):
    """What another server that is started by mistake must leave alone."""

    def start_another(self, server, *directives):
        command = [server.path, "--dir", server.directory, "--unixsocket", server.socket_path]
        result = subprocess.run(
            [*command, *directives], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
        self.assertEqual(result.returncode, 1, result.stdout)
        return result.stdout + result.stderr

    def connect_by_path(self, server):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.connect(server.socket_path)
        connection.sendall(b"PING\r\n")
        self.assertEqual(connection.recv(7), b"+PONG\r\n")

    def test_leaves_pid_file_and_socket(self):
        with Server() as server:
            pid_file = os.path.join(server.home, "pid")
            server.stop()
            server.directives = [("pidfile", pid_file)]
            server.start()
            pid = ["--pidfile", pid_file]
            taken = self.start_another(server, "--port", str(server.port), *pid)
            self.assertIn(b"in use", taken)
            self.assertIn(b"in use", self.start_another(server, "--port", "0", *pid))
            other_path = ["--unixsocket", os.path.join(server.home, "other")]
            held = self.start_another(server, "--port", "0", *other_path, *pid)
            self.assertIn(b"the directory is in use by", held)
            with open(pid_file, encoding="ascii") as file:
                self.assertEqual(int(file.read()), server.pid)
            self.connect_by_path(server)
            server.kill()  # which leaves both behind, for a start to replace
            self.assertTrue(os.path.exists(server.socket_path))
            server.start()
            self.connect_by_path(server)
            server.stop()
            self.assertFalse(os.path.exists(pid_file))
            self.assertFalse(os.path.exists(server.socket_path))

    def test_a_socket_that_cannot_be_made_is_told_with_what_to_do(self):
        with Server() as server:
            nowhere = os.path.join(server.home, "nowhere", "socket")
            told = self.start_another(server, "--port", "0", "--unixsocket", nowhere)
            self.assertIn(b"No such file or directory. Check the directory in 'unixsocket'", told)
            told = self.start_another(server, "--port", "0", "--unixsocket", "x" * 120)
            self.assertIn(b"choose a shorter path", told)

    def test_a_file_that_is_no_socket_stays(self):
        with Server() as server:
            server.stop()
            with open(server.socket_path, "w", encoding="ascii") as file:
                file.write("precious")
            self.assertIn(b"in use", self.start_another(server, "--port", "0"))
            with open(server.socket_path, encoding="ascii") as file:
                self.assertEqual(file.read(), "precious")

    def test_an_empty_file_gives_way_to_the_socket(self):
        """As made by mktemp, so that no one else takes the name."""
        with Server() as server:
            server.stop()
            with open(server.socket_path, "w", encoding="ascii"):
                pass
            server.start()
            self.connect_by_path(server)


class Lolwut(TestCase):
    @on_both
    def test_arguments_are_looked_at_for_old_pictures_only(self, server):
        client = self.client(server)
        for accepted in ([], ["+"], ["01", "x"], ["VERSION", 7, "nan"], ["VERSION", 6, 4, 2, "x"]):
            self.assertIn(client.ask("LOLWUT", *accepted)[:1], b"$=", accepted)
        for refused in (["+"], [5, "+"], [5, 1, 2, "x"], [6, 4, "01"]):
            self.assertEqual(
                client.ask("LOLWUT", "VERSION", *refused),
                b"-ERR value is not an integer or out of range\r\n",
                refused,
            )


if __name__ == "__main__":
    test_program.run_tests()
