import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FirewallPolicy, FlowRule, PathRef } from "../../../../src/model/firewall/policy.ts";
import { type Prefix, parsePrefix, prefixContains } from "../../../../src/model/prefix.ts";
import type { PlacedTunnel } from "../../../../src/resources/expand/expansion.ts";
import { flatRouting } from "../../../../src/resources/expand/flat/flat-routing.ts";
import { checkProperty } from "../../../support/seeded.ts";

const OFFICE: PathRef = { kind: "tunnel", device: "awg-office", number: 1 };
const HOME: PathRef = { kind: "tunnel", device: "awg-home", number: 2 };
const DIRECT: PathRef = { kind: "direct" };
const BLOCK: PathRef = { kind: "block" };

function tunnel(device: string, allowedIPs: readonly string[]): PlacedTunnel {
  const families = [4, 6] as const;
  return { key: device, device, number: 1, families, tunnel: { peers: [{ allowedIPs }] } } as unknown as PlacedTunnel;
}

const WHOLE = [tunnel("awg-office", ["0.0.0.0/0", "::/0"]), tunnel("awg-home", ["10.0.0.0/8"])];

function policy(rules: readonly FlowRule[], rest: PathRef, more: object = {}): FirewallPolicy {
  const steering = { rules, default: rest };
  const layer = { endpoints: [], allow: [], allowLan: false, dns: null, ...more };
  return { steering, layers: [layer] } as unknown as FirewallPolicy;
}

function to(path: PathRef, ...destinations: string[]): FlowRule {
  return { origin: `rules/${destinations[0]}`, match: { destinations }, path };
}

describe("routes of a machine that goes by the destination alone", () => {
  it("a default through a tunnel is halves of both families, and its endpoint is pinned", () => {
    const endpoints = [{ address: "192.0.2.1", port: 51820, protocol: 17 }];
    const routing = flatRouting(policy([], OFFICE, { endpoints }), WHOLE);
    expect(routing.into.get("awg-office")).toEqual(["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]);
    expect(routing.into.get("awg-home")).toEqual([]);
    expect(routing.direct).toEqual(["192.0.2.1/32"]);
  });

  it("an endpoint that no tunnel's route covers needs no pin", () => {
    const endpoints = [{ address: "192.0.2.1", port: 51820, protocol: 17 }];
    const routing = flatRouting(policy([to(HOME, "10.0.0.0/8")], DIRECT, { endpoints }), WHOLE);
    expect(routing.into.get("awg-home")).toEqual(["10.0.0.0/8"]);
    expect(routing.direct).toEqual([]);
  });

  it("the first rule wins, whichever is the longer prefix", () => {
    const rules = [to(DIRECT, "10.0.0.0/8"), to(HOME, "10.1.0.0/16"), to(HOME, "10.0.0.0/7")];
    expect(flatRouting(policy(rules, OFFICE), WHOLE)).toMatchObject({ direct: ["10.0.0.0/8"] });
    expect(flatRouting(policy(rules, OFFICE), WHOLE).into.get("awg-home")).toEqual([]);
  });

  it("a tunnel gets of a rule what its peers take", () => {
    const routing = flatRouting(policy([to(HOME, "0.0.0.0/0")], DIRECT), WHOLE);
    expect(routing.into.get("awg-home")).toEqual(["10.0.0.0/8"]);
  });

  it("stated exceptions are pinned beside a default tunnel, private networks are not; DNS servers go their path first", () => {
    const dns = { servers: ["10.0.0.53"], path: OFFICE };
    const allow = [
      { direction: "out", prefixes: ["203.0.113.0/24"] },
      { direction: "out", prefixes: ["198.51.100.0/24"], ports: [{ from: 22, to: 22 }] },
    ];
    const routing = flatRouting(policy([], OFFICE, { dns, allow, allowLan: true }), WHOLE);
    expect(routing.into.get("awg-office")).toContain("10.0.0.53/32");
    expect(routing.direct).toEqual(["203.0.113.0/24"]);
  });

  it("rules by user or port are beyond it, unless they block or lead where all goes", () => {
    const byPort = (path: PathRef): FlowRule => ({
      origin: "rules/0",
      match: { ports: [{ from: 443, to: 443 }] },
      path,
    });
    expect(flatRouting(policy([byPort(OFFICE), byPort(BLOCK)], OFFICE), WHOLE).beyond).toEqual([]);
    expect(flatRouting(policy([byPort(HOME), byPort(DIRECT)], OFFICE), WHOLE).beyond).toEqual(["rules.0", "rules.0"]);
  });

  it("10,000 prefixes take no quadratic time", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `11.${index >> 8}.${index & 255}.0/24`);
    const routing = flatRouting(policy([to(OFFICE, ...many)], DIRECT), WHOLE);
    expect(routing.into.get("awg-office")).toHaveLength(10_000);
  });
});

/** Prefixes of a small world, so that they nest and collide. */
const prefix = fc
  .tuple(fc.nat({ max: 255 }), fc.integer({ min: 0, max: 8 }))
  .map(([byte, length]) => `${(byte >> (8 - length)) << (8 - length)}.0.0.0/${length}`);

describe("first match and longest prefix", () => {
  it("agree on every address: the route leads where the first rule says, or nowhere that the filter lets through", () => {
    const path = fc.constantFrom(OFFICE, HOME, DIRECT, BLOCK);
    const rules = fc.array(fc.tuple(path, fc.array(prefix, { minLength: 1, maxLength: 3 })), { maxLength: 6 });
    checkProperty(
      fc.property(rules, path, fc.array(prefix, { minLength: 1, maxLength: 4 }), (written, rest, homes) => {
        const tunnels = [tunnel("awg-office", ["0.0.0.0/0"]), tunnel("awg-home", homes)];
        const list = written.map(([one, destinations]) => to(one, ...destinations));
        const routing = flatRouting(policy(list, rest), tunnels);
        const table = [
          ...[...routing.into].flatMap(([device, prefixes]) => prefixes.map((text) => [text, device] as const)),
          ...routing.direct.map((text) => [text, "direct"] as const),
        ].map(([text, way]) => ({ prefix: parsePrefix(text) as Prefix, way }));
        for (let byte = 0; byte < 256; byte++) {
          const target = parsePrefix(`${byte}.1.2.3/32`) as Prefix;
          const holds = (text: string) => prefixContains(parsePrefix(text) as Prefix, target);
          const wanted = list.find(({ match }) => match.destinations?.some(holds))?.path ?? rest;
          const best = table
            .filter((row) => prefixContains(row.prefix, target))
            .sort((a, b) => b.prefix.length - a.prefix.length)[0];
          const way = best?.way ?? "direct";
          if (wanted.kind === "direct") expect(way).toBe("direct");
          if (wanted.kind === "tunnel" && (wanted.device === "awg-office" || homes.some(holds))) {
            expect(way).toBe(wanted.device);
          }
          if (wanted.kind === "tunnel" && wanted.device !== "awg-home") expect(way).not.toBe("direct");
        }
      }),
      60,
    );
  });
});
