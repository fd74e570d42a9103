import { AwgError } from "../../../model/error.ts";
import { prefixToBytes } from "../address.codec.ts";
import { CT_STATE, type Expression, FIRST_REGISTER, registerAt } from "./expression.ts";
import {
  encodeFieldValue,
  type Field,
  type FieldName,
  type FieldValue,
  fieldOf,
  loadField,
  type TableFamily,
} from "./field.ts";

/** The expressions of one condition; a rule is a list of conditions and a verdict (see `joinMatches`). */
export type Match = readonly Expression[];

export interface MatchOptions {
  /** True: matches everything else. What the field requires (family, protocol) stays required. */
  readonly not?: boolean;
}

const NFPROTO = { ip: 2, ip6: 10, arp: 3 } as const;
const ETHERTYPE = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806 } as const;

/** Builders of conditions for tables of one family, which decides how "this is IPv4" is tested. */
export interface MatchBuilder {
  /** The field has this value; `mask` selects bits. */
  field(name: FieldName, value: FieldValue, options?: MatchOptions & { mask?: number }): Match;
  /** The field is in from..to, inclusive. */
  range(name: FieldName, from: FieldValue, to: FieldValue, options?: MatchOptions): Match;
  /** At least one bit of `bits` is set in the field. */
  anyBit(name: FieldName, bits: number, options?: MatchOptions): Match;
  /** The field, or a concatenation, is an element of a named set of the same table. */
  inSet(names: FieldName | readonly FieldName[], set: string, options?: MatchOptions): Match;
  /** The packet is of this network protocol. */
  network(family: "ip" | "ip6" | "arp"): Match;
  /** The packet's source is in the prefix (text, either family; /0 only tests the family). */
  saddr(prefix: string, options?: MatchOptions): Match;
  /** The packet's destination is in the prefix. */
  daddr(prefix: string, options?: MatchOptions): Match;
  /** The port of one transport protocol is in from..to. `th` matches any protocol with ports. */
  ports(
    protocol: "tcp" | "udp" | "th",
    side: "sport" | "dport",
    from: number,
    to?: number,
    options?: MatchOptions,
  ): Match;
  /** ICMP or ICMPv6 of this type (and code). */
  icmp(protocol: "icmp" | "icmpv6", type: number, code?: number): Match;
  /** The conntrack state is one of these. The kernel does not allow it at ingress and egress. */
  ctState(states: readonly (keyof typeof CT_STATE)[], options?: MatchOptions): Match;
  /** The packet's mark, under a mask. */
  mark(value: number, mask?: number, options?: MatchOptions): Match;
  /** The packet's socket belongs to this user. */
  skuid(uid: number, options?: MatchOptions): Match;
  /** The packet's socket was created in this cgroup (by id, its inode) at this depth of the cgroup2 tree. */
  cgroup(id: bigint, level: number, options?: MatchOptions): Match;
  /** An IPv6 packet with a fragment header. */
  ip6Fragment(options?: MatchOptions): Match;
  /** An IPv4 packet that is a later fragment, or a first one with more to come. */
  ip4Fragment(options?: MatchOptions): Match;
}

