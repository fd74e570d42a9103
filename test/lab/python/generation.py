"""Waits until no transaction of nf_tables is being committed, then prints the generation of the ruleset here.

The kernel raises the generation before it unlinks the old rules, so that a listing begun in between can lack rules without
any sign of it. An empty batch waits for the commit and changes nothing.
"""

import socket
import struct

NETLINK_NETFILTER = 12
BATCH_BEGIN, BATCH_END = 0x10, 0x11
NFT_SUBSYSTEM = 10
GET_GENERATION, GENERATION = (NFT_SUBSYSTEM << 8) | 16, (NFT_SUBSYSTEM << 8) | 15
REQUEST = 1
HEADER = struct.Struct("=IHHII")


def message(kind, subsystem=0):
    body = struct.pack("=BB", 0, 0) + struct.pack(">H", subsystem)
    return HEADER.pack(HEADER.size + len(body), kind, REQUEST, 1, 0) + body


with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
    netlink.settimeout(30)
    netlink.bind((0, 0))
    netlink.send(message(BATCH_BEGIN, NFT_SUBSYSTEM) + message(BATCH_END, NFT_SUBSYSTEM))
    netlink.send(message(GET_GENERATION))
    while True:
        answer = netlink.recv(65536)
        if HEADER.unpack_from(answer)[1] == GENERATION:
            break
    # After the headers of netlink and nfnetlink the first attribute is the number, big-endian.
    print(struct.unpack_from(">I", answer, HEADER.size + 4 + 4)[0])
