#!/usr/bin/python3
"""kill -9 in the midst of load, in each appendfsync mode; what was acknowledged must be there.

    kill9.py [--rounds N] [--seed N] [--mode always|everysec|no] [--staged CHANCE]

Eight clients write to two databases each, single commands and transactions, one by one and in
pipelines; where the server has COMPACT, another client keeps it compacting, and others go while they
send large values. The server is killed, scdb-check has to find the store sound, the server is
started again on the same directory, and every client's databases must look as after a prefix of its
commands that holds all that were acknowledged: so no write is lost, and there is no half of a MSET,
a RENAME, an EXEC or a large value. Rounds go on with the same data; at the end of a mode the server
is stopped cleanly and started once more. Closes with "N passed, N failed", counting rounds.
"""

import argparse
import os
import random
import re
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
sys.path.insert(0, os.path.join(HERE, "..", "differential"))

import test_program  # noqa: E402  (after the path is set)
import wire  # noqa: E402
from client_model import SHORT_MS_MAX, STAGED_CHANCE, STAGED_SIZES, ClientModel  # noqa: E402
from server import Server, ServerError, verify_store  # noqa: E402

CLIENT_COUNT = 8
LEAVERS_DATABASE = 2 * CLIENT_COUNT
PIPELINE_MAX = 40
MODES = ("always", "everysec", "no")
LOAD_SECONDS = (0.1, 1.2)


class Connection:
    """Sends commands, reads replies."""

    def __init__(self, server):
        self.socket = server.connect(timeout=60)
        self.data = bytearray()

    def send(self, commands):
        self.socket.sendall(b"".join(wire.encode(command) for command in commands))

    def reply(self):
        """The next reply's bytes; EOFError when the server is gone."""
        while True:
            end = wire.reply_end(self.data, 0)
            if end >= 0:
                reply = bytes(self.data[:end])
                del self.data[:end]
                return reply
            more = self.socket.recv(1 << 18)
            if not more:
                raise EOFError
            self.data += more

    def ask(self, *commands):
        self.send(commands)
        return [self.reply() for _ in commands]

    def close(self):
        self.socket.close()


class Load(threading.Thread):
    """One client at work until the server is gone. `errors` are replies that were errors."""

    def __init__(self, server, model):
        super().__init__(daemon=True)
        self.server = server
        self.model = model
        self.errors = []
        self.acknowledged = 0

    def run(self):
        try:
            connection = Connection(self.server)
            connection.ask([b"select", b"%d" % self.model.databases[0]])
            while not self.errors:
                self.turn(connection)
        except (OSError, EOFError):
            pass

    def turn(self, connection):
        rand = self.model.random
        units = [
            self.model.next_unit() for _ in range(1 if rand.random() < 0.5 else rand.randint(2, PIPELINE_MAX))
        ]
        commands = []
        for unit, is_transaction in units:
            commands += [[b"multi"], *unit, [b"exec"]] if is_transaction else unit
        connection.send(commands)
        for unit, is_transaction in units:
            for _ in range(len(unit) + 2 if is_transaction else 1):
                reply = connection.reply()
                if reply.startswith(b"-") or b"\r\n-" in reply[:20]:
                    self.errors.append(f"{wire.show(reply)} to {unit!r:.300}")
            self.model.acknowledge()
            self.acknowledged += 1


