import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../../../src/model/error.ts";
import { MessageWriter } from "../../../../src/native/linux/attribute.codec.ts";
import type { Expression } from "../../../../src/native/linux/nftables/expression.ts";
import { writtenFields } from "../../../../src/verify/nft/reading/written-fields.ts";
import { checkProperty } from "../../../support/seeded.ts";

const NETWORK = 1;
const TRANSPORT = 2;

/** A write as the kernel tells it: from a register into the packet. */
function write(base: number, offset: number, length: number, source = 1): Expression {
  const writer = new MessageWriter();
  for (const [type, value] of [base, offset, length, source].entries()) writer.attributeU32be(type + 2, value);
  return { kind: "unknown", name: "payload", data: writer.take() };
}

const load = (offset: number, length: number, register = 1): Expression => {
  return { kind: "payload", base: "network", offset, length, register };
};
const change = (mask: readonly number[], xor: readonly number[], source = 1, register = 1): Expression => {
  const bytes = { mask: Uint8Array.from(mask), xor: Uint8Array.from(xor) };
  return { kind: "bitwise", source, register, length: mask.length, ...bytes };
};
const constant: Expression = { kind: "immediate", register: 1, data: Uint8Array.of(1, 2, 3, 4) };

const IPV4 = { family: 4, table: "inet" } as const;
const written = (...expressions: readonly Expression[]) => writtenFields(expressions, expressions.length - 1, IPV4);

describe("law 1: what a rule writes into packets", () => {
  test("is nothing where no expression writes", () => {
    expect(written(load(12, 4))).toBeUndefined();
    expect(written({ kind: "unknown", name: "numgen", data: new Uint8Array() })).toBeUndefined();
  });

  test("is every field that the bytes touch", () => {
    expect(written(constant, write(NETWORK, 12, 8))).toEqual(["the source", "the destination"]);
    expect(written(constant, write(NETWORK, 8, 2))).toEqual(["the protocol"]);
    expect(written(constant, write(NETWORK, 15, 1))).toEqual(["the source"]);
    expect(written(constant, write(TRANSPORT, 3, 1))).toEqual(["the destination port"]);
    expect(written(constant, write(NETWORK, 22, 2))).toEqual(["the destination port"]);
    expect(written(constant, write(TRANSPORT, 4, 4))).toEqual([]);
  });

  test("is not what is written back as it was loaded", () => {
    const hops = change([0, 255], [64, 0]);
    expect(written(load(8, 2), hops, write(NETWORK, 8, 2))).toEqual([]);
    expect(written(load(8, 2), change([255, 254], [0, 0]), write(NETWORK, 8, 2))).toEqual(["the protocol"]);
    expect(written(load(8, 2), change([255, 255], [0, 1]), write(NETWORK, 8, 2))).toEqual(["the protocol"]);
    expect(written(load(8, 2), change([255, 0], [0, 6]), hops, write(NETWORK, 8, 2))).toEqual(["the protocol"]);
    expect(written(load(8, 2, 2), change([0, 255], [64, 0], 2, 1), write(NETWORK, 8, 2))).toEqual([]);
  });

  test.each([
    ["loaded from elsewhere", [load(10, 2), change([0, 255], [64, 0])]],
    ["changed by a mask of another length", [load(8, 2), change([255], [0])]],
    ["a register that was written over in part", [load(8, 2), { ...constant, register: 8 }]],
    [
      "a register that another expression may have written",
      [load(8, 2), { kind: "unknown", name: "numgen", data: Uint8Array.of() }],
    ],
    ["a register that nobody wrote", []],
    ["a map's", [load(8, 2), { kind: "lookup", set: "m", register: 1, inverted: false, into: 1 }]],
  ] satisfies [string, Expression[]][])("may be anything where the value is %s", (_what, before) => {
    expect(written(...before, write(NETWORK, 8, 2))).toEqual(["the protocol"]);
  });

  test("is some header where the place makes no sense", () => {
    expect(written(constant, write(9, 0, 4))).toEqual(["some header"]);
    expect(written(constant, write(NETWORK, 0, 0xffff_ffff))).toEqual(["some header"]);
  });

  test("of any bytes and any rule is an answer or an error of the house", () => {
    const names = fc.constantFrom("payload", "exthdr", "numgen");
    const number = fc.constantFrom(0, 1, 2, 3, 12, 0xffff_ffff);
    const built = fc.tuple(number, number, number, number).map((numbers) => write(...numbers));
    const unknown = fc.record({
      kind: fc.constant("unknown" as const),
      name: names,
      data: fc.uint8Array({ maxLength: 64 }),
    });
    const other = fc.constantFrom(load(8, 2), load(0, 64, 9), change([1], [2]), constant);
    checkProperty(
      fc.property(fc.array(fc.oneof(built, unknown, other), { maxLength: 6 }), fc.boolean(), (rule, isOld) => {
        for (const index of rule.keys()) {
          try {
            writtenFields(rule, index, { family: isOld ? 4 : 6, table: "netdev" });
          } catch (error) {
            if (!(error instanceof AwgError && error.kind === "host")) throw error;
          }
        }
      }),
      2000,
    );
  });
});
