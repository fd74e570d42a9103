import type { Host } from "../../host/ports/host.ts";
import { isClaim, type Plan, stepsOf } from "../../model/plan.ts";
import type { DesiredState } from "../../model/resource.ts";
import { readOpenTransaction } from "../../reconciler/apply/record.ts";
import type { Stores } from "../../reconciler/apply/stores.ts";

/**
 * Devices whose engines may have left something: those of the accepted state; before a destroy, which nothing follows that
 * would remember them, of every kept generation and of an open transaction too. Reads only; a generation that cannot be read
 * names none.
 */
export async function devicesNamed({ generations, journal }: Stores, verb: string): Promise<readonly string[]> {
  if (verb !== "destroy") return devicesOf((await generations.latest())?.desired);
  const devices = new Set<string>();
  for (const number of await generations.numbers()) {
    const generation = await generations.read(number).catch(() => undefined);
    for (const device of devicesOf(generation?.desired)) devices.add(device);
  }
  for (const { batch } of (await readOpenTransaction(journal))?.batches ?? []) {
    for (const step of batch.steps) {
      if (step.kind !== "tunnel" || isClaim(step)) continue;
      for (const spec of [step.before, step.after]) if (spec !== null) devices.add(spec.device);
    }
  }
  return [...devices];
}

/**
 * Removes what engines left that died together with their device: such a tunnel is not observed any more, so that no step
 * of the plan takes it away with the state that named it. What cannot be removed is left; nothing depends on it.
 */
export async function removeDeadEngines(
  { engines }: Host,
  before: readonly string[],
  after: DesiredState,
  plan: Plan,
): Promise<void> {
  const kept = new Set(devicesOf(after));
  for (const step of stepsOf(plan)) if (step.kind === "tunnel" && !isClaim(step)) kept.add(step.before?.device ?? "");
  for (const device of before.filter((one) => !kept.has(one))) await engines.remove(device).catch(() => {});
}

function devicesOf(state: DesiredState | undefined): string[] {
  return (state?.resources ?? []).flatMap((resource) => (resource.kind === "tunnel" ? [resource.spec.device] : []));
}
