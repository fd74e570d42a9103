"""The far end: port 7000 serves at once, port 7001 after a SOCKS5 dialogue, as the proxy and its target in one.

A client asks with one letter and eight bytes of a number: "d" downloads so many bytes, "u" uploads so many and gets one.
"""
import os
import socket
import struct

BLOCK = bytes(1 << 20)
PROCESSES = 6


def exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


def socks5(connection):
    _, methods = exactly(connection, 2)
    exactly(connection, methods)
    connection.sendall(b"\x05\x00")
    kind = exactly(connection, 4)[3]
    exactly(connection, 6 if kind == 1 else 18)
    connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")


def serve(connection):
    what, count = struct.unpack("!cQ", exactly(connection, 9))
    if what == b"d":
        while count > 0:
            count -= connection.send(BLOCK[:count])
        return
    buffer = bytearray(1 << 20)
    while count > 0:
        got = connection.recv_into(buffer)
        if got == 0:
            return
        count -= got
    connection.sendall(b"!")


def accept(server, is_proxy):
    while True:
        connection, _ = server.accept()
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if is_proxy:
                    socks5(connection)
                serve(connection)
        except OSError:
            pass


for port, is_proxy in ((7000, False), (7001, True)):
    server = socket.create_server(("", port), backlog=1024)
    for _ in range(PROCESSES):
        if os.fork() == 0:
            accept(server, is_proxy)
    server.close()
os.wait()
