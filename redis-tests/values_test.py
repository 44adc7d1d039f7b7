#!/usr/bin/python3
"""Values that are built from bits, beside redis-server: the same commands must leave the same bytes.

HyperLogLogs and strings of bits, grown by random commands; and dumps of each server, restored at the
other. differential.py sends the same commands in small doses among all others; here values become
large. Starts both servers. Closes with "N passed, N failed"."""

import os
import random
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import dumps  # noqa: E402  (after the path is set)
import test_program  # noqa: E402
import wire  # noqa: E402
from server import Server  # noqa: E402

SEED = int(os.environ.get("SCDB_TEST_SEED") or random.SystemRandom().randrange(1 << 40))
SCALE = float(os.environ.get("SCDB_TEST_SCALE") or 1)
BITS = 8 * 100000  # of the strings that are worked on

servers = [Server(), Server(reference=True)]  # ours, theirs


def setUpModule():
    print(f"seed {SEED} (repeat with: SCDB_TEST_SEED={SEED} redis-tests/values_test.py)")
    for server in servers:
        server.start()


def tearDownModule():
    for server in servers:
        server.close()


def rounds(count):
    return max(1, int(count * SCALE))


class Link:
    """A connection on which replies are waited for."""

    def __init__(self, server):
        self.socket = server.connect()
        self.data = b""

    def ask(self, *words):
        self.socket.sendall(wire.encode([w if isinstance(w, bytes) else str(w).encode() for w in words]))
        while (end := wire.reply_end(self.data, 0)) < 0:
            more = self.socket.recv(1 << 20)
            if not more:
                raise ConnectionError(f"closed after {words[:2]!r}")
            self.data += more
        reply, self.data = self.data[:end], self.data[end:]
        return reply

    def bulk(self, *words):
        return wire.parse(self.ask(*words))[0][1]


class Both(unittest.TestCase):
    """Asks both servers."""

    def setUp(self):
        self.random = random.Random(f"{SEED} {self.id()}")
        self.links = [Link(server) for server in servers]
        self.same("FLUSHALL")

    def tearDown(self):
        for link in self.links:
            link.ask("CONFIG", "SET", "hll-sparse-max-bytes", "3000", "rdbcompression", "yes")
            link.socket.close()

    def same(self, *words):
        """The reply, if it is the same from both."""
        ours, theirs = [link.ask(*words) for link in self.links]
        self.assertEqual(wire.show(ours)[:300], wire.show(theirs)[:300], msg=repr(words)[:500])
        self.assertEqual(ours, theirs, msg=repr(words)[:500])
        return ours


class HyperLogLogs(Both):
    def element(self):
        size = self.random.choice([0, 1, 3, 7, 8, 9, 16, 40])
        return self.random.randbytes(size) if self.random.random() < 0.5 else b"%x" % self.random.getrandbits(40)

    def add(self, key, count):
        for start in range(0, max(count, 1), 500):
            self.same("PFADD", key, *[self.element() for _ in range(min(500, count - start))])

    def look(self, key):
        self.same("GET", key)
        self.same("PFDEBUG", "ENCODING", key)
        self.same("PFCOUNT", key)
        self.same("GET", key)  # with what was counted

    def test_grow(self):
        for limit in (3000, 0, 50, 700, 20000):
            self.same("CONFIG", "SET", "hll-sparse-max-bytes", limit)
            for count in (0, 1, 2, 10, 100, 900, 5000, 30000):
                with self.subTest(limit=limit, count=count):
                    self.same("DEL", "h")
                    self.add("h", count)
                    self.look("h")
                    self.add("h", 3)
                    self.look("h")

    def test_steps(self):
        """After every single element, where runs are split and joined."""
        for _ in range(rounds(1200)):
            self.add("h", 1)
            self.same("GET", "h")
        self.same("PFDEBUG", "DECODE", "h")
        self.same("PFDEBUG", "GETREG", "h")
        self.same("PFDEBUG", "ENCODING", "h")

    def test_merge(self):
        for _ in range(rounds(40)):
            self.same("FLUSHALL")
            self.same("CONFIG", "SET", "hll-sparse-max-bytes", self.random.choice([3000, 3000, 100, 0]))
            for key in ("a", "b", "c", "d"):
                if self.random.random() < 0.8:
                    self.add(key, self.random.choice([0, 1, 30, 300, 3000]))
            if self.random.random() < 0.3:
                self.same("PFDEBUG", "TODENSE", "b")
            sources = self.random.choices(["a", "b", "c", "d"], k=self.random.randint(0, 3))
            self.same("PFCOUNT", "a", *sources)
            self.same("PFMERGE", "d", *sources)
            self.same("PFCOUNT", "d")
            for key in ("a", "b", "c", "d"):
                self.same("GET", key)

    def ends_within_an_opcode(self, key):
        """Of an XZERO that is cut off at the end, Redis reads what it happens to keep behind the string."""
        value = self.links[0].bulk("GETRANGE", key, 0, -1)
        is_sparse = value[4] == 1
        place = 16
        while is_sparse and place < len(value):
            place += 2 if value[place] & 0xC0 == 0x40 else 1
        return place > len(value)

    def test_damage(self):
        for _ in range(rounds(400)):
            self.same("DEL", "h")
            self.add("h", self.random.choice([0, 2, 20, 200, 2000]))
            size = int(self.same("STRLEN", "h")[1:])
            for _ in range(self.random.randint(1, 4)):
                place = self.random.choice([self.random.randrange(20), self.random.randrange(size - 1)])
                self.same("SETRANGE", "h", min(place, size - 2), self.random.randbytes(1))
            if self.ends_within_an_opcode("h"):
                continue
            for command in self.random.choices(["PFCOUNT", "PFCOUNT 2", "PFADD", "PFMERGE", "DECODE"], k=3):
                if command == "PFADD":
                    self.same("PFADD", "h", *[self.element() for _ in range(20)])
                elif command == "PFMERGE":
                    self.same("PFMERGE", "g", "h")
                elif command == "PFCOUNT 2":
                    self.same("PFCOUNT", "h", "g")
                elif command == "DECODE":
                    self.same("PFDEBUG", "DECODE", "h")
                else:
                    self.same("PFCOUNT", "h")
                self.same("GET", "h")

    def test_self_test(self):
        self.same("PFSELFTEST")

    def test_expiry_stays(self):
        self.same("PFADD", "h", "a")
        self.same("PEXPIREAT", "h", "4102444800000")
        self.same("PFADD", "h", "b")
        self.same("PFCOUNT", "h")
        self.same("PFMERGE", "h", "h")
        self.same("PEXPIRETIME", "h")


