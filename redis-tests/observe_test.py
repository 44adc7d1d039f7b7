#!/usr/bin/python3
"""What the server tells of the commands that it has executed: SLOWLOG, LATENCY, MONITOR, INFO's
counters, DEBUG. Said to redis-server as well, and the answers compared once what differs by nature
(times, addresses, numbers) is taken out. Starts both servers. Closes with "N passed, N failed"."""

import os
import re
import socket
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import test_program  # noqa: E402  (after the path is set)
from pair import ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401
from wire_client import Client  # noqa: E402

for server in (ours, theirs):
    server.directives.append(("enable-debug-command", "yes"))


class TestCase(unittest.TestCase):
    def client(self, server, protocol=2):
        client = Client(server)
        self.addCleanup(client.close)
        client.ask("HELLO", protocol)
        return client

    def compare(self, conversation, blur=lambda answer: answer):
        """The same commands at both, in both protocols; answers are equal once blurred."""
        for protocol in (2, 3):
            clients = [self.client(server, protocol) for server in (ours, theirs)]
            for command in conversation:
                our, their = (client.ask(*command) for client in clients)
                with self.subTest(protocol=protocol, command=command):
                    self.assertEqual(blur(our), blur(their))


class Slowlog(TestCase):
    def setUp(self):
        for server in (ours, theirs):
            client = self.client(server)
            client.ask("CONFIG", "SET", "slowlog-max-len", 128, "slowlog-log-slower-than", -1)
            client.ask("SLOWLOG", "RESET")

    @staticmethod
    def blur(answer):
        """Without ids, times and addresses."""
        answer = re.sub(rb"\*6\r\n:\d+\r\n:\d+\r\n:\d+\r\n", b"*6\r\n", answer)
        return re.sub(rb"\$\d+\r\n127\.0\.0\.1:\d+\r\n", b"ADDRESS", answer)

    def test_entries(self):
        self.compare(
            [
                ("CONFIG", "SET", "slowlog-log-slower-than", 0),
                ("CLIENT", "SETNAME", "me"),
                ("PING",),
                ("SET", "a", "x" * 129),
                ("MSET", *["a"] * 30),
                ("MSET", *["a"] * 40),
                ("SET", "a", "\0\r\n"),
                ("GET",),
                ("NOSUCH", "a"),
                ("MULTI",),
                ("GET", "a"),
                ("EXEC",),
                ("AUTH", "x", "y"),
                ("CONFIG", "SET", "masterauth", "secret", "timeout", "0"),
                ("CONFIG", "SET", "slowlog-log-slower-than", -1),
                ("SLOWLOG", "GET"),
                ("SLOWLOG", "GET", 2),
                ("SLOWLOG", "GET", 0),
                ("SLOWLOG", "GET", -1),
                ("SLOWLOG", "LEN"),
                ("CONFIG", "SET", "slowlog-log-slower-than", 0, "slowlog-max-len", 2),
                ("PING",),
                ("SLOWLOG", "LEN"),
                ("CONFIG", "SET", "slowlog-log-slower-than", -1, "slowlog-max-len", 128),
                ("SLOWLOG", "RESET"),
                ("SLOWLOG", "GET"),
            ],
            self.blur,
        )

    def test_errors(self):
        self.compare(
            [
                ("SLOWLOG",),
                ("SLOWLOG", "GET", "x"),
                ("SLOWLOG", "GET", -2),
                ("SLOWLOG", "GET", 1, 2),
                ("SLOWLOG", "LEN", 1),
                ("SLOWLOG", "NOSUCH"),
            ]
        )


