import type { Host } from "../../host/ports/host.ts";
import { isClaim, type Plan, stepsOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import { type OpenTransaction, readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import type { Stores } from "../../reconciler/journal/stores.ts";

/**
 * Devices where an engine may have left something: those of the accepted state. Before a destroy, also those of every
 * kept generation and of an open transaction, since no later run knows them. A retained device is left out, under any
 * name. Reads only; an unreadable generation names none.
 */
export async function devicesNamed(
  { generations, journal }: Stores,
  verb: string,
  retain: readonly ResourceKey[] = [],
): Promise<readonly string[]> {
  const states = verb === "destroy" ? await readAll(generations) : [await generations.latest()];
  const named = states.flatMap((generation) => tunnelsOf(generation?.desired));
  if (verb === "destroy") named.push(...tunnelsOfOpen(await readOpenTransaction(journal)));
  const retained = new Set(named.filter(({ key }) => retain.includes(key)).map(({ device }) => device));
  return [...new Set(named.map(({ device }) => device))].filter((device) => !retained.has(device));
}

async function readAll(generations: Stores["generations"]): Promise<readonly (Generation | undefined)[]> {
  const numbers = await generations.numbers();
  return Promise.all(numbers.map((number) => generations.read(number).catch(() => undefined)));
}

/**
 * Removes the remains of engines that died with their device. Such a tunnel is not observed any more, so no step of the
 * plan removes it. A remain that cannot be removed is left; nothing depends on it.
 */
export async function removeDeadEngines(
  { engines }: Host,
  before: readonly string[],
  after: DesiredState,
  plan: Plan,
): Promise<void> {
  const kept = new Set(tunnelsOf(after).map(({ device }) => device));
  for (const step of stepsOf(plan)) if (step.kind === "tunnel" && !isClaim(step)) kept.add(step.before?.device ?? "");
  for (const device of before.filter((one) => !kept.has(one))) await engines.remove(device).catch(() => {});
}

interface NamedTunnel {
  readonly key: ResourceKey;
  readonly device: string;
}

function tunnelsOf(state: DesiredState | undefined): NamedTunnel[] {
  return (state?.resources ?? []).flatMap((resource) =>
    resource.kind === "tunnel" ? [{ key: resource.key, device: resource.spec.device }] : [],
  );
}

function tunnelsOfOpen(open: OpenTransaction | undefined): NamedTunnel[] {
  const steps = (open?.batches ?? []).flatMap(({ batch }) => batch.steps);
  return steps.flatMap((step) =>
    step.kind !== "tunnel" || isClaim(step)
      ? []
      : [step.before, step.after].flatMap((spec) => (spec === null ? [] : [{ key: step.key, device: spec.device }])),
  );
}
