import { sameData } from "../../model/canonical.ts";
import { AwgError } from "../../model/error.ts";
import type { Resource, ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { movedKey, TUNNEL_KINDS } from "../../model/resources/lifecycle.ts";

/** Which part of a plan is wanted; words are keys (`link/office`) or names of tunnels (`office`). */
export interface Selection {
  /** Only these; empty means all. */
  readonly target: readonly string[];
  /** All but these. */
  readonly exclude: readonly string[];
  /** Recreated even if nothing differs. */
  readonly replace: readonly string[];
}

/** A resource that is included although it was not requested, and why. */
export interface AlsoTaken {
  readonly key: ResourceKey;
  readonly why: string;
}

export interface Selected {
  readonly desired: DesiredState;
  readonly alsoTaken: readonly AlsoTaken[];
  /** Whether part of the config is left as it was accepted. */
  readonly isPartial: boolean;
}

/** The policy of the host: what may leave, and which table each flow is looked up in. */
const POLICY: readonly ResourceKey[] = ["firewall/machine", "routes/policy", "classifier/host"];
const SETTINGS: ReadonlyMap<ResourceKey, string> = new Map([
  ["firewall/machine", "the packet filter must be in place first"],
  ["sysctl/machine", "without these settings the kernel answers ARP for the tunnel's address on other links"],
]);

/**
 * The state that a selection leads to: selected keys as in the config, all others as accepted. Leak safety cannot be
 * split: packet filter, policy rules and tables change together, and a device includes the filter.
 * Pure; AwgError usage if an excluded resource is needed, or a word matches nothing.
 */
export function selectDesired(wanted: DesiredState, before: DesiredState, selection: Selection): Selected {
  const accepted = underNewNames(before, wanted);
  const asked = byKey(wanted);
  const held = byKey(accepted);
  const retained = (before.lifecycle?.retain ?? []).filter((key) => !held.has(key));
  const known = [...new Set([...asked.keys(), ...held.keys(), ...retained])];
  const excluded = new Set(keysOf(selection.exclude, known));
  const named = (selection.target.length === 0 ? known : keysOf(selection.target, known)).filter(
    (key) => !excluded.has(key),
  );
  refuseNothing(selection, named);
  const changed = new Set(known.filter((key) => !sameData(asked.get(key)?.spec, held.get(key)?.spec)));
  const start = named.filter((key) => changed.has(key));
  const { taken, alsoTaken } = closure(start, { changed, asked, held });
  refuseExcluded(alsoTaken, excluded);
  const resources = known.flatMap((key) => (taken.has(key) ? asked.get(key) : held.get(key)) ?? []);
  const isRetained = (key: ResourceKey) => wanted.lifecycle?.retain.includes(key) === true;
  const left = retained.filter((key) => !named.includes(key) && !taken.has(key) && !isRetained(key));
  const isPartial = left.length > 0 || [...changed].some((key) => !taken.has(key));
  return { desired: { ...wanted, ...retaining(wanted, left), resources }, alsoTaken, isPartial };
}

/** A key that was released and is not selected stays released. */
function retaining({ lifecycle }: DesiredState, left: readonly ResourceKey[]): Pick<DesiredState, "lifecycle"> {
  const retain = [...new Set([...(lifecycle?.retain ?? []), ...left])];
  if (left.length === 0) return {};
  return { lifecycle: { protect: [], ignore: [], moved: [], ...lifecycle, retain } };
}

function refuseNothing({ target, exclude }: Selection, named: readonly ResourceKey[]): void {
  if (target.length === 0 || named.length > 0) return;
  throw new AwgError(
    "usage",
    `nothing to do: --exclude ${exclude.join(", ")} removes all of --target ${target.join(", ")}`,
    {
      remedy: "name each resource in one of the two only",
    },
  );
}

/**
 * The resources to recreate. AwgError usage for a kind that cannot be recreated: only devices, engines and system
 * extensions can, and a device includes its engine. Pure.
 */
export function replacedKeys({ replace, exclude }: Selection, { resources }: DesiredState): ReadonlySet<ResourceKey> {
  const known = resources.map(({ key }) => key);
  const keys = replace.map((word) =>
    known.includes(`tunnel/${word}`) ? (`tunnel/${word}` as const) : keysOf([word], known)[0],
  );
  for (const key of keys) {
    if (key === undefined || /^(?:link|tunnel|system-extension)\//.test(key)) continue;
    throw new AwgError("usage", `${key} cannot be replaced: it is always changed as a whole`, {
      remedy: "name a device (link/NAME), an engine (tunnel/NAME) or system-extension/BUNDLE",
    });
  }
  const replaced = new Set(keys.filter((key) => key !== undefined));
  const isLeftOut = ({ key }: AlsoTaken) => known.includes(key) && exclude.some((word) => isNamed(key, word));
  const both = [...replaced].map((key) => ({ key, why: "it will be recreated" }));
  refuse([...both, ...replacedToo(replaced)].find(isLeftOut), []);
  return replaced;
}

/** The engines on recreated devices. Pure. */
export function replacedToo(replaced: ReadonlySet<ResourceKey>): readonly AlsoTaken[] {
  return [...replaced].flatMap((link) => {
    const key: ResourceKey = `tunnel/${link.slice("link/".length)}`;
    const isTaken = link.startsWith("link/") && !replaced.has(key);
    return isTaken ? [{ key, why: `it runs on ${link}, which will be recreated` }] : [];
  });
}

function underNewNames({ resources }: DesiredState, { lifecycle }: DesiredState): DesiredState {
  const moves = lifecycle?.moved ?? [];
  return { resources: resources.map((one) => ({ ...one, key: movedKey(one.key, moves) }) as Resource) };
}

function byKey({ resources }: DesiredState): ReadonlyMap<ResourceKey, Resource> {
  return new Map(resources.map((resource) => [resource.key, resource]));
}

/** Keys that words name. */
function keysOf(words: readonly string[], known: readonly ResourceKey[]): readonly ResourceKey[] {
  return words.flatMap((word) => {
    const named = known.filter((key) => isNamed(key, word));
    const ofTunnel = named.filter((key) => key !== "routes/policy" || word === "routes/policy");
    if (ofTunnel.length > 0) return ofTunnel;
    throw new AwgError("usage", `no resource "${word}" in the config or on this host`, {
      facts: { known: known.map(String) },
      remedy: known.length === 0 ? "there are no resources yet" : `name one of ${known.join(", ")}, or a tunnel`,
    });
  });
}

function isNamed(key: ResourceKey, word: string): boolean {
  return key === word || TUNNEL_KINDS.some((kind) => key === `${kind}/${word}`);
}

interface Choice {
  readonly changed: ReadonlySet<ResourceKey>;
  readonly asked: ReadonlyMap<ResourceKey, Resource>;
  readonly held: ReadonlyMap<ResourceKey, Resource>;
}

function closure(
  start: readonly ResourceKey[],
  choice: Choice,
): { readonly taken: ReadonlySet<ResourceKey>; readonly alsoTaken: readonly AlsoTaken[] } {
  const taken = new Set(start);
  const alsoTaken: AlsoTaken[] = [];
  for (const key of taken) {
    for (const { key: needed, why } of needsOf(key, choice)) {
      if (taken.has(needed) || !choice.changed.has(needed)) continue;
      taken.add(needed);
      alsoTaken.push({ key: needed, why });
    }
  }
  return { taken, alsoTaken };
}

/** What must change together with a resource, so that nothing leaks during or after the change. */
function needsOf(key: ResourceKey, choice: Choice): readonly AlsoTaken[] {
  const [kind, name = ""] = key.split("/");
  if (POLICY.includes(key)) return needsOfPolicy(choice);
  const settings = [...SETTINGS].map(([other, why]) => ({ key: other, why }));
  if (kind === "sysctl" || kind === "resolver") return settings.slice(0, 1);
  if (kind === "service" || kind === "autostart" || kind === "system-extension") return [];
  const link: ResourceKey = `link/${name}`;
  if (kind !== "link") return [...settings, { key: link, why: `${key} needs it` }];
  const isLeaving = !choice.asked.has(link);
  const dependents: readonly ResourceKey[] = isLeaving ? [`tunnel/${name}`, `routes/${name}`] : [];
  return [...settings, ...dependents.map((other) => ({ key: other, why: `it needs ${key}, which is removed` }))];
}

function needsOfPolicy({ changed, asked, held }: Choice): readonly AlsoTaken[] {
  const tables = [...changed].filter((key) => key.startsWith("routes/"));
  const together = "packet filter, policy rules and tables must change together, or a rule could skip a table";
  // A new engine needs no grant yet; a removed one takes its grant along.
  const updated = [...changed].filter((key) => asked.has(key) && held.has(key));
  const engines = updated.filter((key) => !sameData(grantsOf(asked.get(key)), grantsOf(held.get(key))));
  const endpoints = "the packet filter lets an engine send to its own endpoints only";
  return [
    ...[...POLICY, ...tables].map((key) => ({ key, why: together })),
    ...engines.map((key) => ({ key, why: endpoints })),
  ];
}

/** What the packet filter grants an engine. */
function grantsOf(resource: Resource | undefined): unknown {
  if (resource?.kind !== "tunnel") return undefined;
  const { listenPort, peers } = resource.spec;
  return [listenPort, peers.flatMap(({ endpoint }) => endpoint ?? []).toSorted()];
}

function refuseExcluded(alsoTaken: readonly AlsoTaken[], excluded: ReadonlySet<ResourceKey>): void {
  refuse(
    alsoTaken.find(({ key }) => excluded.has(key)),
    alsoTaken.map(({ key }) => key),
  );
}

function refuse(hit: AlsoTaken | undefined, needed: readonly ResourceKey[]): void {
  if (hit === undefined) return;
  throw new AwgError("usage", `${hit.key} cannot be left out here: ${hit.why}`, {
    facts: { needed },
    remedy: "exclude the resources that need it as well, or exclude nothing; nothing was changed",
  });
}
