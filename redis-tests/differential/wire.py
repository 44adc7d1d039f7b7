"""RESP2 and RESP3 on the wire: where a reply ends, what it holds, how to show it.

Replies stay bytes for as long as they can: two that are equal byte for byte need no look inside.
"""

SIMPLE = b"+-:_,#("
BULK = b"$=!"
NESTED = b"*~>%|"


class ProtocolError(Exception):
    """Bytes that no server should send."""


def reply_end(data, start):
    """Where the reply that begins at `start` ends; -1 when it is not all there."""
    newline = data.find(b"\r\n", start)
    if newline < 0:
        return -1
    kind = data[start : start + 1]
    if kind in SIMPLE:
        return newline + 2
    try:
        size = int(data[start + 1 : newline])
    except ValueError as error:
        raise ProtocolError(f"no length: {bytes(data[start:newline])!r}") from error
    end = newline + 2
    if kind in BULK:
        if size < 0:
            return end
        end += size + 2
        return end if end <= len(data) else -1
    if kind in NESTED:
        for _ in range(size * 2 if kind in b"%|" else size):
            end = reply_end(data, end)
            if end < 0:
                return -1
        return end
    raise ProtocolError(f"no reply begins like this: {bytes(data[start : start + 20])!r}")


def parse(data, start=0):
    """(reply, its end). A reply is (kind, content): content is bytes, None, or a list."""
    newline = data.index(b"\r\n", start)
    kind = data[start : start + 1]
    line = data[start + 1 : newline]
    end = newline + 2
    if kind in SIMPLE:
        return (kind, line), end
    size = int(line)
    if size < 0:
        return (kind, None), end
    if kind in BULK:
        return (kind, data[end : end + size]), end + size + 2
    items = []
    for _ in range(size * 2 if kind in b"%|" else size):
        item, end = parse(data, end)
        items.append(item)
    return (kind, items), end


def encode(arguments):
    """A command as clients send it."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)


def show(data, size_max=300):
    """Bytes as Python would write them, cut when long."""
    data = bytes(data)
    if len(data) <= size_max:
        return repr(data)
    return f"{data[:size_max]!r}... ({len(data)} bytes)"


def show_command(arguments):
    return " ".join(show(argument)[1:] for argument in arguments)
