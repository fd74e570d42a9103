import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesToAddress } from "../../../../src/native/linux/address.codec.ts";
import { decodeMessages } from "../../../../src/native/linux/netlink/message.codec.ts";
import {
  decodeAddress,
  encodeAddressAddition,
  type InterfaceAddress,
} from "../../../../src/native/linux/rtnetlink/interface-address.codec.ts";
import { decodeLink, encodeLinkChange, encodeLinkCreation } from "../../../../src/native/linux/rtnetlink/link.codec.ts";
import {
  decodeRoute,
  encodeRouteAddition,
  encodeRouteDeletion,
  type Route,
} from "../../../../src/native/linux/rtnetlink/route.codec.ts";
import {
  decodeRule,
  encodeRuleAddition,
  encodeRuleDeletion,
  type PolicyRule,
} from "../../../../src/native/linux/rtnetlink/rule.codec.ts";
import { checkProperty } from "../../../support/seeded.ts";

const u8 = fc.integer({ min: 0, max: 255 });
const u32 = fc.integer({ min: 1, max: 0xffffffff });
const port = fc.integer({ min: 0, max: 65535 });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,14}$/);
const family = fc.constantFrom(4 as const, 6 as const);

function addressOf(which: 4 | 6) {
  const size = which === 4 ? 4 : 16;
  return fc.uint8Array({ minLength: size, maxLength: size }).map(bytesToAddress);
}

/** A prefix longer than /0, since the kernel's form of /0 is to say nothing. */
function prefixOf(which: 4 | 6) {
  return fc
    .tuple(addressOf(which), fc.integer({ min: 1, max: which === 4 ? 32 : 128 }))
    .map(([address, length]) => `${address}/${length}`);
}

/** An arbitrary of an object whose fields may be missing. */
function sparse<T extends Record<string, unknown>>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return fc.record(fields, { requiredKeys: [] });
}

const route: fc.Arbitrary<Route> = family.chain((which) =>
  fc
    .tuple(
      fc.record({
        family: fc.constant(which),
        destination: fc.oneof(prefixOf(which), fc.constant(which === 4 ? "0.0.0.0/0" : "::/0")),
        table: u32,
        type: fc.constantFrom("unicast", "unreachable", "blackhole", "throw", "prohibit", "local"),
        protocol: u8,
        priority: fc.integer({ min: 0, max: 0xffffffff }),
        scope: u8,
      }),
      sparse({
        oif: fc.integer({ min: 2, max: 0x7fffffff }),
        gateway: fc.oneof(addressOf(4), addressOf(6)),
        preferredSource: addressOf(which),
        mtu: u32,
        source: prefixOf(which),
        nextHops: fc.array(
          fc
            .tuple(
              fc.record({ oif: u32, weight: fc.integer({ min: 1, max: 256 }) }),
              sparse({ gateway: fc.oneof(addressOf(4), addressOf(6)) }),
            )
            .map(([base, rest]) => ({ ...base, ...rest })),
          { minLength: 1, maxLength: 4 },
        ),
      }),
    )
    .map(([base, rest]) => ({ ...base, ...rest }) as Route),
);

const range = (number: fc.Arbitrary<number>) => fc.record({ from: number, to: number });

const rule: fc.Arbitrary<PolicyRule> = family.chain((which) =>
  fc
    .tuple(
      fc.record({ family: fc.constant(which), priority: fc.integer({ min: 0, max: 0xffffffff }), protocol: u8 }),
      fc.oneof(
        u32.map((table) => ({ action: "table" as const, table })),
        fc.constantFrom("blackhole", "unreachable", "prohibit", "nop").map((action) => ({ action })),
        u32.map((target) => ({ action: "goto" as const, goto: target })),
      ),
      sparse({
        mark: u32,
        mask: fc.integer({ min: 0, max: 0xfffffffe }),
        iif: name,
        oif: name,
        source: prefixOf(which),
        destination: prefixOf(which),
        suppressPrefixLength: fc.integer({ min: 0, max: 128 }),
        uids: range(u32),
        ipProtocol: u8,
        sourcePorts: range(port),
        destinationPorts: range(port),
        l3mdev: fc.constant(true),
        not: fc.constant(true),
        tos: fc.integer({ min: 1, max: 255 }),
      }),
    )
    .map(([base, action, rest]) => ({ ...base, ...action, ...rest }) as PolicyRule),
);

