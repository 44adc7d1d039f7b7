#!/usr/bin/python3
"""Client-side caching beside redis-server: the same conversations with both, and the same replies and
invalidations, at the same place. Starts both servers. Closes with "N passed, N failed"."""

import os
import re
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "support"), os.path.join(HERE, "differential")]

import pair  # noqa: E402  (after the path is set)
import test_program  # noqa: E402
from marker_client import MarkerClient  # noqa: E402
from pair import ours, tearDownModule, theirs  # noqa: E402,F401
from server import Server  # noqa: E402


def setUpModule():
    pair.setUpModule()
    for server in (ours, theirs):
        # So that no id is a number that stands in a reply for something else.
        for _ in range(500):
            server.connect().close()


class Client(MarkerClient):
    def __init__(self, server):
        super().__init__(server)
        self.number = int(self.ask("client id")[1:])


def blank_out(data, clients):
    """Without what can't be equal: HELLO's version, ids, and other fields of CLIENT INFO."""
    data = re.sub(rb"\$\d+\r\n7\.\d+\.\d+\r\n", b"VERSION\r\n", data)
    for name, client in clients.items():
        data = re.sub(rb"\b%d\b" % client.number, b"ID-" + name.encode(), data)
    line = re.search(rb"\bid=.* (flags=\S+) .*(redir=\S+)", data)
    return b" ".join(line.groups()) if line else data


def converse(server, script):
    """A script is lines "CLIENT: command; command ..."; {b} in a command is the id of client b. Each
    client is heard after each line, first the one that has spoken."""
    clients = {name: Client(server) for name in "abcd"}
    known = dict(clients)
    clients["a"].ask("flushall")
    story = []
    for line in script.strip().split("\n"):
        name, commands = line.strip().split(": ", 1)
        if commands == "(ends)":
            client = clients.pop(name)
            client.socket.close()
            gone = f"id={client.number} "
            deadline = time.monotonic() + 20
            while gone in clients["a"].ask("client list").decode():
                assert time.monotonic() < deadline
            continue
        ids = {who: client.number for who, client in clients.items()}
        told = clients[name].ask("\r\n".join(commands.format(**ids).split("; ")))
        heard = [(name, told)]
        heard += [(who, client.listen()) for who, client in clients.items() if who != name]
        story.append(line.strip())
        story += [f"  {who} <- {blank_out(data, known)!r}" for who, data in heard if data]
    for client in clients.values():
        client.socket.close()
    return story