class Compactor(threading.Thread):
    """Keeps the server compacting."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.count = 0

    def run(self):
        try:
            connection = Connection(self.server)
            while not connection.ask([b"compact"])[0].startswith(b"-"):
                self.count += 1
                time.sleep(0.02)
        except (OSError, EOFError):
            pass


class Leaver(threading.Thread):
    """Clients that send a large value and go: in its midst, or before the answer."""

    def __init__(self, server, rand):
        super().__init__(daemon=True)
        self.server = server
        self.random = rand
        self.count = 0

    def run(self):
        try:
            while True:
                self.come_and_go()
                time.sleep(0.05)
        except (OSError, EOFError):
            pass

    def come_and_go(self):
        rand = self.random
        connection = Connection(self.server)
        connection.ask([b"select", b"%d" % LEAVERS_DATABASE])
        key = b"left:%d" % rand.randrange(2)
        command = wire.encode([b"set", key, left_value(self.count, rand.choice(STAGED_SIZES))])
        connection.socket.sendall(command[: rand.choice((len(command), rand.randrange(len(command))))])
        connection.close()
        self.count += 1


def left_value(number, size):
    """Is known by its first bytes."""
    stamp = b"<%d of %d>" % (number, size)
    return (stamp * (size // len(stamp) + 1))[:size]


def find_halves(connection):
    """What is wrong with the values of those who went: each is whole."""
    problems = []
    for key, value in read_database(connection, LEAVERS_DATABASE).items():
        stamp = re.match(rb"<(\d+) of (\d+)>", value)
        if stamp is None or value != left_value(int(stamp[1]), int(stamp[2])):
            problems.append(f"half a value in {key!r}: {value[:40]!r}... ({len(value)} bytes)")
    return problems


def read_database(connection, number):
    """All keys and values of a database."""
    connection.ask([b"select", b"%d" % number])
    keys = [item[1] for item in wire.parse(connection.ask([b"keys", b"*"])[0])[0][1]]
    values = [wire.parse(reply)[0][1] for reply in connection.ask(*([b"get", k] for k in keys))]
    return dict(zip(keys, values))


def verify(server, models):
    """What is wrong with what the restarted server holds: a list of texts."""
    time.sleep(SHORT_MS_MAX / 1000)
    problems = []
    connection = Connection(server)
    for number, model in enumerate(models):
        found = [read_database(connection, database) for database in model.databases]
        if model.match(found) is None:
            problems.append(f"client {number} finds no prefix of its history:\n{model.explain(found)}")
    problems += find_halves(connection)
    connection.close()
    return problems


def one_round(server, models, rand):
    """Load, kill -9, restart, verify. (problems, acknowledged units)."""
    loads = [Load(server, model) for model in models]
    compactor = Compactor(server)
    leaver = Leaver(server, random.Random(rand.random()))
    others = [compactor, leaver]
    for thread in [*loads, *others]:
        thread.start()
    time.sleep(rand.uniform(*LOAD_SECONDS))
    problems = [] if server.is_running() else ["the server ended under load"]
    server.kill()
    for thread in [*loads, *others]:
        thread.join()
    for load in loads:
        problems += [f"an error reply: {error}" for error in load.errors]
    in_flight = sum(len(model.in_flight) for model in models)
    acknowledged = sum(load.acknowledged for load in loads)
    if not server.is_redis:
        verify_store(server.directory)
    start = time.monotonic()
    server.start()
    seconds = time.monotonic() - start
    problems += verify(server, models)
    print(
        f"    {acknowledged} acknowledged, {in_flight} in flight, {compactor.count} compactions, "
        f"{leaver.count} left, up again after {seconds:.2f} s",
        flush=True,
    )
    return problems


def directives_of(mode):
    directives = [("appendfsync", mode), ("databases", str(LEAVERS_DATABASE + 1))]
    if "redis-server" not in os.path.basename(os.environ.get("SCDB_SERVER", "")):
        directives.append(("segment-size", "1mb"))
    return directives


def run_mode(arguments, mode, seed):
    """(passed, failed) rounds of one mode."""
    rounds = arguments.rounds
    rand = random.Random(f"{seed} {mode}")
    models = [
        ClientModel(i, random.Random(rand.random()), arguments.staged) for i in range(CLIENT_COUNT)
    ]
    passed = 0
    server = Server(directives=directives_of(mode))
    try:
        server.start()
        for number in range(rounds + 1):
            try:
                if number < rounds:
                    print(f"  {mode}, round {number + 1}", flush=True)
                    problems = one_round(server, models, rand)
                else:
                    print(f"  {mode}, a clean stop and a start", flush=True)
                    server.stop()
                    server.start()
                    problems = verify(server, models)
            except (ServerError, OSError, EOFError) as error:
                problems = [str(error) or repr(error)]
            if problems:
                print("\n".join(problems))
                print(f"the server's log:\n{server.read_log()}")
                keep_evidence(server)
                return passed, 1
            passed += 1
        server.stop()
    except ServerError as error:
        print(error)
        return passed, 1
    finally:
        server.kill()
        server.close()
    return passed, 0


def keep_evidence(server):
    """Leaves the store behind when SCDB_KEEP names a directory for it."""
    where = os.environ.get("SCDB_KEEP")
    if where:
        server.kill()
        os.makedirs(where, exist_ok=True)
        target = os.path.join(where, os.path.basename(server.home))
        os.rename(server.home, target)
        print(f"the store is kept in {target}")


def add_staged(parser, chance=STAGED_CHANCE):
    """The option that says how often values are put that are written ahead of their commands."""
    parser.add_argument(
        "--staged",
        type=float,
        default=chance,
        metavar="CHANCE",
        help="of a command to put 4 to 8 MiB",
    )


def main():
    parser = argparse.ArgumentParser(description="kill -9 under load; nothing may be lost")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("SCDB_ROUNDS", "3")))
    parser.add_argument("--seed", type=int, help="default: random; timing is never repeated")
    parser.add_argument("--mode", choices=MODES, help="only this appendfsync mode")
    add_staged(parser)
    arguments = parser.parse_args()
    seed = test_program.choose_seed(arguments.seed, f"kill9.py --rounds {arguments.rounds}")
    modes = MODES if arguments.mode is None else (arguments.mode,)
    test_program.close(*test_program.add_up(run_mode(arguments, mode, seed) for mode in modes))


if __name__ == "__main__":
    main()
