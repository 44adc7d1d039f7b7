"""Our server and a redis-server beside it, for as long as a module's tests run:

    from pair import ours, setUpModule, tearDownModule, theirs
"""

from server import Server

ours = Server()
theirs = Server(reference=True)


def setUpModule():
    ours.start()
    theirs.start()


def tearDownModule():
    ours.close()
    theirs.close()