class Conversations(unittest.TestCase):
    maxDiff = None

    def compare(self, script):
        self.assertEqual(converse(ours, script), converse(theirs, script))

    def test_what_was_read_is_invalidated_once(self):
        self.compare(
            """
            a: hello 3; client tracking on; client info
            b: mset one 1 two 2 three 3
            a: mget one two nothing; get one
            b: set one 2
            b: set one 3
            b: incr two; incr two; incr nothing; incr three
            a: exists one; strlen two; ttl three; type nothing; get nothing; getrange one 0 1
            b: append one x; expire two 100; setrange three 0 x; set nothing x
            a: mget one two three
            b: rename one three; del two; move three 1
            a: client tracking off; get two; client info
            b: set two 1
            """
        )

    def test_own_changes(self):
        self.compare(
            """
            a: hello 3; client tracking on
            a: set one 1; get one; set one 2; set one 3; ping
            a: get one; get two; mset one 1 two 2; ping
            a: get one; get two; multi; incr one; incr two; ping; exec; ping
            a: client tracking on noloop; get one
            a: set one 4; ping
            b: set one 5
            a: get one; client reply off; set one 4; get one; client reply on
            b: set one 7
            """
        )

    def test_opt_in_and_opt_out(self):
        self.compare(
            """
            a: hello 3; client tracking on optin; client caching no; client caching maybe
            a: get one; client caching yes; client trackinginfo; get two; get three
            b: mset one 1 two 2 three 3
            a: client caching yes; multi; get one; get two; exec; get three
            b: mset one 1 two 2 three 3
            a: client caching yes; nonsense; get one
            b: set one 2
            a: multi; client caching yes; get one; exec; get two
            b: mset one 1 two 2
            a: client tracking on optout
            a: client tracking off; client tracking on optout; client caching yes
            a: client caching no; client trackinginfo; get one; get two
            b: mset one 1 two 2
            """
        )

    def test_broadcast(self):
        self.compare(
            """
            a: hello 3; client tracking on bcast prefix user: prefix object:; client trackinginfo
            b: set user:1 1; set other 1
            b: mset user:2 1 object:2 1 other 1
            b: multi; set user:3 1; set user:1 1; set object:1 1; exec
            c: hello 3; client tracking on bcast noloop; client info
            c: set user:1 2
            b: set user:1 3
            a: client tracking on bcast prefix more:; client trackinginfo
            b: set more:1 1
            a: client tracking off
            b: set user:1 4
            """
        )

    def test_redirection(self):
        self.compare(
            """
            a: client tracking on redirect {b}; client getredir; client trackinginfo; client info
            a: get one
            c: set one 1
            b: subscribe __redis__:invalidate
            a: get one; get two
            c: mset one 2 two 2
            a: get one; set one 3
            c: flushall
            b: unsubscribe
            a: get one
            c: set one 4
            b: hello 3
            a: get one
            c: set one 5
            c: flushdb
            a: hello 3; get one
            b: (ends)
            c: set one 6
            a: client trackinginfo; client info; get one
            c: flushall
            a: client tracking on redirect {c}; client trackinginfo
            """
        )

    def test_flushing(self):
        self.compare(
            """
            a: hello 3; client tracking on; get one
            b: hello 3; client tracking on bcast
            c: client tracking on; get one
            d: flushall
            d: set one 1
            a: get one; flushdb; ping
            a: get one; swapdb 0 1
            d: set one 2
            d: select 5; set one 1
            a: get two; reset; get two; client info
            d: set two 1
            """
        )

    def test_what_is_refused(self):
        self.compare(
            """
            a: client tracking; client tracking maybe; client tracking on nonsense
            a: client tracking on prefix; client tracking on redirect; client tracking on prefix x
            a: client tracking on redirect x; client tracking on redirect 123456789
            a: client tracking on redirect -1; client tracking on redirect {b} redirect {b}
            a: client tracking on bcast optin; client tracking on bcast optout
            a: client tracking on optin optout; client trackinginfo; client getredir
            a: client caching yes; client caching; client tracking off bcast optin
            a: client tracking on bcast prefix a prefix ab; client trackinginfo
            a: client tracking on bcast prefix ab prefix x prefix b; client trackinginfo
            a: client tracking on bcast prefix abc; client tracking on bcast prefix ""
            a: client tracking on; client caching yes; client tracking on bcast noloop
            a: client tracking off; client tracking on; client tracking on bcast
            a: client tracking on optin; client tracking on; client tracking on optout
            a: client caching maybe; client caching no
            """
        )


def info(client, *names):
    text = client.ask("info").decode()
    return [int(re.search(rf"^{name}:(\d+)\r$", text, re.MULTILINE).group(1)) for name in names]


TABLE = ("tracking_clients", "tracking_total_keys", "tracking_total_items")
TABLE += ("tracking_total_prefixes",)


