import { place } from "../../../lab/world/place.ts";
import type { Order } from "./static-program.ts";

/** A copy of a real program that sends, where it lies below the folder of programs, and as whom it runs. */
export interface Sender {
  readonly kind: "perl" | "python" | "node" | "static" | "curl" | "dig";
  readonly file: string;
  readonly uid: number;
  /** Below the control group of the test. */
  readonly cgroup?: string;
}

/** One flow: who sends what. */
export interface Case {
  readonly sender: Sender;
  readonly order: Order;
}

export const SENDERS: readonly Sender[] = [
  { kind: "perl", file: "apps/browser/main", uid: 0 },
  { kind: "static", file: "apps/browser/lib/helper", uid: 1501 },
  { kind: "perl", file: "games/chess/run", uid: 1502 },
  { kind: "python", file: "tools/sync", uid: 1501, cgroup: "outer" },
  { kind: "node", file: "tools/runtime", uid: 0, cgroup: "outer/inner" },
  { kind: "static", file: "other/plain", uid: 0 },
  { kind: "perl", file: "other/main", uid: 1501, cgroup: "outer/inner" },
  { kind: "curl", file: "apps/fetch/curl", uid: 1502 },
  { kind: "dig", file: "tools/dig", uid: 1501 },
];

const DESTINATIONS = [place.v4.echo, place.v4.resolver, place.v6.echo];
/** Where cases send to; counted at the far ends. */
export const PORTS = { first: 7000, last: 7005 } as const;
const FIRST_SOURCE_PORT = 10_000;

/** Numbers from a seed, each below a bound (mulberry32). */
export type Dice = (below: number) => number;

export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function oneOf<T>(dice: Dice, list: readonly T[]): T {
  const found = list[dice(list.length)];
  if (found === undefined) throw new RangeError("an empty list");
  return found;
}

/** Rules of a config in order, each as YAML, and what becomes of all other flows. */
export function generateRules(
  dice: Dice,
  {
    programs,
    group,
    tunnels,
  }: { readonly programs: string; readonly group: string; readonly tunnels: readonly string[] },
): { readonly rules: readonly string[]; readonly rest: string } {
  const [first = "", second = ""] = tunnels;
  const paths = ["direct", "block", first, second];
  const fallbacks = ["block", "direct", `{ failover: [${second}] }`, "next_rule"];
  const way = (via: string) => {
    const after = via === first ? `, fallback: ${oneOf(dice, fallbacks)}` : "";
    return `via: ${via}${after}`;
  };
  const rules = Array.from({ length: 3 + dice(5) }, (_, index) => {
    const fields = [...programFields(dice, programs, group), ...trafficFields(dice)];
    return `{ name: r${index}, ${[...fields, way(oneOf(dice, paths))].join(", ")} }`;
  });
  const via = oneOf(dice, ["direct", first, second]);
  const fallback = via === first ? oneOf(dice, ["block", "direct"]) : "block";
  return {
    rules: [`{ name: some, apps: [{ dir: ${programs}/none }], via: ${first} }`, ...rules],
    rest: `default: { via: ${via}${via === "direct" ? "" : `, fallback: ${fallback}`} }
killSwitch: { enabled: ${dice(4) > 0} }`,
  };
}

function programFields(dice: Dice, programs: string, group: string): string[] {
  const file = () => `{ path: ${programs}/${oneOf(dice, SENDERS).file} }`;
  const folder = () => `{ dir: ${programs}/${oneOf(dice, ["apps", "apps/browser", "games", "tools", "other"])} }`;
  const name = () => oneOf(dice, ["main", "run", "helper", "curl"]);
  const globs = ["apps/*/main", "**/run", "*/main", "apps/**/helper", "o*/**"];
  const glob = () => `{ path: "${programs}/${oneOf(dice, globs)}" }`;
  const part = () => `{ contains: ${oneOf(dice, ["browser", "tools/", "ain"])} }`;
  const expression = () => `{ regex: '${oneOf(dice, ["/(main|run)$", "^/.*/o[a-z]+/", "[sd]ync?$"])}' }`;
  const apps = () => `apps: [${oneOf(dice, [file, folder, name, glob, part, expression])()}]`;
  const commandLine = () => `commandLine: ['${oneOf(dice, ["/apps/", " -e ", "^[^ ]*main( |$)", "--local-port"])}']`;
  const users = () => `users: ["${oneOf(dice, [1501, 1502])}"]`;
  const cgroups = () => `cgroups: [${group}/${oneOf(dice, ["outer", "outer/inner"])}]`;
  const kinds: readonly (() => string[])[] = [
    () => [apps()],
    () => [apps()],
    () => [`apps: [${file()}, ${folder()}]`],
    () => [users()],
    () => [cgroups()],
    () => [commandLine()],
    () => [`not: { ${commandLine()} }`],
    () => [`parent: [${file()}]`],
    () => [apps(), users()],
    () => [apps(), "children: false"],
    () => [`not: { ${apps()} }`],
    () => [`any: [{ ${apps()} }, { ${users()} }]`],
    () => [`all: [{ ${cgroups()} }, { not: { ${users()} } }]`],
    () => [],
  ];
  return oneOf(dice, kinds)();
}

function trafficFields(dice: Dice): string[] {
  const destinations = dice(2) === 0 ? [] : [`destinations: [${quoted(oneOf(dice, DESTINATIONS))}]`];
  if (dice(2) === 0) return destinations.length === 0 ? [`protocol: ${oneOf(dice, ["tcp", "udp"])}`] : destinations;
  const from = PORTS.first + dice(4);
  return [...destinations, `ports: [${from}-${from + 1}]`, `protocol: ${oneOf(dice, ["tcp", "udp"])}`];
}

function quoted(address: string): string {
  return `"${address}"`;
}

/** Flows of these senders, each from a source port of its own. */
export function generateCases(dice: Dice, senders: readonly Sender[], count: number): readonly Case[] {
  return Array.from({ length: count }, (_, index) => {
    const sender = oneOf(dice, senders);
    const chosen = oneOf(dice, ["tcp", "udp"] as const);
    const protocol = sender.kind === "curl" ? "tcp" : sender.kind === "dig" ? "udp" : chosen;
    const address = oneOf(dice, DESTINATIONS);
    const port = PORTS.first + dice(PORTS.last - PORTS.first + 1);
    return { sender, order: { protocol, from: FIRST_SOURCE_PORT + index, address, port } };
  });
}
