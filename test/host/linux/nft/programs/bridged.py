# Frames through a bridge of this namespace, whose port eth0 ends at peer0 and guest0 at guest in the namespace of argv[1].
# argv[2] is the service user, argv[3] its mark. Prints which of these arrived at peer0, in order: a guest's packet
# and its ARP, root's raw packet at the bridge and its ARP, our own socket's packet to an endpoint, a user's packet, and a
# guest's that says it is of that user's flow.
import ctypes, json, socket, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)
ANYONE, NEIGHBOUR, GUEST = bytes.fromhex("ffffffffffff"), bytes.fromhex("020000000009"), bytes.fromhex("020000000007")
SECONDS, USER = 20, 1500


def enter(path):
    with open(path) as space:
        if libc.setns(space.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def frames_of(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((device, 0))
    return sock


def ip(source, protocol, data):
    ends = socket.inet_aton(source) + socket.inet_aton("203.0.113.200")
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, protocol, 0) + ends
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", 0xFFFF - total) + header[12:] + data


def packet(to, source, marker):
    data = struct.pack("!4H", 4444, 4444, 8 + len(marker), 0) + marker
    return to + GUEST + bytes.fromhex("0800") + ip(source, 17, data)


def segment(marker):
    """Goes on with one and the same TCP flow of this machine's."""
    return ip("192.168.50.2", 6, struct.pack("!HHIIBBHHH", 4444, 443, 1, 1, 0x50, 0x10, 65535, 0, 0) + marker)


def arp(sender, source, marker):
    asked = sender + socket.inet_aton(source) + bytes(6) + socket.inet_aton("192.168.50.1")
    return ANYONE + sender + bytes.fromhex("08060001080006040001") + asked + marker


def until_seen(marker, send):
    """Sends again and again what ends with a frame of this marker, until that has arrived; gives all that arrived."""
    seen, deadline = b"", time.monotonic() + SECONDS
    while marker not in seen and time.monotonic() < deadline:
        send()
        wire.settimeout(0.1)
        try:
            while marker not in seen:
                seen += wire.recv(2048)
        except TimeoutError:
            pass
    return seen


with open("/proc/self/ns/net") as home:
    enter(sys.argv[1])
    wire, guest = frames_of("peer0"), frames_of("guest")
    libc.setns(home.fileno(), 0x40000000)
bridge = frames_of("br0")
libc.setfsuid(int(sys.argv[2]))
engine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
libc.setfsuid(0)
libc.setfsuid(USER)
user = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
libc.setfsuid(0)
engine.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(sys.argv[3]))


def greet():
    # The bridge learns behind which port the neighbour lives.
    wire.send(arp(NEIGHBOUR, "192.168.50.1", b"NEIGHBOUR"))
    guest.send(arp(GUEST, "192.168.50.7", b"READY"))


def from_guest():
    guest.send(packet(NEIGHBOUR, "192.168.50.7", b"GUEST-PACKET"))
    guest.send(arp(GUEST, "192.168.50.7", b"GUEST-ARP"))


def from_root():
    bridge.send(packet(NEIGHBOUR, "192.168.50.2", b"ROOT-PACKET"))
    bridge.send(arp(GUEST, "192.168.50.2", b"ROOT-ARP"))


def from_engine():
    greet()
    engine.sendto(b"ENGINE", ("192.0.2.1", 51820))


def from_user():
    try:
        user.sendto(segment(b"USER-PACKET"), ("203.0.113.200", 0))
    except PermissionError:
        pass
    guest.send(arp(GUEST, "192.168.50.7", b"USER-ARP"))


def from_forger():
    guest.send(NEIGHBOUR + GUEST + bytes.fromhex("0800") + segment(b"FORGED-PACKET"))
    guest.send(arp(GUEST, "192.168.50.7", b"FORGED-ARP"))


until_seen(b"READY", greet)
seen = until_seen(b"GUEST-ARP", from_guest) + until_seen(b"ROOT-ARP", from_root)
seen += until_seen(b"ENGINE", from_engine)
seen += until_seen(b"USER-ARP", from_user) + until_seen(b"FORGED-ARP", from_forger)
words = [b"GUEST-PACKET", b"GUEST-ARP", b"ROOT-PACKET", b"ROOT-ARP", b"ENGINE", b"USER-PACKET", b"FORGED-PACKET"]
print(json.dumps([word.decode() for word in words if word in seen]))
