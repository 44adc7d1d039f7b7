#!/usr/bin/python3
"""Sends the same random commands to scdb-server and to redis-server 7.0; every reply must be equal,
byte for byte (rules.py lists the few that need not be).

    differential.py [--count COMMANDS] [--seed N] [--size COMMANDS] [--failures N]

A run is made of histories; the seed of each follows from the run's, and a difference is printed
with the seed that repeats its history alone (--seed N --histories 1) and the shortest list of
commands found that still shows it. Closes with "N passed, N failed", counting histories.
"""

import argparse
import os
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import grammar  # noqa: E402  (after the path is set)
import rules  # noqa: E402
import test_program  # noqa: E402
import wire  # noqa: E402
from server import Server  # noqa: E402

REPLY_SECONDS_MAX = 20
MINIMISE_SECONDS_MAX = 20
HISTORY_SIZE = 300

PREPARE = [
    [b"config", b"set", b"requirepass", b""],
    [b"config", b"set", b"timeout", b"0", b"tcp-keepalive", b"300", b"appendfsync", b"everysec"],
    [b"config", b"set", b"proto-max-bulk-len", b"512mb", b"lazyfree-lazy-user-flush", b"no"],
    [b"config", b"set", b"slowlog-max-len", b"128", b"maxmemory-policy", b"noeviction"],
    [b"config", b"set", b"hll-sparse-max-bytes", b"3000", b"rdbcompression", b"yes"],
    [b"config", b"set", b"databases", b"16"],
    [b"acl", b"deluser", *grammar.USERS],
    [b"flushall"],
]  # `databases` can't be set: both must refuse it


class Difference(Exception):
    """The two servers answered differently; the text says what and how."""


class Link:
    """A connection to one of the two servers, with what has come and was not yet looked at."""

    def __init__(self, server, is_local=False):
        if is_local:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(server.socket_path)
        else:
            self.socket = server.connect()
        self.socket.settimeout(REPLY_SECONDS_MAX)
        self.data = bytearray()
        self.start = 0
        self.is_closed = False

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.is_closed = True

    def reply(self):
        """The next reply's bytes; what is left when the connection has ended; None: none came."""
        while True:
            end = wire.reply_end(self.data, self.start)
            if end >= 0:
                reply = bytes(self.data[self.start : end])
                self.start = end
                return reply
            del self.data[: self.start]
            self.start = 0
            try:
                more = self.socket.recv(1 << 18)
            except socket.timeout:
                return None
            except OSError:
                more = b""
            if not more:
                self.is_closed = True
                rest = bytes(self.data)
                self.data.clear()
                return rest
            self.data += more

    def everything(self):
        """All bytes up to the end of the connection; None: it did not end."""
        chunks = [bytes(self.data[self.start :])]
        try:
            while True:
                more = self.socket.recv(1 << 18)
                if not more:
                    return b"".join(chunks)
                chunks.append(more)
        except socket.timeout:
            return None
        except OSError:
            return b"".join(chunks)

    def close(self):
        self.socket.close()


