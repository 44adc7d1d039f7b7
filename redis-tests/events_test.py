#!/usr/bin/python3
"""Keyspace events beside redis-server: the same commands to both, and the same events in the same
order from both, as a client sees them that listens to its own commands (so that their place among
the replies is compared, too). Starts both servers. Closes with "N passed, N failed"."""

import os
import re
import sys
import time
import unittest
from contextlib import closing

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import dumps  # noqa: E402  (after the path is set)
import test_program  # noqa: E402
from marker_client import MarkerClient  # noqa: E402
from pair import ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401
from server import Server  # noqa: E402
from wire_client import Client as WireClient  # noqa: E402


class Client(MarkerClient):
    def ask(self, *lines):
        """No test here is to close a connection."""
        data = super().ask(*lines)
        if data.endswith(b"(closed)"):
            raise EOFError(data)
        return data


def listener(server, classes):
    client = Client(server)
    client.ask("hello 3")
    client.ask("select 0\r\nconfig set notify-keyspace-events " + (classes or '""'))
    client.ask("flushall")
    client.ask("psubscribe __key*")
    return client


def tell(server, classes, lines):
    client = listener(server, classes)
    story = []
    for line in lines:
        story += [line, client.ask(line)]
    client.close()
    return story


SCRIPT = """
set a 1; set a 2; set a 3 ex 100; set a 4 keepttl; set a 5 nx; set b 5 nx; set c 1 xx; set c 2 get
set c 3 get px 100000; set c 4 get nx; set d 1 exat 4102444800; setnx e 1; setnx e 2
setex e 100 x; psetex f 100000 x; getset a 6; getset g 7; getdel g; getdel g; get a; get nothing
getex a; getex a ex 100; getex a persist; getex a persist; getex nothing; getex a exat 1; get a
mset a 1 b 2 c 3 h 4; msetnx a 1 i 2; msetnx i 1 j 2; mget a nothing b; append a x; append k x
append k ""; setrange a 2 x; setrange l 3 x; setrange m 0 ""; setrange a 0 ""; strlen a
strlen nothing; getrange a 0 1; getrange nothing 0 1; set n 1; incr n; decr n; incrby n 5
decrby n 5; incr o; incrbyfloat n 1.5; incrbyfloat p 1.5; incr a; del a; del a b nothing; unlink c
exists n nothing; type n; type nothing; ttl nothing; touch n nothing; object encoding nothing
expire n 100; expire n 100 nx; expire n 200 xx; pexpire n 100000; expireat n 4102444800
pexpireat n 4102444800000; persist n; persist n; persist nothing; expire nothing 100
expire n -1; set n 1; expireat n 1; set n 1; pexpire n 0; set n 1; set n2 2
rename n n3; rename n3 n2; rename n2 n2; renamenx n2 q; set r 1; renamenx r q; rename nothing x
copy q s; copy q s; copy q s replace; copy q s db 2; copy q s db 2 replace; copy nothing x
move q 3; move r 9; move nothing 3; set r 1; move r 9; set t 1 ex 100; copy t u; rename t u
swapdb 0 5; swapdb 0 5; flushdb; dbsize; randomkey; keys *; scan 0; lcs x y
setbit v 7 1; setbit v 7 1; setbit v 100 0; getbit v 7; bitcount nothing; bitpos nothing 1
bitfield v set u8 0 3 set u8 0 3; bitfield v set u8 0 3; bitfield w overflow fail incrby u8 0 300
bitfield w get u8 0; bitfield_ro nothing get u8 0; bitop not x v; bitop and x nothing v
bitop and x nothing none; bitop or x nothing; pfadd y; pfadd y a; pfadd y a; pfadd z a; pfadd v a
pfcount y; pfcount y; pfcount y nothing; pfmerge y z; pfmerge y2 z; pfmerge y3; pfdebug todense y
pfdebug encoding nothing; dump nothing; restore r1 0 DUMP; restore r1 0 DUMP; restore r1 0 DUMP replace
restore r1 100000 DUMP replace; restore r1 1 DUMP replace absttl; restore r1 1 DUMP replace absttl
multi; set a 1; get nothing; del a; exec
"""

