"""The two lists beside this file: skips.txt (which tests are not run, and why) and expected.txt (how
many of each file pass)."""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


class ListError(Exception):
    """A line of a list can't be understood; the text says which."""


def _lines(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as text:
        for number, line in enumerate(text, 1):
            line = line.strip()
            if line and not line.startswith("#"):
                yield f"{name}:{number}", line


class Skips:
    """skips.txt. A line is `FILE [MODE] | NAME | REASON`; the NAME * stands for the whole file."""

    def __init__(self):
        self.files = {}  # file: reason
        self.tests = []  # (file, mode or None, name, reason)
        for where, line in _lines("skips.txt"):
            head, bar, rest = line.partition(" | ")
            name, second_bar, reason = rest.rpartition(" | ")
            words = head.split()
            if not bar or not second_bar or not reason or len(words) not in (1, 2):
                raise ListError(f"{where}: expected 'FILE [MODE] | NAME | REASON', got '{line}'")
            mode = words[1] if len(words) == 2 else None
            if mode not in (None, "external", "spawned"):
                raise ListError(f"{where}: the mode is external or spawned, not '{mode}'")
            if name == "*" and mode is None:
                self.files[words[0]] = reason
            else:
                self.tests.append((words[0], mode, name, reason))

    def names(self, file, mode):
        """The names that are not to be run; None when the whole file isn't."""
        if file in self.files:
            return None
        found = [name for of, when, name, _ in self.tests if of == file and when in (None, mode)]
        return None if "*" in found else found

    def is_listed(self, file, mode, name):
        """Is this test of a file among them? Patterns are read as the harness does, nearly."""
        for listed in self.names(file, mode) or []:
            pattern = listed[1:] if listed.startswith("/") else None
            if listed == name or (pattern and re.search(pattern, name)):
                return True
        return False


def expected():
    """{file: {mode: count}} of expected.txt, whose lines are `FILE EXTERNAL SPAWNED`."""
    counts = {}
    for where, line in _lines("expected.txt"):
        words = line.split()
        if len(words) != 3 or not words[1].isdigit() or not words[2].isdigit():
            raise ListError(f"{where}: expected 'FILE EXTERNAL SPAWNED', got '{line}'")
        counts[words[0]] = {"external": int(words[1]), "spawned": int(words[2])}
    return counts
