import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessages, type NetlinkMessage } from "../../../../src/native/linux/netlink/message.codec.ts";
import { decodeChain, encodeChain, type NftChain } from "../../../../src/native/linux/nftables/chain.codec.ts";
import { CT_KEYS, type Expression, META_KEYS, type Verdict } from "../../../../src/native/linux/nftables/expression.ts";
import { decodeNftRule, encodeRule } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { decodeSet, encodeSet, keyBytes, keyType } from "../../../../src/native/linux/nftables/set.codec.ts";
import { decodeTable, encodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";
import {
  decodeComment,
  encodeComment,
  encodeSetUserdata,
} from "../../../../src/native/linux/nftables/userdata.codec.ts";
import { checkProperty } from "../../../support/seeded.ts";

const only = (bytes: Uint8Array) => decodeMessages(bytes)[0] as NetlinkMessage;
const register = fc.integer({ min: 1, max: 23 });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const data = fc.uint8Array({ minLength: 1, maxLength: 16 });
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/);

const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.record({ code: fc.constantFrom("accept", "drop", "continue", "return", "queue") }),
  fc.record({ code: fc.constantFrom("jump", "goto"), chain: name }),
);

function sparse<B extends object, R extends object>(
  base: fc.Arbitrary<B>,
  rest: { [K in keyof R]: fc.Arbitrary<R[K]> },
) {
  return fc.tuple(base, fc.record(rest, { requiredKeys: [] })).map(([one, other]) => ({ ...one, ...other }));
}

function kind<K extends string, F extends object>(value: K, fields: { [P in keyof F]: fc.Arbitrary<F[P]> }) {
  return fc.record({ kind: fc.constant(value), ...fields });
}

const direction = fc.constantFrom("original", "reply");
const expression = fc.oneof(
  kind("meta", { key: fc.constantFrom(...META_KEYS), register }),
  kind("meta-set", { key: fc.constantFrom(...META_KEYS), source: register }),
  kind("payload", {
    base: fc.constantFrom("link", "network", "transport", "inner"),
    offset: u32,
    length: u32,
    register,
  }),
  kind("cmp", { operator: fc.constantFrom("eq", "neq", "lt", "lte", "gt", "gte"), register, data }),
  kind("bitwise", { source: register, register, length: u32, mask: data, xor: data }),
  kind("byteorder", { operation: fc.constantFrom("ntoh", "hton"), source: register, register, length: u32, size: u32 }),
  kind("range", { operator: fc.constantFrom("eq", "neq"), register, from: data, to: data }),
  sparse(kind("lookup", { set: name, register, inverted: fc.boolean() }), { into: register }),
  kind("verdict", { verdict }),
  kind("immediate", { register, data }),
  kind("counter", { packets: u64, bytes: u64 }),
  sparse(kind("ct", { key: fc.constantFrom(...CT_KEYS), register }), { direction }),
  sparse(kind("ct-set", { key: fc.constantFrom(...CT_KEYS), source: register }), { direction }),
  kind("fib", {
    result: fc.constantFrom("oif", "oifname", "type"),
    flags: fc.subarray(["saddr", "daddr", "mark", "iif", "oif"]),
    presenceOnly: fc.boolean(),
    register,
  }),
  kind("exthdr", {
    protocol: fc.constantFrom("ipv6", "tcp-option", "ipv4"),
    type: fc.integer({ min: 0, max: 255 }),
    offset: u32,
    length: u32,
    presenceOnly: fc.boolean(),
    register,
  }),
  sparse(kind("nat", { type: fc.constantFrom("snat", "dnat"), family: fc.constantFrom(4, 6), flags: u32 }), {
    addressRegister: register,
    portRegister: register,
  }),
  kind("masquerade", { flags: u32 }),
  sparse(kind("redirect", { flags: u32 }), { portRegister: register }),
  kind("reject", { type: fc.constantFrom("icmp", "tcp-reset", "icmpx"), code: fc.integer({ min: 0, max: 255 }) }),
  kind("socket", { key: fc.constantFrom("transparent", "mark", "wildcard"), register }),
  kind("socket", { key: fc.constant("cgroupv2"), register, level: fc.integer({ min: 1, max: 255 }) }),
  sparse(kind("tproxy", { family: fc.constantFrom(0, 4, 6) }), { addressRegister: register, portRegister: register }),
  kind("notrack", {}),
  sparse(kind("log", { prefix: name }), { group: fc.integer({ min: 0, max: 65535 }) }),
  kind("limit", {
    rate: u64,
    unitSeconds: u64,
    burst: u32,
    of: fc.constantFrom("packets", "bytes"),
    inverted: fc.boolean(),
  }),
  kind("rt", { key: fc.constantFrom("classid", "nexthop4", "nexthop6", "tcpmss", "xfrm"), register }),
) as fc.Arbitrary<Expression>;