# A string, dumped, as a word of an inline command.
DUMP = '"%s"' % "".join(f"\\x{byte:02x}" for byte in dumps.seal(b"\0\3bar"))


class Events(unittest.TestCase):
    maxDiff = None

    def compare(self, classes, lines):
        self.assertEqual(tell(ours, classes, lines), tell(theirs, classes, lines))

    def lines(self):
        whole = [line for line in SCRIPT.strip().split("\n") if not line.startswith("multi")]
        commands = [command.strip() for line in whole for command in line.split(";")]
        commands = [command.replace("DUMP", DUMP) for command in commands]
        return commands + ["multi\r\nset a 1\r\nget nothing\r\ndel a\r\nexec"]

    def test_all_events_of_all_commands(self):
        self.compare("KEAmn", self.lines())
        self.compare("KEA", self.lines())
        # Redis hides an n behind an A, but it counts.
        self.compare("KEg$xenm", self.lines())

    def test_each_class_alone(self):
        for classes in ("K$", "Eg", "KEx", "Em", "Kn", "KE", "A", "", "lshzt"):
            with self.subTest(classes=classes):
                self.compare(classes, self.lines())

    def test_what_config_get_answers(self):
        for classes in ("KEA", "AKE", "nKE", "AKEmn", "g$lshzxetd", "g$lshzxet", "Kmnxe$g", "EK",
                        "KEQ", "$$gg", "d", "K E", '""', "Am"):  # fmt: skip
            lines = [f"config set notify-keyspace-events {classes}"]
            lines += ["config get notify-keyspace-events"]
            self.assertEqual(tell(ours, "", lines), tell(theirs, "", lines))


class Failure(unittest.TestCase):
    def test_nothing_is_told_of_what_is_taken_back(self):
        with Server(directives=(("max-keys", "3"),)) as server:
            client = Client(server)
            client.ask("hello 3")
            client.ask("config set notify-keyspace-events KEA")
            client.ask("psubscribe __key*")
            client.ask("set x 0")
            self.assertRegex(client.ask("mset x 1 a 1 b 2 c 3"), rb"^-OOM [^\r]*\r\n$")
            self.assertEqual(client.ask("mset x 1 a 1").count(b"\r\nset\r\n"), 2)
            client.close()


def wait_for_events(server, lines, count):
    """The events of keys that expire, which come when they do."""
    client = listener(server, "Ex")
    data = b"".join(client.ask(line) for line in lines)
    deadline = time.monotonic() + 30
    while data.count(b"pmessage") < count and time.monotonic() < deadline:
        time.sleep(0.02)
        data += client.ask("echo x")
    client.ask("config set notify-keyspace-events \"\"")
    client.close()
    return sorted(re.findall(rb"expired\r\n\$\d+\r\n([^\r]+)\r\n", data))


class Expiry(unittest.TestCase):
    def test_the_cycle_tells(self):
        lines = [f"psetex key{i} {50 + i} x" for i in range(100)] + ["set stays 1 ex 1000"]
        wanted = sorted(b"key%d" % i for i in range(100))
        for server in (ours, theirs):
            self.assertEqual(wait_for_events(server, lines, 100), wanted)

    def test_a_command_that_comes_upon_it_tells_before_its_own_events(self):
        for server in (ours, theirs):
            client = listener(server, "Exn$g")
            client.ask("config set notify-keyspace-events Exn$g")
            for command, then in (("set k 2", "new set"), ("incr k", "new incrby"), ("del k", ""),
                                  ("get k", ""), ("append k x", "new append")):  # fmt: skip
                client.ask("set k 1")
                client.ask("psetex k 1 1")
                # In one go behind the wait: neither server's cycle should be first, but may be.
                time.sleep(0.002)
                data = client.ask(command)
                events = re.findall(rb"__keyevent@0__:(\w+)", data)
                seen = b" ".join(events).decode()
                expected = f"expired {then}".strip()
                self.assertIn(seen, (expected, then), f"{command} on {server.path}")
            client.close()


