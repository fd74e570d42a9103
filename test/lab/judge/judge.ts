import { canonicalAddress, type Dissected, dissect, protocols } from "./dissect.ts";
import type { Exception } from "./exception.ts";
import type { WireFrame } from "./pcap.ts";

/** A kind of packet the prober sends. Its packets carry its tag, or come from one of its source ports. */
export interface Probe {
  readonly index: number;
  readonly name: string;
  /** False for probes that can only be answered once a tunnel exists, so no control run sees them. */
  readonly inControl: boolean;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Expectation {
  readonly endpoints: readonly Endpoint[];
  /**
   * "any": obfuscated packets have no header to recognise; every untagged datagram to an endpoint is the tunnel's.
   * "obfuscated": the same, but one that begins as WireGuard's do is a leak.
   */
  readonly wire: "wireguard" | "any" | "obfuscated";
  /** How many bytes may stand before a header: "obfuscated" looks for WireGuard's behind each of them too, whatever follows. */
  readonly paddings?: readonly number[];
  readonly exceptions: readonly Exception[];
  /** Fewer data packets than this inside the tunnel make the run invalid: a dead tunnel proves nothing. */
  readonly leastTunnelPackets: number;
  /** Judge these probes alone, where a set-up promises nothing about the others. */
  readonly only?: ReadonlySet<string>;
}

export interface Leak {
  readonly probe: string;
  readonly count: number;
  readonly firstAtMs: number;
  readonly example: string;
}

export interface Judgement {
  readonly outcome: "pass" | "leak" | "invalid";
  readonly leaks: readonly Leak[];
  readonly invalid: readonly string[];
  readonly tunnelPackets: number;
  /** How many packets each exception let pass. */
  readonly excepted: ReadonlyMap<string, number>;
}

const tagMark = [0xa7, 0x61, 0x77, 0x67] as const;
const tagBytes = 8;
const sourcePortBase = 20000;
const sourcePortsPerProbe = 16;
/** Below the ephemeral ports (32768), which belong to nobody. */
const mostProbes = 700;
const untagged = "untagged";

/** The index of the probe that made a packet: by the tag `§awgNNN;` in its bytes, else by a TCP port of the probe. */
export function probeIndexOf(packet: Dissected, frame: Uint8Array): number | undefined {
  const tagged = tagIndex(frame);
  if (tagged !== undefined) return tagged;
  if (packet.protocol !== protocols.tcp) return undefined;
  return portIndex(packet.sourcePort) ?? portIndex(packet.destinationPort);
}

function portIndex(port = 0): number | undefined {
  const index = Math.floor((port - sourcePortBase) / sourcePortsPerProbe);
  return index >= 0 && index < mostProbes ? index : undefined;
}

function tagIndex(frame: Uint8Array): number | undefined {
  for (let at = frame.indexOf(tagMark[0]); at >= 0; at = frame.indexOf(tagMark[0], at + 1)) {
    if (!tagMark.every((byte, position) => frame[at + position] === byte)) continue;
    const digits = /^(\d{3});$/.exec(String.fromCharCode(...frame.subarray(at + 4, at + tagBytes)));
    if (digits !== null) return Number(digits[1]);
  }
  return undefined;
}

/** Which probes of the list appear in these frames. */
export function probesSeen(frames: readonly WireFrame[]): Set<number> {
  const seen = new Set<number>();
  for (const { frame } of frames) {
    const index = probeIndexOf(dissect(frame), frame);
    if (index !== undefined) seen.add(index);
  }
  return seen;
}

/**
 * Judges every frame of a window: the tunnel's, a listed exception's, or a leak with the probe that made it.
 * `invalid` holds what the caller already knows to be wrong with the run (a stalled prober, dropped frames).
 * A leak outweighs an invalid run: what was seen outside was outside.
 */
export function judge(
  frames: readonly WireFrame[],
  probes: readonly Probe[],
  expectation: Expectation,
  invalid: readonly string[],
): Judgement {
  const names = new Map(probes.map((probe) => [probe.index, probe.name]));
  const leaks = new Map<string, Leak>();
  const excepted = new Map<string, number>();
  let tunnelPackets = 0;
  for (const { atMs, frame } of frames) {
    const packet = dissect(frame);
    const index = probeIndexOf(packet, frame);
    const tunnel = index === undefined ? tunnelPacket(packet, expectation) : undefined;
    if (tunnel !== undefined) {
      if (tunnel === "data") tunnelPackets += 1;
      continue;
    }
    const exception = expectation.exceptions.find((candidate) => candidate.allows(packet));
    if (exception !== undefined) {
      excepted.set(exception.name, (excepted.get(exception.name) ?? 0) + 1);
      continue;
    }
    const probe = index === undefined ? untagged : (names.get(index) ?? untagged);
    if (expectation.only !== undefined && !expectation.only.has(probe)) continue;
    const known = leaks.get(probe);
    leaks.set(probe, {
      probe,
      count: (known?.count ?? 0) + 1,
      firstAtMs: known?.firstAtMs ?? atMs,
      example: known?.example ?? describePacket(packet),
    });
  }
  const reasons = [...invalid];
  if (tunnelPackets < expectation.leastTunnelPackets) {
    reasons.push(`the tunnel carried ${tunnelPackets} packets, fewer than ${expectation.leastTunnelPackets}`);
  }
  const outcome = leaks.size > 0 ? "leak" : reasons.length > 0 ? "invalid" : "pass";
  return { outcome, leaks: [...leaks.values()], invalid: reasons, tunnelPackets, excepted };
}

const handshakeBytes = new Map([
  [1, 148],
  [2, 92],
  [3, 64],
]);
const dataType = 4;
const emptyDataBytes = 32;

/** WireGuard's message header (whitepaper section 5.4): type, three zero bytes, and a length that fits the type. */
function tunnelPacket(packet: Dissected, expectation: Expectation): "data" | "control" | undefined {
  const toEndpoint = expectation.endpoints.some(
    (endpoint) =>
      packet.protocol === protocols.udp &&
      packet.destination === canonicalAddress(endpoint.address) &&
      packet.destinationPort === endpoint.port,
  );
  if (!toEndpoint) return undefined;
  if (expectation.wire === "any") return "data";
  const plain = plainMessage(packet);
  if (expectation.wire !== "obfuscated") return plain;
  const { paddings = [] } = expectation;
  const isBare = paddings.some((bytes) => typeAt(packet.payload, bytes) !== undefined);
  return plain !== undefined || isBare ? undefined : "data";
}

/** The type of WireGuard's four messages that stands here, three zero bytes behind it. */
function typeAt(payload: Uint8Array, at: number): number | undefined {
  const [type = 0, ...zeros] = payload.subarray(at, at + 4);
  const isType = type >= 1 && type <= dataType && zeros.length === 3 && zeros.every((byte) => byte === 0);
  return isType ? type : undefined;
}

function plainMessage({ payload }: Dissected): "data" | "control" | undefined {
  const type = typeAt(payload, 0);
  if (type === undefined) return undefined;
  if (type === dataType && payload.length >= emptyDataBytes) {
    return payload.length > emptyDataBytes ? "data" : "control";
  }
  return handshakeBytes.get(type) === payload.length ? "control" : undefined;
}

/** One line about a packet, as a person would want to see it in a failure. */
export function describePacket(packet: Dissected): string {
  if (packet.arpSender !== undefined) return `arp from ${packet.arpSender}`;
  if (packet.family === undefined) return `ethertype 0x${packet.etherType.toString(16)}`;
  const end = (address: string | undefined, port: number | undefined): string =>
    port === undefined ? `${address}` : `${address} port ${port}`;
  const icmp = packet.icmpType === undefined ? "" : ` icmp type ${packet.icmpType}`;
  const from = end(packet.source, packet.sourcePort);
  return `protocol ${packet.protocol}${icmp} from ${from} to ${end(packet.destination, packet.destinationPort)}`;
}

/** The judgement as text: one line of outcome, then one line per leak or reason. */
export function renderJudgement(judgement: Judgement): string {
  const excepted = [...judgement.excepted].map(([name, count]) => `${name} ${count}`).join(", ");
  return [
    `${judgement.outcome}: ${judgement.tunnelPackets} packets in the tunnel; exceptions: ${excepted || "none"}`,
    ...judgement.leaks.map((leak) => `  LEAK ${leak.probe} × ${leak.count}: ${leak.example}`),
    ...judgement.invalid.map((reason) => `  INVALID ${reason}`),
  ].join("\n");
}
