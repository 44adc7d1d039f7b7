"""Reads exceptions.txt: which functions and files may be larger than the house style allows."""

import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exceptions.txt")


def load():
    """Set of (path, name)."""
    found = set()
    with open(PATH, encoding="utf-8") as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if words:
                found.add((words[0], words[1]))
    return found
