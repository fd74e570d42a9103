# Frames to the group addresses that stay on a link (IEEE 802.1Q table 8-1), from a bridge of this namespace with STP, whose port eth0
# ends at peer0 and guest0 at guest in the namespace of argv[1]. Prints whose of these arrived at peer0: the kernel's own of its
# spanning tree, a guest's, which the bridge passes on, and those of root's packet sockets at the port: as the kernel's, and LACP.
import ctypes, json, socket, sys, time

libc = ctypes.CDLL(None, use_errno=True)
TREE, LACP, ANYWHERE = (bytes.fromhex(to) for to in ("0180c2000000", "0180c2000002", "0180c200000e"))
GUEST, ROOT = bytes.fromhex("020000000007"), bytes.fromhex("020000000008")
BPDU = bytes.fromhex("0026424203" + "0000000000" + "00" * 30)
SECONDS, QUIET = 20, 0.3


def frames_of(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((device, 0))
    return sock


with open("/proc/self/ns/net") as home, open(sys.argv[1]) as far:
    libc.setns(far.fileno(), 0x40000000)
    wire, guest = frames_of("peer0"), frames_of("guest")
    libc.setns(home.fileno(), 0x40000000)
port = frames_of("eth0")
own = bytes.fromhex(open("/sys/class/net/eth0/address").read().strip().replace(":", ""))


def whose(frame):
    to, sender, kind = frame[:6], frame[6:12], frame[12:]
    if sender == own and to == TREE and kind.startswith(BPDU[:5]):
        return "KERNEL-TREE"
    if sender == GUEST:
        return "GUEST-TREE" if to == ANYWHERE else "GUEST-ARP"
    if sender == ROOT:
        return {TREE: "ROOT-TREE", LACP: "ROOT-LACP"}.get(to, "ROOT-ARP")
    return None


arp = bytes.fromhex("08060001080006040001") + GUEST + socket.inet_aton("192.168.50.7") + bytes(6) + socket.inet_aton("192.168.50.1")
seen, deadline = set(), time.monotonic() + SECONDS
# What is sent last arrives last: then nothing is on its way any more.
while not {"KERNEL-TREE", "GUEST-ARP", "ROOT-ARP"} <= seen and time.monotonic() < deadline:
    guest.send(ANYWHERE + GUEST + BPDU)
    guest.send(b"\xff" * 6 + GUEST + arp)
    for to, frame in ((TREE, BPDU), (LACP, bytes.fromhex("88090101") + bytes(108)), (b"\xff" * 6, arp)):
        try:
            port.sendto(to + ROOT + frame, ("eth0", int.from_bytes(frame[:2]) if frame[0] else 4))
        except OSError:
            pass  # refused at egress
    wire.settimeout(QUIET)
    try:
        while True:
            seen.add(whose(wire.recv(2048)))
    except TimeoutError:
        pass
print(json.dumps(sorted(seen - {None})))
