import { fileURLToPath } from "node:url";
import type { Packet } from "../../../../src/model/firewall/packet.ts";
import { renderIp } from "../../../../src/model/ip.ts";
import { makeNamespace, type TestNamespace } from "../../../support/netns.ts";
import { packetBytes } from "./wire-packet.ts";

const SCRIPT = fileURLToPath(new URL("./exchange.py", import.meta.url));
const MACS = { eth0: "020000000001", "awg-office": "020000000002", "awg-proxy": "020000000003" } as const;
const PEER_MAC = "020000000009";
const OWN_ADDRESSES = {
  eth0: ["198.51.100.2/32", "192.168.1.2/32", "2001:db8:9::2/128"],
  "awg-office": ["10.8.0.2/32", "fd00:8::2/128"],
  "awg-proxy": ["10.9.0.2/32"],
} as const;

export type EndDevice = keyof typeof MACS;
/** A physical device and two that bear the names of tunnels. */
export const END_DEVICES = Object.keys(MACS) as EndDevice[];

/** Another machine behind this one, and where this one sends what it forwards; all else goes by the first device. */
export const GUEST = {
  device: "guest0",
  mac: "020000000004",
  addresses: ["10.77.0.2", "fd00:77::2"],
  own: ["10.77.0.1/24", "fd00:77::1/64"],
  routes: [
    ["8.8.8.8/32", "awg-office"],
    ["11.0.0.0/8", "awg-office"],
    ["10.8.0.0/24", "awg-office"],
    ["203.0.113.128/25", "awg-office"],
    ["100.64.0.1/32", "awg-proxy"],
    ["172.16.0.0/12", "awg-proxy"],
    ["2606:4700::/32", "awg-office"],
    ["2001:db8:1:ffff::/64", "awg-office"],
    ["fd00:8::/64", "awg-office"],
  ],
} as const;
const FLOW_SECONDS = 3_600;

/** The bytes of a packet, or of each of its fragments. */
export type BytesOf = (packet: Packet, magic: "AWGO" | "AWGI", id: number) => readonly Uint8Array[];
const wholePacket: BytesOf = (...what) => [packetBytes(...what)];

export interface Seen {
  /** Ids of what arrived at the far end of each device. */
  readonly out: Readonly<Record<string, readonly number[]>>;
  /** Ids of what reached a socket here. */
  readonly in: readonly number[];
  readonly complete: boolean;
}

export type Numbered<T> = readonly (readonly [number, T])[];

/** A frame to be written past the IP stack. */
export interface RawFrame {
  readonly device: EndDevice;
  readonly uid: number;
  readonly mark: number;
  /** The frame without Ethernet addresses: its type and what follows. */
  readonly bytes: Uint8Array;
}

/** Two namespaces joined by a pair of devices for each name; `here` is the machine under test. */
export interface TwoEnds extends Disposable {
  readonly here: TestNamespace;
  readonly there: TestNamespace;
  /** Sends packets out of and into the machine, and tells what arrived. */
  exchange(packets: Numbered<Packet>, frames?: Numbered<RawFrame>, bytesOf?: BytesOf, sender?: TestNamespace): Seen;
}

/** The address by which a neighbour is on the wire of the physical device, one of each IP version. */
export const NEIGHBOUR = { 4: "198.51.100.77", 6: "2001:db8:9::77" } as const;

/**
 * Makes a container as `docker network create -d macvlan` does: its own device, whose packets leave by this machine's
 * `eth0` and come by none of its hooks but that device's egress. There the device is called eth0, too.
 */
export function makeMacvlanGuest({ here }: TwoEnds): TestNamespace {
  const guest = makeNamespace("fw-macvlan");
  here.run(["ip", "link", "add", "link", "eth0", "name", "macvlan0", "type", "macvlan", "mode", "bridge"]);
  here.run(["ip", "link", "set", "macvlan0", "netns", guest.name, "name", "eth0"]);
  guest.run(["sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"]);
  guest.run(["ip", "link", "set", "eth0", "up"]);
  guest.run(["ip", "addr", "add", `${NEIGHBOUR[4]}/24`, "dev", "eth0"]);
  guest.run(["ip", "addr", "add", `${NEIGHBOUR[6]}/64`, "dev", "eth0", "nodad"]);
  routeOut(guest, "eth0", 100);
  return guest;
}

/**
 * Makes both ends; every device has a default route to a neighbour that is known for good. With a guest there is one
 * device more, behind which another machine sends through this one.
 */
export function makeTwoEnds({ hasGuest = false }: { readonly hasGuest?: boolean } = {}): TwoEnds {
  const here = makeNamespace("fw-here");
  const there = makeNamespace("fw-there");
  const dispose = () => {
    here[Symbol.dispose]();
    there[Symbol.dispose]();
  };
  try {
    here.run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"]);
    for (const [index, device] of END_DEVICES.entries()) join(here, there, device, index);
    if (hasGuest) joinGuest(here, there);
  } catch (error) {
    dispose();
    throw error;
  }
  const devices = hasGuest ? [...END_DEVICES, GUEST.device] : END_DEVICES;
  return { here, there, exchange: (...what) => exchange(here, there, devices, ...what), [Symbol.dispose]: dispose };
}

