import type { Action, Plan, Step } from "../../../model/plan.ts";
import { stepsOf } from "../../../model/plan.ts";
import type { FieldChange, Resource, Spec } from "../../../model/resource.ts";
import { changeLines } from "../../views/resource/field-change.ts";
import { visibleChanges } from "../../views/resource/policy-values.ts";
import { specLines } from "../../views/resource/spec-lines.ts";
import { tunnelNames, withTunnelNames } from "../../views/resource/tunnel-names.ts";
import type { Style } from "../../views/style.ts";
import { isOfManyRules, policyRuleLines, policyRulesText, type TableNames, tableNames } from "./policy-rule-lines.ts";

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

/** A step as views need it; without its specs only its changes are shown. */
export type ShownStep = Pick<Step, "key" | "action" | "changes" | "reason"> & Partial<Pick<Step, "before" | "after">>;

export interface StepOptions {
  /** Lists are shown whole. */
  readonly isVerbose?: boolean;
  /** Resources of the new state, for the names of their tables. */
  readonly resources?: readonly Resource[];
}

/** The plan as people read it: one line a step with its reason, its values below, and the two closing lines. */
export function renderPlan(plan: Plan, traffic: TrafficSentence, style: Style, options: StepOptions = {}): string {
  const steps = stepsOf(plan);
  if (steps.length === 0) return "No changes. The host is as the config says.";
  return [...renderSteps(steps, style, options), "", summaryLine(plan), `Traffic: ${traffic}`].join("\n");
}

/** Steps with their values, in their order. */
export function renderSteps(steps: readonly ShownStep[], style: Style, options: StepOptions = {}): readonly string[] {
  const resources = options.resources ?? [];
  const tables = tableNames(resources, steps);
  const names = tunnelNames(resources, steps);
  return steps.flatMap((step) => {
    const shown = step.key.startsWith("firewall/") ? withTunnelNames(step, names) : step;
    return renderStep(shown, style, { ...options, tables });
  });
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

function renderStep(
  step: ShownStep,
  style: Style,
  { isVerbose = false, tables }: StepOptions & { readonly tables: TableNames },
): readonly string[] {
  const symbol = SYMBOL[step.action].padStart(3);
  const head = `${paintOf(step.action, style)(symbol)} ${style.bold(step.key)}${style.dim(`  # ${step.reason}`)}`;
  if (step.action === "create" || step.action === "delete")
    return [head, ...wholeLines(step, isVerbose).map((line) => `      ${line}`)];
  const fields = visibleChanges(step.changes).flatMap((change) => {
    const [first = "", ...more] = fieldLines(change, step, style, { isVerbose, tables });
    const mark = change.drift === true ? style.yellow("≠") : " ";
    return [`    ${mark} ${first}`, ...more.map((line) => `      ${line}`)];
  });
  return [head, ...fields];
}

/** What comes or goes; for a setting, the values that return. */
function wholeLines({ key, action, before = null, after = null }: ShownStep, isVerbose: boolean): readonly string[] {
  const kind = key.slice(0, key.indexOf("/")) as Resource["kind"];
  const linesOf = (spec: Spec | null) => (spec === null ? [] : specLines({ kind, spec } as Resource, isVerbose));
  if (action === "create") return linesOf(after);
  if (after === null || before === null || !("values" in before && "values" in after)) return linesOf(before);
  return Object.entries(after.values).map(([name, value]) => `${name}: ${before.values[name] ?? "(none)"} → ${value}`);
}

function fieldLines(
  change: FieldChange,
  { before = null, after = null }: ShownStep,
  style: Style,
  { isVerbose, tables }: { readonly isVerbose: boolean; readonly tables: TableNames },
): readonly string[] {
  const isRoutes = [before, after].every((spec) => spec !== null && "guards" in spec);
  if (!isRoutes || !isOfManyRules(change)) {
    return changeLines(change, style, "plan", isVerbose ? Number.POSITIVE_INFINITY : undefined);
  }
  const routes = { before, after } as Parameters<typeof policyRulesText>[0];
  if (isVerbose) return [policyRulesText(routes, tables), ...policyRuleLines(routes).map((line) => `  ${line}`)];
  return [`${policyRulesText(routes, tables)}; --verbose lists them`];
}

function paintOf(action: Action, style: Style): (text: string) => string {
  if (action === "create" || action === "adopt") return style.green;
  return action === "delete" ? style.red : style.yellow;
}
