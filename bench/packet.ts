/**
 * What one packet costs our own code: superpackets are cut and sealed by one end, opened and joined by the other, in one
 * process, with the kernel's calls replaced by copies. Prints nanoseconds of CPU time and bytes of heap a packet, over a
 * million packets, for WireGuard and for what AmneziaWG adds, each in a process of its own; exits 1 when the heap of one
 * reaches 1 byte. Runs anywhere OpenSSL's functions can be reached; no root.
 *
 * node bench/packet.ts [packets=1000000] [format]
 */
import { spawnSync } from "node:child_process";
import { Inbound } from "../src/dataplane/loop/inbound.ts";
import { Outbound } from "../src/dataplane/loop/outbound.ts";
import { RouteCache } from "../src/dataplane/loop/route-cache.ts";
import { SendBatch } from "../src/dataplane/loop/send-batch.ts";
import { TunWriter } from "../src/dataplane/loop/tun-writer.ts";
import {
  MESSAGE_BYTES,
  RECEIVE_LEAD_BYTES,
  RECEIVE_STRIDE,
  type WorkerResources,
} from "../src/dataplane/loop/worker-resources.ts";
import { CUT, writeVirtioHeader } from "../src/dataplane/packet/virtio-header.ts";
import { createWorkerResources } from "../src/dataplane/worker/create-worker-resources.ts";
import { createAmneziaWire } from "../src/engine/awg/amnezia-wire.ts";
import { parseParameters } from "../src/engine/awg/parse-parameters.ts";
import { createDevice } from "../src/engine/create-device.ts";
import type { Device, Output, Session } from "../src/engine/device.ts";
import { PLAIN_WIRE } from "../src/engine/wire/plain.ts";
import { writeSocketAddress } from "../src/native/linux/packet-io/socket-address.codec.ts";
import { packetSystemHere } from "../src/native/packet-system-here.ts";

const PACKETS = Number(process.argv[2] ?? 1_000_000);
const MASKED = { s1: "40", s2: "60", s3: "13", s4: "12", header_protection_key: "1f".repeat(32) };
const FORMATS: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = {
  WireGuard: undefined,
  "AmneziaWG 2.0": {
    s1: "72",
    s2: "40",
    s3: "8",
    s4: "16",
    h1: "10-20",
    h2: "30-40",
    h3: "98234",
    h4: "100000-900000",
  },
  "AmneziaWG 3.0, masked": MASKED,
  "AmneziaWG 3.0, content padded": { ...MASKED, content_padding_addition: "10-100" },
  "AmneziaWG 3.1, trailers": { ...MASKED, random_trailers: "1" },
};
const format = process.argv[3] ?? "";
if (format === "") {
  const ends = Object.keys(FORMATS).map((name) => {
    console.log(name);
    return spawnSync(process.execPath, [process.argv[1] ?? "", String(PACKETS), name], { stdio: "inherit" }).status;
  });
  process.exit(ends.every((end) => end === 0) ? 0 : 1);
}
const parameters = FORMATS[format];
/** Room for padding: what fills the tunnel's MTU gets none. */
const MTU_BYTES = 1500;
const WAY_BYTES = 1700;
const SEGMENT_BYTES = 1368;
const SEGMENTS = 46;
const HEADER_BYTES = 52;
const NEAR = { address: Uint8Array.of(192, 0, 2, 1), port: 1, scope: 0 };
const FAR = { address: Uint8Array.of(192, 0, 2, 2), port: 2, scope: 0 };

interface Rig {
  readonly outbound: Outbound;
  readonly inbound: Inbound;
  readonly writer: TunWriter;
}

const resources = createWorkerResources(true, packetSystemHere());
const { arena } = resources;
const WIRE = parameters === undefined ? PLAIN_WIRE : createAmneziaWire(parseParameters(parameters), resources.sources);
const template = arena.reserve(65_536);
writeTemplate();
// A ring of what was "sent": each sendmmsg fills messages that the next recvmmsg hands over.
let queued = 0;
let hasRead = false;
const calls: WorkerResources["calls"] = {
  ...resources.calls,
  read(_fd, into, _bytes) {
    if (hasRead) return -1;
    hasRead = true;
    const length = 10 + HEADER_BYTES + SEGMENTS * SEGMENT_BYTES;
    arena.bytes.copyWithin(into - arena.base, template, template + length);
    return length;
  },
  sendmmsg(_fd, messages, count) {
    for (let index = 0; index < count; index += 1) hand(messages - arena.base + index * MESSAGE_BYTES);
    return count;
  },
  recvmmsg: () => {
    const count = queued;
    queued = 0;
    return count === 0 ? -1 : count;
  },
  write: () => 1,
  writev: () => 1,
  errno: () => "EAGAIN",
};
const rig = makeRig();

