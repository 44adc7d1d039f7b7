"""When two replies count as equal although their bytes are not the same.

Everything else must be equal byte for byte. The lists are fixed, and as short as they can be.

NOT_IN_REDIS_7_0 is never sent: the redis-server that we compare with does not know these commands,
so there is nothing to compare. UNSAFE is never sent either: it ends, blocks or reconfigures a
server, or turns a connection into a stream; the few forms of it that only make errors are sent.
"""

import dumps

NOT_IN_REDIS_7_0 = ("client|setinfo", "client|no-touch", "waitaof", "compact", "backup")
UNSAFE = ("shutdown", "debug", "monitor", "subscribe", "psubscribe", "ssubscribe", "sync", "psync")


def is_error(reply):
    return reply[0] == b"-" or reply[0] == b"!"


def same(a, b):
    return a == b


def same_kind(a, b):
    """Errors must be equal; anything else only of one kind, and null where the other is."""
    if is_error(a) or is_error(b):
        return a == b
    return a[0] == b[0] and (a[1] is None) == (b[1] is None)


def same_set(a, b):
    """Arrays with the same members in any order."""
    if is_error(a) or is_error(b) or a[1] is None or b[1] is None:
        return a == b
    return a[0] == b[0] and sorted(map(repr, a[1])) == sorted(map(repr, b[1]))


def close_numbers(tolerance):
    """Integers above 0 may differ by the time that passed between the two servers' turns."""

    def compare(a, b):
        if a[0] != b":" or b[0] != b":":
            return a == b
        first, second = int(a[1]), int(b[1])
        if first <= 0 or second <= 0:
            return first == second
        return abs(first - second) <= tolerance

    return compare


def scan_all(a, b):
    """A scan from 0 on: keys are compared when both say that these were all."""
    if is_error(a) or is_error(b):
        return a == b
    if a[0] != b[0] or len(a[1]) != 2 or len(b[1]) != 2:
        return False
    if a[1][0] == b[1][0] == (b"$", b"0"):
        return same_set(a[1][1], b[1][1])
    return same_kind(a[1][0], b[1][0]) and same_kind(a[1][1], b[1][1])


def config_get(a, b):
    """Pairs of name and value, in any order."""
    if a[0] != b[0] or not isinstance(a[1], list) or not isinstance(b[1], list):
        return a == b
    pairs = [sorted(zip(reply[1][::2], reply[1][1::2])) for reply in (a, b)]
    return pairs[0] == pairs[1]


def reference_count(a, b):
    """Redis counts its own references: more than one while a transaction still holds the value. A
    shared small integer says the same everywhere."""
    shared = (b":", b"2147483647")
    if a[0] != b":" or b[0] != b":":
        return a == b
    return (a == shared) == (b == shared)


def hello(a, b):
    """All but the version and the client's id."""
    if is_error(a) or is_error(b) or len(a[1]) != len(b[1]) or a[0] != b[0]:
        return a == b
    own = ((b"$", b"version"), (b"$", b"id"))
    for i in range(0, len(a[1]), 2):
        if a[1][i] != b[1][i]:
            return False
        if a[1][i] not in own and a[1][i + 1] != b[1][i + 1]:
            return False
    return True


def command_info(a, b):
    """Rows in order; within a row, what Redis keeps in a hash table comes in any order."""
    if a[0] != b[0]:
        return False
    if isinstance(a[1], list) and isinstance(b[1], list):
        left, right = list(a[1]), list(b[1])
        if len(left) != len(right):
            return False
        if all(isinstance(item[1], list) and len(item[1]) == 10 for item in left + right):
            left.sort(key=repr)
            right.sort(key=repr)
        return all(command_info(x, y) for x, y in zip(left, right))
    return a == b


def dump(a, b):
    """Dumps of the same value: LZF's matches depend on what its table held before, in Redis, too."""
    if a[0] != b"$" or b[0] != b"$" or a[1] is None or b[1] is None:
        return a == b
    return a == b or dumps.string_of(a[1]) == dumps.string_of(b[1]) is not None


def acl_categories(a, b):
    """The categories must be the same; the commands in one are those that the server has."""
    return same_set(a, b) if (b"$", b"keyspace") in (a[1] or []) else same_kind(a, b)


def acl_users(a, b):
    """Users' rules: Redis tells single commands in the order of a hash table."""
    if a[0] != b[0]:
        return False
    if isinstance(a[1], list) and isinstance(b[1], list):
        return len(a[1]) == len(b[1]) and all(acl_users(x, y) for x, y in zip(a[1], b[1]))
    if isinstance(a[1], bytes) and isinstance(b[1], bytes):
        words = [sorted(text.replace(b"(", b" ( ").replace(b")", b" ) ").split()) for text in (a[1], b[1])]
        return words[0] == words[1]
    return a == b


RULES = {
    "acl|list": acl_users,
    "acl|getuser": acl_users,
    "acl|cat": acl_categories,
    "acl|log": same_kind,
    "acl|genpass": same_kind,
    "acl|help": same_kind,
    "dump": dump,
    # differ by nature: what the server is, how it runs, who is connected
    "info": same_kind,
    "time": same_kind,
    "lastsave": same_kind,
    "lolwut": same_kind,
    "client|id": same_kind,
    "client|info": same_kind,
    "client|list": same_kind,
    "memory|usage": same_kind,
    "object|idletime": same_kind,
    "object|refcount": reference_count,
    "object|help": same_kind,
    "client|help": same_kind,
    "config|help": same_kind,
    "command|help": same_kind,
    "memory|help": same_kind,
    "command|count": same_kind,
    "command|docs": same_kind,
    "command|list": same_kind,
    "command": same_kind,
    "command|info": command_info,
    "hello": hello,
    # any order is right
    "randomkey": same_kind,
    "keys": same_set,
    "scan": scan_all,
    "config|get": config_get,
    # Time passes between the two servers' turns: many seconds where the client reads 512 MB from
    # one of them first, and the other waits until it has.
    "ttl": close_numbers(60),
    "pttl": close_numbers(60000),
    "expiretime": close_numbers(60),
    "pexpiretime": close_numbers(60000),
}


def name_of(arguments):
    """"get", or "client|id" for what is looked up in RULES under both words."""
    if not arguments:
        return ""
    name = arguments[0].decode("latin-1").lower()
    if len(arguments) > 1:
        full = f"{name}|{arguments[1].decode('latin-1').lower()}"
        if full in RULES or full in NOT_IN_REDIS_7_0:
            return full
    return name


def rule_of(arguments):
    name = name_of(arguments)
    if name == "scan" and len(arguments) > 1 and arguments[1] != b"0":
        return same_kind  # a cursor is its server's own
    return RULES.get(name, same)
