#!/usr/bin/python3
"""dogpile.cache, which SQLAlchemy and OpenStack cache with, against the server that
support/with_server has started. Closes with "N passed, N failed".

Its locks between processes need scripts, which scdb does not run yet; those of a process don't."""

import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checks  # noqa: E402  (after the path is set)
from dogpile.cache import make_region  # noqa: E402
from dogpile.cache.api import NO_VALUE  # noqa: E402


class Region(checks.OnEmptyServer):
    def setUp(self):
        super().setUp()
        self.region = make_region(key_mangler=lambda key: "app:" + key).configure(
            "dogpile.cache.redis",
            expiration_time=1000,
            arguments={"url": checks.URL, "redis_expiration_time": 2000},
        )
        self.computed = 0

    def compute(self, *_arguments):
        self.computed += 1
        return self.computed

    def test_sets_gets_and_deletes(self):
        self.assertIs(self.region.get("key"), NO_VALUE)
        self.region.set("key", {"bytes": bytes(range(256))})
        self.assertEqual(self.region.get("key"), {"bytes": bytes(range(256))})
        self.assertTrue(1990 < self.redis.ttl("app:key") <= 2000)
        self.region.delete("key")
        self.assertIs(self.region.get("key"), NO_VALUE)

    def test_many(self):
        self.region.set_multi({"a": 1, "b": 2})
        self.assertEqual(self.region.get_multi(["b", "nothing", "a"]), [2, NO_VALUE, 1])
        self.region.delete_multi(["a", "b"])
        self.assertEqual(self.redis.dbsize(), 0)

    def test_one_thread_computes_for_all(self):
        values = []

        def ask():
            values.append(self.region.get_or_create("key", self.compute))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(values, [1] * 8)

    def test_functions(self):
        @self.region.cache_on_arguments()
        def function(name):
            return f"{name} {self.compute()}"

        self.assertEqual([function("a"), function("b"), function("a")], ["a 1", "b 2", "a 1"])
        function.invalidate("a")
        self.assertEqual([function("a"), function("b")], ["a 3", "b 2"])
        self.assertEqual(function.refresh("b"), "b 4")

    def test_what_is_invalidated_is_computed_anew(self):
        self.assertEqual(self.region.get_or_create("key", self.compute), 1)
        self.region.invalidate()
        self.assertEqual(self.region.get_or_create("key", self.compute), 2)

    def test_what_is_cached_is_there_after_a_restart(self):
        for how in ("stop", "kill"):
            self.region.set("key", how)
            checks.restart_server(how)
            self.assertEqual(self.region.get("key"), how)


if __name__ == "__main__":
    checks.run_tests()
