"""What is measured side by side: one row is one load on a pair of filled servers.

A row's name is COMMAND/PIPELINE/SYNC, with the size of the values and the number of connections
behind it where they are not 100 bytes and 50: set/16/everysec/10240b/500c. Rows are picked by such
names with the wildcards of a shell, or by the name of a group.
"""

import collections
import fnmatch

Row = collections.namedtuple("Row", "name command pipeline sync size clients keys")

PIPELINES = (1, 16, 64)
SYNCS = ("everysec", "always", "none")
COMMANDS = ("get", "set", "mixed", "mget", "incr")
SIZE = 100
CLIENTS = 50
CLIENTS_MANY = 500
KEYS = 1000000
LARGE_SIZE = 10240
LARGE_KEYS = 100000  # a million would be 10 GB in redis-server's memory, and again in its file


def row(command, pipeline, sync, size=SIZE, clients=CLIENTS):
    name = f"{command}/{pipeline}/{sync}"
    name += f"/{size}b" if size != SIZE else ""
    name += f"/{clients}c" if clients != CLIENTS else ""
    keys = LARGE_KEYS if size == LARGE_SIZE else KEYS
    return Row(name, command, pipeline, sync, size, clients, keys)


def all_rows():
    """In this order; INCR last on a pair of servers, because it adds keys of its own."""
    rows = []
    for sync in SYNCS:
        rows += [row(command, pipeline, sync) for command in COMMANDS for pipeline in PIPELINES]
    everysec = [(command, pipeline) for command in ("get", "set") for pipeline in PIPELINES]
    rows += [row(*pair, "everysec", clients=CLIENTS_MANY) for pair in everysec]
    for size in (16, LARGE_SIZE):
        rows += [row(*pair, "everysec", size=size) for pair in everysec]
    return rows


GROUPS = {
    "all": ["*"],
    "bars": ["[gs]et/1/everysec", "[gs]et/16/everysec", "[gs]et/64/everysec"],
    "always": ["*/always"],
    "none": ["*/none"],
    "quick": ["[gs]et/1/everysec", "[gs]et/16/everysec", "[gs]et/64/everysec", "set/16/always"],
}


def is_named(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def pick(text):
    """The rows that a list of names, patterns and groups means, separated by commas."""
    picked = []
    for word in text.split(","):
        patterns = GROUPS.get(word, [word])
        found = [each for each in all_rows() if is_named(each.name, patterns)]
        if not found:
            raise SystemExit(f"no row is named {word!r}; there are the groups {', '.join(GROUPS)} "
                             "and what --list shows")  # fmt: skip
        picked += [each for each in found if each not in picked]
    return picked
