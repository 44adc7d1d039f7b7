"""What the tests of Python's libraries share: where the server is, a plain client to look behind
the library with, restarts, and the count at the end."""

import os
import subprocess
import sys
import unittest

import redis

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


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
