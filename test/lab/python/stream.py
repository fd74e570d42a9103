"""A one-way stream of UDP datagrams until stdin ends: stream.py SENDER FROM RECEIVER TO PER_SECOND

FROM and TO are IPv4 addresses in the two namespaces. The receiver sends one datagram first, so that a packet filter there
takes the stream for the answer. Prints how many have come: the first, and each hundredth.
"""

import select
import socket
import sys
import time

import workers

PORT = 9999


def socket_in(namespace, address):
    workers.enter(namespace)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, PORT))
    sock.setblocking(False)
    return sock


def arrived(receiver):
    try:
        receiver.recv(64)
        return 1
    except BlockingIOError:
        return 0


def main():
    sender_namespace, source, receiver_namespace, target, per_second = sys.argv[1:]
    sender = socket_in(sender_namespace, source)
    receiver = socket_in(receiver_namespace, target)
    receiver.sendto(b"begin", (source, PORT))
    pause = 1 / int(per_second)
    due = time.monotonic()
    came = 0
    while not select.select([0], [], [], max(0.0, due - time.monotonic()))[0]:
        due = max(due + pause, time.monotonic() - pause)
        try:
            sender.sendto(b"stream", (target, PORT))
        except OSError:
            pass
        if arrived(receiver):
            came += 1
            if came % 100 == 1:
                print(came, flush=True)


main()
