#!/usr/bin/python3
"""Large strings that are changed in places, beside redis-server: through restarts and kill -9.

SETRANGE, APPEND, SETBIT, BITFIELD, EXPIREAT and PERSIST at random places of values of up to a few
megabytes, alone and in transactions, among commands that replace, move and remove them; ours is
compacted and stopped or killed in between, often with commands under way. After a kill the
values must be those after a prefix of the commands that holds all that were answered: redis-server
is taken forward command by command until both agree. Starts both servers. Closes with "N passed, N
failed"."""

import os
import random
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import test_program  # noqa: E402  (after the path is set)
import wire  # noqa: E402
from server import Server, check_path  # noqa: E402

SEED = int(os.environ.get("SCDB_TEST_SEED") or random.SystemRandom().randrange(1 << 40))
SCALE = float(os.environ.get("SCDB_TEST_SCALE") or 1)
CHECK = check_path()
KEYS = [b"k%d" % i for i in range(4)]
SIZES = (20000, 65536, 65537, 300000, 1500000)
SIZE_MAX = 2500000  # where a value goes on growing no more
DATABASES = 3
ALL_KEYS = KEYS + [b"s%d" % i for i in range(3)]
STAGED_SIZE = 4300000  # is written ahead of its command
FAR_FUTURE = 4000000000  # Unix seconds: both servers must agree on when, not on how long it is


def rounds(count):
    return max(1, int(count * SCALE))


class Link:
    """A connection: commands are sent, replies waited for, one after the other."""

    def __init__(self, server):
        self.socket = server.connect()
        self.data = bytearray()

    def send(self, command):
        self.socket.sendall(wire.encode(command))

    def reply(self):
        while (end := wire.reply_end(self.data, 0)) < 0:
            more = self.socket.recv(1 << 20)
            if not more:
                raise EOFError
            self.data += more
        reply = bytes(self.data[:end])
        del self.data[:end]
        return reply

    def ask(self, *words):
        self.send(words)
        return self.reply()


class Patches:
    """Makes random commands."""

    def __init__(self, source):
        self.random = source

    def bytes(self, size):
        return self.random.randbytes(size)

    def place(self):
        """An offset: anywhere, near the edges of blocks, or at the front."""
        kind = self.random.random()
        if kind < 0.2:
            return max(0, 65536 * self.random.randint(0, 24) + self.random.randint(-9, 9))
        return self.random.randrange(300 if kind < 0.3 else SIZE_MAX)

    def size(self):
        return int(10 ** self.random.uniform(0, 4.5))

    def change(self):
        key = self.random.choice(KEYS)
        place = b"%d" % self.place()
        makers = (
            (30, lambda: [b"SETRANGE", key, place, self.bytes(self.size())]),
            (25, lambda: [b"SETBIT", key, b"%d" % (self.place() * 8 + 3), b"%d" % self.random.randint(0, 1)]),
            (15, lambda: [b"APPEND", key, self.bytes(self.size())]),
            (15, lambda: self.bitfield(key, place)),
            (6, lambda: [b"EXPIREAT", key, b"%d" % (FAR_FUTURE + self.random.randrange(1000))]),
            (3, lambda: [b"PERSIST", key]),
            (3, lambda: [b"SET", key, self.bytes(self.random.choice(SIZES))]),
            (1, lambda: [b"DEL", key]),
            (1, lambda: [b"RENAME", key, self.random.choice(KEYS)]),
            (1, lambda: [b"COPY", key, self.random.choice(KEYS), b"REPLACE"]),
        )
        return self.random.choices([m for _, m in makers], [w for w, _ in makers])[0]()

    def bitfield(self, key, place):
        bits = b"u%d" % self.random.randint(1, 63)
        number = b"%d" % self.random.randrange(1 << 20)
        far = b"%d" % (self.place() * 8 + self.random.randrange(8))
        return [b"BITFIELD", key, b"SET", bits, far, number, b"INCRBY", b"i64", place, number]

    def look(self):
        key = self.random.choice(KEYS)
        start, end = self.place(), self.place()
        return self.random.choice((
            [b"GETRANGE", key, b"%d" % start, b"%d" % (start + self.size())],
            [b"GETRANGE", key, b"%d" % start, b"%d" % end],
            [b"GETBIT", key, b"%d" % (8 * start + 1)],
            [b"BITCOUNT", key, b"%d" % start, b"%d" % end],
            [b"BITPOS", key, b"1", b"%d" % start],
            [b"BITFIELD_RO", key, b"GET", b"u61", b"%d" % (8 * start + 5)],
            [b"STRLEN", key],
        ))

    def trimmed(self, command, length_of):
        """Keeps a value from growing for ever: one that has grown too large is set anew."""
        if command[0] == b"APPEND" and length_of(command[1]) > SIZE_MAX:
            return [b"SET", command[1], self.bytes(self.random.choice(SIZES))]
        return command