class Pair:
    """The same connection to both servers."""

    def __init__(self, servers, index):
        self.servers = servers
        self.index = index
        self.links = []
        self.queued = []
        self.open()

    def open(self):
        self.close()
        self.links = [Link(server, is_local=self.index == 3) for server in self.servers]
        self.queued = []
        # An answer says that the connection has been accepted: a password that is set a moment
        # later must not be there yet.
        self.run([[b"hello", b"3"] if self.index == 2 else [b"ping"]])

    def close(self):
        for link in self.links:
            link.close()
        self.links = []

    def run(self, commands):
        """Sends a pipeline and compares reply by reply. Returns how many were compared."""
        data = b"".join(wire.encode(command) for command in commands)
        for link in self.links:
            link.send(data)
        for count, command in enumerate(commands):
            replies = [link.reply() for link in self.links]
            if replies[0] != replies[1]:
                self.compare(command, replies)
            if any(link.is_closed for link in self.links):
                if not all(self.has_ended(link) for link in self.links):
                    raise Difference(f"{wire.show_command(command)}\n    only one has hung up")
                self.open()
                return count + 1
            self.follow(command, replies[0])
            if command[0].lower() == b"quit" and replies[0] == b"+OK\r\n":
                self.open()
                return count + 1
        return len(commands)

    @staticmethod
    def has_ended(link):
        return link.is_closed or link.everything() == b""

    def follow(self, command, reply):
        """Keeps the list of what the transaction has queued, for EXEC's reply."""
        if reply == b"+QUEUED\r\n":
            self.queued.append(command)
        elif command[0].lower() in (b"multi", b"exec", b"discard", b"reset"):
            if not reply.startswith(b"-ERR MULTI calls can not be nested"):
                self.queued = []

    def compare(self, command, replies):
        if None in replies or any(not reply for reply in replies):
            raise Difference(describe(command, replies))
        trees = [wire.parse(reply)[0] for reply in replies]
        if command[0].lower() == b"exec" and len(command) == 1:
            equal = self.compare_exec(*trees)
        elif b"+QUEUED\r\n" in replies:
            equal = False
        else:
            equal = rules.rule_of(command)(*trees)
        if not equal:
            raise Difference(describe(command, replies))

    def compare_exec(self, a, b):
        if a[0] != b[0] or not isinstance(a[1], list) or not isinstance(b[1], list):
            return a == b
        if not len(a[1]) == len(b[1]) == len(self.queued):
            return False
        rows = zip(self.queued, a[1], b[1])
        return all(x == y or rules.rule_of(command)(x, y) for command, x, y in rows)


def describe(command, replies):
    names = ("redis-server", "scdb-server")
    lines = [wire.show_command(command)]
    for name, reply in zip(names, replies):
        what = "no reply" if reply is None else wire.show(reply) if reply else "hung up"
        lines.append(f"    {name}: {what}")
    return "\n".join(lines)


class Comparison:
    """Runs histories against both servers."""

    def __init__(self, servers):
        self.servers = servers
        self.commands_sent = 0

    def raw(self, data):
        answers = []
        for server in self.servers:
            link = Link(server)
            link.send(data)
            try:
                link.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            answers.append(link.everything())
            link.close()
        if not same_answers(answers):
            raise Difference(describe([b"(raw)", data], answers))

    def look_at_all(self, pair):
        """At the end: what is in the databases must be the same, too."""
        pair.run([[b"reset"]])
        for database in sorted(set(grammar.DATABASES)):
            looks = [[b"select", b"%d" % database], [b"dbsize"], [b"keys", b"*"]]
            for key in grammar.KEYS:
                looks += [[b"get", key], [b"pttl", key], [b"object", b"encoding", key]]
            pair.run(looks)

    def run(self, steps):
        """Runs one history from empty databases on; raises Difference."""
        pairs = []
        try:
            first = Pair(self.servers, 0)
            pairs.append(first)
            for link in first.links:
                link.send(b"".join(wire.encode(command) for command in PREPARE))
                for _ in PREPARE:
                    link.reply()
            for index in range(1, grammar.CONNECTIONS):
                pairs.append(Pair(self.servers, index))
            for step in steps:
                if step[0] == "send":
                    self.commands_sent += pairs[step[1]].run(step[2])
                elif step[0] == "raw":
                    self.commands_sent += 1
                    self.raw(step[1])
                else:
                    time.sleep(step[1] / 1000)
            self.look_at_all(pairs[0])
        except wire.ProtocolError as error:
            raise Difference(f"not RESP: {error}") from error
        finally:
            for pair in pairs:
                pair.close()

    def fails(self, steps):
        """The difference that a history shows, or None."""
        try:
            self.run(steps)
        except Difference as difference:
            return difference
        return None

    def minimise(self, steps, difference):
        """A shorter history that still shows a difference: halves, then single steps left out."""
        steps = split_pipelines(steps)
        found = self.fails(steps)
        if found is None:
            return None, difference
        difference = found
        deadline = time.monotonic() + MINIMISE_SECONDS_MAX
        chunk = len(steps) // 2
        while chunk >= 1:
            at = 0
            while at < len(steps) and time.monotonic() < deadline:
                shorter = steps[:at] + steps[at + chunk :]
                found = self.fails(shorter)
                if found is None:
                    at += chunk
                else:
                    steps, difference = shorter, found
            chunk //= 2
        return steps, difference


