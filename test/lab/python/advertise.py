"""Sends router advertisements (RFC 4861, 4191, 8106) five times a second until stdin ends:
advertise.py NAMESPACE DEVICE [TO].

They go to all on the device, or to the address TO alone, in the name of fe80::1, as one that speaks through a tunnel sends
them. They offer a default route, the prefix fd99::/64 for addresses, a route to 2001:db8:100::/48 and a resolver. Prints "sent".
"""

import os
import select
import socket
import struct
import sys

import workers
from sockets import ipv6, with_checksum

SECONDS = 1800
ICMPV6 = 58
SOURCE = "fe80::1"


def advertisement():
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, SECONDS, SECONDS, 0) + socket.inet_pton(socket.AF_INET6, "fd99::")
    route = struct.pack("!BBBBI", 24, 2, 48, 0x08, SECONDS) + socket.inet_pton(socket.AF_INET6, "2001:db8:100::")[:8]
    resolver = struct.pack("!BBHI", 25, 3, 0, SECONDS) + socket.inet_pton(socket.AF_INET6, "fd99::53")
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, 0x08, SECONDS, 0, 0) + prefix + route + resolver


def through(to):
    packet = ipv6(SOURCE, to, ICMPV6, with_checksum(6, SOURCE, to, ICMPV6, advertisement()))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        while True:
            sock.sendto(packet[:7] + bytes([255]) + packet[8:], (to, 0))
            print("sent", flush=True)
            readable, _, _ = select.select([0], [], [], 0.2)
            if readable and not os.read(0, 4096):
                return


def main():
    workers.enter(sys.argv[1])
    if len(sys.argv) > 3:
        return through(sys.argv[3])
    index = socket.if_nametoindex(sys.argv[2])
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        while True:
            sock.sendto(advertisement(), ("ff02::1", 0, 0, index))
            print("sent", flush=True)
            readable, _, _ = select.select([0], [], [], 0.2)
            if readable and not os.read(0, 4096):
                return


main()
