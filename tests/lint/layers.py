#!/usr/bin/python3
"""Checks how the source tree is put together.

- Includes point one way only: a layer includes itself and what stands below it.
- Only src/server includes libevent, only src/engine the system's file and mapping calls' seam.
- A .c file declares nothing of another file; its functions come from headers.
- A main.c stays below 100 lines, a file below 500 (or it stands in exceptions.txt).
- Every header has the guard that its path gives.
"""

import glob
import os
import re
import sys

sys.dont_write_bytecode = True
import exceptions  # noqa: E402  (after the line above, which keeps the folder clean)

BELOW = {
    "base": set(),
    "engine": {"base"},
    "import": {"base", "engine"},
    "keyspace": {"base", "engine"},
    "resp": {"base"},
    "server": {"base", "engine", "keyspace", "resp"},
    "commands": {"base", "engine", "keyspace", "resp", "server"},
    "check": {"base", "engine", "import"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
EXTERN = re.compile(r"^extern\s", re.M)
LINES_MAX = 500
MAIN_LINES_MAX = 100


def check_includes(path, text, complain):
    parts = path.split("/")
    layer = parts[1] if len(parts) > 2 else None
    for kind, name in INCLUDE.findall(text):
        if kind == "<":
            if (name.startswith("event2/") or name == "event.h") and layer != "server":
                complain(f"{path}: includes <{name}>: libevent belongs to src/server")
            continue
        target = name.split("/")[0]
        if "/" not in name or target not in BELOW:
            complain(f'{path}: "{name}": includes name their layer ("engine/engine.h")')
        elif not os.path.exists(os.path.join("src", name)):
            complain(f'{path}: "{name}" is not there')
        elif layer and target != layer and target not in BELOW[layer]:
            complain(f'{path}: "{name}": {layer} must not know of {target}')


def check_guard(path, text, complain):
    name = "SCDB_" + re.sub(r"[^A-Za-z0-9]", "_", path[len("src/") :]).upper()
    bare = name.replace("SCDB_ENGINE_SCDB_H", "SCDB_H")
    if f"#ifndef {name}\n" not in text and f"#ifndef {bare}\n" not in text:
        complain(f"{path}: its guard should be {name}")


def check_size(path, text, allowed, complain):
    lines = text.count("\n")
    if os.path.basename(path) == "main.c" and lines >= MAIN_LINES_MAX:
        complain(f"{path}: {lines} lines; it stays below {MAIN_LINES_MAX}")
    if lines > LINES_MAX and (path, "lines") not in allowed:
        complain(f"{path}: {lines} lines; over {LINES_MAX} it wants to be two files")
    if lines <= LINES_MAX and (path, "lines") in allowed:
        complain(f"{path}: no longer too long: take it off tests/lint/exceptions.txt")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    problems = []
    allowed = exceptions.load()
    paths = sorted(glob.glob("src/*.[ch]") + glob.glob("src/*/*.[ch]"))
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check_includes(path, text, problems.append)
        check_size(path, text, allowed, problems.append)
        if path.endswith(".h"):
            check_guard(path, text, problems.append)
        elif EXTERN.search(text):
            problems.append(f"{path}: declares something of another file: include its header")
    for path, _ in sorted(allowed):
        if not os.path.exists(path):
            problems.append(f"tests/lint/exceptions.txt: {path} is not there")
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