def whole_replies(answer):
    """The replies of an answer, and where the last of them ends."""
    replies, at = [], 0
    while at < len(answer):
        end = wire.reply_end(answer, at)
        if end < 0:
            break
        replies.append(wire.parse(answer, at)[0])
        at = end
    return replies, at


def same_reply(a, b):
    """Equal, or different only where a raw command's reply may be."""
    is_hello = a[0] in b"%*" and isinstance(a[1], list) and a[1][:1] == [(b"$", b"server")]
    is_number = a[0] == b[0] == b":"  # CLIENT ID, COMMAND COUNT
    return a == b or is_number or (is_hello and b[0] == a[0] and rules.hello(a, b))


def same_answers(answers):
    """Raw answers are the same reply by reply. Redis forgets what is not sent yet when the client has
    ended its side: then the rest of what did not fit into the socket's buffers is missing there."""
    if None in answers:
        return answers[0] == answers[1]
    try:
        (first, first_end), (second, second_end) = map(whole_replies, answers)
    except (wire.ProtocolError, ValueError, TypeError):
        return False
    is_cut = len(answers[0]) > 1 << 16 and len(first) <= len(second)
    rests = [answers[0][first_end:], answers[1][second_end:]]
    if not is_cut and (len(first) != len(second) or rests[0] != rests[1]):
        return False
    return all(map(same_reply, first, second))


def split_pipelines(steps):
    out = []
    for step in steps:
        if step[0] == "send":
            out += [("send", step[1], [command]) for command in step[2]]
        else:
            out.append(step)
    return out


def print_failure(seed, difference, steps):
    print(f"DIFFERENCE in the history of seed {seed}\n{difference}")
    if steps is None:
        print("  (the same commands sent one by one show none)")
    elif len(steps) > 40:
        print(f"  (shortened to {len(steps)} commands: run it with --seed {seed} --histories 1)")
    else:
        print("  after, from empty databases on (connection 2 speaks RESP3):")
        for step in steps:
            if step[0] == "send":
                print(f"    {step[1]}: {wire.show_command(step[2][0])}")
            elif step[0] == "raw":
                print(f"    raw: {wire.show(step[1])}")
            else:
                print(f"    sleep {step[1]} ms")
    sys.stdout.flush()


def parse_arguments():
    parser = argparse.ArgumentParser(description="compares scdb-server with redis-server")
    parser.add_argument("--count", type=int, default=int(os.environ.get("SCDB_COUNT", "6000")))
    parser.add_argument("--seed", type=int, help="of the first history (default: random)")
    parser.add_argument("--histories", type=int, help="how many, instead of --count commands")
    parser.add_argument("--size", type=int, default=HISTORY_SIZE, help="commands in a history")
    parser.add_argument("--failures", type=int, default=10, help="stop after so many")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    seed = test_program.choose_seed(arguments.seed, f"differential.py --count {arguments.count}")
    passed = failed = 0
    with Server(reference=True) as redis, Server() as scdb:
        comparison = Comparison([redis, scdb])
        while failed < arguments.failures:
            if arguments.histories is not None and passed + failed >= arguments.histories:
                break
            if arguments.histories is None and comparison.commands_sent >= arguments.count:
                break
            steps = grammar.Grammar(seed).history(arguments.size)
            difference = comparison.fails(steps)
            if difference is None:
                passed += 1
            else:
                failed += 1
                sent = comparison.commands_sent
                print_failure(seed, *reversed(comparison.minimise(steps, difference)))
                comparison.commands_sent = sent
            if not scdb.is_running():
                print("scdb-server has ended")
                break
            seed += 1
        sent = comparison.commands_sent
    print(f"{sent} commands compared")
    test_program.close(passed, failed)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
