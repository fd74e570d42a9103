"""The list of probes: what is sent, by whom. The order gives each its number, so the list depends on nothing."""

import socket
import struct

from sockets import (
    IP_UNICAST_IF, IPV6_UNICAST_IF, AskForAddress, ByPacketInfo, Datagram, Echo, Frame, FromNewProcess, NameQuery, OpenedBefore,
    Raw, Stream, SystemResolver, WithOwnHeader, echo_request, ipv4, ipv6, tcp_syn, udp, with_checksum,
)

SOURCE_PORT_BASE = 20000
SOURCE_PORTS_PER_PROBE = 16
QUIC = b"\xc3\0\0\0\1\x08"


class Probe:
    def __init__(self, index, name, worker, action, in_control):
        self.index, self.name, self.worker, self.action, self.in_control = index, name, worker, action, in_control
        self.tag = b"\xa7awg%03d;" % index


class Catalogue:
    """Collects probes; `ports()` are the source ports that belong to the next one."""

    def __init__(self):
        self.probes = []

    def ports(self):
        first = SOURCE_PORT_BASE + SOURCE_PORTS_PER_PROBE * len(self.probes)
        return range(first, first + SOURCE_PORTS_PER_PROBE)

    def add(self, name, worker, action, in_control=True):
        self.probes.append(Probe(len(self.probes), name, worker, action, in_control))


def build(world):
    catalogue = Catalogue()
    for family in (4, 6):
        net = world["v4" if family == 4 else "v6"]
        ordinary(catalogue, family, net, world)
        resolvers(catalogue, family, net, world)
        local(catalogue, family, net, world)
        raw(catalogue, family, net, world)
        guest(catalogue, family, net)
        inbound(catalogue, family, net)
    ipv4_only(catalogue, world)
    ipv6_only(catalogue, world)
    frames(catalogue, world)
    return catalogue.probes


def ordinary(catalogue, family, net, world):
    """What programs without rights send to the internet, and to the tunnel's own endpoint."""
    device, echo, server = world["device"], net["echo"], net["server"]
    unicast = (socket.IPPROTO_IP, IP_UNICAST_IF) if family == 4 else (socket.IPPROTO_IPV6, IPV6_UNICAST_IF)
    index = struct.pack("!I", world["deviceIndex"])

    def add(name, action):
        catalogue.add(f"u_{name}{family}", "nobody", action)

    add("udp", Datagram(family, echo, 9))
    add("new", FromNewProcess(Datagram(family, echo, 9)))
    add("ntp", Datagram(family, echo, 123))
    add("quic", Datagram(family, echo, 443, size=1200, head=QUIC))
    add("tcp", Stream(family, echo, 80, catalogue.ports()))
    add("https", Stream(family, echo, 443, catalogue.ports()))
    add("icmp", Echo(family, echo))
    add("fragments", Datagram(family, echo, 9, size=4000))
    add("udpdevice", Datagram(family, echo, 9, device=device))
    add("tcpdevice", Stream(family, echo, 80, catalogue.ports(), device=device))
    add("udpsource", Datagram(family, echo, 9, source=net["client"]))
    add("tcpsource", Stream(family, echo, 80, catalogue.ports(), source=net["client"]))
    add("pktinfo", ByPacketInfo(family, echo, 9, device))
    add("unicastif", Datagram(family, echo, 9, options=[(*unicast, index)]))
    add("udppre", OpenedBefore(family, echo, 7, socket.SOCK_DGRAM))
    add("tcppre", OpenedBefore(family, echo, 7, socket.SOCK_STREAM, catalogue.ports()[0]))
    add("ep", Datagram(family, server, world["serverPort"]))
    add("epfalse", Datagram(family, server, world["serverPort"], head=b"\4\0\0\0"))
    add("epport", Datagram(family, server, 9))
    add("eptcp", Stream(family, server, world["serverPort"], catalogue.ports()))
    add("epicmp", Echo(family, server))
    add("epdevice", Datagram(family, server, world["serverPort"], device=device))
    add("epportdevice", Datagram(family, server, 9, device=device))
    add("icmpdevice", Echo(family, echo, device=device))
    add("udpheld", OpenedBefore(family, echo, 7, socket.SOCK_DGRAM, device=device))
    add("tcpheld", OpenedBefore(family, echo, 7, socket.SOCK_STREAM, catalogue.ports()[0], device=device))


