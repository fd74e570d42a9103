import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  attributeList,
  attributeMap,
  MessageWriter,
  readText,
  readU16be,
  readU32,
  readU32be,
  readU64be,
} from "../../../src/native/linux/attribute.codec.ts";
import { checkProperty } from "../../support/seeded.ts";

const attribute = fc.record({ type: fc.integer({ min: 1, max: 0x3fff }), value: fc.uint8Array({ maxLength: 40 }) });

describe("netlink attributes", () => {
  it("come back as they were written, padding and nesting aside", () => {
    checkProperty(
      fc.property(fc.uniqueArray(attribute, { selector: ({ type }) => type, maxLength: 12 }), (attributes) => {
        const writer = new MessageWriter();
        const nest = writer.begin(7);
        for (const { type, value } of attributes) writer.attribute(type, value);
        writer.end(nest);
        const bytes = writer.take();
        expect(bytes.length % 4).toBe(0);
        const inner = attributeMap(attributeMap(bytes).get(7) as Uint8Array);
        expect([...inner]).toEqual(attributes.map(({ type, value }) => [type, value]));
      }),
    );
  });

  it("keep integers in the order each function names", () => {
    const writer = new MessageWriter();
    writer.attributeU8(1, 0xfe);
    writer.attributeU16(2, 0x1234);
    writer.attributeU16be(3, 0x1234);
    writer.attributeU32(4, 0xfedcba98);
    writer.attributeU32be(5, -5);
    writer.attributeU64be(6, 0x0102030405060708n);
    writer.attributeText(7, "lo");
    const found = attributeMap(writer.take());
    const at = (type: number) => found.get(type) as Uint8Array;
    expect(at(1)).toEqual(Uint8Array.of(0xfe));
    expect(at(2)).toEqual(Uint8Array.of(0x34, 0x12));
    expect(readU16be(at(3))).toBe(0x1234);
    expect(readU32(at(4))).toBe(0xfedcba98);
    expect(readU32be(at(5)) | 0).toBe(-5);
    expect(readU64be(at(6))).toBe(0x0102030405060708n);
    expect(at(7)).toEqual(Uint8Array.of(108, 111, 0));
    expect(readText(at(7))).toBe("lo");
  });

  it("refuse lengths that reach outside, and never read past the end", () => {
    const lying = Uint8Array.of(12, 0, 1, 0, 9, 9, 9, 9);
    expect(() => attributeMap(lying)).toThrow("cannot read");
    expect(() => attributeMap(Uint8Array.of(3, 0, 1, 0))).toThrow("cannot read");
    expect(attributeMap(Uint8Array.of(4, 0, 1))).toEqual(new Map());
    expect(() => readU32(Uint8Array.of(1, 2, 3))).toThrow("cannot read");
  });

  it("end for any bytes, with an answer or with an error of the host", () => {
    checkProperty(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          attributeList(bytes);
        } catch (error) {
          expect(error).toMatchObject({ kind: "host" });
        }
      }),
      1000,
    );
  });

  it("refuse to write a value that exceeds its length field", () => {
    const writer = new MessageWriter();
    expect(() => writer.attribute(1, new Uint8Array(70_000))).toThrow("does not fit");
  });
});
