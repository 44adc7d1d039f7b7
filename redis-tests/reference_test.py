#!/usr/bin/python3
"""What differential.py does by chance, done in full for the two places where a client meets the
server before any command: the protocol's own errors, byte for byte on the wire, and COMMAND's
description of each command that redis-server 7.0 has as well. Starts both servers. Closes with
"N passed, N failed"."""

import os
import selectors
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import test_program  # noqa: E402  (after the path is set)
import wire  # noqa: E402
from pair import ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401

QUIET_SECONDS = 0.5
LINE_MAX = 64 * 1024
# Redis's documentation leaves out arguments that both servers take.
FULLER_SYNTAX = {b"lolwut"}


class Conversation:
    """A connection on which something was said, and all that was answered."""

    def __init__(self, server, data, bytewise=False):
        self.socket = server.connect()
        self.answer = b""
        self.is_open = True
        try:
            for i in range(0, len(data), 1 if bytewise else len(data)):
                self.socket.sendall(data[i : i + 1] if bytewise else data)
        except OSError:
            pass  # closed by the server after an error; what it said counts

    def read(self):
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            data = b""
        self.answer += data
        self.is_open = bool(data)


def listen(conversations):
    """Reads all answers, until nobody has said anything for a while."""
    selector = selectors.DefaultSelector()
    for conversation in conversations:
        selector.register(conversation.socket, selectors.EVENT_READ, conversation)
    while selector.get_map():
        ready = selector.select(QUIET_SECONDS)
        if not ready:
            break
        for key, _ in ready:
            key.data.read()
            if not key.data.is_open:
                selector.unregister(key.fileobj)
    for conversation in conversations:
        conversation.socket.close()


STREAMS = [
    b"PING\r\n",
    b"PING\n",
    b"\r\n\n \t\r\nPING\r\n",
    b"  PING \r\r\n",
    b"*1\r\n$4\r\nPING\r\nPING\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    b"*0\r\n*-1\r\n*-5\r\n*-9223372036854775808\r\n*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0$\r\n",
    b"*1\rx$4\r\rPINGab*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$4\0\r\nPING\r\nPING\r\n",
    b"ECHO a\0b\r\nPING\r\n",
    # inline arguments
    b"ECHO \"a\\x41\\n\\r\\t\\b\\a\\q\\\"'b\"\r\n",
    b"ECHO 'a\\n\\'\"x'\n",
    b"ECHO foo\"bar\"\nECHO ''\nECHO \"\"\n\"ECHO\" 'x'\n",
    b'ECHO "\\xg1\\x4\\x"\nECHO "\\xfF"\n',
    b'\vECHO a\vb\f\nECHO "x"\v\n',
    b'""\r\nPING\r\n',
    b'ECHO "a"b\r\nPING\r\n',
    b"ECHO 'a'b\r\nPING\r\n",
    b'ECHO "a""b"\r\nPING\r\n',
    b'ECHO x"a\r\nPING\r\n',
    b"ECHO 'a\r\nPING\r\n",
    b'ECHO "a\\\r\nPING\r\n',
    b"PING\r\n'\r\nPING\r\n",
    # lengths
    b"*\r\nPING\r\n",
    b"*+1\r\nPING\r\n",
    b"*01\r\nPING\r\n",
    b"*-0\r\nPING\r\n",
    b"* 1\r\nPING\r\n",
    b"*1a\r\nPING\r\n",
    b"*2147483648\r\nPING\r\n",
    b"*9223372036854775808\r\nPING\r\n",
    b"*1\r\n$-1\r\nPING\r\n",
    b"*1\r\n$\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n",
    b"*1\r\n$4 \r\nPING\r\n",
    b"*1\r\n$4xx\r\nPING\r\n",
    b"*1\r\n$536870913\r\nPING\r\n",
    b"*1\r\n$9223372036854775808\r\nPING\r\n",
    b"*1\r\nx\r\nPING\r\n",
    b"*1\r\n\r\nPING\r\n",
    b"*1\r\n\nfoo\r\nPING\r\n",
    b"*1\r\n*1\r\nPING\r\n",
    b"*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n",
    b"*3\r\n$3\r\nGET\r\n",
    b"*1\r\n$5\r\nPING\r\n",
    # lines of HTTP
    b"POST / HTTP/1.1\r\nPING\r\n",
    # error texts that hold what the client sent
    b'"un\\nk\\r\\n" "b\\r\\n"\r\n',
    b'CLIENT "a\\nb"\r\n',
]
# Said at once: a line of HTTP closes the connection without what was answered to the lines before
# it, if they came in the same read, and said byte by byte it is chance whether they did.
STREAMS_IN_ONE_READ = [
    b"GET / HTTP/1.1\r\nHost: example.org\r\n",
    b"GET / HTTP/1.1\r\nHost: example.org\r\nPING\r\n",
]
LONG_STREAMS = [
    b"1" * (LINE_MAX + 1),
    b"1" * LINE_MAX,
    b"*" + b"1" * LINE_MAX,
    b"*" + b"1" * (LINE_MAX - 1),
    b"*1\r\n$" + b"1" * LINE_MAX,
    b"*1\r\n" + b"1" * (LINE_MAX + 1),
    b"PING\0" + b"\n" * LINE_MAX,
]
BEFORE_AUTHENTICATION = [
    b"PING\r\n",
    b"*11\r\nPING\r\n",
    b"*10\r\nPING\r\n",
    b"*1\r\n$16385\r\nPING\r\n",
    b"*1\r\n$16384\r\nPING\r\n",
    b"AUTH secret\r\n*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$16385\r\n" + b"x" * 16385 + b"\r\n",
    b"AUTH wrong\r\n*11\r\n",
]


