# A program without rights that asks its own machine over loopback in a neighbour's name (IPV6_FREEBIND); run as root in its
# namespace. The job on standard input: there (the neighbour's namespace), uid, from (this machine's address), neighbour, link
# (this machine's link-local address), device and wire (ours and the neighbour's). Prints which of its words came by the wire
# before the answer to a question that the neighbour asked later, and whether what it sent in its machine's names came to it.
import json, os, socket, struct, subprocess, sys

NEIGHBOUR = """
import json, socket, sys
job = json.loads(sys.argv[1])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind((job["wire"], 0))
print("ready", flush=True)
sys.stdin.readline()
asking = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
asking.bind((job["neighbour"], 4445))
asking.sendto(b"may I?", (job["from"], 5000))
seen = []
wire.settimeout(30)
while True:
    frame, (_, _, kind, *_) = wire.recvfrom(4096)
    if kind == socket.PACKET_OUTGOING:
        continue
    seen += [word for word in ("echo", "unreachable") if word.encode() in frame]
    if b"you may" in frame:
        break
print(json.dumps(sorted(set(seen))), flush=True)
"""
FREEBIND = 78  # IPV6_FREEBIND, linux/in6.h
ECHO_REQUEST = 128
job = json.load(sys.stdin)
command = ["ip", "netns", "exec", job["there"], sys.executable, "-c", NEIGHBOUR, json.dumps(job)]
neighbour = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def bound(address, port, protocol=0, scope=0):
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, protocol)
    made.setsockopt(socket.IPPROTO_IPV6, FREEBIND, 1)
    made.bind((address, port, 0, scope))
    made.settimeout(10)
    return made


def send(made, words, to):
    try:
        made.sendto(words, to)
    except OSError:
        pass


try:
    neighbour.stdout.readline()
    answering = bound(job["from"], 5000)
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as groups:
        groups.write("0 65535")
    os.seteuid(job["uid"])
    ping = bound(job["neighbour"], 0, socket.IPPROTO_ICMPV6)
    send(ping, struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 7, 1) + b"echo", (job["from"], 0))
    send(bound(job["neighbour"], 4444), b"unreachable", (job["from"], 9))
    scope = socket.if_nametoindex(job["device"])
    came = {}
    for name, (address, at) in {"link": (job["link"], scope), "here": (job["from"], 0)}.items():
        listening = bound(address, 6001, 0, at)
        bound(address, 6002, 0, at).sendto(b"mine", (address, 6001, 0, at))
        came[name] = listening.recv(9) == b"mine"
        own_ping = bound(address, 0, socket.IPPROTO_ICMPV6, at)
        own_ping.sendto(struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 7, 1) + b"mine", (address, 0, 0, at))
        came[name + " echo"] = b"mine" in own_ping.recv(99)
    neighbour.stdin.write("\n")
    neighbour.stdin.flush()
    answering.sendto(b"you may", answering.recvfrom(99)[1])
    print(json.dumps({"wire": json.loads(neighbour.stdout.readline()), "came": came}))
finally:
    os.seteuid(0)
    neighbour.kill()
