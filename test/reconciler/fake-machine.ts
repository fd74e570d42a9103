import type { Host } from "../../src/host/ports/host.ts";
import { canonicalJson, sameData } from "../../src/model/canonical.ts";
import type { FirewallPolicy } from "../../src/model/firewall/policy.ts";
import type { Step } from "../../src/model/plan.ts";
import type { FieldChange, Observed, ResourceKey, ResourceKind, Spec } from "../../src/model/resource.ts";
import { placeOf } from "../../src/reconciler/plan/place.ts";
import type { DriverRegistry } from "../../src/resources/driver.ts";
import { Faults } from "../support/faults.ts";

/** What stands in one place of the fake machine. */
export interface FakeThing {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly spec: Spec;
  readonly owned: boolean;
}

/**
 * The smallest machine the reconciler can run on: places that hold specs. It is strict where the order matters (a route
 * needs its device, a remade device loses its routes and engine), and it judges every write by `onWrite`.
 */
export class FakeMachine {
  readonly places = new Map<string, FakeThing>();
  readonly log: string[] = [];
  faults = new Faults();
  onWrite: (machine: FakeMachine, kind: ResourceKind) => void = () => undefined;
  /** Called after each write; another program's hand. */
  meddle: (machine: FakeMachine) => void = () => undefined;

  /** All places as text; equal exactly when the machines are. */
  print(): string {
    const lines = [...this.places].map(([place, { kind, key, spec, owned }]) => {
      // A routing table carries no name of ours.
      const name = kind === "routes" ? "" : key;
      return `${place} ${name} ${owned} ${canonicalJson(spec)}`;
    });
    return lines.sort().join("\n");
  }

  policy(): FirewallPolicy | null {
    return (this.places.get("firewall policy")?.spec as FirewallPolicy | undefined) ?? null;
  }

  host(): Host {
    const firewall = {
      read: async () => ({ policy: this.policy(), damage: [], held: true, droppedPackets: 0 }),
      load: async () => undefined,
    };
    return { name: "simulated", firewall, [Symbol.asyncDispose]: async () => undefined } as unknown as Host;
  }

  set(thing: FakeThing): void {
    const place = placeOf(thing.kind, thing.spec);
    if (thing.kind === "routes") this.#demandDevice(thing);
    if (thing.kind === "tunnel" && !this.places.has(place.replace("tunnel", "link"))) {
      throw new Error(`${place} needs its device`);
    }
    this.places.set(place, thing);
  }

  remove(place: string): void {
    const gone = this.places.get(place);
    this.places.delete(place);
    if (gone?.kind === "link") this.#loseDevice((gone.spec as { device: string }).device);
  }

  #demandDevice(thing: FakeThing): void {
    const spec = thing.spec as { device?: string; destinations: readonly string[] };
    if (spec.destinations.length > 0 && !this.places.has(`link ${spec.device}`))
      throw new Error(`no device ${spec.device}`);
  }

  /** The kernel takes a device's routes with it, and its engine dies. */
  #loseDevice(device: string): void {
    this.places.delete(`tunnel ${device}`);
    for (const [place, thing] of this.places) {
      if (thing.kind === "routes" && (thing.spec as { device?: string }).device === device) {
        this.places.set(place, { ...thing, spec: { ...thing.spec, destinations: [] } as Spec });
      }
    }
  }
}

type FakeObserved = { readonly thing: FakeThing; readonly foreign?: readonly string[] };

/** Drivers of every kind for a fake machine; `kinds` overrides single methods of one. */
export function fakeRegistry(machine: FakeMachine): DriverRegistry {
  const kinds: readonly ResourceKind[] = ["link", "tunnel", "routes", "firewall", "sysctl", "resolver"];
  return Object.fromEntries(kinds.map((kind) => [kind, fakeDriver(machine, kind)])) as unknown as DriverRegistry;
}

