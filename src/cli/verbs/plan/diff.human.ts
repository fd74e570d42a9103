import type { GenerationDifference } from "../../../app/history/compare.ts";
import type { Planned } from "../../../app/plan/planned.ts";
import { isInSync, type Plan, type Step, stepsOf } from "../../../model/plan.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { withoutSecrets } from "../../views/resource/without-secrets.ts";
import type { Style } from "../../views/style.ts";
import { renderSteps, type ShownStep, type StepOptions } from "./plan.human.ts";

/** One entry a resource: a flip changes the firewall twice, which is order and not a difference. */
function differences(plan: Plan): readonly Step[] {
  const byKey = new Map<string, Step>();
  for (const step of stepsOf(plan)) byKey.set(step.key, step);
  return [...byKey.values()];
}

/** The differences as people read them. */
export function renderDiff({ plan, desired }: Planned, style: Style, options: StepOptions): string {
  return renderDifferences(differences(plan), style, { resources: desired.resources, ...options });
}

/** The same for two generations. */
export function renderDifferences(steps: readonly ShownStep[], style: Style, options: StepOptions): string {
  return renderSteps(steps, style, options).join("\n");
}

/** Two generations as one JSON document. */
export function differencesDocument(
  from: number,
  to: number,
  steps: readonly GenerationDifference[],
): DocumentOf<"diff-generations"> {
  return { formatVersion: "1", from, to, inSync: steps.length === 0, differences: steps.map(differenceDocument) };
}

/** The differences as one JSON document. */
export function diffDocument({ plan, configHash }: Planned): DocumentOf<"diff"> {
  return {
    formatVersion: "1",
    configHash: configHash,
    inSync: isInSync(plan),
    differences: differences(plan).map(differenceDocument),
  };
}

function differenceDocument({ key, action, before, after, changes, reason }: GenerationDifference) {
  return { key, action, before: withoutSecrets(before), after: withoutSecrets(after), changes, reason };
}
