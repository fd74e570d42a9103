"""Puts a process into a network namespace and takes its rights away."""

import ctypes
import os
import signal

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
CAP_NET_RAW = 13
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534

libc = ctypes.CDLL(None, use_errno=True)


def check(result, doing):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter(namespace):
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    check(libc.setns(descriptor, CLONE_NEWNET), f"entering {namespace}")
    os.close(descriptor)


def become(identity):
    """root keeps everything, nobody loses everything, netraw is nobody with CAP_NET_RAW."""
    if identity == "root":
        return
    if identity == "netraw":
        check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keeping capabilities")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    if identity == "netraw":
        bit = 1 << CAP_NET_RAW
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        data = (ctypes.c_uint32 * 6)(bit, bit, 0, 0, 0, 0)
        check(libc.capset(header, data), "keeping CAP_NET_RAW alone")
    die_with_parent()
