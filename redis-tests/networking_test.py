#!/usr/bin/python3
"""Where the server listens, changed while it runs, what ps shows of it, clients that are closed for
what they don't read, or take, and how clients share a worker. SCDB_SERVER=.../redis-server runs it
against Redis. Closes with "N passed, N failed"."""

import os
import re
import socket
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "support"))

import redis  # noqa: E402  (after the path is set)

import test_program  # noqa: E402
from server import Server, free_port, scdb_path  # noqa: E402
from wire_client import encode  # noqa: E402

PORT_TAKEN = "Unable to listen on this port. Check server logs."
BIND_FAILED = "Failed to bind to specified addresses."


class TestCase(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.server.start()
        self.addCleanup(self.server.close)
        # Through the Unix socket, which stays where it is.
        self.client = redis.Redis(unix_socket_path=self.server.socket_path, socket_timeout=60)
        self.addCleanup(self.client.close)

    def is_served(self, port, host="127.0.0.1"):
        try:
            with socket.create_connection((host, port), timeout=60) as connection:
                connection.settimeout(60)
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
        except ConnectionError:
            return False

    def move(self, **settings):
        """Sets a free port, and other things; returns the port. It may be taken in between."""
        for attempt in range(5):
            port = free_port()
            try:
                self.client.execute_command("CONFIG", "SET", "port", port, *sum(settings.items(), ()))
                return port
            except redis.ResponseError as error:
                if PORT_TAKEN not in str(error) or attempt == 4:
                    raise
        return None

    def refusal(self, *arguments):
        with self.assertRaises(redis.ResponseError) as raised:
            self.client.execute_command("CONFIG", "SET", *arguments)
        return str(raised.exception)


class Listening(TestCase):
    def test_another_port(self):
        before = self.server.port
        with self.server.connect() as old:
            old.sendall(b"PING\r\n")  # it is accepted, and not only in the listener's queue
            self.assertEqual(old.recv(16), b"+PONG\r\n")
            port = self.move()
            self.assertTrue(self.is_served(port))
            self.assertFalse(self.is_served(before))
            self.assertEqual(int(self.client.info("server")["tcp_port"]), port)
            old.sendall(b"PING\r\n")  # who is connected stays
            self.assertEqual(old.recv(16), b"+PONG\r\n")

    def test_who_is_cut_off_by_a_crash_is_not_let_in_again(self):
        """A client that connects again at once finds a closed port, not a socket that dies on it."""
        for _ in range(20):
            connection = self.server.connect()
            connection.sendall(b"PING\r\n")
            self.assertEqual(connection.recv(16), b"+PONG\r\n")
            self.server.process.kill()
            try:
                self.assertEqual(connection.recv(1), b"")
            except ConnectionResetError:
                pass
            connection.close()
            with self.assertRaises(ConnectionRefusedError):
                self.server.connect()
            self.server.restart("kill")

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            words = self.refusal("timeout", "77", "port", port)
        self.assertEqual(
            words,
            "CONFIG SET failed (possibly related to argument 'port') - " + PORT_TAKEN,
        )
        self.assertTrue(self.is_served(self.server.port))
        self.assertEqual(self.client.config_get("port"), {"port": str(self.server.port)})
        self.assertEqual(self.client.config_get("timeout"), {"timeout": "0"})

    def test_no_port(self):
        self.client.config_set("port", 0)
        self.assertFalse(self.is_served(self.server.port))
        self.assertTrue(self.client.ping())
        self.assertTrue(self.is_served(self.move()))

    def test_other_addresses(self):
        port = self.server.port
        self.client.config_set("bind", "127.0.0.2")
        self.assertFalse(self.is_served(port))
        self.assertTrue(self.is_served(port, "127.0.0.2"))
        self.client.config_set("bind", "*")  # its own addresses are not in its way
        self.assertTrue(self.is_served(port))
        self.assertTrue(self.is_served(port, "127.0.0.2"))
        self.client.config_set("bind", "localhost")  # the IPv4 address of a name that has both
        self.assertTrue(self.is_served(port))
        self.assertFalse(self.is_served(port, "127.0.0.2"))
        self.client.config_set("bind", "")
        self.assertFalse(self.is_served(port))
        self.assertEqual(self.client.config_get("bind"), {"bind": ""})
        moved = self.move(bind="127.0.0.3")
        self.assertTrue(self.is_served(moved, "127.0.0.3"))
        self.assertFalse(self.is_served(moved))

    def test_addresses_that_do_not_exist(self):
        for wrong in ("999.999.999.999", "127.0.0.1 192.0.2.1"):
            self.assertEqual(
                self.refusal("bind", wrong),
                "CONFIG SET failed (possibly related to argument 'bind') - " + BIND_FAILED,
            )
            self.assertTrue(self.is_served(self.server.port))
        self.assertIn(
            "Too many bind addresses specified.",
            self.refusal("bind", " ".join(f"127.0.0.{i}" for i in range(1, 18))),
        )
        self.client.config_set("bind", "127.0.0.1 -192.0.2.1")
        self.assertTrue(self.is_served(self.server.port))
        if not self.server.is_redis:
            log = self.server.read_log()
            self.assertIn("192.0.2.1 port %d: Cannot assign requested address; this machine has no "
                          "such address" % self.server.port, log)
            self.assertIn("Not listening on 192.0.2.1 port %d: Cannot" % self.server.port, log)
            self.assertIn("Listening on port %d of: 127.0.0.1.\n" % self.server.port, log)
            self.client.config_set("bind", "-192.0.2.1")
            self.assertIn("Listening on no TCP port: there is no address of 'bind'.", self.server.read_log())
            self.client.config_set("bind", "")
            self.assertIn("Listening on no TCP port: 'bind' is empty.", self.server.read_log())

    def test_what_stays_is_left_alone(self):
        with self.server.connect() as waiting:  # accepted or not, it is not lost
            self.client.config_set("port", self.server.port)
            waiting.sendall(b"PING\r\n")
            self.assertEqual(waiting.recv(16), b"+PONG\r\n")


class WithoutIpv6(unittest.TestCase):
    """The kernel was started with ipv6.disable=1."""

    def start(self, directives):
        library = os.environ.get("SCDB_FAULT_DISK") or os.path.join(
            os.path.dirname(scdb_path()), "redis-tests", "fault_disk.so"
        )
        server = Server(directives=directives)
        self.addCleanup(server.close)
        preloaded = os.environ.get("LD_PRELOAD")
        server.environment = {
            "LD_PRELOAD": f"{preloaded} {library}" if preloaded else library,
            "SCDB_FAULTS": server.home,
        }
        open(os.path.join(server.home, "no-ipv6"), "wb").close()
        server.start()
        return server

    def test_the_other_addresses_are_served(self):
        for word in "::1", "-::1":
            server = self.start([("bind", "127.0.0.1 " + word)])
            with server.connect() as connection:
                connection.sendall(b"PING\r\n")
                self.assertEqual(connection.recv(16), b"+PONG\r\n")
            if not server.is_redis:
                log = server.read_log()
                self.assertIn(f"Not listening on ::1 port {server.port}: Address family not supp", log)
                self.assertIn(f"Listening on port {server.port} of: 127.0.0.1.\n", log)
            server.close()


class Title(TestCase):
    def title(self):
        with open(f"/proc/{self.server.pid}/cmdline", "rb") as shown:
            return shown.read().split(b"\0")[0].decode()

    def test_what_ps_shows(self):
        program, port = self.server.path, self.server.port
        self.assertEqual(self.title(), f"{program} 127.0.0.1:{port}")
        port = self.move()
        self.assertEqual(self.title(), f"{program} 127.0.0.1:{port}")
        self.client.config_set("proc-title-template", "{{ {port} {config-file} {tls-port} x {server-mode} ")
        self.assertEqual(self.title(), f"{{ {port} - 0 x")
        self.assertIn(
            "template format is invalid or contains unknown variables",
            self.refusal("proc-title-template", "{nothing}"),
        )
        self.client.config_set("proc-title-template", "long " * 20000)
        self.assertTrue(self.title().startswith("long long"))
        self.assertTrue(self.client.ping())


class UnreadReplies(TestCase):
    def rest_of(self, connection):
        """All that comes until the server closes."""
        data = b""
        try:
            while True:
                chunk = connection.recv(1 << 20)
                if not chunk:
                    return data
                data += chunk
        except ConnectionResetError:
            return data

    def test_one_reply_beyond_the_hard_limit(self):
        self.client.set("large", "x" * 30000)
        self.client.config_set("client-output-buffer-limit", "normal 20000 0 0")
        with self.server.connect() as connection:
            connection.sendall(b"GET large\r\n")
            self.assertEqual(self.rest_of(connection), b"")
        with self.server.connect() as connection:
            connection.sendall(b"SET small " + b"x" * 10000 + b"\r\nGET small\r\n")
            self.assertTrue(connection.recv(100).startswith(b"+OK"))

    def test_a_transaction_is_done_all_the_same(self):
        self.client.set("large", "x" * 15000)
        self.client.config_set("client-output-buffer-limit", "normal 20000 0 0")
        with self.server.connect() as connection:
            connection.sendall(b"MULTI\r\nGET large\r\nGET large\r\nSET done yes\r\n")
            got = b""
            while got.count(b"\r\n") < 4:
                got += connection.recv(100)
            connection.sendall(b"EXEC\r\n")
            self.assertEqual(self.rest_of(connection), b"")
        self.assertEqual(self.client.get("done"), b"yes")


class Turns(unittest.TestCase):
    SIZE = 10000
    COUNT = 400

    def setUp(self):
        self.server = Server()
        if not self.server.is_redis:
            self.server.directives.append(("threads", 1))
        self.server.start()
        self.addCleanup(self.server.close)
        self.client = redis.Redis(unix_socket_path=self.server.socket_path, socket_timeout=60)
        self.addCleanup(self.client.close)

    def link(self):
        link = self.server.connect()
        self.addCleanup(link.close)
        return link

    def wait_for_paused(self, count):
        deadline = time.monotonic() + 60
        while sum("b" in each["flags"] for each in self.client.client_list()) < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def read(self, link, size):
        data = bytearray()
        while len(data) < size:
            piece = link.recv(1 << 20)
            self.assertTrue(piece, "closed after %d bytes" % len(data))
            data += piece
        return bytes(data)

    def calls(self, link, *names):
        """How often these commands have run, from the reply of INFO that is on its way."""
        found, counts = b"", [None]
        while None in counts:
            found += self.read(link, 1)
            counts = [re.search(b"cmdstat_%b:calls=([0-9]+)," % name, found) for name in names]
        return [int(each[1]) for each in counts]

    def test_replies_of_a_long_pipeline(self):
        """More than a turn sends, written and read in turns: all of it arrives in order."""
        link = self.link()
        requests, expected = bytearray(), bytearray()
        for i in range(self.COUNT):
            value = b"%05d" % i * (self.SIZE // 5 * (1 + i % 3))
            requests += b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%b\r\n" % (len(value), value)
            requests += b"GET k\r\n" * 3
            expected += b"+OK\r\n" + b"$%d\r\n%b\r\n" % (len(value), value) * 3
        sender = threading.Thread(target=lambda: link.sendall(requests))
        sender.start()
        self.assertTrue(self.read(link, len(expected)) == bytes(expected))
        sender.join()

    def test_who_goes_without_reading_has_asked_all_the_same(self):
        self.client.set("key", b"v" * self.SIZE)
        for link in (self.link(), self.link()):
            link.sendall(b"GET key\r\n" * self.COUNT + b"INCR asked\r\n")
            link.close()
        deadline = time.monotonic() + 60
        while self.client.get("asked") != b"2":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_much_to_send_does_not_keep_others_waiting(self):
        """Two clients whose requests are executed in one turn: the second does not wait until all
        that the first has asked for is done."""
        if self.server.is_redis:
            self.skipTest("redis-server executes all that it has read of a client")
        value = b"v" * self.SIZE
        self.client.set("key", value)
        self.client.execute_command("CLIENT", "PAUSE", 100000, "WRITE")
        much, little = self.link(), self.link()
        much.sendall(b"SET other 1\r\n" + b"GET key\r\n" * self.COUNT)
        self.wait_for_paused(1)
        little.sendall(b"SET another 1\r\nINFO commandstats\r\n")
        self.wait_for_paused(2)
        self.client.execute_command("CLIENT", "UNPAUSE")
        (gets,) = self.calls(little, b"get")
        self.assertTrue(0 < gets < self.COUNT, gets)
        replies = b"+OK\r\n" + b"$%d\r\n%b\r\n" % (self.SIZE, value) * self.COUNT
        self.assertTrue(self.read(much, len(replies)) == replies)

    def test_much_to_set_does_not_keep_others_waiting(self):
        """Nor does it wait for all that the first has sent: one large request is its share."""
        if self.server.is_redis:
            self.skipTest("redis-server executes all that it has read of a client")
        count, size = 3, 300000
        request = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%d\r\n%b\r\n" % (size, b"v" * size)
        self.client.execute_command("CLIENT", "PAUSE", 100000, "WRITE")
        much, little = self.link(), self.link()
        much.sendall(request * count)
        self.wait_for_paused(1)
        little.sendall(b"INCR another\r\nINFO commandstats\r\n")
        self.wait_for_paused(2)
        self.client.execute_command("CLIENT", "UNPAUSE")
        self.assertEqual(self.calls(little, b"set", b"incr"), [1, 1])
        self.assertEqual(self.read(much, 5 * count), b"+OK\r\n" * count)

    def test_many_small_requests_beside_much_to_send(self):
        """They are as few bytes as one share of the others: one round is enough for them."""
        if self.server.is_redis:
            self.skipTest("redis-server executes all that it has read of a client")
        self.client.set("key", b"v" * self.SIZE)
        self.client.execute_command("CLIENT", "PAUSE", 100000, "WRITE")
        for number in range(1, 31):
            self.link().sendall(b"SET other 1\r\n" + b"GET key\r\n" * self.COUNT)
            self.wait_for_paused(number)
        small = self.link()
        small.sendall(b"SET another 1\r\n" + b"STRLEN key\r\n" * 2000 + b"INFO commandstats\r\n")
        self.wait_for_paused(31)
        self.client.execute_command("CLIENT", "UNPAUSE")
        gets, _ = self.calls(small, b"get", b"strlen")
        self.assertTrue(0 < gets < 30 * self.COUNT // 4, gets)

    def test_all_get_their_turns(self):
        """Of more clients than are taken up at once, with replies that fill a turn each, none gets
        two while another waits for one."""
        if self.server.is_redis:
            self.skipTest("redis-server executes all that it has read of a client")
        clients, each, value = 17, 6, b"v" * (2 << 20)
        self.client.set("key", value)
        self.client.config_set("client-output-buffer-pause", "1gb")
        monitor = self.link()
        monitor.sendall(b"MONITOR\r\n")
        self.assertEqual(self.read(monitor, 5), b"+OK\r\n")
        self.client.execute_command("CLIENT", "PAUSE", 100000, "WRITE")
        links = [self.link() for _ in range(clients)]
        for number, link in enumerate(links):
            link.sendall(b"SET other 1\r\n" + b"GET key\r\n" * each)
            self.wait_for_paused(number + 1)
        self.client.execute_command("CLIENT", "UNPAUSE")
        found = b""
        while found.count(b'"GET"') < clients * each:
            found += monitor.recv(1 << 16)
        counts = dict.fromkeys((":%d" % link.getsockname()[1] for link in links), 0)
        for line in found.decode().splitlines():
            if '"GET"' in line:
                client = ":" + line.split("]")[0].rpartition(":")[2]
                counts[client] += 1
                self.assertLessEqual(max(counts.values()) - min(counts.values()), 1, counts)
        for link in links:
            self.read(link, 5 + each * len(b"$%d\r\n%b\r\n" % (len(value), value)))

    def test_who_has_gone_and_is_told_of_something_has_asked_all_the_same(self):
        """The rest of its requests waits for the end of a MIGRATE when a message for it comes."""
        if self.server.is_redis:
            self.skipTest("redis-server forgets what a client that is gone has asked")
        busy = socket.create_server(("127.0.0.1", 0))  # accepts, and says nothing
        self.addCleanup(busy.close)
        self.client.set("key", b"v" * self.SIZE)
        self.client.config_set("notify-keyspace-events", "Em")
        link = self.link()
        link.sendall(b"HELLO 3\r\nSUBSCRIBE __keyevent@0__:keymiss\r\n")
        found = b""
        while b"subscribe" not in found:
            found += self.read(link, 1)
        move = b"MIGRATE 127.0.0.1 %d key 0 1000\r\n" % busy.getsockname()[1]
        link.sendall(b"GET key\r\n" * 3 * self.COUNT + move + b"INCR asked\r\n")
        link.close()
        self.wait_for_paused(1)
        self.assertIsNone(self.client.get("nothing"))
        self.assertIsNone(self.client.get("asked"))
        deadline = time.monotonic() + 60
        while self.client.get("asked") != b"1":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)


class ClientMemory(TestCase):
    """maxmemory-clients."""

    def setUp(self):
        super().setUp()
        self.client.execute_command("CLIENT", "NO-EVICT", "ON")

    def hold(self, size, *first):
        """A connection that has sent all but the end of a request of that size."""
        connection = self.server.connect()
        self.addCleanup(connection.close)
        for command in first:
            connection.sendall(command + b"\r\n")
            self.assertEqual(connection.recv(16), b"+OK\r\n")
        connection.sendall(b"*2\r\n$3\r\nGET\r\n$%d\r\n" % size)
        try:
            connection.sendall(b"x" * size)
        except OSError:
            pass  # it was closed meanwhile
        return connection

    def is_open(self, connection):
        """Ends the request, and looks whether it is answered."""
        try:
            connection.sendall(b"\r\n")
            return connection.recv(16) == b"$-1\r\n"
        except OSError:
            return False

    def held_bytes(self):
        return sum(client["tot-mem"] for client in self.parsed_list())

    def parsed_list(self):
        return [{**each, "tot-mem": int(each["tot-mem"])} for each in self.client.client_list()]

    def wait_for(self, condition):
        for _ in range(6000):
            if condition():
                return
            time.sleep(0.01)
        self.fail("it did not come to that within a minute")

    def test_who_takes_most_goes(self):
        small = self.hold(100000)
        self.client.config_set("maxmemory-clients", "1mb")
        large = self.hold(3000000)
        self.assertFalse(self.is_open(large))
        self.assertTrue(self.is_open(small))
        self.assertEqual(self.client.info("stats")["evicted_clients"], 1)

    def test_who_may_not_be_evicted_stays(self):
        self.client.config_set("maxmemory-clients", "1mb")
        stays = self.hold(3000000, b"CLIENT NO-EVICT ON")
        self.wait_for(lambda: self.held_bytes() > 3000000)
        self.assertTrue(self.is_open(stays))

    def ask_and_read_nothing(self, count, value):
        """A connection that waits to be read from: MGET of a key, `count` times over."""
        connection = socket.socket()
        self.addCleanup(connection.close)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self.server.port))
        self.client.set("key", value)
        connection.sendall(encode("MGET", *["key"] * count))
        self.wait_for(lambda: int(self.largest()["omem"]) > 10000000
                      or self.client.info("stats")["evicted_clients"] > 0)
        return connection

    def largest(self):
        return max(self.parsed_list(), key=lambda each: int(each["omem"]))

    def read_values(self, connection, count, value):
        with connection.makefile("rb") as replies:
            self.assertEqual(replies.readline(), b"*%d\r\n" % count)
            for _ in range(count):
                self.assertEqual(replies.readline(), b"$%d\r\n" % len(value))
                self.assertEqual(replies.read(len(value) + 2), value.encode() + b"\r\n")

    def test_unread_replies_count_once(self):
        self.client.config_set("maxmemory-clients", "45mb")
        connection = self.ask_and_read_nothing(24000, "x" * 1000)
        deaf = self.largest()
        self.assertTrue(20000000 < deaf["tot-mem"] < 45 << 20, deaf)
        self.assertLess(self.client.info("memory")["mem_clients_normal"], 45 << 20)
        if not self.server.is_redis:
            self.assertGreaterEqual(deaf["tot-mem"], int(deaf["rbs"]))
        self.assertEqual(self.client.info("stats")["evicted_clients"], 0)
        self.read_values(connection, 24000, "x" * 1000)

    def test_what_is_sent_from_files_takes_no_memory(self):
        if self.server.is_redis:
            self.skipTest("it copies them")
        self.client.config_set("maxmemory-clients", "20mb")
        connection = self.ask_and_read_nothing(60, "x" * 1000000)
        deaf = self.largest()
        self.assertGreater(int(deaf["omem"]), 50000000)
        self.assertLess(deaf["tot-mem"], 1000000)
        self.assertEqual(self.client.info("stats")["evicted_clients"], 0)
        self.read_values(connection, 60, "x" * 1000000)

    def test_a_limit_that_comes_later(self):
        connections = [self.hold(400000) for _ in range(8)]
        self.wait_for(lambda: self.held_bytes() > 3200000)
        self.client.config_set("maxmemory-clients", 2000000)
        left = self.held_bytes()
        self.assertTrue(1600000 < left <= 2000000, left)
        self.assertEqual(sum(self.is_open(each) for each in connections), 4)
        self.client.config_set("maxmemory", 10000000)
        more = self.hold(600000)
        self.wait_for(lambda: self.held_bytes() > 600000)
        self.client.config_set("maxmemory-clients", "5%")
        self.assertFalse(self.is_open(more))


if __name__ == "__main__":
    test_program.run_tests()
