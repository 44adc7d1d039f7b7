#!/usr/bin/python3
"""Plots of what has been measured, drawn by gnuplot as SVG.

    plots.py DIRECTORY [--session NAME]

pipeline.svg: requests a second, and of a CPU second of the server, by depth of the pipeline.
latency.svg: p50, p99 and p99.9 by depth of the pipeline. keys.svg: what an operation of the engine
takes by number of keys, beside LMDB and RocksDB. Each from the newest session of its file, or the
one named; what was not measured is left alone. Points are medians, bars go from the smallest to the
largest.
"""

import argparse
import os
import statistics
import subprocess
import sys

import results

HEAD = """
set terminal svg size {width},{height} font "sans-serif,13" background rgb "white"
set output "{path}"
set datafile missing "-"
set grid ytics lt 1 lw 1 lc rgb "#dddddd"
set border 3
set tics nomirror
set key top left reverse Left
set multiplot layout {rows},{columns} title "{title}" font ",11"
"""
COLORS = {"scdb": "#0060ad", "redis": "#c0392b", "lmdb": "#27ae60", "rocksdb": "#8e44ad"}
OTHER_COLOR = "#7f8c8d"
PANEL_SIZE = (440, 330)
ENGINE_OPERATIONS = ("get", "set", "delete", "scan")
SEVEN = 7
LOAD = "50 connections, 1M keys of 100 bytes, everysec; "


class Page:
    """One SVG file of some panels."""

    def __init__(self, directory, name, title, panels_a_row):
        self.path = os.path.join(directory, name)
        self.title = title
        self.panels_a_row = panels_a_row
        self.panels = []

    def add(self, title, settings, series):
        """`series`: pairs of a name and points (x, median, least, most)."""
        blocks, curves = [], []
        for number, (name, points) in enumerate(series):
            block = f"$data{len(self.panels)}_{number}"
            rows = "\n".join(" ".join(f"{value:.6g}" for value in point) for point in points)
            blocks.append(f"{block} << EOD\n{rows}\nEOD")
            color = COLORS.get(name.split(" ")[0], OTHER_COLOR)
            dash = " dt 2" if " " in name else ""
            style = f'lc rgb "{color}"'
            curves.append(f'{block} using 1:2 with lines lw 2 {style}{dash} title "{name}"')
            curves.append(f"{block} using 1:2:3:4 with yerrorbars pt 7 ps 0.5 {style} notitle")
        heading = f'\nset title "{title}"\n{settings}\nplot '
        self.panels.append("\n".join(blocks) + heading + ", \\\n  ".join(curves))

    def draw(self):
        if not self.panels:
            return
        rows = -(-len(self.panels) // self.panels_a_row)
        head = HEAD.format(
            width=PANEL_SIZE[0] * self.panels_a_row,
            height=PANEL_SIZE[1] * rows + 30,
            path=self.path,
            rows=rows,
            columns=self.panels_a_row,
            title=self.title.replace('"', ""),
        )
        text = head + "\n".join(self.panels) + "\nunset multiplot\n"
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
        print(self.path)


def point(x, values, scale=1.0):
    return (x, statistics.median(values) / scale, min(values) / scale, max(values) / scale)


def servers_of(lines):
    """Ours first."""
    return sorted({line["server"] for line in lines}, key=lambda name: (name != "scdb", name))


def of_load(lines, command):
    """The lines of the plain rows of a command: everysec, 100 bytes, 50 connections."""
    return [line for line in lines if line["row"]["name"] ==
            f"{command}/{line['row']['pipeline']}/everysec"]  # fmt: skip


def curve(lines, server, field, scale=1.0):
    """Points by depth of the pipeline."""
    depths = sorted({line["row"]["pipeline"] for line in lines})
    found = []
    for depth in depths:
        values = [line[field] for line in lines
                  if line["server"] == server and line["row"]["pipeline"] == depth]  # fmt: skip
        if values:
            found.append(point(depth, values, scale))
    return found


DEPTH_SETTINGS = """
set logscale x 2
set xrange [0.8:80]
set xtics (1, 16, 64)
set xlabel "commands in a pipeline"
set yrange [0:*]
set ylabel "{unit}"
"""


def subtitle(lines):
    return f"{lines[0]['machine']}, commit {lines[0]['commit']}, {lines[0]['time'][:10]}"


def draw_pipeline(directory, lines):
    page = Page(directory, "pipeline.svg", LOAD + subtitle(lines), 2)
    for command in ("get", "set"):
        rows = of_load(lines, command)
        for field, unit in (("rate", "requests/s, millions"),
                            ("rate_cpu", "requests/CPU s, millions")):  # fmt: skip
            if rows:
                series = [(name, curve(rows, name, field, 1e6)) for name in servers_of(rows)]
                page.add(command.upper(), DEPTH_SETTINGS.format(unit=unit), series)
    page.draw()


def draw_latency(directory, lines):
    page = Page(directory, "latency.svg", LOAD + subtitle(lines), 3)
    for command in ("get", "set"):
        rows = of_load(lines, command)
        for field, name in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9")):
            if rows:
                series = [(server, curve(rows, server, field)) for server in servers_of(rows)]
                page.add(f"{command.upper()} {name}", DEPTH_SETTINGS.format(unit="ms"), series)
    page.draw()


KEYS_SETTINGS = """
set logscale xy
set xlabel "keys"
set format x "10^{%L}"
set xrange [5e3:2e7]
set yrange [10:50000]
set ylabel "ns an operation"
"""


def draw_keys(directory, lines):
    page = Page(directory, "keys.svg", "one thread, values of 100 bytes; " + subtitle(lines), 2)
    stores = sorted({line["store"] for line in lines}, key=lambda name: (name != "scdb", name))
    for operation in ENGINE_OPERATIONS:
        series = []
        for store in stores:
            of_store = [line for line in lines if line["op"] == operation
                        and line["store"] == store and line["keys"] != SEVEN]  # fmt: skip
            points = [point(keys, [line["ns"] for line in of_store if line["keys"] == keys])
                      for keys in sorted({line["keys"] for line in of_store})]  # fmt: skip
            if points:
                series.append((store, points))
        if series:
            page.add(operation, KEYS_SETTINGS, series)
    page.draw()


def main():
    parser = argparse.ArgumentParser(description="plots of what has been measured")
    parser.add_argument("directory")
    parser.add_argument("--session", help="default: the newest of each file")
    arguments = parser.parse_args()
    os.makedirs(arguments.directory, exist_ok=True)
    for file, draws in (("compare", (draw_pipeline, draw_latency)), ("store", (draw_keys,))):
        lines = results.of_session(file, arguments.session)
        for draw in draws if lines else ():
            draw(arguments.directory, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
