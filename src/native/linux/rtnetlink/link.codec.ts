import {
  attributeMap,
  bytesToHex,
  eachAttribute,
  type MessageWriter,
  readI32,
  readText,
  readU8,
  readU16,
  readU32,
} from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { RTM } from "./rtnetlink-constants.ts";

const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  queue: 6,
  master: 10,
  operState: 16,
  linkInfo: 18,
  netnsPid: 19,
  alias: 20,
  netnsFd: 28,
  extMask: 29,
  carrier: 33,
  xdp: 43,
} as const;
/** linux/rtnetlink.h */
const RTEXT_FILTER_SKIP_STATS = 1 << 3;
const IFLA_XDP_ATTACHED = 2;
const IFLA_INFO = { kind: 1, data: 2 } as const;
const VETH_INFO_PEER = 1;
const HEADER_BYTES = 16;

/** Interface flags (IFF_*). */
const IFF = { up: 0x1, broadcast: 0x2, loopback: 0x8, pointToPoint: 0x10, running: 0x40, multicast: 0x1000 } as const;

const OPER_STATES = ["unknown", "not-present", "down", "lower-layer-down", "testing", "dormant", "up"] as const;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly running: boolean;
  readonly loopback: boolean;
  readonly pointToPoint: boolean;
  readonly multicast: boolean;
  /** ARPHRD_*: 1 Ethernet, 772 loopback, 65534 TUN. */
  readonly hardwareType: number;
  readonly operState: (typeof OPER_STATES)[number];
  readonly carrier: boolean;
  /** The driver's name for virtual links ("tun", "veth", "wireguard"); undefined for hardware and loopback. */
  readonly kind?: string;
  readonly alias?: string;
  /** The kind of its queue (tc(8)): `fq_codel`, `mq` for one that has several. */
  readonly queue?: string;
  /** Link-layer address in hex with colons. */
  readonly hardwareAddress?: string;
  readonly masterIndex?: number;
  readonly lowerIndex?: number;
  /** A BPF program handles arriving packets before the stack (XDP). */
  readonly xdp?: true;
}

/** Changes of a link; absent fields stay. An empty alias removes it. */
export interface LinkChange {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly alias?: string;
  readonly name?: string;
  readonly carrier?: boolean;
  /** Moves the link into the namespace of this descriptor, or of that process. */
  readonly netnsFd?: number;
  readonly netnsPid?: number;
}

export interface LinkCreation extends LinkChange {
  readonly name: string;
  /** "dummy", "veth", "wireguard", "amneziawg". */
  readonly kind: string;
  /** The name of the peer, for veth. */
  readonly peerName?: string;
}

/** Requests all links, without their counters. */
export function encodeLinkDump(): Uint8Array {
  return encodeMessage(RTM.getLink, NLM.dump, (writer) => {
    writeHeader(writer, 0, {});
    writer.attributeU32(IFLA.extMask, RTEXT_FILTER_SKIP_STATS);
  });
}

/** Requests one link, by index or name. */
export function encodeLinkRequest(which: number | string): Uint8Array {
  return encodeMessage(RTM.getLink, 0, (writer) => {
    writeHeader(writer, typeof which === "number" ? which : 0, {});
    if (typeof which === "string") writer.attributeText(IFLA.name, which);
  });
}

/** Creates a device. */
export function encodeLinkCreation(creation: LinkCreation): Uint8Array {
  return encodeMessage(RTM.newLink, NLM.create | NLM.exclusive, (writer) => {
    writeHeader(writer, 0, creation);
    writeChange(writer, creation);
    const info = writer.begin(IFLA.linkInfo);
    writer.attributeText(IFLA_INFO.kind, creation.kind);
    if (creation.peerName !== undefined) writePeer(writer, creation.peerName);
    writer.end(info);
  });
}

/** Changes a device. */
export function encodeLinkChange(index: number, change: LinkChange): Uint8Array {
  return encodeMessage(RTM.newLink, 0, (writer) => {
    writeHeader(writer, index, change);
    writeChange(writer, change);
  });
}

