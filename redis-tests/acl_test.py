#!/usr/bin/python3
"""Users and their rights, beside redis-server: the same words to both, and the same bytes back, in
RESP2 and in RESP3; then files of users, `user` lines, and CONFIG REWRITE. Starts its servers itself.
Closes with "N passed, N failed"."""

import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import test_program  # noqa: E402  (after the path is set)
from pair import ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401
from server import Server, ServerError  # noqa: E402
from wire_client import Client  # noqa: E402

HASH = "34344e4d60c2b6d639b7bd22e18f2b0b91bc34bf0ac5f9952744435093cfb4e6"

# Rules of one user: what SETUSER answers, and what GETUSER and LIST say afterwards, are compared.
RULES = [
    "",
    "on",
    "off",
    "on nopass",
    "on >secret",
    "on >secret >secret >other",
    ">secret <secret",
    "<secret",
    ">a nopass",
    "nopass >a",
    "nopass resetpass",
    f"#{HASH}",
    f"#{HASH} !{HASH}",
    f"!{HASH}",
    f"#{HASH[:-1]}",
    f"#{HASH[:-1]}q",
    f"#{HASH.upper()}",
    "!short",
    "sanitize-payload",
    "skip-sanitize-payload",
    "skip-sanitize-payload sanitize-payload",
    "reset",
    "on >x ~a &b +get (+set ~k) reset",
    "nonsense",
    "ON NoPass ALLKEYS AllCommands AllChannels",
    "allkeys resetkeys",
    "~a ~b ~a",
    "~*",
    "~* ~a",
    "allkeys %R~a",
    "resetkeys ~a",
    "~",
    "~a\tb",
    "%R~a",
    "%W~a",
    "%RW~a",
    "%WR~a",
    "%r~a %w~b",
    "%R~a %W~a",
    "%R~a ~a",
    "%",
    "%~",
    "%~a",
    "%R",
    "%RW",
    "%RR~a",
    "%X~a",
    "%RW~*",
    "%R~*",
    "&a &b &a",
    "&*",
    "&* &a",
    "allchannels resetchannels",
    "resetchannels &a",
    "&",
    "+@all",
    "-@all",
    "+@all -@all",
    "allcommands nocommands",
    "+get",
    "+GET",
    "+get -get",
    "+nosuch",
    "-nosuch",
    "+",
    "-",
    "+@",
    "-@",
    "+@nosuch",
    "+@READ",
    "+@read -get",
    "+@all -@dangerous",
    "+@all -@dangerous +keys",
    "+@all -get -set",
    "+@keyspace +@read",
    "+@string -@write",
    "+@fast",
    "+@slow",
    "+@all -@fast",
    "+@connection +@transaction",
    "+@read +@write -@dangerous",
    "+config",
    "+config|get",
    "+CONFIG|Get",
    "+config -config|set",
    "-config|get",
    "+@all -config|set",
    "+@all -config +config|get",
    "+config|nosuch",
    "+config|",
    "+config|get|maxmemory",
    "-config|nosuch",
    "+|get",
    "+|",
    "+select|0",
    "+select|0 +select|1",
    "+select|0 +SELECT|0",
    "+select|0 +select",
    "+select|0 -select",
    "+select|0 +@all",
    "+@all +select|0",
    "+@all -select +select|0",
    "+select|",
    "+get|a|b",
    "-select|0",
    "+nosuch|a",
    "+memory|doctor +memory",
    "+client|id +client|setname",
    "+@all -client +client|id",
    "+acl +acl|whoami -acl|setuser",
    "+hget +lpush -@all +zadd",
    "+@hash",
    "+@all -@hash -@set",
    "+@admin",
    "+@scripting +@geo",
    "+@stream +@list -xadd",
    "(+get ~a)",
    "(+get ~a) (+set ~b &c)",
    "( +get ~a )",
    "()",
    "( )",
    "(",
    ")",
    "(+get",
    "(+get ~a",
    "+get)",
    "(+get ~a) clearselectors",
    "clearselectors",
    "(nonsense)",
    "(on)",
    "(>pw)",
    "(~* ~a)",
    "(&* &a)",
    "(+nosuch)",
    "(+@all -@dangerous %R~x)",
    "(allkeys allchannels allcommands)",
    "on nopass +@all ~* &* (+get)",
]

