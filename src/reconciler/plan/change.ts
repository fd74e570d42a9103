import type { Action } from "../../model/plan.ts";
import type { FieldChange, ResourceKey, ResourceKind, Spec } from "../../model/resource.ts";
import type { Lifecycle } from "../../model/resources/lifecycle.ts";
import type { InterruptedSteps } from "./interrupted-steps.ts";

/** What must happen to one key, before it is cut into ordered steps. */
export interface Change {
  readonly kind: ResourceKind;
  readonly key: ResourceKey;
  readonly action: Action;
  readonly before: Spec | null;
  readonly after: Spec | null;
  readonly changes: readonly FieldChange[];
  readonly reason: string;
}

/** Another program's object is where a desired resource must be (exit 8). */
export interface Conflict {
  readonly key: ResourceKey;
  /** The owner of that object, for people. */
  readonly holder: string;
}

/** What the planner does about one key. */
export type Verdict =
  | { readonly kind: "unchanged" }
  | { readonly kind: "change"; readonly changes: readonly Change[] }
  | { readonly kind: "conflict"; readonly conflict: Conflict };

/** Inputs of a plan besides the desired resources. */
export interface PlanOptions {
  readonly lifecycle: Lifecycle | undefined;
  /** Recreated even if nothing differs. */
  readonly replace: ReadonlySet<ResourceKey>;
  /** Places of all desired resources. */
  readonly places: ReadonlySet<string>;
  /** Steps of an unfinished change by awg: their effects are not attributed to other programs. */
  readonly interrupted: InterruptedSteps;
}

/** The verdict that carries these changes; "unchanged" when there are none. */
export function verdictOf(changes: readonly Change[]): Verdict {
  return changes.length === 0 ? { kind: "unchanged" } : { kind: "change", changes };
}
