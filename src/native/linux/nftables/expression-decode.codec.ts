import { attributeList, attributeMap, readText, readU8, readU16be, readU32be, readU64be } from "../attribute.codec.ts";
import { CT_KEYS, type Expression, META_KEYS, type Verdict } from "./expression.ts";
import {
  ATTRIBUTE,
  COMPARE_OPERATORS,
  DATA,
  EXPRESSION,
  EXTHDR_PRESENT,
  EXTHDR_PROTOCOLS,
  FIB_FLAGS,
  FIB_PRESENT,
  FIB_RESULTS,
  LIMIT_TYPES,
  NAT_TYPES,
  NFPROTO,
  PAYLOAD_BASES,
  REJECT_TYPES,
  RT_KEYS,
  SET_OPERATION,
  SOCKET_KEYS,
  VERDICT,
  VERDICT_CODES,
} from "./expression-tables.ts";

/**
 * The expressions of NFTA_RULE_EXPRESSIONS. Expressions that awg does not know are returned as `unknown` with their
 * bytes.
 */
export function decodeExpressions(bytes: Uint8Array): Expression[] {
  return attributeList(bytes).map((element) => {
    const attributes = attributeMap(element);
    const name = attributes.get(EXPRESSION.name);
    const data = attributes.get(EXPRESSION.data) ?? new Uint8Array();
    const text = name === undefined ? "" : readText(name);
    return READERS[text]?.(new Attributes(data)) ?? { kind: "unknown", name: text, data: data.slice() };
  });
}

/** A value of struct nft_data; a copy. Undefined for a verdict. */
export function readDataValue(bytes: Uint8Array): Uint8Array | undefined {
  return attributeMap(bytes).get(DATA.value)?.slice();
}

/** A verdict of struct nft_data; undefined for a value or a verdict that awg does not know. */
export function readDataVerdict(bytes: Uint8Array): Verdict | undefined {
  const verdict = attributeMap(bytes).get(DATA.verdict);
  if (verdict === undefined) return undefined;
  const attributes = attributeMap(verdict);
  const number = attributes.get(VERDICT.code);
  const code = verdictName(number === undefined ? 0 : readU32be(number) | 0);
  const chain = attributes.get(VERDICT.chain);
  if (code === undefined) return undefined;
  if (code === "jump" || code === "goto") return { code, chain: chain === undefined ? "" : readText(chain) };
  return { code };
}

function verdictName(number: number): Verdict["code"] | undefined {
  const names = Object.keys(VERDICT_CODES) as Verdict["code"][];
  return names.find((name) => VERDICT_CODES[name] === number);
}

/** The attributes of one expression, read as the kind of value each one has. */
class Attributes {
  readonly #map: Map<number, Uint8Array>;

  constructor(bytes: Uint8Array) {
    this.#map = attributeMap(bytes);
  }

  has(type: number): boolean {
    return this.#map.has(type);
  }

  number(type: number): number {
    return this.optionalNumber(type) ?? 0;
  }

  optionalNumber(type: number): number | undefined {
    const bytes = this.#map.get(type);
    return bytes === undefined ? undefined : readU32be(bytes);
  }

  byte(type: number): number | undefined {
    const bytes = this.#map.get(type);
    return bytes === undefined ? undefined : readU8(bytes);
  }

  short(type: number): number | undefined {
    const bytes = this.#map.get(type);
    return bytes === undefined ? undefined : readU16be(bytes);
  }

  long(type: number): bigint {
    const bytes = this.#map.get(type);
    return bytes === undefined ? 0n : readU64be(bytes);
  }

  text(type: number): string {
    const bytes = this.#map.get(type);
    return bytes === undefined ? "" : readText(bytes);
  }

  raw(type: number): Uint8Array {
    return this.#map.get(type) ?? new Uint8Array();
  }

  value(type: number): Uint8Array {
    return readDataValue(this.raw(type)) ?? new Uint8Array();
  }
}

/** Returns undefined for a form of the expression that awg does not know; it is then kept as unknown. */
type Reader = (attributes: Attributes) => Expression | undefined;

