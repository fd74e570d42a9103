import { AwgError } from "../../../model/error.ts";
import type { MessageWriter } from "../attribute.codec.ts";
import { CT_KEYS, type Expression, type ExpressionOf, META_KEYS, type Verdict } from "./expression.ts";
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
  LIST_ELEMENT,
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

interface Encoding<K extends Expression["kind"]> {
  readonly name: string;
  readonly write: (writer: MessageWriter, expression: ExpressionOf<K>) => void;
}

/** Writes the list of a rule's expressions: the value of NFTA_RULE_EXPRESSIONS. */
export function writeExpressions(writer: MessageWriter, expressions: readonly Expression[]): void {
  for (const expression of expressions) {
    const element = writer.begin(LIST_ELEMENT);
    writeExpression(writer, expression);
    writer.end(element);
  }
}

/** Writes a value, or a verdict, as struct nft_data: the value of any *_DATA attribute. */
export function writeDataValue(writer: MessageWriter, type: number, value: Uint8Array): void {
  const data = writer.begin(type);
  writer.attribute(DATA.value, value);
  writer.end(data);
}

/** Writes a verdict as data of an expression or element. */
export function writeDataVerdict(writer: MessageWriter, type: number, verdict: Verdict): void {
  const data = writer.begin(type);
  const inner = writer.begin(DATA.verdict);
  writer.attributeU32be(VERDICT.code, VERDICT_CODES[verdict.code]);
  if ("chain" in verdict) writer.attributeText(VERDICT.chain, verdict.chain);
  writer.end(inner);
  writer.end(data);
}

function writeExpression(writer: MessageWriter, expression: Expression): void {
  if (expression.kind === "unknown") {
    throw new AwgError("bug", `the foreign nf_tables expression "${expression.name}" cannot be written back`);
  }
  const { name, write } = ENCODINGS[expression.kind] as Encoding<Expression["kind"]>;
  writer.attributeText(EXPRESSION.name, name);
  const data = writer.begin(EXPRESSION.data);
  write(writer, expression);
  writer.end(data);
}

type Optional = number | undefined;

function optional(writer: MessageWriter, type: number, value: Optional): void {
  if (value !== undefined) writer.attributeU32be(type, value);
}

function directionNumber(direction: "original" | "reply"): number {
  return direction === "original" ? 0 : 1;
}

