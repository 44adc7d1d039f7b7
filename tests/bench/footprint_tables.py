"""The tables of memory, disk, connections, peaks, rewrites and starts."""

import statistics

from compare_tables import table

MIB = 1 << 20


def head(lines):
    """Where a table's numbers come from."""
    loads = [line["load"] for line in lines]
    versions = sorted({line["version"] for line in lines if "version" in line})
    return (
        f"Session {lines[0]['session']}, commit {lines[0]['commit']}; "
        f"{''.join(version + ', ' for version in versions)}{lines[0]['machine']}, load average "
        f"{min(loads):.1f} to {max(loads):.1f}."
    )


def distinct(lines, field):
    """The values of a field in the order in which they first come."""
    return list(dict.fromkeys(line[field] for line in lines))


def footprint(lines):
    """Bytes a key by number of keys, server and step."""
    body = []
    for keys in distinct(lines, "keys"):
        for server in distinct(lines, "server"):
            cells = [f"{keys:,}", server]
            for kind in ("memory", "disk"):
                for step in ("filled", "overwritten", "rewritten"):
                    wanted = (keys, server, step)
                    found = [line[kind] / keys for line in lines
                             if (line["keys"], line["server"], line["step"]) == wanted]
                    cells.append(f"{statistics.median(found):,.1f}" if found else "-")
            body.append(cells)
    heads = ["keys", "server", "memory: filled", "overwritten", "rewritten", "disk: filled",
             "overwritten", "rewritten"]  # fmt: skip
    return head(lines) + " Bytes a key.\n\n" + table(heads, body)


def idle(lines):
    """MiB beyond the memory before, for each step."""
    steps = distinct(lines, "step")
    body = []
    for server in distinct(lines, "server"):
        of_server = [line for line in lines if line["server"] == server]
        found = {line["step"]: line for line in of_server}
        cells = [f"{of_server[0]['connections']:,}", server]
        for step in steps:
            line = found.get(step)
            each = f"{line['memory'] / MIB:.1f} MiB ({line['memory'] / line['connections']:,.0f})"
            cells.append(each if line else "-")
        body.append(cells)
    return (
        head(lines) + " Memory beyond that before, in parentheses bytes for each connection.\n\n"
        + table(["connections", "server"] + steps, body)
    )  # fmt: skip


def peak(lines):
    """MiB in and after each peak."""
    body = []
    for server in distinct(lines, "server"):
        of_server = [line for line in lines if line["server"] == server]
        most = max(line["most"] for line in of_server)
        body.append(
            [server, f"{of_server[0]['before'] / MIB:.1f}", f"{most / MIB:.1f}"]
            + [f"{line['after'] / MIB:.1f}" for line in of_server]
        )
    count = max(len(row) for row in body) - 3
    heads = ["server", "MiB before", "most in a peak, beyond that"]
    heads += [f"after peak {number + 1}" for number in range(count)]
    return head(lines) + "\n\n" + table(heads, body)


def rewrite(lines):
    """Percentiles of the recorder, medians of the rounds."""
    body = []
    for server in distinct(lines, "server"):
        for disturbed in (False, True):
            rows = [line for line in lines
                    if line["server"] == server and line["disturbed"] == disturbed]  # fmt: skip
            if rows:
                cells = [server, "one rewrite after the other" if disturbed else "undisturbed"]
                for field in ("p50", "p99", "p99.9", "max"):
                    values = [row[field] for row in rows]
                    cells.append(f"{statistics.median(values):.2f} "
                                 f"({min(values):.2f}-{max(values):.2f})")  # fmt: skip
                cells.append(f"{statistics.median([row['rewrites'] for row in rows]):.0f}")
                body.append(cells)
    first = lines[0]
    heads = ["server", "", "GET p50 ms", "p99 ms", "p99.9 ms", "longest ms", "rewrites"]
    return (
        head(lines) + f" {first['keys']:,} keys of {first['value']} bytes, {first['rate']:,.0f} "
        "SETs a second beside the GETs.\n\n" + table(heads, body)
    )  # fmt: skip


def restart(lines):
    """Seconds of each kind of start by number of keys."""
    body = []
    for keys in distinct(lines, "keys"):
        of_keys = [line for line in lines if line["keys"] == keys]
        walls = {start: statistics.median([line["seconds"] for line in of_keys
                                           if line["start"] == start])
                 for start in distinct(of_keys, "start")}  # fmt: skip
        for start, wall in walls.items():
            rows = [line for line in of_keys if line["start"] == start]
            seconds = [line["seconds"] for line in rows]
            cells = [f"{keys:,}", start, f"{wall:.3f} ({min(seconds):.3f}-{max(seconds):.3f})",
                     f"{statistics.median([line['cpu_s'] for line in rows]):.2f}"]  # fmt: skip
            for peer in ("redis log", "redis base"):
                cells.append(f"{walls[peer] / wall:.1f}" if peer in walls else "-")
            body.append(cells)
    heads = ["keys", "start", "seconds", "CPU seconds", "redis log / this", "redis base / this"]
    return head(lines) + "\n\n" + table(heads, body)