const READERS: Readonly<Record<string, Reader>> = {
  meta: (attributes) => {
    const { register, key, source } = ATTRIBUTE.meta;
    const name = META_KEYS[attributes.number(key)];
    if (name === undefined) return undefined;
    if (attributes.has(source)) return { kind: "meta-set", key: name, source: attributes.number(source) };
    return { kind: "meta", key: name, register: attributes.number(register) };
  },
  payload: (attributes) => {
    const { register, base, offset, length, source } = ATTRIBUTE.payload;
    const name = PAYLOAD_BASES[attributes.number(base)];
    if (name === undefined || attributes.has(source)) return undefined;
    const place = { base: name, offset: attributes.number(offset), length: attributes.number(length) };
    return { kind: "payload", ...place, register: attributes.number(register) };
  },
  cmp: (attributes) => {
    const { register, operator, data } = ATTRIBUTE.cmp;
    const name = COMPARE_OPERATORS[attributes.number(operator)];
    if (name === undefined) return undefined;
    return { kind: "cmp", operator: name, register: attributes.number(register), data: attributes.value(data) };
  },
  bitwise: (attributes) => {
    const { source, register, length, mask, xor, operation } = ATTRIBUTE.bitwise;
    if (attributes.number(operation) !== 0) return undefined;
    return {
      kind: "bitwise",
      source: attributes.number(source),
      register: attributes.number(register),
      length: attributes.number(length),
      mask: attributes.value(mask),
      xor: attributes.value(xor),
    };
  },
  byteorder: (attributes) => ({
    kind: "byteorder",
    operation: attributes.number(ATTRIBUTE.byteorder.operation) === 0 ? "ntoh" : "hton",
    source: attributes.number(ATTRIBUTE.byteorder.source),
    register: attributes.number(ATTRIBUTE.byteorder.register),
    length: attributes.number(ATTRIBUTE.byteorder.length),
    size: attributes.number(ATTRIBUTE.byteorder.size),
  }),
  range: (attributes) => ({
    kind: "range",
    operator: attributes.number(ATTRIBUTE.range.operator) === 0 ? "eq" : "neq",
    register: attributes.number(ATTRIBUTE.range.register),
    from: attributes.value(ATTRIBUTE.range.from),
    to: attributes.value(ATTRIBUTE.range.to),
  }),
  lookup: (attributes) => {
    const into = attributes.optionalNumber(ATTRIBUTE.lookup.into);
    return {
      kind: "lookup",
      set: attributes.text(ATTRIBUTE.lookup.set),
      register: attributes.number(ATTRIBUTE.lookup.register),
      inverted: (attributes.number(ATTRIBUTE.lookup.flags) & 1) !== 0,
      ...(into === undefined ? {} : { into }),
    };
  },
  dynset: (attributes) => {
    const { set, operation, register, timeout, more } = ATTRIBUTE.dynset;
    const [how, isTimed] = [attributes.number(operation), attributes.long(timeout) !== 0n];
    if (isTimed || more.some((type) => attributes.has(type)) || how < SET_OPERATION.update) return undefined;
    const removes = how === SET_OPERATION.remove ? { removes: true as const } : {};
    return { kind: "set-update", set: attributes.text(set), register: attributes.number(register), ...removes };
  },
  immediate: (attributes) => {
    const { register, data } = ATTRIBUTE.immediate;
    if (attributes.number(register) !== 0) {
      return { kind: "immediate", register: attributes.number(register), data: attributes.value(data) };
    }
    const verdict = readDataVerdict(attributes.raw(data));
    return verdict === undefined ? undefined : { kind: "verdict", verdict };
  },
  counter: (attributes) => ({
    kind: "counter",
    packets: attributes.long(ATTRIBUTE.counter.packets),
    bytes: attributes.long(ATTRIBUTE.counter.bytes),
  }),
  ct: (attributes) => {
    const { register, key, direction, source } = ATTRIBUTE.ct;
    const name = CT_KEYS[attributes.number(key)];
    if (name === undefined) return undefined;
    const side = attributes.byte(direction);
    const sided = side === undefined ? {} : { direction: side === 0 ? ("original" as const) : ("reply" as const) };
    if (attributes.has(source)) return { kind: "ct-set", key: name, source: attributes.number(source), ...sided };
    return { kind: "ct", key: name, register: attributes.number(register), ...sided };
  },
  fib: (attributes) => {
    const result = FIB_RESULTS[attributes.number(ATTRIBUTE.fib.result)];
    const bits = attributes.number(ATTRIBUTE.fib.flags);
    if (result === undefined || result === "unspec") return undefined;
    return {
      kind: "fib",
      result,
      flags: FIB_FLAGS.filter((_flag, index) => (bits & (1 << index)) !== 0),
      presenceOnly: (bits & FIB_PRESENT) !== 0,
      register: attributes.number(ATTRIBUTE.fib.register),
    };
  },
  exthdr: (attributes) => {
    const { register, type, offset, length, flags, operation, source } = ATTRIBUTE.exthdr;
    const protocol = EXTHDR_PROTOCOLS[attributes.number(operation)];
    if (protocol === undefined || attributes.has(source)) return undefined;
    return {
      kind: "exthdr",
      protocol,
      type: attributes.byte(type) ?? 0,
      offset: attributes.number(offset),
      length: attributes.number(length),
      presenceOnly: (attributes.number(flags) & EXTHDR_PRESENT) !== 0,
      register: attributes.number(register),
    };
  },
  nat: (attributes) => {
    const { type, family, addressMin, portMin, flags } = ATTRIBUTE.nat;
    const name = NAT_TYPES[attributes.number(type)];
    if (name === undefined) return undefined;
    return {
      kind: "nat",
      type: name,
      family: attributes.number(family) === NFPROTO[4] ? 4 : 6,
      flags: attributes.number(flags),
      ...registers({
        addressRegister: attributes.optionalNumber(addressMin),
        portRegister: attributes.optionalNumber(portMin),
      }),
    };
  },
  masq: (attributes) => ({ kind: "masquerade", flags: attributes.number(ATTRIBUTE.masq.flags) }),
  redir: (attributes) => ({
    kind: "redirect",
    flags: attributes.number(ATTRIBUTE.redir.flags),
    ...registers({ portRegister: attributes.optionalNumber(ATTRIBUTE.redir.portMin) }),
  }),
  reject: (attributes) => {
    const type = REJECT_TYPES[attributes.number(ATTRIBUTE.reject.type)];
    return type === undefined ? undefined : { kind: "reject", type, code: attributes.byte(ATTRIBUTE.reject.code) ?? 0 };
  },
  socket: (attributes) => {
    const { key, register, level } = ATTRIBUTE.socket;
    const name = SOCKET_KEYS[attributes.number(key)];
    if (name === undefined) return undefined;
    const depth = attributes.optionalNumber(level);
    const leveled = name === "cgroupv2" && depth !== undefined ? { level: depth } : {};
    return { kind: "socket", key: name, register: attributes.number(register), ...leveled };
  },
  tproxy: (attributes) => {
    const family = attributes.number(ATTRIBUTE.tproxy.family);
    return {
      kind: "tproxy",
      family: family === NFPROTO[4] ? 4 : family === NFPROTO[6] ? 6 : 0,
      ...registers({
        addressRegister: attributes.optionalNumber(ATTRIBUTE.tproxy.address),
        portRegister: attributes.optionalNumber(ATTRIBUTE.tproxy.port),
      }),
    };
  },
  notrack: () => ({ kind: "notrack" }),
  log: (attributes) => {
    const group = attributes.short(ATTRIBUTE.log.group);
    return { kind: "log", prefix: attributes.text(ATTRIBUTE.log.prefix), ...(group === undefined ? {} : { group }) };
  },
  limit: (attributes) => ({
    kind: "limit",
    rate: attributes.long(ATTRIBUTE.limit.rate),
    unitSeconds: attributes.long(ATTRIBUTE.limit.unit),
    burst: attributes.number(ATTRIBUTE.limit.burst),
    of: LIMIT_TYPES[attributes.number(ATTRIBUTE.limit.type)] ?? "packets",
    inverted: (attributes.number(ATTRIBUTE.limit.flags) & 1) !== 0,
  }),
  rt: (attributes) => {
    const key = RT_KEYS[attributes.number(ATTRIBUTE.rt.key)];
    return key === undefined ? undefined : { kind: "rt", key, register: attributes.number(ATTRIBUTE.rt.register) };
  },
};

type Registers = Partial<Record<"addressRegister" | "portRegister", number | undefined>>;

function registers({ addressRegister, portRegister }: Registers): { addressRegister?: number; portRegister?: number } {
  return {
    ...(addressRegister === undefined ? {} : { addressRegister }),
    ...(portRegister === undefined ? {} : { portRegister }),
  };
}