# One connection's words, in order. "@" before the words: sent by the administrator, who is another
# connection. Replies are compared byte by byte.
TALK = """
@ACL WHOAMI
@ACL USERS
@ACL LIST
@ACL GETUSER nosuch
@ACL GETUSER default
@ACL CAT
@ACL CAT nosuch
@ACL CAT string string
@ACL NOSUCH
@ACL
@ACL SETUSER
@ACL DELUSER
@ACL GETUSER
@ACL WHOAMI x
@ACL USERS x
@ACL LIST x
@ACL LOAD
@ACL SAVE
@ACL LOAD x
@ACL HELP x
@ACL GENPASS 0
@ACL GENPASS -1
@ACL GENPASS 4097
@ACL GENPASS x
@ACL GENPASS 1 2
@ACL LOG x
@ACL LOG 1 2
@ACL LOG RESET
@ACL LOG
@ACL LOG 0
@ACL LOG -1
@ACL DELUSER default
@ACL DELUSER nosuch default
@ACL DELUSER nosuch
@ACL DRYRUN nosuch get a
@ACL DRYRUN default nosuch a
@ACL DRYRUN default get
@ACL DRYRUN default get a
@ACL DRYRUN default config
@ACL DRYRUN default config get
@ACL DRYRUN default config nosuch
@ACL DRYRUN default config|get a
@ACL DRYRUN default
@ACL SETUSER alice on >secret ~a:* %R~r:* %W~w:* +@all -@admin -config|set +acl|whoami
AUTH alice wrong
AUTH nosuch secret
AUTH secret
AUTH a b c
ACL WHOAMI
AUTH alice secret
ACL WHOAMI
ACL LIST
ACL SETUSER alice +@all
SET a:1 x
GET a:1
SET b x
GET r:1
SET r:1 x
SET w:1 x
GET w:1
SET w:1 x GET
SET a:1 y GET
EXISTS w:1
EXISTS r:1
EXISTS z
TTL w:1
MSET a:1 x b y
MGET a:1 r:1
MGET a:1 w:1
COPY r:1 w:2
COPY w:1 a:2
COPY a:1 w:3
RENAME a:1 w:4
DEL a:1 r:1
DEL a:1 w:1 w:2 w:3 w:4
STRLEN w:1
APPEND r:1 x
GETDEL r:1
GETEX w:1 EX 1
TYPE x
TYPE r:1
OBJECT ENCODING x
OBJECT FREQ nothere
MEMORY USAGE x
RANDOMKEY
DBSIZE
KEYS *
SCAN 0
LCS r:1 a:1
LCS r:1 w:1
WATCH x
CONFIG GET port
CONFIG SET port 1
CONFIG NOSUCH
NOSUCH
GET
MULTI
GET a:1
GET b
EXEC
MULTI
GET a:1
SET r:1 x
CONFIG SET port 1
DISCARD
@ACL LOG RESET
MULTI
GET a:1
INCR a:n
@ACL SETUSER alice -get
EXEC
MULTI
INCR a:n
@ACL SETUSER alice resetkeys
EXEC
@ACL SETUSER alice -exec
MULTI
EXEC
@ACL SETUSER alice +exec -multi
MULTI
EXEC
@ACL SETUSER alice -auth -hello -quit -reset
AUTH alice secret
HELLO
@ACL SETUSER alice off
PING
AUTH alice secret
RESET
ACL WHOAMI
@ACL SETUSER bob nopass
AUTH bob any
@ACL SETUSER bob on
AUTH bob any
PING
ECHO x
SELECT 1
@ACL SETUSER bob +select|1 +select|2
SELECT 0
SELECT 1
SELECT
@ACL SETUSER bob (+get ~x) (+mget ~x ~y) (+set ~x)
GET x
GET y
MGET x y
MGET x z y
MGET z x
SET y 1
STRLEN x
@ACL DRYRUN bob GET x
@ACL DRYRUN bob GET y
@ACL DRYRUN bob MGET x y z
@ACL DRYRUN bob STRLEN x
@ACL DRYRUN bob CONFIG GET x
@ACL DRYRUN bob SELECT 2
@ACL DRYRUN bob SELECT 3
@ACL DRYRUN bob AUTH x
@ACL LIST
@ACL USERS
@ACL SETUSER carol on nopass +@all ~*
AUTH carol x
CLIENT GETNAME
@CLIENT KILL USER nosuch
@ACL DELUSER alice bob nosuch
@ACL LIST
@CONFIG SET requirepass geheim
@ACL LIST
@CONFIG SET requirepass ""
@ACL LIST
RESET
PING
@ACL SETUSER default off
PING
RESET
PING
AUTH default x
AUTH x
HELLO
HELLO 3
HELLO 2 AUTH carol x
HELLO 2 AUTH nosuch x
ACL WHOAMI
@ACL SETUSER default on >pw
RESET
ACL WHOAMI
PING
AUTH pw
ACL WHOAMI
AUTH default nope
HELLO 2 AUTH default pw SETNAME me
@ACL SETUSER default nopass
@ACL SETUSER a\\x20b on
@ACL SETUSER "" on
@ACL GETUSER ""
@ACL DELUSER ""
@ACL DELUSER carol
@ACL LIST
""".strip().split("\n")


