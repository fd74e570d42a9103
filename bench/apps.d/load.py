"""One measurement of a program's sockets, as a number: load.py sockets|connections|throughput|paced|listen [ADDRESS]."""

import socket
import struct
import sys
import time

CONNECTIONS, SINK = 5001, 5002
MEGABYTE = bytes(1 << 20)


def sockets(count=60_000):
    """Nanoseconds of processor time of socket() and close()."""
    begin = time.process_time_ns()
    for _ in range(count):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    return (time.process_time_ns() - begin) / count


def connect(address):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        # Ends with a reset: no connection stays in TIME_WAIT.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.connect((address, CONNECTIONS))


def connections(address, count=6_000):
    """Microseconds of a new connection."""
    begin = time.perf_counter_ns()
    for _ in range(count):
        connect(address)
    return (time.perf_counter_ns() - begin) / count / 1000


def paced(address, rate=5_000, seconds=5):
    """Connections that were made in a second, at most the rate."""
    begin = time.perf_counter()
    for number in range(rate * seconds):
        wait = begin + number / rate - time.perf_counter()
        if wait > 0.001:
            time.sleep(wait)
        connect(address)
    return rate * seconds / (time.perf_counter() - begin)


def throughput(address, megabytes=600):
    """Milliseconds for 100 megabytes."""
    with socket.create_connection((address, SINK)) as s:
        begin = time.perf_counter_ns()
        for _ in range(megabytes):
            s.sendall(MEGABYTE)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
    return (time.perf_counter_ns() - begin) / 1e6 * 100 / megabytes


def listen():
    import threading

    def sink():
        with socket.create_server(("", SINK)) as server:
            while True:
                peer, _ = server.accept()
                buffer = bytearray(1 << 20)
                while peer.recv_into(buffer):
                    pass
                peer.close()

    threading.Thread(target=sink, daemon=True).start()
    with socket.create_server(("", CONNECTIONS), backlog=4096) as server:
        print("ready", flush=True)
        while True:
            server.accept()[0].close()


print({"sockets": sockets, "listen": listen}[sys.argv[1]]() if len(sys.argv) == 2 else globals()[sys.argv[1]](sys.argv[2]))
