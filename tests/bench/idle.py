#!/usr/bin/python3
"""What connections cost that do nothing: scdb and its peers.

    idle.py [--connections 10000] [--session NAME]

The server's own memory (RssAnon + RssShmem) beyond that before: with so many connections open;
after each has sent a PING and read its answer; after each has set and read a value of 10 KiB; and
after all are closed. Sockets' memory in the kernel is not in it. Results are kept; tables.py shows
them.
"""

import argparse
import resource
import sys

import load
import measure
import results
import rows
import servers

SPARE_DESCRIPTORS = 200
PART = 200  # connections that send before the first of them reads
VALUE_SIZE = 10240


def raise_limit(count):
    """So many descriptors for this process and the servers that it starts."""
    wanted = count + SPARE_DESCRIPTORS
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < wanted:
        raise SystemExit(f"{wanted} open files are needed and {hard} allowed: raise the hard limit "
                         "(ulimit -Hn, as root), or take fewer --connections")  # fmt: skip
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else hard, hard))


def read_exactly(connection, size):
    left = size
    while left:
        got = connection.recv(left)
        if not got:
            raise SystemExit("the server has closed a connection")
        left -= len(got)


def ask_all(connections, request, answer_size):
    for first in range(0, len(connections), PART):
        part = connections[first : first + PART]
        for connection in part:
            connection.sendall(request)
        for connection in part:
            read_exactly(connection, answer_size)


def measure_server(server, count, log):
    server.start()
    load.run(server, rows.row("set", 1, "everysec"), 20000)
    server.settle()
    before = measure.memory_bytes(server.pid)

    def note(step):
        server.settle()
        log.add(server=server.name, version=server.version(), connections=count, step=step,
                memory=measure.memory_bytes(server.pid) - before)  # fmt: skip

    connections = [server.connect() for _ in range(count)]
    ask_all(connections[-1:], b"PING\r\n", len(b"+PONG\r\n"))  # all before it are accepted
    note("open")
    ask_all(connections, b"PING\r\n", len(b"+PONG\r\n"))
    note("after a PING each")
    value = b"v" * VALUE_SIZE
    ask_all(connections, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%b\r\n" % (VALUE_SIZE, value),
            len(b"+OK\r\n"))  # fmt: skip
    ask_all(connections, b"GET k\r\n", len(b"$%d\r\n\r\n" % VALUE_SIZE) + VALUE_SIZE)
    note("after 10 KiB each way")
    for connection in connections:
        connection.close()
    note("closed")


def main():
    parser = argparse.ArgumentParser(description="what idle connections cost")
    parser.add_argument("--connections", type=int, default=10000)
    parser.add_argument("--session")
    arguments = parser.parse_args()
    raise_limit(arguments.connections)
    log = results.Log("idle", arguments.session or results.new_session())
    directives = servers.SYNC_DIRECTIVES["everysec"] + [("maxclients", arguments.connections + 50)]
    for server in servers.one_by_one(directives):
        print(f"{arguments.connections:,} connections to {server.name}", flush=True)
        measure_server(server, arguments.connections, log)
    return 0


if __name__ == "__main__":
    sys.exit(main())
