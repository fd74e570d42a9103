import { type Plan, type Step, stepsOf } from "../../model/plan.ts";
import type { PolicyRule, RoutesSpec } from "../../model/resources/routes.ts";
import type { VerifyFinding } from "../finding.ts";

/**
 * Errors in the order of a plan's steps that affect all packets.
 *
 * The filter is removed before it is loaded again, a table is removed before its rules, or a rule is added before its
 * table. Pure.
 */
export function orderFindings(plan: Plan): readonly VerifyFinding[] {
  const steps = stepsOf(plan);
  return steps.flatMap((step, index) => {
    const later = steps.slice(index + 1);
    return [...gap(step, later), ...tableGone(step, later), ...tableMissing(step, later)];
  });
}

function gap(step: Step, later: readonly Step[]): VerifyFinding[] {
  if (step.kind !== "firewall" || step.after !== null) return [];
  if (!later.some(({ kind }) => kind === "firewall")) return [];
  const message = "the packet filter is removed and loaded again: in between no policy is loaded";
  return [{ kind: "leak", message, rules: [] }];
}

function tableGone(step: Step, later: readonly Step[]): VerifyFinding[] {
  const table = tableOf(step, "before");
  if (step.action !== "delete" || table === undefined) return [];
  const isReferenced = later.some((other) => rulesOf(other, "before").some((rule) => rule.table === table));
  if (!isReferenced) return [];
  const message = `table ${table} goes while policy rules still lead to it: their packets fall through to the main table`;
  return [{ kind: "misroute", message, rules: [] }];
}

function tableMissing(step: Step, later: readonly Step[]): VerifyFinding[] {
  const standing = new Set(rulesOf(step, "before").map(({ table }) => table));
  const added = new Set(rulesOf(step, "after").flatMap(({ table }) => (standing.has(table) ? [] : table)));
  const missing = later.flatMap((other) => {
    const table = other.action === "create" ? tableOf(other, "after") : undefined;
    return table !== undefined && added.has(table) ? [table] : [];
  });
  return missing.map((table) => {
    const message = `policy rules lead to table ${table} before it exists: their packets fall through to the main table`;
    return { kind: "misroute", message, rules: [] };
  });
}

/** The table that a step creates or removes. A table with policy rules beside it belongs to no tunnel. */
function tableOf({ kind, before, after }: Step, side: "before" | "after"): number | undefined {
  if (kind !== "routes") return undefined;
  const spec = (side === "before" ? before : after) as RoutesSpec | null;
  return spec === null || spec.rules.length > 0 ? undefined : spec.table;
}

function rulesOf({ kind, before, after }: Step, side: "before" | "after"): readonly PolicyRule[] {
  if (kind !== "routes") return [];
  return ((side === "before" ? before : after) as RoutesSpec | null)?.rules ?? [];
}
