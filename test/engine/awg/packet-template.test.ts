import { describe, expect, test } from "vitest";
import { parsePacketTemplate, renderPacket, type TagWidth } from "../../../src/engine/awg/packet-template.ts";

const UNIX_SECONDS = 0x6b01336e;

function render(text: string, width: TagWidth = 4, counter = 7): string {
  let next = 0;
  const random = (size: number) => Uint8Array.from({ length: size }, () => next++ & 0xff);
  const packet = renderPacket(parsePacketTemplate(text, width), { random, unixSeconds: UNIX_SECONDS, counter });
  return Buffer.from(packet).toString("hex");
}

describe("a packet of the tag language", () => {
  test.each<[string, string, TagWidth, string]>([
    ["literal bytes", "<b 0xC0ff>", 4, "c0ff"],
    ["random bytes", "<r 3>", 4, "000102"],
    ["letters", "<rc 3>", 4, Buffer.from("abc").toString("hex")],
    ["digits", "<rd 3>", 4, Buffer.from("012").toString("hex")],
    ["a time of today", "<t>", 4, "6b01336e"],
    ["a time of 1.5", "<t>", 8, "000000006b01336e"],
    ["a counter of the kernel module", "<c>", 4, "00000007"],
    ["a counter of 1.5", "<c>", 8, "0000000000000007"],
    ["a payload that no packet has", "<b 0x01><d><ds>", 4, "01"],
    ["the length of it", "<dz 2>", 4, "0000"],
    ["a pause", "<b 0x01><wt 20>", 8, "01"],
    ["tags in a row, with blanks", "<t> <r  2 >< b 0x00 >", 4, "6b01336e000100"],
    ["a tag repeated", "<t><t>", 4, "6b01336e6b01336e"],
  ])("%s: %s", (_name, text, width, hex) => {
    expect(render(text, width)).toBe(hex);
  });

  test.each<[string, string]>([
    ["no tag at all", "abc"],
    ["nothing", ""],
    ["only what has no bytes", "<d><wt 5>"],
    ["an unclosed tag", "<b 0x00"],
    ["an unknown tag", "<x 1>"],
    ["an empty tag", "<>"],
    ["a tag behind which text stands", "<r 1>x"],
    ["half a byte", "<b 0xabc>"],
    ["no bytes", "<b 0x>"],
    ["bytes without 0x, which 2.0 takes and others do not", "<b abcd>"],
    ["a capital X, which current releases refuse", "<b 0X12>"],
    ["a negative count, on which released programs crash", "<r -1>"],
    ["a count of nothing", "<r 0>"],
    ["no count", "<r>"],
    ["more than a datagram", "<r 65508>"],
    ["a wait for an answer, never enabled", "<wr>"],
  ])("%s is refused: %s", (_name, text) => {
    expect(() => parsePacketTemplate(text, 4)).toThrow("a packet description cannot be read");
  });

  test("a time past 2106 is cut to the low half where the field has 4 bytes", () => {
    const template = parsePacketTemplate("<t>", 4);
    const packet = renderPacket(template, {
      random: (size) => new Uint8Array(size),
      unixSeconds: 2 ** 32 + 5,
      counter: 0,
    });
    expect([...packet]).toEqual([0, 0, 0, 5]);
  });
});
