#!/usr/bin/python3
"""The engine alone beside LMDB and RocksDB: runs build/bench-stores and keeps what it says.

    store.py [--counts 7,10000,100000,1000000,10000000] [--rounds 5] [--stores scdb,lmdb,rocksdb]
             [--session NAME]

Seven keys are the case that scdb's ancestor was made for. tables.py and plots.py show the results.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import measure
import results

PROGRAM = os.environ.get("SCDB_BENCH_STORES") or os.path.join(measure.ROOT, "build", "bench-stores")


def measure_count(count, arguments, log):
    directory = tempfile.mkdtemp(prefix="scdb-bench-")
    command = [PROGRAM, directory, str(count), str(arguments.rounds)] + arguments.stores.split(",")
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                log.add(**json.loads(line))
        if process.returncode != 0:
            raise SystemExit(f"{PROGRAM} has failed with {count:,} keys")
    finally:
        shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser(description="the engine alone beside LMDB and RocksDB")
    parser.add_argument("--counts", default="7,10000,100000,1000000,10000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stores", default="scdb,lmdb,rocksdb")
    parser.add_argument("--session")
    arguments = parser.parse_args()
    log = results.Log("store", arguments.session or results.new_session())
    for count in [int(word) for word in arguments.counts.split(",")]:
        print(f"{count:,} keys", flush=True)
        measure_count(count, arguments, log)
    return 0


if __name__ == "__main__":
    sys.exit(main())
