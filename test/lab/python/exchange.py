"""Has 30 kB by TCP and a datagram by UDP echoed on port 7 of each address, again until they come back: exchange.py ADDRESS...

Fails after 20 s without.
"""

import socket
import sys
import time

LIMIT_SECONDS = 20


def by_tcp(family, address):
    body = b"x" * 30_000
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect((address, 7))
        sock.sendall(body)
        came = 0
        while came < len(body):
            part = sock.recv(65535)
            if not part:
                raise ConnectionError("closed")
            came += len(part)


def by_udp(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        sock.sendto(b"x" * 700, (address, 7))
        sock.recv(65535)


def main():
    for address in sys.argv[1:]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for way in (by_tcp, by_udp):
            end = time.monotonic() + LIMIT_SECONDS
            while True:
                try:
                    way(family, address)
                    break
                except OSError as error:
                    if time.monotonic() > end:
                        sys.exit(f"{way.__name__} {address}: {error}")
                    time.sleep(0.1)


main()
