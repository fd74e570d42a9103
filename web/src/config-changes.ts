import type { PlanDocument, PlanStep } from "./documents.ts";
import { deviceName, listText } from "./words.ts";

/** A line of the config that a plan brings, changes or takes away. */
export interface ConfigChange {
  readonly action: "create" | "update" | "delete";
  /** The key of the config: rules, tunnels, default. */
  readonly key: string;
  /** The entry under it; absent if the key has none. */
  readonly name?: string;
  /** What it matches, or what of it changes. */
  readonly about?: string;
  readonly from?: string;
  readonly to?: string;
}

/** The firewall's spec in a step, as far as rules come from it (src/model/firewall/policy.ts). */
interface Policy {
  readonly steering: { readonly rules: readonly Rule[]; readonly default: Path };
  readonly layers: readonly { readonly killSwitch: boolean }[];
}
interface Rule {
  readonly origin: string;
  readonly match: Match;
  readonly path: Path;
}
interface Path {
  readonly kind: string;
  readonly device?: string;
  readonly fallback?: string;
  readonly substitutes?: readonly { readonly device: string }[];
}
interface Match {
  readonly destinations?: readonly string[];
  readonly ports?: readonly { readonly from: number; readonly to: number }[];
  /** Their numbers change with other rules. */
  readonly classes?: unknown;
}

/** Values of a match that are shown. */
const SHOWN = 3;

/** What changes in the config's own words; empty where resources alone can say it. Pure. */
export function configChanges({ steps }: PlanDocument): readonly ConfigChange[] {
  const changes = [...entryChanges(steps), ...policyChanges(steps)];
  const hasPrograms = steps.some(({ key }) => key.startsWith("classifier/"));
  const hasRules = changes.some(({ key }) => key === "rules");
  return hasPrograms && !hasRules
    ? [...changes, { action: "update", key: "rules", about: "which programs they match" }]
    : changes;
}

const SECTIONS: Readonly<Record<string, string>> = { tunnel: "tunnels", proxy: "proxies", resolver: "dns" };

/** Tunnels, proxies and DNS: each is one resource. */
function entryChanges(steps: readonly PlanStep[]): readonly ConfigChange[] {
  return steps.flatMap(({ key: id, action, changes }): ConfigChange[] => {
    const [kind = "", ...rest] = id.split("/");
    const key = SECTIONS[kind];
    if (key === undefined || action === "adopt" || action === "forget") return [];
    const entry = key === "dns" ? { key } : { key, name: rest.join("/") };
    if (action === "create" || action === "delete") return [{ action, ...entry }];
    const fields = [...new Set(changes.map(({ field }) => field.split("/")[1] ?? ""))].filter((field) => field !== "");
    return [{ action: "update", ...entry, about: listText(fields) }];
  });
}

/** Rules, default and kill switch, between the first and the last step of the packet filter. */
function policyChanges(steps: readonly PlanStep[]): readonly ConfigChange[] {
  const policies = steps.filter(({ key }) => key.startsWith("firewall/"));
  const [before, after] = [policies[0]?.before, policies.at(-1)?.after].map(
    (spec) => (spec ?? undefined) as Policy | undefined,
  );
  const path = [before, after].map((policy) => (policy === undefined ? undefined : pathText(policy.steering.default)));
  const on = [before, after].map((policy) => policy?.layers.some(({ killSwitch }) => killSwitch) === true);
  return [
    ...ruleChanges(rulesOf(before), rulesOf(after)),
    ...changeOf("default", path),
    ...(on[0] === on[1]
      ? []
      : changeOf(
          "killSwitch",
          on.map((one) => (one ? "on" : "off")),
        )),
  ];
}

function changeOf(key: string, [from, to]: readonly (string | undefined)[]): readonly ConfigChange[] {
  if (from === to) return [];
  const action = from === undefined ? "create" : to === undefined ? "delete" : "update";
  return [{ action, key, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
}

interface NamedRule {
  readonly about: string;
  readonly path: string;
  readonly match: string;
}

/** The rules of the config in their order; one may be several rules of the filter. */
function rulesOf(policy: Policy | undefined): ReadonlyMap<string, NamedRule> {
  const rules = (policy?.steering.rules ?? []).filter(({ origin }) => origin.startsWith("rules/"));
  const byName = Map.groupBy(
    rules.filter(({ origin }) => !origin.endsWith(" without a class")),
    ({ origin }) => / \((.*)\)$/.exec(origin)?.[1] ?? `entry ${Number(/[0-9]+/.exec(origin)?.[0]) + 1}`,
  );
  return new Map(
    [...byName].map(([name, members]) => [
      name,
      {
        about: aboutText(members.map(({ match }) => match)),
        path: [...new Set(members.map(({ path }) => pathText(path)))].join(" or "),
        match: JSON.stringify(members.map(({ match: { classes: _numbers, ...match } }) => match)),
      },
    ]),
  );
}

function ruleChanges(
  before: ReadonlyMap<string, NamedRule>,
  after: ReadonlyMap<string, NamedRule>,
): readonly ConfigChange[] {
  const key = "rules";
  const gone = [...before].filter(([name]) => !after.has(name));
  const changed = [...after].flatMap(([name, rule]): ConfigChange[] => {
    const old = before.get(name);
    if (old === undefined) return [{ action: "create", key, name, about: rule.about, to: rule.path }];
    if (old.path !== rule.path) return [{ action: "update", key, name, from: old.path, to: rule.path }];
    return old.match === rule.match ? [] : [{ action: "update", key, name, about: "what it matches", to: rule.path }];
  });
  const kept = [before, after].map((rules) => [...rules.keys()].filter((name) => before.has(name) && after.has(name)));
  return [
    ...changed,
    ...gone.map(([name, { path }]): ConfigChange => ({ action: "delete", key, name, from: path })),
    ...(kept[0]?.join() === kept[1]?.join() ? [] : [{ action: "update", key, about: "their order" } as const]),
  ];
}

function pathText({ kind, device = "", substitutes = [], fallback }: Path): string {
  if (kind !== "tunnel") return kind;
  const others = [...substitutes.map((one) => deviceName(one.device)), ...(fallback === undefined ? [] : [fallback])];
  return [deviceName(device), ...others].join(", else ");
}

function aboutText(matches: readonly Match[]): string {
  const destinations = [...new Set(matches.flatMap((match) => match.destinations ?? []))];
  const ports = matches.flatMap((match) => match.ports ?? []);
  const texts = ports.map(({ from, to }) => (from === to ? `port ${from}` : `ports ${from} to ${to}`));
  const shown = [...destinations, ...new Set(texts)];
  return [...shown.slice(0, SHOWN), ...(shown.length > SHOWN ? [`${shown.length - SHOWN} more`] : [])].join(", ");
}
