"""Servers behind a proxy: a hash of what arrives, endless data, an echo, a page, names over TCP, and an echo of datagrams."""
import hashlib
import select
import socket
import threading

ADDRESSES = ((socket.AF_INET, "10.99.0.9"), (socket.AF_INET6, "fd99::9"))


def hash_all(connection):
    digest = hashlib.sha256()
    while data := connection.recv(65536):
        digest.update(data)
    connection.sendall(digest.hexdigest().encode())


def send_on(connection):
    block = bytes(65536)
    while True:
        connection.sendall(block)


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def page(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def names(connection):
    """Answers each query over TCP with the address 10.99.0.9."""
    while length := connection.recv(2, socket.MSG_WAITALL):
        query = connection.recv(int.from_bytes(length), socket.MSG_WAITALL)
        question = query[12 : query.index(0, 12) + 5]
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4" + socket.inet_aton("10.99.0.9")
        reply = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + answer
        connection.sendall(len(reply).to_bytes(2) + reply)


def serve_one(connection, serve):
    try:
        with connection:
            serve(connection)
    except OSError:
        pass


def listen(family, address, port, serve):
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen(512)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve_one, args=(connection, serve), daemon=True).start()


for family, address in ADDRESSES:
    for port, serve in ((7001, hash_all), (7002, send_on), (7004, page), (7005, page), (53, names), (7003, echo)):
        threading.Thread(target=listen, args=(family, address, port, serve), daemon=True).start()
sockets = []
for family, address in ADDRESSES:
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.bind((address, 53))
    sockets.append(datagrams)
while True:
    for ready in select.select(sockets, [], [])[0]:
        data, sender = ready.recvfrom(65535)
        ready.sendto(b"echo " + data, sender)
