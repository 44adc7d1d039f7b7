#!/usr/bin/python3
"""What the server does by itself and how it tells of it: compactions and the scrub, set while it runs.
Closes with "N passed, N failed"."""

import os
import subprocess
import sys
import time
import unittest

import redis

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "support"))

import server as support  # noqa: E402  (after the path is set)
import test_program  # noqa: E402

NOTHING_BY_ITSELF = (
    ("segment-size", "1mb"),
    ("compaction-interval", "0"),
    ("compaction-garbage-percentage", "0"),
)
WAIT_SECONDS_MAX = 60


class TestCase(unittest.TestCase):
    def setUp(self):
        self.server = support.Server(directives=NOTHING_BY_ITSELF)
        self.addCleanup(self.server.close)
        self.server.start()
        self.client = redis.Redis(port=self.server.port)

    def info(self, name):
        return self.client.info("scdb")[name]

    def wait_for(self, is_true):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not is_true():
            self.assertLess(time.monotonic(), deadline, self.client.info("scdb"))
            time.sleep(0.02)

    def write(self, letter):
        pipe = self.client.pipeline(transaction=False)
        for number in range(200):
            pipe.set(f"key-{number}", f"value-{number}-".encode() + letter * 20000)
        pipe.execute()


class Compaction(TestCase):
    def make_garbage(self):
        for letter in (b"a", b"b", b"c"):
            self.write(letter)
        time.sleep(0.3)  # a few rounds of who would compact
        self.assertEqual(self.info("compactions"), 0)
        self.assertGreater(self.info("dead_bytes"), 7 << 20)

    def wait_for_result(self):
        """It comes in rounds, and each counts when it is over."""
        before = self.info("segments")
        self.wait_for(lambda: self.info("compaction_reclaimed_bytes") > 5 << 20)
        self.assertLess(self.info("dead_bytes"), 3 << 20)
        self.assertGreater(self.info("live_bytes"), 4000000)
        self.assertGreater(self.info("compactions"), 0)
        self.assertLess(self.info("segments"), before)
        for number in range(200):
            self.assertEqual(self.client.get(f"key-{number}")[-3:], b"ccc")

    def test_the_percentage(self):
        self.make_garbage()
        self.client.config_set("compaction-garbage-percentage", 40)
        self.wait_for_result()

    def test_the_interval(self):
        self.make_garbage()
        self.client.config_set("compaction-interval", 1)
        self.wait_for_result()

    def test_the_command(self):
        self.make_garbage()
        self.client.delete(*(f"key-{number}" for number in range(0, 200, 2)))
        self.assertGreater(self.client.execute_command("COMPACT"), 5 << 20)
        self.assertEqual(self.info("compactions"), 1)
        self.assertGreater(self.info("compaction_moved_bytes"), 0)
        self.assertEqual(self.info("compaction_running"), 0)

    def test_values_that_are_none(self):
        for name, values in (
            ("compaction-interval", ("-1", "2147483648", "1.5", "often", "")),
            ("compaction-garbage-percentage", ("-1", "91", "100", "half", "")),
            ("scrub-interval", ("-1", "2147483648", "weekly", "")),
        ):
            before = self.client.config_get(name)
            for value in values:
                with self.assertRaisesRegex(redis.ResponseError, name):
                    self.client.config_set(name, value)
            self.assertEqual(self.client.config_get(name), before)


class Scrub(TestCase):
    def flip(self, text):
        """One bit of the value behind the text, in the files. (file, where it was found)"""
        for name in sorted(os.listdir(self.server.directory)):
            path = os.path.join(self.server.directory, name)
            with open(path, "r+b") as file:
                offset = file.read().find(text)
                if offset >= 0:
                    file.seek(offset + len(text))
                    byte = file.read(1)
                    file.seek(offset + len(text))
                    file.write(bytes([byte[0] ^ 1]))
                    return name, offset
        raise AssertionError(text)

    def test_a_flipped_bit_is_told_of(self):
        self.write(b"a")
        self.assertTrue(self.client.save())
        # What lies in the active segment is not looked at: the first keys are in sealed ones.
        file, offset = self.flip(b"value-7-")
        self.client.config_set("scrub-interval", 1)
        self.wait_for(lambda: self.info("scrub_passes") > 1)
        self.assertEqual(self.info("scrub_damaged_segments"), 1)
        self.assertEqual(self.info("scrub_damaged_records"), 1)
        self.assertGreater(self.info("scrub_read_bytes"), 1 << 20)
        log = self.server.read_log()
        self.assertEqual(log.count("scrub:"), 1, log)
        self.assertRegex(log, rf"scrub: {file} is damaged at offset \d+: .*scdb-check verify DIR")
        told = int(log.split(f"{file} is damaged at offset ")[1].split(":")[0])
        self.assertTrue(offset - 100 < told < offset, (told, offset))
        # The key's own error says the same, the others are served, and the file stays.
        with self.assertRaisesRegex(redis.ResponseError, f"checksum, at offset {told} of {file};"):
            self.client.get("key-7")
        self.assertEqual(self.client.get("key-8")[:8], b"value-8-")
        for number in range(0, 200):
            self.client.set(f"key-{number}", "new")
        self.client.execute_command("COMPACT")
        self.assertIn(file, os.listdir(self.server.directory))
        self.server.stop()
        done = subprocess.run(
            [support.check_path(), "--quiet", "verify", self.server.directory],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"damaged: {file} offset {told}: ", done.stdout)


if __name__ == "__main__":
    test_program.run_tests()
