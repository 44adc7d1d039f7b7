#!/usr/bin/python3
"""What clients see of durability when the disk is slow or fails: held replies, WAITAOF, MISCONF,
INFO persistence. The real server runs on a disk that fails on demand (support/fault_disk.c).
Closes with "N passed, N failed"."""

import os
import socket
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import server as support  # noqa: E402  (after the path is set)
import test_program  # noqa: E402
import wire  # noqa: E402

DURABLE = b"*2\r\n:1\r\n:0\r\n"
NOT_DURABLE = b"*2\r\n:0\r\n:0\r\n"
WAIT_SECONDS_MAX = 60
TELLING = "opening the store: "
OPENED = "The store is open: "


class FaultyServer(support.Server):
    """A server whose disk obeys the files in a directory."""

    def __enter__(self):
        self.faults = os.path.join(self.home, "faults")
        os.mkdir(self.faults)
        library = os.path.join(
            os.path.dirname(support.scdb_path()), "redis-tests", "fault_disk.so"
        )
        self.environment = {
            "LD_PRELOAD": library,
            "SCDB_FAULTS": self.faults,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        for fault in os.listdir(self.faults):
            self.mend(fault)
        self.close()

    def fault(self, name):
        with open(os.path.join(self.faults, name), "w", encoding="ascii"):
            pass

    def mend(self, name):
        os.unlink(os.path.join(self.faults, name))


class Client:
    """Speaks inline commands; replies as bytes of the wire, read by what is expected."""

    def __init__(self, server):
        self.socket = server.connect(timeout=WAIT_SECONDS_MAX)
        self.received = b""

    def send(self, command):
        self.socket.sendall(command.encode() + b"\r\n")

    def _line(self):
        while b"\r\n" not in self.received:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self.received += data
        line, _, self.received = self.received.partition(b"\r\n")
        return line + b"\r\n"

    def reply(self):
        line = self._line()
        if line.startswith(b"$") and line != b"$-1\r\n":
            size = int(line[1:]) + 2
            while len(self.received) < size:
                self.received += self.socket.recv(1 << 16)
            line += self.received[:size]
            self.received = self.received[size:]
        elif line.startswith(b"*"):
            line += b"".join(self.reply() for _ in range(int(line[1:])))
        return line

    def ask(self, command):
        self.send(command)
        return self.reply()

    def expect(self, text):
        """Reads until the text has come."""
        while text not in self.received:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self.received += data
        self.received = self.received.partition(text)[2]

    def info(self, name):
        text = self.ask("INFO persistence commandstats errorstats").decode()
        return text.split(f"\r\n{name}:")[1].split("\r\n")[0]

    def wait_for_info(self, name, wanted):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while self.info(name) != wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.info(name)


def policy(name):
    return FaultyServer(directives=[("appendfsync", name)])


class Always(unittest.TestCase):
    def test_others_go_on_while_a_sync_takes_its_time(self):
        with policy("always") as server:
            writer, reader = Client(server), Client(server)
            self.assertEqual(writer.ask("SET old 1"), b"+OK\r\n")
            server.fault("hold-fdatasync")
            writer.send("SET new 2")
            self.assertEqual(reader.wait_for_info("aof_pending_bio_fsync", "1"), "1")
            for _ in range(3):
                self.assertEqual(reader.ask("GET old"), b"$1\r\n1\r\n")
            # Who reads what is being made durable waits for it, and so does another writer.
            waiting = Client(server)
            waiting.send("GET new")
            other = Client(server)
            other.send("SET other 3")
            for client in (writer, waiting, other):
                client.socket.settimeout(0.2)
                with self.assertRaises(TimeoutError):
                    client.reply()
                client.socket.settimeout(WAIT_SECONDS_MAX)
            self.assertGreater(int(reader.info("bytes_not_durable")), 0)
            # Who watches the server does not wait.
            self.assertIn(b"\r\nappendfsync:always\r\n", reader.ask("INFO"))
            self.assertIn(b"\r\ndb0:keys=3,", reader.ask("INFO everything"))
            self.assertIn(b"keys.count", reader.ask("MEMORY STATS"))
            server.mend("hold-fdatasync")
            self.assertEqual(writer.reply(), b"+OK\r\n")
            self.assertEqual(waiting.reply(), b"$1\r\n2\r\n")
            self.assertEqual(other.reply(), b"+OK\r\n")
            self.assertEqual(reader.info("bytes_not_durable"), "0")
            self.assertGreater(int(reader.info("last_fsync_usec")), 0)
            self.assertLess(abs(int(reader.info("last_fsync_time")) - time.time()), 60)

    def ask_beside(self, server, write, reader, command):
        """The reader's reply to a command, which may not come before `write`, whose sync is held."""
        writer, other = Client(server), Client(server)
        server.fault("hold-fdatasync")
        writer.send(write)
        self.assertEqual(other.wait_for_info("aof_pending_bio_fsync", "1"), "1")
        reader.send(command)
        reader.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            reader.reply()
        reader.socket.settimeout(WAIT_SECONDS_MAX)
        server.mend("hold-fdatasync")
        self.assertEqual(writer.reply(), b"+OK\r\n")
        return reader.reply()

    def test_who_reads_from_a_swapped_database_waits_for_the_swap(self):
        """However old the value is: a crash would put it back where it was."""
        with policy("always") as server:
            reader = Client(server)
            self.assertEqual(reader.ask("SET k old"), b"+OK\r\n")
            self.assertEqual(reader.ask("SELECT 1"), b"+OK\r\n")
            self.assertEqual(self.ask_beside(server, "SWAPDB 0 1", reader, "GET k"), b"$3\r\nold\r\n")

    def test_a_transaction_that_a_change_has_ended_waits_for_the_change(self):
        with policy("always") as server:
            watcher = Client(server)
            self.assertEqual(watcher.ask("WATCH k"), b"+OK\r\n")
            self.assertEqual(watcher.ask("MULTI"), b"+OK\r\n")
            self.assertEqual(self.ask_beside(server, "SET k 1", watcher, "EXEC"), b"*-1\r\n")

    def test_a_write_without_a_reply_behind_replies_that_are_not_read(self):
        """Its place moves when they have left: nothing but the next reply comes, once it may."""
        with policy("always") as server:
            client, other = Client(server), Client(server)
            other.ask("SETRANGE v 999999 x")
            for _ in range(10):
                client.send("GET v")
            while "cmdstat_get:calls=10," not in other.ask("INFO commandstats").decode():
                time.sleep(0.01)
            server.fault("hold-fdatasync")
            client.send("CLIENT REPLY SKIP\r\nSET a 1")
            self.assertEqual(other.wait_for_info("aof_pending_bio_fsync", "1"), "1")
            for _ in range(10):
                self.assertEqual(len(client.reply()), len("$1000000\r\n\r\n") + 1000000)
            client.send("SET b 1")
            client.socket.settimeout(0.1)
            with self.assertRaises(TimeoutError):
                client.reply()
            client.socket.settimeout(WAIT_SECONDS_MAX)
            server.mend("hold-fdatasync")
            self.assertEqual(client.reply(), b"+OK\r\n")
            self.assertEqual(client.ask("PING"), b"+PONG\r\n")

    def test_a_changed_mode_releases_those_who_wait(self):
        with policy("always") as server:
            writer, other = Client(server), Client(server)
            server.fault("hold-fdatasync")
            writer.send("SET k 1")
            self.assertEqual(other.wait_for_info("aof_pending_bio_fsync", "1"), "1")
            self.assertEqual(other.ask("CONFIG SET appendfsync no"), b"+OK\r\n")
            self.assertEqual(other.info("appendfsync"), "no")
            self.assertEqual(other.ask("SET free 1"), b"+OK\r\n")
            server.mend("hold-fdatasync")
            self.assertEqual(writer.reply(), b"+OK\r\n")


class ValuesOnTheirWay(unittest.TestCase):
    def test_who_ends_its_side_is_answered_when_its_value_is_written(self):
        """The value is on its way, ahead of its command, when all replies before it have left."""
        size = 1 << 20
        with policy("always") as server:
            other, client = Client(server), Client(server)
            self.assertEqual(other.ask("CONFIG SET client-output-buffer-pause 4mb"), b"+OK\r\n")
            other.socket.sendall(wire.encode((b"SET", b"v", b"x" * size)))
            self.assertEqual(other.reply(), b"+OK\r\n")
            server.fault("hold-fdatasync")
            client.socket.sendall(b"GET v\r\n" * 20)
            client.socket.sendall(wire.encode((b"SET", b"w", b"y" * 5 * size)))
            client.socket.shutdown(socket.SHUT_WR)
            time.sleep(0.3)  # so that it is all read while the replies wait
            for _ in range(20):
                self.assertEqual(client.reply(), b"$%d\r\n%s\r\n" % (size, b"x" * size))
            time.sleep(0.2)
            server.mend("hold-fdatasync")
            self.assertEqual(client.reply(), b"+OK\r\n")
            self.assertEqual(other.ask("STRLEN w"), b":%d\r\n" % (5 * size))

    def test_what_changes_before_it_is_shown_is_still_tracked(self):
        """A GET waits for its value to be verified, and the key changes meanwhile: the answer may be
        the new value, and then the client hears of the next change."""
        told = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
        new, large = b"$3\r\nnew\r\n", wire.encode((b"SET", b"k", b"x" * (64 << 20)))
        with policy("no") as server:
            writer, client = Client(server), Client(server)
            client.send("HELLO 3")
            client.send("CLIENT TRACKING on")
            client.expect(b"+OK\r\n")
            answers = []
            while new not in answers and len(answers) < 50:
                writer.socket.sendall(large)
                self.assertEqual(writer.reply(), b"+OK\r\n")
                client.send("GET k")
                writer.send("SET k new")
                answers.append(self.value(client))
                self.assertEqual(writer.reply(), b"+OK\r\n")
            self.assertIn(new, answers)
            self.assertEqual(writer.ask("SET k newer"), b"+OK\r\n")
            client.expect(told)

    def value(self, client):
        """The next reply of a client that may be told of changes before it."""
        reply = client.reply()
        while reply == b">2\r\n":
            _, _, reply = client.reply(), client.reply(), client.reply()
        return reply


class Everysec(unittest.TestCase):
    def test_writers_wait_when_a_sync_is_two_seconds_late(self):
        with policy("everysec") as server:
            writer, reader = Client(server), Client(server)
            server.fault("hold-fdatasync")
            self.assertEqual(writer.ask("SET k 1"), b"+OK\r\n")
            large = b"x" * (5 << 20)  # a thread verifies it for GET
            self.assertEqual(reader.ask("MULTI"), b"+OK\r\n")  # what is queued is not written ahead
            reader.socket.sendall(wire.encode((b"SET", b"large", large)))
            self.assertEqual(reader.reply(), b"+QUEUED\r\n")
            self.assertEqual(reader.ask("EXEC"), b"*1\r\n+OK\r\n")
            deadline = time.monotonic() + WAIT_SECONDS_MAX
            writer.socket.settimeout(1)
            held = False
            while not held and time.monotonic() < deadline:
                try:
                    self.assertEqual(writer.ask("SET k 2"), b"+OK\r\n")
                    time.sleep(0.05)
                except TimeoutError:
                    held = True
            self.assertTrue(held)
            self.assertEqual(reader.ask("GET absent")[:1], b"$")
            # Who only reads acknowledges nothing, and need not wait, for the newest value either.
            self.assertEqual(reader.ask("GET k"), b"$1\r\n2\r\n")
            self.assertEqual(reader.ask("GET large"), b"$%d\r\n%s\r\n" % (len(large), large))
            self.assertEqual(reader.ask("CONFIG SET appendfsync always"), b"+OK\r\n")
            waiting = Client(server)
            waiting.send("GET k")
            waiting.socket.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                waiting.reply()
            waiting.socket.settimeout(WAIT_SECONDS_MAX)
            self.assertGreater(int(reader.info("aof_delayed_fsync")), 0)
            server.mend("hold-fdatasync")
            writer.socket.settimeout(WAIT_SECONDS_MAX)
            self.assertEqual(writer.reply(), b"+OK\r\n")
            self.assertEqual(waiting.reply(), b"$1\r\n2\r\n")


class LargeValues(unittest.TestCase):
    """While a value is being written ahead of its command, and its sync takes its time."""

    LARGE = b"x" * (16 << 20)

    def set_held(self, server, count):
        """Clients whose values are not written yet: the thread is at the first one's sync."""
        server.fault("hold-fdatasync")
        clients = [Client(server) for _ in range(count)]
        for client in clients:
            client.socket.sendall(wire.encode((b"SET", b"held", self.LARGE)))
        watcher = Client(server)
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while watcher.ask("CLIENT LIST").count(b"flags=b") < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return clients

    def test_another_is_read(self):
        with policy("always") as server:
            reader = Client(server)
            reader.socket.sendall(wire.encode((b"SET", b"large", self.LARGE)))
            self.assertEqual(reader.reply(), b"+OK\r\n")
            writer = self.set_held(server, 1)[0]
            reader.send("GET large")
            reader.expect(b"$%d\r\n" % len(self.LARGE) + self.LARGE + b"\r\n")
            server.mend("hold-fdatasync")
            self.assertEqual(writer.reply(), b"+OK\r\n")

    def test_requests_of_clients_that_go_are_freed(self):
        if os.environ.get("SCDB_SANITIZED"):
            self.skipTest("sanitizers keep for a while what was freed")
        count = 6
        with policy("everysec") as server:
            self.set_held(server, count)
            before = resident_bytes(server)
            killer = Client(server)
            self.assertEqual(killer.ask("CLIENT KILL TYPE normal SKIPME yes")[:1], b":")
            deadline = time.monotonic() + WAIT_SECONDS_MAX
            while before - resident_bytes(server) < (count - 2) * len(self.LARGE):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)


