"""What DUMP returns, made and read without the servers' help: strings only."""

POLYNOMIAL = 0x95AC9329AC4BC9B5


def table():
    rows = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ POLYNOMIAL if byte & 1 else byte >> 1
        rows.append(byte)
    return rows


TABLE = table()

# "a", and back to it 44 times.
LZF_OF_A = b"\xc3\x05\x2d\x00a\xe0\x23\x00"


def crc64(data):
    crc = 0
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def length(size, wide=False):
    """A length in as few bytes as it takes, or in five."""
    if wide:
        return b"\x80" + size.to_bytes(4, "big")
    return bytes([size]) if size < 64 else (0x4000 | size).to_bytes(2, "big")


def seal(payload, version=10):
    payload += version.to_bytes(2, "little")
    return payload + crc64(payload).to_bytes(8, "little")


def take_length(data, at):
    first = data[at]
    if first < 0x40:
        return first, at + 1
    if first < 0x80:
        return (first & 0x3F) << 8 | data[at + 1], at + 2
    size = 4 if first == 0x80 else 8
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def unpack(data):
    """LZF: runs of literal bytes, and references to what came before."""
    out = bytearray()
    at = 0
    while at < len(data):
        control = data[at]
        at += 1
        if control < 32:
            out += data[at : at + control + 1]
            at += control + 1
            continue
        size = control >> 5
        if size == 7:
            size += data[at]
            at += 1
        back = (control & 0x1F) << 8 | data[at]
        at += 1
        for _ in range(size + 2):
            out.append(out[-back - 1])
    return bytes(out)


def string_of(dump):
    """The string in a dump; None: it is damaged or none."""
    if len(dump) < 12 or dump[0] != 0 or crc64(dump[:-8]) != int.from_bytes(dump[-8:], "little"):
        return None
    form = dump[1]
    if form in (0xC0, 0xC1, 0xC2):
        size = (1, 2, 4)[form - 0xC0]
        return b"%d" % int.from_bytes(dump[2 : 2 + size], "little", signed=True)
    if form == 0xC3:
        packed, at = take_length(dump, 2)
        size, at = take_length(dump, at)
        text = unpack(dump[at : at + packed])
        return text if len(text) == size else None
    size, at = take_length(dump, 1)
    return dump[at : at + size]
