"""Results are kept: one line of JSON each, appended to build/bench/FILE.jsonl as it is measured.

A session is what belongs together: it has a name, so that a run that was cut short can be taken up
again, and tables and plots are made from one session, the newest if none is named. Each line has
the session, when it was measured, the commit, the machine and how busy that was.
"""

import json
import os
import statistics
import subprocess
import time

import measure

DIRECTORY = os.environ.get("BENCH_RESULTS") or os.path.join(measure.ROOT, "build", "bench")


def path_of(file):
    return os.path.join(DIRECTORY, file + ".jsonl")


def new_session():
    return time.strftime("%Y-%m-%d-%H%M%S")


def commit():
    """What is measured; with + when files differ from it."""
    command = ["git", "-C", measure.ROOT, "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                           check=False)  # fmt: skip
    return found.stdout.strip() or "unknown"


class Log:
    """Results of one session in one file."""

    def __init__(self, file, session):
        self.file = file
        self.session = session
        self.common = {"session": session, "commit": commit(), "machine": measure.machine()}

    def add(self, **fields):
        os.makedirs(DIRECTORY, exist_ok=True)
        now = {"time": time.strftime("%Y-%m-%dT%H:%M:%S"), "load": round(os.getloadavg()[0], 2)}
        with open(path_of(self.file), "a", encoding="utf-8") as file:
            file.write(json.dumps({**self.common, **now, **fields}) + "\n")

    def lines(self):
        return [line for line in load(self.file) if line["session"] == self.session]


def load(file):
    """All lines of a file, the oldest first; none if there is no such file."""
    try:
        with open(path_of(file), encoding="utf-8") as source:
            return [json.loads(line) for line in source if line.strip()]
    except FileNotFoundError:
        return []


def of_session(file, session=None):
    """The lines of a session; without a name, of the one that was written to last."""
    lines = load(file)
    if lines and session is None:
        session = lines[-1]["session"]
    return [line for line in lines if line["session"] == session]


def median(values):
    return statistics.median(values)


def ratios(lines, field, ours, theirs):
    """Round by round, the field of one server divided by that of the other."""
    of_round = {(line["round"], line["server"]): line[field] for line in lines}
    rounds = sorted({number for number, _ in of_round})
    return [of_round[number, ours] / of_round[number, theirs] for number in rounds
            if of_round.get((number, ours)) and of_round.get((number, theirs))]  # fmt: skip
