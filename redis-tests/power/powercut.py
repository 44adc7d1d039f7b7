#!/usr/bin/python3
"""Power cuts of the real server: every state that its disk may be left in holds what was promised.

    powercut.py [--rounds N] [--states N] [--seed N] [--mode always|everysec|no] [--lie KIND]
                [--staged CHANCE]

A round: the server runs with tests/power/recorder.c between it and its files, under the load of
four clients (those of crash/client_model.py) and of compactions, is killed in the midst of it, is
stopped in the midst of it, and stopped again when all is quiet. Then, for STATES points in what
the recorder noted, the directory is made as a power cut at that point may have left it (disk.py):
of what was not synced nothing is there, or everything, or any part, sector by sector, name by
name. scdb-check must find it sound; the real server is started on it, and what it serves must be,
for each client, the state after a prefix of its commands, whole ones and whole transactions, with

- under appendfsync always everything that was acknowledged before the cut;
- in the other modes everything that was acknowledged before the first write to the log that was
  not covered by a sync at the cut: so a sync makes durable what it covers.

In every mode everything has to be there that a restarted server had found, from then on, and at
the end, after a clean stop, everything. Of ten states two are started a second time, after kill -9,
and must be as they were found; of one the recovery is recorded, too, and the power cut again in its
midst and after it.

Points are at random, half of them right behind a call that makes durable or changes names, or
between its beginning and its return. The load can't be repeated from the seed, as threads are
never the same; --keep DIRECTORY (or SCDB_KEEP) keeps the states that fail.

--lie fdatasync|log|directory makes the recorder note that syncs of files, of the log's files only,
or of the directory did nothing: then the test has to fail, which shows that it can. Without --mode
and --lie each lie is told once after the rounds, and is passed when it was found out. Closes with
"N passed, N failed", counting states and lies.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "differential", "crash"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))

import disk as disks  # noqa: E402  (after the path is set)
import test_program  # noqa: E402
import wire  # noqa: E402
from client_model import SHORT_MS_MAX, ClientModel, Databases, short  # noqa: E402
from kill9 import Compactor, Connection, Load, add_staged  # noqa: E402
from server import ROOT, Server, ServerError, verify_store  # noqa: E402

CLIENT_COUNT = 4
STAGED_CHANCE = 0.003  # some in a second's load
MODES = ("always", "everysec", "no")
LIES = ("fdatasync", "log", "directory")
RECORD_SIZE_MAX = 4 << 30  # a sparse file
LOAD_SECONDS = {"always": 0.6, "everysec": 1.3, "no": 0.6}  # of a session; everysec syncs in it
RECOVERY_STATES = 3  # of a recovery that is cut off
INTERESTING = (disks.SYNC, disks.SYNC_DIRECTORY, disks.RENAME, disks.REMOVE)


def recorder_settings(record, directory, lie):
    """The environment of a server that is recorded."""
    path = os.environ.get("SCDB_RECORDER") or os.path.join(ROOT, "build/tests/power/recorder.so")
    return {
        "LD_PRELOAD": path,
        "SCDB_RECORD": record.path,
        "SCDB_RECORD_DIRECTORY": directory,
        "SCDB_RECORD_LIE": lie or "",
    }


def fast_place():
    """Where files are memory, states are made and opened fast."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Unit:
    """Commands that take effect together, and when they were sent and acknowledged."""

    __slots__ = ("commands", "sent", "acknowledged")

    def __init__(self, commands, sent):
        self.commands = commands
        self.sent = sent
        self.acknowledged = None


class RecordedModel(ClientModel):
    """A client that keeps all of its history, with times."""

    def __init__(self, index, rand, record, staged_chance):
        super().__init__(index, rand, staged_chance)
        self.record = record
        self.history = []
        self.acknowledged_count = 0

    def next_unit(self):
        unit, is_transaction = super().next_unit()
        self.history.append(Unit(unit, self.record.now()))
        return unit, is_transaction

    def acknowledge(self):
        super().acknowledge()
        self.history[self.acknowledged_count].acknowledged = self.record.now()
        self.acknowledged_count += 1

    def settle(self, found):
        """After a restart: what was in flight and is there counts from now on, the rest has never
        been on the disk. False: nothing fits."""
        length = self.match(found)
        if length is None:
            return False
        del self.history[self.acknowledged_count + length :]
        reconnect = Unit([[b"reconnect"]], self.record.now())
        self.history.append(reconnect)
        for unit in self.history[self.acknowledged_count :]:
            unit.acknowledged = self.record.now()
        self.acknowledged_count = len(self.history)
        return True

    def restart_from(self, state):
        """After a power cut: this is what is left, and a new connection."""
        state.apply([b"reconnect"])
        self.state = state
        self.ahead = state.copy()
        self.in_flight = []
        self.history = []
        self.acknowledged_count = 0


