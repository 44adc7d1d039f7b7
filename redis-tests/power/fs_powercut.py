#!/usr/bin/python3
"""Power cuts of a real file system under the real server; what was promised must be there.

    fs_powercut.py [--rounds N] [--seed N] [--mode always|everysec|no] [--staged CHANCE]

An ext4 file system on a loop device is shut down in the midst of load (FS_IOC_SHUTDOWN without
flushing the journal): at once nothing more reaches its disk, and what the kernel had only in
memory is lost with it, as in a power cut. Then the server is killed, the file system is mounted
again, which replays its journal, the server is started on it, and each of eight clients must find
its databases as after a prefix of its commands: with all that were acknowledged before the cut
under appendfsync always, and in the other modes with all that were acknowledged before a SAVE that
had succeeded by then. (Replies that come after the cut has begun would reach nobody; they don't
count, and must not: an fdatasync that ext4's shutdown overtakes has been seen to succeed.) Rounds
go on with the same data; some mount with data=writeback, which keeps less order.

What the loop device has taken counts as on the disk: a disk that loses its own cache is left to
powercut.py, which takes every sector that was not synced for one that may be lost.

Needs root, loop devices and mkfs.ext4; without them it says so and is skipped. Closes with
"N passed, N failed", counting rounds.
"""

import argparse
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "differential", "crash"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))

import test_program  # noqa: E402  (after the path is set)
from client_model import SHORT_MS_MAX  # noqa: E402
from kill9 import Compactor, Connection, Load, add_staged  # noqa: E402
from powercut import MODES, Follower, RecordedModel, read_all  # noqa: E402
from server import Server, ServerError  # noqa: E402

CLIENT_COUNT = 8
IMAGE_SIZE = 2 << 30  # a sparse file
LOAD_SECONDS = (0.1, 1.5)
DETACH_SECONDS_MAX = 60
SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN, _IOR('X', 125, __u32)
WITHOUT_FLUSHING = 2


class Clock:
    """Times for RecordedModel."""

    @staticmethod
    def now():
        return time.monotonic_ns()


class FileSystem:
    """ext4 in a file, on a loop device."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="scdb-fs-")
        self.image = os.path.join(self.home, "image")
        self.root = os.path.join(self.home, "root")
        os.mkdir(self.root)
        self.is_mounted = False
        self.device = None
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_SIZE)

    def make(self):
        run("mkfs.ext4", "-q", "-F", self.image)

    def mount(self, data):
        self.device = run("losetup", "--find", "--show", self.image)
        run("mount", "-t", "ext4", "-o", f"data={data}", self.device, self.root)
        self.is_mounted = True

    def unmount(self):
        """Returns when the file system is really gone: the kernel may take its time, and a mount
        meanwhile would get the one that was shut down."""
        if self.is_mounted:
            run("umount", self.root)
            self.is_mounted = False
        if self.device is not None:
            run("losetup", "--detach", self.device)
            self.device = None
        deadline = time.monotonic() + DETACH_SECONDS_MAX
        while run("losetup", "--associated", self.image):
            if time.monotonic() > deadline:
                raise OSError(f"a loop device still holds {self.image}")
            time.sleep(0.01)

    def cut_power(self):
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
        finally:
            os.close(descriptor)

    def close(self):
        self.unmount()
        shutil.rmtree(self.home, ignore_errors=True)


def run(*command):
    """Runs a program; returns what it printed."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise OSError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout.strip()


