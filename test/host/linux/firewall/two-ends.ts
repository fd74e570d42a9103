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
  exchange(packets: Numbered<Packet>, frames?: Numbered<RawFrame>): Seen;
}

/** Makes both ends; every device has a default route to a neighbour that is known for good. */
export function makeTwoEnds(): TwoEnds {
  const here = makeNamespace("fw-here");
  const there = makeNamespace("fw-there");
  const dispose = () => {
    here[Symbol.dispose]();
    there[Symbol.dispose]();
  };
  try {
    here.run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"]);
    for (const [index, device] of END_DEVICES.entries()) join(here, there, device, index);
  } catch (error) {
    dispose();
    throw error;
  }
  return { here, there, exchange: (...what) => exchange(here, there, ...what), [Symbol.dispose]: dispose };
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
  for (const gateway of ["192.0.0.1", "fe80::99"]) {
    here.run(["ip", "neigh", "replace", gateway, "lladdr", macText(PEER_MAC), "dev", device, "nud", "permanent"]);
    const route = ["route", "add", "default", "via", gateway, "dev", device, "onlink", "metric", String(100 + index)];
    here.run(["ip", gateway.includes(":") ? "-6" : "-4", ...route]);
  }
}

function exchange(
  here: TestNamespace,
  there: TestNamespace,
  packets: Numbered<Packet>,
  frames: Numbered<RawFrame> = [],
): Seen {
  const job = {
    here: `/run/netns/${here.name}`,
    there: `/run/netns/${there.name}`,
    devices: Object.fromEntries(END_DEVICES.map((device, index) => [device, `far${index}`])),
    out: packets.filter(([, packet]) => packet.hook === "output").map(([id, packet]) => departure(id, packet)),
    in: packets.filter(([, packet]) => packet.hook === "input").map(([id, packet]) => arrival(id, packet)),
    raw: frames.map(([id, { bytes, ...frame }]) => ({
      id,
      ...frame,
      bytes: `${PEER_MAC}${MACS[frame.device]}${hex(bytes)}`,
    })),
  };
  const { stdout } = here.run(["python3", SCRIPT], { input: JSON.stringify(job), timeoutMs: 100_000 });
  return JSON.parse(stdout) as Seen;
}

function departure(id: number, packet: Packet) {
  return {
    id,
    family: packet.destination.family,
    device: packet.outDevice,
    destination: renderIp(packet.destination),
    uid: packet.uid,
    mark: packet.mark,
    bytes: hex(packetBytes(packet, "AWGO", id)),
  };
}

function arrival(id: number, packet: Packet) {
  const to = MACS[packet.inDevice as EndDevice];
  const type = packet.source.family === 4 ? "0800" : "86dd";
  return { id, device: packet.inDevice, bytes: `${to}${PEER_MAC}${type}${hex(packetBytes(packet, "AWGI", id))}` };
}

/** The packet as a frame that a process writes past the IP stack. */
export function rawFrameOf(id: number, packet: Packet): RawFrame {
  const type = packet.destination.family === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  const bytes = Uint8Array.of(...type, ...packetBytes(packet, "AWGO", id));
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
