"""Small socket actions the probes are made of. Each action is called once a round with the probe's tag."""

import collections
import os
import socket
import struct

SO_BINDTODEVICE = 25
SO_MARK = 36
IP_PKTINFO = 8
IP_UNICAST_IF = 50
IPV6_UNICAST_IF = 76
IPV6_PKTINFO = 50
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


def destination(family, address, port, scope=0):
    return (address, port) if family == 4 else (address, port, 0, scope)


def prepare(sock, family, device=None, source=None, mark=None, port=0):
    """Binds as asked; a refusal is an OSError, which the worker counts and goes on."""
    sock.setblocking(False)
    if device is not None:
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode())
    if mark is not None:
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    if source is not None or port:
        sock.bind(destination(family, source or ("0.0.0.0" if family == 4 else "::"), port))
    return sock


class Datagram:
    """One UDP datagram from a new socket each round."""

    def __init__(self, family, address, port, size=64, scope=0, head=b"", options=(), **binding):
        self.family, self.to = family, destination(family, address, port, scope)
        self.size, self.head, self.options, self.binding = size, head, options, binding

    def __call__(self, tag):
        with socket.socket(FAMILY[self.family], socket.SOCK_DGRAM) as sock:
            prepare(sock, self.family, **self.binding)
            for level, name, value in self.options:
                sock.setsockopt(level, name, value)
            sock.sendto(self.head + tag * (self.size // 8), self.to)


class ByPacketInfo:
    """A datagram whose interface is chosen per message (IP_PKTINFO), which needs no right."""

    def __init__(self, family, address, port, device):
        self.family, self.to, self.device = family, destination(family, address, port), device

    def __call__(self, tag):
        index = socket.if_nametoindex(self.device)
        if self.family == 4:
            message = (socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4s", index, bytes(4), bytes(4)))
        else:
            message = (socket.IPPROTO_IPV6, IPV6_PKTINFO, struct.pack("=16si", bytes(16), index))
        with socket.socket(FAMILY[self.family], socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendmsg([tag * 8], [message], 0, self.to)


class FromNewProcess:
    """Each datagram from a process of its own."""

    def __init__(self, action):
        self.action = action

    def __call__(self, tag):
        child = os.fork()
        if child == 0:
            try:
                self.action(tag)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


class NameQuery:
    """A DNS question whose first label is the tag."""

    def __init__(self, family, address, scope=0, tcp=False, ports=None, **binding):
        self.family, self.address, self.scope, self.binding = family, address, scope, binding
        self.stream = Stream(family, address, 53, ports, scope=scope) if tcp else None

    def __call__(self, tag):
        question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + bytes([len(tag)]) + tag + b"\4test\0" + struct.pack("!HH", 1, 1)
        if self.stream is not None:
            return self.stream(struct.pack("!H", len(question)) + question)
        with socket.socket(FAMILY[self.family], socket.SOCK_DGRAM) as sock:
            prepare(sock, self.family, **self.binding)
            sock.sendto(question, destination(self.family, self.address, 53, self.scope))


class SystemResolver:
    """Asks whoever the namespace's resolv.conf names at this moment."""

    def __init__(self, path):
        self.path = path

    def __call__(self, tag):
        with open(self.path) as file:
            servers = [line.split()[1] for line in file if line.startswith("nameserver ")]
        for server in servers:
            NameQuery(6 if ":" in server else 4, server)(tag)


class Stream:
    """A new TCP connection each round from one of the probe's own source ports; sends the tag on those that stand."""

    def __init__(self, family, address, port, ports, scope=0, source=None, **binding):
        self.family, self.to = family, destination(family, address, port, scope)
        self.ports, self.source, self.binding = ports, source, binding
        self.next, self.open = 0, collections.deque()

    def __call__(self, tag):
        for sock in self.open:
            try:
                sock.send(tag * 2)
            except OSError:
                pass
        if len(self.open) >= 3:
            self.open.popleft().close()
        sock = socket.socket(FAMILY[self.family], socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open.append(sock)
        self.next = (self.next + 1) % len(self.ports)
        prepare(sock, self.family, source=self.source, port=self.ports[self.next], **self.binding)
        sock.connect_ex(self.to)


class OpenedBefore:
    """One flow opened when the prober starts, used for ever after."""

    def __init__(self, family, address, port, kind, source_port=0, device=None):
        self.family, self.to, self.kind, self.source_port = family, destination(family, address, port), kind, source_port
        self.device, self.sock = device, None

    def open(self):
        if self.sock is not None:
            self.sock.close()
        self.sock = socket.socket(FAMILY[self.family], self.kind)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        prepare(self.sock, self.family, device=self.device, port=self.source_port)
        self.sock.settimeout(0.5)
        self.sock.connect(self.to)
        self.sock.send(b"hello")
        self.sock.recv(64)
        self.sock.setblocking(False)

    def __call__(self, tag):
        self.sock.send(tag * 8)


class Echo:
    """An ICMP echo request: by the ping socket anyone may open, or raw."""

    def __init__(self, family, address, raw=False, device=None):
        self.family, self.address, self.device = family, address, device
        self.kind = socket.SOCK_RAW if raw else socket.SOCK_DGRAM

    def __call__(self, tag):
        protocol = socket.IPPROTO_ICMP if self.family == 4 else socket.IPPROTO_ICMPV6
        with socket.socket(FAMILY[self.family], self.kind, protocol) as sock:
            prepare(sock, self.family, device=self.device)
            head = struct.pack("!BBHHH", 8 if self.family == 4 else 128, 0, 0, 1, 1)
            body = tag * 8
            if self.family == 4:
                head = head[:2] + struct.pack("!H", checksum(head + body)) + head[4:]
            sock.sendto(head + body, destination(self.family, self.address, 0))


class Raw:
    """The tag as the payload of any IP protocol."""

    def __init__(self, family, address, protocol, scope=0):
        self.family, self.to, self.protocol = family, destination(family, address, 0, scope), protocol

    def __call__(self, tag):
        with socket.socket(FAMILY[self.family], socket.SOCK_RAW, self.protocol) as sock:
            sock.setblocking(False)
            sock.sendto(tag * 8, self.to)


class WithOwnHeader:
    """A packet whose IP header we write, so that its source is whatever we say; `build` makes its body of the tag."""

    def __init__(self, family, source, address, protocol, build, device=None):
        self.family, self.source, self.address = family, source, address
        self.protocol, self.build, self.device = protocol, build, device

    def __call__(self, tag):
        write = ipv4 if self.family == 4 else ipv6
        packet = write(self.source, self.address, self.protocol, self.build(tag))
        with socket.socket(FAMILY[self.family], socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
            prepare(sock, self.family, device=self.device)
            sock.sendto(packet, destination(self.family, self.address, 0))


class Frame:
    """A whole Ethernet frame, past every IP hook."""

    def __init__(self, device, mac, ether_type, build):
        self.device, self.mac, self.ether_type, self.build = device, mac, ether_type, build
        self.sock = None

    def __call__(self, tag):
        if self.sock is None:  # closing a packet socket waits for an RCU grace period, so one serves all rounds
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.setblocking(False)
            self.sock.bind((self.device, 0))
        own = self.sock.getsockname()[4]
        self.sock.send(self.mac + own + struct.pack("!H", self.ether_type) + self.build(tag * 8))


class AskForAddress:
    """A broadcast ARP request for an address that is not on this link."""

    def __init__(self, device, own, wanted):
        self.own, self.wanted = socket.inet_aton(own), socket.inet_aton(wanted)
        self.frame = Frame(device, b"\xff" * 6, 0x0806, lambda body: body)

    def __call__(self, tag):
        self.frame.build = lambda _: (
            struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + self.frame.sock.getsockname()[4] + self.own + bytes(6) + self.wanted
        )
        self.frame(tag)


def udp(port, payload):
    return struct.pack("!HHHH", 40000, port, 8 + len(payload), 0) + payload


def ipv4(source, target, protocol, body):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    return head[:10] + struct.pack("!H", checksum(head + addresses)) + addresses + body


def ipv6(source, target, protocol, body):
    addresses = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + addresses + body


def tcp_syn(port):
    return struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 5 << 4, 2, 1024, 0, 0)


def echo_request(family, payload):
    return struct.pack("!BBHHH", 8 if family == 4 else 128, 0, 0, 1, 1) + payload


def with_checksum(family, source, target, protocol, body):
    """The body of a packet with the checksum that its receiver will ask for (RFC 768, 792, 9293, 4443, 8200 section 8.1)."""
    at = {1: 2, 58: 2, 6: 16, 17: 6}[protocol]
    number = socket.AF_INET if family == 4 else socket.AF_INET6
    ends = socket.inet_pton(number, source) + socket.inet_pton(number, target)
    pseudo = b"" if protocol == 1 else ends + struct.pack("!II", len(body), protocol)
    return body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2 :]


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