function joinGuest(here: TestNamespace, there: TestNamespace): void {
  const { device, mac, addresses, own, routes } = GUEST;
  const far = `far${END_DEVICES.length}`;
  here.run(["ip", "link", "add", device, "type", "veth", "peer", "name", far, "netns", there.name]);
  here.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
  here.run(["sysctl", "-qw", `net.ipv4.conf.${device}.rp_filter=0`, `net.ipv6.conf.${device}.accept_dad=0`]);
  here.run(["ip", "link", "set", device, "address", macText(mac), "up"]);
  there.run(["sysctl", "-qw", `net.ipv6.conf.${far}.disable_ipv6=1`]);
  there.run(["ip", "link", "set", far, "address", macText(PEER_MAC), "up"]);
  for (const text of own)
    here.run(["ip", "addr", "add", text, "dev", device, ...(text.includes(":") ? ["nodad"] : [])]);
  for (const guest of addresses)
    here.run(["ip", "neigh", "replace", guest, "lladdr", macText(PEER_MAC), "dev", device, "nud", "permanent"]);
  for (const [prefix, way] of routes) {
    const isNew = prefix.includes(":");
    const route = ["route", "add", prefix, "via", isNew ? "fe80::99" : "192.0.0.1", "dev", way, "onlink"];
    here.run(["ip", isNew ? "-6" : "-4", ...route]);
  }
}

/** Keeps flows that were not answered known for as long as a busy machine may take. */
export function rememberFlows({ here }: TwoEnds): void {
  here.run(["sysctl", "-qw", `net.netfilter.nf_conntrack_udp_timeout=${FLOW_SECONDS}`]);
}

function join(here: TestNamespace, there: TestNamespace, device: EndDevice, index: number): void {
  const far = `far${index}`;
  here.run(["ip", "link", "add", device, "type", "veth", "peer", "name", far, "netns", there.name]);
  const settings = ["accept_ra=0", "accept_dad=0"].map((setting) => `net.ipv6.conf.${device}.${setting}`);
  here.run(["sysctl", "-qw", `net.ipv4.conf.${device}.rp_filter=0`, ...settings]);
  here.run(["ip", "link", "set", device, "address", macText(MACS[device]), "up"]);
  there.run(["sysctl", "-qw", `net.ipv6.conf.${far}.disable_ipv6=1`]);
  there.run(["ip", "link", "set", far, "address", macText(PEER_MAC), "up"]);
  for (const text of OWN_ADDRESSES[device]) {
    here.run(["ip", "addr", "add", text, "dev", device, ...(text.includes(":") ? ["nodad"] : [])]);
  }
  routeOut(here, device, 100 + index);
}

function routeOut(space: TestNamespace, device: string, metric: number): void {
  for (const gateway of ["192.0.0.1", "fe80::99"]) {
    space.run(["ip", "neigh", "replace", gateway, "lladdr", macText(PEER_MAC), "dev", device, "nud", "permanent"]);
    const route = ["route", "add", "default", "via", gateway, "dev", device, "onlink", "metric", String(metric)];
    space.run(["ip", gateway.includes(":") ? "-6" : "-4", ...route]);
  }
}

function exchange(
  here: TestNamespace,
  there: TestNamespace,
  devices: readonly string[],
  packets: Numbered<Packet>,
  frames: Numbered<RawFrame> = [],
  bytesOf: BytesOf = wholePacket,
  sender: TestNamespace = here,
): Seen {
  const job = {
    here: `/run/netns/${here.name}`,
    sender: `/run/netns/${sender.name}`,
    there: `/run/netns/${there.name}`,
    devices: Object.fromEntries(devices.map((device, index) => [device, `far${index}`])),
    out: packets.filter(([, packet]) => packet.hook === "output").map(([id, packet]) => departure(id, packet, bytesOf)),
    in: packets.filter(([, packet]) => packet.hook !== "output").map(([id, packet]) => arrival(id, packet, bytesOf)),
    raw: frames.map(([id, { bytes, ...frame }]) => ({
      id,
      ...frame,
      bytes: `${PEER_MAC}${MACS[frame.device]}${hex(bytes)}`,
    })),
  };
  const { stdout } = here.run(["python3", SCRIPT], { input: JSON.stringify(job), timeoutMs: 100_000 });
  return JSON.parse(stdout) as Seen;
}

function departure(id: number, packet: Packet, bytesOf: BytesOf) {
  return {
    id,
    family: packet.destination.family,
    device: packet.outDevice,
    destination: renderIp(packet.destination),
    uid: packet.uid,
    mark: packet.mark,
    bytes: bytesOf(packet, "AWGO", id).map(hex).join(""),
  };
}

function arrival(id: number, packet: Packet, bytesOf: BytesOf) {
  const to = packet.inDevice === GUEST.device ? GUEST.mac : MACS[packet.inDevice as EndDevice];
  const type = packet.source.family === 4 ? "0800" : "86dd";
  const frames = bytesOf(packet, packet.hook === "input" ? "AWGI" : "AWGO", id);
  return { id, device: packet.inDevice, frames: frames.map((bytes) => `${to}${PEER_MAC}${type}${hex(bytes)}`) };
}

/** The packet as a frame that a process writes past the IP stack. */
export function rawFrameOf(id: number, packet: Packet, bytesOf: BytesOf = wholePacket): RawFrame {
  const type = packet.destination.family === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  const bytes = Uint8Array.of(...type, ...bytesOf(packet, "AWGO", id).flatMap((part) => [...part]));
  return { device: "eth0", uid: packet.uid ?? 0, mark: packet.mark ?? 0, bytes };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function macText(mac: string): string {
  return (mac.match(/../g) ?? []).join(":");
}

/** A packet in one line, for a failure. */
export function describePacket(packet: Packet): string {
  const { source, destination, ...rest } = packet;
  return `${renderIp(source)} > ${renderIp(destination)} ${JSON.stringify(rest)}`;
}