/** The builders for a family of table; `netdev` and `bridge` see frames, `inet` sees packets of both families. */
export function matchIn(table: TableFamily): MatchBuilder {
  const network = (family: "ip" | "ip6" | "arp") => networkMatch(table, family);
  const needs = (name: FieldName) => dependencies(fieldOf(name), network);
  const compare = (name: FieldName, data: Uint8Array, not: boolean | undefined): Match => [
    ...needs(name),
    loadField(name),
    cmp(data, not),
  ];
  const masked = (name: FieldName, mask: Uint8Array, data: Uint8Array, not: boolean | undefined): Match => [
    ...needs(name),
    loadField(name),
    bitwise(mask),
    cmp(data, not),
  ];
  const builder: MatchBuilder = {
    field: (name, value, { mask, not } = {}) => {
      const data = encodeFieldValue(name, value);
      return mask === undefined ? compare(name, data, not) : masked(name, encodeFieldValue(name, mask), data, not);
    },
    range: (name, from, to, options = {}) => [...needs(name), ...rangeOf(name, from, to, options.not)],
    anyBit: (name, bits, { not } = {}) =>
      masked(name, encodeFieldValue(name, bits), new Uint8Array(fieldOf(name).bytes), !not),
    inSet: (names, set, { not } = {}) => {
      const list: readonly FieldName[] = typeof names === "string" ? [names] : names;
      const lookup: Expression = { kind: "lookup", set, register: FIRST_REGISTER, inverted: not ?? false };
      return [...dedupe(list.flatMap((name) => needs(name))), ...loadConcatenation(list), lookup];
    },
    network,
    saddr: (prefix, options) => prefixMatch("saddr", prefix, network, options),
    daddr: (prefix, options) => prefixMatch("daddr", prefix, network, options),
    ports: (protocol, side, from, to = from, options = {}) =>
      from === to
        ? builder.field(`${protocol}.${side}`, from, options)
        : builder.range(`${protocol}.${side}`, from, to, options),
    icmp: (protocol, type, code) => [
      ...builder.field(`${protocol}.type`, type),
      ...(code === undefined ? [] : [loadField(`${protocol}.code`), cmp(Uint8Array.of(code), false)]),
    ],
    ctState: (states, options) =>
      builder.anyBit(
        "ct.state",
        states.reduce((bits, state) => bits | CT_STATE[state], 0),
        options,
      ),
    mark: (value, mask, options = {}) =>
      builder.field("mark", value, mask === undefined ? options : { ...options, mask }),
    skuid: (uid, options) => builder.field("skuid", uid, options),
    cgroup: (id, level, { not } = {}) => [
      { kind: "socket", key: "cgroupv2", register: FIRST_REGISTER, level },
      cmp(hostBigint(id), not),
    ],
    ip6Fragment: ({ not } = {}) => [...network("ip6"), ...fragmentHeader(not)],
    ip4Fragment: (options) => builder.anyBit("ip.fragment", 0x3fff, options),
  };
  return builder;
}

/** Adds the packet's fields to a named set of the same table, or renews the element. */
export function updateSet(names: readonly FieldName[], set: string): Expression[] {
  return [...loadConcatenation(names), { kind: "set-update", set, register: FIRST_REGISTER }];
}

/**
 * Joins conditions into one rule body in order, without repeating a test (two fields of an IPv4 header test for IPv4
 * only once).
 */
export function joinMatches(...parts: readonly Match[]): Expression[] {
  return dedupe(parts.flat());
}

/** Packet mark := value; with a mask only those bits change. */
export function setMark(value: number, mask?: number): Expression[] {
  return [...markValue("mark", value, mask), { kind: "meta-set", key: "mark", source: FIRST_REGISTER }];
}

/** Conntrack mark := value; with a mask only those bits change. */
export function setCtMark(value: number, mask?: number): Expression[] {
  return [...markValue("ct.mark", value, mask), { kind: "ct-set", key: "mark", source: FIRST_REGISTER }];
}

/** Packet priority := value, by which queues of devices sort (SO_PRIORITY of socket(7)). */
export function setPriority(value: number): Expression[] {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, value, true);
  return [
    { kind: "immediate", register: FIRST_REGISTER, data },
    { kind: "meta-set", key: "priority", source: FIRST_REGISTER },
  ];
}

/** Packet mark := conntrack mark, for replies of a marked flow. With a mask only those bits change. */
export function restoreMark(mask?: number): Expression[] {
  const load = loadField("ct.mark");
  const narrow = mask === undefined ? [] : [bitwise(encodeFieldValue("ct.mark", mask))];
  return [load, ...narrow, { kind: "meta-set", key: "mark", source: FIRST_REGISTER }];
}

function markValue(field: "mark" | "ct.mark", value: number, mask: number | undefined): Expression[] {
  const data = encodeFieldValue(field, value);
  if (mask === undefined) return [{ kind: "immediate", register: FIRST_REGISTER, data }];
  const kept = encodeFieldValue(field, ~mask >>> 0);
  return [loadField(field), { ...bitwise(kept), xor: data }];
}

function networkMatch(table: TableFamily, family: "ip" | "ip6" | "arp"): Expression[] {
  if (table === family) return [];
  if (table === "inet") return [loadField("nfproto"), cmp(Uint8Array.of(NFPROTO[family]), false)];
  if (table === "netdev" || table === "bridge") {
    return [loadField("protocol"), cmp(encodeFieldValue("protocol", ETHERTYPE[family]), false)];
  }
  throw new AwgError("bug", `a rule of an nf_tables ${table} table cannot look at ${family} packets`);
}

