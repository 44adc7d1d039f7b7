#!/usr/bin/python3
"""What is refused before it is tried, and what comes first where there are several reasons: said to
redis-server as well, and the answers compared byte for byte. Starts both servers. Closes with
"N passed, N failed"."""

import os
import shlex
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import test_program  # noqa: E402  (after the path is set)
from pair import ours, setUpModule, tearDownModule, theirs  # noqa: E402,F401
from server import Server  # noqa: E402
from wire_client import Client  # noqa: E402


class TestCase(unittest.TestCase):
    def clients(self, servers=(ours, theirs)):
        clients = [Client(server) for server in servers]
        for client in clients:
            self.addCleanup(client.close)
        return clients

    def compare(self, lines, servers=(ours, theirs)):
        """Says the lines to both, each with one client for each name in front of a ':'."""
        talking = {}
        for line in lines.strip().splitlines():
            name, words = line.strip().split(": ", 1)
            if name not in talking:
                talking[name] = self.clients(servers)
            scdb, redis = (client.ask(*shlex.split(words)) for client in talking[name])
            with self.subTest(line=line.strip()):
                self.assertEqual(scdb, redis)


class Replicas(TestCase):
    """min-replicas-to-write asks for replicas, and there are none."""

    @staticmethod
    def replication(client):
        text = client.ask("INFO", "replication")
        return [line for line in text.split(b"\r\n") if b"slave" in line]

    def test_writes_are_refused(self):
        self.compare(
            """
            a: flushall
            a: set k 1
            a: config set min-replicas-to-write 1
            a: config get min-replicas-to-write
            a: config get min-slaves-to-write
            a: config get min-slaves-max-lag
            a: set k 2
            a: del nosuch
            a: get k
            a: pfcount k
            a: publish channel message
            a: function flush
            a: flushall
            a: migrate 127.0.0.1 1 k 0 1
            a: wait 0 0
            a: config set min-replicas-max-lag 0
            a: set k 3
            a: config set min-slaves-max-lag 1
            a: set k 4
            a: config set min-replicas-to-write 0
            a: set k 5
            a: config set min-replicas-to-write -1
            a: config set min-replicas-to-write 2147483648
            a: config set min-replicas-max-lag 10
            """
        )

    def test_transactions(self):
        self.compare(
            """
            a: flushall
            a: multi
            a: set k 1
            b: config set min-replicas-to-write 1
            a: get k
            a: exec
            a: exec
            a: multi
            a: get k
            a: exec
            a: multi
            a: set k 2
            a: get k
            a: exec
            a: watch k
            a: multi
            a: discard
            b: config set min-replicas-to-write 0
            a: get k
            """
        )

    def test_in_the_order_of_reasons(self):
        self.compare(
            """
            a: flushall
            a: config set min-replicas-to-write 1
            a: nosuch
            a: set k
            a: object nosuch
            a: acl setuser reader on nopass ~* &* +@all -set
            b: auth reader x
            b: set k 1
            b: append k 1
            a: subscribe channel
            a: set k 1
            a: get k
            a: unsubscribe channel
            a: config set requirepass secret
            c: set k 1
            c: exec
            c: auth secret
            c: set k 1
            a: config set requirepass ""
            d: monitor
            d: set k 1
            a: acl deluser reader
            a: config set min-replicas-to-write 0
            """
        )

    def test_room_comes_first(self):
        self.compare(
            """
            a: flushall
            a: set k 1
            a: config set min-replicas-to-write 1 maxmemory 1
            a: set k 1
            a: del k
            a: get k
            a: config set min-replicas-to-write 0 maxmemory 0
            """
        )

    def test_counts(self):
        found = []
        for client in self.clients():
            client.ask("CONFIG", "SET", "min-replicas-to-write", 1)
            client.ask("CONFIG", "RESETSTAT")
            client.ask("SET", "k", "v")
            text = client.ask("INFO", "commandstats", "errorstats").split(b"\r\n")
            counted = [line.split(b",")[-2:] for line in text if line.startswith(b"cmdstat_set:")]
            errors = [line for line in text if line.startswith(b"errorstat")]
            found.append((counted, errors, self.replication(client)))
            client.ask("CONFIG", "SET", "min-replicas-to-write", 0)
            found[-1] += (self.replication(client),)
        self.assertEqual(found[0], found[1])

    def test_from_the_start(self):
        directives = [("min-slaves-to-write", 2)]
        with Server(directives=directives) as scdb, \
                Server(directives=directives, reference=True) as redis:  # fmt: skip
            self.assertIn("every write is refused", scdb.read_log())
            self.compare(
                """
                a: set k 1
                a: config get min-replicas-to-write
                a: config set min-replicas-to-write 0
                a: set k 1
                """,
                (scdb, redis),
            )


if __name__ == "__main__":
    test_program.run_tests()
