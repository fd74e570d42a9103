import { type Batch, isClaim, type Step } from "../../model/plan.ts";
import { driverOf } from "../plan/observation.ts";
import type { ApplyDeps, StopSignal } from "./outcome.ts";

/** Thrown between two batches after a signal. */
export class Interrupted extends Error {
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super(`interrupted by ${signal}`);
    this.name = "Interrupted";
    this.signal = signal;
  }
}

/** Throws Interrupted after a signal. */
export async function stopIfAsked({ shouldStop }: Pick<ApplyDeps, "shouldStop">): Promise<void> {
  const signal = await shouldStop?.();
  if (signal !== undefined) throw new Interrupted(signal);
}

/** Runs batches in order, numbered from `firstIndex`; each is journalled before it changes the host. */
export async function runBatches(deps: ApplyDeps, batches: readonly Batch[], firstIndex: number): Promise<void> {
  const { journal } = deps.stores;
  const total = batches.length;
  for (const [offset, batch] of batches.entries()) {
    await stopIfAsked(deps);
    const index = firstIndex + offset;
    await journal.append({ type: "batch", index, batch });
    deps.progress?.({ type: "batch-start", index: offset, total, batch });
    await performSteps(deps, batch.steps);
    await journal.append({ type: "done", index });
    deps.progress?.({ type: "batch-done", index: offset, total, batch });
  }
}

/** Lets the driver perform steps of one kind; steps that only claim a ledger entry change nothing on the host. */
export async function performSteps(deps: Pick<ApplyDeps, "host" | "registry">, steps: readonly Step[]): Promise<void> {
  const acting = steps.filter((step) => !isClaim(step));
  const kind = acting[0]?.kind;
  if (kind !== undefined) await driverOf(deps.registry, kind).apply(deps.host, acting);
}
