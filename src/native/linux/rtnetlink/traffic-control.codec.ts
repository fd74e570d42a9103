import { attributeList, attributeMap, readI32, readText, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { RTM } from "./rtnetlink-constants.ts";

/** struct tcmsg: family, padding, interface, handle, parent, info. */
const HEADER_BYTES = 20;
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
/** TCA_BPF_* of a classifier, TCA_ACT_BPF_* of an action; a program of `classic` instructions only selects. */
const CLASSIFIER_PROGRAM = { classic: 4, name: 7 } as const;
const ACTION = { kind: 1, options: 2 } as const;
const ACTION_PROGRAM = { classic: 3, name: 6 } as const;
const MIRRED = { parameters: 2, block: 4 } as const;
/** struct tc_mirred begins with five words common to all actions (tc_gen). */
const MIRRED_AT = { how: 20, linkIndex: 24 } as const;
/** TCA_EGRESS_MIRROR, TCA_INGRESS_REDIR and TCA_INGRESS_MIRROR; 1 is TCA_EGRESS_REDIR. */
const HOW = { egressMirror: 2, ingressRedirect: 3, ingressMirror: 4 } as const;

/** A queueing discipline of a device, or the attach point of its filters (`clsact`, `ingress`). */
export interface QueueingDiscipline {
  readonly linkIndex: number;
  readonly kind: string;
  /** The parent of its filters; 0 for a default one, which has none. */
  readonly handle: number;
}

/** What a tc filter does with matching frames. */
export type TrafficAction =
  /** Redirects or mirrors the frame to another device, as output or input. */
  | {
      readonly kind: "send";
      readonly copies: boolean;
      readonly asArrived: boolean;
      /** 0: the device was removed, or all devices of a block. */
      readonly linkIndex: number;
      readonly isBlock: boolean;
    }
  /** A BPF program, by name. */
  | { readonly kind: "program"; readonly name: string }
  /** Another action, by its kernel name. */
  | { readonly kind: "other"; readonly name: string };

/** Requests the queueing disciplines of all devices. */
export function encodeDisciplineDump(): Uint8Array {
  return encodeMessage(RTM.getDiscipline, NLM.dump, (writer) => writer.reserve(HEADER_BYTES));
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

/** The actions of an RTM_NEWTFILTER; undefined for other messages. An unknown classifier counts as an action. */
export function decodeFilter({ type, payload }: NetlinkMessage): TrafficAction[] | undefined {
  if (type !== RTM.newFilter) return undefined;
  readU32(payload, HEADER_BYTES - 4);
  const attributes = attributeMap(payload, HEADER_BYTES);
  const kind = textOf(attributes.get(TCA.kind));
  const options = attributeMap(attributes.get(TCA.options) ?? new Uint8Array());
  const place = ACTIONS_OF[kind];
  if (place === undefined) return [{ kind: "other", name: kind }];
  const actions = attributeList(options.get(place) ?? new Uint8Array()).map(readAction);
  // Without options it is the head of a chain's filters and does nothing.
  return kind === "bpf" && options.size > 0 ? [...programOf(options, CLASSIFIER_PROGRAM), ...actions] : actions;
}

function readAction(bytes: Uint8Array): TrafficAction {
  const attributes = attributeMap(bytes);
  const kind = textOf(attributes.get(ACTION.kind));
  const options = attributeMap(attributes.get(ACTION.options) ?? new Uint8Array());
  if (kind === "bpf") return programOf(options, ACTION_PROGRAM)[0] ?? { kind: "other", name: "classic bpf" };
  const parameters = options.get(MIRRED.parameters);
  if (kind !== "mirred" || parameters === undefined) return { kind: "other", name: kind };
  const how = readU32(parameters, MIRRED_AT.how);
  return {
    kind: "send",
    copies: how === HOW.egressMirror || how === HOW.ingressMirror,
    asArrived: how === HOW.ingressRedirect || how === HOW.ingressMirror,
    linkIndex: readU32(parameters, MIRRED_AT.linkIndex),
    isBlock: options.has(MIRRED.block),
  };
}

function programOf(
  options: ReadonlyMap<number, Uint8Array>,
  { classic, name }: { readonly classic: number; readonly name: number },
): TrafficAction[] {
  return options.has(classic) ? [] : [{ kind: "program", name: textOf(options.get(name)) }];
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : readText(bytes);
}
