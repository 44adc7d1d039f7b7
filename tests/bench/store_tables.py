"""The tables of `make bench-engine`: nanoseconds an operation, by number of keys and with seven."""

import statistics

from compare_tables import table
from footprint_tables import distinct, head

OPERATIONS = ("get", "set", "delete", "insert", "scan")
SEVEN = 7
SEVEN_OPERATIONS = ("get", "set", "delete", "clear", "compact")
# What the ancestor takes on a machine like the one of docs/benchmarks.md, with seven keys.
ANCESTOR_NS = {"get": 66, "set": 1150, "delete": 567, "clear": 6000, "compact": 20e6}


def values_of(lines, keys, store, operation, field="ns"):
    wanted = (keys, store, operation)
    return [line[field] for line in lines if (line["keys"], line["store"], line["op"]) == wanted]


def ratio(lines, keys, peer, operation):
    """Median of the rounds' ratios, of time and of the caller's processor time."""
    cells = []
    for field in ("ns", "cpu_ns"):
        ours = values_of(lines, keys, "scdb", operation, field)
        theirs = values_of(lines, keys, peer, operation, field)
        of_rounds = [their / our for our, their in zip(ours, theirs)]
        cells.append(f"{statistics.median(of_rounds):.1f}" if of_rounds else "-")
    return f"**{cells[0]}**, {cells[1]}"


def cell(values):
    if not values:
        return "-"
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


def store(lines):
    """Each store by number of keys, and how many times as long the others take."""
    body = []
    counts = [keys for keys in distinct(lines, "keys") if keys != SEVEN]
    stores = distinct(lines, "store")
    peers = [name for name in stores if name != "scdb"]
    for operation in OPERATIONS:
        for keys in counts:
            found = {name: values_of(lines, keys, name, operation) for name in stores}
            cells = [operation, f"{keys:,}", cell(found.get("scdb", []))]
            for peer in peers:
                cells.append(cell(found[peer]))
                cells.append(ratio(lines, keys, peer, operation))
            body.append(cells)
    if not body or "scdb" not in stores:
        return ""
    heads = ["", "keys", "scdb ns"]
    heads += [word for peer in peers for word in (f"{peer} ns", f"{peer} / scdb")]
    text = " The second ratio is that of the calling thread's processor time."
    return head(lines) + text + "\n\n" + table(heads, body)


def seven(lines):
    """Seven keys, beside the ancestor."""
    stores = distinct(lines, "store")
    body = []
    for operation in SEVEN_OPERATIONS:
        found = [values_of(lines, SEVEN, name, operation) for name in stores]
        if any(found):
            body.append([operation] + [cell(values) for values in found]
                        + [f"{ANCESTOR_NS[operation]:,.0f}"])  # fmt: skip
    if not body:
        return ""
    heads = ["seven keys"] + [f"{name} ns" for name in stores] + ["the ancestor, ns"]
    return table(heads, body)
