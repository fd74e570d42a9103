import { attributeList, attributeMap, readI32, readText, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { RTM } from "./rtnetlink-constants.ts";

/** struct tcmsg: family, padding, interface, handle, parent, info. */
const HEADER_BYTES = 20;
const TCA = { kind: 1, options: 2 } as const;
/** Where filters hang that see all that arrives by a device, or leaves by it (TC_H_CLSACT and TC_H_MIN_*). */
export const CLASSIFY = { ingress: 0xffff_fff2, egress: 0xffff_fff3 } as const;

/** Where each classifier of the kernel has its actions (TCA_*_ACT of pkt_cls.h). */
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
/** TCA_BPF_* of a classifier, TCA_ACT_BPF_* of an action: with `classic` instructions a program only chooses. */
const CLASSIFIER_PROGRAM = { classic: 4, name: 7 } as const;
const ACTION = { kind: 1, options: 2 } as const;
const ACTION_PROGRAM = { classic: 3, name: 6 } as const;
const MIRRED = { parameters: 2, block: 4 } as const;
/** struct tc_mirred begins with five numbers that all actions have (tc_gen). */
const MIRRED_AT = { how: 20, linkIndex: 24 } as const;
/** TCA_EGRESS_MIRROR, TCA_INGRESS_REDIR and TCA_INGRESS_MIRROR; 1 is TCA_EGRESS_REDIR. */
const HOW = { egressMirror: 2, ingressRedirect: 3, ingressMirror: 4 } as const;

/** A queueing discipline of a device, or the place where its filters hang (`clsact`, `ingress`). */
export interface QueueingDiscipline {
  readonly linkIndex: number;
  readonly kind: string;
  /** What its filters name as their parent; 0 for a default one, which has none. */
  readonly handle: number;
}

/** What a filter of tc does with the frames that it takes. */
export type TrafficAction =
  /** Sends the frame, or a copy of it, on by another device, or hands it on as though it had arrived there. */
  | {
      readonly kind: "send";
      readonly copies: boolean;
      readonly asArrived: boolean;
      /** 0: none any more, or all devices of a block. */
      readonly linkIndex: number;
      readonly isBlock: boolean;
    }
  /** A BPF program, by the name that was given with it. */
  | { readonly kind: "program"; readonly name: string }
  /** Another action, by the kernel's word for it. */
  | { readonly kind: "other"; readonly name: string };

/** Asks for the queueing disciplines of all devices. */
export function encodeDisciplineDump(): Uint8Array {
  return encodeMessage(RTM.getDiscipline, NLM.dump, (writer) => writer.reserve(HEADER_BYTES));
}

/** Asks for the filters that hang at one place of a device, whatever their chain. */
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

/** What the filter of an RTM_NEWTFILTER does; undefined for other messages. A classifier that awg does not know is an action. */
export function decodeFilter({ type, payload }: NetlinkMessage): TrafficAction[] | undefined {
  if (type !== RTM.newFilter) return undefined;
  readU32(payload, HEADER_BYTES - 4);
  const attributes = attributeMap(payload, HEADER_BYTES);
  const kind = textOf(attributes.get(TCA.kind));
  const options = attributeMap(attributes.get(TCA.options) ?? new Uint8Array());
  const place = ACTIONS_OF[kind];
  if (place === undefined) return [{ kind: "other", name: kind }];
  const actions = attributeList(options.get(place) ?? new Uint8Array()).map(readAction);
  // Without options it is the head of a chain's filters, which does nothing itself.
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
