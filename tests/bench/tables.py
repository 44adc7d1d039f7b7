#!/usr/bin/python3
"""Markdown tables of what has been measured, from build/bench/*.jsonl.

    tables.py [--session NAME] [--only compare,bars,store,...] [--write docs/benchmarks.md]

Without a session's name, of the newest in each file. --write puts each table between its two lines
"<!-- table: NAME -->" and "<!-- end of NAME -->" of a page, in place of what stands there, and
leaves alone those of which nothing has been measured.
"""

import argparse
import sys

import compare_tables
import footprint_tables
import results
import store_tables

# Name, file of results, and what makes the lines of the table from the lines of results.
TABLES = [
    ("bars", "compare", compare_tables.bars),
    ("compare", "compare", compare_tables.rates),
    ("latency", "compare", compare_tables.latencies),
    ("footprint", "footprint", footprint_tables.footprint),
    ("idle", "idle", footprint_tables.idle),
    ("peak", "peak", footprint_tables.peak),
    ("rewrite", "rewrite", footprint_tables.rewrite),
    ("restart", "restart", footprint_tables.restart),
    ("store", "store", store_tables.store),
    ("seven", "store", store_tables.seven),
]


def replace(page, name, text):
    """The page with the text between the two lines of that name."""
    begin, end = f"<!-- table: {name} -->\n", f"<!-- end of {name} -->\n"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"the page wants one line {begin.strip()} and one {end.strip()}")
    head, rest = page.split(begin)
    return head + begin + text + "\n" + end + rest.split(end)[1]


def main():
    parser = argparse.ArgumentParser(description="markdown tables of what has been measured")
    parser.add_argument("--session", help="default: the newest of each file")
    parser.add_argument("--only", help="names of tables, separated by commas")
    parser.add_argument("--write", metavar="PAGE", help="put them into this page")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else [name for name, _, _ in TABLES]
    unknown = set(wanted) - {name for name, _, _ in TABLES}
    if unknown:
        raise SystemExit(f"no table is named {', '.join(sorted(unknown))}")
    page = None
    if arguments.write:
        with open(arguments.write, encoding="utf-8") as file:
            page = file.read()
    for name, file, make in TABLES:
        lines = results.of_session(file, arguments.session) if name in wanted else []
        text = make(lines) if lines else ""
        if not text:
            continue
        if page is None:
            print(text + "\n")
        else:
            page = replace(page, name, text)
            print(f"{arguments.write}: {name}, session {lines[0]['session']}")
    if page is not None:
        with open(arguments.write, "w", encoding="utf-8") as file:
            file.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
