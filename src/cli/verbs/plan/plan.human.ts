import type { Action, Plan, Step } from "../../../model/plan.ts";
import { stepsOf } from "../../../model/plan.ts";
import { changeLines } from "../../views/field-change.ts";
import { visibleChanges } from "../../views/policy-values.ts";
import type { Style } from "../../views/style.ts";

const SYMBOL: Readonly<Record<Action, string>> = {
  create: "+",
  update: "~",
  delete: "-",
  replace: "-/+",
  adopt: "@",
  forget: ".",
};

/** What happens to traffic, in one sentence; derived from the steps. */
export type TrafficSentence = string;

/** The plan as people read it: one line a step with its reason, the fields below, and the two closing lines. */
export function renderPlan(plan: Plan, traffic: TrafficSentence, style: Style): string {
  const steps = stepsOf(plan);
  if (steps.length === 0) return "No changes. The host is as the config says.";
  return [...steps.flatMap((step) => renderStep(step, style)), "", summaryLine(plan), `Traffic: ${traffic}`].join("\n");
}

/** "Plan: 3 to add, 1 to change, 0 to destroy." The layered policy of a flip and the final one count once. */
export function summaryLine(plan: Plan): string {
  const byKey = new Map<string, Action>();
  for (const { key, action } of stepsOf(plan)) byKey.set(key, joinActions(byKey.get(key), action));
  const count = (...actions: readonly Action[]): number =>
    [...byKey.values()].filter((one) => actions.includes(one)).length;
  const adopted = count("adopt", "forget");
  const tail = adopted > 0 ? `, ${adopted} to adopt or forget` : "";
  return `Plan: ${count("create")} to add, ${count("update", "replace")} to change, ${count("delete")} to destroy${tail}.`;
}

function joinActions(first: Action | undefined, second: Action): Action {
  if (first === undefined || first === second) return second;
  if (first === "create" || second === "delete")
    return first === "create" && second === "delete" ? "update" : first === "create" ? "create" : "delete";
  return "update";
}

/** One step and its fields. */
export function renderStep(step: Pick<Step, "key" | "action" | "changes" | "reason">, style: Style): readonly string[] {
  const paint = paintOf(step.action, style);
  const symbol = SYMBOL[step.action].padStart(3);
  const head = `${paint(symbol)} ${style.bold(step.key)}${style.dim(`  # ${step.reason}`)}`;
  if (step.action === "create" || step.action === "delete") return [head];
  const fields = visibleChanges(step.changes).flatMap((change) => {
    const [first = "", ...more] = changeLines(change, style);
    const mark = change.drift === true ? style.yellow("≠") : " ";
    return [`    ${mark} ${first}`, ...more.map((line) => `      ${line}`)];
  });
  return [head, ...fields];
}

function paintOf(action: Action, style: Style): (text: string) => string {
  if (action === "create" || action === "adopt") return style.green;
  return action === "delete" ? style.red : style.yellow;
}