class Follower:
    """A client's databases after as many of its units as have to be there, going forward in time."""

    def __init__(self, history, state=None):
        self.history = history
        self.state = state or Databases()
        self.required = 0
        self.found = None  # after a match: the state that was found, as the model has it

    def advance(self, acknowledged_before):
        while self.required < len(self.history):
            unit = self.history[self.required]
            if unit.acknowledged is None or unit.acknowledged > acknowledged_before:
                break
            for command in unit.commands:
                self.state.apply(command)
            self.required += 1

    def match(self, found, point):
        """Is `found` the state after the required units and some that were sent before `point`?"""
        state = self.state.copy()
        index = self.required
        while state.data != found:
            if index == len(self.history) or self.history[index].sent > point:
                return False
            for command in self.history[index].commands:
                state.apply(command)
            index += 1
        self.found = state
        return True

    def explain(self, found, point):
        possible = sum(unit.sent <= point for unit in self.history[self.required :])
        lines = [f"  {self.required} units must be there, {possible} more may be"]
        for number, (wanted, have) in enumerate(zip(self.state.data, found)):
            lines += [
                f"  its database {number}, {key!r}: {short(wanted.get(key))} with those that must be "
                f"there, found {short(have.get(key))}"
                for key in sorted(set(wanted) | set(have))
                if wanted.get(key) != have.get(key)
            ]
        return "\n".join(lines)


# --- the load ------------------------------------------------------------------------------------


def read_all(server, models):
    """The two databases of each client, with as few round trips as can be."""
    connection = Connection(server)
    numbers = [number for model in models for number in model.databases]
    selects = {number: [b"select", b"%d" % number] for number in numbers}
    ask = [command for number in numbers for command in (selects[number], [b"keys", b"*"])]
    keys = [
        [item[1] for item in wire.parse(reply)[0][1]] for reply in connection.ask(*ask)[1::2]
    ]
    ask = []
    for number, names in zip(numbers, keys):
        ask += [selects[number], *([b"get", name] for name in names)]
    replies = iter(connection.ask(*ask))
    databases = []
    for names in keys:
        next(replies)
        databases.append({name: wire.parse(next(replies))[0][1] for name in names})
    connection.close()
    return [databases[i : i + 2] for i in range(0, len(databases), 2)]


def load(server, models, seconds, ends_cleanly):
    """Clients at work until the server is killed, or stopped, among them."""
    threads = [Load(server, model) for model in models]
    threads.append(Compactor(server))
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    if ends_cleanly:
        server.stop()
    else:
        server.kill()
    for thread in threads:
        thread.join()
    errors = [error for thread in threads[:-1] for error in thread.errors]
    if errors:
        raise ServerError(f"an error reply: {errors[0]}\n{server.read_log()}")


def restart(server, models):
    server.start()
    time.sleep(SHORT_MS_MAX / 1000)
    for model, found in zip(models, read_all(server, models)):
        if not model.settle(found):
            raise ServerError("after a restart without a power cut:\n" + model.explain(found))


class History:
    """What happened to the server besides what it noted itself."""

    def __init__(self):
        self.kills = []  # (time, {name: content} that was left)
        self.restarts = []  # when all that was found after a restart counts as durable


def record_run(server, models, record, seconds):
    """All that is recorded of one round; the last of the restarts is the final, quiet stop."""
    history = History()
    server.start()
    for ends_cleanly in (False, True):
        load(server, models, seconds, ends_cleanly)
        history.kills.append((record.now(), disks.read_directory(server.directory)))
        restart(server, models)
        history.restarts.append(record.now())
    server.stop()
    history.restarts.append(record.now())
    return history


# --- the states ----------------------------------------------------------------------------------


def choose_points(notes, end, count, rand):
    """Places of notes: the power is cut right before the note is made. Sorted; `end` is the last."""
    returns = {note.begin: note.place for note in notes if note.kind == disks.RETURNED}
    interesting = []
    for note, following in zip(notes, notes[1:]):
        if note.kind in INTERESTING:
            interesting.append(following.place)
            if note.place in returns:
                interesting.append(returns[note.place] + 1)
    chosen = {end}
    while len(chosen) < min(count, len(notes)):
        pool_is_interesting = interesting and rand.random() < 0.5
        chosen.add(rand.choice(interesting) if pool_is_interesting else rand.choice(notes).place)
    return sorted(chosen)


