import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAnswer } from "../../../src/model/dns/answer.ts";
import { interleaveFamilies } from "../../../src/model/dns/prefer.ts";
import { canonicalName, encodeQuestion, type Question, RECORD } from "../../../src/model/dns/question.ts";
import { checkProperty } from "../../support/seeded.ts";
import { message, name, pointer, record } from "./dns-bytes.ts";

const QUESTION: Question = { id: 0x1234, name: "vpn.example", type: RECORD.a };
const FOUR = [198, 51, 100, 7];

describe("a question", () => {
  test("is what RFC 1035 section 4.1 says, byte for byte", () => {
    const bytes = "1234 0100 0001 0000 0000 0000 0376706e076578616d706c6500 0001 0001";
    expect(Buffer.from(encodeQuestion(QUESTION)).toString("hex")).toBe(bytes.replaceAll(" ", ""));
  });

  test.each([
    ["VPN.Example.", "vpn.example"],
    ["_wg._udp.example", "_wg._udp.example"],
    ["a..b", undefined],
    ["", undefined],
    ["name with blanks", undefined],
    ["naïve.example", undefined],
    [`${"a".repeat(64)}.example`, undefined],
    [Array.from({ length: 60 }, () => "abcd").join("."), undefined],
  ])("%s is asked for as %s", (text, canonical) => {
    expect(canonicalName(text)).toBe(canonical);
  });
});

