"""Runs one file of Redis's own tests in one of two ways and says what became of each test.

external: the harness talks to a server that we have started, and start anew where a test restarts it.
It leaves out what is tagged external:skip. spawned: the harness starts servers itself, as src/redis-server, which here is a
link to the server under test.

Every run works on a copy of the sources of its own (patches.py is applied to it) and on ports that
no other run on this machine has, so that runs may go side by side.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

import patches  # noqa: E402  (after the path is set)
from control import Control  # noqa: E402
from server import Server, ServerError, scdb_path  # noqa: E402,F401

MODES = ("external", "spawned")
PORTS_EACH = 100

# With several workers, as on larger machines, so that threads meet. But this file asks one connection what
# has become of another to which it has just written: one worker sees the two in that order.
THREADS = {"unit/client-eviction": 1}
THREADS_DEFAULT = 3
RUNNING = set()  # process groups of harnesses, with the servers that they have started
LINE = re.compile(r"^\[(ok|err|skip|ignore|exception|TIMEOUT)\]: (.*)$")


class Outcome:
    """What one file came to. `passed`, `failed`, `listed` (on our list), `tagged` (left out by the
    harness because of a tag) are names, as often as the harness told them."""

    def __init__(self):
        self.passed, self.failed, self.listed, self.tagged = [], [], [], []
        self.seconds = 0.0
        self.problem = None  # why the file was not gone through to its end

    def read(self, output):
        is_done = False
        for line in output.splitlines():
            found = LINE.match(line)
            if re.match(r"^\[\d+/\d+ done\]: ", line):
                is_done = True
            if found:
                self._note(found.group(1), found.group(2))
        if not is_done and not self.problem:
            self.problem = "the harness ended before the file did"

    def _note(self, word, text):
        if word == "ok":
            self.passed.append(re.sub(r" \(\d+ ms\)$", "", text))
        elif word == "err":
            self.failed.append(re.sub(r" in tests/\S+\.tcl$", "", text))
        elif word == "skip":
            self.listed.append(text)
        elif word == "ignore":
            self.tagged.append(text)
        elif word == "TIMEOUT":
            self.problem = "no progress for too long"
        else:
            self.problem = "the harness gave up: " + text


class PortRange:
    """PORTS_EACH ports for one harness. The range is taken by holding the port below it; one in which a
    server listens that was left behind is not."""

    def is_free(self, base):
        for port in range(base, base + PORTS_EACH):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return False
        return True

    def __enter__(self):
        for base in range(20000 + 40 * (os.getpid() % 8), 31000, PORTS_EACH + 50):
            self.guard = socket.socket()
            try:
                self.guard.bind(("127.0.0.1", base - 33))
                self.guard.listen(1)
                if self.is_free(base):
                    return base
            except OSError:
                pass
            self.guard.close()
        raise RuntimeError("no free range of ports between 20000 and 31000")

    def __exit__(self, kind, value, trace):
        self.guard.close()


def copy_sources(sources, target):
    """What the harness needs of the unpacked source package, patched, with the programs it runs."""
    os.makedirs(os.path.join(target, "src"))
    shutil.copytree(os.path.join(sources, "tests"), os.path.join(target, "tests"))
    for name in ("runtest", "redis.conf"):
        shutil.copy(os.path.join(sources, name), target)
    for program in ("redis-cli", "redis-benchmark"):
        os.symlink(shutil.which(program), os.path.join(target, "src", program))
    os.symlink(os.path.abspath(scdb_path()), os.path.join(target, "src", "redis-server"))
    patches.apply(target)


def stop_all():
    """For a run that is ended from outside."""
    for group in list(RUNNING):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass


def run_harness(folder, arguments, seconds_max, environment=None):
    """(output, problem or None). Whatever the harness has started ends with it."""
    with PortRange() as base, tempfile.TemporaryFile() as output:
        command = ["./runtest", "--durable", "--baseport", str(base), "--portcount", str(PORTS_EACH)]
        process = subprocess.Popen(
            command + arguments + ["--clients", "1", "--timeout", str(max(10, seconds_max - 20))],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {}), "TERM": "dumb"},
        )
        problem = None
        RUNNING.add(process.pid)
        try:
            process.wait(timeout=seconds_max)
        except subprocess.TimeoutExpired:
            problem = f"not done after {seconds_max} s"
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            RUNNING.discard(process.pid)
        output.seek(0)
        return output.read().decode("utf-8", "backslashreplace"), problem


def run_external(folder, arguments, seconds_max):
    """run_harness() with a server of ours."""
    directives = [("enable-debug-command", "yes"), ("enable-protected-configs", "yes")]
    with Server(directives=directives) as server:
        control = Control(server, on_restarted=lambda: RUNNING.add(server.pid))
        control.start()
        RUNNING.add(server.pid)
        arguments = arguments + ["--host", server.host, "--port", str(server.port)]
        output, problem = run_harness(folder, arguments, seconds_max, control.environment())
        RUNNING.discard(server.pid)
    return output, str(control.problem) if control.problem else problem


def run_file(sources, file, mode, skips, seconds_max):
    """(Outcome, output) of one file in one mode. `skips`: names of tests that are not to be run, or
    patterns that begin with '/'."""
    folder = tempfile.mkdtemp(prefix="run-", dir=os.path.dirname(sources))
    try:
        work = os.path.join(folder, "redis")
        copy_sources(sources, work)
        skip_file = os.path.join(folder, "skips")
        with open(skip_file, "w", encoding="utf-8") as listed:
            listed.write("\n".join(skips) + "\n")
        arguments = ["--single", file, "--skipfile", skip_file, "--tags", "-needs:repl"]
        if mode == "external":
            output, problem = run_external(work, arguments, seconds_max)
        else:
            if "redis" not in os.path.basename(scdb_path()):
                arguments += ["--config", "threads", str(THREADS.get(file, THREADS_DEFAULT))]
            output, problem = run_harness(work, arguments, seconds_max)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    outcome = Outcome()
    outcome.problem = problem
    outcome.read(output)
    return outcome, output
