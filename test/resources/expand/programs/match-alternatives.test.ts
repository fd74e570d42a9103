import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Match } from "../../../../src/config/section/match.ts";
import { parsePrefix, prefixContains } from "../../../../src/model/prefix.ts";
import {
  type MatchAlternative,
  type MatchNames,
  matchAlternatives,
  PROTOCOL_NUMBERS,
  UnwritableMatch,
} from "../../../../src/resources/expand/programs/match-alternatives.ts";
import type { ProgramCondition } from "../../../../src/resources/expand/programs/program-condition.ts";

/** One packet of one program, and what is true of the program. */
interface Flow {
  readonly names: readonly string[];
  readonly destination: string;
  readonly protocol: "tcp" | "udp" | "icmp";
  readonly port: number;
}

const NAMES = ["a", "b", "c"];
const PREFIXES = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "2001:db8::/32"];
const ADDRESSES = ["10.1.2.3/32", "10.9.9.9/32", "192.0.2.1/32", "2001:db8::1/128", "fd00::1/128"];
const NAMED: MatchNames = {
  usersOf: () => () => [],
  prefixesOf: (destinations) => destinations.flatMap((one) => (one.kind === "prefix" ? [one.prefix] : [])),
};

const matches: fc.Arbitrary<Match> = fc.letrec<{ match: Match }>((tie) => ({
  match: fc.oneof(
    { maxDepth: 3 },
    fc.record<Match>(
      {
        apps: fc.subarray(NAMES, { minLength: 1 }).map((names) => names.map((name) => ({ kind: "name", name }))),
        destinations: fc
          .subarray(PREFIXES, { minLength: 1 })
          .map((prefixes) => prefixes.map((prefix) => ({ kind: "prefix", prefix }))),
      },
      { requiredKeys: [] },
    ),
    fc.record<Match>({ ports: fc.constant([{ from: 53, to: 443 }]), protocol: fc.constant(["tcp", "udp"] as const) }),
    fc.array(tie("match"), { maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie("match"), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    tie("match").map((not) => ({ not })),
  ),
})).match;

const flows: fc.Arbitrary<Flow> = fc.record({
  names: fc.subarray(NAMES),
  destination: fc.constantFrom(...ADDRESSES),
  protocol: fc.constantFrom("tcp", "udp", "icmp"),
  port: fc.constantFrom(22, 53, 443, 444),
});

describe("the alternatives of a match", () => {
  test("one of them holds exactly where the match does", () => {
    fc.assert(
      fc.property(matches, fc.array(flows, { minLength: 1, maxLength: 12 }), (match, some) => {
        const alternatives = tryAlternatives(match);
        fc.pre(alternatives !== undefined);
        for (const flow of some) expect(alternatives.some((one) => holdsOf(one, flow))).toBe(holds(match, flow));
      }),
      { numRuns: 600 },
    );
  });

  test("conditions on programs alone stay one alternative", () => {
    const one = { apps: [{ kind: "name", name: "a" }] } as const;
    const other = { apps: [{ kind: "dir", dir: "/opt/b" }], children: false } as const;
    expect(matchAlternatives({ any: [one, { not: other }] }, NAMED)).toEqual([
      {
        program: {
          any: [{ atom: { name: "a", of: "self-or-ancestor" } }, { not: { atom: { folder: "/opt/b", of: "self" } } }],
        },
      },
    ]);
  });

  test("a folder with ** is the folder; a parent is any ancestor", () => {
    const match: Match = {
      apps: [{ kind: "path", path: "/opt/game/**" }],
      parent: [{ kind: "path", path: "/usr/bin/tmux" }],
    };
    expect(matchAlternatives(match, NAMED)[0]?.program).toEqual({
      all: [
        { atom: { folder: "/opt/game", of: "self-or-ancestor" } },
        { atom: { file: "/usr/bin/tmux", of: "ancestor" } },
      ],
    });
  });

  test("what cannot be written, or is too large, is refused with its remedy", () => {
    expect(() => matchAlternatives({ not: { ports: [{ from: 25, to: 25 }] } }, NAMED)).toThrow(
      "not cannot hold ports; name the ports that the rule is for",
    );
    const pair = (index: number): Match => ({
      any: [
        { apps: [{ kind: "name", name: `a${index}` }] },
        { destinations: [{ kind: "prefix", prefix: `10.${index}.0.0/16` }] },
      ],
    });
    expect(() => matchAlternatives({ not: { any: [0, 1, 2, 3, 4, 5, 6].map(pair) } }, NAMED)).not.toThrow();
    const wide = (index: number): Match => ({
      any: Array.from({ length: 9 }, (_, port) => ({ ports: [{ from: 1 + port * 10 + index, to: 200 + port }] })),
    });
    expect(() => matchAlternatives({ all: [wide(0), wide(1)] }, NAMED)).toThrow(
      "more than 64 combinations; split the rule",
    );
  });
});

function tryAlternatives(match: Match): MatchAlternative[] | undefined {
  try {
    return matchAlternatives(match, NAMED);
  } catch (error) {
    if (error instanceof UnwritableMatch) return undefined;
    throw error;
  }
}

function holds(match: Match, flow: Flow): boolean {
  const inner = (one: Match): boolean => holds(one, flow);
  return [
    match.apps?.some((app) => app.kind === "name" && flow.names.includes(app.name)),
    match.destinations?.some((one) => one.kind === "prefix" && isIn(one.prefix, flow.destination)),
    match.ports?.some((range) => hasPort(flow, range)),
    match.protocol?.includes(flow.protocol),
    match.all?.every(inner),
    match.any?.some(inner),
    match.not === undefined ? undefined : !inner(match.not),
  ].every((part) => part !== false);
}

function holdsOf({ program, destinations, ports, protocols }: MatchAlternative, flow: Flow): boolean {
  return [
    program === undefined ? undefined : holdsFor(program, flow),
    destinations?.some((prefix) => isIn(prefix, flow.destination)),
    ports?.some((range) => hasPort(flow, range)),
    protocols?.includes(PROTOCOL_NUMBERS[flow.protocol] ?? -1),
  ].every((part) => part !== false);
}

function holdsFor(condition: ProgramCondition, flow: Flow): boolean {
  if ("atom" in condition) return "name" in condition.atom && flow.names.includes(condition.atom.name);
  if ("all" in condition) return condition.all.every((one) => holdsFor(one, flow));
  if ("any" in condition) return condition.any.some((one) => holdsFor(one, flow));
  return !holdsFor(condition.not, flow);
}

function hasPort({ protocol, port }: Flow, { from, to }: { readonly from: number; readonly to: number }): boolean {
  return protocol !== "icmp" && port >= from && port <= to;
}

function isIn(prefix: string, address: string): boolean {
  const [outer, inner] = [parsePrefix(prefix), parsePrefix(address)];
  return outer !== undefined && inner !== undefined && prefixContains(outer, inner);
}
