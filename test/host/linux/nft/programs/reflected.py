# A guest sends UDP and ICMP echoes in whatever name straight to its machine, which has a service; run as root. The job on
# standard input: machine (its namespace, with the addresses of a service that answers and the device), guest (namespace, device,
# lladdr of the machine), wire (namespace and device of the machine's other end), packets (from, to, and where they are not echoes
# port and sport; hops, more bytes, lone: a first fragment whose rest does not come), seconds. Prints the places of the packets that a socket of the machine got, and of those whose
# bytes came out on the wire. Where some ought to, by heard and left, it waits no longer than for them.
import ctypes, json, socket, struct, sys, time

ETH_P = {4: 0x0800, 6: 0x86DD}
GROUPS = {4: ["224.0.0.251"], 6: ["ff02::fb", "ff02::1:2"]}
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
PORTS = [67, 547, 5353]


def enter(space):
    with open(f"/run/netns/{space}") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"entering {space}")


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(what, content):
    new = ":" in what["from"]
    source, destination = (socket.inet_pton(socket.AF_INET6 if new else socket.AF_INET, what[side]) for side in ("from", "to"))
    protocol, at = (17, 6) if "port" in what else (58 if new else 1, 2)
    body = struct.pack("!BBHHH", 128 if new else 8, 0, 0, 1, 1) + content
    if protocol == 17:
        body = struct.pack("!HHHH", what.get("sport", 4000), what["port"], 8 + len(content), 0) + content
    pseudo = b"" if protocol == 1 else source + destination + struct.pack("!IHBB", len(body), 0, 0, protocol)
    body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]
    hops = what.get("hops", 64)
    if what.get("lone"):
        body += bytes(-len(body) % 8)
    if new and what.get("lone"):
        body, protocol = struct.pack("!BBHI", protocol, 0, 1, 9) + body, 44
    if new:
        return 6, struct.pack("!IHBB", 6 << 28, len(body), protocol, hops) + source + destination + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0x2000 if what.get("lone") else 0x4000, hops, protocol, 0) + source + destination
    return 4, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def service(family, address, port, index):
    one = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    if family == 6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((address, port))
    one.setblocking(False)
    for group in GROUPS[family]:
        group, device = socket.inet_pton(one.family, group), struct.pack("@i", index)
        if family == 6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + device)
        else:
            one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + bytes(4) + device)
    return one


job = json.load(sys.stdin)
enter(job["machine"]["space"])
index = socket.if_nametoindex(job["machine"]["device"])
answering = [service(6 if ":" in one else 4, one, 5000, index) for one in job["machine"]["addresses"]]
hearing = [service(family, "", port, index) for family in (4, 6) for port in PORTS]
enter(job["wire"]["space"])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
wire.bind((job["wire"]["device"], 3))
wire.setblocking(False)
enter(job["guest"]["space"])
sending = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
contents = [b"content-%04d" % at for at in range(len(job["packets"]))]
lladdr = bytes.fromhex(job["guest"]["lladdr"].replace(":", ""))
for content, what in zip(contents, job["packets"]):
    family, data = packet(what, content + b"x" * what.get("more", 0))
    sending.sendto(data, (job["guest"]["device"], ETH_P[family], 0, 0, lladdr))
heard, left = set(), set()
until = time.monotonic() + job["seconds"]
while time.monotonic() < until:
    for one in [*answering, *hearing, wire]:
        try:
            data, sender = one.recvfrom(9999)
        except BlockingIOError:
            continue
        found = {at for at, content in enumerate(contents) if content in data}
        if one is wire:
            left |= found
        else:
            heard |= found
        if one in answering:
            one.sendto(data, sender)
    if (job["heard"] or job["left"]) and heard >= set(job["heard"]) and left >= set(job["left"]):
        break
    time.sleep(0.005)
print(json.dumps({"heard": sorted(heard), "left": sorted(left)}))
