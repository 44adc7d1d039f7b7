"""What a power cut may leave of a directory, from the notes of tests/power/recorder.c.

The rules are those of docs/durability.md, section 1, and of the simulated disk of the C tests:

1. A write reaches the disk sector by sector (512 bytes), each whole or not, in any order, unless a
   sync of the file that began after the write had returned has itself returned. A sector written
   several times may be there in any of its versions.
2. A file's length reaches the disk apart from its data; bytes within it that did not reach the disk
   are zero. A file that was cut short is so on the disk, or nothing that came after it in the file.
3. Names (created, renamed, removed) reach the disk when the directory has been synced, before that
   perhaps: each change or not, but none without those before it that concern one of its names.
4. A call that has begun and not returned may have had its effect, or not, or a part of it.

One thread.
"""

import mmap
import os
import struct
import sys

sys.dont_write_bytecode = True

SECTOR_SIZE = 512
HEADER_SIZE = 4096
NOTE = struct.Struct("<QIIqqQQQ")
AT_THE_END = (1 << 64) - 1

# enum kind of recorder.c
RETURNED, OPEN, CLOSE, WRITE, TRUNCATE, ALLOCATE, SYNC, SYNC_DIRECTORY, RENAME, REMOVE, LINK = range(1, 12)
KIND_NAMES = {
    RETURNED: "return",
    OPEN: "open",
    CLOSE: "close",
    WRITE: "write",
    TRUNCATE: "truncate",
    ALLOCATE: "reserve",
    SYNC: "sync",
    SYNC_DIRECTORY: "sync directory",
    RENAME: "rename",
    REMOVE: "remove",
    LINK: "link",
}


class Note:
    """One note; `place` is its time."""

    __slots__ = ("place", "kind", "process", "descriptor", "result", "begin", "offset", "payload")

    def __init__(self, place, fields, payload):
        self.place = place
        _, self.kind, self.process, self.descriptor, self.result, self.begin, self.offset, _ = fields
        self.payload = payload

    def names(self):
        first, second, _ = self.payload.split(b"\0", 2)
        return first.decode(), second.decode()


class Record:
    """The file that the recorder notes into: made by us, read while it grows and afterwards."""

    def __init__(self, path, size_max):
        self.path = path
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, size_max)
            self.memory = mmap.mmap(descriptor, size_max)
        finally:
            os.close(descriptor)
        struct.pack_into("<Q", self.memory, 0, HEADER_SIZE)

    def now(self):
        """The time: all that was noted lies before it."""
        return struct.unpack_from("<Q", self.memory, 0)[0]

    def is_full(self):
        return struct.unpack_from("<Q", self.memory, 8)[0] != 0

    def notes(self):
        """All notes up to now, in order."""
        place = HEADER_SIZE
        end = self.now()
        while place < end:
            fields = NOTE.unpack_from(self.memory, place)
            start = place + NOTE.size
            yield Note(place, fields, self.memory[start : start + fields[7]])
            place += fields[0]

    def close(self):
        self.memory.close()
        os.unlink(self.path)


def read_directory(path):
    """{name: content} of what lies there now."""
    there = {}
    for name in os.listdir(path):
        with open(os.path.join(path, name), "rb") as file:
            there[name] = file.read()
    return there


class Change:
    """A change of a file that no sync has covered yet. `end`: when the call returned, or None."""

    __slots__ = ("kind", "offset", "data", "begin", "end")

    def __init__(self, kind, offset, data, begin):
        self.kind = kind
        self.offset = offset
        self.data = data
        self.begin = begin
        self.end = None

    def apply(self, content):
        """To what a process sees, a bytearray."""
        if self.kind == TRUNCATE:
            del content[self.offset :]
        if self.kind in (TRUNCATE, ALLOCATE):
            content.extend(bytes(max(0, self.offset - len(content))))
        else:
            content.extend(bytes(max(0, self.offset - len(content))))
            content[self.offset : self.offset + len(self.data)] = self.data


class Chance:
    """How much of what was not synced is on the disk: of the sectors of a file, and of the names."""

    def __init__(self, rand, kind):
        self.rand = rand
        self.kind = kind
        self.share = {"nothing": 0.0, "everything": 1.0}.get(kind)

    KINDS = ("nothing", "everything", "few", "half", "most", "mixed", "in order")

    def share_for_file(self):
        if self.share is not None:
            return self.share
        if self.kind in ("mixed", "in order"):
            return self.rand.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        return {"few": 0.1, "half": 0.5, "most": 0.9}[self.kind]


