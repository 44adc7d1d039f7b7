#!/usr/bin/python3
"""A Redis Sentinel that watches scdb finds a master in good health, sees it go and come back, and sends
clients to it. Fails over it can't: there are no replicas. Starts the servers and the Sentinel. Closes
with "N passed, N failed"."""

import os
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support")]

import redis  # noqa: E402  (after the path is set)
import redis.sentinel  # noqa: E402

import test_program  # noqa: E402
from server import Server, free_port, redis_path  # noqa: E402

SECONDS_MAX = 60


class Sentinel(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.port = free_port()
        configuration = os.path.join(self.server.home, "sentinel.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(
                f"port {self.port}\nbind 127.0.0.1\ndir {self.server.home}\n"
                f"logfile {self.server.home}/sentinel.log\n"
                f"sentinel monitor store 127.0.0.1 {self.server.port} 1\n"
                "sentinel down-after-milliseconds store 500\n"
            )
        process = subprocess.Popen([redis_path(self.server.home), configuration, "--sentinel"])
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.sentinel = redis.Redis(port=self.port, socket_timeout=SECONDS_MAX)
        self.addCleanup(self.sentinel.close)

    def wait_for(self, is_right):
        """The master's state in the Sentinel's eyes, as soon as is_right() says so of it."""
        deadline = time.monotonic() + SECONDS_MAX
        state = None
        while time.monotonic() < deadline:
            try:
                state = self.sentinel.sentinel_master("store")
                if is_right(state):
                    return state
            except redis.ConnectionError:
                pass  # it is about to start
            time.sleep(0.02)
        self.fail(f"the Sentinel sees {state}")

    def is_well(self, state):
        return state["runid"] != "" and state["flags"] == "master"

    def test_watches(self):
        first = self.wait_for(self.is_well)
        client = redis.Redis(port=self.server.port)
        self.addCleanup(client.close)
        self.assertEqual((first["runid"], first["role-reported"]), (client.info()["run_id"], "master"))
        manager = redis.sentinel.Sentinel([("127.0.0.1", self.port)])
        self.addCleanup(manager.sentinels[0].close)
        found = manager.master_for("store")
        self.addCleanup(found.close)
        self.assertTrue(found.set("key", "value"))
        with self.assertRaisesRegex(redis.ResponseError, "No suitable replica to promote"):
            self.sentinel.sentinel_failover("store")
        self.server.kill()
        self.wait_for(lambda state: state["is_sdown"] and state["is_odown"])
        self.server.restart("kill")
        self.wait_for(lambda state: self.is_well(state) and not state["is_sdown"])
        self.assertEqual(found.get("key"), b"value")


if __name__ == "__main__":
    test_program.run_tests()
