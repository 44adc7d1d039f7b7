"""A server that a test may have started anew: the test runs restart_server, which asks Control."""

import os
import socket
import threading

from server import ServerError

RESTART = os.path.join(os.path.dirname(os.path.abspath(__file__)), "restart_server")


class Control(threading.Thread):
    """Does what restart_server asks for over a Unix socket, one request after the other."""

    def __init__(self, server, on_restarted=lambda: None):
        """`on_restarted` is called when the server is another process."""
        super().__init__(daemon=True)
        self.server = server
        self.on_restarted = on_restarted
        self.path = os.path.join(server.home, "control")
        self.problem = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                how = connection.makefile().readline().strip()
                try:
                    self.server.restart(how)
                    self.on_restarted()
                except ServerError as error:
                    self.problem = error
                connection.sendall(b"failed\n" if self.problem else b"done\n")

    def environment(self):
        """What restart_server has to find."""
        return {"SCDB_CONTROL": self.path, "SCDB_RESTART": RESTART}