describe("an answer", () => {
  const read = (bytes: Uint8Array, question = QUESTION) => readAnswer(bytes, question);
  const plain = message(QUESTION, [record(pointer(12), RECORD.a, FOUR)]);

  test("gives the addresses in the server's order, once each", () => {
    const more = [FOUR, [198, 51, 100, 8], FOUR].map((bytes) => record(pointer(12), RECORD.a, bytes));
    expect(read(message(QUESTION, more))).toEqual({ kind: "addresses", addresses: ["198.51.100.7", "198.51.100.8"] });
    const six: Question = { ...QUESTION, type: RECORD.aaaa };
    const bytes = [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 5];
    expect(read(message(six, [record(pointer(12), RECORD.aaaa, bytes)]), six)).toEqual({
      kind: "addresses",
      addresses: ["2001:db8::5"],
    });
  });

  test("in upper case is one all the same (RFC 4343)", () => {
    const loud = message({ ...QUESTION, name: "VPN.example" }, [record(name("vpn.EXAMPLE"), RECORD.a, FOUR)]);
    expect(read(loud)).toEqual({ kind: "addresses", addresses: ["198.51.100.7"] });
  });

  test.each<[string, Uint8Array | undefined]>([
    ["another identifier", message({ ...QUESTION, id: 0x1235 }, [])],
    ["another name", message({ ...QUESTION, name: "vpn.example.net" }, [])],
    ["another type", message({ ...QUESTION, type: RECORD.aaaa }, [])],
    ["no question", message(QUESTION, [], { questions: 0 })],
    ["a question back", message(QUESTION, [], { flags: 0x0100 })],
    ["an update", message(QUESTION, [], { flags: 0xa800 })],
    ["less than a header", plain.subarray(0, 11)],
    ["a record that breaks off", plain.subarray(0, plain.length - 1)],
    ["fewer records than it says", message(QUESTION, [], { answers: 1 })],
    ["a name that points to itself", message(QUESTION, [record(pointer(29), RECORD.a, FOUR)])],
    ["a name that points forward", message(QUESTION, [record(pointer(60), RECORD.a, FOUR)])],
    ["a label of a kind that is no more", message(QUESTION, [record([0x41, 0], RECORD.a, FOUR)])],
    ["an alias whose name breaks off", message(QUESTION, [record(pointer(12), RECORD.cname, [3, 1, 2])])],
    ["an alias of itself", message(QUESTION, [record(pointer(12), RECORD.cname, pointer(12))])],
  ])("is none with %s", (_what, bytes) => {
    expect(read(bytes as Uint8Array)).toBeUndefined();
  });

  test.each<[string, Uint8Array, object]>([
    ["cut off", message(QUESTION, [], { flags: 0x8380 }), { kind: "truncated" }],
    ["no such name", message(QUESTION, [], { flags: 0x8183 }), { kind: "addresses", addresses: [] }],
    ["no such record", message(QUESTION, []), { kind: "addresses", addresses: [] }],
    ["a failure", message(QUESTION, [], { flags: 0x8182 }), { kind: "failed", code: 2 }],
    ["a refusal", message(QUESTION, [], { flags: 0x8185 }), { kind: "failed", code: 5 }],
  ])("may be %s", (_what, bytes, answer) => {
    expect(read(bytes)).toEqual(answer);
  });

  test("records of other names, classes and lengths count for nothing", () => {
    const others = [
      record(name("evil.example"), RECORD.a, FOUR),
      record(pointer(12), RECORD.a, [...FOUR, 1]),
      record(pointer(12), RECORD.a, FOUR, 3),
      record(pointer(12), RECORD.aaaa, FOUR),
    ];
    expect(read(message(QUESTION, others))).toEqual({ kind: "addresses", addresses: [] });
  });

  test("follows aliases in any order, eight at most, and names the one without addresses", () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, index) =>
        record(name(index === 0 ? "vpn.example" : `a${index}.example`), RECORD.cname, name(`a${index + 1}.example`)),
      );
    const last = (length: number) => record(name(`a${length}.example`), RECORD.a, FOUR);
    const found = { kind: "addresses", addresses: ["198.51.100.7"] };
    expect(read(message(QUESTION, [...chain(3), last(3)]))).toEqual(found);
    expect(read(message(QUESTION, [last(3), ...chain(3).reverse()]))).toEqual(found);
    expect(read(message(QUESTION, [...chain(8), last(8)]))).toEqual(found);
    expect(read(message(QUESTION, [...chain(9), last(9)]))).toBeUndefined();
    expect(read(message(QUESTION, chain(2)))).toEqual({ kind: "alias", name: "a2.example" });
    const loop = [...chain(1), record(name("a1.example"), RECORD.cname, name("vpn.example"))];
    expect(read(message(QUESTION, loop))).toBeUndefined();
  });

  test("hostile bytes never throw", () => {
    const changes = fc.array(fc.tuple(fc.nat(plain.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    const mutated = fc.tuple(changes, fc.nat(plain.length)).map(([places, length]) => {
      const bytes = plain.slice(0, length);
      for (const [at, value] of places) if (at < length) bytes[at] = value;
      return bytes;
    });
    const kinds = new Set(["addresses", "alias", "failed", "truncated", undefined]);
    checkProperty(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 600 })), (bytes) => kinds.has(read(bytes)?.kind)),
      3000,
    );
  });

  test("a message of nothing but pointers costs no more than its length", () => {
    const chain = Array.from({ length: 2000 }, (_, index) => pointer(Math.max(12, 27 + 2 * index))).flat();
    const bytes = Uint8Array.from([...message(QUESTION, [], { answers: 0xffff }), ...chain]);
    expect(read(bytes)).toBeUndefined();
  });
});

describe("the order of addresses", () => {
  const four = ["198.51.100.7", "198.51.100.8", "198.51.100.9"];
  const six = ["2001:db8::1", "2001:db8::2"];

  test("takes the families in turn, IPv6 first (RFC 8305 section 4)", () => {
    expect(interleaveFamilies([...four, ...six])).toEqual([six[0], four[0], six[1], four[1], four[2]]);
    expect(interleaveFamilies([])).toEqual([]);
  });

  test("puts a family without a route last", () => {
    expect(interleaveFamilies([...six, ...four], (family) => family === 4)).toEqual([...four, ...six]);
    expect(interleaveFamilies([...six, ...four], () => false)).toEqual([...six, ...four]);
  });
});
