"""Answers in a namespace until stdin ends: responder.py NAMESPACE ADDRESS... 

On each address: UDP and TCP echo on 7, 9, 80, 123, 443, 853, and a resolver on 53 whose answer to everything is
198.51.100.10. Prints "ready" when all sockets listen.
"""

import os
import selectors
import socket
import struct
import sys
import time

import workers

UDP_PORTS = (7, 9, 53, 123, 443, 853)
TCP_PORTS = (7, 53, 80, 443, 853)
IDLE_SECONDS = 60


def answer(query):
    """The question back with one A record (RFC 1035 section 4), the name as a pointer to the question's."""
    if len(query) < 12:
        return query
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    record = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton("198.51.100.10")
    return head + query[12:] + record


def listen(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind, ports in ((socket.SOCK_DGRAM, UDP_PORTS), (socket.SOCK_STREAM, TCP_PORTS)):
        for port in ports:
            sock = socket.socket(family, kind)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            host, _, zone = address.partition("%")
            scope = socket.if_nametoindex(zone) if zone else 0
            sock.bind((host, port) if family == socket.AF_INET else (host, port, 0, scope))
            if kind == socket.SOCK_STREAM:
                sock.listen(64)
            yield sock, kind, port


def main():
    workers.enter(sys.argv[1])
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ, None)
    for address in sys.argv[2:]:
        for sock, kind, port in listen(address):
            selector.register(sock, selectors.EVENT_READ, (kind, port))
    print("ready", flush=True)
    streams = {}
    while True:
        for key, _ in selector.select(5):
            if key.data is None:
                if not os.read(0, 4096):
                    return
                continue
            try:
                serve(selector, streams, key)
            except OSError:
                forget(selector, streams, key.fileobj)
        now = time.monotonic()
        for sock in [sock for sock, used in streams.items() if now - used > IDLE_SECONDS]:
            forget(selector, streams, sock)


def serve(selector, streams, key):
    kind, port = key.data
    if kind == socket.SOCK_DGRAM:
        data, peer = key.fileobj.recvfrom(65535)
        key.fileobj.sendto(answer(data) if port == 53 else data, peer)
    elif kind == socket.SOCK_STREAM:
        connection, _ = key.fileobj.accept()
        connection.setblocking(False)
        streams[connection] = time.monotonic()
        selector.register(connection, selectors.EVENT_READ, ("stream", port))
    else:
        data = key.fileobj.recv(65535)
        streams[key.fileobj] = time.monotonic()
        if not data:
            forget(selector, streams, key.fileobj)
        elif port == 53:
            reply = answer(data[2:])
            key.fileobj.send(struct.pack("!H", len(reply)) + reply)
        else:
            key.fileobj.send(data)


def forget(selector, streams, sock):
    if streams.pop(sock, None) is not None:
        selector.unregister(sock)
        sock.close()


main()
