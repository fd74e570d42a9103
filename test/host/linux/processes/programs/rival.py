"""Deletes policy rules of IPv4 by the preferences on its standard input, by a netlink socket with the port id of its last argument.

0 leaves the port id to the kernel, which gives the first socket of a process its pid; so many sockets are opened as the
first argument says, and the last one is used.
"""

import socket
import struct
import sys

count, port = int(sys.argv[1]), int(sys.argv[2])
sockets = [socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) for _ in range(count)]
for one in sockets:
    one.bind((port, 0))
RTM_DELRULE, NLM_F_REQUEST_ACK, FRA_PRIORITY = 33, 5, 6
for line in sys.stdin:
    rule = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    body = rule + struct.pack("=HHI", 8, FRA_PRIORITY, int(line))
    header = struct.pack("=IHHII", 16 + len(body), RTM_DELRULE, NLM_F_REQUEST_ACK, 1, 0)
    sockets[-1].send(header + body)
    answer = sockets[-1].recv(4096)
    if struct.unpack_from("=i", answer, 16)[0] != 0:
        sys.exit("the kernel refused")
