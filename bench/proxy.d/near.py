"""The program whose connections are forwarded. near.py HOST PORT d|u BYTES: seconds of one transfer.
near.py HOST PORT connect COUNT: seconds of so many connections with one byte each, from four processes."""
import os
import socket
import struct
import sys
import time

HOST, PORT, WHAT, COUNT = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
PROCESSES = 4
BLOCK = bytes(1 << 20)


def ask(what, count):
    connection = socket.create_connection((HOST, PORT), 30)
    connection.settimeout(60)
    connection.sendall(struct.pack("!cQ", what, count))
    return connection


def transfer(what, count):
    with ask(what, count) as connection:
        if what == b"u":
            left = count
            while left > 0:
                left -= connection.send(BLOCK[:left])
            assert connection.recv(1) == b"!"
            return
        buffer = bytearray(1 << 20)
        left = count
        while left > 0:
            got = connection.recv_into(buffer)
            assert got > 0, "%d bytes are missing" % left
            left -= got
        # The far end closes first: a closed port of this end would rest for a minute.
        assert connection.recv(1) == b""


def connect(count):
    children = []
    for _ in range(PROCESSES):
        child = os.fork()
        if child == 0:
            for _ in range(count // PROCESSES):
                transfer(b"d", 1)
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0, "a connection failed"


begun = time.monotonic()
if WHAT == "connect":
    connect(COUNT)
else:
    transfer(WHAT.encode(), COUNT)
print(time.monotonic() - begun)