/** Copies one message to the place where the receiver finds it, joined as UDP_GRO does. */
function hand(header: number): void {
  const { view } = arena;
  const vector = view.getUint32(header + 16, true) - arena.base;
  const from = view.getUint32(vector, true) - arena.base;
  const length = view.getUint32(vector + 8, true);
  const control = view.getUint32(header + 32, true) - arena.base;
  const { receive } = resources;
  const to = receive.buffers + queued * RECEIVE_STRIDE + RECEIVE_LEAD_BYTES;
  arena.bytes.copyWithin(to, from, from + length);
  const into = receive.headers + queued * MESSAGE_BYTES;
  view.setUint32(into + 56, length, true);
  view.setUint32(into + 40, 24 + 32, true);
  // Their size (UDP_GRO), and the address that was spoken to (IP_PKTINFO).
  const beside = receive.controls + queued * 64;
  view.setUint32(beside, 20, true);
  view.setUint32(beside + 8, 17, true);
  view.setUint32(beside + 12, 104, true);
  view.setUint32(beside + 16, view.getUint16(control + 16, true), true);
  view.setUint32(beside + 24, 28, true);
  view.setUint32(beside + 36, 8, true);
  arena.bytes.set(FAR.address, beside + 44);
  writeSocketAddress(view, receive.names + queued * 32, NEAR);
  queued += 1;
}

function writeTemplate(): void {
  const { view, bytes } = arena;
  writeVirtioHeader(view, template, CUT.tcp4, HEADER_BYTES, SEGMENT_BYTES, 20, 16);
  const ip = template + 10;
  bytes.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], ip);
  view.setUint16(ip + 2, HEADER_BYTES + SEGMENTS * SEGMENT_BYTES);
  bytes.set([0x10, 0, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 9, 0x80, 0x10, 1, 0], ip + 20);
}

function makeRig(): Rig {
  const listener = {
    opened: (session: Session) => {
      session.slot = resources.aead.load(session.sendKey, session.receiveKey);
    },
    closed: (session: Session) => resources.aead.free(session.slot),
  };
  const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
  const ports = { crypto: resources.crypto, sources: resources.sources, sessions: listener };
  const make = (mine: Uint8Array, peer: Uint8Array, endpoint?: typeof FAR): Device => {
    const allowedIPs = [{ family: 4 as const, address: 0n, length: 0 }];
    const one = {
      publicKey: resources.crypto.publicKey(peer),
      allowedIPs,
      ...(endpoint === undefined ? {} : { endpoint }),
    };
    return createDevice({ privateKey: mine, wire: WIRE, mtuBytes: MTU_BYTES, peers: [one] }, ports);
  };
  const [near, far] = [make(keys[0], keys[1], FAR), make(keys[1], keys[0])];
  shakeHands(near, far);
  const own: WorkerResources = { ...resources, calls };
  const tun = { fd: 3, name: "tun", headerBytes: 10, offload: 0x67 };
  const refuse = (what: unknown) => {
    throw new Error(`refused: ${String(what)}`);
  };
  const routes = new RouteCache(() => ({ mtuBytes: WAY_BYTES, source: NEAR.address }));
  const batch = new SendBatch(own, { four: 4, six: -1, segments: true }, routes, (_to, errno) => refuse(errno));
  const writer = new TunWriter(own, tun, refuse);
  const common = { perform: () => {}, mtuBytes: () => MTU_BYTES, routes };
  const outbound = new Outbound(own, {
    ...common,
    device: near,
    batch,
    tun,
    readFailed: refuse,
    answer: refuse,
  });
  const inbound = new Inbound(own, { ...common, device: far, writer, wire: () => WIRE, receiveFailed: refuse });
  return { outbound, inbound, writer };
}

function shakeHands(near: Device, far: Device): void {
  const datagrams = (outputs: readonly Output[]) =>
    outputs.flatMap((output) => (output.kind === "datagram" ? [output.bytes] : []));
  const packet = new Uint8Array(20);
  packet.set([0x45, 0, 0, 20]);
  const toFar = (from: readonly Uint8Array[]) => from.flatMap((one) => datagrams(far.receive(one, NEAR, 1)));
  const toNear = (from: readonly Uint8Array[]) => from.flatMap((one) => datagrams(near.receive(one, FAR, 1)));
  toFar(toNear(toFar(datagrams(near.send(packet, 1)))));
}

function turn(): void {
  hasRead = false;
  rig.outbound.turn(2);
  rig.inbound.turn(4, 2);
}

for (let index = 0; index < 4000; index += 1) turn();
const turnsInSample = 500;
const samples = Math.ceil(PACKETS / (turnsInSample * SEGMENTS));
const before = rig.writer.counters.packets;
const start = process.cpuUsage();
const growths: number[] = [];
for (let sample = 0; sample < samples; sample += 1) {
  const heap = process.memoryUsage().heapUsed;
  for (let index = 0; index < turnsInSample; index += 1) turn();
  growths.push(process.memoryUsage().heapUsed - heap);
}
const cpu = process.cpuUsage(start);
const packets = rig.writer.counters.packets - before;
// A collection in between makes a sample negative; those say nothing.
const bytes = growths.filter((growth) => growth >= 0).reduce((sum, growth) => sum + growth, 0);
const perPacket = bytes / (turnsInSample * SEGMENTS * growths.filter((growth) => growth >= 0).length);
console.log(
  `cipher ${resources.aead.name}, addresses ${arena.lowAddresses ? "low" : "high"}, ${packets} packets of ${SEGMENT_BYTES + HEADER_BYTES} bytes`,
);
console.log(`${(((cpu.user + cpu.system) * 1000) / packets).toFixed(0)} ns of CPU a packet, sealed and opened`);
console.log(`${perPacket < 1 ? "ok     " : "MISSED "} heap: ${perPacket.toFixed(2)} bytes a packet (demand < 1)`);
process.exitCode = perPacket < 1 ? 0 : 1;
