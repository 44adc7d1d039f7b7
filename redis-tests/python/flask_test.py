#!/usr/bin/python3
"""A Flask application that caches with Flask-Caching and keeps its sessions with Flask-Session, and
cachelib, on which both stand, against the server that support/with_server has started. Closes with
"N passed, N failed"."""

import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import cachelib  # noqa: E402  (after the path is set)
import checks  # noqa: E402
import flask  # noqa: E402
import flask_caching  # noqa: E402
import flask_session  # noqa: E402
import redis  # noqa: E402


class Cachelib(checks.OnEmptyServer):
    def setUp(self):
        super().setUp()
        self.cache = cachelib.RedisCache(checks.HOST, checks.PORT, key_prefix="app:")

    def test_sets_gets_and_deletes(self):
        value = {"list": [1, 2.5, None], "bytes": bytes(range(256))}
        self.assertTrue(self.cache.set("key", value, 1000))
        self.assertEqual(self.cache.get("key"), value)
        self.assertFalse(self.cache.add("key", 2))
        self.assertTrue(self.cache.has("key"))
        self.assertTrue(self.cache.delete("key"))
        self.assertIsNone(self.cache.get("key"))

    def test_many_numbers_and_clear(self):
        self.cache.set_many({"a": 1, "b": 2}, 1000)
        self.assertEqual(self.cache.get_many("b", "nothing", "a"), [2, None, 1])
        self.assertEqual(len(self.cache.delete_many("a", "b")), 2)
        self.assertIsNone(self.cache.get("a"))
        self.assertEqual(self.cache.inc("n", 5), 5)
        self.assertEqual(self.cache.dec("n", 2), 3)
        self.redis.set("other", "stays")
        self.cache.clear()
        self.assertEqual(self.redis.keys(), [b"other"])

    def test_expiry(self):
        self.cache.set("key", "value", 1000)
        self.assertTrue(990 < self.redis.ttl("app:key") <= 1000)
        self.cache.set("key", "value", 1)
        deadline = time.monotonic() + 60
        while self.cache.get("key") is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertIsNone(self.cache.get("key"))


class Application(checks.OnEmptyServer):
    def setUp(self):
        super().setUp()
        self.application = flask.Flask("shop")
        self.application.config.update(
            SECRET_KEY="cat",
            CACHE_TYPE="RedisCache",
            CACHE_REDIS_URL=f"{checks.URL}/1",
            CACHE_KEY_PREFIX="shop:",
            SESSION_TYPE="redis",
            SESSION_REDIS=redis.Redis.from_url(f"{checks.URL}/2"),
        )
        self.cache = flask_caching.Cache(self.application)
        flask_session.Session(self.application)
        self.computed = 0

        @self.application.route("/page/<name>")
        @self.cache.cached(timeout=1000, query_string=True)
        def page(name):
            return f"{name} {self.compute(name)}"

        @self.application.route("/visit")
        def visit():
            flask.session["visits"] = flask.session.get("visits", 0) + 1
            return str(flask.session["visits"])

        @self.cache.memoize(1000)
        def memoized(name):
            return f"{name} {self.compute(name)}"

        self.memoized = memoized

    def compute(self, _name):
        self.computed += 1
        return self.computed

    def test_pages_are_cached(self):
        browser = self.application.test_client()
        self.assertEqual(browser.get("/page/a").text, "a 1")
        self.assertEqual(browser.get("/page/a").text, "a 1")
        self.assertEqual(browser.get("/page/a?q=1").text, "a 2")
        self.cache.clear()
        self.assertEqual(browser.get("/page/a").text, "a 3")

    def test_functions_are_memoized(self):
        with self.application.app_context():
            self.assertEqual([self.memoized("a"), self.memoized("b")], ["a 1", "b 2"])
            self.assertEqual([self.memoized("a"), self.memoized("b")], ["a 1", "b 2"])
            self.cache.delete_memoized(self.memoized, "a")
            self.assertEqual([self.memoized("a"), self.memoized("b")], ["a 3", "b 2"])
            self.cache.delete_memoized(self.memoized)
            self.assertEqual([self.memoized("a"), self.memoized("b")], ["a 4", "b 5"])

    def test_sessions_go_through_a_restart(self):
        one, two = self.application.test_client(), self.application.test_client()
        self.assertEqual([one.get("/visit").text for _ in range(2)], ["1", "2"])
        self.assertEqual(two.get("/visit").text, "1")
        checks.restart_server("kill")
        self.assertEqual(one.get("/visit").text, "3")
        sessions = redis.Redis.from_url(f"{checks.URL}/2")
        self.assertEqual(sessions.dbsize(), 2)
        self.assertTrue(all(sessions.ttl(key) > 900 for key in sessions.keys()))
        sessions.close()

    def test_cached_values_go_through_a_restart(self):
        browser = self.application.test_client()
        for how in ("stop", "kill"):
            first = browser.get("/page/a").text
            checks.restart_server(how)
            self.assertEqual(browser.get("/page/a").text, first)


if __name__ == "__main__":
    checks.run_tests()