class Saver(threading.Thread):
    """Sends SAVE now and then; `saved` is when the last one that succeeded was sent."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.saved = 0

    def run(self):
        try:
            connection = Connection(self.server)
            while True:
                sent = Clock.now()
                if connection.ask([b"save"])[0] != b"+OK\r\n":
                    return
                self.saved = sent
                time.sleep(0.1)
        except (OSError, EOFError):
            pass


def load_until_cut(server, models, file_system, seconds):
    """Load, a power cut in its midst. Returns when it was cut, and when the last SAVE that had
    succeeded by then was sent."""
    loads = [Load(server, model) for model in models]
    saver = Saver(server)
    threads = [*loads, saver, Compactor(server)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    was_running = server.is_running()
    saved = saver.saved
    cut = Clock.now()
    file_system.cut_power()
    server.kill()
    for thread in threads:
        thread.join()
    if not was_running:
        raise ServerError(f"the server ended under load:\n{server.read_log()}")
    return cut, saved


def verify(server, models, bases, required):
    """What is wrong with what is left: a list of texts. The models go on from what was found."""
    time.sleep(SHORT_MS_MAX / 1000)
    problems = []
    for number, (model, base, found) in enumerate(zip(models, bases, read_all(server, models))):
        follower = Follower(model.history, base)
        follower.advance(required)
        if follower.match(found, float("inf")):
            model.restart_from(follower.found)
        else:
            explanation = follower.explain(found, float("inf"))
            problems.append(f"client {number}: no prefix of its history\n{explanation}")
    return problems


def one_round(server, models, file_system, mode, rand):
    """Mounted, load, power cut, mounted again, verified: a list of problems."""
    server.start()
    bases = [model.state.copy() for model in models]
    cut, saved = load_until_cut(server, models, file_system, rand.uniform(*LOAD_SECONDS))
    file_system.unmount()
    file_system.mount(rand.choice(("ordered", "writeback")))
    units = [len(model.history) for model in models]
    acknowledged = sum(model.acknowledged_count for model in models)
    server.start()
    problems = verify(server, models, bases, cut if mode == "always" else saved)
    server.stop()
    print(f"    {sum(units)} units sent, {acknowledged} acknowledged", flush=True)
    return problems


def rounds_of(arguments, mode, rand):
    """(passed, failed) rounds of one mode."""
    models = [
        RecordedModel(i, random.Random(rand.random()), Clock, arguments.staged)
        for i in range(CLIENT_COUNT)
    ]
    file_system = FileSystem()
    server = Server(directives=[("appendfsync", mode), ("segment-size", "1mb")])
    server.directory = os.path.join(file_system.root, "data")
    passed = 0
    try:
        file_system.make()
        file_system.mount("ordered")
        os.mkdir(server.directory)
        while passed < arguments.rounds:
            print(f"  {mode}, round {passed + 1}", flush=True)
            problems = one_round(server, models, file_system, mode, rand)
            if problems:
                print("\n".join(problems) + f"\nthe server's log:\n{server.read_log()}", flush=True)
                return passed, 1
            passed += 1
        return passed, 0
    except (ServerError, OSError, EOFError) as error:
        print(str(error) or repr(error), flush=True)
        return passed, 1
    finally:
        server.kill()
        server.close()
        file_system.close()


def what_is_missing():
    """Why power can't be cut here, or None."""
    if os.geteuid() != 0:
        return "only root may mount and shut down a file system"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is not installed (e2fsprogs)"
    file_system = FileSystem()
    try:
        file_system.make()
        file_system.mount("ordered")
        file_system.cut_power()
    except OSError as error:
        return str(error)
    finally:
        file_system.close()
    return None


def main():
    parser = argparse.ArgumentParser(description="power cuts of ext4 under the real server")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("SCDB_ROUNDS", "3")))
    parser.add_argument("--seed", type=int, help="default: random; timing is never repeated")
    parser.add_argument("--mode", choices=MODES, help="only this appendfsync mode")
    add_staged(parser)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # cleaning up on the way
    missing = what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        test_program.close(0, 0, 1)
    seed = test_program.choose_seed(arguments.seed, f"fs_powercut.py --rounds {arguments.rounds}")
    modes = MODES if arguments.mode is None else (arguments.mode,)
    counts = (rounds_of(arguments, mode, random.Random(f"{seed} {mode}")) for mode in modes)
    test_program.close(*test_program.add_up(counts))


if __name__ == "__main__":
    main()