class Checker:
    """Starts the real server on the states of one round, and compares."""

    def __init__(self, mode, models, history, rand):
        self.mode = mode
        self.models = models
        self.history = history
        self.rand = rand
        self.followers = [Follower(model.history) for model in models]
        self.server = Server(directives=[("segment-size", "1mb"), ("appendfsync", "no")])
        shutil.rmtree(self.server.directory)
        self.server.directory = tempfile.mkdtemp(prefix="scdb-power-", dir=fast_place())
        self.counts = {}

    def close(self):
        self.server.kill()
        self.server.close()
        shutil.rmtree(self.server.directory, ignore_errors=True)

    def lay_out(self, files):
        shutil.rmtree(self.server.directory)
        os.mkdir(self.server.directory)
        for name, content in files.items():
            with open(os.path.join(self.server.directory, name), "wb") as file:
                file.write(content)
        if os.path.exists(self.server.log):
            os.remove(self.server.log)

    def look(self):
        self.server.start()
        found = read_all(self.server, self.models)
        self.server.kill()
        return found

    def required_before(self, disk, point):
        """What was acknowledged before this time has to be there after a power cut at `point`."""
        written_at = disk.log_written_at()
        restarts = self.history.restarts
        if self.mode == "always" or written_at is None or point >= restarts[-1]:
            return point
        return max([written_at - 1] + [time for time in restarts if time <= point])

    def check(self, disk, point, files):
        """What is wrong with this state, or None."""
        required = self.required_before(disk, point)
        for follower in self.followers:
            follower.advance(required)
        try:
            self.lay_out(files)
            if "MANIFEST" in files:  # else there was no store yet
                verify_store(self.server.directory)
            found = self.look()
            problem = self.compare(found, point)
            chance = self.rand.random()
            if problem is None and chance < 0.2 and self.look() != found:
                problem = "at the second start other keys or values are found"
            if problem is None and chance > 0.9:
                problem = self.check_recovery(files, found, point)
        except (ServerError, OSError, EOFError) as error:
            return str(error) or repr(error)
        return problem

    def compare(self, found, point):
        """What is wrong with what was found after a power cut at `point`, or None."""
        for number, (follower, databases) in enumerate(zip(self.followers, found)):
            if not follower.match(databases, point):
                explanation = follower.explain(databases, point)
                return f"client {number}: no prefix of its history\n{explanation}"
        return None

    def check_recovery(self, files, found, point):
        """The power is cut again while the server recovers, and when it has."""
        self.lay_out(files)
        with tempfile.TemporaryDirectory(prefix="scdb-record-", dir=fast_place()) as place:
            record = disks.Record(os.path.join(place, "notes"), RECORD_SIZE_MAX)
            self.server.environment = recorder_settings(record, self.server.directory, None)
            try:
                self.look()
                notes = list(record.notes())
                points = choose_points(notes, record.now(), RECOVERY_STATES, self.rand)
            finally:
                self.server.environment = {}
                record.close()
        for cut, disk in disks_at(notes, points, [], disks.Disk(files)):
            is_end = cut == points[-1]
            kind = "nothing" if is_end else self.rand.choice(disks.Chance.KINDS)
            self.lay_out(disk.after_power_cut(disks.Chance(self.rand, kind)))
            again = self.look()
            self.counts["recovery"] = self.counts.get("recovery", 0) + 1
            problem = self.compare(again, point)
            if problem is None and is_end and again != found:
                problem = "other keys or values than the first recovery has shown"
            if problem is not None:
                return f"then in recovery, at {cut}, leaving {kind} unsynced: {problem}"
        return None


def disks_at(notes, points, kills, disk):
    """(point, disk as of then) for each of the sorted points."""
    following = iter(notes)
    note = next(following, None)
    kills = list(kills)
    for point in points:
        while note is not None and note.place < point:
            if kills and kills[0][0] <= note.place:
                disk.settle(kills.pop(0)[1])
            disk.feed(note)
            note = next(following, None)
        yield point, disk


def count_phase(counts, disk):
    """What was going on when the power went."""
    begun = {call.kind for call, _ in disk.calls.values()} or {None}
    for kind in begun:
        name = disks.KIND_NAMES.get(kind, "between calls")
        counts[name] = counts.get(name, 0) + 1


def keep(checker, where, point, kind):
    if where:
        target = os.path.join(where, f"state-{point}-{kind.replace(' ', '-')}")
        shutil.copytree(checker.server.directory, target, dirs_exist_ok=True)
        print(f"the state, as the server has left it, is kept in {target}")


