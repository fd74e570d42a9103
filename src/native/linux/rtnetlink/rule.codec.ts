import { bytesToAddress, prefixToBytes } from "../address.codec.ts";
import { eachAttribute, type MessageWriter, readI32, readText, readU8, readU16, readU32 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { AF, familyNumber, familyOf, RTM, type UnknownAttribute, unknownAttribute } from "./rtnetlink-constants.ts";

const FRA = {
  destination: 1,
  source: 2,
  iif: 3,
  goto: 4,
  priority: 6,
  mark: 10,
  suppressGroup: 13,
  suppressPrefix: 14,
  table: 15,
  mask: 16,
  oif: 17,
  l3mdev: 19,
  uidRange: 20,
  protocol: 21,
  ipProtocol: 22,
  sourcePorts: 23,
  destinationPorts: 24,
  sourcePortMask: 28,
  destinationPortMask: 29,
} as const;
const HEADER_BYTES = 12;
const INVERT = 2;

/** Actions; the index is FR_ACT_*. */
const RULE_ACTIONS = [
  "unspecified",
  "table",
  "goto",
  "nop",
  "r3",
  "r4",
  "blackhole",
  "unreachable",
  "prohibit",
] as const;

export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** One rule of the policy database: the table for packets that match all conditions. */
export interface PolicyRule {
  readonly family: 4 | 6;
  /** Rules are evaluated in this order, 0 first. */
  readonly priority: number;
  readonly action: (typeof RULE_ACTIONS)[number];
  readonly table?: number;
  readonly mark?: number;
  /** The bits of the mark that are compared; all when absent. */
  readonly mask?: number;
  readonly iif?: string;
  readonly oif?: string;
  readonly source?: string;
  readonly destination?: string;
  /** FRA_PROTOCOL: the creator, numbered as route protocols. */
  readonly protocol: number;
  /** Routes with a prefix of this length or shorter are ignored. */
  readonly suppressPrefixLength?: number;
  readonly uids?: NumberRange;
  readonly ipProtocol?: number;
  readonly sourcePorts?: NumberRange;
  readonly destinationPorts?: NumberRange;
  readonly l3mdev?: boolean;
  /** The priority of the rule to jump to. */
  readonly goto?: number;
  /** True: matches packets that do not match the conditions. */
  readonly not?: boolean;
  readonly tos?: number;
  readonly unknown?: readonly UnknownAttribute[];
}

/** Requests the policy rules of one IP version. */
export function encodeRuleDump(family: 4 | 6): Uint8Array {
  return encodeMessage(RTM.getRule, NLM.dump, (writer) => {
    writer.u32(familyNumber(family));
    writer.u32(0);
    writer.u32(0);
  });
}

/** Adds the rule; an identical one is refused with EEXIST. */
export function encodeRuleAddition(rule: PolicyRule): Uint8Array {
  return encodeMessage(RTM.newRule, NLM.create | NLM.exclusive, (writer) => writeRule(writer, rule));
}

/** Deletes the first rule that matches all given fields. */
export function encodeRuleDeletion(rule: PolicyRule): Uint8Array {
  return encodeMessage(RTM.deleteRule, 0, (writer) => writeRule(writer, rule));
}

type Draft = { -readonly [K in keyof PolicyRule]: PolicyRule[K] };

/** The rule of an RTM_NEWRULE or RTM_DELRULE; undefined for other messages and families. */
export function decodeRule({ type, payload }: NetlinkMessage): PolicyRule | undefined {
  if (type !== RTM.newRule && type !== RTM.deleteRule) return undefined;
  const family = familyOf(readU8(payload, 0));
  if (family === undefined) return undefined;
  const draft: Draft = { family, priority: 0, action: RULE_ACTIONS[readU8(payload, 7)] ?? "unspecified", protocol: 0 };
  const [tos, table] = [readU8(payload, 3), readU8(payload, 4)];
  if (tos !== 0) draft.tos = tos;
  if (table !== 0) draft.table = table;
  if ((readU32(payload, 8) & INVERT) !== 0) draft.not = true;
  eachAttribute(payload, HEADER_BYTES, payload.length, (attribute, from, to) => {
    readRuleAttribute(draft, payload, attribute, payload.subarray(from, to));
  });
  if (draft.action !== "table") delete draft.table;
  return draft;
}

const READERS: Readonly<Record<number, (draft: Draft, value: Uint8Array, payload: Uint8Array) => void>> = {
  [FRA.destination]: (draft, value, payload) => {
    draft.destination = `${bytesToAddress(value)}/${readU8(payload, 1)}`;
  },
  [FRA.source]: (draft, value, payload) => {
    draft.source = `${bytesToAddress(value)}/${readU8(payload, 2)}`;
  },
  [FRA.iif]: (draft, value) => {
    draft.iif = readText(value);
  },
  [FRA.oif]: (draft, value) => {
    draft.oif = readText(value);
  },
  [FRA.goto]: (draft, value) => {
    draft.goto = readU32(value);
  },
  [FRA.priority]: (draft, value) => {
    draft.priority = readU32(value);
  },
  [FRA.mark]: (draft, value) => {
    draft.mark = readU32(value);
  },
  [FRA.mask]: (draft, value) => {
    const mask = readU32(value);
    if (mask !== 0xffffffff) draft.mask = mask;
  },
  [FRA.table]: (draft, value) => {
    draft.table = readU32(value);
  },
  [FRA.suppressPrefix]: (draft, value) => {
    const length = readI32(value);
    if (length >= 0) draft.suppressPrefixLength = length;
  },
  [FRA.protocol]: (draft, value) => {
    draft.protocol = readU8(value);
  },
  [FRA.ipProtocol]: (draft, value) => {
    draft.ipProtocol = readU8(value);
  },
  [FRA.l3mdev]: (draft, value) => {
    if (readU8(value) !== 0) draft.l3mdev = true;
  },
  [FRA.uidRange]: (draft, value) => {
    draft.uids = { from: readU32(value, 0), to: readU32(value, 4) };
  },
  [FRA.sourcePorts]: (draft, value) => {
    draft.sourcePorts = { from: readU16(value, 0), to: readU16(value, 2) };
  },
  [FRA.destinationPorts]: (draft, value) => {
    draft.destinationPorts = { from: readU16(value, 0), to: readU16(value, 2) };
  },
  // 0xffffffff when not used.
  [FRA.suppressGroup]: (draft, value) => {
    if (readI32(value) >= 0) keepUnknown(draft, FRA.suppressGroup, value);
  },
  // Since kernel 6.15 each port range has a mask, all ones by default.
  [FRA.sourcePortMask]: (draft, value) => {
    if (readU16(value) !== 0xffff) keepUnknown(draft, FRA.sourcePortMask, value);
  },
  [FRA.destinationPortMask]: (draft, value) => {
    if (readU16(value) !== 0xffff) keepUnknown(draft, FRA.destinationPortMask, value);
  },
};

function readRuleAttribute(draft: Draft, payload: Uint8Array, type: number, value: Uint8Array): void {
  const read = READERS[type];
  if (read === undefined) keepUnknown(draft, type, value);
  else read(draft, value, payload);
}

function keepUnknown(draft: Draft, type: number, value: Uint8Array): void {
  draft.unknown = [...(draft.unknown ?? []), unknownAttribute(type, value)];
}

function writeRule(writer: MessageWriter, rule: PolicyRule): void {
  const source = rule.source === undefined ? undefined : prefixToBytes(rule.source);
  const destination = rule.destination === undefined ? undefined : prefixToBytes(rule.destination);
  writer.u8(rule.family === 4 ? AF.inet : AF.inet6);
  writer.u8(destination?.length ?? 0);
  writer.u8(source?.length ?? 0);
  writer.u8(rule.tos ?? 0);
  writer.u8(rule.table !== undefined && rule.table < 256 ? rule.table : 0);
  writer.u16(0);
  writer.u8(RULE_ACTIONS.indexOf(rule.action));
  writer.u32(rule.not === true ? INVERT : 0);
  writer.attributeU32(FRA.priority, rule.priority);
  if (source !== undefined && source.length > 0) writer.attribute(FRA.source, source.address);
  if (destination !== undefined && destination.length > 0) writer.attribute(FRA.destination, destination.address);
  if (rule.table !== undefined) writer.attributeU32(FRA.table, rule.table);
  if (rule.mark !== undefined) writer.attributeU32(FRA.mark, rule.mark);
  if (rule.mask !== undefined) writer.attributeU32(FRA.mask, rule.mask);
  if (rule.iif !== undefined) writer.attributeText(FRA.iif, rule.iif);
  if (rule.oif !== undefined) writer.attributeText(FRA.oif, rule.oif);
  if (rule.goto !== undefined) writer.attributeU32(FRA.goto, rule.goto);
  if (rule.suppressPrefixLength !== undefined) writer.attributeU32(FRA.suppressPrefix, rule.suppressPrefixLength);
  if (rule.protocol !== 0) writer.attributeU8(FRA.protocol, rule.protocol);
  if (rule.ipProtocol !== undefined) writer.attributeU8(FRA.ipProtocol, rule.ipProtocol);
  if (rule.l3mdev === true) writer.attributeU8(FRA.l3mdev, 1);
  if (rule.uids !== undefined) writeUids(writer, rule.uids);
  if (rule.sourcePorts !== undefined) writePorts(writer, FRA.sourcePorts, rule.sourcePorts);
  if (rule.destinationPorts !== undefined) writePorts(writer, FRA.destinationPorts, rule.destinationPorts);
}

function writeUids(writer: MessageWriter, { from, to }: NumberRange): void {
  const mark = writer.begin(FRA.uidRange, false);
  writer.u32(from);
  writer.u32(to);
  writer.end(mark);
}

function writePorts(writer: MessageWriter, type: number, { from, to }: NumberRange): void {
  const mark = writer.begin(type, false);
  writer.u16(from);
  writer.u16(to);
  writer.end(mark);
}
