"""Sends ICMP redirects (RFC 792, RFC 4861 section 4.5) twenty times a second until stdin ends: redirect.py NAMESPACE JSON.

The argument is a list of {family, router, neighbour, mac, client, to, target, protocol, sport, dport}: in the router's name
the client is told, at its address `to`, to send to `target` by way of `neighbour`, once for its flow from `sport` to `dport`,
once for an echo reply, which no socket has to have sent, and by IPv6 once for no packet at all. Prints "sent".
"""

import json
import os
import select
import socket
import struct
import sys

import workers
from sockets import echo_request, ipv4, ipv6, udp, with_checksum

REDIRECT = {4: 5, 6: 137}
ICMP = {4: 1, 6: 58}
HOST = 1
TARGET_LINK_ADDRESS, REDIRECTED_HEADER = 2, 4
HOP_LIMIT = 255
UDP = 17


def quoted(flow):
    family, client, target = flow["family"], flow["client"], flow["target"]
    write = ipv4 if family == 4 else ipv6
    datagram = struct.pack("!HH", flow["sport"], flow["dport"]) + udp(0, bytes(24))[4:]
    echoed = bytes([0 if family == 4 else 129]) + echo_request(family, bytes(24))[1:]
    yield write(client, target, UDP, datagram)
    yield write(client, target, ICMP[family], with_checksum(family, client, target, ICMP[family], echoed))


def messages(flow):
    if flow["family"] == 4:
        for packet in quoted(flow):
            yield struct.pack("!BBH", REDIRECT[4], HOST, 0) + socket.inet_aton(flow["neighbour"]) + packet
        return
    whither = b"".join(socket.inet_pton(socket.AF_INET6, flow[end]) for end in ("neighbour", "target"))
    link = struct.pack("!BB", TARGET_LINK_ADDRESS, 1) + bytes.fromhex(flow["mac"].replace(":", ""))
    head = struct.pack("!BBHI", REDIRECT[6], 0, 0, 0) + whither + link
    yield head
    for packet in quoted(flow):
        packet += bytes(-len(packet) % 8)
        yield head + struct.pack("!BBHI", REDIRECTED_HEADER, 1 + len(packet) // 8, 0, 0) + packet


def packets(flow):
    family, router, client = flow["family"], flow["router"], flow["to"]
    for message in messages(flow):
        body = with_checksum(family, router, client, ICMP[family], message)
        packet = (ipv4 if family == 4 else ipv6)(router, client, ICMP[family], body)
        yield packet if family == 4 else packet[:7] + bytes([HOP_LIMIT]) + packet[8:]


def main():
    workers.enter(sys.argv[1])
    flows = json.loads(sys.argv[2])
    raw = {
        4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW),
    }
    while True:
        for flow in flows:
            for packet in packets(flow):
                raw[flow["family"]].sendto(packet, (flow["to"], 0))
        print("sent", flush=True)
        readable, _, _ = select.select([0], [], [], 0.05)
        if readable and not os.read(0, 4096):
            return


main()