def check_states(checker, record, count, where):
    """(passed, failed) states of one round; three failures are enough."""
    notes = list(record.notes())
    points = choose_points(notes, record.now(), count, checker.rand)
    passed = failed = 0
    for point, disk in disks_at(notes, points, checker.history.kills, disks.Disk()):
        is_end = point == points[-1]
        kinds = disks.Chance.KINDS[:2] if is_end else (checker.rand.choice(disks.Chance.KINDS),)
        for kind in kinds:
            files = disk.after_power_cut(disks.Chance(checker.rand, kind))
            problem = checker.check(disk, point, files)
            count_phase(checker.counts, disk)
            passed += problem is None
            failed += problem is not None
            if problem is not None:
                print(f"a power cut at {point} that leaves {kind} unsynced: {problem}", flush=True)
                keep(checker, where, point, kind)
            if failed == 3:
                return passed, failed
    return passed, failed


def compare_with_directory(record, history, directory):
    """Has the recorder seen everything? All notes together must give the directory."""
    notes = list(record.notes())
    for _, disk in disks_at(notes, [record.now()], history.kills, disks.Disk()):
        wanted = disk.seen()
    there = disks.read_directory(directory)
    if wanted != there:
        names = [name for name in set(wanted) | set(there) if wanted.get(name) != there.get(name)]
        raise ServerError(f"the recorder has not seen all that was done to {sorted(names)}")


# --- rounds --------------------------------------------------------------------------------------


def one_round(arguments, mode, lie, rand):
    """(passed, failed) states."""
    with tempfile.TemporaryDirectory(prefix="scdb-record-", dir=fast_place()) as place:
        record = disks.Record(os.path.join(place, "notes"), RECORD_SIZE_MAX)
        models = [
            RecordedModel(i, random.Random(rand.random()), record, arguments.staged)
            for i in range(CLIENT_COUNT)
        ]
        server = Server(directives=[("appendfsync", mode), ("segment-size", "1mb")])
        server.environment = recorder_settings(record, server.directory, lie)
        checker = None
        try:
            history = record_run(server, models, record, LOAD_SECONDS[mode])
            if record.is_full():
                raise ServerError("the recorder's file is full")
            compare_with_directory(record, history, server.directory)
            checker = Checker(mode, models, history, rand)
            start = time.monotonic()
            passed, failed = check_states(checker, record, arguments.states, arguments.keep)
            phases = ", ".join(f"{name} {count}" for name, count in sorted(checker.counts.items()))
            print(
                f"    {sum(len(model.history) for model in models)} units, "
                f"{record.now() >> 20} MiB of notes; {passed + failed} states in "
                f"{time.monotonic() - start:.1f} s ({phases})",
                flush=True,
            )
            return passed, failed
        finally:
            if checker is not None:
                checker.close()
            server.kill()
            server.close()
            record.close()


def rounds_of(arguments, mode, seed):
    """(passed, failed) states of all rounds of a mode."""
    rand = random.Random(f"{seed} {mode}")
    passed = failed = 0
    for number in range(arguments.rounds):
        print(f"  {mode}, round {number + 1}", flush=True)
        try:
            good, bad = one_round(arguments, mode, arguments.lie, rand)
        except (ServerError, OSError, EOFError, ValueError) as error:
            print(str(error) or repr(error))
            good, bad = 0, 1
        passed += good
        failed += bad
        if bad:
            break
    return passed, failed


def finds_out(arguments, lie, seed):
    """Does a round fail when the disk lies? What it says of that is of no interest."""
    arguments = argparse.Namespace(**{**vars(arguments), "keep": None})
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        return one_round(arguments, "always", lie, random.Random(f"{seed} {lie}"))[1] > 0


def main():
    parser = argparse.ArgumentParser(description="power cuts of the real server")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("SCDB_ROUNDS", "1")))
    parser.add_argument("--states", type=int, default=int(os.environ.get("SCDB_STATES", "25")))
    parser.add_argument("--seed", type=int, help="default: random; timing is never repeated")
    parser.add_argument("--mode", choices=MODES, help="only this appendfsync mode")
    parser.add_argument("--lie", choices=LIES, help="a disk that pretends: must fail")
    parser.add_argument("--keep", metavar="DIRECTORY", default=os.environ.get("SCDB_KEEP"))
    add_staged(parser, STAGED_CHANCE)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # cleaning up on the way
    seed = test_program.choose_seed(arguments.seed, f"powercut.py --states {arguments.states}")
    modes = MODES if arguments.mode is None else (arguments.mode,)
    passed, failed = test_program.add_up(rounds_of(arguments, mode, seed) for mode in modes)
    for lie in LIES if arguments.mode is None and arguments.lie is None else ():
        found_out = finds_out(arguments, lie, seed)
        print(f"  syncs that only pretend ({lie}): {'found out' if found_out else 'NOT FOUND OUT'}")
        passed += found_out
        failed += not found_out
    test_program.close(passed, failed)


if __name__ == "__main__":
    main()