def words_of(line):
    words = []
    for word in line.split(" "):
        word = "" if word == '""' else word
        words.append(word.replace("\\x20", " "))
    return words


class TestCase(unittest.TestCase):
    maxDiff = None

    def client(self, server, protocol=2):
        client = Client(server)
        self.addCleanup(client.close)
        if protocol == 3:
            client.ask("HELLO", "3")
        return client

    def start(self, **options):
        server = Server(**options)
        self.addCleanup(server.close)
        server.start()
        return server


def why_not_started(test, server):
    with test.assertRaises(ServerError) as caught:
        server.start()
    server.kill()
    return str(caught.exception)


# Redis tells single commands in the order of a table that its random seed shuffles.
def in_order(reply):
    def sort(match):
        return match.group(1) + b" ".join(sorted(match.group(2).split(b" ")))

    return re.sub(rb"((?:^|[ \n])[-+]@all )((?:[-+][^ \r\n)]+ ?)+)", sort, reply)


def last_line(reply):
    return reply.split(b"\r\n")[-2].decode()


# Ours has the numbers of connections of its own, and the age of an entry is a matter of luck.
def without_luck(reply):
    reply = re.sub(rb"[$,]\d+[\r\n]*\d*\.?\d*(e-\d+)?\r\n(?=\$11\r\nclient-info)", b"", reply)
    return re.sub(rb"\$\d+\r\nid=\d+ addr=[^\r]*", b"<client>", reply)


class Rules(TestCase):
    def check(self, protocol):
        connections = [self.client(server, protocol) for server in (theirs, ours)]
        for rules in RULES:
            words = rules.split(" ") if rules else []
            for start in ([], ["+@all", "~*", "&*"]):
                told = []
                for client in connections:
                    client.ask("ACL", "DELUSER", "u")
                    client.ask("ACL", "SETUSER", "u", *start)
                    told.append(
                        [
                            client.ask("ACL", "SETUSER", "u", *words),
                            in_order(client.ask("ACL", "GETUSER", "u")),
                            in_order(client.ask("ACL", "LIST")),
                        ]
                    )
                self.assertEqual(told[0], told[1], f"rules {start + words}")
        for client in connections:
            client.ask("ACL", "DELUSER", "u")

    def test_in_resp2(self):
        self.check(2)

    def test_in_resp3(self):
        self.check(3)

    def test_users_without_a_name_that_fits(self):
        for name in (b"a b", b"a\0b", b"a\nb", b"\xff\xfe", b"a" * 1000):
            told = [
                [client.ask("ACL", "SETUSER", name), client.ask("ACL", "DELUSER", name)]
                for client in (self.client(theirs), self.client(ours))
            ]
            self.assertEqual(told[0], told[1])

    def test_a_rule_with_a_line_end_in_it(self):
        told = [
            [client.ask("ACL", "SETUSER", "v", "+get|a\nb"), client.ask("ACL", "LIST"),
             client.ask("ACL", "GETUSER", "v"), client.ask("ACL", "DELUSER", "v")]
            for client in (self.client(theirs), self.client(ours))
        ]  # fmt: skip
        self.assertEqual(told[0], told[1])

    def test_what_is_told_makes_the_same_user(self):
        client = self.client(ours)
        for rules in RULES:
            client.ask("ACL", "DELUSER", "u", "v")
            if client.ask("ACL", "SETUSER", "u", *rules.split(" ")) != b"+OK\r\n":
                continue
            line = last_line(client.ask("ACL", "LIST"))
            self.assertTrue(line.startswith("user u "), line)
            self.assertEqual(client.ask("ACL", "SETUSER", "v", *line.split(" ")[2:]), b"+OK\r\n")
            again = last_line(client.ask("ACL", "LIST"))
            self.assertEqual(again, line.replace("user u", "user v", 1))
        client.ask("ACL", "DELUSER", "u", "v")