class Protocol(unittest.TestCase):
    def compare(self, streams, bytewise=False):
        pairs = [[Conversation(server, s, bytewise) for server in (ours, theirs)] for s in streams]
        listen([conversation for pair in pairs for conversation in pair])
        for stream, (our, their) in zip(streams, pairs):
            with self.subTest(stream=wire.show(stream)):
                self.assertEqual(our.answer, their.answer)
                self.assertEqual(our.is_open, their.is_open)

    def test_streams(self):
        self.compare(STREAMS + STREAMS_IN_ONE_READ)

    def test_streams_byte_by_byte(self):
        self.compare(STREAMS, bytewise=True)

    def test_an_error_that_must_not_be_told(self):
        """Redis says nothing either, but then leaves the connection open and deaf."""
        for mode in (b"OFF", b"SKIP"):
            talk = Conversation(ours, b"CLIENT REPLY " + mode + b"\r\n*1\r\nx\r\n")
            listen([talk])
            self.assertEqual(talk.answer, b"")
            self.assertFalse(talk.is_open)

    def test_endless_lines(self):
        self.compare(LONG_STREAMS)

    def test_before_authentication(self):
        for server in (ours, theirs):
            self.ask(server, [b"CONFIG", b"SET", b"requirepass", b"secret"])
        try:
            self.compare(BEFORE_AUTHENTICATION)
        finally:
            for server in (ours, theirs):
                talk = Conversation(server, b"AUTH secret\r\nCONFIG SET requirepass ''\r\n")
                listen([talk])
                self.assertEqual(talk.answer, b"+OK\r\n+OK\r\n")

    def ask(self, server, command):
        talk = Conversation(server, wire.encode(command))
        listen([talk])
        self.assertEqual(talk.answer, b"+OK\r\n")


def ask(server, protocol, *command):
    """The reply to a command, parsed, in RESP2 or RESP3."""
    with server.connect() as connection:
        data = b""
        for each in ([b"HELLO", b"%d" % protocol], command):
            connection.sendall(wire.encode(each))
            data = b""
            while wire.reply_end(data, 0) < 0:
                data += connection.recv(1 << 20)
        return wire.parse(data)[0]


def plain(reply):
    """A parsed reply without its kinds: what the names of fields are looked up in."""
    return [plain(item) for item in reply[1]] if isinstance(reply[1], list) else reply[1]


def fields(reply):
    """A map as a dictionary from names to parsed replies."""
    return {reply[1][i][1]: reply[1][i + 1] for i in range(0, len(reply[1]), 2)}


