import { describe, expect, it } from "vitest";
import { type Expression, registerAt, verdict } from "../../../../src/native/linux/nftables/expression.ts";
import { joinMatches, matchIn, setMark } from "../../../../src/native/linux/nftables/match.ts";

const inet = matchIn("inet");
const netdev = matchIn("netdev");

function words(expressions: readonly Expression[]): string[] {
  return expressions.map((one) => {
    if (one.kind === "meta") return `meta ${one.key}`;
    if (one.kind === "payload") return `payload ${one.base}+${one.offset}/${one.length} r${one.register}`;
    if (one.kind === "cmp") return `${one.operator} ${one.data.join(".")}`;
    if (one.kind === "bitwise") return `& ${one.mask.join(".")} ^ ${one.xor.join(".")}`;
    return one.kind;
  });
}

describe("conditions", () => {
  it("ask for the family first, in the order of the table", () => {
    expect(words(inet.daddr("10.0.0.0/8"))).toEqual([
      "meta nfproto",
      "eq 2",
      "payload network+16/4 r1",
      "& 255.0.0.0 ^ 0.0.0.0",
      "eq 10.0.0.0",
    ]);
    expect(words(netdev.saddr("fd00::1"))).toEqual([
      "meta protocol",
      "eq 134.221",
      "payload network+8/16 r1",
      "eq 253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1",
    ]);
    expect(words(matchIn("ip").daddr("192.0.2.1"))).toEqual(["payload network+16/4 r1", "eq 192.0.2.1"]);
    expect(() => matchIn("ip").daddr("fd00::/8")).toThrow("cannot look at ip6");
  });

  it("keep what the field depends on required when they are turned round", () => {
    expect(words(inet.ports("tcp", "dport", 443, 443, { not: true }))).toEqual([
      "meta l4proto",
      "eq 6",
      "payload transport+2/2 r1",
      "neq 1.187",
    ]);
  });

  it("of a whole family ask only for the family, and its opposite is a mistake", () => {
    expect(words(inet.daddr("::/0"))).toEqual(["meta nfproto", "eq 10"]);
    expect(() => inet.daddr("0.0.0.0/0", { not: true })).toThrow("matches nothing");
  });

  it("with a mask of odd length keep its bits", () => {
    expect(words(inet.saddr("10.0.0.0/13"))).toContain("& 255.248.0.0 ^ 0.0.0.0");
  });

  it("joined ask each question once", () => {
    const rule = joinMatches(inet.saddr("10.0.0.1"), inet.daddr("10.0.0.2"), inet.ports("udp", "dport", 53), [
      verdict("drop"),
    ]);
    expect(words(rule).filter((word) => word === "meta nfproto")).toHaveLength(1);
    expect(rule.at(-1)).toEqual({ kind: "verdict", verdict: { code: "drop" } });
  });

  it("joined never drop a question about the mark, which the rule may have changed in between", () => {
    const rule = joinMatches(inet.mark(1), setMark(2), inet.mark(1));
    expect(words(rule).filter((word) => word === "eq 1.0.0.0")).toHaveLength(2);
  });

  it("on numbers in the machine's order are turned round before a range", () => {
    expect(inet.range("skuid", 1000, 2000)).toEqual([
      { kind: "meta", key: "skuid", register: 1 },
      { kind: "byteorder", operation: "hton", source: 1, register: 1, length: 4, size: 4 },
      {
        kind: "range",
        operator: "eq",
        register: 1,
        from: Uint8Array.of(0, 0, 3, 232),
        to: Uint8Array.of(0, 0, 7, 208),
      },
    ]);
  });

  it("on several fields lay them side by side in the registers", () => {
    expect([0, 1, 4, 5].map(registerAt)).toEqual([1, 9, 2, 13]);
    expect(words(inet.inSet(["ip6.daddr", "th.dport"], "s"))).toEqual([
      "meta nfproto",
      "eq 10",
      "payload network+24/16 r1",
      "payload transport+2/2 r2",
      "lookup",
    ]);
  });

  it("on values that don't fit are refused", () => {
    expect(() => inet.skuid(2 ** 32)).toThrow("does not fit");
    expect(() => inet.field("oifname", "")).toThrow("does not fit");
    expect(() => inet.field("ip.daddr", "fd00::1")).toThrow("does not fit");
    expect(() => inet.field("l4proto", 1.5)).toThrow("does not fit");
  });

  it("on a mark change only the masked bits when they set it", () => {
    expect(words(setMark(0x51, 0xff))).toEqual(["meta mark", "& 0.255.255.255 ^ 81.0.0.0", "meta-set"]);
  });
});
