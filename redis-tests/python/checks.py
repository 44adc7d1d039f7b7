"""What the tests of Python's libraries share: where the server is, a plain client to look behind
the library with."""

import os
import subprocess
import sys
import unittest

import redis

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from test_program import run_tests  # noqa: E402, F401  (after the path is set; for the tests)

HOST = os.environ["SCDB_HOST"]
PORT = int(os.environ["SCDB_PORT"])
SOCKET = os.environ["SCDB_SOCKET"]
URL = f"redis://{HOST}:{PORT}"


def restart_server(how):
    subprocess.check_call([os.environ["SCDB_RESTART"], how])


class OnEmptyServer(unittest.TestCase):
    """self.redis is a plain client of a server that has been emptied."""

    def setUp(self):
        self.redis = redis.Redis(HOST, PORT)
        self.redis.flushall()
        self.addCleanup(self.redis.close)
