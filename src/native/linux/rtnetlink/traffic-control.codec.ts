import { attributeList, attributeMap, readI32, readText, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { RTM } from "./rtnetlink-constants.ts";

/** struct tcmsg: family, padding, interface, handle, parent, info. */
const HEADER_BYTES = 20;
/** TC_H_ROOT */
const ROOT = 0xffff_ffff;
const TCA = { kind: 1, options: 2 } as const;
/** Parents of filters on all packets that arrive by or leave from a device (TC_H_CLSACT and TC_H_MIN_*). */
export const CLASSIFY = { ingress: 0xffff_fff2, egress: 0xffff_fff3 } as const;

/** The attribute with the actions of each classifier (TCA_*_ACT of pkt_cls.h). */
const ACTIONS_OF: Readonly<Record<string, number>> = {
  basic: 3,
  bpf: 1,
  cgroup: 1,
  flow: 9,
  flower: 3,
  fw: 4,
  matchall: 2,
  route: 6,
  rsvp: 6,
  rsvp6: 6,
  tcindex: 7,
  u32: 7,
};
/** TCA_BPF_OPS of a classifier: with classic instructions a program only chooses. */
const CLASSIC_PROGRAM = 4;

/** A queueing discipline of a device, or the attach point of its filters (`clsact`, `ingress`). */
export interface QueueingDiscipline {
  readonly linkIndex: number;
  readonly kind: string;
  /** The parent of its filters; 0 for a default one, which has none. */
  readonly handle: number;
}

/** Requests the queueing disciplines of all devices. */
export function encodeDisciplineDump(): Uint8Array {
  return encodeMessage(RTM.getDiscipline, NLM.dump, (writer) => writer.reserve(HEADER_BYTES));
}

/** Asks for a discipline without the options that its kind needs: one that the kernel knows is refused with EINVAL. */
export function encodeDisciplineTrial(linkIndex: number, kind: string): Uint8Array {
  return encodeMessage(RTM.newDiscipline, NLM.create, (writer) => {
    const at = writer.reserve(HEADER_BYTES);
    writer.setU32(at + 4, linkIndex);
    writer.setU32(at + 12, ROOT);
    writer.attributeText(TCA.kind, kind);
  });
}

/** Requests the filters at one parent of a device, in all chains. */
export function encodeFilterDump(linkIndex: number, parent: number): Uint8Array {
  return encodeMessage(RTM.getFilter, NLM.dump, (writer) => {
    const at = writer.reserve(HEADER_BYTES);
    writer.setU32(at + 4, linkIndex);
    writer.setU32(at + 12, parent);
  });
}

/** The queueing discipline of an RTM_NEWQDISC; undefined for other messages. */
export function decodeDiscipline({ type, payload }: NetlinkMessage): QueueingDiscipline | undefined {
  if (type !== RTM.newDiscipline) return undefined;
  const [linkIndex, handle] = [readI32(payload, 4), readU32(payload, 8)];
  return { linkIndex, kind: textOf(attributeMap(payload, HEADER_BYTES).get(TCA.kind)), handle };
}

/**
 * Whether the filter of an RTM_NEWTFILTER acts on frames by itself, and not only chooses a class for them; undefined for other
 * messages. Whatever awg does not know acts.
 */
export function decodeFilter({ type, payload }: NetlinkMessage): boolean | undefined {
  if (type !== RTM.newFilter) return undefined;
  readU32(payload, HEADER_BYTES - 4);
  const attributes = attributeMap(payload, HEADER_BYTES);
  const kind = textOf(attributes.get(TCA.kind));
  const options = attributeMap(attributes.get(TCA.options) ?? new Uint8Array());
  const place = ACTIONS_OF[kind];
  if (place === undefined) return true;
  // Without options it is the head of a chain's filters, which does nothing itself.
  const isProgram = kind === "bpf" && options.size > 0 && !options.has(CLASSIC_PROGRAM);
  return isProgram || attributeList(options.get(place) ?? new Uint8Array()).length > 0;
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : readText(bytes);
}
