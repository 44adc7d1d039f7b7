"""One client of the kill -9 test: what it sends, and what its two databases must hold then.

A client's commands take effect in the order it sent them, each as a whole. So after a crash its
databases must look as after some prefix of what it sent, at least as long as what was acknowledged.
The client keeps the state at the last acknowledgement and the commands in flight behind it.
"""

import sys

sys.dont_write_bytecode = True

KEY_COUNT = 12
SHORT_KEY_COUNT = 3  # keys of their own, as their values come and go by the clock
SHORT_MS_MAX = 20  # who looks after a crash waits for as long
VALUE_SIZES = (0, 3, 10, 100, 100, 1000, 5000)
LARGE_SIZES = (70000, 300000, 1200000)
STAGED_SIZES = (4 << 20, 6 << 20, 8 << 20)  # written ahead of their commands
STAGED_CHANCE = 0.001  # that a command puts one


class Databases:
    """The two databases of a client: what Redis's commands make of them."""

    def __init__(self):
        self.data = [{}, {}]
        self.selected = 0

    def copy(self):
        other = Databases()
        other.data = [dict(database) for database in self.data]
        other.selected = self.selected
        return other

    @property
    def here(self):
        return self.data[self.selected]

    def apply(self, command):
        getattr(self, "do_" + command[0].decode())(*command[1:])

    def do_set(self, key, value):
        self.here[key] = value

    def do_mset(self, *pairs):
        for key, value in zip(pairs[::2], pairs[1::2]):
            self.here[key] = value

    def do_getset(self, key, value):
        self.do_set(key, value)

    def do_del(self, *keys):
        for key in keys:
            self.here.pop(key, None)

    def do_getdel(self, key):
        self.here.pop(key, None)

    def do_append(self, key, value):
        self.here[key] = self.here.get(key, b"") + value

    def do_setrange(self, key, offset, value):
        old = self.here.get(key, b"").ljust(int(offset), b"\x00")
        self.here[key] = old[: int(offset)] + value + old[int(offset) + len(value) :]

    def do_rename(self, source, target):
        self.here[target] = self.here.pop(source)

    def do_copy(self, source, target, _replace):
        self.here[target] = self.here[source]

    def do_incr(self, key):
        self.here[key] = b"%d" % (int(self.here.get(key, b"0")) + 1)

    def do_move(self, key, _database):
        other = self.data[1 - self.selected]
        if key in self.here and key not in other:
            other[key] = self.here.pop(key)

    def do_swapdb(self, _a, _b):
        self.data.reverse()

    def do_flushdb(self):
        self.here.clear()

    def do_select(self, _database):
        self.selected = 1 - self.selected

    def do_psetex(self, key, _milliseconds, _value):
        """Soon over: by the time anybody looks, the key is gone, and what it hid stays so."""
        self.here.pop(key, None)

    def do_reconnect(self):
        """Not a command: a new connection begins with the client's first database."""
        self.selected = 0

    def do_expire(self, _key, _seconds):
        """Far away: it must not remove the key, nor must the crash."""


