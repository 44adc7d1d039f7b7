#!/usr/bin/env python3
"""What compaction costs those who are served meanwhile, and whether the disk stays below its bound.

For each round two servers run one after the other with the same load: without compaction and with
it. One process overwrites random keys, in pipelines, until it has written so many times the live
size; another, latency_recorder.c, asks for one key at a time and records how long every answer
took. Meanwhile the size of the data directory is sampled every 100 ms and compared with the bound
of docs/operations.md. On a machine that does other work, too, --nice -15 (as root) lets one see
through that: it holds for the server and the recorder.

    tests/bench/compaction.py [--keys 65536] [--value 1000] [--times 10] [--rounds 3]
                              [--rate BYTES_PER_SECOND] [--segment 8mb] [--nice N] [--realtime]
                              [--worst]

--worst tells of the ten longest answers what the server's threads did meanwhile: how long each ran,
and how long it was ready to run and had no processor.
"""
import argparse
import multiprocessing
import os
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

SERVER = os.environ.get("SCDB_SERVER", "build/scdb-server")
RECORDER = os.environ.get("SCDB_LATENCY_RECORDER", "build/tests/bench/latency_recorder")


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    return client


def request(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def read_replies(client, count):
    """Reads so many replies of +OK."""
    left = count * 5
    while left > 0:
        got = client.recv(left)
        if not got:
            raise SystemExit("the server closed the connection")
        left -= len(got)


def info(client):
    client.sendall(request("INFO", "scdb"))
    text = b""
    while b"\r\n" not in text:
        text += client.recv(65536)
    size = int(text[1 : text.index(b"\r\n")]) + text.index(b"\r\n") + 4
    while len(text) < size:
        text += client.recv(65536)
    lines = [line.split(":", 1) for line in text.decode().split("\r\n") if ":" in line]
    return {name: value for name, value in lines}


def write(path, options, seed, total):
    """Overwrites (or, with seed None, loads) `total` bytes in pipelines of 16."""
    client = connect(path)
    chance = random.Random(seed)
    value = os.urandom(options.value)
    written, number, start = 0, 0, time.monotonic()
    while written < total:
        batch = []
        for _ in range(16):
            key = number if seed is None else chance.randrange(options.keys)
            number += 1
            batch.append(request("SET", "key:%d" % key, value))
        client.sendall(b"".join(batch))
        read_replies(client, 16)
        written += 16 * options.value
        ahead = written / options.rate - (time.monotonic() - start) if options.rate else 0
        if seed is not None and ahead > 0:
            time.sleep(ahead)


def start_recorder(path, options, prefix):
    """A client that asks for one key at a time and notes each answer, in C so that it does not
    pause itself (latency_recorder.c); `prefix` is what starts it."""
    return subprocess.Popen(
        [*prefix, RECORDER, path, str(options.keys), str(options.value)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def stop_recorder(recorder):
    """Its figures, in ms, and its ten longest answers as it prints them."""
    text, _ = recorder.communicate()
    if recorder.returncode != 0:
        raise SystemExit("the recorder has failed")
    lines = text.splitlines()
    figures = dict(line.split() for line in lines if not line.startswith("worst"))
    worst = [line.split() for line in lines if line.startswith("worst")]
    return {name: int(value) / (1 if name == "requests" else 1000)
            for name, value in figures.items()}, worst


def describe(words):
    """A line of the recorder's: worst US unscheduled US at SECOND {THREAD ran US waited US}."""
    took, unscheduled, at, threads = words[1], words[3], words[5], words[6:]
    text = "%.1f ms, %.1f of them the client's own, at %s" % (
        int(took) / 1000, int(unscheduled) / 1000, at)
    for name, _, ran, _, waited in zip(*[iter(threads)] * 5):
        text += "; %s ran %.1f, waited for a processor %.1f" % (
            name, int(ran) / 1000, int(waited) / 1000)
    return text


def disk_used(directory):
    """Bytes of the files on the disk, and of RESERVE and the checkpoints among them."""
    used = extra = 0
    for entry in os.scandir(directory):
        try:
            size = entry.stat().st_blocks * 512
        except FileNotFoundError:
            continue
        used += size
        extra += size if entry.name == "RESERVE" or entry.name.endswith(".index") else 0
    return used, extra


def memory_size(text):
    return int(text[:-2]) << 20 if text.endswith("mb") else int(text)


def watch(writer, directory, client, options):
    """Until the writer is done: the most bytes on the disk, and the most as part of the bound."""
    most, share = 0, 0.0
    while writer.is_alive():
        used, extra = disk_used(directory)
        live = int(info(client)["live_bytes"])
        bound = 2 * live + 4 * memory_size(options.segment) + extra
        most, share = max(most, used), max(share, used / bound)
        time.sleep(0.1)
    return most, share


def run(options, percentage, seed):
    """One server's life; returns its figures."""
    home = tempfile.mkdtemp(prefix="scdb-compaction-")
    path = os.path.join(home, "socket")
    data = os.path.join(home, "data")
    server = subprocess.Popen(
        [*options.prefix, SERVER, "--port", "0", "--unixsocket", path, "--dir", data, "--loglevel", "warning",
         "--segment-size", options.segment, "--compaction-interval", "0",
         "--compaction-garbage-percentage", str(percentage)])
    try:
        while not os.path.exists(path):
            time.sleep(0.02)
        live = options.keys * options.value
        write(path, options, None, live)
        client = connect(path)
        prefix = ["chrt", "-f", "10"] if options.realtime else options.prefix
        recorder = start_recorder(path, options, prefix)
        writer = multiprocessing.Process(
            target=write, args=(path, options, seed, live * options.times))
        begin = time.monotonic()
        writer.start()
        most, share = watch(writer, data, client, options)
        seconds = time.monotonic() - begin
        figures, worst = stop_recorder(recorder)
        if options.worst:
            for words in worst:
                print("    " + describe(words))
        found = info(client)
        return {
            **figures,
            "MB/s": live * options.times / seconds / 1e6,
            "disk MB": most / 1e6,
            "of bound": share,
            "moved": int(found["compaction_moved_bytes"]) / (live * options.times),
            "slowed": int(found["slowed_writes"]),
        }
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(home)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=65536)
    parser.add_argument("--value", type=int, default=1000)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0, help="bytes a second, 0 = all it can")
    parser.add_argument("--segment", default="8mb")
    parser.add_argument("--nice", type=int, help="of the server and of the client that records")
    parser.add_argument("--realtime", action="store_true",
                        help="the client that records never waits for a processor (chrt, as root)")
    parser.add_argument("--worst", action="store_true", help="print the ten longest answers, too")
    options = parser.parse_args()
    options.prefix = [] if options.nice is None else ["nice", "-n", str(options.nice)]
    results = {0: [], 40: []}
    for round_number in range(options.rounds):
        for percentage in (0, 40):
            found = run(options, percentage, round_number)
            results[percentage].append(found)
            figures = ", ".join("%s %.3g" % pair for pair in found.items())
            print("%s compaction: %s" % ("with" if percentage else "without", figures), flush=True)
    for name in results[0][0]:
        without, having = ([found[name] for found in results[p]] for p in (0, 40))
        print("%-9s without %8.3g (%.3g to %.3g)   with %8.3g (%.3g to %.3g)" % (
            name, statistics.median(without), min(without), max(without),
            statistics.median(having), min(having), max(having)))


if __name__ == "__main__":
    main()