def resolvers(catalogue, family, net, world):
    """Name queries to everyone who might answer, and DNS under other names."""
    def add(name, action):
        catalogue.add(f"u_{name}{family}", "nobody", action)

    add("dns", NameQuery(family, net["resolver"]))
    add("dnstcp", NameQuery(family, net["resolver"], tcp=True, ports=catalogue.ports()))
    add("dnsgateway", NameQuery(family, net["router"]))
    add("dnsgatewaytcp", NameQuery(family, net["router"], tcp=True, ports=catalogue.ports()))
    add("dnsneighbour", NameQuery(family, net["neighbour"]))
    add("dnslinklocal", NameQuery(family, net["linkLocal"], scope=world["deviceIndex"] if family == 6 else 0))
    add("dnsdevice", NameQuery(family, net["resolver"], device=world["device"]))
    add("dot", Stream(family, net["resolver"], 853, catalogue.ports()))
    add("doq", Datagram(family, net["resolver"], 853, size=1200, head=QUIC))
    add("dotgateway", Stream(family, net["router"], 853, catalogue.ports()))


def local(catalogue, family, net, world):
    scope = world["deviceIndex"] if family == 6 else 0
    group = (lambda v4, v6: v4 if family == 4 else v6)

    def add(name, action):
        catalogue.add(f"u_{name}{family}", "nobody", action)

    add("lanudp", Datagram(family, net["neighbour"], 9))
    add("lantcp", Stream(family, net["neighbour"], 80, catalogue.ports()))
    add("lanicmp", Echo(family, net["neighbour"]))
    add("mdns", Datagram(family, group("224.0.0.251", "ff02::fb"), 5353, scope=scope, device=world["device"]))
    add("ssdp", Datagram(family, group("239.255.255.250", "ff02::c"), 1900, scope=scope, device=world["device"]))
    add("llmnr", Datagram(family, group("224.0.0.252", "ff02::1:3"), 5355, scope=scope, device=world["device"]))


def raw(catalogue, family, net, world):
    """Probes of a process with CAP_NET_RAW alone; it may set awg's mark (chapter S3)."""
    def add(name, action):
        catalogue.add(f"n_{name}{family}", "netraw", action)

    mark = world["mark"]
    add("icmp", Echo(family, net["echo"], raw=True))
    for name, protocol in (("gre", 47), ("esp", 50), ("sctp", 132), ("ipip", 4 if family == 4 else 41), ("p253", 253)):
        add(name, Raw(family, net["echo"], protocol))
    add("markudp", Datagram(family, net["echo"], 9, mark=mark))
    add("markdns", NameQuery(family, net["resolver"], mark=mark))
    add("marktcp", Stream(family, net["echo"], 80, catalogue.ports(), mark=mark))
    add("markep", Datagram(family, net["server"], world["serverPort"], mark=mark))


def guest(catalogue, family, net):
    """Traffic of another machine that the client forwards."""
    catalogue.add(f"g_udp{family}", "guest", Datagram(family, net["echo"], 9))
    catalogue.add(f"g_tcp{family}", "guest", Stream(family, net["echo"], 80, catalogue.ports()))
    catalogue.add(f"g_icmp{family}", "guest", Echo(family, net["echo"], raw=True))
    catalogue.add(f"g_dns{family}", "guest", NameQuery(family, net["resolver"]))
    catalogue.add(f"g_dnsgateway{family}", "guest", NameQuery(family, net["router"]))
    catalogue.add(f"g_lanudp{family}", "guest", Datagram(family, net["neighbour"], 9))


def inbound(catalogue, family, net):
    """Packets to the client from a neighbour and from far away; what comes back out is judged."""
    for worker, mark in (("neighbour", "a"), ("outside", "o")):
        bound = {"source": net["echo"]} if worker == "outside" else {}
        catalogue.add(f"{mark}_udp{family}", worker, Datagram(family, net["client"], 9, **bound))
        catalogue.add(f"{mark}_tcp{family}", worker, ToPort(family, net["client"], catalogue.ports(), **bound))
        catalogue.add(f"{mark}_icmp{family}", worker, Echo(family, net["client"], raw=True))
    catalogue.add(f"a_tunneludp{family}", "neighbour", Datagram(family, net["tunnel"], 9), in_control=False)
    catalogue.add(f"a_tunneltcp{family}", "neighbour", ToPort(family, net["tunnel"], catalogue.ports()), in_control=False)
    catalogue.add(f"a_tunnelicmp{family}", "neighbour", Echo(family, net["tunnel"], raw=True), in_control=False)
    forged(catalogue, family, net)


