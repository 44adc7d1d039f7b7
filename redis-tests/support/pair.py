"""Our server and a redis-server beside it, for as long as a module's tests run:

    from pair import ours, setUpModule, tearDownModule, theirs

and what tests of clients at both begin with.
"""

import unittest

from server import Server
from wire_client import Client

ours = Server()
theirs = Server(reference=True)


def setUpModule():
    ours.start()
    theirs.start()


def tearDownModule():
    ours.close()
    theirs.close()


class TestCase(unittest.TestCase):
    def client(self, server):
        client = Client(server)
        self.addCleanup(client.close)
        self.assertEqual(client.ask("PING"), b"+PONG\r\n")  # from here on the server knows it
        return client


def on_both(test):
    """Runs test(self, server) at each of the two."""

    def run(self):
        for name, server in (("scdb", ours), ("redis-server", theirs)):
            with self.subTest(server=name):
                test(self, server)

    return run
