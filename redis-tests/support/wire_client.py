"""A client for tests that compare bytes: commands out, replies as they came over the wire."""

import select


def encode(*words):
    """The bytes of one."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


class Client:
    """A connection that speaks RESP and keeps replies as bytes of the wire."""

    def __init__(self, server):
        self.socket = server.connect(timeout=120)
        self.received = b""
        name = self.socket.getsockname()  # of a Unix socket a text
        self.address = "%s:%d" % name if isinstance(name, tuple) else name

    def send(self, *words):
        self.socket.sendall(encode(*words))

    def _fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.received += data

    def _take(self, size):
        while len(self.received) < size:
            self._fill()
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def _line(self):
        while b"\r\n" not in self.received:
            self._fill()
        return self._take(self.received.index(b"\r\n") + 2)

    def discard(self, size):
        """Reads so many bytes, wherever in a reply they end."""
        self._take(size)

    def read(self):
        line = self._line()
        count = int(line[1:]) if line[:1] in b"$=*~%>" else 0
        if line[:1] in b"$=":
            return line + (self._take(count + 2) if count >= 0 else b"")
        return line + b"".join(self.read() for _ in range(count * (2 if line[:1] == b"%" else 1)))

    def ask(self, *command):
        self.send(*command)
        return self.read()

    def id(self):
        return int(self.ask("CLIENT", "ID")[1:])

    def is_closed(self):
        try:
            return self.socket.recv(1) == b""
        except OSError:
            return True

    def has_answer(self, seconds=0.0):
        return bool(self.received) or bool(select.select([self.socket], [], [], seconds)[0])

    def close(self):
        self.socket.close()
