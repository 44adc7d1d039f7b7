"""A connection that can tell when it has been told everything."""


class MarkerClient:
    """The reply to a marker of its own comes behind all pushes that were on their way. A marker is
    an unknown command, which is an error in every state."""

    def __init__(self, server):
        self.socket = server.connect()
        self.socket.settimeout(20)
        self.markers = 0
        self.rest = b""  # what came behind the last marker

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def listen(self):
        """All bytes up to the reply to a marker; "(closed)" at the end says that none came."""
        return self.ask()

    def ask(self, *lines):
        """The same, behind lines that are sent with the marker."""
        self.markers += 1
        marker = "marker%d" % self.markers
        self.socket.sendall("".join(line + "\r\n" for line in (*lines, marker)).encode())
        end = b"-ERR unknown command '%s', with args beginning with: \r\n" % marker.encode()
        data = self.rest
        while end not in data:
            piece = self.socket.recv(65536)
            if not piece:
                return data + b"(closed)"
            data += piece
        data, self.rest = data.split(end, 1)
        return data

    def close(self):
        self.socket.close()