def read_reply(client):
    """The reply to a command, and the messages in front of it."""
    replies = [client.read()]
    while replies[-1].startswith(b">"):
        replies.append(client.read())
    return replies


class DroppedReplies(unittest.TestCase):
    """CLIENT REPLY drops replies, not what the client is told of its own commands meanwhile."""

    def converse(self, server, mode, *commands):
        with closing(WireClient(server)) as client:
            client.ask("SET", "a", "1" * 500)
            client.ask("HELLO", 3)
            client.ask("CONFIG", "SET", "notify-keyspace-events", "KEAm")
            client.ask("DEL", "k" * 300)
            client.ask("PSUBSCRIBE", "__keyevent@0__:*")
            client.send("CLIENT", "REPLY", mode)
            for command in commands:
                client.send(*command)
            client.send("CLIENT", "REPLY", "ON")
            return [read_reply(client) for _ in range(2 if mode == "SKIP" else 1)]

    def test_a_command_that_looks_back_at_its_reply(self):
        getset = ("GETSET", "k" * 300, "v")
        getdel = ("GETDEL", "k" * 300)
        queue = (("MULTI",), ("GET", "a"), getset, getdel, getdel, ("EXEC",))
        sets = [("SET", "a", str(i)) for i in range(2)]
        unsubscribe = (("MULTI",), sets[0], ("PUNSUBSCRIBE",), sets[1], ("EXEC",))
        for mode, commands in (("OFF", (getset,)), ("SKIP", (getset, ("PING",))), ("OFF", queue),
                               ("OFF", unsubscribe)):  # fmt: skip
            with self.subTest(mode=mode, commands=commands):
                self.assertEqual(self.converse(ours, mode, *commands),
                                 self.converse(theirs, mode, *commands))

    def test_a_write_that_fails(self):
        with Server(directives=(("max-keys", "1"),)) as server:
            for mode in ("OFF", "SKIP", "ON"):
                with self.subTest(mode=mode), closing(WireClient(server)) as client:
                    client.ask("HELLO", 3)
                    client.ask("CONFIG", "SET", "notify-keyspace-events", "KEAm")
                    client.ask("SET", "a", "1")
                    client.ask("SUBSCRIBE", "__keyevent@0__:keymiss")
                    client.send("CLIENT", "REPLY", mode)
                    client.send("GETSET", "k" * 300, "v")
                    client.send("CLIENT", "REPLY", "ON")
                    replies = [client.read() for _ in range(4 if mode == "ON" else 2)]
                    self.assertEqual([reply[:1] for reply in replies],
                                     [b"+", b">", b"-", b"+"] if mode == "ON" else [b">", b"+"])

    def test_a_value_that_is_written_ahead_of_its_command(self):
        """Looking ahead comes upon a key that has expired, before the command runs."""
        directives = (("enable-debug-command", "yes"), ("notify-keyspace-events", "Ex"))
        with Server(directives=directives) as server, closing(WireClient(server)) as client:
            client.ask("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            client.ask("SET", "large", b"v" * 60000)
            client.ask("HELLO", 3)
            client.ask("SUBSCRIBE", "__keyevent@0__:expired")
            client.ask("SET", "k", "1", "PX", "1")
            for words in (("GET", "large"), ("GET", "large"), ("CLIENT", "REPLY", "OFF")):
                client.send(*words)  # in one turn: the last one's reply would begin far behind
            self.assertEqual(len(client.read() + client.read()), 2 * len("$60000\r\n\r\n") + 120000)
            client.send("SET", "k", b"x" * 5000000, "NX")
            client.send("CLIENT", "REPLY", "ON")
            self.assertIn(b"expired", client.read())
            self.assertEqual(client.read(), b"+OK\r\n")


if __name__ == "__main__":
    test_program.run_tests()
