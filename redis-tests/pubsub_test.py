#!/usr/bin/python3
"""Pub/sub beside redis-server: the same conversations with both, and the same bytes from both; what
Redis leaves to chance (the order of patterns) is not compared. Starts both servers. Closes with
"N passed, N failed"."""

import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import test_program  # noqa: E402  (after the path is set)
from marker_client import MarkerClient  # noqa: E402
from pair import ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401


def blank_out(data):
    """Without what can't be equal: the version and ids in HELLO's reply."""
    data = re.sub(rb"\$\d+\r\n7\.\d+\.\d+\r\n", b"VERSION\r\n", data)
    return re.sub(rb"(\$2\r\nid\r\n):\d+", rb"\1:ID", data)


def converse(server, script):
    """A script is lines "CLIENT: command; command ...". Each client is heard after each line."""
    clients = {}
    story = []
    try:
        for line in script.strip().split("\n"):
            name, command = line.strip().split(": ", 1)
            if name not in clients:
                clients[name] = MarkerClient(server)
            clients[name].send("\r\n".join(command.split("; ")))
            story.append(line.strip())
            # First who has spoken: when that is answered, it was executed.
            order = sorted(clients, key=lambda who: (who != name, who))
            heard = {who: blank_out(clients[who].listen()) for who in order}
            story += [f"  {who} <- {data!r}" for who, data in sorted(heard.items()) if data]
    finally:
        for client in clients.values():
            client.close()
    return story


class Conversations(unittest.TestCase):
    maxDiff = None

    def compare(self, script):
        self.assertEqual(converse(ours, script), converse(theirs, script))

    def test_channels(self):
        self.compare(
            """
            a: subscribe one two one
            b: publish one 1
            b: publish three 3
            b: pubsub numsub one two three
            a: unsubscribe two four
            b: publish two 2
            a: unsubscribe one
            b: publish one 1
            b: pubsub channels
            a: get x
            a: unsubscribe
            a: unsubscribe x
            """
        )

    def test_patterns(self):
        self.compare(
            """
            a: psubscribe o*e
            b: publish one 1
            a: subscribe one
            b: publish one 2
            b: pubsub numpat
            c: psubscribe o*e
            b: pubsub numpat
            b: publish ooe 3
            a: punsubscribe
            b: publish one 4
            a: punsubscribe
            """
        )

    def test_shard_channels(self):
        self.compare(
            """
            a: ssubscribe one two
            b: spublish one 1
            b: publish one 2
            b: pubsub shardchannels t*
            b: pubsub shardnumsub one two three
            b: pubsub channels
            a: subscribe one
            b: publish one 3
            a: sunsubscribe one
            a: sunsubscribe
            a: ping
            c: multi; ssubscribe x; sunsubscribe; exec
            """
        )

    def test_what_resp2_forbids(self):
        self.compare(
            """
            a: subscribe one
            a: get
            a: get x
            a: client list
            a: publish one 1
            a: hello 3
            a: multi
            a: ping
            a: ping hello
            a: ping too many
            a: subscribe
            a: psubscribe p*
            a: unsubscribe
            a: get x
            a: reset
            a: get x
            b: publish one 1
            b: pubsub channels
            b: pubsub numpat
            """
        )

    def test_resp3(self):
        self.compare(
            """
            a: hello 3
            a: subscribe one
            b: publish one 1
            a: get x
            a: publish one 2
            a: ping
            a: unsubscribe two
            a: punsubscribe
            a: multi; publish one 3; ping x; publish one 4; exec
            a: hello 2
            a: get x
            b: publish one 5
            a: unsubscribe
            """
        )

    def test_without_replies(self):
        self.compare(
            """
            a: hello 3
            a: subscribe one
            a: client reply skip; publish one 1
            a: client reply skip; subscribe two
            a: publish two 2
            a: client reply off; publish one 3; subscribe three; publish three 4; client reply on
            """
        )

    def test_within_a_transaction(self):
        self.compare(
            """
            a: multi; subscribe one; publish one 1; ping; psubscribe p*; exec
            a: ping
            b: multi; publish one 1; publish nobody 1; exec
            a: unsubscribe; punsubscribe; multi; unsubscribe; punsubscribe; sunsubscribe; exec
            """
        )

    def test_wrong_arguments(self):
        self.compare(
            """
            a: subscribe
            a: psubscribe
            a: ssubscribe
            a: publish x
            a: spublish x
            a: publish x y z
            a: pubsub
            a: pubsub nothing
            a: pubsub channels a b
            a: pubsub shardchannels a b
            a: pubsub numpat x
            a: pubsub numsub
            a: pubsub shardnumsub
            a: command getkeys spublish a b
            a: command getkeys sunsubscribe
            """
        )


def fields(server, command):
    client = MarkerClient(server)
    client.send(command)
    text = client.listen().decode()
    client.close()
    return text


class Descriptions(unittest.TestCase):
    def test_info_and_client_list(self):
        for server in (ours, theirs):
            client = MarkerClient(server)
            for line in ("hello 3", "subscribe a b", "psubscribe c*", "ssubscribe d e f"):
                client.send(line)
            client.listen()
            listed = fields(server, "client list type pubsub")
            self.assertRegex(listed, r"flags=P db=0 sub=2 psub=1 ssub=3 multi=-1 ")
            info = fields(server, "info stats")
            for line in ("pubsub_channels:2", "pubsub_patterns:1", "pubsubshard_channels:3"):
                self.assertIn(line + "\r\n", info)
            self.assertEqual(fields(server, "client kill type pubsub"), ":1\r\n")
            self.assertEqual(client.socket.recv(100), b"")
            self.assertIn("pubsub_channels:0\r\n", fields(server, "info stats"))
            client.close()

    def test_quit(self):
        for server in (ours, theirs):
            client = MarkerClient(server)
            client.send("subscribe a")
            client.listen()
            client.send("quit")
            data = b""
            while piece := client.socket.recv(100):
                data += piece
            self.assertEqual(data, b"+OK\r\n")
            client.close()


if __name__ == "__main__":
    test_program.run_tests()
