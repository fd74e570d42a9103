import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareIp, ipFromBytes, ipToBytes, parseIp, renderIp } from "../../src/model/ip.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

describe("addresses", () => {
  test.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ])("%s is written %s (RFC 5952)", (text, canonical) => {
    const ip = parseIp(text);
    expect(ip && renderIp(ip)).toBe(canonical);
  });

  test.each([
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.4 ",
    "0x1.2.3.4",
    "1..2.3",
    ":",
    ":::",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "1.2.3.4::",
    "::1.2.3",
    "::1.2.3.4:5",
    "1:",
    ":1",
  ])("%j is no address", (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test("agrees with the platform on what is an address", () => {
    const piece = fc.constantFrom("0", "1", "12", "255", "256", "01", ":", "::", ".", "ffff", "a", "%", "/");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join("");
        expect(parseIp(text)?.family ?? 0).toBe(text.includes("%") ? 0 : isIP(text));
      }),
      { seed, numRuns: 5000 },
    );
  });

  test("text, number and bytes say the same", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const ip = parseIp(text);
        if (ip === undefined) throw new Error(`${text} was refused`);
        expect(parseIp(renderIp(ip))).toEqual(ip);
        expect(ipFromBytes(ipToBytes(ip))).toEqual(ip);
        expect(new URL(`http://${ip.family === 4 ? text : `[${text}]`}/`).hostname).toBe(
          ip.family === 4 ? renderIp(ip) : `[${renderPlain(ip.value)}]`,
        );
      }),
      { seed, numRuns: 2000 },
    );
  });

  test("sorts IPv4 before IPv6, and by number", () => {
    const texts = ["::1", "10.0.0.1", "9.0.0.1", "::"];
    const sorted = texts.flatMap((text) => parseIp(text) ?? []).sort(compareIp);
    expect(sorted.map(renderIp)).toEqual(["9.0.0.1", "10.0.0.1", "::", "::1"]);
  });

  test.each([0, 3, 5, 15, 17])("%i bytes are no address", (length) => {
    expect(ipFromBytes(new Uint8Array(length))).toBeUndefined();
  });
});

/** The URL standard writes mapped IPv4 in hexadecimal, RFC 5952 section 5 in dots. */
function renderPlain(value: bigint): string {
  if (value >> 32n !== 0xffffn) return renderIp({ family: 6, value });
  const low = Number(value & 0xffffffffn);
  return `::ffff:${(low >>> 16).toString(16)}:${(low & 0xffff).toString(16)}`;
}
