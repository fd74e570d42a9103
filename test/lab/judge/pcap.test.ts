import { describe, expect, test } from "vitest";
import { parsePcap } from "./pcap.ts";

const header = [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];
const record = (seconds: number, frame: readonly number[]): number[] => {
  const words = Uint32Array.of(seconds, 500_000_000, frame.length, frame.length);
  return [...new Uint8Array(words.buffer), ...frame];
};

describe("a capture file", () => {
  test("gives each frame with its time", () => {
    const file = Uint8Array.from([...header, ...record(10, [1, 2, 3]), ...record(11, [])]);
    expect(parsePcap(file).map(({ atMs, frame }) => [atMs, ...frame])).toEqual([[10_500, 1, 2, 3], [11_500]]);
  });

  test("that is still being written gives what is whole, at every length", () => {
    const file = Uint8Array.from([...header, ...record(10, [1, 2, 3]), ...record(11, [4, 5])]);
    for (let length = 0; length <= file.length; length += 1) {
      const whole = length < header.length + 19 ? 0 : length < file.length ? 1 : 2;
      expect(parsePcap(file.subarray(0, length))).toHaveLength(whole);
    }
  });

  test("of another kind is refused", () => {
    expect(() => parsePcap(new Uint8Array(24))).toThrow("not a nanosecond pcap file");
  });
});