class Talk(TestCase):
    def talk(self, server, protocol):
        administrator = self.client(server, protocol)
        administrator.ask("ACL", "LOG", "RESET")
        client = self.client(server, protocol)
        for line in TALK:
            speaker = administrator if line.startswith("@") else client
            yield line, speaker.ask(*words_of(line.lstrip("@")))
        yield "the log", without_luck(administrator.ask("ACL", "LOG", "100"))

    def check(self, protocol):
        pairs = zip(self.talk(theirs, protocol), self.talk(ours, protocol))
        for (line, expected), (_, told) in pairs:
            if line.startswith("HELLO") and expected[:1] in b"*%":
                expected, told = expected[:1], told[:1]
            self.assertEqual(in_order(told), in_order(expected), line)

    def test_in_resp2(self):
        self.check(2)

    def test_in_resp3(self):
        self.check(3)


class Log(TestCase):
    def test_entries_that_are_alike_are_one(self):
        for server in (theirs, ours):
            with self.subTest(server=server.path):
                self.check_merging(server)

    def check_merging(self, server):
        administrator = self.client(server)
        administrator.ask("ACL", "LOG", "RESET")
        administrator.ask("ACL", "SETUSER", "u", "on", "nopass", "+get", "~k*")
        client = self.client(server)
        client.ask("AUTH", "u", "x")
        for _ in range(3):
            client.ask("SET", "k", "1")
            client.ask("GET", "no")
        for i in range(12):
            client.ask("GET", f"other{i}")
        client.ask("SET", "k", "1")  # too far down to be looked at: a new entry
        reply = administrator.ask("ACL", "LOG", "100")
        self.assertEqual(re.findall(rb"count\r\n:(\d+)", reply), [b"1"] * 13 + [b"3", b"3"])
        self.assertEqual(len(re.findall(rb"count", administrator.ask("ACL", "LOG"))), 10)
        administrator.ask("CONFIG", "SET", "acllog-max-len", "5")
        client.ask("GET", "new")
        self.assertEqual(len(re.findall(rb"count", administrator.ask("ACL", "LOG", "100"))), 5)
        administrator.ask("CONFIG", "SET", "acllog-max-len", "128")
        self.assertIn(b"user=u ", administrator.ask("ACL", "LOG", "1"))
        administrator.ask("ACL", "DELUSER", "u")


