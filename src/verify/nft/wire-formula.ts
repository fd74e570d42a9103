import { ETHERNET, PLAIN_WIRE, type Wire } from "../space/header-point.ts";
import { all, any, type Formula, NEVER, not, numberIn, numberIs } from "../space/packet-fields.ts";

/** What a frame is called that may leave: its type, or the number in place of one, and the first byte of its header. */
interface FrameKind {
  readonly name: string;
  readonly types: readonly [number, number];
  readonly first: readonly [number, number];
}

/**
 * The frames that something may be granted, by what the kernel calls them (if_ether.h). First bytes: a version of IP, and what
 * stands in the same byte; half of ARP's kind of device (RFC 826); EAPOL's version (IEEE 802.1X); LACP and its markers
 * (IEEE 802.1AX); a spanning tree's service access point behind a length.
 */
export const FRAME_KINDS: ReadonlyMap<number, FrameKind> = new Map([
  [0x0800, { name: "IPv4", types: [0x0800, 0x0800], first: [0x45, 0x4f] }],
  [0x86dd, { name: "IPv6", types: [0x86dd, 0x86dd], first: [0x60, 0x6f] }],
  [0x0806, { name: "ARP", types: [0x0806, 0x0806], first: [0, 0x0f] }],
  [0x888e, { name: "EAPOL", types: [0x888e, 0x888e], first: [0, 0x0f] }],
  [0x8809, { name: "LACP", types: [0x8809, 0x8809], first: [1, 2] }],
  [0x0004, { name: "LLC", types: [0, 1500], first: [0x42, 0x42] }],
]);

const VLAN_TYPES = [0x8100, 0x88a8];
/** The number of a VLAN is the lower twelve bits of a tag; 0 is none. */
const inVlan = numberIn(
  "tag",
  Array.from({ length: 16 }, (_, priority) => BigInt(priority << 12)).map((none) => ({
    first: none + 1n,
    last: none + 0xfffn,
  })),
);
/** The frame has a header of Ethernet's. */
export const isEthernet = numberIs("medium", ETHERNET);

/** S9.5: the frame is on the wire what its socket calls it. */
export function isAsCalled(protocol: number): Formula {
  const kind = FRAME_KINDS.get(protocol);
  if (kind === undefined) return NEVER;
  const range = ([first, last]: readonly [number, number]) => [{ first: BigInt(first), last: BigInt(last) }];
  const tagged = all(numberIs("type", ...VLAN_TYPES), inVlan, numberIn("inner", range(kind.types)));
  const bears = any(not(isEthernet), numberIn("type", range(kind.types)), tagged);
  return all(numberIn("first", range(kind.first)), bears);
}

/** A packet of this IP version as the stack hands it to a device: without a VLAN. */
export function ofStack(family: 4 | 6): Formula {
  const { type } = PLAIN_WIRE[family];
  return all(isEthernet, numberIs("type", type), isAsCalled(type));
}

/** Whether a packet has a frame of its own version, and a header without options. */
export function isPlain({ medium, type, first }: Wire, family: 4 | 6): boolean {
  const plain = PLAIN_WIRE[family];
  return medium === plain.medium && type === plain.type && first === plain.first;
}

/** What a frame is on the wire, for people. */
export function wireWords({ medium, type, tag, inner, first }: Wire): string {
  const header = `with a header that begins with ${hex(first, 2)}`;
  if (medium !== ETHERNET) return `without a type, ${header}`;
  const kind = [...FRAME_KINDS.values()].find(({ types: [least, most] }) => type >= least && type <= most);
  const isVlan = VLAN_TYPES.includes(type);
  const name = isVlan ? `tagged ${hex(type, 4)} ${hex(tag, 4)} ${hex(inner, 4)}` : hex(type, 4);
  return `${kind === undefined ? name : `${kind.name} (${name})`} ${header}`;
}

function hex(number: number, digits: number): string {
  return `0x${number.toString(16).padStart(digits, "0")}`;
}
