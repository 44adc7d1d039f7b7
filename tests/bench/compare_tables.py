"""The tables of compare.py: rates, latencies, and what is to be reached."""

import statistics

import results

# Requests of a CPU second of the server, beside redis-server's: what is to be reached.
BARS = {
    "get/1/everysec": 1.15,
    "get/16/everysec": 2.2,
    "get/64/everysec": 3.5,
    "set/1/everysec": 1.2,
    "set/16/everysec": 2.5,
    "set/64/everysec": 4.0,
}
# Requests a second, under `always`.
RATE_BARS = {"set/1/always": 1.5, "set/16/always": 2.0}
# Requests a second with two workers.
WORKERS_BARS = {"get/1/everysec": 1.0, "set/1/everysec": 1.0}
PEER = "redis"
OURS = "scdb"
WORKERS = "scdb-2w"


def by_row(lines):
    """The lines of each row's name, in the order of measuring."""
    found = {}
    for line in lines:
        found.setdefault(line["row"]["name"], []).append(line)
    return found


def peers_of(lines):
    names = []
    for line in lines:
        if line["server"] not in names and line["server"] != OURS:
            names.append(line["server"])
    return sorted(names, key=lambda name: name != PEER)


def of_server(lines, server, field):
    return [line[field] for line in lines if line["server"] == server]


def thousands(values):
    middle = statistics.median(values)
    return f"{middle / 1000:,.0f}k" if middle >= 1000 else f"{middle:,.0f}"


def spread(values):
    """A median with the smallest and the largest."""
    if not values:
        return "-"
    return f"**{statistics.median(values):.2f}** ({min(values):.2f}-{max(values):.2f})"


def description(lines):
    """What, when, on what and how long."""
    rounds = max(line["round"] for line in lines) + 1
    shortest = min(line["seconds"] for line in lines)
    loads = [line["load"] for line in lines]
    versions = sorted({line["version"] for line in lines})
    return (
        f"Session {lines[0]['session']}, commit {lines[0]['commit']}; {', '.join(versions)}; "
        f"{lines[0]['machine']}. Up to {rounds} rounds, runs of {shortest:.1f} s or more; load "
        f"average {min(loads):.1f} to {max(loads):.1f} (of it about 2 the benchmark's own)."
    )


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def rates(lines):
    """Requests a second and of a CPU second, beside each peer."""
    heads, body = ["row", "rounds"], []
    peers = peers_of(lines)
    for title in ("req/s", "req/CPU s"):
        heads += [f"{OURS} {title}"] + [word for peer in peers for word in (peer, "ratio")]
    for name, of_row in by_row(lines).items():
        cells = [name, str(len({line["round"] for line in of_row}))]
        for field in ("rate", "rate_cpu"):
            cells.append(thousands(of_server(of_row, OURS, field)))
            for peer in peers:
                theirs = of_server(of_row, peer, field)
                cells.append(thousands(theirs) if theirs else "-")
                cells.append(spread(results.ratios(of_row, field, OURS, peer)))
        body.append(cells)
    return description(lines) + "\n\n" + table(heads, body)


def latencies(lines):
    """Percentiles in milliseconds, and their ratio: above 1 where the peer's is longer."""
    peers = peers_of(lines)
    heads = ["row"]
    for field in ("p50", "p99", "p99.9"):
        heads.append(f"{OURS} {field} ms")
        heads += [word for peer in peers for word in (peer, f"{peer} / {OURS}")]
    body = []
    for name, of_row in by_row(lines).items():
        cells = [name]
        for field in ("p50", "p99", "p999"):
            cells.append(f"{statistics.median(of_server(of_row, OURS, field)):.2f}")
            for peer in peers:
                theirs = of_server(of_row, peer, field)
                cells.append(f"{statistics.median(theirs):.2f}" if theirs else "-")
                cells.append(spread(results.ratios(of_row, field, peer, OURS)))
        body.append(cells)
    return table(heads, body)


def bars(lines):
    """The rows for which there is a bar."""
    body = []
    for wanted, field, title, ours in (
        (BARS, "rate_cpu", "req/CPU s", OURS),
        (RATE_BARS, "rate", "req/s", OURS),
        (WORKERS_BARS, "rate", "req/s, two workers", WORKERS),
    ):
        for name, bar in wanted.items():
            found = results.ratios(by_row(lines).get(name, []), field, ours, PEER)
            if found:
                middle = statistics.median(found)
                verdict = "reached" if middle >= bar else f"{middle / bar:.0%} of it"
                body.append([name, title, f"{bar:g}", spread(found), verdict])
    if not body:
        return ""
    heads = ["row", "measured in", "bar", "ratio to redis-server", "the bar is"]
    return table(heads, body)