class Connections(TestCase):
    def test_those_of_a_user_that_goes_are_closed(self):
        for server in (theirs, ours):
            with self.subTest(server=server.path):
                administrator = self.client(server)
                administrator.ask("ACL", "SETUSER", "u", "on", "nopass", "+@all")
                client, itself = self.client(server), self.client(server)
                client.ask("AUTH", "u", "x")
                itself.ask("AUTH", "u", "x")
                self.assertIn(b" user=u ", administrator.ask("CLIENT", "LIST"))
                self.assertEqual(itself.ask("ACL", "DELUSER", "u"), b":1\r\n")
                self.assertTrue(client.is_closed())
                self.assertTrue(itself.is_closed())
                self.assertEqual(administrator.ask("PING"), b"+PONG\r\n")

    def test_kill_by_user(self):
        for server in (theirs, ours):
            with self.subTest(server=server.path):
                administrator = self.client(server)
                administrator.ask("ACL", "SETUSER", "u", "on", "nopass", "+@all")
                client = self.client(server)
                client.ask("AUTH", "u", "x")
                self.assertEqual(administrator.ask("CLIENT", "KILL", "USER", "u"), b":1\r\n")
                self.assertTrue(client.is_closed())
                self.assertEqual(administrator.ask("PING"), b"+PONG\r\n")
                administrator.ask("ACL", "DELUSER", "u")

    def test_binary_password(self):
        for server in (theirs, ours):
            with self.subTest(server=server.path):
                client = self.client(server)
                client.ask("CONFIG", "SET", "requirepass", b"abc\0def")
                self.assertTrue(client.ask("AUTH", b"abc").startswith(b"-WRONGPASS"))
                self.assertEqual(client.ask("AUTH", b"abc\0def"), b"+OK\r\n")
                client.ask("CONFIG", "SET", "requirepass", "")

    def test_a_stranger_that_does_not_read_is_closed(self):
        for reference in (True, False):
            server = self.start(reference=reference, directives=[("requirepass", "pw")])
            client = self.client(server)
            self.assertTrue(client.ask("SET", "x", "5").startswith(b"-NOAUTH"))
            with self.assertRaises((ConnectionError, BrokenPipeError)):
                for _ in range(100000):  # far more than the system's buffers take
                    client.socket.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n5\r\n" * 100)

    def test_generated_passwords(self):
        client = self.client(ours)
        for bits, size in ((None, 64), (1, 1), (4, 1), (5, 2), (128, 32), (4096, 1024)):
            arguments = [] if bits is None else [bits]
            replies = {client.ask("ACL", "GENPASS", *arguments) for _ in range(3)}
            for reply in replies:
                self.assertRegex(reply, b"^\\$%d\r\n[0-9a-f]{%d}\r\n$" % (size, size))
            self.assertTrue(size < 8 or len(replies) == 3)


class Channels(TestCase):
    TALK = """
PUBLISH other x
PUBLISH news:1 x
SPUBLISH other x
SPUBLISH orders x
MULTI
PUBLISH other x
EXEC
SUBSCRIBE other
SUBSCRIBE news:1 other
PSUBSCRIBE news:1
PSUBSCRIBE other
SSUBSCRIBE other
@ACL DRYRUN u SUBSCRIBE other
@ACL DRYRUN u SUBSCRIBE news:1 orders other
@ACL DRYRUN u UNSUBSCRIBE other
@ACL DRYRUN u PSUBSCRIBE news:*
@ACL DRYRUN u PSUBSCRIBE news:1
@ACL DRYRUN u PUBLISH other news:1
SUBSCRIBE news:1
UNSUBSCRIBE news:1
PSUBSCRIBE news:*
PUNSUBSCRIBE other
PUNSUBSCRIBE news:*
SSUBSCRIBE orders
SUNSUBSCRIBE orders
""".strip().split("\n")

    def talk(self, server):
        administrator = self.client(server)
        administrator.ask("ACL", "LOG", "RESET")
        rules = ["on", "nopass", "+@all", "&news:*", "&orders"]
        administrator.ask("ACL", "SETUSER", "u", *rules)
        client = self.client(server, 3)
        client.ask("AUTH", "u", "x")
        for line in self.TALK:
            speaker = administrator if line.startswith("@") else client
            yield line, speaker.ask(*words_of(line.lstrip("@")))
        yield "the log", without_luck(administrator.ask("ACL", "LOG", "100"))

    def test_as_redis(self):
        for (line, expected), (_, told) in zip(self.talk(theirs), self.talk(ours)):
            self.assertEqual(told, expected, line)

    def test_subscribers_that_lose_their_right_are_closed(self):
        for server in (theirs, ours):
            for command, topic in (("SUBSCRIBE", "a"), ("PSUBSCRIBE", "b*"), ("SSUBSCRIBE", "a")):
                with self.subTest(server=server.path, command=command):
                    administrator = self.client(server)
                    administrator.ask("ACL", "SETUSER", "u", "reset", "on", "nopass", "+@all",
                                      "&a", "&b*")
                    client, other = self.client(server), self.client(server)
                    for each in (client, other):
                        each.ask("AUTH", "u", "x")
                    client.ask(command, topic)
                    other.ask("SUBSCRIBE", "bc")
                    administrator.ask("ACL", "SETUSER", "u", "allchannels")
                    administrator.ask("ACL", "SETUSER", "u", "resetchannels", "&b*", "&a")
                    self.assertTrue(client.ask("PING").startswith(b"*2\r\n$4\r\npong"))
                    administrator.ask("ACL", "SETUSER", "u", "resetchannels", "&b?")
                    self.assertTrue(client.is_closed())
                    self.assertTrue(other.ask("PING").startswith(b"*2\r\n$4\r\npong"))