function fakeDriver(machine: FakeMachine, kind: ResourceKind): Record<string, unknown> {
  const driver: Record<string, unknown> = {
    kind,
    observe: async (_host: Host, wanted: ReadonlyMap<ResourceKey, Spec>) => observeFake(machine, kind, wanted),
    diff: (desired: Spec, observed: Observed) => diffFake(desired, thingOf(observed).spec),
    asSpec: (observed: Observed) => thingOf(observed).spec,
    isOwned: (observed: Observed) => thingOf(observed).owned,
    apply: (_host: Host, steps: readonly Step[]) => applyFake(machine, kind, steps),
    dependsOn: (spec: Spec) => dependencies(kind, spec),
    needsReplace: (changes: readonly FieldChange[]) => changes.some(({ field }) => field === "/type"),
  };
  if (kind === "firewall") driver["between"] = betweenFake;
  if (kind === "resolver") driver["survivesReboot"] = true;
  if (kind === "sysctl") Object.assign(driver, SETTINGS);
  return driver;
}

type Values = { readonly values: Readonly<Record<string, string>> };

const SETTINGS = {
  restoring: (wanted: Values | null, original: Values | null): Values | null =>
    wanted === null && original === null ? null : { values: { ...original?.values, ...wanted?.values } },
  remember: (kept: Values | null, before: Values | null, accepted: Values): Values => {
    const known = { ...before?.values, ...kept?.values };
    return { values: Object.fromEntries(Object.entries(known).filter(([name]) => name in accepted.values)) };
  },
};

function observeFake(
  machine: FakeMachine,
  kind: ResourceKind,
  wanted: ReadonlyMap<ResourceKey, Spec>,
): ReadonlyMap<ResourceKey, Observed> {
  machine.faults.alive("observe");
  const found = new Map<ResourceKey, Observed>();
  const put = (key: ResourceKey, thing: FakeThing) =>
    found.set(key, { thing: structuredClone(thing) } as unknown as Observed);
  if (kind !== "sysctl")
    for (const thing of machine.places.values()) if (thing.kind === kind && thing.owned) put(thing.key, thing);
  for (const [key, spec] of wanted) {
    const thing = machine.places.get(placeOf(kind, spec));
    if (thing === undefined) found.delete(key);
    else put(key, kind === "sysctl" ? selectNames(thing, spec as Values) : thing);
  }
  return found;
}

function selectNames(thing: FakeThing, wanted: Values): FakeThing {
  const values = Object.entries((thing.spec as Values).values).filter(([name]) => name in wanted.values);
  return { ...thing, spec: { values: Object.fromEntries(values) } };
}

function thingOf(observed: Observed): FakeThing {
  return (observed as unknown as FakeObserved).thing;
}

function diffFake(desired: Spec, standing: Spec): FieldChange[] {
  const a = desired as unknown as Record<string, unknown>;
  const b = standing as unknown as Record<string, unknown>;
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return fields
    .filter((field) => !sameData(a[field], b[field]))
    .map((field) => ({ field: `/${field}`, before: b[field], after: a[field] }));
}

async function applyFake(machine: FakeMachine, kind: ResourceKind, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    await machine.faults.write(`${step.action} ${step.key}`, () => {
      machine.onWrite(machine, kind);
      machine.log.push(`${step.action} ${step.key}`);
      applyOne(machine, kind, step);
    });
    machine.meddle(machine);
  }
}

function applyOne(machine: FakeMachine, kind: ResourceKind, { key, before, after, action }: Step): void {
  if (kind === "sysctl") {
    const standing = (machine.places.get("sysctl settings")?.spec ?? { values: {} }) as Values;
    const values = { ...standing.values, ...(after as Values | null)?.values };
    machine.set({ kind, key: "sysctl/machine", spec: { values }, owned: false });
    return;
  }
  const oldPlace = before === null ? undefined : placeOf(kind, before);
  if (oldPlace !== undefined && (action === "replace" || after === null || oldPlace !== placeOf(kind, after))) {
    machine.remove(oldPlace);
  }
  if (after !== null) machine.set({ kind, key, spec: after, owned: true });
}

function dependencies(kind: ResourceKind, spec: Spec): ResourceKey[] {
  const device = (spec as { device?: string }).device;
  return kind === "tunnel" && device !== undefined ? [`link/${device.replace("awg-", "")}`] : [];
}

/** Layers of both, without repeats, as the real transition does. */
function betweenFake(before: FirewallPolicy | null, after: FirewallPolicy | null): FirewallPolicy | null {
  if (before === null || after === null) return after ?? before;
  const layers = [...before.layers];
  for (const layer of after.layers) if (!layers.some((known) => sameData(known, layer))) layers.push(layer);
  return { steering: after.steering, layers };
}