const address: fc.Arbitrary<InterfaceAddress> = family.chain((which) =>
  fc
    .tuple(
      fc.record({
        family: fc.constant(which),
        linkIndex: u32,
        address: prefixOf(which),
        scope: u8,
        flags: u32,
        protocol: u8,
      }),
      sparse({ label: name, broadcast: addressOf(which) }),
    )
    .map(([base, rest]) => ({ ...base, ...rest })),
);

const only = (bytes: Uint8Array) => decodeMessages(bytes)[0] as ReturnType<typeof decodeMessages>[number];

describe("rtnetlink messages come back as they were written", () => {
  it("routes", () => {
    checkProperty(
      fc.property(route, fc.constantFrom("create", "replace"), (value, how) => {
        const { flags, ...back } = decodeRoute(only(encodeRouteAddition(value, how as "create"))) as Route;
        expect(flags).toBe(0);
        expect(back).toEqual(value);
      }),
      500,
    );
  });

  it("deletions of routes, which leave the scope open and name no more than identifies one", () => {
    checkProperty(
      fc.property(route, (value) => {
        const back = decodeRoute(only(encodeRouteDeletion(value))) as Route;
        const { preferredSource: _source, mtu: _mtu, nextHops: _hops, ...identity } = value;
        expect(back).toEqual({ ...identity, scope: 255, flags: 0 });
      }),
    );
  });

  it("policy rules, and the requests that delete them", () => {
    checkProperty(
      fc.property(rule, (value) => {
        expect(decodeRule(only(encodeRuleAddition(value)))).toEqual(value);
        expect(decodeRule(only(encodeRuleDeletion(value)))).toEqual(value);
      }),
      500,
    );
  });

  it("addresses", () => {
    checkProperty(
      fc.property(address, (value) => {
        expect(decodeAddress(only(encodeAddressAddition(value)))).toEqual(value);
      }),
    );
  });

  it("links", () => {
    const created = decodeLink(
      only(encodeLinkCreation({ name: "awg-office", kind: "wireguard", mtu: 1420, alias: "awg", up: true })),
    );
    expect(created).toMatchObject({ name: "awg-office", kind: "wireguard", mtu: 1420, alias: "awg", up: true });
    const changed = decodeLink(only(encodeLinkChange(7, { up: false, carrier: true, name: "b" })));
    expect(changed).toMatchObject({ index: 7, up: false, carrier: true, name: "b" });
  });
});

describe("rtnetlink defaults", () => {
  const base = { family: 4, destination: "10.0.0.0/8", table: 1, type: "unicast", protocol: 4, priority: 0 } as const;

  it("give an IPv4 route onto an interface link scope and one by a gateway universe", () => {
    expect(decodeRoute(only(encodeRouteAddition({ ...base, oif: 3 })))?.scope).toBe(253);
    expect(decodeRoute(only(encodeRouteAddition({ ...base, oif: 3, gateway: "10.0.0.1" })))?.scope).toBe(0);
    expect(decodeRoute(only(encodeRouteAddition({ ...base, type: "unreachable" })))?.scope).toBe(0);
  });

  it("leave out the loopback link that the kernel hangs IPv6 routes to nowhere on", () => {
    const nowhere = { ...base, family: 6, destination: "fd00::/8", type: "unreachable", oif: 1 } as const;
    expect(decodeRoute(only(encodeRouteAddition(nowhere)))).not.toHaveProperty("oif");
  });
});