class Files(TestCase):
    def aclfile(self, reference, text):
        server = Server(reference=reference)
        self.addCleanup(server.close)
        server.directives = [("aclfile", "users.acl")]
        self.path = os.path.join(server.directory, "users.acl")
        self.write(text)
        return server

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def test_load_and_save(self):
        told = []
        for reference in (True, False):
            server = self.aclfile(
                reference,
                "user alice on allcommands allkeys &* >alice\n\n"
                "  user bob on -@all +@string +acl ~s* (+get ~x) >bob  \n",
            )
            server.start()
            client = self.client(server)
            lines = [client.ask("ACL", "LIST")]
            client.ask("ACL", "SETUSER", "eve", "on", ">eve", "+get", "allkeys")
            lines.append(client.ask("ACL", "SAVE"))
            with open(self.path, encoding="utf-8") as file:
                lines.append(file.read())
            lines.append(client.ask("ACL", "LOAD"))
            other = self.client(server)
            other.ask("AUTH", "eve", "eve")
            lines.append(client.ask("ACL", "LOAD"))
            self.assertTrue(other.is_closed())
            for text in (
                "user a on\nuser a off\n",
                "user default on\nuser default off\n",
                "user a nonsense ~* ~a\nuser b +nosuch\n",
                "user a +nosuch -nosuch +@nosuch\n",
                "users a\nuser\nuser a (+get\n",
                "# no comment\n",
                "user a  on\n",
                "user a\ton\n",
                "user a on\r\n",
            ):
                self.write(text)
                lines.append((text, client.ask("ACL", "LOAD")))
                lines.append(client.ask("ACL", "LIST"))
            os.remove(self.path)
            lines.append(client.ask("ACL", "LOAD"))
            told.append(lines)
        for expected, got in zip(*told):
            self.assertEqual(got, expected)

    def test_users_are_as_saved_after_a_restart(self):
        server = self.aclfile(False, "")
        server.start()
        client = self.client(server)
        client.ask("ACL", "SETUSER", "u", "on", ">pw", "+@all", "-@dangerous", "~k*", "(+get ~x)")
        client.ask("ACL", "SETUSER", "default", "-flushall")
        lines = client.ask("ACL", "LIST")
        self.assertEqual(client.ask("ACL", "SAVE"), b"+OK\r\n")
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o644)  # as it was
        server.stop()
        server.start()
        self.assertEqual(self.client(server).ask("ACL", "LIST"), lines)

    def refused(self, *directives, text=None):
        server = self.aclfile(False, text or "")
        server.directives = directives
        return why_not_started(self, server)

    def test_refused_at_the_start(self):
        self.assertIn("Duplicate user", self.refused(("user", "a"), ("user", "a")))
        self.assertIn("none.acl", self.refused(("aclfile", "none.acl")))
        both = self.refused(("aclfile", "users.acl"), ("user", "a"))
        self.assertIn("move them all to one place", both)
        wrong = self.refused(("aclfile", "users.acl"), text="user a on\nuser b nonsense\n")
        self.assertIn("users.acl:2: Syntax error", wrong)

    def test_requirepass_beside_users(self):
        """Who is let in is Redis's rule; that a password asks nobody for itself is said."""
        password = "user default on >secret ~* &* +@all\n"
        off = "user default off >another\n"
        for text, is_effective in (("", False), ("user a on\n", False), (password, True), (off, True)):
            told = []
            for reference in (True, False):
                server = self.aclfile(reference, text)
                server.directives.append(("requirepass", "secret"))
                server.start()
                told.append(self.client(server).ask("PING"))
            self.assertEqual(told[1], told[0])
            self.assertEqual(told[1].startswith(b"-NOAUTH"), is_effective)
            warned = "requirepass is without effect: the aclfile" in server.read_log()
            self.assertEqual(warned, not is_effective, text)


