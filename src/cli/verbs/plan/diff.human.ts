import type { Planned } from "../../../app/plan/planned.ts";
import { isInSync, type Plan, type Step, stepsOf } from "../../../model/plan.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import type { Style } from "../../views/style.ts";
import { renderStep } from "./plan.human.ts";

/** One entry a resource: a flip changes the firewall twice, which is order and not a difference. */
function differences(plan: Plan): readonly Step[] {
  const byKey = new Map<string, Step>();
  for (const step of stepsOf(plan)) byKey.set(step.key, step);
  return [...byKey.values()];
}

/** The differences as people read them. */
export function renderDiff(plan: Plan, style: Style): string {
  return renderDifferences(differences(plan), style);
}

/** The same for two generations. */
export function renderDifferences(
  steps: readonly Pick<Step, "key" | "action" | "changes" | "reason">[],
  style: Style,
): string {
  return steps.flatMap((step) => renderStep(step, style)).join("\n");
}

/** Two generations as one JSON document. */
export function differencesDocument(
  from: number,
  to: number,
  steps: readonly Pick<Step, "key" | "action" | "changes" | "reason">[],
): DocumentOf<"diff-generations"> {
  return { format_version: "1", from, to, inSync: steps.length === 0, differences: steps };
}

/** The differences as one JSON document. */
export function diffDocument({ plan, configHash }: Planned): DocumentOf<"diff"> {
  return {
    format_version: "1",
    configHash: configHash,
    inSync: isInSync(plan),
    differences: differences(plan).map(({ key, action, changes, reason }) => ({ key, action, changes, reason })),
  };
}
