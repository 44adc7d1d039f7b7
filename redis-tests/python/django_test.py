#!/usr/bin/python3
"""Django's cache and its sessions through django-redis, against the server that
support/with_server has started. Closes with "N passed, N failed".

Of django-redis's cache, locks need scripts, which scdb does not run yet. So does incr(), which
without them goes a longer way that is not atomic."""

import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checks  # noqa: E402  (after the path is set)
import django  # noqa: E402
from django.conf import settings  # noqa: E402


def location(database, **options):
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"{checks.URL}/{database}",
        "KEY_PREFIX": "app",
        "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient", **options},
    }


settings.configure(
    SECRET_KEY="cat",
    CACHES={
        "default": location(1),
        "json": location(2, SERIALIZER="django_redis.serializers.json.JSONSerializer"),
        "small": location(3, COMPRESSOR="django_redis.compressors.zlib.ZlibCompressor"),
        "shy": {**location(4, IGNORE_EXCEPTIONS=True), "LOCATION": "redis://127.0.0.1:1/0"},
        "local": {**location(1), "LOCATION": f"unix://{checks.SOCKET}?db=1"},
    },
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    INSTALLED_APPS=["django.contrib.sessions"],
    ALLOWED_HOSTS=["testserver"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import cache, caches  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402

rendered = 0


def visit(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse(request.session["visits"], safe=False)


@cache_page(1000)
def page(_request):
    global rendered
    rendered += 1
    return HttpResponse(f"rendered {rendered}")


urlpatterns = [path("visit", visit), path("page", page)]


class Cache(checks.OnEmptyServer):
    def test_sets_gets_and_deletes(self):
        value = {"list": [1, 2.5, None], "text": "grüße", "bytes": bytes(range(256))}
        cache.set("key", value, 1000)
        self.assertEqual(cache.get("key"), value)
        self.assertEqual(cache.get("nothing", "else"), "else")
        self.assertTrue(cache.delete("key"))
        self.assertIsNone(cache.get("key"))

    def test_add_and_get_or_set(self):
        self.assertTrue(cache.add("key", 1))
        self.assertFalse(cache.add("key", 2))
        self.assertEqual(cache.get_or_set("key", lambda: 3), 1)
        self.assertEqual(cache.get_or_set("other", lambda: 4), 4)

    def test_many(self):
        values = {f"key:{i}": i for i in range(300)}
        cache.set_many(values, 1000)
        self.assertEqual(cache.get_many(values), values)
        cache.delete_many(list(values)[:100])
        self.assertEqual(len(list(cache.iter_keys("key:*"))), 200)
        self.assertEqual(cache.delete_pattern("key:1*"), 100)
        self.assertEqual(len(cache.keys("*")), 100)

    def test_expiry(self):
        cache.set("key", "value", 1000)
        self.assertTrue(990 < cache.ttl("key") <= 1000)
        self.assertTrue(cache.touch("key", 2000))
        self.assertTrue(1990 < cache.ttl("key") <= 2000)
        cache.persist("key")
        self.assertIsNone(cache.ttl("key"))
        cache.pexpire("key", 20)
        time.sleep(0.03)
        self.assertFalse(cache.has_key("key"))
        self.assertEqual(cache.ttl("key"), 0)

    def test_numbers(self):
        cache.set("n", 40)
        self.assertEqual(cache.incr("n"), 41)
        self.assertEqual(cache.decr("n", 11), 30)
        self.assertEqual(cache.get("n"), 30)

    def test_versions(self):
        cache.set("key", "old", version=1)
        cache.set("key", "new", version=2)
        self.assertEqual(cache.get("key", version=1), "old")
        cache.incr_version("key", version=2)
        self.assertEqual(cache.get("key", version=3), "new")

    def test_large_values_serialized_and_compressed(self):
        text = "text " * 1_000_000
        for name in ("default", "json", "small"):
            caches[name].set("key", text)
            self.assertEqual(caches[name].get("key"), text)

    def test_the_unix_socket(self):
        caches["local"].set("key", "value")
        self.assertEqual(cache.get("key"), "value")

    def test_clear_takes_its_database_only(self):
        cache.set("key", "value")
        caches["json"].set("key", "value")
        cache.clear()
        self.assertIsNone(cache.get("key"))
        self.assertEqual(caches["json"].get("key"), "value")

    def test_a_cache_that_is_away_is_none(self):
        self.assertIsNone(caches["shy"].get("key"))

    def test_what_is_cached_is_there_after_a_restart(self):
        for how in ("stop", "kill"):
            cache.set("key", how, None)
            checks.restart_server(how)
            self.assertEqual(cache.get("key"), how)


class Site(checks.OnEmptyServer):
    def test_sessions(self):
        one, two = Client(), Client()
        self.assertEqual([one.get("/visit").json() for _ in range(3)], [1, 2, 3])
        self.assertEqual(two.get("/visit").json(), 1)
        checks.restart_server("kill")
        self.assertEqual(one.get("/visit").json(), 4)
        one.session.flush()
        self.assertEqual(len(cache.keys("*session*")), 1)

    def test_a_session_expires(self):
        session = SessionStore()
        session["key"] = "value"
        session.set_expiry(1000)
        session.save()
        self.assertEqual(SessionStore(session.session_key)["key"], "value")
        self.assertTrue(990 < cache.ttl(session.cache_key) <= 1000)

    def test_pages(self):
        first = Client().get("/page").content
        self.assertEqual(Client().get("/page").content, first)


if __name__ == "__main__":
    checks.run_tests()