describe("nf_tables messages come back as they were written", () => {
  it("rules made of any expressions", () => {
    checkProperty(
      fc.property(
        fc.array(expression, { maxLength: 8 }),
        fc.option(name, { nil: undefined }),
        (expressions, comment) => {
          const rule = { family: "inet", table: "awg", chain: "out", expressions } as const;
          const full = comment === undefined ? rule : { ...rule, comment };
          expect(decodeNftRule(only(encodeRule(full)))).toEqual(full);
        },
      ),
      1000,
    );
  });

  it("chains on hooks, with devices, and chains that are only jumped to", () => {
    const chains: NftChain[] = [
      { family: "inet", table: "awg", name: "plain" },
      {
        family: "inet",
        table: "awg",
        name: "out",
        base: { type: "filter", hook: "output", priority: -300, policy: "drop" },
        comment: "kill switch",
      },
      {
        family: "netdev",
        table: "awg",
        name: "egress",
        base: { type: "filter", hook: "egress", priority: 0, policy: "accept", devices: ["eth0", "wlan*"] },
      },
      {
        family: "ip",
        table: "t",
        name: "n",
        base: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" },
      },
    ];
    for (const chain of chains) expect(decodeChain(only(encodeChain(chain)))).toEqual(chain);
  });

  it("tables with their flags and comment", () => {
    const table = { family: "netdev", name: "awg", owned: true, persistent: true, comment: "by awg" } as const;
    expect(decodeTable(only(encodeTable(table)))).toEqual({ ...table, dormant: false });
  });

  it("sets, with the length and type of their key", () => {
    const fields = ["ip6.daddr", "l4proto", "th.dport"] as const;
    const set = { family: "inet", table: "awg", name: "s", fields, intervals: true, comment: "c" } as const;
    expect(decodeSet(only(encodeSet(set, 1)))).toEqual({
      family: "inet",
      table: "awg",
      name: "s",
      keyBytes: 24,
      keyType: (8 << 12) | (12 << 6) | 13,
      intervals: true,
      concatenated: true,
      verdicts: false,
      isFilledByRules: false,
      comment: "c",
    });
    const flows = { ...set, intervals: false, timeoutMs: 600_000, mostElements: 100 };
    expect(decodeSet(only(encodeSet(flows, 1)))).toMatchObject({ isFilledByRules: true, timeoutMs: 600_000 });
    expect([keyBytes(["l4proto"]), keyType(["mark"])]).toEqual([1, 19]);
  });

  it("comments, cut to what the kernel takes", () => {
    checkProperty(
      fc.property(fc.stringMatching(/^[^\0]{0,60}$/u), (text) => {
        expect(decodeComment("rule", encodeComment("rule", text))).toBe(text);
      }),
    );
    const cut = encodeComment("rule", "x".repeat(400));
    expect(cut).toHaveLength(256);
    expect(decodeComment("rule", cut)).toBe("x".repeat(253));
    expect(encodeSetUserdata("host", "x".repeat(400))).toHaveLength(256);
  });
});

describe("nf_tables requests that make no sense", () => {
  it("are refused before they are sent", () => {
    const set = { family: "inet", table: "awg", name: "s", fields: ["mark"], intervals: true } as const;
    expect(() => encodeSet(set, 1)).toThrow("cannot hold ranges of [mark]");
    const base = { type: "filter", hook: "output", priority: 0, policy: "drop" } as const;
    expect(() => encodeChain({ family: "netdev", table: "t", name: "c", base })).toThrow("no output hook");
    const foreign = { kind: "unknown", name: "xt", data: new Uint8Array() } as const;
    const rule = { family: "inet", table: "t", chain: "c", expressions: [foreign] } as const;
    expect(() => encodeRule(rule)).toThrow("cannot be written back");
  });
});