class Latency(TestCase):
    def setUp(self):
        for server in (ours, theirs):
            client = self.client(server)
            client.ask("CONFIG", "SET", "latency-monitor-threshold", 50)
            client.ask("LATENCY", "RESET")

    def test_of_nothing(self):
        self.compare(
            [
                ("LATENCY", "LATEST"),
                ("LATENCY", "HISTORY", "command"),
                ("LATENCY", "HISTORY", "nosuch"),
                ("LATENCY", "GRAPH", "command"),
                ("LATENCY", "GRAPH", "nosuch"),
                ("LATENCY", "GRAPH"),
                ("LATENCY", "RESET"),
                ("LATENCY", "RESET", "nosuch", "command"),
                ("LATENCY", "NOSUCH"),
                ("LATENCY",),
            ]
        )

    @staticmethod
    def blur(answer):
        """Without times of day, and how long it took."""
        answer = re.sub(rb":\d{10}\r\n", b":TIME\r\n", answer)
        return re.sub(rb":\d{2,3}\r\n", b":MS\r\n", answer)

    def test_events(self):
        self.compare(
            [
                ("DEBUG", "SLEEP", "0.08"),
                ("LATENCY", "LATEST"),
                ("LATENCY", "HISTORY", "command"),
                ("LATENCY", "RESET", "command"),
                ("LATENCY", "LATEST"),
            ],
            self.blur,
        )

    def test_events_while_the_slow_log_is_off(self):
        for server in (ours, theirs):
            client = self.client(server)
            self.addCleanup(client.ask, "CONFIG", "SET", "slowlog-log-slower-than", 10000)
        self.compare(
            [
                ("CONFIG", "SET", "slowlog-log-slower-than", -1, "latency-monitor-threshold", 0),
                ("DEBUG", "SLEEP", "0.08"),
                ("LATENCY", "LATEST"),
                ("CONFIG", "SET", "latency-monitor-threshold", 50),
                ("DEBUG", "SLEEP", "0.08"),
                ("LATENCY", "LATEST"),
            ],
            self.blur,
        )

    def test_graph(self):
        def blur(answer):
            answer = re.sub(rb"(high|low) \d+ ms", rb"\1 MS", answer)
            return re.sub(rb"^.\d+\r\n", b"", answer)

        # Samples in a row may share a second: then the second has one.
        for server in (ours, theirs):
            client = self.client(server)
            for seconds in (0.06, 0.16):
                client.ask("DEBUG", "SLEEP", seconds)
                time.sleep(1.1)
        pictures = [
            [line.rstrip() for line in self.client(server).ask("LATENCY", "GRAPH", "command").split(b"\n")]
            for server in (ours, theirs)
        ]
        # Down to the labels, which say how long ago it was.
        self.assertEqual(*([blur(line) for line in picture[2:7]] for picture in pictures))
        self.assertEqual(*(blur(picture[1]) for picture in pictures))
        self.assertEqual([b" #", b" |", b" |", b"_|", b""], pictures[0][3:8])

    def test_doctor_tells_the_longest_and_not_the_last(self):
        client = self.client(ours)
        client.ask("DEBUG", "SLEEP", "0.16")
        time.sleep(1.1)
        client.ask("DEBUG", "SLEEP", "0.06")
        samples = re.findall(rb"\*2\r\n:\d+\r\n:(\d+)", client.ask("LATENCY", "HISTORY", "command"))
        milliseconds = [int(sample) for sample in samples]
        told = client.ask("LATENCY", "DOCTOR")
        self.assertIn(b"up to %d ms, %d ms in the mean"
                      % (max(milliseconds), sum(milliseconds) // len(milliseconds)), told)

    def test_histogram(self):
        def blur(answer):
            """Names and numbers of calls; how long they took is another matter."""
            return sorted(re.findall(rb"\$\d+\r\n([a-z|]+)\r\n.2\r\n\$5\r\ncalls\r\n:(\d+)", answer))

        self.compare(
            [
                ("CONFIG", "RESETSTAT"),
                ("LATENCY", "HISTOGRAM"),
                ("SET", "a", "b"),
                ("SET", "a", "b"),
                ("CLIENT", "ID"),
                ("CLIENT", "GETNAME"),
                ("LATENCY", "HISTOGRAM", "set"),
                ("LATENCY", "HISTOGRAM", "client"),
                ("LATENCY", "HISTOGRAM", "CLIENT|ID", "get", "nosuch", "set"),
                ("LATENCY", "HISTOGRAM", "nosuch"),
                ("CONFIG", "SET", "latency-tracking", "no"),
                ("GET", "a"),
                ("LATENCY", "HISTOGRAM", "get", "set"),
                ("CONFIG", "SET", "latency-tracking", "yes"),
            ],
            blur,
        )

    def test_form_of_histogram(self):
        for server in (ours, theirs):
            client = self.client(server)
            client.ask("CONFIG", "RESETSTAT")
            for _ in range(50):
                client.ask("SET", "a", "b")
            answer = client.ask("LATENCY", "HISTOGRAM", "set")
            # Limits are among 1, 2, 4, 8, 16, 33, 66, 132 ... and counts rise to all.
            numbers = [int(number) for number in re.findall(rb":(\d+)\r\n", answer)]
            self.assertEqual(numbers[0], 50)
            limits, counts = numbers[1::2], numbers[2::2]
            highest = [1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16908]
            self.assertLessEqual(set(limits), set(highest) | {n for n in limits if n > 16908})
            self.assertEqual(counts, sorted(set(counts)))
            self.assertEqual(counts[-1], 50)


class Monitor(TestCase):
    @staticmethod
    def watch(server, protocol, conversation):
        """What a monitor is told of the conversation of another client, times taken out."""
        monitor, client = Client(server), Client(server)
        try:
            monitor.ask("HELLO", protocol)
            first = monitor.ask("MONITOR")
            for command in conversation:
                client.ask(*command)
            client.ask("ECHO", "the end")
            lines = [first]
            while b"the end" not in lines[-1]:
                lines.append(monitor.read())
            address = client.address.encode()
        finally:
            monitor.close()
            client.close()
        form = rb"^\+\d{10}\.\d{6} \[(\d+) %s\]" % re.escape(address)
        return [re.sub(form, rb"+TIME [\1 CLIENT]", line) for line in lines]

    def test_lines(self):
        conversation = [
            ("SET", "a", b"\0\r\n\t\a\b\\\"'\x7f\xff z"),
            ("GET", "a"),
            ("GET",),
            ("NOSUCH",),
            ("SELECT", 3),
            ("CONFIG", "GET", "maxclients"),
            ("CLIENT", "SETNAME", "x"),
            ("AUTH", "secret"),
            ("AUTH", "user", "secret"),
            ("HELLO", 3, "AUTH", "user", "secret", "SETNAME", "x"),
            ("HELLO", 2),
            ("MULTI",),
            ("SET", "a", ""),
            ("GET", "a"),
            ("EXEC",),
            ("MULTI",),
            ("DISCARD",),
            ("EXEC",),
            ("MULTI",),
            ("GET", "a"),
            ("EXEC", "a"),
            ("EXEC", "a", ""),
            ("MULTI",),
            ("GET",),
            ("EXEC",),
            ("MULTI",),
            ("MULTI",),
            ("WATCH", "a"),
            ("DISCARD", "a"),
            ("CONFIG", "GET", "maxclients"),
            ("EXEC",),
            ("SLOWLOG", "LEN"),
        ]
        for protocol in (2, 3):
            with self.subTest(protocol=protocol):
                self.assertEqual(
                    self.watch(ours, protocol, conversation),
                    self.watch(theirs, protocol, conversation),
                )

    def test_the_monitor_itself(self):
        for server in (ours, theirs):
            with self.subTest(server=server.path):
                monitor, other = self.client(server), self.client(server)
                self.assertEqual(monitor.ask("MONITOR"), b"+OK\r\n")
                self.assertRegex(other.ask("CLIENT", "LIST"), rb"flags=O ")
                self.assertRegex(
                    monitor.ask("GET", "a"), rb"-ERR Replica can't interact with the keyspace"
                )
                other.ask("SET", "a", "b")
                self.assertIn(b'"SET" "a" "b"', monitor.read())
                monitor.send("RESET")
                self.assertEqual(monitor.read(), b"+RESET\r\n")
                other.ask("SET", "a", "b")
                self.assertEqual(monitor.ask("GET", "a"), b"$1\r\nb\r\n")

    def test_a_monitor_that_wants_no_replies(self):
        """A line is a reply, too."""
        for server in (ours, theirs):
            with self.subTest(server=server.path):
                monitor, other = self.client(server), self.client(server)
                self.assertEqual(monitor.ask("MONITOR"), b"+OK\r\n")
                monitor.send("CLIENT", "REPLY", "SKIP")
                self.assertIn(b'"SKIP"', monitor.read())
                other.ask("ECHO", "unseen")
                monitor.send("ECHO", "unseen")
                self.assertEqual(monitor.ask("CLIENT", "REPLY", "ON"), b"+OK\r\n")
                self.assertIn(b'"ON"', monitor.read())
                monitor.send("CLIENT", "REPLY", "OFF")
                monitor.send("ECHO", "unseen")
                self.assertEqual(monitor.ask("CLIENT", "REPLY", "ON"), b"+OK\r\n")
                self.assertIn(b'"ON"', monitor.read())
                other.ask("ECHO", "seen")
                self.assertIn(b'"seen"', monitor.read())

    def test_in_a_transaction(self):
        self.compare([("MULTI",), ("MONITOR",), ("EXEC",), ("PING",)])

    def test_many_commands_of_many_clients(self):
        """Each monitor sees each command once, those of a client in their order."""
        monitors = [self.client(ours) for _ in range(2)]
        clients = [self.client(ours) for _ in range(4)]
        for monitor in monitors:
            self.assertEqual(monitor.ask("MONITOR"), b"+OK\r\n")
        count = 300
        for number in range(count):
            for client in clients:
                client.send("ECHO", number)
        for client in clients:
            for _ in range(count):
                client.read()
        seen = []
        for monitor in monitors:
            lines = [monitor.read() for _ in range(count * len(clients))]
            seen.append([line.split(b"[", 1)[1] for line in lines])
        self.assertEqual(seen[0], seen[1])
        for client in clients:
            mine = [line for line in seen[0] if client.address.encode() in line]
            numbers = [int(re.search(rb'"(\d+)"\r\n', line).group(1)) for line in mine]
            self.assertEqual(numbers, list(range(count)))

    def test_one_that_does_not_read_is_closed(self):
        monitor, client = self.client(ours), self.client(ours)
        client.ask("CONFIG", "SET", "client-output-buffer-pause", "1mb")
        self.assertEqual(monitor.ask("MONITOR"), b"+OK\r\n")
        for _ in range(200):
            client.ask("SET", "a", "x" * 100000)
        self.assertNotIn(b"flags=O", client.ask("CLIENT", "LIST"))
        client.ask("CONFIG", "SET", "client-output-buffer-pause", "64mb")


class Info(TestCase):
    @staticmethod
    def section(server, name):
        client = Client(server)
        try:
            answer = client.ask("INFO", name)
        finally:
            client.close()
        return dict(line.split(b":", 1) for line in answer.split(b"\r\n") if b":" in line)

    def test_counters(self):
        """Calls, rejected and failed ones, errors, percentiles: all but the times."""
        found = []
        for server in (ours, theirs):
            client = self.client(server)
            client.ask("CONFIG", "RESETSTAT")
            client.ask("SET", "a", "x")
            client.ask("INCR", "a")
            client.ask("GET")
            client.ask("NOSUCH")
            client.ask("MULTI")
            client.ask("SET", "a", "x")
            client.ask("INCR", "a")
            client.ask("EXEC")
            commands = self.section(server, "commandstats")
            counts = {
                name: re.sub(rb"usec=\d+,usec_per_call=[\d.]+,", b"", line)
                for name, line in commands.items()
            }
            latencies = {
                name: re.sub(rb"=[\d.]+", b"", line)
                for name, line in self.section(server, "latencystats").items()
                if b"info" not in name
            }
            for line in commands.values():
                self.assertRegex(line, rb"^calls=\d+,usec=\d+,usec_per_call=\d+\.\d\d,rej")
            found.append((counts, self.section(server, "errorstats"), latencies))
        self.assertEqual(found[0], found[1])

    def test_who_has_no_request_under_way_holds_no_buffers(self):
        """Also behind large requests and replies."""
        watcher, client = self.client(ours), self.client(ours)
        number = client.ask("CLIENT", "ID")[1:-2].decode()

        def field(name):
            line = watcher.ask("CLIENT", "LIST", "ID", number).decode()
            return int(re.search(rf" {name}=(\d+)", line)[1])

        def buffers():
            return {name: field(name) for name in ("qbuf", "qbuf-free", "rbs", "obl", "omem")}

        nothing = dict.fromkeys(("qbuf", "qbuf-free", "rbs", "obl", "omem"), 0)
        idle = field("tot-mem")
        deadline = time.monotonic() + 60
        for command, size in ((["SET", "large", "x" * 400000], 5), (["GET", "large"], 400011)):
            self.assertEqual(len(client.ask(*command)), size)
            while buffers() != nothing and time.monotonic() < deadline:
                time.sleep(0.01)  # the reply has come, and the worker has yet to note it
            self.assertEqual(buffers(), nothing)
            self.assertEqual(field("tot-mem"), idle)
        client.socket.sendall(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$400000\r\nxxx")
        while field("qbuf-free") < 399000 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertGreaterEqual(field("qbuf-free"), 399000)
        self.assertGreaterEqual(field("tot-mem"), idle + 400000)

    def test_records_that_are_far_away(self):
        """After a command that took long the disk is asked ahead for what those behind it read, which
        is as it was. (That it is not asked after quick ones prefetch_test shows, without a clock.)"""
        client = self.client(ours)
        values = {b"far:%d" % i: b"%04d" % i * 250 for i in range(2000)}
        for key, value in values.items():
            client.send("SET", key, value)
        self.assertEqual({client.read() for _ in values}, {b"+OK\r\n"})

        before = int(self.section(ours, "scdb")[b"reads_ahead"])
        pipeline = [b"DEBUG SLEEP 0.02"] + [b"GET %s" % key for key in values]
        client.socket.sendall(b"".join(b"%s\r\n" % line for line in pipeline))
        self.assertEqual(client.read(), b"+OK\r\n")
        for value in values.values():
            self.assertEqual(client.read(), b"$1000\r\n%s\r\n" % value)
        self.assertGreater(int(self.section(ours, "scdb")[b"reads_ahead"]), before)

    def test_errors_that_come_late(self):
        """MIGRATE waits here, and not in Redis; its errors are counted all the same."""
        found = []
        for server in (ours, theirs):
            client = self.client(server)
            client.ask("SET", "a", "x")
            client.ask("CONFIG", "RESETSTAT")
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))  # nobody listens there
                reply = client.ask("MIGRATE", "127.0.0.1", taken.getsockname()[1], "a", 0, 60000)
            self.assertTrue(reply.startswith(b"-IOERR"), reply)
            line = self.section(server, "commandstats")[b"cmdstat_migrate"]
            found.append((line.split(b"rejected")[1], self.section(server, "errorstats")))
        self.assertEqual(found[0], found[1])

    def test_percentiles(self):
        found = []
        for server in (ours, theirs):
            client = self.client(server)
            client.ask("CONFIG", "SET", "latency-tracking-info-percentiles", "0 50 99.99 100")
            client.ask("PING")
            line = self.section(server, "latencystats")[b"latency_percentiles_usec_ping"]
            self.assertRegex(line, rb"^p0=\d+\.\d{3},p50=\d+\.\d{3},p99\.99=\d+\.\d{3},p100=")
            client.ask("CONFIG", "SET", "latency-tracking-info-percentiles", "")
            found.append(self.section(server, "latencystats")[b"latency_percentiles_usec_ping"])
            client.ask("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99 99.9")
        self.assertEqual(found[0], found[1])

    def test_fields(self):
        """Every field that redis-server has stands here, in the section that it has there."""
        client = self.client(ours)
        other = self.client(theirs)
        absent = set()
        for request in ("default", "all", "everything"):
            our, their = client.ask("INFO", request), other.ask("INFO", request)
            ours_by_section, theirs_by_section = self.fields(our), self.fields(their)
            for section, names in theirs_by_section.items():
                if section.endswith(b"stats") and section != b"Stats":
                    continue
                absent |= {section + b"." + name for name in names} - {
                    section + b"." + name for name in ours_by_section.get(section, ())
                }
        self.assertEqual(absent - NOT_HERE, set())

    @staticmethod
    def fields(answer):
        sections = {}
        for line in answer.split(b"\r\n")[1:]:
            if line.startswith(b"# "):
                names = sections.setdefault(line[2:], set())
            elif b":" in line:
                names.add(line.split(b":")[0])
        return sections

    def test_sections(self):
        def titles(answer):
            return [title for title in re.findall(rb"# (\w+)\r\n", answer) if title != b"Scdb"]

        self.compare(
            [
                ("INFO",),
                ("INFO", "default"),
                ("INFO", "all"),
                ("INFO", "everything"),
                ("INFO", "server", "CLIENTS"),
                ("INFO", "clients", "server", "clients"),
                ("INFO", "nosuch"),
                ("INFO", "commandstats", "default"),
                ("INFO", "modules", "all"),
            ],
            titles,
        )


# Fields of redis-server's that have no meaning here.
NOT_HERE = set()


class Debug(TestCase):
    def test_answers(self):
        types = "string integer double bignum null array set map attrib verbatim true false nosuch"
        self.compare(
            [
                ("DEBUG",),
                ("DEBUG", "NOSUCH"),
                ("DEBUG", "SLEEP"),
                ("DEBUG", "SLEEP", "0.001"),
                ("DEBUG", "SLEEP", "x"),
                ("DEBUG", "SLEEP", 1, 2),
                ("DEBUG", "ERROR", "ERR it"),
                ("DEBUG", "ERROR", "CODE it\r\nis"),
                ("DEBUG", "ERROR"),
                ("DEBUG", "LOG", "words"),
                ("DEBUG", "SET-ACTIVE-EXPIRE", 1),
                ("DEBUG", "OBJECT", "nosuch"),
                ("DEBUG", "POPULATE", "x"),
                ("DEBUG", "POPULATE", -1),
                ("DEBUG", "POPULATE", 3, "p"),
                ("DEBUG", "POPULATE", 1, "q", 20),
                ("DEBUG", "POPULATE", 1, "r", 3),
                ("DEBUG", "POPULATE", 1, "r", -3),
                ("DEBUG", "POPULATE", 1, "r", 3, 4),
                ("MGET", "p:0", "p:2", "p:3", "q:0", "r:0"),
                *[("DEBUG", "PROTOCOL", name) for name in types.split()],
            ]
        )

    def test_scripts_and_functions_of_which_there_are_none(self):
        nothing = b"\x0a\0" + bytes.fromhex("5d9b5c400f7fa2da")
        string = b"\0\xc0\x01\x0a\0" + bytes.fromhex("2678e7b6d10111fc")
        self.compare(
            [
                ("SCRIPT", "FLUSH"),
                ("SCRIPT", "FLUSH", "ASYNC"),
                ("SCRIPT", "FLUSH", "x"),
                ("SCRIPT", "FLUSH", "SYNC", "x"),
                ("SCRIPT", "EXISTS", "a", "b"),
                ("SCRIPT", "KILL"),
                ("FUNCTION", "FLUSH"),
                ("FUNCTION", "FLUSH", "SYNC"),
                ("FUNCTION", "FLUSH", "x"),
                ("FUNCTION", "FLUSH", "SYNC", "x"),
                ("FUNCTION", "LIST"),
                ("FUNCTION", "LIST", "WITHCODE", "LIBRARYNAME", "x"),
                ("FUNCTION", "LIST", "LIBRARYNAME"),
                ("FUNCTION", "LIST", "x"),
                ("FUNCTION", "KILL"),
                ("FUNCTION", "STATS"),
                ("FUNCTION", "DUMP"),
                ("FUNCTION", "DELETE", "x"),
                ("FUNCTION", "RESTORE", nothing),
                ("FUNCTION", "RESTORE", nothing, "flush"),
                ("FUNCTION", "RESTORE", nothing, "append"),
                ("FUNCTION", "RESTORE", nothing, "replace"),
                ("FUNCTION", "RESTORE", nothing, "x"),
                ("FUNCTION", "RESTORE", nothing, "flush", "x"),
                ("FUNCTION", "RESTORE", "x" * 20, "x"),
                ("FUNCTION", "RESTORE", "x" * 20),
                ("FUNCTION", "RESTORE", string),
                ("FUNCTION", "RESTORE", ""),
            ]
        )

    def test_object(self):
        def blur(answer):
            answer = re.sub(rb"serializedlength:\d+ lru:\d+", b"", answer)
            return re.sub(rb"at:0x[0-9a-f]+", b"", answer)

        self.compare([("SET", "a", "12x"), ("DEBUG", "OBJECT", "a")], blur)

    def test_digest(self):
        """Of strings of each kind; one is changed in its midst, so that it does not lie in one
        record here."""
        large = bytes(range(256)) * 1024
        self.compare(
            [
                ("FLUSHALL",),
                ("DEBUG", "DIGEST"),
                ("DEBUG", "DIGEST-VALUE"),
                ("DEBUG", "DIGEST-VALUE", "a", ""),
                ("DEBUG", "DIGEST", "a"),
                ("SET", "a", "12"),
                ("SET", "", ""),
                ("SET", "b", "012", "EX", 1000),
                ("APPEND", "c", "12"),
                ("INCRBYFLOAT", "d", "3.5"),
                ("SET", "large", large),
                ("DEBUG", "DIGEST"),
                ("DEBUG", "DIGEST-VALUE", "a", "b", "c", "d", "", "nosuch", "large", "a"),
                ("SETRANGE", "large", 100000, "here"),
                ("SETRANGE", "sparse", 300000, "there"),
                ("DEBUG", "DIGEST-VALUE", "large", "sparse"),
                ("EXPIRE", "large", 1000),
                ("DEBUG", "DIGEST-VALUE", "large"),
                ("SELECT", 3),
                ("SET", "a", "12"),
                ("DEBUG", "DIGEST-VALUE", "a", "b"),
                ("DEBUG", "DIGEST"),
                ("SELECT", 0),
                ("FLUSHDB",),
                ("DEBUG", "DIGEST"),
                ("FLUSHALL",),
                ("DEBUG", "DIGEST"),
            ]
        )

    def test_passive_expiry(self):
        for server in (ours, theirs):
            with self.subTest(server=server.path):
                client = self.client(server)
                self.assertEqual(client.ask("DEBUG", "SET-ACTIVE-EXPIRE", 0), b"+OK\r\n")
                time.sleep(0.3)  # the pass that has begun ends
                client.ask("FLUSHALL")
                client.ask("SET", "a", "b", "PX", 1)
                time.sleep(0.7)
                self.assertEqual(client.ask("DBSIZE"), b":1\r\n")
                self.assertEqual(client.ask("GET", "a"), b"$-1\r\n")
                client.ask("SET", "a", "b", "PX", 1)
                self.assertEqual(client.ask("DEBUG", "SET-ACTIVE-EXPIRE", 1), b"+OK\r\n")
                deadline = time.monotonic() + 30
                while client.ask("DBSIZE") != b":0\r\n":
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)


if __name__ == "__main__":
    test_program.run_tests()