class Commands(unittest.TestCase):
    def entries(self, server, protocol):
        """All that COMMAND says, by name, subcommands among the rest: Redis keeps them unsorted."""
        found = {}
        for kind, items in ask(server, protocol, b"COMMAND")[1]:
            subcommands = items.pop()
            for entry in [(kind, items)] + [(k, i[:9]) for k, i in subcommands[1]]:
                found[entry[1][0][1]] = (subcommands[0], entry)
        return found

    def documents(self, server, protocol):
        found = {}
        for name, document in fields(ask(server, protocol, b"COMMAND", b"DOCS")).items():
            found[name] = fields(document)
            for below, inner in fields(found[name].pop(b"subcommands", (b"%", []))).items():
                found[below] = fields(inner)
        return found

    def test_info(self):
        for protocol in (2, 3):
            our, their = self.entries(ours, protocol), self.entries(theirs, protocol)
            both = set(our) & set(their)
            self.assertGreater(len(both), 140)
            for name in sorted(both):
                with self.subTest(protocol=protocol, name=name):
                    self.assertEqual(our[name], their[name])

    def test_docs(self):
        for protocol in (2, 3):
            our, their = self.documents(ours, protocol), self.documents(theirs, protocol)
            for name in sorted(set(our) & set(their)):
                for field in (b"since", b"group", b"doc_flags", b"deprecated_since", b"arguments"):
                    if field == b"arguments" and name in FULLER_SYNTAX:
                        continue
                    with self.subTest(protocol=protocol, name=name, field=field):
                        self.assertEqual(our[name].get(field), their[name].get(field))
                with self.subTest(name=name):
                    order = [field for field in their[name] if field in our[name]]
                    self.assertEqual([f for f in our[name] if f in order], order)
                    self.assertIn(b"summary", our[name])

    def test_list(self):
        our = set(plain(ask(ours, 2, b"COMMAND", b"LIST")))
        self.assertEqual(our, set(self.entries(ours, 2)))
        their = set(plain(ask(theirs, 2, b"COMMAND", b"LIST")))
        categories = """keyspace read write set sortedset list hash string bitmap hyperloglog geo
            stream pubsub admin fast slow blocking dangerous connection transaction scripting none"""
        filters = [[b"ACLCAT", word.encode()] for word in categories.split()]
        filters += [[b"PATTERN", word] for word in (b"*", b"s*t", b"CLIENT|*", b"[gs]et", b"")]
        filters += [[b"MODULE", b"json"]]
        for words in filters:
            with self.subTest(filter=words):
                command = [b"COMMAND", b"LIST", b"FILTERBY", *words]
                left, right = (set(plain(ask(server, 2, *command))) for server in (ours, theirs))
                self.assertEqual(left & their, right & our)

    def test_one_by_one(self):
        texts = """INFO get nosuch client|id RENAME / INFO get|x / INFO client| / INFO |
            INFO client|id|x / DOCS nosuch / DOCS set|x client| / LIST x / LIST FILTERBY ACLCAT
            LIST FILTERBY x y / LIST FILTERBY ACLCAT x y / COUNT x / NOSUCH / NOSUCH x
            GETKEYS / GETKEYS ping / GETKEYS nosuch x / GETKEYS get a b / GETKEYS get a
            GETKEYS ping x / GETKEYS mset a b c d / GETKEYS mset a b c / GETKEYS config get x
            GETKEYS config x / GETKEYS object encoding x / GETKEYS OBJECT ENCODING x
            GETKEYS object foo x / GETKEYS config|get x / GETKEYS copy a b / GETKEYS rename a b
            GETKEYS memory usage x / GETKEYS command get / GETKEYS command count
            GETKEYS lcs a / GETKEYS touch a b a / GETKEYSANDFLAGS set a b
            GETKEYSANDFLAGS set a b GET / GETKEYSANDFLAGS set a b nx get xx
            GETKEYSANDFLAGS set get get / GETKEYSANDFLAGS set a b ex get
            GETKEYSANDFLAGS mset a b c d / GETKEYSANDFLAGS msetnx a b / GETKEYSANDFLAGS rename a b
            GETKEYSANDFLAGS getex a ex 3 / GETKEYSANDFLAGS copy a b / GETKEYSANDFLAGS mget a b c
            GETKEYSANDFLAGS object freq a / GETKEYSANDFLAGS object encoding"""
        for text in texts.replace("\n", "/").split("/"):
            command = [b"COMMAND", *text.encode().split()]
            for protocol in (2, 3):
                with self.subTest(protocol=protocol, command=text):
                    self.assertEqual(ask(ours, protocol, *command), ask(theirs, protocol, *command))


if __name__ == "__main__":
    test_program.run_tests()
