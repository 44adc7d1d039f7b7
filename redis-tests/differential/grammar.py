"""What is sent: random commands, most of them sensible, many of them odd.

A history is a list of steps. A step is one of
    ("send", connection, [command, ...])    a pipeline; a command is a list of bytes
    ("raw", bytes)                          bytes on a connection of their own, then its end
    ("sleep", milliseconds)
Everything follows from the seed, but for the time that passes.
"""

import random
import time

import dumps
import rules

CONNECTIONS = 4  # 0 and 1 begin with RESP2, 2 with RESP3, 3 on the Unix socket
DATABASES = (0, 0, 0, 0, 1, 2, 9, 15)

KEYS = [b"k1", b"k2", b"k3", b"k4", b"key:with:a:longer:name", b"", b"\x00\xff\r\n\x80", b"{tag}5"]

INTEGERS = [b"0", b"1", b"-1", b"2", b"7", b"10", b"100", b"-100", b"4294967296", b"2147483648"]
INTEGERS += [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775806"]

ODD_NUMBERS = [
    b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"1" * 40, b"+1",
    b"01", b"-0", b"-", b"+", b" 1", b"1 ", b"1\x00", b"0x10", b"1e3", b"1.0", b"nan", b"inf",
    b"-inf", b"", b"abc", b"\xff\xfe", b"1_000", b"\xd9\xa1",
]  # fmt: skip

FLOATS = [
    b"0", b"1", b"-1", b"1.5", b"-2.25", b"3.0e3", b"1e-7", b"0.1", b"0.2", b"1e17", b"1e300",
    b"123456789.123456789", b"3.3333333333333333333", b"-0.0", b"5.0e-324", b"1e4932", b"1e5000",
    b"inf", b"-inf", b"nan", b"infinity", b"0x1p3", b".5", b"5.", b"1e", b" 1.5", b"1.5 ", b"",
    b"--1", b"1.5\x00", b"179769313486231570000000000000000000000", b"99999999999999999999.5",
]  # fmt: skip

VALUES = [
    b"", b"a", b"value", b"hello world", b"x" * 43, b"x" * 44, b"x" * 45, b"y" * 3000,
    b"\x00\x01\x02\xfd\xfe\xff", b"\r\n+OK\r\n", b"12345678901234567890", b"123456789012345678",
    b"1234567890123456789", b"-1", b"0", b"10", b"007", b"1.0", b"3.14", b"9223372036854775807",
    "grüße, 世界".encode(),
]  # fmt: skip

NASTY = ODD_NUMBERS + VALUES + [
    b"EX", b"NX", b"GET", b"*", b"?", b"[", b"\\", b"a" * 200, b"%s%n", b"\n", b"LIMIT", b"MATCH",
    b"-9223372036854775808", b"\xc3\x28", b"'", b'"', b"REPLACE", b"10000000000000000000000",
]  # fmt: skip

PATTERNS = [
    b"*", b"k*", b"k?", b"k[1-2]", b"k[^1]", b"[", b"k[", b"k[1", b"\\k1", b"k1\\", b"", b"***1",
    b"*a*n*", b"nothing", b"\x00*", b"k[2-1]", b"{tag}*", b"?*?*?*", b"k[\\1]", b"K1",
]  # fmt: skip

FAR = 4102444800  # the first second of 2100
SECONDS_ODD = [b"-1", b"0", b"-100", b"9223372036854775807", b"9223372036854775", b"-9223372036854775808"]
OFFSETS = [b"0", b"1", b"5", b"44", b"100", b"-1", b"-5", b"-100", b"536870912", b"4294967296"]
OFFSETS += [b"9223372036854775807", b"-9223372036854775808", b"2147483647"]

ELEMENTS = [b"a", b"b", b"", b"\x00", b"element", b"x" * 100]

USERS = [b"alice", b"bob"]  # `default` stays as it is: the run itself needs it
PASSWORDS = [b"secret", b"other", b""]
ACL_RULES = """on on on off nopass resetpass >secret >other <secret <other #abc !abc reset allkeys
resetkeys ~k* ~k1 ~* %R~k* %W~k* %RW~{tag}* %X~a ~ allchannels resetchannels &k* &* allcommands
nocommands +get +set -set +@read +@write -@write +@all -@all -@dangerous +@nonsense +nonsense
+acl +acl|whoami +client|id -client|id +config|get +object +bitfield_ro +@string +@bitmap +exec +multi
+ping +select|1 (+get (+get) (+@all clearselectors nonsense sanitize-payload""".split()
ACL_RULES = [rule.encode() for rule in ACL_RULES] + [b"(+set ~k2)", b"(+@all %R~k* &*)", b"(nonsense)"]
CATEGORIES = [b"all", b"string", b"bitmap", b"nonsense", b"read", b"Write", b""]

KNOWN_COMMANDS = """setbit getbit bitcount bitpos bitop bitfield bitfield_ro pfadd pfcount pfmerge
pfdebug pfselftest dump restore restore-asking get set setnx setex psetex getset getdel getex mget mset msetnx append strlen
getrange substr setrange incr decr incrby decrby incrbyfloat lcs del unlink exists type expire
pexpire expireat pexpireat ttl pttl expiretime pexpiretime persist keys scan randomkey rename
renamenx copy move touch dbsize flushdb flushall swapdb ping echo auth hello select quit reset
time role wait lastsave save bgsave bgrewriteaof shutdown multi exec discard watch unwatch
lolwut info replicaof slaveof config|get config|set client|id client|kill object|encoding
memory|usage command|info""".split()

EQUAL_DIRECTIVES = """timeout maxclients databases tcp-keepalive proto-max-bulk-len appendfsync
requirepass maxmemory maxmemory-policy lazyfree-lazy-user-flush notify-keyspace-events
slowlog-log-slower-than slowlog-max-len client-query-buffer-limit hz""".split()

SETTABLE = {
    b"timeout": [b"0", b"100", b"-1", b"abc", b"2147483648", b""],
    b"tcp-keepalive": [b"300", b"0", b"-1", b"x"],
    b"appendfsync": [b"everysec", b"always", b"no", b"sometimes", b"ALWAYS", b""],
    b"proto-max-bulk-len": [b"512mb", b"1048576", b"1048575", b"1gb", b"x", b"-1", b"1kb"],
    b"maxmemory-policy": [b"noeviction", b"allkeys-nonsense"],
    b"lazyfree-lazy-user-flush": [b"yes", b"no", b"maybe", b"1"],
    b"slowlog-max-len": [b"128", b"-1", b"1.5"],
    b"databases": [b"16", b"32"],
    b"hll-sparse-max-bytes": [b"3000", b"3000", b"0", b"40", b"100", b"-1", b"20kb", b"x"],
    b"rdbcompression": [b"yes", b"yes", b"no", b"maybe"],
    b"nonsense": [b"1"],
}


class Grammar:
    """Makes one history."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        # Times that differ from each other by minutes, so that GT and LT mean the same on two
        # servers of which one got its command a moment later.
        self.spans = [200 + 100 * i for i in range(20000)]
        self.random.shuffle(self.spans)
        self.in_transaction = [False] * CONNECTIONS
        self.commands = [entry for entry, weight in self.table() for _ in range(weight)]

    # --- arguments ---

    def pick(self, choices):
        return self.random.choice(choices)

    def chance(self, probability):
        return self.random.random() < probability

    def key(self):
        return self.pick(KEYS)

    def keys(self, least=1, most=5):
        return [self.key() for _ in range(self.random.randint(least, most))]

    def value(self):
        if self.chance(0.3):
            return self.integer()
        if self.chance(0.1):
            return bytes(self.random.randrange(256) for _ in range(self.random.randrange(60)))
        return self.pick(VALUES)

    def integer(self):
        if self.chance(0.15):
            return self.pick(ODD_NUMBERS)
        if self.chance(0.5):
            return b"%d" % self.random.randint(-1000, 1000)
        return self.pick(INTEGERS)

    def floating(self):
        if self.chance(0.3):
            return b"%.*f" % (self.random.randrange(20), self.random.uniform(-1e6, 1e6))
        return self.pick(FLOATS)

    def span(self):
        """Seconds from now on."""
        if self.chance(0.25):
            return self.pick(SECONDS_ODD + ODD_NUMBERS[:14])
        return b"%d" % self.spans.pop()

    def span_ms(self):
        if self.chance(0.25):
            return self.pick(SECONDS_ODD + ODD_NUMBERS[:14])
        return b"%d000" % self.spans.pop()

    def moment(self):
        """A second in the far future, in the past, or nonsense."""
        if self.chance(0.3):
            return self.pick(SECONDS_ODD + [b"1", b"1000000000"] + ODD_NUMBERS[:14])
        return b"%d" % (FAR + self.random.randrange(1000))

    def moment_ms(self):
        if self.chance(0.3):
            return self.pick(SECONDS_ODD + [b"1", b"1000000000000"] + ODD_NUMBERS[:14])
        return b"%d" % (FAR * 1000 + self.random.randrange(1000000))

    def offset(self):
        if self.chance(0.15):
            return self.pick(ODD_NUMBERS)
        if self.chance(0.5):
            return b"%d" % self.random.randint(-60, 60)
        return self.pick(OFFSETS)

    def bit_offset(self):
        if self.chance(0.12):
            return self.pick(ODD_NUMBERS + [b"-1", b"4294967296", b"9223372036854775807", b"#1"])
        if self.chance(0.02):
            return b"%d" % self.random.randrange(1 << 20)
        return b"%d" % self.random.randrange(400)

    def bit(self):
        if self.chance(0.1):
            return self.pick(ODD_NUMBERS + [b"2", b"-1"])
        return self.pick([b"0", b"1"])

    def bit_index(self):
        """For ranges: about the length of a short string in bytes, or in bits."""
        if self.chance(0.1):
            return self.pick(ODD_NUMBERS + OFFSETS)
        return b"%d" % self.random.choice([self.random.randint(-50, 50), self.random.randint(-400, 400)])

    def bit_unit(self):
        return [self.pick([b"BYTE", b"BIT", b"bit", b"byte", b"BITS"])] if self.chance(0.5) else []

    def field_type(self):
        if self.chance(0.08):
            return self.pick([b"u64", b"i65", b"u0", b"i", b"x8", b"", b"I8", b"u8 ", b"u08", b"i-1"])
        bits = self.pick([1, 2, 3, 5, 7, 8, 9, 12, 16, 24, 31, 32, 33, 48, 62, 63])
        return b"%s%d" % (self.pick([b"u", b"i"]), bits) if self.chance(0.85) else b"i64"

    def field_offset(self):
        if self.chance(0.3):
            return b"#%s" % (b"%d" % self.random.randrange(20) if self.chance(0.9) else self.integer())
        return self.bit_offset()

    def field_operation(self, read_only):
        what = self.random.random()
        if read_only or what < 0.3:
            return [self.pick([b"GET", b"get"]), self.field_type(), self.field_offset()]
        if what < 0.55:
            return [b"SET", self.field_type(), self.field_offset(), self.integer()]
        if what < 0.8:
            return [b"INCRBY", self.field_type(), self.field_offset(), self.integer()]
        return [b"OVERFLOW", self.pick([b"WRAP", b"SAT", b"FAIL", b"sat", b"fail", b"none"])]

    def field_operations(self, read_only=False):
        count = self.random.randint(0, 4)
        return [word for _ in range(count) for word in self.field_operation(read_only)]

    def element(self):
        if self.chance(0.2):
            return self.pick(ELEMENTS)
        return b"%d" % self.random.randrange(3000)

    def elements(self):
        """A few, now and then so many that sparse becomes dense."""
        most = 400 if self.chance(0.05) else 6
        return [self.element() for _ in range(self.random.randint(0, most))]

    def dumped(self):
        """What DUMP might have returned: strings in each form, sound or a little damaged. (None
        that would end within the footer: redis-server takes its bytes for the string's.)"""
        text = self.value()
        forms = [dumps.length(len(text)) + text, dumps.length(len(text), wide=True) + text,
                 b"\xc0" + self.random.randbytes(1), b"\xc1" + self.random.randbytes(2),
                 b"\xc2" + self.random.randbytes(4), dumps.LZF_OF_A, b"\xc4\x01", b"\x3fabc", b"\xff"]
        dump = dumps.seal(b"\0" + self.pick(forms), self.pick([10, 10, 10, 9, 6, 11]))
        if self.chance(0.1):
            dump = dump[: self.random.randrange(len(dump) + 1)]
        elif self.chance(0.1):
            dump = self.value()
        return dump

    def database(self):
        if self.chance(0.15):
            return self.pick([b"16", b"-1", b"99999999999999999999", b"x", b"", b"1.0", b" 1"])
        return b"%d" % self.pick(DATABASES)

    def some(self, *options):
        """Some of the options (lists of words), in any order; now and then one twice."""
        chosen = [option for option in options if self.chance(0.3)]
        if chosen and self.chance(0.08):
            chosen.append(self.pick(chosen))
        self.random.shuffle(chosen)
        return [word for option in chosen for word in option]

    def case(self, word):
        how = self.random.random()
        if how < 0.6:
            return word
        if how < 0.8:
            return word.upper()
        return b"".join(self.pick([bytes([c]).lower(), bytes([c]).upper()]) for c in word)

    def acl_rules(self):
        """Often enough so many that the user can do something."""
        rules = [self.pick(ACL_RULES) for _ in range(self.random.randint(0, 5))]
        if self.chance(0.6):
            rules = [b"on", b"nopass", b"~k*", b"&*", b"+@all", *rules]
        return rules

    def acl(self):
        user = self.pick(USERS)
        return [b"acl", *self.pick([
            [b"setuser", user, *self.acl_rules()],
            [b"setuser", user, *self.acl_rules()],
            [b"setuser", user, *self.acl_rules()],
            [b"getuser", self.pick([user, b"default", b"nobody"])],
            [b"dryrun", user, *self.pick(self.commands)()],
            [b"dryrun", user, *self.pick(self.commands)()],
            [b"dryrun", self.pick([user, b"default", b"nobody"]), self.value()],
            [b"deluser", self.pick([b"nobody", b"default"])],
            self.pick([[b"cat"], [b"cat", self.pick(CATEGORIES)]]),
            self.pick([[b"log"], [b"log", b"reset"], [b"log", self.integer()]]),
            self.pick([[b"genpass"], [b"genpass", self.integer()]]),
            [self.pick([b"whoami", b"users", b"list", b"save", b"load", b"help", b"nonsense"])],
        ])]  # fmt: skip

    # --- commands ---

    def table(self):
        """(function that makes the arguments, how often)."""
        key, value, integer = self.key, self.value, self.integer
        pick, some = self.pick, self.some
        expiry_options = lambda: some(  # noqa: E731
            [b"EX", self.span()], [b"PX", self.span_ms()], [b"EXAT", self.moment()],
            [b"PXAT", self.moment_ms()],
        )  # fmt: skip
        condition = lambda: some([b"NX"], [b"XX"], [b"GT"], [b"LT"])  # noqa: E731
        return [
            (lambda: [b"set", key(), value()], 20),
            (lambda: [b"set", key(), value(), *some([b"NX"], [b"XX"], [b"GET"], [b"KEEPTTL"]),
                      *(expiry_options() if self.chance(0.5) else [])], 20),
            (lambda: [b"set", key(), value(), b"EX", self.span()], 6),
            (lambda: [b"get", key()], 25),
            (lambda: [b"setnx", key(), value()], 5),
            (lambda: [b"setex", key(), self.span(), value()], 5),
            (lambda: [b"psetex", key(), self.span_ms(), value()], 5),
            (lambda: [b"getset", key(), value()], 5),
            (lambda: [b"getdel", key()], 4),
            (lambda: [b"getex", key(), *expiry_options(), *some([b"PERSIST"])], 8),
            (lambda: [b"mget", *self.keys()], 6),
            (lambda: [b"mset", *(w for k in self.keys() for w in (k, value()))], 6),
            (lambda: [b"msetnx", *(w for k in self.keys(1, 3) for w in (k, value()))], 5),
            (lambda: [b"append", key(), value()], 8),
            (lambda: [b"strlen", key()], 5),
            (lambda: [b"getrange", key(), self.offset(), self.offset()], 10),
            (lambda: [b"substr", key(), self.offset(), self.offset()], 3),
            (lambda: [b"setrange", key(), self.offset(), value()], 10),
            (lambda: [pick([b"incr", b"decr"]), key()], 12),
            (lambda: [pick([b"incrby", b"decrby"]), key(), integer()], 14),
            (lambda: [b"incrbyfloat", key(), self.floating()], 14),
            (lambda: [b"set", key(), pick([integer(), self.floating()])], 10),
            (lambda: [b"setbit", key(), self.bit_offset(), self.bit()], 10),
            (lambda: [b"getbit", key(), self.bit_offset()], 6),
            (lambda: [b"bitcount", key(), *([self.bit_index(), self.bit_index(), *self.bit_unit()]
                                            if self.chance(0.8) else [])], 8),
            (lambda: [b"bitpos", key(), self.bit(),
                      *pick([[], [self.bit_index()], [self.bit_index(), self.bit_index(),
                                                      *self.bit_unit()]])], 10),
            (lambda: [b"bitop", pick([b"and", b"or", b"xor", b"AND"]), key(), *self.keys()], 6),
            (lambda: [b"bitop", pick([b"not", b"NOT", b"nor"]), key(), *self.keys(1, 2)], 3),
            (lambda: [b"bitfield", key(), *self.field_operations()], 14),
            (lambda: [b"bitfield_ro", key(), *self.field_operations(self.chance(0.8))], 5),
            (lambda: [b"pfadd", pick([key(), b"k1", b"k2"]), *self.elements()], 16),
            (lambda: [b"pfcount", *self.keys(1, 1 if self.chance(0.6) else 3)], 10),
            (lambda: [b"pfmerge", *self.keys(1, 4)], 6),
            (lambda: [b"pfdebug", pick([b"encoding", b"decode", b"DECODE", b"nonsense"]), key()], 4),
            (lambda: [b"pfdebug", pick([b"todense", b"getreg"]), key()], 1),
            (lambda: [b"dump", key()], 8),
            (lambda: [pick([b"restore", b"restore", b"restore-asking"]), key(),
                      pick([b"0", self.span_ms()]), self.dumped(),
                      *(some([b"REPLACE"], [b"IDLETIME", integer()], [b"FREQ", pick([b"0", integer()])])
                        if self.chance(0.5) else [b"REPLACE"])], 10),
            (lambda: [b"restore", key(), self.moment_ms(), self.dumped(), b"REPLACE", b"ABSTTL"], 3),
            (lambda: [b"lcs", key(), key(), *some([b"LEN"], [b"IDX"], [b"MINMATCHLEN", integer()],
                                                  [b"WITHMATCHLEN"])], 8),
            (lambda: [pick([b"del", b"unlink"]), *self.keys(1, 3)], 12),
            (lambda: [pick([b"exists", b"touch"]), *self.keys()], 7),
            (lambda: [b"type", key()], 4),
            (lambda: [b"expire", key(), self.span(), *condition()], 8),
            (lambda: [b"pexpire", key(), self.span_ms(), *condition()], 6),
            (lambda: [b"expireat", key(), self.moment(), *condition()], 8),
            (lambda: [b"pexpireat", key(), self.moment_ms(), *condition()], 6),
            (lambda: [pick([b"ttl", b"pttl", b"expiretime", b"pexpiretime"]), key()], 14),
            (lambda: [b"persist", key()], 5),
            (lambda: [b"keys", pick(PATTERNS)], 5),
            (lambda: [b"scan", pick([b"0", b"0", integer()]),
                      *some([b"MATCH", pick(PATTERNS)], [b"COUNT", pick([b"100000", integer()])],
                            [b"TYPE", pick([b"string", b"STRING", b"list", b"nonsense"])])], 5),
            (lambda: [b"scan", b"0", b"COUNT", b"100000", *some([b"MATCH", pick(PATTERNS)])], 3),
            (lambda: [b"randomkey"], 2),
            (lambda: [pick([b"rename", b"renamenx"]), key(), key()], 10),
            (lambda: [b"copy", key(), key(), *some([b"DB", self.database()], [b"REPLACE"])], 9),
            (lambda: [b"move", key(), self.database()], 6),
            (lambda: [b"object", pick([b"encoding", b"refcount", b"idletime", b"freq", b"nonsense",
                                       b"help", b"ENCODING"]), key()], 12),
            (lambda: [b"object", b"encoding", key()], 8),
            (lambda: [b"object", b"help"], 1),
            (lambda: [b"memory", b"usage", key(), *some([b"SAMPLES", integer()])], 2),
            (lambda: [b"select", self.database()], 5),
            (lambda: [b"dbsize"], 4),
            (lambda: [pick([b"flushdb", b"flushall"]), *some([b"ASYNC"], [b"SYNC"])], 2),
            (lambda: [b"swapdb", self.database(), self.database()], 3),
            (lambda: [b"ping", *some([value()])], 3),
            (lambda: [b"echo", value()], 3),
            (lambda: [b"hello", *some([pick([b"2", b"3", b"3", integer()])])], 3),
            (lambda: [b"hello", pick([b"2", b"3"]), *some([b"AUTH", b"default", value()],
                                                          [b"SETNAME", pick([b"me", value()])])], 3),
            (lambda: [b"auth", *some([pick([b"default", value()])], [value()])], 3),
            (self.acl, 8),
            (lambda: [b"acl", b"whoami"], 2),
            (lambda: [b"auth", pick(USERS), pick(PASSWORDS)], 2),
            (lambda: [b"hello", pick([b"2", b"3"]), b"AUTH", pick(USERS), pick(PASSWORDS)], 1),
            (lambda: [b"auth", b"default", b""], 2),
            (lambda: [b"reset"], 2),
            (lambda: [b"quit"], 1),
            (lambda: [b"client", pick([b"id", b"getname", b"info", b"list", b"getredir",
                                       b"trackinginfo", b"nonsense", b"unpause"])], 3),
            (lambda: [b"client", b"setname", pick([b"me", b"", b"with space", value()])], 2),
            (lambda: [b"client", b"no-evict", pick([b"on", b"off", value()])], 2),
            (lambda: [b"client", b"reply", b"on"], 1),
            (lambda: [b"client", b"unblock", integer(), *some([b"TIMEOUT"], [b"ERROR"])], 1),
            (lambda: [b"client", b"kill", *pick([[b"1.2.3.4:5"], [b"ID", b"99999999"],
                                                 [b"ADDR", b"1.2.3.4:5", b"SKIPME", value()],
                                                 [b"ID", integer()], [value(), value()],
                                                 [b"TYPE", value()], [b"LADDR", b"nowhere"]])], 2),
            (lambda: [b"client", b"list", *pick([[b"TYPE", b"normal"], [b"TYPE", value()],
                                                 [b"ID", integer()], [value()]])], 2),
            (lambda: [b"client", b"caching", pick([b"yes", b"no", value()])], 1),
            (lambda: [pick([b"publish", b"spublish"]), key(), value()], 3),
            (lambda: [b"pubsub", pick([b"channels", b"shardchannels"]),
                      *([pick(PATTERNS)] if self.chance(0.5) else [])], 2),
            (lambda: [b"pubsub", pick([b"numsub", b"shardnumsub"]), *self.keys(0, 3)], 2),
            (lambda: [b"pubsub", pick([b"numpat", b"nonsense"])], 1),
            (lambda: [b"client", b"tracking", pick([b"off", value()])], 1),
            (lambda: [b"config", b"get", *pick([[pick(EQUAL_DIRECTIVES).encode()], [b"nothing"],
                                                [b"timeout", b"timeout", b"TIMEOUT"],
                                                [b"time[^x]ut"], [b"maxclients", b"hz"]])], 5),
            (lambda: [b"config", b"set", *self.setting(), *(self.setting() if self.chance(0.2)
                                                            else [])], 4),
            (lambda: [b"config", pick([b"resetstat", b"nonsense", b"get", b"set", b"help"])], 1),
            (lambda: [b"command", b"getkeys", *pick(self.commands)()], 4),
            (lambda: [b"command", b"getkeysandflags", *pick(self.commands)()], 2),
            (lambda: [b"command", b"info", *[pick(KNOWN_COMMANDS).encode() for _ in range(2)]], 4),
            (lambda: [b"command", pick([b"count", b"docs", b"list", b"nonsense", b"help"])], 1),
            (lambda: [b"command", b"list", b"filterby", *pick([[b"pattern", b"se[tx]*"], [value()],
                                                              [b"aclcat", b"nonsense"],
                                                              [b"module", b"none"]])], 1),
            (lambda: [pick([b"role", b"lastsave", b"time", b"lolwut", b"info"])], 2),
            (lambda: [b"info", pick([b"server", b"keyspace", b"everything", b"nonsense", b""])], 1),
            (lambda: [b"wait", pick([b"0", b"0", b"-1", b"x", b"1"]), pick([b"0", b"1", b"-1", b"x"])],
             1),
            (lambda: [pick([b"replicaof", b"slaveof"]), b"no", b"one"], 1),
            (lambda: [b"module", pick([b"list", b"nonsense"])], 1),
            (lambda: [b"cluster", pick([b"info", b"nodes", b"slots", b"myid", value()])], 1),
            (lambda: [pick([b"sentinel", b"nonsense", b"GET_", b"g", value()]),
                      *[value() for _ in range(self.random.randrange(4))]], 3),
            (lambda: [b"shutdown", *pick([[b"NONSENSE"], [b"ABORT"], [b"SAVE", b"NOSAVE", b"X"]])], 1),
            (lambda: [b"save"], 1),
            (lambda: [pick([b"bgsave", b"bgrewriteaof"]), b"nonsense"], 1),
            (lambda: [b"watch", *self.keys(1, 3)], 4),
            (lambda: [b"unwatch"], 2),
            (lambda: [pick([b"exec", b"discard"])], 2),
        ]  # fmt: skip

    def setting(self):
        name = self.pick(list(SETTABLE))
        return [name, self.pick(SETTABLE[name])]

    def mutated(self, command):
        """The command made a little wrong."""
        command = list(command)
        how = self.random.randrange(8)
        if how == 0 and len(command) > 1:
            command.pop()
        elif how == 1:
            command.append(self.pick(NASTY))
        elif how in (2, 3) and len(command) > 1:
            command[self.random.randrange(1, len(command))] = self.pick(NASTY)
        elif how == 4 and len(command) > 2:
            rest = command[1:]
            self.random.shuffle(rest)
            command[1:] = rest
        elif how == 5 and len(command) > 1:
            command.append(self.pick(command[1:]))
        elif how == 6:
            del command[1:]
        else:
            at = self.random.randrange(len(command) + 1)
            command.insert(max(1, at), self.pick(NASTY))
        return command

    def command(self):
        while True:
            command = self.pick(self.commands)()
            if self.chance(0.12):
                command = self.mutated(command)
            if is_allowed(command):
                command[0] = self.case(command[0])
                return command

    # --- steps ---

    def pipeline(self):
        connection = self.random.randrange(CONNECTIONS)
        count = 1 if self.chance(0.4) else self.random.randint(2, 30)
        commands = [self.command() for _ in range(count)]
        if self.chance(0.2):
            self.add_transaction(connection, commands)
        return ("send", connection, commands)

    def add_transaction(self, connection, commands):
        """Begins one where none is open (the end may come pipelines later), else ends it."""
        if self.in_transaction[connection]:
            commands.append([self.pick([b"exec", b"exec", b"exec", b"discard"])])
            self.in_transaction[connection] = False
            return
        commands.insert(self.random.randrange(len(commands) + 1), [b"multi"])
        if self.chance(0.6):
            commands.append([b"exec"])
        else:
            self.in_transaction[connection] = True

    def short_lived(self):
        """A key whose time is up a moment later, on both servers."""
        key = self.key()
        ms = b"%d" % self.random.randint(1, 5)
        put = self.pick([[b"set", key, b"short", b"PX", ms], [b"psetex", key, ms, b"short"]])
        steps = [("send", 0, [[b"reset"], [b"select", b"0"], put]), ("sleep", 12)]
        look = self.pick([b"get", b"exists", b"ttl", b"type", b"strlen", b"persist"])
        steps.append(("send", 0, [[look, key], [b"exists", key]]))
        self.in_transaction[0] = False
        return steps

    def raw(self):
        return ("raw", self.pick(RAW_STARTS) + self.pick(RAW) + self.pick(RAW_ENDS))

    def password(self):
        """What a client sees that has not yet authenticated, and when it does."""
        session = [
            [b"get", b"k1"], [b"auth", b"wrong"], [b"auth", b"default", b"wrong"], [b"ping"],
            [b"hello", b"3"], [b"hello", b"3", b"AUTH", b"default", b"wrong"], [b"multi"],
            [b"auth", b"nobody", b"secret"], [b"client", b"id"], [b"nonsense"], [b"auth"],
            [b"command", b"count"], [b"reset"], [b"echo"],
        ]  # fmt: skip
        commands = [self.pick(session) for _ in range(self.random.randint(1, 6))]
        commands.append(
            self.pick([[b"auth", b"secret"], [b"hello", b"3", b"AUTH", b"default", b"secret"]])
        )
        commands += [[b"get", b"k1"], [b"auth", b"wrong"], [b"get", b"k1"], [b"reset"], [b"ping"]]
        raw = b"".join(b"%s\r\n" % b" ".join(command) for command in commands)
        return [
            ("send", 1, [[b"reset"], [b"config", b"set", b"requirepass", b"secret"]]),
            ("raw", raw),
            ("send", 1, [[b"auth", b"secret"], [b"config", b"set", b"requirepass", b""]]),
        ]

    def as_user(self):
        """What somebody may do who may not do everything, and what is told of it."""
        connection = self.random.randrange(CONNECTIONS)
        user = self.pick(USERS)
        begin = [[b"reset"], [b"hello", b"3"]] if connection == 2 else [[b"reset"]]
        begin.append([b"acl", b"setuser", user, b"reset", b"on", b"nopass", *self.acl_rules()])
        commands = [self.command() for _ in range(self.random.randint(5, 25))]
        if self.chance(0.3):
            self.in_transaction[connection] = False
            self.add_transaction(connection, commands)
        about = [[b"acl", b"getuser", user], [b"acl", b"list"], [b"acl", b"log", b"reset"],
                 [b"acl", b"dryrun", user, *self.pick(self.commands)()]]  # fmt: skip
        end = [*([[b"discard"]] if self.chance(0.5) else []), *begin[:-1]]
        self.in_transaction[connection] = False
        auth = [b"auth", user, self.pick(PASSWORDS)]
        about = [command for command in about if is_allowed(command)]
        return ("send", connection, [*begin, auth, *commands, *end, *about])

    def history(self, size):
        """About `size` commands."""
        steps = []
        count = 0
        while count < size:
            what = self.random.random()
            if what < 0.06:
                step = self.as_user()
                count += len(step[2])
                steps.append(step)
            elif what < 0.93:
                step = self.pipeline()
                count += len(step[2])
                steps.append(step)
            elif what < 0.965:
                steps.append(self.raw())
                count += 1
            elif what < 0.995:
                steps += self.short_lived()
                count += 5
            else:
                steps += self.password()
                self.in_transaction[1] = False
                count += 10
        return steps


# Not among them: CLIENT REPLY OFF inside MULTI, where redis-server sends half of EXEC's reply.
RAW_STARTS = [b"", b"", b"PING\r\n", b"*1\r\n$4\r\nPING\r\n", b"\r\n", b"\r\n\r\nECHO x\r\n"]
RAW_ENDS = [b"", b"\r\n", b"\r\nPING\r\n", b"*1\r\n$4\r\nPING\r\n"]
RAW = [
    b"SUBSCRIBE a b a\r\nPING\r\nGET k1\r\nPUBLISH a x\r\nUNSUBSCRIBE a\r\nUNSUBSCRIBE b\r\nPING\r\n",
    b"HELLO 3\r\nSUBSCRIBE a\r\nPUBLISH a x\r\nPSUBSCRIBE a*\r\nPUBLISH a y\r\nRESET\r\nPUBLISH a z\r\n",
    b"HELLO 3\r\nSSUBSCRIBE a\r\nMULTI\r\nSPUBLISH a x\r\nPING\r\nSUNSUBSCRIBE\r\nEXEC\r\nSUNSUBSCRIBE b\r\n",
    b"MULTI\r\nPSUBSCRIBE k*\r\nPUBLISH k1 x\r\nEXEC\r\nGET k1\r\nPUNSUBSCRIBE\r\nUNSUBSCRIBE\r\nQUIT\r\n",
    b"SUBSCRIBE a\r\nHELLO 3\r\nMULTI\r\nSET\r\nPING x y\r\nPING x\r\nUNSUBSCRIBE a\r\nQUIT\r\n",
    b"GET k1\r\n", b"set 'k 1' \"a\\x41\\n\\t\\\"\"\r\n", b"get 'k 1'\r\n", b"  echo   spaced  \r\n",
    b"echo \"unbalanced\r\n", b"echo 'unbalanced\r\n", b"echo \"a\"b\r\n", b"echo 'it\\'s'\r\n",
    b"echo \"\\xZZ\\q\"\r\n", b"echo ''\r\n", b"echo \"\"\r\n", b"PING\n", b"ping\nping\n",
    b"*0\r\n", b"*-1\r\n", b"*-10\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$-10\r\n", b"*1\r\n:4\r\nPING\r\n",
    b"*1\r\nPING\r\n", b"*x\r\n", b"*\r\n", b"*1 \r\n$4\r\nPING\r\n", b"*1\r\n$x\r\nPING\r\n",
    b"*1\r\n$\r\n", b"*1\r\n$4 \r\nPING\r\n", b"*+1\r\n$4\r\nPING\r\n", b"*01\r\n$4\r\nPING\r\n",
    b"*1\r\n$+4\r\nPING\r\n", b"*1\r\n$04\r\nPING\r\n", b"*2147483648\r\n", b"*1048577\r\n",
    b"*99999999999999999999\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$99999999999999999999\r\n",
    b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"*1\r\n$0\r\n\r\n", b"*2\r\n$0\r\n\r\n$1\r\nx\r\n",
    b"*1\r\n$4\r\nPINGxx", b"*1\r\n$4\r\nPING\n\n*1\r\n$4\r\nPING\r\n", b"*2\r\n$3\r\nGET\r\n$2\r\nk",
    b"*3\r\n$3\r\nSET\r\n$2\r\nk1\r\n$5\r\nwhole\r\n", b"$4\r\nPING\r\n", b"+PING\r\n", b"-ERR\r\n",
    b":1\r\n", b"%1\r\n", b"_\r\n", b"GET\x00k1\r\n", b"GET k1 \x00\r\n", b"\x00\r\n", b"\xff\xfe\r\n",
    b"x" * 200000, b"echo " + b"y" * 60000 + b"\r\n", b"*" + b"1" * 200000, b"*1\r\n$" + b"1" * 200000,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST / HTTP/1.1\r\n", b"Host: localhost\r\n",
    b"QUIT\r\nPING\r\n", b"quit now\r\nPING\r\n", b"CLIENT REPLY SKIP\r\nPING\r\nECHO after\r\n",
    b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n", b"CLIENT REPLY OFF\r\nPING\r\n",
    b"CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nECHO 1\r\nECHO 2\r\n",
    b"CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\n",
    b"MULTI\r\nQUIT\r\nPING\r\n",
    b"MULTI\r\nMULTI\r\nset\r\nEXEC\r\n", b"MULTI\r\nWATCH a\r\nEXEC\r\n", b"EXEC\r\nDISCARD\r\n",
    b"MULTI\r\nnonsense\r\nEXEC\r\nPING\r\n", b"WATCH k1\r\nset k1 1\r\nMULTI\r\nPING\r\nEXEC\r\n",
    b"HELLO 3\r\nWATCH k1\r\nset k1 1\r\nMULTI\r\nPING\r\nEXEC\r\nget nothing\r\n",
    b"WATCH k1\r\nFLUSHALL\r\nMULTI\r\nPING\r\nEXEC\r\n", b"MULTI\r\nRESET\r\nEXEC\r\n",
    b"WATCH k1\r\nSWAPDB 0 1\r\nMULTI\r\nPING\r\nEXEC\r\nSWAPDB 0 1\r\n",
    b"set k1 1\r\nWATCH k1\r\nexpire k1 1000\r\nMULTI\r\nPING\r\nEXEC\r\n",
    b"set k1 1\r\nWATCH k1\r\nset k1 1 xx get\r\nMULTI\r\nPING\r\nEXEC\r\n",
    b"del k1\r\nWATCH k1\r\ndel k1\r\nMULTI\r\nPING\r\nEXEC\r\n",
    b"HELLO 3 SETNAME me\r\nCLIENT GETNAME\r\nCLIENT SETNAME\r\nRESET\r\nCLIENT GETNAME\r\n",
    b"CLIENT KILL ID x\r\nCLIENT KILL\r\nCLIENT PAUSE x\r\nCLIENT PAUSE 0 foo\r\nCLIENT PAUSE -1\r\n",
    b"HELLO 3\r\nLCS k1 k2 IDX\r\nCLIENT TRACKINGINFO\r\nCLIENT GETREDIR\r\nCONFIG GET nothing\r\n",
]  # fmt: skip

EXPIRY_AT = {b"expire": 2, b"setex": 2, b"pexpire": 2, b"psetex": 2, b"restore": 2}


def is_too_short(words, name):
    """Would a key's time be up while the servers are compared? (A key that SET gives a moment in the
    past is gone at once here; in Redis DBSIZE counts it until the expiry cycle comes by.)"""
    if name == b"restore" and b"ABSTTL" in [word.upper() for word in words]:
        return False  # a moment, long past
    limit = 100 if name in (b"expire", b"setex") else 100000
    soon = {b"EXAT": time.time() + 100, b"PXAT": (time.time() + 100) * 1000}
    for i, word in enumerate(words):
        if name == b"set" and words[i - 1].upper() in soon:
            try:
                if 0 < int(word) < soon[words[i - 1].upper()]:
                    return True
            except ValueError:
                pass
        is_time = i == EXPIRY_AT.get(name)
        if name in (b"set", b"getex") and i and words[i - 1].upper() in (b"EX", b"PX"):
            is_time = True
            limit = 100 if words[i - 1].upper() == b"EX" else 100000
        try:
            if is_time and 0 < int(word) < limit:
                return True
        except ValueError:
            pass
    return False


def is_allowed(command):
    """False for what would end, block or reconfigure a server (see rules.py)."""
    words = list(command)
    name = words[0].lower()
    second = words[1].lower() if len(words) > 1 else b""
    third = words[2].lower() if len(words) > 2 else b""
    if rules.name_of(words) in rules.NOT_IN_REDIS_7_0:
        return False
    if name == b"shutdown":
        return any(word in (b"NONSENSE", b"ABORT", b"X") for word in words[1:])
    if name.decode("latin-1") in rules.UNSAFE:
        return False
    if name in (b"bgsave", b"bgrewriteaof"):
        return len(words) > 1
    if name in (b"replicaof", b"slaveof"):
        return len(words) != 3 or (second, third) == (b"no", b"one")
    if name == b"wait":
        return len(words) != 3 or words[1] in (b"0", b"-1", b"x") or words[2] == b"1"
    if name == b"client":
        return is_allowed_client(second, words)
    if name == b"acl":
        return is_allowed_acl(second, third, words)
    if name == b"pfmerge":
        return len(words) != 2  # Redis lets anyone do that to any key, whatever keys are theirs
    if name == b"config" and second == b"get":
        return len(words) == 2 or all(b"*" not in word and b"?" not in word for word in words[2:])
    if name == b"config" and second == b"set":
        return all(word in SETTABLE for word in words[2::2])
    if name == b"config" and second == b"rewrite":
        return False
    if name == b"command" and second.startswith(b"getkeys"):
        return not any(word.lower() in NOT_FOR_GETKEYS for word in words[2:])
    return not is_too_short(words, name)


NOT_FOR_GETKEYS = (b"memory", b"object")


def is_allowed_acl(second, third, words):
    """Users come and go between histories: who is logged in as one that is deleted loses the
    connection, sooner or later."""
    if second == b"setuser":
        return len(words) < 3 or third in USERS
    if second == b"deluser":
        return not any(word in USERS for word in words[2:])
    if second == b"dryrun":
        return len(words) < 4 or is_allowed(words[3:])
    return True


def is_allowed_client(second, words):
    if second in (b"pause", b"tracking"):
        return second == b"tracking" and b"on" not in [word.lower() for word in words]
    if second == b"reply":
        return [word.lower() for word in words[2:]] not in ([b"off"], [b"skip"])
    if second == b"kill":
        filters = [word.upper() for word in words[2:]]
        narrow = {b"1.2.3.4:5", b"99999999", b"NOWHERE"}
        return len(words) < 4 or bool(narrow & set(filters))
    return True