const ENCODINGS: { readonly [K in Exclude<Expression["kind"], "unknown">]: Encoding<K> } = {
  meta: {
    name: "meta",
    write: (writer, { key, register }) => {
      writer.attributeU32be(ATTRIBUTE.meta.register, register);
      writer.attributeU32be(ATTRIBUTE.meta.key, META_KEYS.indexOf(key));
    },
  },
  "meta-set": {
    name: "meta",
    write: (writer, { key, source }) => {
      writer.attributeU32be(ATTRIBUTE.meta.key, META_KEYS.indexOf(key));
      writer.attributeU32be(ATTRIBUTE.meta.source, source);
    },
  },
  payload: {
    name: "payload",
    write: (writer, { base, offset, length, register }) => {
      writer.attributeU32be(ATTRIBUTE.payload.register, register);
      writer.attributeU32be(ATTRIBUTE.payload.base, PAYLOAD_BASES.indexOf(base));
      writer.attributeU32be(ATTRIBUTE.payload.offset, offset);
      writer.attributeU32be(ATTRIBUTE.payload.length, length);
    },
  },
  cmp: {
    name: "cmp",
    write: (writer, { register, operator, data }) => {
      writer.attributeU32be(ATTRIBUTE.cmp.register, register);
      writer.attributeU32be(ATTRIBUTE.cmp.operator, COMPARE_OPERATORS.indexOf(operator));
      writeDataValue(writer, ATTRIBUTE.cmp.data, data);
    },
  },
  bitwise: {
    name: "bitwise",
    write: (writer, { source, register, length, mask, xor }) => {
      writer.attributeU32be(ATTRIBUTE.bitwise.source, source);
      writer.attributeU32be(ATTRIBUTE.bitwise.register, register);
      writer.attributeU32be(ATTRIBUTE.bitwise.length, length);
      writeDataValue(writer, ATTRIBUTE.bitwise.mask, mask);
      writeDataValue(writer, ATTRIBUTE.bitwise.xor, xor);
    },
  },
  byteorder: {
    name: "byteorder",
    write: (writer, { operation, source, register, length, size }) => {
      writer.attributeU32be(ATTRIBUTE.byteorder.source, source);
      writer.attributeU32be(ATTRIBUTE.byteorder.register, register);
      writer.attributeU32be(ATTRIBUTE.byteorder.operation, operation === "ntoh" ? 0 : 1);
      writer.attributeU32be(ATTRIBUTE.byteorder.length, length);
      writer.attributeU32be(ATTRIBUTE.byteorder.size, size);
    },
  },
  range: {
    name: "range",
    write: (writer, { register, operator, from, to }) => {
      writer.attributeU32be(ATTRIBUTE.range.register, register);
      writer.attributeU32be(ATTRIBUTE.range.operator, operator === "eq" ? 0 : 1);
      writeDataValue(writer, ATTRIBUTE.range.from, from);
      writeDataValue(writer, ATTRIBUTE.range.to, to);
    },
  },
  lookup: {
    name: "lookup",
    write: (writer, { set, register, inverted, into, setId }) => {
      writer.attributeText(ATTRIBUTE.lookup.set, set);
      writer.attributeU32be(ATTRIBUTE.lookup.register, register);
      optional(writer, ATTRIBUTE.lookup.into, into);
      optional(writer, ATTRIBUTE.lookup.setId, setId);
      writer.attributeU32be(ATTRIBUTE.lookup.flags, inverted ? 1 : 0);
    },
  },
  "set-update": {
    name: "dynset",
    write: (writer, { set, register, removes }) => {
      writer.attributeText(ATTRIBUTE.dynset.set, set);
      writer.attributeU32be(ATTRIBUTE.dynset.operation, removes === true ? SET_OPERATION.remove : SET_OPERATION.update);
      writer.attributeU32be(ATTRIBUTE.dynset.register, register);
    },
  },
  verdict: {
    name: "immediate",
    write: (writer, { verdict }) => {
      writer.attributeU32be(ATTRIBUTE.immediate.register, 0);
      writeDataVerdict(writer, ATTRIBUTE.immediate.data, verdict);
    },
  },
  immediate: {
    name: "immediate",
    write: (writer, { register, data }) => {
      writer.attributeU32be(ATTRIBUTE.immediate.register, register);
      writeDataValue(writer, ATTRIBUTE.immediate.data, data);
    },
  },
  counter: {
    name: "counter",
    write: (writer, { packets, bytes }) => {
      writer.attributeU64be(ATTRIBUTE.counter.bytes, bytes);
      writer.attributeU64be(ATTRIBUTE.counter.packets, packets);
    },
  },
  ct: {
    name: "ct",
    write: (writer, { key, register, direction }) => {
      writer.attributeU32be(ATTRIBUTE.ct.register, register);
      writer.attributeU32be(ATTRIBUTE.ct.key, CT_KEYS.indexOf(key));
      if (direction !== undefined) writer.attributeU8(ATTRIBUTE.ct.direction, directionNumber(direction));
    },
  },
  "ct-set": {
    name: "ct",
    write: (writer, { key, source, direction }) => {
      writer.attributeU32be(ATTRIBUTE.ct.key, CT_KEYS.indexOf(key));
      if (direction !== undefined) writer.attributeU8(ATTRIBUTE.ct.direction, directionNumber(direction));
      writer.attributeU32be(ATTRIBUTE.ct.source, source);
    },
  },
  fib: {
    name: "fib",
    write: (writer, { result, flags, presenceOnly, register }) => {
      const bits = flags.reduce((sum, flag) => sum | (1 << FIB_FLAGS.indexOf(flag)), presenceOnly ? FIB_PRESENT : 0);
      writer.attributeU32be(ATTRIBUTE.fib.register, register);
      writer.attributeU32be(ATTRIBUTE.fib.result, FIB_RESULTS.indexOf(result));
      writer.attributeU32be(ATTRIBUTE.fib.flags, bits);
    },
  },
  exthdr: {
    name: "exthdr",
    write: (writer, { protocol, type, offset, length, presenceOnly, register }) => {
      writer.attributeU32be(ATTRIBUTE.exthdr.register, register);
      writer.attributeU8(ATTRIBUTE.exthdr.type, type);
      writer.attributeU32be(ATTRIBUTE.exthdr.offset, offset);
      writer.attributeU32be(ATTRIBUTE.exthdr.length, length);
      writer.attributeU32be(ATTRIBUTE.exthdr.flags, presenceOnly ? EXTHDR_PRESENT : 0);
      writer.attributeU32be(ATTRIBUTE.exthdr.operation, EXTHDR_PROTOCOLS.indexOf(protocol));
    },
  },
  nat: {
    name: "nat",
    write: (writer, { type, family, addressRegister, portRegister, flags }) => {
      writer.attributeU32be(ATTRIBUTE.nat.type, NAT_TYPES.indexOf(type));
      writer.attributeU32be(ATTRIBUTE.nat.family, NFPROTO[family]);
      optional(writer, ATTRIBUTE.nat.addressMin, addressRegister);
      optional(writer, ATTRIBUTE.nat.portMin, portRegister);
      if (flags !== 0) writer.attributeU32be(ATTRIBUTE.nat.flags, flags);
    },
  },
  masquerade: {
    name: "masq",
    write: (writer, { flags }) => {
      if (flags !== 0) writer.attributeU32be(ATTRIBUTE.masq.flags, flags);
    },
  },
  redirect: {
    name: "redir",
    write: (writer, { portRegister, flags }) => {
      optional(writer, ATTRIBUTE.redir.portMin, portRegister);
      if (flags !== 0) writer.attributeU32be(ATTRIBUTE.redir.flags, flags);
    },
  },
  reject: {
    name: "reject",
    write: (writer, { type, code }) => {
      writer.attributeU32be(ATTRIBUTE.reject.type, REJECT_TYPES.indexOf(type));
      writer.attributeU8(ATTRIBUTE.reject.code, code);
    },
  },
  socket: {
    name: "socket",
    write: (writer, { key, register, level }) => {
      writer.attributeU32be(ATTRIBUTE.socket.key, SOCKET_KEYS.indexOf(key));
      writer.attributeU32be(ATTRIBUTE.socket.register, register);
      optional(writer, ATTRIBUTE.socket.level, level);
    },
  },
  tproxy: {
    name: "tproxy",
    write: (writer, { family, addressRegister, portRegister }) => {
      writer.attributeU32be(ATTRIBUTE.tproxy.family, NFPROTO[family]);
      optional(writer, ATTRIBUTE.tproxy.address, addressRegister);
      optional(writer, ATTRIBUTE.tproxy.port, portRegister);
    },
  },
  notrack: { name: "notrack", write: () => {} },
  log: {
    name: "log",
    write: (writer, { prefix, group }) => {
      if (group !== undefined) writer.attributeU16be(ATTRIBUTE.log.group, group);
      if (prefix !== "") writer.attributeText(ATTRIBUTE.log.prefix, prefix);
    },
  },
  limit: {
    name: "limit",
    write: (writer, { rate, unitSeconds, burst, of, inverted }) => {
      writer.attributeU64be(ATTRIBUTE.limit.rate, rate);
      writer.attributeU64be(ATTRIBUTE.limit.unit, unitSeconds);
      writer.attributeU32be(ATTRIBUTE.limit.burst, burst);
      writer.attributeU32be(ATTRIBUTE.limit.type, LIMIT_TYPES.indexOf(of));
      writer.attributeU32be(ATTRIBUTE.limit.flags, inverted ? 1 : 0);
    },
  },
  rt: {
    name: "rt",
    write: (writer, { key, register }) => {
      writer.attributeU32be(ATTRIBUTE.rt.register, register);
      writer.attributeU32be(ATTRIBUTE.rt.key, RT_KEYS.indexOf(key));
    },
  },
};