class ClientModel:
    """Chooses commands that fit the state and never make an error."""

    def __init__(self, index, random, staged_chance=STAGED_CHANCE):
        self.staged_chance = staged_chance
        self.databases = (2 * index, 2 * index + 1)
        self.random = random
        self.keys = [b"key:%d" % number for number in range(KEY_COUNT)]
        self.state = Databases()  # when everything acknowledged has been applied
        self.ahead = self.state.copy()  # when everything sent has been applied
        self.in_flight = []  # units: lists of commands that take effect together
        self.sent_count = 0

    def value(self):
        self.sent_count += 1
        size = self.random.choice(VALUE_SIZES)
        if self.random.random() < 0.002:
            size = self.random.choice(LARGE_SIZES)
        return self.filled(size)

    def filled(self, size):
        """So many bytes, which tell which value this is."""
        stamp = b"<%d>" % self.sent_count
        return (stamp * (size // len(stamp) + 1))[: max(size, len(stamp))]

    def put_staged(self, key):
        """A value so large that it is written ahead of its command; not all of them get that far."""
        rand = self.random
        self.sent_count += 1
        value = self.filled(rand.choice(STAGED_SIZES))
        kind = rand.random()
        if kind < 0.5:
            return [b"set", key, value]
        if kind < 0.7:
            return [b"getset", key, value]
        if kind < 0.8:
            return [b"psetex", self.short_key(), b"%d" % rand.randint(1, SHORT_MS_MAX), value]
        return [b"mset", key, value, b"beside", b"%d" % self.sent_count]

    def command(self, in_transaction):
        """One command that is right in the state `ahead`."""
        rand = self.random
        present = [key for key in self.keys if key in self.ahead.here]
        key = rand.choice(self.keys)
        if rand.random() < self.staged_chance:
            return self.put_staged(key)
        kind = rand.random()
        if kind < 0.26:
            return [b"set", key, self.value()]
        if kind < 0.28:
            return [b"set", self.short_key(), self.value()]
        if kind < 0.30:
            return [b"psetex", self.short_key(), b"%d" % rand.randint(1, SHORT_MS_MAX), self.value()]
        if kind < 0.45:
            value = self.value()
            chosen = rand.sample(self.keys, rand.randint(2, KEY_COUNT))
            return [b"mset", *(word for name in chosen for word in (name, value))]
        if kind < 0.52:
            return [b"incr", b"counter"]
        if kind < 0.60 and self.may_patch(key):
            return [b"append", key, b"+%d" % rand.randrange(1000)]
        if kind < 0.64 and self.may_patch(key):
            return [b"setrange", key, b"%d" % rand.randrange(200), b"patched"]
        if kind < 0.70:
            return [b"del", *rand.sample(self.keys, rand.randint(1, 4))]
        if kind < 0.73:
            return [b"getdel", key]
        if kind < 0.76:
            return [b"move", key, b"%d" % self.other_database()]
        if kind < 0.77:
            return [b"swapdb", b"%d" % self.databases[0], b"%d" % self.databases[1]]
        if kind < 0.775:
            return [b"flushdb"]
        if kind < 0.79 and not in_transaction:
            return [b"select", b"%d" % self.other_database()]
        if present and kind < 0.89:
            return [b"rename", rand.choice(present), key]
        if present and kind < 0.95:
            source = rand.choice(present)
            target = rand.choice([name for name in self.keys if name != source])
            return [b"copy", source, target, b"REPLACE"]
        if present:
            return [b"expire", rand.choice(present), b"100000"]
        return [b"set", key, self.value()]

    def may_patch(self, key):
        """Middling values are written whole by that, again and again."""
        size = len(self.ahead.here.get(key, b""))
        return size < 500000 or size >= STAGED_SIZES[0]

    def short_key(self):
        return b"short:%d" % self.random.randrange(SHORT_KEY_COUNT)

    def other_database(self):
        return self.databases[1 - self.ahead.selected]

    def next_unit(self):
        """Commands that take effect together: one, or a transaction. Replies to expect: one for
        each, and two more around a transaction."""
        is_transaction = self.random.random() < 0.15
        unit = []
        for _ in range(self.random.randint(2, 6) if is_transaction else 1):
            command = self.command(is_transaction)
            self.ahead.apply(command)
            unit.append(command)
        self.in_flight.append(unit)
        return unit, is_transaction

    def acknowledge(self):
        """The oldest unit in flight has been answered."""
        for command in self.in_flight.pop(0):
            self.state.apply(command)

    def match(self, found):
        """Which prefix of what is in flight gives the databases `found`? Its length, or None.
        Goes on from there: what was found is the new state."""
        state = self.state.copy()
        for length in range(len(self.in_flight) + 1):
            if length:
                for command in self.in_flight[length - 1]:
                    state.apply(command)
            if state.data == found:
                state.selected = 0
                self.state = state
                self.ahead = state.copy()
                self.in_flight = []
                return length
        return None

    def explain(self, found):
        """What differs between what was found and what was acknowledged, and what was in flight."""
        lines = []
        for number, (wanted, have) in enumerate(zip(self.state.data, found)):
            for key in sorted(set(wanted) | set(have)):
                if wanted.get(key) != have.get(key):
                    lines.append(
                        f"  db {self.databases[number]} {key!r}: acknowledged "
                        f"{short(wanted.get(key))}, found {short(have.get(key))}"
                    )
        lines.append(f"  in flight were {len(self.in_flight)}:")
        for unit in self.in_flight[:20]:
            lines.append("    " + "; ".join(" ".join(short(word) for word in c) for c in unit))
        return "\n".join(lines)


def short(word):
    if word is None:
        return "nothing"
    return repr(word) if len(word) <= 40 else f"{word[:40]!r}... ({len(word)} bytes)"