def forged(catalogue, family, net):
    """A neighbour's packets to the tunnel's address in the name of somebody who is reached through the tunnel (CVE-2019-14899)."""
    def add(name, protocol, build):
        def whole(tag):
            return with_checksum(family, net["echo"], net["tunnel"], protocol, build(tag))

        action = WithOwnHeader(family, net["echo"], net["tunnel"], protocol, whole)
        catalogue.add(f"a_forged{name}{family}", "neighbour", action, in_control=False)

    port = catalogue.ports()[0]
    add("tcp", 6, lambda _: tcp_syn(port))
    add("udp", 17, lambda tag: udp(9, tag * 8))
    add("icmp", 1 if family == 4 else 58, lambda tag: echo_request(family, tag * 8))


class ToPort:
    """A connection to a closed port that is the probe's own number, so that the reset which answers names the probe."""

    def __init__(self, family, address, ports, source=None):
        self.make = lambda port: Stream(family, address, port, [0], source=source)
        self.ports, self.next = ports, 0

    def __call__(self, tag):
        self.next = (self.next + 1) % len(self.ports)
        stream = self.make(self.ports[self.next])
        stream(tag)
        stream.open.popleft().close()


def ipv4_only(catalogue, world):
    net, device = world["v4"], world["device"]
    broadcast = [(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)]
    catalogue.add("u_broadcast", "nobody", Datagram(4, "255.255.255.255", 9, options=broadcast, device=device))
    catalogue.add("u_subnetbroadcast", "nobody", Datagram(4, net["broadcast"], 137, options=broadcast))
    catalogue.add("u_options4", "nobody", Datagram(4, net["echo"], 9, options=[(socket.IPPROTO_IP, 4, b"\7\7\4\0\0\0\0\0")]))
    catalogue.add("u_systemdns", "nobody", SystemResolver(world["resolvConf"]))
    catalogue.add("a_arp", "neighbour", AskForAddress("lan0", net["neighbour"], net["tunnel"]), in_control=False)
    catalogue.add("r_spoofed", "root", WithOwnHeader(4, net["tunnel"], net["echo"], 17, lambda tag: udp(9, tag * 8), device))
    catalogue.add("r_igmp", "root", Raw(4, "224.0.0.22", 2))


def ipv6_only(catalogue, world):
    net, scope = world["v6"], world["deviceIndex"]
    padding = bytes([0, 0, 1, 4, 0, 0, 0, 0])
    for name, option in (("hopbyhop", 54), ("destination", 59)):
        options = [(socket.IPPROTO_IPV6, option, padding)]
        catalogue.add(f"n_{name}6", "netraw", Datagram(6, net["echo"], 9, options=options))
    catalogue.add("u_linklocal6", "nobody", Datagram(6, net["linkLocal"], 9, scope=scope))
    catalogue.add("r_icmp6group", "root", Raw(6, "ff02::16", 58, scope=scope))


def frames(catalogue, world):
    """What root can put on the wire past every IP hook."""
    mac, device = bytes.fromhex(world["routerMac"].replace(":", "")), world["device"]
    v4, v6 = world["v4"], world["v6"]

    def add(name, ether_type, build):
        catalogue.add(f"l2_{name}", "root", Frame(device, mac, ether_type, build))

    add("udp4", 0x0800, lambda body: ipv4(v4["client"], v4["echo"], 17, udp(9, body)))
    add("dns4", 0x0800, lambda body: ipv4(v4["client"], v4["resolver"], 17, udp(53, body)))
    add("ep4", 0x0800, lambda body: ipv4(v4["client"], v4["server"], 17, udp(world["serverPort"], body)))
    add("udp6", 0x86DD, lambda body: ipv6(v6["client"], v6["echo"], 17, udp(9, body)))
    add("fragment6", 0x86DD, lambda body: ipv6(v6["client"], v6["echo"], 44, struct.pack("!BBHI", 17, 0, 8 << 3, 5) + body))
    add("vlan", 0x8100, lambda body: struct.pack("!HH", 5, 0x0800) + ipv4(v4["client"], v4["echo"], 17, udp(9, body)))
    add("unknown", 0x88B5, lambda body: body)