class PatchesTest(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(f"{SEED} {self.id()}")
        self.patches = Patches(self.random)
        # Small segments, so that values lie in many and those of the largest have their own.
        directives = [("enable-debug-command", "yes")]
        mode = self.random.choice(("always", "everysec", "no"))  # what is answered outlives a kill in each
        self.server = Server(directives=[("segment-size", "1mb"), ("appendfsync", mode), *directives])
        self.reference = Server(reference=True, directives=directives)
        self.addCleanup(self.reference.close)
        self.addCleanup(self.server.close)
        self.server.start()
        self.reference.start()
        self.ours, self.theirs = Link(self.server), Link(self.reference)
        for key in KEYS:
            self.same(b"SET", key, self.patches.bytes(self.random.choice(SIZES)))

    def tearDown(self):
        self.ours.socket.close()
        self.theirs.socket.close()

    def same(self, *words):
        ours, theirs = self.ours.ask(*words), self.theirs.ask(*words)
        self.assertEqual(wire.show(ours)[:300], wire.show(theirs)[:300], msg=repr(words)[:300])
        self.assertTrue(ours == theirs, msg=f"{words!r:.300}: the replies begin alike, but differ")
        return ours

    def length(self, key):
        return int(self.theirs.ask(b"STRLEN", key)[1:-2])

    def next_change(self):
        return self.patches.trimmed(self.patches.change(), self.length)

    def restart(self, how):
        self.ours.socket.close()
        self.server.restart(how)
        self.ours = Link(self.server)

    @staticmethod
    def state(link):
        return [link.ask(*words) for key in KEYS for words in ((b"GET", key), (b"EXPIRETIME", key))]

    def assert_state(self):
        for number, (ours, theirs) in enumerate(zip(self.state(self.ours), self.state(self.theirs))):
            self.assertTrue(ours == theirs, msg=f"{KEYS[number // 2]}: {len(ours)} bytes, {len(theirs)} are right")

    def transaction(self):
        commands = [self.next_change() for _ in range(self.random.randint(2, 5))]
        self.same(b"MULTI")
        for command in commands:
            self.same(*command)
        self.same(b"EXEC")

    def test_replies_and_restarts(self):
        for number in range(rounds(8)):
            for _ in range(40):
                self.same(*self.next_change())
                self.same(*self.patches.look())
            self.transaction()
            if self.random.random() < 0.5:
                self.assertEqual(self.ours.ask(b"COMPACT")[:1], b":")  # bytes reclaimed
            self.assert_state()
            self.restart("kill" if number % 2 else "stop")
            self.assert_state()

    def send_and_kill(self, commands):
        """How many were answered before the server was killed in their midst."""
        wanted = self.random.randint(0, len(commands))
        for command in commands:
            self.ours.send(command)
        for _ in range(wanted):
            self.ours.reply()
        self.restart("kill")
        return wanted

    def test_killed_under_way(self):
        for number in range(rounds(12)):
            commands = [self.next_change() for _ in range(self.random.randint(5, 30))]
            answered = self.send_and_kill(commands)
            for command in commands[:answered]:
                self.theirs.ask(*command)
            found = self.state(self.ours)
            left = commands[answered:]
            while found != self.state(self.theirs):
                self.assertTrue(left, msg=f"round {number}: not the state after any prefix of the commands")
                self.theirs.ask(*left.pop(0))
            self.same(*self.patches.look())

    def test_files_are_sound(self):
        for _ in range(rounds(100)):
            self.same(*self.next_change())
        self.assert_state()
        self.server.kill()
        for what in ("verify", "dump"):
            done = subprocess.run(
                [CHECK, what, self.server.directory], capture_output=True, timeout=120, check=False
            )
            self.assertEqual(done.returncode, 0, msg=(done.stdout[-1000:], done.stderr[-1000:]))
        self.server.start()
        self.ours.socket.close()
        self.ours = Link(self.server)
        self.assert_state()

    def resident(self):
        """Bytes of memory that are not of mapped files, the server's."""
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["RssAnon"].split()[0]) << 10

    def test_what_a_transaction_reads_is_not_kept(self):
        self.ours.ask(b"SETRANGE", b"big", b"4000000", b"x")
        before = self.resident()
        self.ours.ask(b"MULTI")
        for _ in range(200):
            self.ours.ask(b"PFCOUNT", b"big")  # reads all of it, and refuses it
        self.ours.ask(b"EXEC")
        self.assertLess(self.resident() - before, 400 << 20)

    # --- all databases, by their digests ---

    def assert_digests(self, what):
        """DEBUG DIGEST sees every key of every database, with types, values and whether they
        expire; where it differs, the keys that do are told. (redis-server's would also see what
        has expired, until somebody looks.)"""
        for database in range(DATABASES):
            self.theirs.ask(b"SELECT", b"%d" % database)
            self.theirs.ask(b"EXISTS", *ALL_KEYS)
        if self.ours.ask(b"DEBUG", b"DIGEST") == self.theirs.ask(b"DEBUG", b"DIGEST"):
            return
        told = []
        for database in range(DATABASES):
            for link in (self.ours, self.theirs):
                link.ask(b"SELECT", b"%d" % database)
            for key in ALL_KEYS:
                ours, theirs = (link.ask(b"DEBUG", b"DIGEST-VALUE", key) for link in (self.ours, self.theirs))
                if ours != theirs:
                    sizes = [link.ask(b"STRLEN", key) for link in (self.ours, self.theirs)]
                    told.append((database, key, ours, theirs, sizes))
        self.fail(f"{what}: the digests differ in {told or 'keys that the test does not know'}")

    def other(self):
        """What moves, copies, replaces and removes whole values, also between databases."""
        key, second = self.random.choice(ALL_KEYS), self.random.choice(ALL_KEYS)
        database = b"%d" % self.random.randrange(DATABASES)
        return self.random.choice((
            [b"RENAME", key, second],
            [b"RENAMENX", key, second],
            [b"COPY", key, second, b"DB", database, b"REPLACE"],
            [b"MOVE", key, database],
            [b"MSET", key, self.patches.bytes(self.random.choice(SIZES)), second, b"x", key, b"short"],
            [b"MSETNX", key, b"1", second, b"2"],
            [b"SET", key, self.patches.bytes(self.random.choice(SIZES)), b"KEEPTTL"],
            [b"SET", key, b"y", b"GET"],
            [b"GETDEL", key],
            [b"GETEX", key, b"EXAT", b"%d" % FAR_FUTURE],
            [b"GETEX", key, b"PERSIST"],
            [b"BITOP", self.random.choice((b"AND", b"OR", b"XOR")), key, second, self.random.choice(ALL_KEYS)],
            [b"BITOP", b"NOT", key, second],
            [b"INCR", key],
            [b"UNLINK", key, second],
            [b"EXPIREAT", key, b"1"],
            [b"SWAPDB", b"0", database],
            [b"FLUSHDB"] if self.random.random() < 0.1 else [b"TOUCH", key],
        ))

    def wide_change(self):
        if (chance := self.random.random()) < 0.02:
            return [b"SET", self.random.choice(ALL_KEYS), self.patches.bytes(STAGED_SIZE)]
        if chance < 0.3:
            return self.other()
        command = self.patches.change()
        command[1] = self.random.choice(ALL_KEYS)
        return self.patches.trimmed(command, self.length)

    def expire_some(self):
        """A few keys go by the clock: nobody asks for them before that is over."""
        until = int(time.time() * 1000) + 300
        for key in self.random.sample(ALL_KEYS, 3):
            self.same(b"PEXPIREAT", key, b"%d" % until)
        if self.random.random() < 0.5:
            self.restart("kill")
            self.ours.ask(b"SELECT", self.selected)
        while time.time() * 1000 <= until:
            time.sleep(0.02)

    def test_digests(self):
        for number in range(rounds(6)):
            self.selected = b"%d" % self.random.randrange(DATABASES)
            self.same(b"SELECT", self.selected)
            for _ in range(60):
                if (chance := self.random.random()) < 0.05:
                    commands = [self.wide_change() for _ in range(self.random.randint(1, 6))]
                    for command in [[b"MULTI"], *commands, [b"EXEC"]]:
                        self.same(*command)
                elif chance < 0.08:
                    self.ours.ask(b"COMPACT")
                elif chance < 0.10:
                    self.expire_some()
                elif chance < 0.12:
                    self.ours.ask(b"SAVE")
                else:
                    self.same(*self.wide_change())
                    self.same(*self.patches.look())
            self.assert_digests(f"round {number}")
            self.restart("kill" if self.random.random() < 0.7 else "stop")
            self.assert_digests(f"round {number}, opened again")


if __name__ == "__main__":
    print(f"seed {SEED} (repeat with: SCDB_TEST_SEED={SEED} redis-tests/patches_test.py)", flush=True)
    test_program.run_tests()
