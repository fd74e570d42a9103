"""Hangs a BPF program at a device, as programs that carry containers do: bpf.py tcx|cls|xdp DEVICE [INDEX].

With INDEX the program sends what is IPv4 on by the device of that index (bpf_redirect); all else passes.
"""
import ctypes
import os
import platform
import socket
import struct
import subprocess
import sys
import tempfile

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
PROG_LOAD, OBJ_PIN, PROG_ATTACH = 5, 6, 8
SCHED_CLS, XDP = 3, 6
TCX_EGRESS = 47
REDIRECT = 23
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    memory = ctypes.create_string_buffer(attributes.ljust(144, b"\0"), 144)
    result = libc.syscall(SYS_BPF, command, memory, 144)
    if result < 0:
        raise OSError(ctypes.get_errno(), "bpf %d" % command)
    return result


def instruction(code, registers, value, offset=0):
    return struct.pack("<BBhi", code, registers, offset, value)


def load(kind, index):
    text = instruction(0xB7, 0, 2 if kind == XDP else 0) + instruction(0x95, 0, 0)
    if index is not None:
        # r2 = skb->protocol; unless it is IPv4, pass
        text = (
            instruction(0x61, 0x12, 0, 16)
            + instruction(0x55, 0x02, socket.htons(0x0800), 4)
            + instruction(0xB7, 1, index)
            + instruction(0xB7, 2, 0)
            + instruction(0x85, 0, REDIRECT)
            + instruction(0x95, 0, 0)
            + text
        )
    code, licence = ctypes.create_string_buffer(text, len(text)), ctypes.create_string_buffer(b"GPL")
    places = ctypes.addressof(code), ctypes.addressof(licence)
    return bpf(PROG_LOAD, struct.pack("<IIQQ", kind, len(text) // 8, *places))


def pin(program, name):
    folder = tempfile.mkdtemp()
    if libc.mount(b"bpf", folder.encode(), b"bpf", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    path = os.path.join(folder, name)
    text = ctypes.create_string_buffer(path.encode())
    bpf(OBJ_PIN, struct.pack("<QI", ctypes.addressof(text), program))
    return folder, path


how, device = sys.argv[1:3]
target = int(sys.argv[3]) if len(sys.argv) > 3 else None
program = load(XDP if how == "xdp" else SCHED_CLS, target)
if how == "tcx":
    bpf(PROG_ATTACH, struct.pack("<IIII", socket.if_nametoindex(device), program, TCX_EGRESS, 0))
else:
    folder, path = pin(program, "sender")
    try:
        words = {
            "cls": ["tc", "filter", "add", "dev", device, "egress", "bpf", "da", "object-pinned", path],
            "xdp": ["ip", "link", "set", "dev", device, "xdpgeneric", "pinned", path],
        }[how]
        subprocess.run(words, check=True)
    finally:
        libc.umount2(folder.encode(), 2)
        os.rmdir(folder)
