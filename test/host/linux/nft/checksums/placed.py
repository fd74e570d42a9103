# A guest's frames through a bridge to eth0, whose far end is peer0; guest and peer0 are in the namespace of argv[1]. Sends by a
# packet socket with a virtio header (PACKET_VNET_HDR) one packet to FINAL as it is, and one to JUDGED that has its checksum put
# over the first half of that address, where it makes FINAL of it. Prints to whom each of them came out at peer0, or null.
import ctypes, json, socket, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)
ANYONE, NEIGHBOUR, GUEST = bytes.fromhex("ffffffffffff"), bytes.fromhex("020000000009"), bytes.fromhex("020000000007")
JUDGED, FINAL = socket.inet_aton("192.168.100.10"), socket.inet_aton("198.51.100.10")
SECONDS, SOL_PACKET, PACKET_VNET_HDR, NEEDS_CSUM = 20, 263, 15, 1
# The sum begins at byte 20 of the frame (no earlier, virtio_net.h) and is put at 30, where the destination stands.
START, OFFSET = 20, 10


def added(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def frame(destination, marker):
    data = struct.pack("!4H", 4444, 4444, 8 + len(marker) + 2, 0) + marker + bytes(2)
    ends = socket.inet_aton("192.168.50.7")
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, 17, 0) + ends + FINAL
    header = header[:10] + struct.pack("!H", 0xFFFF - added(header)) + header[12:16] + destination
    whole = NEIGHBOUR + GUEST + bytes.fromhex("0800") + header + data
    wanted = 0xFFFF - struct.unpack("!H", FINAL[:2])[0]
    return whole[:-2] + struct.pack("!H", (wanted - added(whole[START:])) % 0xFFFF)


def arp(marker):
    asked = GUEST + socket.inet_aton("192.168.50.7") + bytes(6) + socket.inet_aton("192.168.50.1")
    return ANYONE + GUEST + bytes.fromhex("08060001080006040001") + asked + marker


def came_out(header, whole, marker, end):
    """To whom the packet with this marker came, which is sent before each frame with the mark of the end until that has come."""
    found, deadline = None, time.monotonic() + SECONDS
    wire.settimeout(0.1)
    while time.monotonic() < deadline:
        guest.send(header + whole)
        guest.send(bytes(10) + arp(end))
        try:
            while True:
                seen = wire.recv(2048)
                if marker in seen:
                    found = socket.inet_ntoa(seen[30:34])
                if end in seen:
                    return found
        except TimeoutError:
            pass
    raise TimeoutError("nothing arrives at the far end")


with open("/proc/self/ns/net") as home, open(sys.argv[1]) as far:
    libc.setns(far.fileno(), 0x40000000)
    wire, guest = (socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2))
    wire.bind(("peer0", 0))
    guest.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    guest.bind(("guest", 0))
    libc.setns(home.fileno(), 0x40000000)
plain = came_out(bytes(10), frame(FINAL, b"PLAIN-PACKET"), b"PLAIN-PACKET", b"FIRST-END")
placing = struct.pack("<BBHHHH", NEEDS_CSUM, 0, 0, 0, START, OFFSET)
placed = came_out(placing, frame(JUDGED, b"PLACED-PACKET!"), b"PLACED-PACKET!", b"SECOND-END")
print(json.dumps({"plain": plain, "placed": placed}))