class Bits(Both):
    def offset(self):
        return self.random.choice([self.random.randrange(BITS), self.random.randrange(2000)])

    def index(self):
        return self.random.choice([self.random.randint(-BITS, BITS), self.random.randint(-50, 50)])

    def step(self):
        kind = self.random.choice("ut")
        type_ = f"{'iu'[kind == 'u']}{self.random.randint(1, 63)}"
        return self.random.choice([
            lambda: ("SETBIT", "b", self.offset(), self.random.randint(0, 1)),
            lambda: ("GETBIT", "b", self.offset()),
            lambda: ("BITCOUNT", "b", self.index(), self.index(), self.random.choice(["BIT", "BYTE"])),
            lambda: ("BITPOS", "b", self.random.randint(0, 1), self.index()),
            lambda: ("BITPOS", "b", self.random.randint(0, 1), self.index(), self.index(),
                     self.random.choice(["BIT", "BYTE"])),
            lambda: ("BITFIELD", "b", "OVERFLOW", self.random.choice(["WRAP", "SAT", "FAIL"]),
                     "SET", type_, self.offset(), self.random.randint(-(2**63), 2**63 - 1),
                     "GET", type_, self.offset(), "INCRBY", type_, self.offset(),
                     self.random.randint(-(2**40), 2**40)),
            lambda: ("SETRANGE", "b", self.offset() // 8, self.random.choice([b"\0", b"\xff"]) * 3000),
            lambda: ("BITOP", self.random.choice(["AND", "OR", "XOR"]), self.random.choice("bc"), "b",
                     "c", "b", "nothing"[: self.random.choice([1, 7])]),
            lambda: ("BITOP", "NOT", "c", "b"),
        ])()  # fmt: skip

    def test_large(self):
        for _ in range(rounds(3000)):
            self.same(*self.step())
        self.same("GET", "b")
        self.same("GET", "c")

    def test_far(self):
        """The last bit that there may be."""
        self.same("SETBIT", "b", "4294967296", "1")
        self.same("SETBIT", "b", "99999999", "1")
        self.same("STRLEN", "b")
        self.same("BITPOS", "b", "1")
        self.same("BITCOUNT", "b")
        self.same("BITFIELD", "b", "GET", "u63", "4294967295", "GET", "i64", "#67108863")
        self.same("GETBIT", "b", "4294967295")

    def test_what_counts_as_a_change(self):
        """WATCH notices what Redis takes for a change, and OBJECT ENCODING what it is stored as."""
        rows = [
            ("SETBIT", "k", 1, 0), ("SETBIT", "k", 2, 1), ("SETBIT", "k", 20, 0),
            ("BITFIELD", "k", "SET", "u8", 0, 49), ("BITFIELD", "k", "SET", "u8", 0, 50),
            ("BITFIELD", "k", "GET", "u8", 0), ("BITFIELD", "k", "SET", "u8", 16, 0),
            ("BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u8", 0, 1000),
            ("BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u8", 16, 1000),
            ("BITFIELD", "gone", "OVERFLOW", "FAIL", "INCRBY", "u8", 16, 1000),
            ("BITOP", "NOT", "k", "k"), ("BITOP", "AND", "k", "gone"), ("BITOP", "AND", "gone", "gone"),
            ("PFADD", "h", "a"), ("PFADD", "h", "b"), ("PFADD", "h"), ("PFADD", "k", "a"),
            ("PFCOUNT", "h"), ("PFCOUNT", "g"), ("PFMERGE", "h"), ("PFDEBUG", "TODENSE", "h"),
            ("PFDEBUG", "ENCODING", "g"), ("RESTORE", "k", 0, "x", "REPLACE"), ("DUMP", "k"),
        ]  # fmt: skip
        for words in rows:
            with self.subTest(words=words):
                self.same("FLUSHALL")
                self.same("SET", "k", "12")
                self.same("PFADD", "h", "a")
                self.same("PFADD", "text", "a")
                self.same("PFCOUNT", "text")
                self.same("SET", "g", self.links[0].bulk("GET", "text"))
                self.same("WATCH", "k", "h", "g", "gone")
                self.same(*words)
                self.same("MULTI")
                self.same("PING")
                self.same("EXEC")
                for key in ("k", "h", "g", "gone"):
                    self.same("OBJECT", "ENCODING", key)
                    self.same("GET", key)


class Dumps(Both):
    def text(self):
        size = self.random.choice([0, 1, 5, 11, 12, 20, 21, 63, 64, 300, 16383, 16384, 70000, 300000])
        kind = self.random.randrange(4)
        if kind == 0:
            return b"%d" % self.random.choice([self.random.randint(-(2**b), 2**b) for b in (6, 7, 8, 15, 16, 31, 32, 63)])
        if kind == 1:
            return self.random.randbytes(size)
        if kind == 2:
            return self.random.choice([b"a", b"abc", b"\0"]) * size
        return b" ".join(self.random.choice([b"the", b"quick", b"fox"]) for _ in range(size // 4))

    def test_each_takes_the_others(self):
        """The same string, however it was packed; and where LZF has no choice, the same bytes."""
        for _ in range(rounds(150)):
            compress = self.random.choice(["yes", "yes", "no"])
            self.same("CONFIG", "SET", "rdbcompression", compress)
            text = self.text()
            self.same("SET", "k", text)
            dumped = [link.bulk("DUMP", "k") for link in self.links]
            for dump in dumped:
                self.assertEqual(dumps.string_of(dump), text)
            if compress == "no" or len(text) <= 20:
                self.assertEqual(dumped[0], dumped[1])
            for dump in dumped:
                self.same("RESTORE", "k", 0, dump, "REPLACE")
                self.same("GET", "k")
                self.same("OBJECT", "ENCODING", "k")

    def test_hyperloglogs(self):
        for count in (0, 3, 500, 5000):
            elements = [b"%d" % self.random.getrandbits(60) for _ in range(count)]
            self.same("DEL", "h")
            self.same("PFADD", "h", *elements)
            self.same("PFCOUNT", "h")
            for dump in [link.bulk("DUMP", "h") for link in self.links]:
                self.same("RESTORE", "h", 0, dump, "REPLACE")
                self.same("GET", "h")
                self.same("PFADD", "h", *elements, "one more")
                self.same("PFCOUNT", "h")

    def test_times(self):
        self.same("SET", "k", "value")
        dump = self.links[0].bulk("DUMP", "k")
        for words in (
            ["k", 0, dump], ["k", 0, b"x"], ["k", "x", dump], ["k", -1, dump, "REPLACE"],
            ["n", 4102444800000, dump, "ABSTTL"], ["n", 1, dump, "ABSTTL", "REPLACE"], ["n", 1, dump, "ABSTTL"],
            ["n", 2**63 - 1, dump], ["n", 2**63 - 1, dump, "REPLACE", "ABSTTL"], ["n", 0, dump[:-1]],
            ["n", 0, dump, "REPLACE", "FREQ", 3, "FREQ", 256], ["n", 0, dump, "IDLETIME", 1, "FREQ", 1],
            ["n", 0, dump, "REPLACE", "IDLETIME", 10, "idletime", 0], ["n", 0, b""], ["n", 0, dump, "TTL"],
        ):  # fmt: skip
            with self.subTest(words=words):
                self.same("RESTORE", *words)
                self.same("PEXPIRETIME", "n")
                self.same("GET", "n")


if __name__ == "__main__":
    test_program.run_tests()