class Inode:
    """A file, whatever its names."""

    def __init__(self, content=b""):
        self.durable = bytearray(content)
        self.pending = []

    def covered(self, before):
        """A sync that began at `before` has succeeded."""
        rest = []
        for change in self.pending:
            if change.end is not None and change.end < before:
                change.apply(self.durable)
            else:
                rest.append(change)
        self.pending = rest

    def seen(self):
        """What a process sees."""
        content = bytearray(self.durable)
        for change in self.pending:
            change.apply(content)
        return content

    def after_power_cut(self, chance):
        count = len(self.pending)
        share = chance.share_for_file()
        if share == 1.0:
            return self.seen()
        if share == 0.0 or count == 0:
            return bytearray(self.durable)
        rand = chance.rand
        if chance.kind == "in order":
            content = bytearray(self.durable)
            for change in self.pending[: rand.randint(0, count)]:
                change.apply(content)
            return content
        return self._torn(share, rand.randint(0, count), rand)

    def _torn(self, share, length_changes, rand):
        """Of each sector any version; the length as after `length_changes` of the changes."""
        content = bytearray(self.durable)
        length = len(content)
        stopped = set()  # sectors that stay as they are: later versions did not reach the disk
        for index, change in enumerate(self.pending):
            has_length = index < length_changes
            if change.kind == TRUNCATE and not has_length:
                break
            if change.kind == TRUNCATE:
                change.apply(content)
                length = change.offset
            elif change.kind == ALLOCATE:
                length = max(length, change.offset) if has_length else length
            else:
                self._write_sectors(content, change, stopped, (share, rand))
                length = max(length, change.offset + len(change.data)) if has_length else length
        del content[length:]
        content.extend(bytes(length - len(content)))
        return content

    @staticmethod
    def _write_sectors(content, change, stopped, odds):
        share, rand = odds
        offset = change.offset
        end = offset + len(change.data)
        content.extend(bytes(max(0, end - len(content))))
        while offset < end:
            sector = offset // SECTOR_SIZE
            stop = min(end, (sector + 1) * SECTOR_SIZE)
            if sector not in stopped:
                if rand.random() < share:
                    content[offset:stop] = change.data[offset - change.offset : stop - change.offset]
                else:
                    stopped.add(sector)
            offset = stop


class NameChange:
    """A change of names that no sync of the directory has covered yet."""

    __slots__ = ("kind", "first", "second", "inode", "end")

    def __init__(self, kind, first, second, inode=None):
        self.kind = kind
        self.first = first
        self.second = second
        self.inode = inode
        self.end = None

    def apply(self, names):
        if self.kind == OPEN:
            names[self.first] = self.inode
        elif self.kind == REMOVE:
            names.pop(self.first, None)
        elif self.first in names and self.kind == RENAME:
            names[self.second] = names.pop(self.first)
        elif self.first in names:
            names[self.second] = names[self.first]

    def concerns(self):
        return {self.first, self.second} - {""}