class Configuration(TestCase):
    def configured(self, text):
        server = Server()
        self.addCleanup(server.close)
        self.path = os.path.join(server.home, "scdb.conf")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        server.configuration = self.path
        return server

    def rewritten(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def test_users_of_the_file(self):
        server = self.configured(
            'user default on nopass ~* +@all -flushdb\nuser u on ">a b" (+get ~x) +set\n'
        )
        server.start()
        client = self.client(server)
        self.assertTrue(client.ask("FLUSHDB").startswith(b"-NOPERM"))
        self.assertEqual(client.ask("AUTH", "u", "a b"), b"+OK\r\n")

    def test_rewrite_leaves_what_has_not_changed(self):
        text = "# people\nuser u  on nopass\nport 0\n"
        server = self.configured(text)
        server.start()
        self.assertEqual(self.client(server).ask("CONFIG", "REWRITE"), b"+OK\r\n")
        self.assertIn("# people\nuser u  on nopass\n", self.rewritten())

    def test_rewrite_writes_users(self):
        server = self.configured("user u on nopass\n# end\nuser v off\n")
        server.start()
        client = self.client(server)
        client.ask("ACL", "SETUSER", "u", "+get")
        client.ask("ACL", "SETUSER", "new", "on", ">pw", "(+get ~x)")
        client.ask("ACL", "DELUSER", "v")
        lines = client.ask("ACL", "LIST")
        self.assertEqual(client.ask("CONFIG", "REWRITE"), b"+OK\r\n")
        self.assertEqual(client.ask("CONFIG", "REWRITE"), b"+OK\r\n")
        self.assertEqual(len(re.findall("^user ", self.rewritten(), re.M)), 3)
        self.assertIn("# end", self.rewritten())
        server.stop()
        server.start()
        # As in Redis, rules of the default user's line come after a reset.
        default = b"$%d\r\nuser default on nopass%s ~"
        lines = lines.replace(default % (34, b""), default % (51, b" sanitize-payload"))
        self.assertEqual(self.client(server).ask("ACL", "LIST"), lines)

    def test_rewritten_users_are_read_as_they_were(self):
        """Quotes are nothing to a rule, and part words in the file."""
        server = self.configured("# nothing\n")
        server.start()
        client = self.client(server)
        for user, *rules in (
            (b"o'neil", b"on", b"nopass", b"~o'neil:*", b"+get"),
            (b'"q"', b'~"k"', b"~a\\", b'(%R~b"c +get)', b"&'"),
            (b"lines", b"+get|a\nb", b"+get|\\n\t#"),
            (b"", b"on"),
        ):
            self.assertEqual(client.ask("ACL", "SETUSER", user, *rules), b"+OK\r\n")
        users = [client.ask("ACL", "GETUSER", user) for user in (b"o'neil", b'"q"', b"lines", b"")]
        self.assertEqual(client.ask("CONFIG", "REWRITE"), b"+OK\r\n")
        server.stop()
        server.start()
        client = self.client(server)
        again = [client.ask("ACL", "GETUSER", user) for user in (b"o'neil", b'"q"', b"lines", b"")]
        self.assertEqual(again, users)

    def test_requirepass_needs_no_user_line(self):
        server = self.configured("# nothing\n")
        server.start()
        client = self.client(server)
        client.ask("CONFIG", "SET", "requirepass", "pw")
        client.ask("CONFIG", "REWRITE")
        self.assertNotIn("user default", self.rewritten())
        server.stop()
        server.start()
        client = self.client(server)
        self.assertEqual(client.ask("PING"), b"-NOAUTH Authentication required.\r\n")
        self.assertEqual(client.ask("AUTH", "pw"), b"+OK\r\n")

    def test_a_wrong_line_is_named(self):
        server = self.configured("port 0\nuser u on +nosuch\n")
        why = why_not_started(self, server)
        self.assertIn("scdb.conf, line 2: Error in ACL SETUSER modifier '+nosuch'", why)

    def test_a_user_of_an_included_file_is_not_written_twice(self):
        server = self.configured("")
        included = os.path.join(server.home, "users.conf")
        with open(included, "w", encoding="utf-8") as file:
            file.write("user u on nopass\n")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(f"include {included}\n")
        server.start()
        client = self.client(server)
        self.assertEqual(client.ask("CONFIG", "REWRITE"), b"+OK\r\n")
        client.ask("ACL", "SETUSER", "u", "+get")
        self.assertIn(b"move the line into the main file", client.ask("CONFIG", "REWRITE"))


if __name__ == "__main__":
    test_program.run_tests()
