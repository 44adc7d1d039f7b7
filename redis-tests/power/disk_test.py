#!/usr/bin/python3
"""Tests of disk.py, on notes made by hand. Closes with "N passed, N failed"."""

import os
import random
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]

import disk as disks  # noqa: E402  (after the path is set)
import test_program  # noqa: E402

CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL


class DiskTest(unittest.TestCase):
    def setUp(self):
        self.disk = disks.Disk()
        self.place = 0
        self.descriptor = 10

    def begin(self, kind, descriptor=-1, result=0, offset=0, payload=b""):
        self.place += 8
        note = disks.Note(self.place, (0, kind, 1, descriptor, result, 0, offset, 0), payload)
        self.disk.feed(note)
        return self.place

    def end(self, begin, result=0):
        self.place += 8
        fields = (0, disks.RETURNED, 1, -1, result, begin, 0, 0)
        self.disk.feed(disks.Note(self.place, fields, b""))

    def create(self, name):
        self.descriptor += 1
        begin = self.begin(disks.OPEN, result=CREATE, payload=name.encode() + b"\0\0")
        self.end(begin, self.descriptor)
        return self.descriptor

    def write(self, descriptor, offset, data):
        begin = self.begin(disks.WRITE, descriptor, offset=offset, payload=data)
        self.end(begin, len(data))

    def names(self, kind, first, second=""):
        return self.begin(kind, payload=f"{first}\0{second}\0".encode())

    def sync_all(self, descriptor):
        self.end(self.begin(disks.SYNC, descriptor))
        self.end(self.begin(disks.SYNC_DIRECTORY))

    def left(self, kind, seed=1):
        return self.disk.after_power_cut(disks.Chance(random.Random(seed), kind))

    def test_nothing_unsynced_is_certain(self):
        file = self.create("a")
        self.assertEqual(self.left("nothing"), {})
        self.write(file, 0, b"one")
        self.sync_all(file)
        self.write(file, 3, b"two")
        self.assertEqual(self.left("nothing"), {"a": b"one"})
        self.assertEqual(self.left("everything"), {"a": b"onetwo"})

    def test_a_sync_covers_what_had_returned_before_it_began(self):
        file = self.create("a")
        self.sync_all(file)
        early = self.begin(disks.WRITE, file, payload=b"early")
        sync = self.begin(disks.SYNC, file)
        self.end(early, 5)
        self.end(sync)
        self.assertEqual(self.left("nothing"), {"a": b""})
        self.end(self.begin(disks.SYNC, file), -1)
        self.assertEqual(self.left("nothing"), {"a": b""})
        self.end(self.begin(disks.SYNC, file))
        self.assertEqual(self.left("nothing"), {"a": b"early"})

    def test_sectors_are_whole_and_of_any_version(self):
        file = self.create("a")
        for letter in (b"0", b"1", b"2"):
            self.write(file, 0, letter * 2048)
            if letter == b"0":
                self.sync_all(file)
        seen = set()
        for seed in range(100):
            content = self.left("half", seed)["a"]
            for at in range(0, 2048, 512):
                sector = bytes(content[at : at + 512])
                self.assertEqual(sector, sector[:1] * 512)
                seen.add(sector[:1])
        self.assertEqual(seen, {b"0", b"1", b"2"})

    def test_a_rename_is_whole_and_needs_the_directory(self):
        for name, data in (("old", b"1"), ("new", b"2")):
            file = self.create(name)
            self.write(file, 0, data)
            self.sync_all(file)
        self.end(self.names(disks.RENAME, "new", "old"))
        self.assertEqual(self.left("nothing"), {"old": b"1", "new": b"2"})
        self.assertEqual(self.left("everything"), {"old": b"2"})
        self.end(self.begin(disks.SYNC_DIRECTORY))
        self.assertEqual(self.left("nothing"), {"old": b"2"})

    def test_calls_that_a_kill_has_cut_off(self):
        file = self.create("a")
        self.sync_all(file)
        self.create("b")
        self.names(disks.REMOVE, "b")
        self.begin(disks.WRITE, file, payload=b"whole")
        self.names(disks.RENAME, "a", "c")
        self.disk.settle({"a": b"who"})
        self.assertEqual(self.disk.seen(), {"a": b"who"})
        self.assertEqual(self.left("nothing"), {"a": b""})

    def test_a_kill_that_left_what_nobody_noted(self):
        self.create("a")
        with self.assertRaises(ValueError):
            self.disk.settle({"a": b"more"})


if __name__ == "__main__":
    test_program.run_tests()
