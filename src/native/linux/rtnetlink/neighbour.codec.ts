import { bytesToAddress } from "../address.codec.ts";
import { attributeMap, bytesToHex, readI32, readU8, readU16 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { AF, familyOf, RTM } from "./rtnetlink-constants.ts";

const NDA = { destination: 1, hardwareAddress: 2 } as const;
const HEADER_BYTES = 12;
const STATES: Readonly<Record<number, NeighbourState>> = {
  1: "incomplete",
  2: "reachable",
  4: "stale",
  8: "delay",
  16: "probe",
  32: "failed",
  64: "no-arp",
  128: "permanent",
};

export type NeighbourState =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "no-arp"
  | "permanent";

/** An entry of the ARP or neighbour discovery cache. */
export interface Neighbour {
  readonly family: 4 | 6;
  readonly linkIndex: number;
  readonly address: string;
  readonly state: NeighbourState;
  readonly router: boolean;
  /** Hex with colons; absent while it is being resolved. */
  readonly hardwareAddress?: string;
}

/** Requests all neighbours. */
export function encodeNeighbourDump(): Uint8Array {
  return encodeMessage(RTM.getNeighbour, NLM.dump, (writer) => {
    writer.u32(AF.unspec);
    writer.u32(0);
    writer.u32(0);
  });
}

/** The entry of an RTM_NEWNEIGH or RTM_DELNEIGH; undefined for other messages and families. */
export function decodeNeighbour({ type, payload }: NetlinkMessage): Neighbour | undefined {
  if (type !== RTM.newNeighbour && type !== RTM.deleteNeighbour) return undefined;
  const family = familyOf(readU8(payload, 0));
  const attributes = attributeMap(payload, HEADER_BYTES);
  const address = attributes.get(NDA.destination);
  if (family === undefined || address === undefined) return undefined;
  const hardware = attributes.get(NDA.hardwareAddress);
  return {
    family,
    linkIndex: readI32(payload, 4),
    address: bytesToAddress(address),
    state: STATES[readU16(payload, 8)] ?? "none",
    router: (readU8(payload, 10) & 0x80) !== 0,
    ...(hardware === undefined ? {} : { hardwareAddress: bytesToHex(hardware, ":") }),
  };
}