function dependencies(field: Field, network: (family: "ip" | "ip6" | "arp") => Match): Expression[] {
  const transport =
    field.transport === undefined ? [] : [loadField("l4proto"), cmp(Uint8Array.of(field.transport), false)];
  return [...(field.network === undefined ? [] : network(field.network)), ...transport];
}

function prefixMatch(
  side: "saddr" | "daddr",
  prefix: string,
  network: (family: "ip" | "ip6") => Match,
  { not }: MatchOptions = {},
): Expression[] {
  const { family, address, length } = prefixToBytes(prefix);
  const name = `${family === 4 ? "ip" : "ip6"}.${side}` as const;
  const asked = network(family === 4 ? "ip" : "ip6");
  if (length === 0) {
    if (not) throw new AwgError("bug", `an nf_tables rule cannot match "not ${prefix}": it matches nothing`);
    if (asked.length > 0) return [...asked];
  }
  if (length === address.length * 8) return [...asked, loadField(name), cmp(address, not)];
  return [...asked, loadField(name), bitwise(prefixMask(address.length, length)), cmp(address, not)];
}

function prefixMask(bytes: number, length: number): Uint8Array {
  const mask = new Uint8Array(bytes);
  for (let index = 0; index < bytes; index++) mask[index] = 0xff00 >> Math.min(8, Math.max(0, length - 8 * index));
  return mask;
}

function rangeOf(name: FieldName, from: FieldValue, to: FieldValue, not: boolean | undefined): Expression[] {
  const field = fieldOf(name);
  const [low, high] = [encodeFieldValue(name, from), encodeFieldValue(name, to)];
  const operator = not ? "neq" : "eq";
  if (field.form !== "host" || field.bytes === 1) {
    return [loadField(name), { kind: "range", operator, register: FIRST_REGISTER, from: low, to: high }];
  }
  // Registers compare as byte strings, so a number in native order is byte-swapped first (nft does the same).
  const turn: Expression = {
    kind: "byteorder",
    operation: "hton",
    source: FIRST_REGISTER,
    register: FIRST_REGISTER,
    length: field.bytes,
    size: field.bytes,
  };
  const bounds = { from: low.toReversed(), to: high.toReversed() };
  return [loadField(name), turn, { kind: "range", operator, register: FIRST_REGISTER, ...bounds }];
}

function loadConcatenation(names: readonly FieldName[]): Expression[] {
  let slot = 0;
  return names.flatMap((name) => {
    const field = fieldOf(name);
    const register = registerAt(slot);
    slot += Math.ceil(field.bytes / 4);
    const mask = field.bits === undefined ? [] : [bitwise(encodeFieldValue(name, field.bits), register)];
    return [field.load(register), ...mask];
  });
}

function fragmentHeader(not: boolean | undefined): Expression[] {
  const header: Expression = {
    kind: "exthdr",
    protocol: "ipv6",
    type: 44,
    offset: 0,
    length: 1,
    presenceOnly: true,
    register: FIRST_REGISTER,
  };
  return [header, cmp(Uint8Array.of(not ? 0 : 1), false)];
}

function cmp(data: Uint8Array, not: boolean | undefined): Expression {
  return { kind: "cmp", operator: not ? "neq" : "eq", register: FIRST_REGISTER, data };
}

function bitwise(mask: Uint8Array, register = FIRST_REGISTER): Extract<Expression, { kind: "bitwise" }> {
  const { length } = mask;
  return { kind: "bitwise", source: register, register, length, mask, xor: new Uint8Array(length) };
}

function hostBigint(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** A load and its comparison have no side effect, so a repeated pair can be dropped. */
function dedupe(expressions: readonly Expression[]): Expression[] {
  const kept: Expression[] = [];
  for (let index = 0; index < expressions.length; index++) {
    const expression = expressions[index] as Expression;
    const next = expressions[index + 1];
    if (expression.kind === "meta" && next?.kind === "cmp" && next.register === expression.register) {
      index++;
      if (expression.key !== "mark" && holds(kept, expression, next)) continue;
      kept.push(expression, next);
      continue;
    }
    kept.push(expression);
  }
  return kept;
}

/** Whether the list has this load followed by this comparison. */
function holds(list: readonly Expression[], load: Expression & { kind: "meta" }, test: Expression & { kind: "cmp" }) {
  return list.some((one, index) => {
    const next = list[index + 1];
    if (one.kind !== "meta" || one.key !== load.key || next?.kind !== "cmp") return false;
    return next.operator === test.operator && isSame(next.data, test.data);
  });
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
