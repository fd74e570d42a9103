import { sameData } from "../../../model/canonical.ts";
import { isClaim, type Phase, type Step } from "../../../model/plan.ts";
import type { FieldChange, ResourceKey, ResourceKind, Spec } from "../../../model/resource.ts";
import type { RoutesSpec } from "../../../model/resources/routes.ts";
import type { TunnelSpec } from "../../../model/resources/tunnel.ts";
import type { DriverRegistry } from "../../../resources/driver.ts";
import type { Change } from "../change.ts";
import { driverOf, isPolicy } from "../observation.ts";
import { deviceOf, placeOf } from "../place.ts";
import { givesUp, wantedDestinations } from "./shared-table.ts";
import { cutLeftovers, cutTakeover, takenDevices } from "./takeover.ts";

/** A step with its place in the order: lower slots run first; see SLOTS. */
export interface SlottedStep {
  readonly slot: number;
  readonly step: Step;
}

/**
 * The order of all steps:
 * - The strictest firewall is loaded before the first route changes and stays until after the last.
 * - A table is complete before a rule points at it. No rule points at it when it is removed.
 * - Routes and engines leave a device before the device is recreated.
 * - Adoptions are first, so the journal records them as part of the old state.
 * - A device with another program's engine is taken over before the firewall, which would block an engine without our
 * mark. What that program set up around the device is removed once no packet needs it.
 * - Sockets get classes behind the first packet filter, and lose them before the last one goes: the filter is what is left
 * at both ends, also of a rollback. A socket without a class goes by the strictest path.
 * - Services are started last and stopped first: a running daemon would restore what is removed.
 */
const SLOTS = {
  adopt: { phase: "prepare", slot: 0 },
  autostartAway: { phase: "prepare", slot: 1 },
  serviceAway: { phase: "prepare", slot: 2 },
  engineRule: { phase: "prepare", slot: 3 },
  linkTaken: { phase: "prepare", slot: 4 },
  tunnelTaken: { phase: "prepare", slot: 5 },
  firewallFirst: { phase: "prepare", slot: 6 },
  classifier: { phase: "prepare", slot: 7 },
  vacate: { phase: "prepare", slot: 8 },
  sysctl: { phase: "prepare", slot: 9 },
  link: { phase: "prepare", slot: 10 },
  tunnel: { phase: "prepare", slot: 11 },
  tables: { phase: "prepare", slot: 12 },
  rules: { phase: "flip", slot: 13 },
  resolver: { phase: "flip", slot: 14 },
  resolverBack: { phase: "flip", slot: 15 },
  rulesAway: { phase: "flip", slot: 16 },
  leftoversAway: { phase: "retire", slot: 17 },
  tablesAway: { phase: "retire", slot: 18 },
  tunnelAway: { phase: "retire", slot: 19 },
  linkAway: { phase: "retire", slot: 20 },
  sysctlBack: { phase: "retire", slot: 21 },
  classifierAway: { phase: "retire", slot: 22 },
  firewallLast: { phase: "retire", slot: 23 },
  extension: { phase: "retire", slot: 24 },
  service: { phase: "retire", slot: 25 },
  autostart: { phase: "retire", slot: 26 },
  forget: { phase: "retire", slot: 27 },
} as const satisfies Record<string, { phase: Phase; slot: number }>;

type SlotName = keyof typeof SLOTS;

const FORWARD: { readonly [K in ResourceKind]: SlotName } = {
  firewall: "firewallFirst",
  classifier: "classifier",
  sysctl: "sysctl",
  link: "link",
  tunnel: "tunnel",
  proxy: "tunnel",
  routes: "tables",
  resolver: "resolver",
  service: "service",
  autostart: "autostart",
  "system-extension": "extension",
};

const BACKWARD: { readonly [K in ResourceKind]: SlotName } = {
  firewall: "firewallLast",
  classifier: "classifierAway",
  sysctl: "sysctlBack",
  link: "linkAway",
  tunnel: "tunnelAway",
  proxy: "tunnelAway",
  routes: "tablesAway",
  resolver: "resolverBack",
  service: "serviceAway",
  autostart: "autostartAway",
  "system-extension": "extension",
};

/** A resource in sync that is desired; it may be removed for a moment while its device is recreated. */
export interface InSync {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly spec: Spec;
}

/** Cuts changes into steps with their slots. Pure. `inSync` are resources that need no change of their own. */
export function cutSteps(
  changes: readonly Change[],
  inSync: readonly InSync[],
  registry: DriverRegistry,
): readonly SlottedStep[] {
  const remade = new Set(changes.filter(isRemade).flatMap((change) => deviceOf("link", change.before as Spec) ?? []));
  const context: Context = {
    registry,
    remade,
    alone: changes.every((change) => isPolicy(driverOf(registry, change.kind)) || isClaim(change)),
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

const RETURN = "restore on the recreated device";
const REMADE = "remove while the device is recreated";
const PORT = "remove first: another tunnel takes its port";

interface Context {
  readonly registry: DriverRegistry;
  /** Names of devices that this plan deletes and creates again. */
  readonly remade: ReadonlySet<string>;
  /** Only the policy changes. */
  readonly alone: boolean;
  /** Keys that are created, possibly in another place than the one they are deleted from. */
  readonly created: ReadonlySet<ResourceKey>;
  /** Names of devices taken over from another program; its engine keeps running. */
  readonly taken: ReadonlySet<string>;
  /** macOS only: destinations that resources need in the shared table. */
  readonly wanted: ReadonlySet<string>;
  /** UDP ports that move from one engine to another. */
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
  if (isPolicy(driver)) return cutPolicy(change, driver.between.bind(driver), alone);
  // Two engines of one tunnel would compete for its port and its peers: the old one is stopped first.
  if (kind === "tunnel" && action === "delete" && created.has(key)) return [slotted("vacate", change)];
  if (handsOnPort(change, context.ports)) return vacateAndReturn(change, PORT);
  if (action === "replace" && after !== null && before !== null) return cutReplace(change, before);
  return [slotted(slotOf(change), change)];
}

/** Whether an engine must release its port to another one. Two sockets cannot share a port. */
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

/**
 * A policy changes through an intermediate one that old and new both allow. It is skipped if it equals either, or if
 * nothing else changes.
 */
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
  const reason = "during the change: only what both policies allow";
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

/** A replacement in another place is created before the old one is removed; in the same place the driver swaps them. */
function cutReplace(change: Change, before: Spec): readonly SlottedStep[] {
  const { kind, after, reason } = change;
  if (after === null || placeOf(kind, before) === placeOf(kind, after)) return [slotted(slotOf(change), change)];
  const away: Change = { ...change, action: "delete", after: null, changes: [], reason };
  return [
    slotted(kind === "tunnel" ? "vacate" : slotOf(away), away),
    slotted(slotOf({ ...change, action: "create" }), { ...change, action: "create", before: null }),
  ];
}

/** Removes what uses a device or port before that is recreated or moved, and creates the desired form afterwards. */
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
