import { sameData } from "../../model/canonical.ts";
import { isClaim, type Phase, type Step } from "../../model/plan.ts";
import type { FieldChange, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { RoutesSpec } from "../../model/resources/routes.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import type { Change } from "./change.ts";
import { driverOf } from "./observation.ts";
import { deviceOf, placeOf } from "./place.ts";
import { givesUp, wantedDestinations } from "./shared-table.ts";
import { cutLeftovers, cutTakeover, takenDevices } from "./takeover.ts";

/** A step with its place in the order: lower slots run first; see SLOTS. */
export interface SlottedStep {
  readonly slot: number;
  readonly step: Step;
}

/**
 * The order of everything, by what a packet may meet on the way: the strictest firewall stands before the first route
 * changes and until after the last one did; a table is complete before a rule points at it, and no rule points at it
 * any more when it goes; what has to leave a device before the device is remade leaves it first. What is adopted is
 * told first of all, so that the journal knows it belongs to the old state. A device that another program's engine holds is
 * taken over before the firewall, which would stop that engine until it bears our mark; what that program set up around the
 * device goes when no packet needs it any more. Services come last and leave first: a daemon
 * that runs while its machine is taken down would put it back up.
 */
const SLOTS = {
  adopt: { phase: "prepare", slot: 0 },
  autostartAway: { phase: "prepare", slot: 1 },
  serviceAway: { phase: "prepare", slot: 2 },
  engineRule: { phase: "prepare", slot: 3 },
  linkTaken: { phase: "prepare", slot: 4 },
  tunnelTaken: { phase: "prepare", slot: 5 },
  firewallFirst: { phase: "prepare", slot: 6 },
  vacate: { phase: "prepare", slot: 7 },
  sysctl: { phase: "prepare", slot: 8 },
  link: { phase: "prepare", slot: 9 },
  tunnel: { phase: "prepare", slot: 10 },
  tables: { phase: "prepare", slot: 11 },
  rules: { phase: "flip", slot: 12 },
  resolver: { phase: "flip", slot: 13 },
  resolverBack: { phase: "flip", slot: 14 },
  rulesAway: { phase: "flip", slot: 15 },
  leftoversAway: { phase: "retire", slot: 16 },
  tablesAway: { phase: "retire", slot: 17 },
  tunnelAway: { phase: "retire", slot: 18 },
  linkAway: { phase: "retire", slot: 19 },
  sysctlBack: { phase: "retire", slot: 20 },
  firewallLast: { phase: "retire", slot: 21 },
  extension: { phase: "retire", slot: 22 },
  service: { phase: "retire", slot: 23 },
  autostart: { phase: "retire", slot: 24 },
  forget: { phase: "retire", slot: 25 },
} as const satisfies Record<string, { phase: Phase; slot: number }>;

type SlotName = keyof typeof SLOTS;

const FORWARD: { readonly [K in ResourceKind]: SlotName } = {
  firewall: "firewallFirst",
  sysctl: "sysctl",
  link: "link",
  tunnel: "tunnel",
  routes: "tables",
  resolver: "resolver",
  service: "service",
  autostart: "autostart",
  "system-extension": "extension",
};

const BACKWARD: { readonly [K in ResourceKind]: SlotName } = {
  firewall: "firewallLast",
  sysctl: "sysctlBack",
  link: "linkAway",
  tunnel: "tunnelAway",
  routes: "tablesAway",
  resolver: "resolverBack",
  service: "serviceAway",
  autostart: "autostartAway",
  "system-extension": "extension",
};

/** A standing resource that is desired and in sync; it may have to make way while its device is remade. */
export interface InSync {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly spec: Spec;
}

/** Cuts changes into steps with their slots. Pure. `inSync` are the resources that need nothing for their own sake. */
export function cutSteps(
  changes: readonly Change[],
  inSync: readonly InSync[],
  registry: DriverRegistry,
): readonly SlottedStep[] {
  const remade = new Set(changes.filter(isRemade).flatMap((change) => deviceOf("link", change.before as Spec) ?? []));
  const context: Context = {
    registry,
    remade,
    alone: changes.every((change) => driverOf(registry, change.kind).between !== undefined || isClaim(change)),
    created: new Set(changes.filter(({ action }) => action === "create").map(({ key }) => key)),
    taken: takenDevices(changes),
    wanted: wantedDestinations(changes),
    ports: takenPorts(changes),
  };
  const vacated = inSync.filter(({ kind, spec }) => standsOn(kind, spec, remade));
  return [
    ...changes.flatMap((change) => stepsOfChange(change, context)),
    ...vacated.flatMap(({ kind, key, spec }) =>
      vacateAndReturn({ kind, key, action: "update", before: spec, after: spec, changes: [], reason: RETURN }, REMADE),
    ),
  ];
}

const RETURN = "return to the remade device";
const REMADE = "make way while the device is remade";
const PORT = "make way for the tunnel that takes its port";

interface Context {
  readonly registry: DriverRegistry;
  /** Names of devices that are deleted and made again in this plan. */
  readonly remade: ReadonlySet<string>;
  /** Nothing but the policy changes. */
  readonly alone: boolean;
  /** Keys that are created, maybe in another place than where they are deleted. */
  readonly created: ReadonlySet<ResourceKey>;
  /** Names of devices that are taken over from another program's engine, which runs on. */
  readonly taken: ReadonlySet<string>;
  /** Of the one table of a Mac: the destinations that resources take. */
  readonly wanted: ReadonlySet<string>;
  /** UDP ports on which another engine is to listen than the one that does now, if any. */
  readonly ports: ReadonlySet<number>;
}

function isRemade({ kind, action, before, after }: Change): boolean {
  return (
    kind === "link" &&
    action === "replace" &&
    before !== null &&
    (after === null || placeOf(kind, before) === placeOf(kind, after))
  );
}

function stepsOfChange(change: Change, context: Context): readonly SlottedStep[] {
  const { registry, remade, alone, created, taken } = context;
  const { before, after, kind, key, action } = change;
  if (action !== "forget" && before !== null && standsOn(kind, before, remade)) {
    return vacateAndReturn(action === "adopt" ? { ...change, action: "update", reason: RETURN } : change, REMADE);
  }
  if (isClaim(change)) return [slotted(action === "adopt" ? "adopt" : "forget", change)];
  if (givesUp(change, context.wanted)) return [slotted("tables", change)];
  const cut = cutLeftovers(change) ?? cutTakeover(change, taken);
  if (cut !== undefined) return cut.map((one) => slotted(one.part ?? slotOf(one.change), one.change));
  const driver = driverOf(registry, kind);
  if (driver.between !== undefined) return cutPolicy(change, driver.between.bind(driver), alone);
  // Two engines of one tunnel would compete for its port and its peers' attention: the old one goes first.
  if (kind === "tunnel" && action === "delete" && created.has(key)) return [slotted("vacate", change)];
  if (handsOnPort(change, context.ports)) return vacateAndReturn(change, PORT);
  if (action === "replace" && after !== null && before !== null) return cutReplace(change, before);
  return [slotted(slotOf(change), change)];
}

/** Whether an engine holds a port that another one is to have, and is to give it up. Two sockets cannot share one. */
function handsOnPort({ kind, before, after }: Change, ports: ReadonlySet<number>): boolean {
  if (kind !== "tunnel" || before === null) return false;
  const { listenPort } = before as TunnelSpec;
  return ports.has(listenPort) && (after as TunnelSpec | null)?.listenPort !== listenPort;
}

function takenPorts(changes: readonly Change[]): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const { kind, before, after } of changes) {
    if (kind !== "tunnel" || after === null) continue;
    const { listenPort } = after as TunnelSpec;
    if (listenPort !== 0 && listenPort !== (before as TunnelSpec | null)?.listenPort) ports.add(listenPort);
  }
  return ports;
}

