import { AwgError } from "../../../model/error.ts";
import type { Batch, Step } from "../../../model/plan.ts";
import type { ResourceKey } from "../../../model/resource.ts";
import { tunnelOfDevice } from "../../../model/resources/tunnel-key.ts";
import type { DriverRegistry } from "../../../resources/driver.ts";
import { driverOf } from "../observation.ts";
import type { SlottedStep } from "./cut-steps.ts";

/**
 * Orders steps by slot. Within a phase a dependency is created before its dependents and removed after them; ties by
 * key. Joins neighbours of one kind and slot into batches. Pure; AwgError bug if dependencies form a circle.
 */
export function orderBatches(steps: readonly SlottedStep[], registry: DriverRegistry): readonly Batch[] {
  const sorted = [...steps].sort((a, b) => a.slot - b.slot || compareText(a.step.key, b.step.key));
  const batches: { kind: Batch["kind"]; phase: Batch["phase"]; slot: number; steps: Step[] }[] = [];
  for (const phase of ["prepare", "flip", "retire"] as const) {
    const ofPhase = sorted.filter(({ step }) => step.phase === phase);
    for (const { slot, step } of byDependency(ofPhase, registry)) {
      const last = batches.at(-1);
      if (last !== undefined && last.phase === phase && last.kind === step.kind && last.slot === slot)
        last.steps.push(step);
      else batches.push({ kind: step.kind, phase, slot, steps: [step] });
    }
  }
  return batches.map(({ kind, phase, steps: ofBatch }) => ({ kind, phase, steps: ofBatch }));
}

/** Kahn's algorithm that always takes the earliest step without an open prerequisite. */
function byDependency(steps: readonly SlottedStep[], registry: DriverRegistry): readonly SlottedStep[] {
  const waitingFor = prerequisites(steps, registry);
  const ordered: SlottedStep[] = [];
  const open = new Set(steps);
  while (open.size > 0) {
    const next = [...open].find((step) => ![...(waitingFor.get(step) ?? [])].some((other) => open.has(other)));
    if (next === undefined) {
      const keys = [...open].map(({ step }) => step.key);
      throw new AwgError("bug", `the resources ${keys.join(", ")} form a dependency cycle`);
    }
    open.delete(next);
    ordered.push(next);
  }
  return ordered;
}

function prerequisites(
  steps: readonly SlottedStep[],
  registry: DriverRegistry,
): ReadonlyMap<SlottedStep, ReadonlySet<SlottedStep>> {
  const builds = new Map<ResourceKey, SlottedStep[]>();
  const removes = new Map<ResourceKey, SlottedStep[]>();
  for (const slotted of steps) {
    const group = slotted.step.action === "delete" ? removes : builds;
    group.set(slotted.step.key, [...(group.get(slotted.step.key) ?? []), slotted]);
  }
  const links = linksByUsualKey(steps);
  const result = new Map<SlottedStep, Set<SlottedStep>>(steps.map((step) => [step, new Set()]));
  for (const slotted of steps) {
    const { step } = slotted;
    const spec = step.action === "delete" ? step.before : step.after;
    if (spec === null) continue;
    for (const usual of driverOf(registry, step.kind).dependsOn?.(spec) ?? []) {
      const needed = links.get(usual) ?? usual;
      if (step.action === "delete") for (const other of removes.get(needed) ?? []) result.get(other)?.add(slotted);
      // A step that clears a device before its dependency is recreated has an earlier slot, and stays before it.
      else
        for (const other of builds.get(needed) ?? []) if (other.slot <= slotted.slot) result.get(slotted)?.add(other);
    }
  }
  return result;
}

/** A driver names the link it needs after the device; a renamed tunnel keeps the device of its old name. */
function linksByUsualKey(steps: readonly SlottedStep[]): ReadonlyMap<ResourceKey, ResourceKey> {
  return new Map(
    steps.flatMap(({ step }) => {
      const device = step.kind === "link" ? (step.after ?? step.before)?.device : undefined;
      return device === undefined ? [] : [[`link/${tunnelOfDevice(device)}`, step.key] as const];
    }),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
