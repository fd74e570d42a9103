import type { FieldChange, ResourceKey, ResourceKind, Spec } from "./resource.ts";

/**
 * What a step does to a resource; `adopt` takes over an existing object, `forget` stops managing one and leaves it.
 * Without changes both only claim or release a ledger entry.
 */
export type Action = "create" | "update" | "delete" | "replace" | "adopt" | "forget";

/** Steps run in this order: additions that nothing uses yet, the change of routes and policy, removal of the old. */
export type Phase = "prepare" | "flip" | "retire";

/** One change as data. Its inverse swaps before and after, create and delete. */
export type StepOf<K extends ResourceKind> = {
  readonly kind: K;
  readonly key: ResourceKey<K>;
  readonly action: Action;
  readonly phase: Phase;
  readonly before: Spec<K> | null;
  readonly after: Spec<K> | null;
  readonly changes: readonly FieldChange[];
  /** For people; nothing may branch on it. */
  readonly reason: string;
};
export type Step = { [K in ResourceKind]: StepOf<K> }[ResourceKind];

/** Steps of one kind that are applied in one call and journalled as one record. */
export interface Batch {
  readonly kind: ResourceKind;
  readonly phase: Phase;
  readonly steps: readonly Step[];
}

/** The ordered steps from the observed to the desired state. */
export interface Plan {
  readonly batches: readonly Batch[];
  /** Desired keys that are in sync. */
  readonly unchanged: readonly ResourceKey[];
}

const INVERSE_ACTION: Readonly<Record<Action, Action>> = {
  create: "delete",
  update: "update",
  delete: "create",
  replace: "replace",
  adopt: "forget",
  forget: "adopt",
};

/** Whether a step changes only the ledger: it claims or releases an object that stays as it is. */
export function isClaim({ action, changes }: Pick<Step, "action" | "changes">): boolean {
  return (action === "adopt" || action === "forget") && changes.length === 0;
}

/** The step that undoes a step. */
export function inverseStep(step: Step): Step {
  return {
    ...step,
    action: INVERSE_ACTION[step.action],
    before: step.after,
    after: step.before,
    changes: step.changes.map(inverseChange),
    reason: `undo: ${step.reason}`,
  } as Step;
}

/** A field's change, reversed. */
export function inverseChange(change: FieldChange): FieldChange {
  const { before, after, added, removed, ...rest } = change;
  return {
    ...rest,
    ...(after === undefined ? {} : { before: after }),
    ...(before === undefined ? {} : { after: before }),
    ...(removed === undefined ? {} : { added: removed }),
    ...(added === undefined ? {} : { removed: added }),
  };
}

/** All steps of a plan in the order they run. */
export function stepsOf(plan: Plan): readonly Step[] {
  return plan.batches.flatMap((batch) => batch.steps);
}

/** Whether there is nothing to do. */
export function isInSync(plan: Plan): boolean {
  return plan.batches.length === 0;
}
