"""Captures what arrives at interfaces: capture.py NAMESPACE INTERFACE[,INTERFACE...] FILE [BYTES], until stdin ends.

The file is a nanosecond pcap of Ethernet frames; what a tunnel's device hands on without such a header is given one.
BYTES: how much may wait to be read, 64 MiB unless told. Prints "ready" when the socket listens, and at the end {"frames": n, "dropped": n}.
"""

import json
import os
import select
import socket
import struct
import sys

import workers

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_IGNORE_OUTGOING = 23
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
ARPHRD_NONE = 0xFFFE
ETHER_TYPES = {4: 0x0800, 6: 0x86DD}


def listen(interface, room):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, room)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setblocking(False)
    sock.bind((interface, ETH_P_ALL))
    sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
    return sock


def main():
    namespace, interfaces, path = sys.argv[1:4]
    room = int(sys.argv[4]) if len(sys.argv) > 4 else 64 << 20
    workers.enter(namespace)
    socks = [listen(interface, room) for interface in interfaces.split(",")]
    frames = dropped = 0
    with open(path, "wb", buffering=0) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        print("ready", flush=True)
        ending = False
        while not ending:
            readable, _, _ = select.select([*socks, 0], [], [])
            ending = 0 in readable and not os.read(0, 4096)
            frames += sum(drain(sock, file) for sock in socks)
        for sock in socks:
            dropped += struct.unpack("II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    print(json.dumps({"frames": frames, "dropped": dropped}), flush=True)


def drain(sock, file):
    records = []
    while True:
        try:
            data, ancillary, _, sender = sock.recvmsg(65535, 64)
        except BlockingIOError:
            break
        if sender[3] == ARPHRD_NONE:
            data = bytes(12) + struct.pack("!H", ETHER_TYPES.get(data[0] >> 4, 0)) + data
        stamp = next(value for _, kind, value in ancillary if kind == SO_TIMESTAMPNS)
        seconds, nanoseconds = struct.unpack("qq", stamp)
        records.append(struct.pack("<IIII", seconds, nanoseconds, len(data), len(data)) + data)
    if records:
        file.write(b"".join(records))
    return len(records)


main()
