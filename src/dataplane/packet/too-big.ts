import { fold, plainSum, swap16 } from "./checksum.ts";
import { IPV4_BYTES, IPV6_BYTES, writeIpv4Checksum } from "./inner-header.ts";

const ICMP = 1;
const ICMPV6 = 58;
const ICMP_BYTES = 8;
/** RFC 792 and RFC 1191 section 4. */
const UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
/** RFC 4443 section 3.2; messages below 128 are errors (section 2.1). */
const PACKET_TOO_BIG = 2;
const FIRST_INFORMATION = 128;
const DONT_FRAGMENT = 0x4000;
const HOP_LIMIT = 64;
/** Answers are limited to the size that every host accepts (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c)). */
const MOST_BYTES = { four: 576, six: 1280 } as const;

/** IPv4 messages that are errors themselves (RFC 1122 section 3.2.2) get no answer. */
const ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

/** The smallest MTU to report: every host accepts it and every link carries it (RFC 791, RFC 8200 section 5). */
export const LEAST_MTU_BYTES = { four: 576, six: 1280 } as const;

/** Answers per second, and in one burst (RFC 4443 section 2.4 (f)). */
const ANSWERS_A_SECOND = 100;
const ANSWERS_AT_ONCE = 20;

/** Limits the rate of answers; a token bucket. */
export class AnswerRate {
  #tokens = ANSWERS_AT_ONCE;
  #at = 0;

  /** @param now milliseconds, never going back */
  allow(now: number): boolean {
    this.#tokens = Math.min(ANSWERS_AT_ONCE, this.#tokens + ((now - this.#at) * ANSWERS_A_SECOND) / 1000);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Whether the packet must not be fragmented (DF, or IPv6). Allocates nothing. */
export function mustNotBeCut(view: DataView, at: number): boolean {
  return view.getUint8(at) >>> 4 === 6 || (view.getUint16(at + 6) & DONT_FRAGMENT) !== 0;
}

/**
 * The ICMP error of a router whose next link has an MTU of `mtuBytes`, with the destination as its source:
 * "fragmentation needed" or "packet too big", followed by the start of the packet. Undefined where no answer is
 * allowed: errors, later fragments, source or destination not a single host.
 *
 * @param packet an IP packet with a complete header
 */
export function tooBigAnswer(packet: Uint8Array, mtuBytes: number): Uint8Array | undefined {
  return (packet[0] as number) >>> 4 === 6 ? answerSix(packet, mtuBytes) : answerFour(packet, mtuBytes);
}

function answerFour(packet: Uint8Array, mtuBytes: number): Uint8Array | undefined {
  const asked = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const headerBytes = (asked.getUint8(0) & 0xf) * 4;
  const isFragment = (asked.getUint16(6) & 0x1fff) !== 0;
  const isError = asked.getUint8(9) === ICMP && ERRORS.has(packet[headerBytes] ?? UNREACHABLE);
  if (isFragment || isError || isMany(asked.getUint8(12)) || isMany(asked.getUint8(16))) return undefined;
  const quoted = packet.subarray(0, MOST_BYTES.four - IPV4_BYTES - ICMP_BYTES);
  const answer = new Uint8Array(IPV4_BYTES + ICMP_BYTES + quoted.length);
  const view = new DataView(answer.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, answer.length);
  view.setUint8(8, HOP_LIMIT);
  view.setUint8(9, ICMP);
  answer.set(packet.subarray(16, 20), 12);
  answer.set(packet.subarray(12, 16), 16);
  const sum = plainSum(view);
  writeIpv4Checksum(view, sum, 0);
  view.setUint8(IPV4_BYTES, UNREACHABLE);
  view.setUint8(IPV4_BYTES + 1, FRAGMENTATION_NEEDED);
  view.setUint16(IPV4_BYTES + 6, mtuBytes);
  answer.set(quoted, IPV4_BYTES + ICMP_BYTES);
  view.setUint16(IPV4_BYTES + 2, ~sum(IPV4_BYTES, answer.length - IPV4_BYTES, 0) & 0xffff, true);
  return answer;
}

/** 0.0.0.0/8, 127.0.0.0/8 and everything from 224.0.0.0 on: not a single host. */
function isMany(first: number): boolean {
  return first === 0 || first === 127 || first >= 224;
}

function answerSix(packet: Uint8Array, mtuBytes: number): Uint8Array | undefined {
  const isError = packet[6] === ICMPV6 && (packet[IPV6_BYTES] ?? 0) < FIRST_INFORMATION;
  if (isError || packet[8] === 0xff || packet[24] === 0xff) return undefined;
  const quoted = packet.subarray(0, MOST_BYTES.six - IPV6_BYTES - ICMP_BYTES);
  const answer = new Uint8Array(IPV6_BYTES + ICMP_BYTES + quoted.length);
  const view = new DataView(answer.buffer);
  const payloadBytes = answer.length - IPV6_BYTES;
  view.setUint8(0, 0x60);
  view.setUint16(4, payloadBytes);
  view.setUint8(6, ICMPV6);
  view.setUint8(7, HOP_LIMIT);
  answer.set(packet.subarray(24, 40), 8);
  answer.set(packet.subarray(8, 24), 24);
  view.setUint8(IPV6_BYTES, PACKET_TOO_BIG);
  view.setUint32(IPV6_BYTES + 4, mtuBytes);
  answer.set(quoted, IPV6_BYTES + ICMP_BYTES);
  const sum = plainSum(view);
  const pseudo = fold(sum(8, 32, 0) + (ICMPV6 << 8) + swap16(payloadBytes));
  view.setUint16(IPV6_BYTES + 2, ~sum(IPV6_BYTES, payloadBytes, pseudo) & 0xffff, true);
  return answer;
}
