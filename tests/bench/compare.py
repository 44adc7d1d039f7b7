#!/usr/bin/python3
"""scdb and its peers side by side under redis-benchmark: what `make bench` runs.

    compare.py [--rows all|bars|quick|NAMES] [--rounds 5] [--seconds 10] [--session NAME] [--list]
               [--minutes M] [--nice N]

Rows are those of rows.py. For each the servers, filled and with the same durability, take turns
run by run, in turned order every other round; a run begins when the server has no work left from
the one before, and the disk none. What every run gave is kept (results.py), so that a session that
was cut short goes on with --session NAME where it stopped; tables.py and plots.py show it. With
--minutes as many rounds are made as fit into that time, at least one, over all rows alike. With
--nice -15 (as root) servers and clients alike come before what else the machine does.
"""

import argparse
import os
import sys
import time

import load
import measure
import results
import rows
import servers


RUNS_MAX = 3  # one that turned out shorter than asked is made again, with more requests


class Clock:
    """Whether there is time for one more round like the last one."""

    def __init__(self, minutes):
        self.deadline = time.monotonic() + minutes * 60 if minutes else None
        self.round_began = None

    def begin_group(self):
        self.round_began = None

    def begin_round(self):
        """Whether the round may begin; the first of a group always may."""
        now = time.monotonic()
        took = now - self.round_began if self.round_began else 0
        if self.deadline and self.round_began and now + took > self.deadline:
            return False
        self.round_began = now
        return True


def group_rows(picked):
    """Lists of rows that can share servers, in their order. The counters of INCR are keys of their
    own, so INCR has servers of its own."""
    groups = {}
    for row in picked:
        shared = (row.sync, row.size, row.keys, row.command == "incr")
        groups.setdefault(shared, []).append(row)
    return list(groups.values())


def fill(server, row):
    """The keys that the row's load takes its own from by chance."""
    if row.command == "incr":
        measure.fill(server, row.keys, 0, prefix=b"counter:", value=b"1000000")
    else:
        measure.fill(server, row.keys, row.size)


def measure_round(number, row, running, log, requests):
    order = running if number % 2 == 0 else list(reversed(running))
    for server in order:
        if server.name not in requests:
            requests[server.name] = load.calibrate(server, row, log.seconds)
            server.settle()
        for _ in range(RUNS_MAX):
            os.sync()
            figures = load.run(server, row, requests[server.name])
            figures["settle_cpu_s"] = server.settle()
            requests[server.name] = load.enough(figures, row, log.seconds)
            if figures["seconds"] >= log.seconds:
                break
        log.add(row=row._asdict(), round=number, server=server.name, version=server.release,
                **figures)  # fmt: skip
        print(f"  {row.name:26} round {number + 1} {server.name:8} {figures['rate']:12,.0f}/s "
              f"{figures['rate_cpu']:12,.0f}/CPU s  p99 {figures['p99']:8.3f} ms  "
              f"{figures['seconds']:.1f} s", flush=True)  # fmt: skip


def measure_group(group, log, arguments, clock):
    """All rounds of rows that share their servers."""
    running = servers.make_all(servers.SYNC_DIRECTIVES[group[0].sync])
    try:
        for server in running:
            server.start()
            server.release = server.version()
            fill(server, group[0])
        requests = {row.name: {} for row in group}
        clock.begin_group()
        for number in range(arguments.rounds):
            left = [row for row in group if (row.name, number) not in log.done]
            if left and not clock.begin_round():
                break
            for row in left:
                measure_round(number, row, running, log, requests[row.name])
    finally:
        for server in running:
            server.close()


def open_log(arguments):
    log = results.Log("compare", arguments.session or results.new_session())
    log.seconds = arguments.seconds
    count = len(servers.peers_wanted())
    seen = {}
    for line in log.lines():
        seen.setdefault((line["row"]["name"], line["round"]), set()).add(line["server"])
    log.done = {key for key, names in seen.items() if len(names) >= count}
    return log


def main():
    parser = argparse.ArgumentParser(description="scdb and its peers side by side")
    parser.add_argument("--rows", default="all", help="names, patterns or groups of rows.py")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="how long a run is at least")
    parser.add_argument("--minutes", type=float, help="stop before so much time has passed")
    parser.add_argument("--nice", type=int, default=0, help="of servers and clients")
    parser.add_argument("--session", help="go on with a session, or how a new one is called")
    parser.add_argument("--list", action="store_true", help="show the rows that are picked")
    arguments = parser.parse_args()
    picked = rows.pick(arguments.rows)
    if arguments.list:
        print("\n".join(row.name for row in picked))
        return 0
    os.nice(arguments.nice)
    log, clock = open_log(arguments), Clock(arguments.minutes)
    print(f"session {log.session}: {len(picked)} rows, {arguments.rounds} rounds of "
          f"{arguments.seconds:g} s; {measure.machine()}", flush=True)  # fmt: skip
    for group in group_rows(picked):
        if any((row.name, number) not in log.done
               for row in group for number in range(arguments.rounds)):  # fmt: skip
            measure_group(group, log, arguments, clock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
