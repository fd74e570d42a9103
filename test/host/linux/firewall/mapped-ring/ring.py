# Sends frames out of a memory-mapped ring (packet_mmap(7), PACKET_TX_RING) by eth0, a busy device whose other end is peer0 in the
# namespace of argv[1], and writes another frame into the ring when the kernel has taken the first, while that waits for the device.
# Prints, for each kind of frames, how many arrived as they were at first and how many as they were written then, and how many
# of the second kind arrive that were never anything else.
import ctypes, json, mmap, socket, struct, sys

TIMES, QUIET, BURST = 12, 0.3, 440
SOL_PACKET, TX_RING, VERSION, V2 = 263, 13, 10, 1
SEND_REQUEST, SLOT, SLOTS, DATA_AT = 1, 2048, 64, 32

libc = ctypes.CDLL(None, use_errno=True)
with open("/proc/self/ns/net") as home, open(sys.argv[1]) as far:
    libc.setns(far.fileno(), 0x40000000)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind(("peer0", 0))
    libc.setns(home.fileno(), 0x40000000)
wire.settimeout(QUIET)
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
port.setsockopt(SOL_PACKET, VERSION, V2)
port.setsockopt(SOL_PACKET, TX_RING, struct.pack("IIII", SLOT * SLOTS, 1, SLOT, SLOTS))
ring = mmap.mmap(port.fileno(), SLOT * SLOTS)

SENDER = bytes.fromhex("020000000008")
PAYLOAD = b"from the ring" + bytes(100)


def ether(kind, rest):
    return bytes.fromhex("020000000009") + SENDER + struct.pack("!H", kind) + rest


def udp(to):
    return struct.pack("!HHHH", 9, to, 8 + len(PAYLOAD), 0) + PAYLOAD


def ipv4(to, rest, options=b"", protocol=17):
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(rest), 1, 0, 64, protocol, 0)
    return ether(0x0800, head + socket.inet_aton("192.168.7.2") + socket.inet_aton(to) + options + rest)


def ipv6(to, rest, next_header=17):
    ends = [socket.inet_pton(socket.AF_INET6, one) for one in ("fc00::2", to)]
    return ether(0x86DD, struct.pack("!IHBB", 6 << 28, len(rest), next_header, 64) + b"".join(ends) + rest)


def options6(next_header, words):
    return bytes([next_header, words, 1, 4 + 8 * words]) + bytes(4 + 8 * words)


def arp(announced):
    return ether(0x0806, bytes.fromhex("0001080006040001") + SENDER + socket.inet_aton(announced) + bytes(6) + bytes(4))


NOPS = b"\x01" * 24
FAR4, NEAR4, FAR6, NEAR6 = "203.0.113.9", "192.168.7.9", "2001:db8:9::9", "fc00::9"
CASES = {
    "IPv4": (ipv4(NEAR4, udp(9)), ipv4(FAR4, udp(9))),
    "IPv4, three bytes behind the header": (ipv4(NEAR4, b"abc", protocol=200), ipv4(FAR4, b"abc", protocol=200)),
    "IPv4 port": (ipv4(NEAR4, udp(9)), ipv4(NEAR4, udp(53))),
    "IPv4 port behind options": (ipv4(NEAR4, udp(9), NOPS), ipv4(NEAR4, udp(53), NOPS)),
    "IPv6": (ipv6(NEAR6, udp(9)), ipv6(FAR6, udp(9))),
    "IPv6 port": (ipv6(NEAR6, udp(9)), ipv6(NEAR6, udp(53))),
    "IPv6 port behind two extensions": tuple(
        ipv6(NEAR6, options6(60, 0) + options6(17, 2) + udp(port), 0) for port in (9, 53)
    ),
    "ARP": (arp("192.168.7.2"), arp("10.8.0.2")),
}
slot = 0


def send(frame):
    global slot
    at = slot * SLOT
    ring[at + DATA_AT : at + DATA_AT + len(frame)] = frame
    ring[at : at + 8] = struct.pack("II", SEND_REQUEST, len(frame))
    try:
        port.sendto(b"", socket.MSG_DONTWAIT, ("eth0", int.from_bytes(frame[12:14])))
        slot = (slot + 1) % SLOTS
    except OSError:
        # Refused at egress: the kernel goes on with the same slot.
        ring[at : at + 4] = bytes(4)
    return at + DATA_AT


def arrived(frames):
    """How many of each of these have come: the kernel's own frames are in between."""
    counts = [0] * len(frames)
    try:
        while True:
            frame = wire.recv(2048)
            for index, one in enumerate(frames):
                counts[index] += frame[: len(one)] == one
    except TimeoutError:
        return counts


found = {}
for name, (first, second) in CASES.items():
    # It takes what the device may send at once.
    send(arp("192.168.7.3") + bytes(BURST))
    for _ in range(TIMES):
        at = send(first)
        ring[at : at + len(second)] = second
    before, changed = arrived((first, second))
    for _ in range(TIMES):
        send(second)
    found[name] = {"first": before, "changed": changed, "plain": arrived((second,))[0]}
print(json.dumps(found))