class Table(unittest.TestCase):
    def evict_nothing(self):
        for server in (ours, theirs):
            Client(server).ask("config set maxmemory 0 maxmemory-policy noeviction")

    def tearDown(self):
        self.evict_nothing()

    def test_what_info_counts(self):
        for server in (ours, theirs):
            reader, broadcast, other = Client(server), Client(server), Client(server)
            other.ask("flushall")
            self.assertEqual(info(other, *TABLE), [0, 0, 0, 0])
            reader.ask("client tracking on")
            broadcast.ask("client tracking on bcast prefix a prefix b")
            reader.ask("mget a b c")
            other.ask("client tracking on\r\nget a")
            self.assertEqual(info(other, *TABLE), [3, 3, 4, 2])
            other.ask("set a 1")
            self.assertEqual(info(other, *TABLE), [3, 2, 2, 2])
            other.ask("flushall\r\nclient tracking off")
            broadcast.ask("reset")
            self.assertEqual(info(other, *TABLE), [1, 0, 0, 0])
            reader.ask("client tracking off")

    def test_the_table_is_kept_small(self):
        for server in (ours, theirs):
            reader, other = Client(server), Client(server)
            other.ask("flushall\r\nconfig set tracking-table-max-keys 10")
            reader.ask("hello 3")
            reader.ask("client tracking on")
            told = b""
            for i in range(100):
                told += reader.ask(f"get key{i}")
            deadline = time.monotonic() + 20
            while info(other, "tracking_total_keys")[0] > 10 and time.monotonic() < deadline:
                told += reader.listen()
            told += reader.listen()
            self.assertEqual(told.count(b"invalidate"), 90)
            other.ask("config set tracking-table-max-keys 1000000\r\nflushall")
            reader.ask("client tracking off")

    def test_what_is_evicted_for_a_command_is_told_before_its_reply(self):
        """A client with NOLOOP is told so in broadcast mode alone."""
        gone = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$8\r\nvolatile\r\n"
        for server in (ours, theirs):
            for mode in ("", " noloop", " bcast prefix vol noloop"):
                client = Client(server)
                client.ask("hello 3\r\nclient tracking on" + mode)
                limit = info(client, "used_memory")[0] + 30000
                client.ask(f"config set maxmemory {limit} maxmemory-policy volatile-random")
                client.ask("setex volatile 10000 x\r\nget volatile")
                # Both at once: nothing is evicted in the background between them.
                told = client.ask("setbit big 480000 0\r\ngetbit big 0")
                if "bcast" in mode:  # told between commands
                    self.assertIn(gone, told + client.listen())
                else:
                    gone_or_not = b"" if mode else gone
                    self.assertEqual(told, b":0\r\n" + gone_or_not + b":0\r\n", mode)
                self.evict_nothing()
                client.ask("del big\r\nclient tracking off")

    def test_a_flush_forgets_many_keys_and_remembers_what_is_read_behind_it(self):
        """The memory of many is freed by another thread, while the same keys are tracked anew."""
        gets = "\r\n".join(f"get many:{i}" for i in range(3000))
        for server in (ours, theirs):
            reader, other = Client(server), Client(server)
            reader.ask("hello 3\r\nclient tracking on")
            for _ in range(20):
                reader.ask(gets)
                self.assertEqual(info(other, "tracking_total_keys"), [3000])
                other.ask("flushdb")
                self.assertEqual(info(other, "tracking_total_keys", "tracking_total_items"), [0, 0])
                self.assertEqual(reader.listen(), b">2\r\n$10\r\ninvalidate\r\n_\r\n")
            reader.ask("get many:7")
            other.ask("set many:7 x\r\nset many:8 x")
            told = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\nmany:7\r\n"
            self.assertEqual(reader.listen(), told)
            other.ask("del many:7 many:8")

    def test_what_is_evicted_in_the_background_is_told_though_no_command_follows(self):
        count = 500
        for server in (ours, theirs):
            reader, other = Client(server), Client(server)
            other.ask("flushall", *(f"setex evicted:{i} 10000 x" for i in range(count)))
            reader.ask("hello 3\r\nclient tracking on bcast prefix evicted:")
            other.ask("config set maxmemory 1 maxmemory-policy volatile-random")
            told = reader.rest
            while len(set(re.findall(rb"evicted:\d+", told))) < count:
                told += reader.socket.recv(65536)

    def test_who_has_quit_is_redirected_to_no_more(self):
        """From its reply to QUIT on, whatever becomes of its connection meanwhile."""
        for server in (ours, theirs):
            reader, other = Client(server), Client(server)
            reader.ask("hello 3")
            for _ in range(30):
                target = Client(server)
                reader.ask(f"client tracking on redirect {target.number}\r\nget key")
                target.socket.sendall(b"quit\r\n")
                self.assertEqual(target.socket.recv(100), b"+OK\r\n")
                other.ask("set key 1")
                self.assertIn(b"tracking-redir-broken", reader.listen())
                reader.ask("client tracking off")

    def test_keys_that_expire(self):
        for server in (ours, theirs):
            reader, other = Client(server), Client(server)
            reader.ask("hello 3")
            reader.ask("client tracking on")
            other.ask("psetex soon 50 x")
            told = reader.ask("get soon")
            deadline = time.monotonic() + 20
            while b"invalidate" not in told and time.monotonic() < deadline:
                told += reader.listen()
                time.sleep(0.01)
            self.assertIn(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$4\r\nsoon\r\n", told)
            reader.ask("client tracking off")

    def test_a_key_that_expires_under_a_command_is_no_change_of_its_client(self):
        directives = (("enable-debug-command", "yes"),)
        for reference in (False, True):
            with Server(directives=directives, reference=reference) as server:
                client = Client(server)
                client.ask("hello 3")
                client.ask("debug set-active-expire 0")
                client.ask("client tracking on bcast noloop")
                client.ask("psetex key 1 x")
                time.sleep(0.005)
                told = client.ask("exists key") + client.listen()
                self.assertEqual(told, b":0\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n")
                client.socket.close()


if __name__ == "__main__":
    test_program.run_tests()