/** A policy changes by way of what both old and new allow, unless that is one of the two or nothing else changes. */
function cutPolicy(
  change: Change,
  between: (before: Spec | null, after: Spec | null) => Spec | null,
  alone: boolean,
): readonly SlottedStep[] {
  const { before, after } = change;
  if (after === null) return [slotted("firewallLast", change)];
  const middle = alone ? after : between(before, after);
  if (middle === null || sameData(middle, after)) return [slotted("firewallFirst", change)];
  if (sameData(middle, before)) return [slotted("firewallLast", change)];
  const reason = "hold to what old and new both allow while routes change";
  return [
    slotted("firewallFirst", {
      ...change,
      action: before === null ? "create" : "update",
      after: middle,
      changes: [],
      reason,
    }),
    slotted("firewallLast", { ...change, action: "update", before: middle }),
  ];
}

/** A replacement in another place is built before the old one goes; in the same place the driver swaps them. */
function cutReplace(change: Change, before: Spec): readonly SlottedStep[] {
  const { kind, after, reason } = change;
  if (after === null || placeOf(kind, before) === placeOf(kind, after)) return [slotted(slotOf(change), change)];
  const away: Change = { ...change, action: "delete", after: null, changes: [], reason };
  return [
    slotted(kind === "tunnel" ? "vacate" : slotOf(away), away),
    slotted(slotOf({ ...change, action: "create" }), { ...change, action: "create", before: null }),
  ];
}

/** Takes what stands on a device off it before the device is remade, or its port taken, and puts the desired form on it. */
function vacateAndReturn(change: Change, leave: string): readonly SlottedStep[] {
  const { kind, before, after } = change;
  if (kind === "tunnel") {
    const away = slotted("vacate", { ...change, action: "delete", after: null, changes: [], reason: leave });
    if (after === null) return [away];
    return [away, slotted("tunnel", { ...change, action: "create", before: null })];
  }
  const drained = { ...(before as RoutesSpec), destinations: [] } satisfies RoutesSpec;
  const rest: Change = { ...change, before: drained };
  return [
    slotted("vacate", { ...change, action: "update", after: drained, changes: [], reason: leave }),
    ...(change.action === "replace" ? cutReplace(rest, drained) : [slotted(slotOf(rest), rest)]),
  ];
}

function standsOn(kind: ResourceKind, spec: Spec, devices: ReadonlySet<string>): boolean {
  if (devices.size === 0 || (kind !== "tunnel" && kind !== "routes")) return false;
  const device = deviceOf(kind, spec);
  return device !== undefined && devices.has(device);
}

function slotOf(change: Change): SlotName {
  const { kind, action, before, after } = change;
  const holdsRules = kind === "routes" && (hasRules(before) || hasRules(after));
  if (action === "delete") return holdsRules ? "rulesAway" : BACKWARD[kind];
  return holdsRules ? "rules" : FORWARD[kind];
}

function hasRules(spec: Spec | null): boolean {
  return spec !== null && (spec as RoutesSpec).rules.length > 0;
}

function slotted(name: SlotName, change: Change): SlottedStep {
  const { kind, key, action, before, after, reason } = change;
  const changes: readonly FieldChange[] = change.changes;
  const { phase, slot } = SLOTS[name];
  return { slot, step: { kind, key, action, phase, before, after, changes, reason } as Step };
}
