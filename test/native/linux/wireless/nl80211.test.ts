import { describe, expect, test } from "vitest";
import {
  decodeFamilyId,
  decodeSsid,
  encodeFamilyQuestion,
  encodeInterfaceQuestion,
} from "../../../../src/native/linux/wireless/nl80211.codec.ts";
import { readGenericFamily, readSsid } from "../../../../src/native/linux/wireless/ssid.ffi.ts";

/** An attribute as the kernel writes it: length, type, bytes, padding to four. */
const attribute = (type: number, ...bytes: readonly number[]): readonly number[] => {
  const padding = Array.from({ length: (4 - (bytes.length % 4)) % 4 }, () => 0);
  return [bytes.length + 4, 0, type, 0, ...bytes, ...padding];
};
const payload = (...attributes: readonly (readonly number[])[]) => ({
  payload: Uint8Array.from([5, 0, 0, 0, ...attributes.flat()]),
});
const text = (name: string) => [...new TextEncoder().encode(name)];

describe("questions and replies of nl80211, by the bytes of its header file", () => {
  test("the questions", () => {
    expect([...encodeFamilyQuestion("nl80211").subarray(16)]).toEqual([3, 1, 0, 0, 12, 0, 2, 0, ...text("nl80211"), 0]);
    const question = encodeInterfaceQuestion(0x1c, 3);
    expect([question[4], question[5]]).toEqual([0x1c, 0]);
    expect([...question.subarray(16)]).toEqual([5, 0, 0, 0, 8, 0, 3, 0, 3, 0, 0, 0]);
  });

  test("the number of a family, and the name of a network among other attributes", () => {
    expect(decodeFamilyId(payload(attribute(2, ...text("nl80211"), 0), attribute(1, 0x1c, 0)))).toBe(0x1c);
    expect(decodeFamilyId(payload(attribute(2, 0)))).toBeUndefined();
    expect(decodeSsid(payload(attribute(4, ...text("wlan0"), 0), attribute(52, ...text("Büro"))))).toBe("Büro");
  });

  test("law 8: no name, an overlong one, and bytes that are no text are none", () => {
    expect(decodeSsid(payload(attribute(4, ...text("wlan0"), 0)))).toBeUndefined();
    expect(decodeSsid(payload(attribute(52, ...text("x".repeat(33)))))).toBeUndefined();
    expect(decodeSsid(payload(attribute(52, 0xff, 0xfe)))).toBeUndefined();
  });
});

test.skipIf(process.platform !== "linux")(
  "the running kernel: its own family has number 16, loopback has no network",
  () => {
    expect(readGenericFamily("nlctrl")).toBe(16);
    expect(readGenericFamily("awg-none")).toBeUndefined();
    expect(readSsid(1)).toBeUndefined();
  },
);
