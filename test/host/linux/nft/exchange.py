"""Sends packets out of and into a namespace and tells which arrived.

Standard input: {"here": path, "there": path, "sender": path, "devices": {here: there}, "out": [...], "raw": [...], "in": [...]}.
What is in out and raw is sent by the sender, a namespace that has devices of the same names; it is here when absent.
raw: {"id", "device", "uid", "mark", "bytes"} (whole frames, written past the IP stack); out: {"id", "family", "device", "destination", "uid", "mark", "bytes"}; in: {"id", "device", "frames"} (whole frames, one for each fragment).
Every packet ends in 8 bytes: a magic word and its id. Standard output: {"out": {device: [ids]}, "in": [ids]}.
"""

import ctypes
import json
import select
import socket
import struct
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
ETH_P_ALL, SO_RCVBUFFORCE, SO_MARK, SO_BINDTODEVICE = 3, 33, 36, 25
OUT, IN = b"AWGO", b"AWGI"


def enter(path):
    with open(path) as handle:
        if libc.setns(handle.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def roomy(sock):
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    return sock


def frames_of(device):
    sock = roomy(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)))
    sock.bind((device, 0))
    return sock


def trailer(data, magic):
    # Frames may be padded at their end, so the magic word is searched from behind.
    at = data.rfind(magic)
    return struct.unpack("!I", data[at + 4 : at + 8])[0] if at >= 0 and len(data) >= at + 8 else None


def send_out(packet):
    family = socket.AF_INET if packet["family"] == 4 else socket.AF_INET6
    libc.setfsuid(packet["uid"])
    sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    libc.setfsuid(0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, packet["device"].encode() + b"\0")
    sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("=I", packet["mark"]))
    data = bytes.fromhex(packet["bytes"])
    scope = socket.if_nametoindex(packet["device"])
    target = (packet["destination"], 0) if packet["family"] == 4 else (packet["destination"], 0, 0, scope)
    for _attempt in range(100):
        try:
            sock.sendto(data, target)
            break
        except PermissionError:
            break
        except OSError as error:
            if error.errno not in (11, 105):
                raise OSError(error.errno, f"{error.strerror}: {packet}") from error
            time.sleep(0.01)
    sock.close()


def raw_socket(device, uid, mark):
    libc.setfsuid(uid)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    libc.setfsuid(0)
    sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("=I", mark))
    sock.bind((device, 0))
    return sock


def send_raw(packet, senders):
    # The kernel takes 10 ms to close such a socket (packet_release waits for a grace period of RCU), so each serves many.
    sender = (packet["device"], packet["uid"], packet["mark"])
    sock = senders.get(sender) or senders.setdefault(sender, raw_socket(*sender))
    try:
        sock.sendto(bytes.fromhex(packet["bytes"]), (packet["device"], 0, 0, 0, b""))
    except OSError as error:
        if error.errno not in (1, 105):
            raise


def main():
    job = json.load(sys.stdin)
    enter(job["there"])
    far = {here: frames_of(there) for here, there in job["devices"].items()}
    enter(job["here"])
    near = {here: frames_of(here) for here in job["devices"]}
    protocols = [(socket.AF_INET, n) for n in (1, 6, 17, 132)] + [(socket.AF_INET6, n) for n in (58, 6, 17, 132)]
    listeners = [roomy(socket.socket(family, socket.SOCK_RAW, number)) for family, number in protocols]
    enter(job.get("sender", job["here"]))
    for packet in job["out"]:
        send_out(packet)
    senders = {}
    for packet in job["raw"]:
        send_raw(packet, senders)
    for packet in job["in"]:
        for frame in packet["frames"]:
            far[packet["device"]].send(bytes.fromhex(frame))
    # Frames that every policy lets through, so that the end is known: ARP for nobody.
    last = bytes.fromhex("ffffffffffff020000000001080600010800060400010200000000010000000000000000000000000000") + b"AWGEND"
    for sock in near.values():
        sock.send(last)
    seen_out, seen_in, ended = {device: [] for device in far}, [], set()
    deadline = time.monotonic() + 60
    quiet = 0
    by_socket = {sock: device for device, sock in far.items()}
    while time.monotonic() < deadline and (len(ended) < len(far) or quiet < 3):
        ready = select.select([*by_socket, *listeners], [], [], 0.1)[0]
        quiet = 0 if ready else quiet + 1
        for sock in ready:
            data = sock.recv(65536)
            if sock not in by_socket:
                number = trailer(data, IN)
                if number is not None:
                    seen_in.append(number)
            elif data.endswith(b"AWGEND"):
                ended.add(by_socket[sock])
            else:
                number = trailer(data, OUT)
                if number is not None:
                    seen_out[by_socket[sock]].append(number)
    json.dump({"out": seen_out, "in": seen_in, "complete": len(ended) == len(far)}, sys.stdout)


main()
