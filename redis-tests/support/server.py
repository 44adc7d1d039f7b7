"""Starts and stops a server for a test: a free port, a directory of its own, stopped by its pid.

SCDB_SERVER names the program to test (default: build/scdb-server). Any redis-server works as well,
which is how the tests themselves are tested.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60


class ServerError(Exception):
    """The server did not start, or ended when it should not have; the text holds its log."""


def scdb_path():
    return os.environ.get("SCDB_SERVER") or os.path.join(ROOT, "build", "scdb-server")


def check_path():
    return os.environ.get("SCDB_CHECK") or os.path.join(os.path.dirname(scdb_path()), "scdb-check")


def verify_store(directory):
    """ServerError unless scdb-check finds a store sound that no server has open now: a kill or a
    power cut is no damage."""
    done = subprocess.run([check_path(), "verify", directory], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerError(f"scdb-check verify ends with {done.returncode}:\n{done.stdout}{done.stderr}")


def redis_path(directory):
    """A redis-server to compare with: the installed one, or a link in `directory` to
    redis-check-rdb, which is the same program and goes by the name that it is called by."""
    found = shutil.which("redis-server")
    if found:
        return found
    check = shutil.which("redis-check-rdb")
    if not check:
        raise ServerError("neither redis-server nor redis-check-rdb is installed")
    link = os.path.join(directory, "redis-server")
    if not os.path.exists(link):
        os.symlink(check, link)
    return link


def free_port():
    """One below those that the kernel gives out by itself (from 32768 on): while a server is down
    for a restart, neither another program's connection nor its bind to port 0 may take its port,
    and no client of the server's may be given it as its own and be connected to itself."""
    for _ in range(1000):
        port = random.randint(10000, 32767)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise ServerError("no port between 10000 and 32767 is free")


class Server:
    """One server process. Use as a context manager, or call start() and close()."""

    def __init__(self, path=None, directives=(), reference=False):
        """`directives`: pairs of name and value. `reference`: a real redis-server."""
        self.home = tempfile.mkdtemp(prefix="scdb-test-")
        self.path = path or (redis_path(self.home) if reference else scdb_path())
        self.is_redis = "redis-server" in os.path.basename(self.path)
        self.directory = os.path.join(self.home, "data")
        os.mkdir(self.directory)
        self.log = os.path.join(self.home, "log")
        self.socket_path = os.path.join(self.home, "socket")
        self.directives = list(directives)
        self.configuration = None  # a file to read before them
        self.environment = {}  # for the server, besides ours
        self.host = "127.0.0.1"
        self.port = None
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def start(self):
        """Starts, or starts again on the same data; returns once PING is answered. The port is
        chosen anew: another program may have taken it in between, so a few are tried."""
        for attempt in range(5):
            self.port = free_port()
            self._spawn()
            if self._wait_until_up():
                return
            if attempt == 4 or "in use" not in self.read_log():
                break
        raise ServerError(f"{self.path} did not start:\n{self.read_log()}")

    def restart(self, how="stop"):
        """Ends the server, cleanly ("stop") or with kill -9 ("kill"), and starts it again on the
        same data and the same port, so that clients find it where it was."""
        self.kill() if how == "kill" else self.stop()
        self._spawn()
        if not self._wait_until_up():
            raise ServerError(f"{self.path} did not start again:\n{self.read_log()}")

    def _spawn(self):
        command = [self.path] + ([self.configuration] if self.configuration else [])
        command += ["--port", str(self.port), "--dir", self.directory]
        command += ["--bind", self.host, "--unixsocket", self.socket_path]
        command += ["--save", ""]  # FLUSHALL, with which most tests begin, need not wait for the disk
        if self.is_redis:
            command += ["--appendonly", "yes"]
        else:
            # Also on small machines, where the default is one worker, so that threads meet.
            command += ["--threads", "3"]
        for name, value in self.directives:
            command += ["--" + name, str(value)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )

    def _wait_until_up(self):
        """Asks on the Unix socket, which is opened last: on the port another server might answer."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(5)
                    connection.connect(self.socket_path)
                    connection.sendall(b"PING\r\n")
                    answer = connection.recv(64)
                if answer.startswith((b"+PONG", b"-NOAUTH")):
                    return True
            except OSError:
                pass
            time.sleep(0.002)
        self.kill()
        return False

    def connect(self, timeout=60):
        """A raw TCP connection."""
        connection = socket.create_connection((self.host, self.port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9; returns when the process is gone."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """A clean stop; ServerError when it ends with anything but 0 (a sanitizer's finding)."""
        if not self.process:
            return
        ended_before = self.process.poll() is not None
        if not ended_before:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            code = f"not within {STOP_SECONDS_MAX} s of SIGTERM"
        self.process = None
        if code != 0:
            when = "by itself" if ended_before else "on SIGTERM"
            raise ServerError(f"the server ended {when}: {code}\n{self.read_log()}")

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    def read_log(self):
        """The end of what the server has said."""
        try:
            with open(self.log, "rb") as log:
                return log.read()[-20000:].decode("utf-8", "backslashreplace")
        except OSError:
            return ""