class Disk:
    """The directory at one time: feed notes, then ask what a power cut may leave."""

    def __init__(self, files=None):
        """`files`: {name: content}, all durable; default: empty."""
        self.names = {name: Inode(content) for name, content in (files or {}).items()}
        self.durable_names = dict(self.names)  # `names` are as a process sees them
        self.pending_names = []
        self.descriptors = {}
        self.calls = {}  # begun and not returned: place -> what to do at the return
        self.failed_syncs = 0

    def feed(self, note):
        handler = {
            RETURNED: self._returned,
            CLOSE: self._closed,
            WRITE: self._changing,
            TRUNCATE: self._changing,
            ALLOCATE: self._changing,
            RENAME: self._naming,
            REMOVE: self._naming,
            LINK: self._naming,
        }.get(note.kind, self._begun)
        handler(note)

    def _begun(self, note):
        self.calls[note.place] = (note, None)

    def _closed(self, note):
        self.descriptors.pop((note.process, note.descriptor), None)

    def _changing(self, note):
        inode = self.descriptors[note.process, note.descriptor]
        offset = note.offset
        if offset == AT_THE_END:
            offset = len(inode.seen())
        change = Change(note.kind, offset, note.payload, note.place)
        inode.pending.append(change)
        self.calls[note.place] = (note, change)

    def _naming(self, note):
        change = NameChange(note.kind, *note.names())
        self.pending_names.append(change)
        self.calls[note.place] = (note, change)

    def _returned(self, note):
        call, change = self.calls.pop(note.begin)
        if call.kind == OPEN:
            self._opened(call, note)
        elif call.kind == SYNC:
            if note.result == 0:
                self.descriptors[call.process, call.descriptor].covered(call.place)
            self.failed_syncs += note.result != 0
        elif call.kind == SYNC_DIRECTORY:
            if note.result == 0:
                self._names_covered(call.place)
            self.failed_syncs += note.result != 0
        elif isinstance(change, NameChange):
            if note.result == 0:
                change.apply(self.names)
                change.end = note.place
            else:
                self.pending_names.remove(change)
        else:
            self._changed(call, change, note)

    def _changed(self, call, change, note):
        if note.result < 0:
            self.descriptors[call.process, call.descriptor].pending.remove(change)
            return
        if call.kind == WRITE:
            change.data = change.data[: note.result]
        change.end = note.place

    def _opened(self, call, note):
        if note.result < 0:
            return
        name, _ = call.names()
        inode = self.names.get(name)
        if inode is None:
            inode = self._create(name, note.place)
        elif call.result & os.O_TRUNC:
            cut = Change(TRUNCATE, 0, b"", call.place)
            cut.end = note.place
            inode.pending.append(cut)
        self.descriptors[call.process, note.result] = inode

    def _create(self, name, place):
        inode = Inode()
        self.names[name] = inode
        created = NameChange(OPEN, name, "", inode)
        created.end = place
        self.pending_names.append(created)
        return inode

    def _names_covered(self, before):
        rest = []
        for change in self.pending_names:
            if change.end is not None and change.end < before:
                change.apply(self.durable_names)
            else:
                rest.append(change)
        self.pending_names = rest

    def settle(self, there):
        """The process was killed, and left {name: content}: so the calls that had not returned have
        had their effect, a part of it, or none."""
        for call, change in list(self.calls.values()):
            if isinstance(change, NameChange):
                self._settle_name(change, there, call.place)
            elif change is not None:
                self._settle_content(call, change, there)
            elif call.kind == OPEN:
                name, _ = call.names()
                if name in there and name not in self.names:
                    self._create(name, call.place)
        self.calls = {}
        self.descriptors = {}
        if self.seen() != there:
            raise ValueError("the recorder has not seen all that was done before the kill")

    def _settle_name(self, change, there, place):
        has_happened = change.second in there if change.kind == LINK else change.first not in there
        if not has_happened:
            self.pending_names.remove(change)
        else:
            change.apply(self.names)
            change.end = place

    def _settle_content(self, call, change, there):
        inode = self.descriptors[call.process, call.descriptor]
        content = next((there[name] for name, other in self.names.items() if other is inode), None)
        change.end = call.place
        if content is None:
            return  # it has no name any more
        if change.kind == WRITE:
            found = content[change.offset : change.offset + len(change.data)]
            change.data = change.data[: len(os.path.commonprefix([bytes(found), change.data]))]
        has_happened = {
            WRITE: len(change.data) > 0,
            TRUNCATE: len(content) == change.offset,
            ALLOCATE: len(content) >= change.offset,
        }[change.kind]
        if not has_happened:
            inode.pending.remove(change)

    def log_written_at(self):
        """The earliest time at which a write to the log returned that no sync has covered; None
        when all are covered."""
        ends = [
            change.end
            for name, inode in self.names.items()
            if name.endswith(".log")
            for change in inode.pending
            if change.kind == WRITE and change.end is not None
        ]
        return min(ends, default=None)

    def seen(self):
        """{name: content} as a process sees it."""
        return {name: inode.seen() for name, inode in self.names.items()}

    def after_power_cut(self, chance):
        """{name: content} as a power cut may leave it."""
        names = dict(self.durable_names)
        share = chance.share_for_file()
        lost = set()
        for change in self.pending_names:
            concerns = change.concerns()
            if lost & concerns or chance.rand.random() >= share:
                lost |= concerns
            else:
                change.apply(names)
        return {name: inode.after_power_cut(chance) for name, inode in names.items()}