/** Deletes a device. */
export function encodeLinkDeletion(index: number): Uint8Array {
  return encodeMessage(RTM.deleteLink, 0, (writer) => writeHeader(writer, index, {}));
}

/** The link of an RTM_NEWLINK or RTM_DELLINK; undefined for other messages. */
export function decodeLink({ type, payload }: NetlinkMessage): Link | undefined {
  if (type !== RTM.newLink && type !== RTM.deleteLink) return undefined;
  const flags = readU32(payload, 8);
  const draft: Draft = {
    index: readI32(payload, 4),
    name: "",
    mtu: 0,
    up: (flags & IFF.up) !== 0,
    running: (flags & IFF.running) !== 0,
    loopback: (flags & IFF.loopback) !== 0,
    pointToPoint: (flags & IFF.pointToPoint) !== 0,
    multicast: (flags & IFF.multicast) !== 0,
    hardwareType: readU16(payload, 2),
    operState: "unknown",
    carrier: false,
  };
  eachAttribute(payload, HEADER_BYTES, payload.length, (attribute, from, to) => {
    readLinkAttribute(draft, payload, attribute, from, to);
  });
  return draft;
}

type Draft = { -readonly [K in keyof Link]: Link[K] };

/** Reads the attributes in use, of some forty that the kernel sends per link. */
function readLinkAttribute(draft: Draft, payload: Uint8Array, attribute: number, from: number, to: number): void {
  const value = () => payload.subarray(from, to);
  switch (attribute) {
    case IFLA.name:
      draft.name = readText(value());
      break;
    case IFLA.mtu:
      draft.mtu = readU32(value());
      break;
    case IFLA.operState:
      draft.operState = OPER_STATES[readU8(value())] ?? "unknown";
      break;
    case IFLA.carrier:
      draft.carrier = readU8(value()) === 1;
      break;
    case IFLA.linkInfo:
      Object.assign(draft, readKind(value()));
      break;
    case IFLA.alias:
      draft.alias = readText(value());
      break;
    case IFLA.queue:
      draft.queue = readText(value());
      break;
    case IFLA.address:
      draft.hardwareAddress = bytesToHex(value(), ":");
      break;
    case IFLA.master:
      draft.masterIndex = readU32(value());
      break;
    case IFLA.link:
      draft.lowerIndex = readU32(value());
      break;
    case IFLA.xdp:
      if (isXdpAttached(value())) draft.xdp = true;
      break;
  }
}

function writeHeader(writer: MessageWriter, index: number, { up }: LinkChange): void {
  writer.u32(0);
  writer.u32(index);
  writer.u32(up === true ? IFF.up : 0);
  writer.u32(up === undefined ? 0 : IFF.up);
}

function writeChange(writer: MessageWriter, { name, mtu, alias, carrier, netnsFd, netnsPid }: LinkChange): void {
  if (name !== undefined) writer.attributeText(IFLA.name, name);
  if (mtu !== undefined) writer.attributeU32(IFLA.mtu, mtu);
  if (alias !== undefined) writer.attribute(IFLA.alias, new TextEncoder().encode(alias));
  if (carrier !== undefined) writer.attributeU8(IFLA.carrier, carrier ? 1 : 0);
  if (netnsFd !== undefined) writer.attributeU32(IFLA.netnsFd, netnsFd);
  if (netnsPid !== undefined) writer.attributeU32(IFLA.netnsPid, netnsPid);
}

function writePeer(writer: MessageWriter, name: string): void {
  const data = writer.begin(IFLA_INFO.data);
  const peer = writer.begin(VETH_INFO_PEER);
  writeHeader(writer, 0, {});
  writer.attributeText(IFLA.name, name);
  writer.end(peer);
  writer.end(data);
}

function readKind(bytes: Uint8Array): Pick<Partial<Link>, "kind"> {
  const kind = attributeMap(bytes).get(IFLA_INFO.kind);
  return kind === undefined ? {} : { kind: readText(kind) };
}

function isXdpAttached(bytes: Uint8Array): boolean {
  const attached = attributeMap(bytes).get(IFLA_XDP_ATTACHED);
  return attached !== undefined && readU8(attached) !== 0;
}
