import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coversMatch } from "../../src/config/check/shadowing.ts";
import type { Match } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { parseIp } from "../../src/model/ip.ts";
import { parsePrefix, prefixContains } from "../../src/model/prefix.ts";
import { sampleConfig } from "../support/config.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

/** A flow as a rule sees it. */
interface Flow {
  readonly app: string;
  readonly user: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: "tcp" | "udp";
}

/** The slow, obvious meaning of a match, for the fields the generator uses. */
function matches(match: Match, flow: Flow): boolean {
  const holds = <T>(values: readonly T[] | undefined, test: (value: T) => boolean) =>
    values === undefined || values.some(test);
  return (
    holds(match.apps, (app) =>
      app.kind === "name" ? flow.app === app.name : app.kind === "contains" && flow.app.includes(app.contains),
    ) &&
    holds(match.users, (user) => user === flow.user) &&
    holds(match.destinations, (one) => one.kind === "prefix" && contains(one.prefix, flow.address)) &&
    holds(match.ports, ({ from, to }) => flow.port >= from && flow.port <= to) &&
    holds(match.protocol, (protocol) => protocol === flow.protocol) &&
    (match.not === undefined || !matches(match.not, flow))
  );
}

function contains(prefix: string, address: string): boolean {
  const [outer, ip] = [parsePrefix(prefix), parseIp(address)];
  if (outer === undefined || ip === undefined) throw new Error("bad generator");
  return prefixContains(outer, { family: ip.family, address: ip.value, length: 32 });
}

const apps = ["fire", "firefox", "fox", "x"];
const addresses = ["10.0.0.1", "10.1.0.1", "192.0.2.1"];
const some = <T>(values: readonly T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
const range = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 4 }))
  .map(([from, more]) => ({ from, to: from + more }));

const flat = fc.record(
  {
    apps: some([
      ...apps.map((name) => ({ kind: "name", name }) as const),
      { kind: "contains", contains: "fire" } as const,
    ]),
    users: some(["a", "b"]),
    destinations: some(
      ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"].map((prefix) => ({ kind: "prefix", prefix }) as const),
    ),
    ports: fc.array(range, { minLength: 1, maxLength: 3 }),
    protocol: some(["tcp", "udp"] as const),
  },
  { requiredKeys: [] },
);
const match: fc.Arbitrary<Match> = fc.oneof(
  flat,
  fc.tuple(flat, flat).map(([outer, not]) => ({ ...outer, not })),
);

const flows: Flow[] = apps.flatMap((app) =>
  ["a", "b"].flatMap((user) =>
    addresses.flatMap((address) =>
      [1, 3, 5, 7, 9].flatMap((port) =>
        (["tcp", "udp"] as const).map((protocol) => ({ app, user, address, port, protocol })),
      ),
    ),
  ),
);

describe("a rule covered by an earlier one", () => {
  test("never matches a flow the earlier one does not", () => {
    let covered = 0;
    fc.assert(
      fc.property(match, match, (outer, inner) => {
        if (!coversMatch(outer, inner)) return;
        covered += 1;
        for (const flow of flows) if (matches(inner, flow)) expect(matches(outer, flow)).toBe(true);
      }),
      { seed, numRuns: 3000 },
    );
    expect(covered).toBeGreaterThan(20);
  });

  test("is found among a thousand rules, and only there", () => {
    const rules = Array.from(
      { length: 1000 },
      (_, index) => `{ apps: [app${index}], ports: [${1 + (index % 7)}], via: block }`,
    );
    const text = (extra: string) =>
      sampleConfig(`default: { via: direct }\nrules:\n${[...rules, extra].map((rule) => `  - ${rule}\n`).join("")}`);
    const load = (extra: string) =>
      loadConfig([{ name: "a", text: text(extra) }]).problems.map(({ id, line }) => `${line} ${id}`);
    expect(load("{ apps: [app500], ports: [4], protocol: tcp, via: block }")).toEqual(["1004 rule-shadowed"]);
    expect(load("{ apps: [app500], ports: [4, 5], via: block }")).toEqual([]);
  });

  test("a rule that hands over to the next one hides nothing", () => {
    const text = (fallback: string) =>
      sampleConfig(`default: { via: direct }
tunnels: { p: { protocol: http, server: 192.0.2.1:1 }, q: { protocol: http, server: 192.0.2.2:1 } }
rules: [{ ports: 443, via: p, fallback: ${fallback} }, { ports: 443, via: q }]
`);
    const ids = (fallback: string) => loadConfig([{ name: "a", text: text(fallback) }]).problems.map(({ id }) => id);
    expect(ids("next_rule")).toEqual([]);
    expect(ids("block")).toContain("rule-shadowed");
  });
});