def resident_bytes(server):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS:"))


class Waitaof(unittest.TestCase):
    def test_in_every_mode(self):
        for mode in ("always", "everysec", "no"):
            with self.subTest(mode=mode), policy(mode) as server:
                client = Client(server)
                for _ in range(3):
                    self.assertEqual(client.ask("SET k v"), b"+OK\r\n")
                    self.assertEqual(client.ask("WAITAOF 1 0 0"), DURABLE)
                    self.assertEqual(client.ask("WAITAOF 0 0 0"), DURABLE)

    def test_waits_for_what_the_client_wrote(self):
        with policy("no") as server:
            writer, other = Client(server), Client(server)
            server.fault("hold-fdatasync")
            self.assertEqual(writer.ask("SET k v"), b"+OK\r\n")
            self.assertEqual(writer.ask("WAITAOF 0 0 0"), NOT_DURABLE)
            self.assertEqual(writer.ask("WAITAOF 1 0 50"), NOT_DURABLE)
            self.assertEqual(other.ask("WAITAOF 1 0 0"), DURABLE)  # it has written nothing
            writer.send("MULTI\r\nSET k w\r\nWAITAOF 1 0 0\r\nEXEC")
            self.assertEqual(writer.reply(), b"+OK\r\n")
            self.assertEqual(writer.reply() + writer.reply(), 2 * b"+QUEUED\r\n")
            self.assertEqual(writer.reply(), b"*2\r\n+OK\r\n" + NOT_DURABLE)
            writer.send("WAITAOF 1 0 60000\r\nPING")
            server.mend("hold-fdatasync")
            self.assertEqual(writer.reply(), DURABLE)
            self.assertEqual(writer.reply(), b"+PONG\r\n")

    def test_is_ended_by_others(self):
        with policy("no") as server:
            waits, other = Client(server), Client(server)
            number = waits.ask("CLIENT ID")[1:-2].decode()
            server.fault("hold-fdatasync")
            self.assertEqual(waits.ask("SET k v"), b"+OK\r\n")
            for reason, reply in (
                ("TIMEOUT", NOT_DURABLE),
                ("ERROR", b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
            ):
                waits.send("WAITAOF 1 0 0")
                while other.ask(f"CLIENT UNBLOCK {number} {reason}") == b":0\r\n":
                    time.sleep(0.01)
                self.assertEqual(waits.reply(), reply)
            self.assertEqual(other.info("errorstat_UNBLOCKED"), "count=1")
            self.assertIn("failed_calls=1", other.info("cmdstat_waitaof"))
            waits.send("WAITAOF 1 0 0")
            waits.socket.close()
            self.assertEqual(other.ask("PING"), b"+PONG\r\n")

    def test_errors(self):
        with policy("no") as server:
            client = Client(server)
            for arguments, error in (
                ("2 0 0", "value is out of range, value must between 0 and 1"),
                ("x 0 0", "value is not an integer or out of range"),
                ("1 -1 0", "value is out of range, must be positive"),
                ("1 0 x", "timeout is not an integer or out of range"),
                ("1 0 -1", "timeout is negative"),
                ("1 0 9223372036854775807", "timeout is out of range"),
            ):
                self.assertEqual(client.ask("WAITAOF " + arguments), b"-ERR %s\r\n" % error.encode())


class SavePoints(unittest.TestCase):
    def test_make_durable_what_nothing_else_does(self):
        with policy("no") as server:
            client = Client(server)
            self.assertEqual(client.ask("SET k v"), b"+OK\r\n")
            saves = int(client.info("rdb_saves"))
            time.sleep(1.5)  # no point is set
            self.assertEqual(client.info("rdb_changes_since_last_save"), "1")
            self.assertEqual(client.ask("CONFIG SET save '3600 1 1 2'"), b"+OK\r\n")
            time.sleep(1.5)  # too few changes
            self.assertEqual(client.info("rdb_changes_since_last_save"), "1")
            self.assertEqual(client.ask("SET k w"), b"+OK\r\n")
            self.assertEqual(client.wait_for_info("rdb_changes_since_last_save", "0"), "0")
            self.assertEqual(client.wait_for_info("rdb_saves", str(saves + 1)), str(saves + 1))
            self.assertEqual(client.info("bytes_not_durable"), "0")
            self.assertIn("2 changes in ", server.read_log())

    def test_flushall_is_durable(self):
        for mode in ("everysec", "no"):
            with self.subTest(mode=mode), policy(mode) as server:
                client, other = Client(server), Client(server)
                client.ask("CONFIG SET save '3600 1'")
                for flush in ("FLUSHALL", "FLUSHALL SYNC", "FLUSHALL ASYNC"):
                    client.ask("MSET k 1 l 2")
                    server.fault("hold-fdatasync")
                    client.send(flush)
                    deadline = time.monotonic() + WAIT_SECONDS_MAX
                    while other.ask("DBSIZE") != b":0\r\n" and time.monotonic() < deadline:
                        time.sleep(0.01)
                    time.sleep(0.2)
                    client.socket.setblocking(False)
                    with self.assertRaises(BlockingIOError):
                        client.socket.recv(1)
                    client.socket.setblocking(True)
                    server.mend("hold-fdatasync")
                    self.assertEqual(client.reply(), b"+OK\r\n")
                    self.assertEqual(client.info("rdb_changes_since_last_save"), "0")
                client.send("MULTI\r\nSET k 1\r\nFLUSHALL\r\nEXEC")
                replies = [client.reply() for _ in range(4)]
                self.assertEqual(replies[3], b"*2\r\n+OK\r\n+OK\r\n")
                client.ask("CONFIG SET save ''")
                server.fault("hold-fdatasync")
                self.assertEqual(client.ask("FLUSHALL"), b"+OK\r\n")
                server.mend("hold-fdatasync")

    def test_flushall_tells_that_it_is_not(self):
        server = policy("no")
        server.__enter__()
        try:
            client = Client(server)
            client.ask("CONFIG SET save '3600 1'")
            client.ask("SET k v")
            server.fault("fail-fdatasync")
            self.assertEqual(client.ask("FLUSHALL")[:9], b"-MISCONF ")
            self.assertIn("failed_calls=1", client.info("cmdstat_flushall"))
        finally:
            server.kill()
            server.close()


class GoneMeanwhile(unittest.TestCase):
    """Commands that wait here, and hold up all of Redis there: what a client had sent behind them is
    executed, whether it has only ended its side or is gone altogether."""

    COUNT = 1000

    def leave(self, server, *commands):
        """A client that sends these, then SETs, and ends its side while the first one waits."""
        client = Client(server)
        self.assertEqual(client.ask("PING"), b"+PONG\r\n")  # who counts clients counts this one
        server.fault("hold-fdatasync")
        client.send("\r\n".join(commands) + "\r\n" + "SET k w\r\n" * self.COUNT + "INCR after")
        client.socket.shutdown(socket.SHUT_WR)
        return client

    def wait_until(self, condition):
        deadline = time.monotonic() + 10
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def is_alone(self, other):
        return b"\r\nconnected_clients:1\r\n" in other.ask("INFO clients")

    def run_each(self, meanwhile):
        with policy("no") as server:
            other = Client(server)
            other.ask("CONFIG SET save '3600 1'")
            for command in ("FLUSHALL", "SAVE", "COMPACT"):
                with self.subTest(command=command):
                    other.ask("SET k v")
                    other.ask("SET after 0" if command != "FLUSHALL" else "DEL after")
                    client = self.leave(server, command)
                    time.sleep(0.3)  # so that the end of its side is read while it waits
                    meanwhile(server, client, other)
                    self.wait_until(lambda: other.ask("GET after") == b"$1\r\n1\r\n")
                    self.wait_until(lambda: self.is_alone(other))
                    self.assertIn(b"\r\nblocked_clients:0\r\n", other.ask("INFO clients"))

    def test_who_ends_its_side_is_answered(self):
        def look(server, client, other):
            waits = other.ask("INFO clients")
            server.mend("hold-fdatasync")
            self.assertIn(b"\r\nblocked_clients:1\r\n", waits)
            self.assertIn(client.reply()[:1], b"+:")
            for _ in range(self.COUNT):
                self.assertEqual(client.reply(), b"+OK\r\n")
            self.assertEqual(client.reply(), b":1\r\n")
            self.assertEqual(client.socket.recv(1), b"")

        self.run_each(look)

    def test_who_has_gone_has_asked_all_the_same(self):
        def leave(server, client, other):
            client.socket.close()
            server.mend("hold-fdatasync")

        self.run_each(leave)

    def test_behind_a_wait_that_was_asked_for_nothing_follows(self):
        """WAITAOF ends with its client, as WAIT does in Redis."""
        with policy("no") as server:
            other = Client(server)
            client = self.leave(server, "SET k v", "WAITAOF 1 0 0")
            self.wait_until(lambda: self.is_alone(other))
            server.mend("hold-fdatasync")
            self.assertEqual(client.socket.recv(100), b"+OK\r\n")
            self.assertEqual(other.ask("EXISTS after"), b":0\r\n")


class Failure(unittest.TestCase):
    WRITES = (
        "SET k 2", "SETNX new 1", "SETEX k 10 v", "GETSET k 2", "GETDEL k", "APPEND k x",
        "SETRANGE k 1 x", "INCR k", "INCRBYFLOAT k 1.5", "MSET k 2 new 1", "MSETNX n1 1 n2 2",
        "DEL k", "UNLINK k", "EXPIRE k 100", "RENAME k l", "COPY k l", "MOVE k 1", "FLUSHDB",
        "FLUSHALL", "SWAPDB 0 1",
    )  # fmt: skip

    def test_of_a_sync_is_for_good(self):
        for mode in ("always", "everysec", "no"):
            with self.subTest(mode=mode):
                self.fail_a_sync(mode)

    def fail_a_sync(self, mode):
        server = policy(mode)
        server.__enter__()
        try:
            client = Client(server)
            self.assertEqual(client.ask("SET k 1"), b"+OK\r\n")
            self.assertEqual(client.ask("WAITAOF 1 0 0"), DURABLE)
            server.fault("fail-fdatasync")
            lost = Client(server)
            lost.send("SET lost 1\r\nWAITAOF 1 0 0")
            if mode == "always":
                with self.assertRaises(EOFError):  # its reply never leaves
                    lost.reply()
            else:
                self.assertEqual(lost.reply(), b"+OK\r\n")
                self.assertEqual(lost.reply()[:9], b"-MISCONF ")
                self.assertEqual(client.info("errorstat_MISCONF"), "count=1")
                self.assertIn("failed_calls=1", client.info("cmdstat_waitaof"))
                self.assertEqual(client.ask("GET lost"), b"$1\r\n1\r\n")  # reading goes on
            server.mend("fail-fdatasync")
            self.assertEqual(client.ask("SAVE")[:9], b"-MISCONF ")  # later syncs change nothing
            self.assertIn("failed_calls=1", client.info("cmdstat_save"))
            for command in self.WRITES:
                reply = client.ask(command)
                self.assertTrue(reply.startswith(b"-MISCONF "), (command, reply))
                self.assertIn(b"fdatasync", reply)
                self.assertIn(b"restart", reply)
            self.assertEqual(client.ask("CONFIG SET min-replicas-to-write 1"), b"+OK\r\n")
            self.assertEqual(client.ask("SET k 2")[:9], b"-MISCONF ")  # in front of NOREPLICAS
            self.assertEqual(client.ask("GET k"), b"$1\r\n1\r\n")
            self.assertEqual(client.info("aof_last_write_status"), "err")
            self.assertEqual(client.info("fsync_errors"), "1")
            self.assertIn(b"\r\nwrites_stopped:1\r\n", client.ask("INFO"))
            self.assertEqual(client.info("aof_last_bgrewrite_status"), "ok")
            self.assertEqual(client.ask("COMPACT")[:9], b"-MISCONF ")
            self.assertEqual(client.info("aof_last_bgrewrite_status"), "err")
            self.assertIn("fdatasync of log segment", server.read_log())
            self.assertNotIn("nothing is lost", server.read_log())
        finally:
            server.kill()
            server.close()

    def test_of_a_write_is_for_good(self):
        for mode in ("always", "everysec", "no"):
            with self.subTest(mode=mode):
                self.fail_a_write(mode)

    def fail_a_write(self, mode):
        server = policy(mode)
        server.__enter__()
        try:
            client, other = Client(server), Client(server)
            self.assertEqual(client.ask("SET k 1"), b"+OK\r\n")
            self.assertEqual(client.ask("WAITAOF 1 0 0"), DURABLE)
            server.fault("fail-write")
            client.send("SET lost 2")
            with self.assertRaises(EOFError):  # not acknowledged: nobody knows where it is
                client.reply()
            server.mend("fail-write")
            self.assertEqual(other.ask("SAVE")[:9], b"-MISCONF ")  # later writes change nothing
            for command in self.WRITES:
                reply = other.ask(command)
                self.assertTrue(reply.startswith(b"-MISCONF "), (command, reply))
                self.assertIn(b"a write to the log failed", reply)
            large = Client(server)
            large.socket.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$200000\r\n" + b"x" * 200000 + b"\r\n")
            self.assertEqual(large.reply()[:9], b"-MISCONF ")
            self.assertEqual(other.info("aof_last_write_status"), "err")
            self.assertEqual(other.ask("GET k"), b"$1\r\n1\r\n")  # reading goes on,
            other.send("GET lost")  # but of what might not be there
            with self.assertRaises(EOFError):
                other.reply()
        finally:
            server.kill()
        server.start()
        self.assertEqual(Client(server).ask("GET k"), b"$1\r\n1\r\n")
        server.close()

    def test_of_a_write_without_room_ends_when_there_is_room(self):
        with policy("no") as server:
            client, other = Client(server), Client(server)
            self.assertEqual(client.ask("SET k 1"), b"+OK\r\n")
            server.fault("full-write")
            client.send("SET k 2")
            with self.assertRaises(EOFError):  # not acknowledged: it is not in the page cache
                client.reply()
            self.assertEqual(other.info("aof_last_write_status"), "err")
            server.mend("full-write")
            self.assertEqual(other.wait_for_info("aof_last_write_status", "ok"), "ok")
            self.assertEqual(other.ask("SET k 3"), b"+OK\r\n")
            self.assertEqual(other.ask("GET k"), b"$1\r\n3\r\n")


class Opening(unittest.TestCase):
    """Values are so large that a segment has few records."""

    @staticmethod
    def fill(server):
        client = Client(server)
        for number in range(200):
            assert client.ask(f"SET {number} {'v' * 60000}") == b"+OK\r\n"

    def start_slowly(self, server, told):
        """The disk is slow until the log has said so; nobody can connect before the store is open."""
        opened = server.read_log().count(OPENED)
        server.fault("slow-read")
        opener = threading.Thread(target=server.start)
        opener.start()
        is_slow = True
        while opener.is_alive():
            if is_slow and told in server.read_log():
                server.mend("slow-read")
                is_slow = False
            try:
                server.connect().close()
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                self.assertGreater(server.read_log().count(OPENED), opened)
        opener.join()
        self.assertFalse(is_slow)
        self.assertEqual(Client(server).ask("DBSIZE"), b":200\r\n")

    def test_tells_how_far_it_is_and_then_opens_the_port(self):
        with FaultyServer(directives=[("segment-size", "1mb")]) as server:
            self.fill(server)
            server.stop()
            for name in os.listdir(server.directory):
                if name.endswith(".index"):
                    os.unlink(os.path.join(server.directory, name))
            self.start_slowly(server, " MiB read, ")
            self.assertRegex(
                server.read_log(), TELLING + r"\d+ % of \d+ MiB read, \d+ records a second"
            )

    def test_tells_how_far_the_end_of_the_log_is_verified(self):
        """What was not known to be durable is verified before it is read into the index."""
        directives = [("segment-size", "1mb"), ("appendfsync", "no"), ("save", "")]
        with FaultyServer(directives=directives) as server:
            self.fill(server)
            server.kill()
            self.start_slowly(server, " verified, ")
            self.assertRegex(
                server.read_log(), TELLING + r"\d+ % of \d+ MiB of the log's end verified, \d+ rec"
            )


if __name__ == "__main__":
    test_program.run_tests()
